"""« Caisse »: a customer's code is typed, or scanned where the browser can, and used once."""

from dataclasses import dataclass
from typing import Final

from flask import Response, make_response, render_template, request

from blueprints import guards
from blueprints.headers import allow_camera
from blueprints.house import now
from blueprints.pages.language import page_locale
from blueprints.pages.merchant.asking import by_our_form, merchant_here
from blueprints.redeeming import redeem_typed
from blueprints.transactions import transaction
from citylife.errors import Refusal
from citylife.moments import at_words
from citylife.redemptions import Redemption, grouped, read_code
from citylife.wording import Sentence, say

LONGEST: Final = 40
"""Letters of what was typed that are looked at."""
OK: Final = 200


@dataclass(frozen=True, slots=True)
class ShownUse:
    """A code that was used just now: as it is written, for what, where, and when in words."""

    code: str
    title: str
    shop: str
    moment: str


@merchant_here
def read_till() -> Response:
    """Where a code is typed."""
    return _page()


@by_our_form
@merchant_here
@transaction()
def use_code() -> Response:
    """Use a code: valid, once; or why not. The page that answers takes the next one."""
    typed = request.form.get("code", "")[:LONGEST]
    try:
        done = redeem_typed(guards.merchant_id(), typed)
    except Refusal as refusal:
        locale = page_locale()
        said = say(Sentence(refusal.title), locale), say(refusal.detail, locale)
        return _page(refusal.status, problem=said, typed=typed)
    return _page(used=_shown(typed, done))


def _page(
    status: int = OK, *, used: ShownUse | None = None, problem: tuple[str, str] | None = None, typed: str = ""
) -> Response:
    """The page after a code that was used, after one that was not (a title and a sentence), or before any."""
    allow_camera()
    return make_response(render_template("merchant/till.html", used=used, problem=problem, typed=typed), status)


def _shown(typed: str, done: Redemption) -> ShownUse:
    moment = at_words(done.used_at, now=now(), locale=page_locale())
    return ShownUse(grouped(read_code(typed)), done.offer.title, done.shop.name, moment)
