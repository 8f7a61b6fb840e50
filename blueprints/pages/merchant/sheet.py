"""The sheet that an announcement is written on: the form, what was written, its faults, and what it will do."""

import uuid
from collections.abc import Mapping
from typing import Any, Final

from flask import Response, make_response, render_template, request

from blueprints.house import now
from blueprints.pages.citizen.showing import KINDS
from blueprints.pages.language import page_locale
from blueprints.pages.merchant.differing import show_divergence
from blueprints.pages.merchant.foreseeing import foresee_audience, foresee_notification, foresee_prior
from blueprints.pages.merchant.illustrating import chosen_photo
from blueprints.pages.merchant.showing import show_limits, show_shop
from blueprints.pages.merchant.taking_up import Diverged, offer_of
from blueprints.pages.merchant.weekly import LABELS as OF_RHYTHM
from blueprints.pages.merchant.weekly import LASTS, field_of, weekday_names
from blueprints.pages.merchant.writing import DAYS, LABELS, OTHER, Faults, evenings, written_in
from citylife.categories import SELLS_BESIDE
from citylife.database import new_id
from citylife.errors import Refusal, Stale
from citylife.offers import Offer, OfferStatus
from citylife.shops import Shop
from citylife.wording import say

OK: Final = 200
REFUSED: Final = 422


def sheet(
    shop: Shop,
    written: dict[str, str],
    faults: Mapping[str, str] | None = None,
    *,
    status: int = OK,
    correcting: Offer | None = None,
    key: uuid.UUID | None = None,
    **told: Any,
) -> Response:
    """The page of the form; a prior price that the shop announced itself is filled in where none was written.

    `correcting` is the offer that is corrected: its audience was told already, and nothing is foreseen.
    `key` is that of a form which may have been received already; any other form gets a new one.
    """
    locale = page_locale()
    choices = evenings(now(), locale)
    written = dict(written)
    if written["until"] not in {*(value for value, _ in choices), OTHER}:
        written["until"] = OTHER if written["ends_at"] else choices[0][0]
    prior = foresee_prior(shop, written, locale, but=_itself(written))
    suggested = "" if prior is None or written["prior_price"] else prior.written
    written["prior_price"] = written["prior_price"] or suggested
    page = render_template(
        "merchant/posting.html",
        shop=show_shop(shop, locale),
        written=written,
        faults=_at_what_is_seen(faults or {}, written),
        labels=LABELS | OF_RHYTHM,
        no_such_goods=shop.category in SELLS_BESIDE,
        limits=None if correcting else show_limits(shop, now=now()),
        weekdays=weekday_names(locale),
        lasts=LASTS,
        weekly=bool({*(faults or {})} & OF_RHYTHM.keys()) or any(written[day] for day in DAYS),
        evenings=choices,
        kinds=KINDS,
        key=key or new_id(),
        photo=chosen_photo(shop, written["photo_id"]),
        prior=prior,
        suggested=suggested,
        audience=None if correcting else foresee_audience(shop, written, locale),
        notification=None if correcting else foresee_notification(shop, written, locale),
        correcting=correcting,
        fixed=correcting is not None and correcting.status is OfferStatus.LIVE,
        name=f"corriger:{correcting.id}" if correcting else written["draft"] or request.args.get("de", ""),
        again=request.args.get("de"),
        answered=request.method == "POST",
        **told,
    )
    return make_response(page, status)


def refused(shop: Shop, why: Faults | Refusal | Diverged, *, correcting: Offer | None = None) -> Response:
    """The form as it was sent, with what is wrong at its fields; or beside the version that was kept meanwhile."""
    locale, written = page_locale(), written_in(request.form)
    if isinstance(why, Faults):
        return sheet(shop, written, why.said, status=REFUSED, correcting=correcting)
    if isinstance(why, Refusal):
        faults = {field_of(why.pointer): say(why.detail, locale)}
        return sheet(shop, written, faults, status=why.status, correcting=correcting)
    offer = offer_of(shop, str(why.offer_id))
    replaces = correcting is not None or offer.status is OfferStatus.DRAFT
    written |= {"draft": str(offer.id), "version": str(why.expected)}
    divergence = show_divergence(offer, why.mine, locale, replaces=replaces)
    return sheet(shop, written, status=Stale.status, correcting=correcting, divergence=divergence)


def _at_what_is_seen(faults: Mapping[str, str], written: Mapping[str, str]) -> dict[str, str]:
    """A fault of the end stands at the choice that was made of it."""
    chosen = "ends_at" if written["until"] == OTHER else "until"
    return {chosen if name == "ends_at" else name: said for name, said in faults.items()}


def _itself(written: Mapping[str, str]) -> uuid.UUID | None:
    """The offer that is written anew, whose own price is none before."""
    try:
        return uuid.UUID(written["draft"])
    except ValueError:
        return None
