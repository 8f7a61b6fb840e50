"""Letters to shops, on one sheet of A4: the code that proves possession, and « on vous attend » with its QR code."""

import datetime as dt
import io
from collections.abc import Callable
from typing import Final

import segno
from flask import Response, render_template, url_for

from blueprints.house import house, now
from blueprints.storage import db
from citylife.clock import local_date
from citylife.geography import communes
from citylife.moments import date_words
from citylife.shops import Shop, shop_by_slug
from citylife.wording import DEFAULT_LOCALE, Sentence, say

HALF: Final = 4
"""A code is printed as two halves of four characters."""
MARK_KEPT: Final = "public, max-age=86400"


def code_letter(shop: Shop, code: str, *, until: dt.datetime, locale: str) -> str:
    """The letter that carries the code to the shop's address, in the language of who claims it."""
    return render_template(
        "staff/code-letter.html",
        **_letter(shop, locale),
        code=f"{code[:HALF]} {code[HALF:]}",
        until=date_words(local_date(until), locale),
        address=house().settings.base_url,
    )


def demand_letter(shop: Shop, waiting: int) -> str:
    """The letter that tells a shop how many wait for it, and how to claim its page; in French."""
    return render_template(
        "staff/demand-letter.html",
        **_letter(shop, DEFAULT_LOCALE),
        waiting=waiting,
        address=claim_address(shop),
        mark=url_for("staff.read_claim_mark", slug=shop.slug),
    )


def claim_address(shop: Shop) -> str:
    """Where a merchant begins to claim a shop: the page that does it, with this one chosen."""
    return house().settings.base_url + url_for("merchant.read_claim", commerce=shop.slug)


def read_claim_mark(slug: str) -> Response:
    """The QR code of the address where a merchant begins to claim the shop, as an SVG without any style."""
    shop = shop_by_slug(db.session(), slug)
    drawn = io.BytesIO()
    segno.make_qr(claim_address(shop), error="m").save(drawn, kind="svg", xmldecl=False, omitsize=True, light="#ffffff")
    response = Response(drawn.getvalue(), content_type="image/svg+xml")
    response.headers["Cache-Control"] = MARK_KEPT
    response.add_etag()
    return response


def _letter(shop: Shop, locale: str) -> dict[str, object]:
    """What every letter needs: to whom, when, and how it speaks."""

    def spoken(template: str, /, **values: object) -> str:
        return say(Sentence(template, **values), locale)

    speak: Callable[..., str] = spoken
    town = f"{shop.postal_code} {communes()[shop.insee_code].name}".strip()
    return {
        "_": speak,
        "language": locale,
        "shop": shop.name,
        "commune": communes()[shop.insee_code].name,
        "lines": [line for line in (shop.name, shop.street, town) if line],
        "today": date_words(local_date(now()), locale),
    }
