"""« Corriger »: an offer that is live or to come, changed from the page; nobody is told of it a second time."""

import uuid
from dataclasses import fields
from typing import Final

from flask import Response, make_response, redirect, request, url_for

from blueprints import guards
from blueprints.house import now
from blueprints.pages.language import page_locale
from blueprints.pages.merchant.asking import by_our_form, merchant_here
from blueprints.pages.merchant.illustrating import take_along
from blueprints.pages.merchant.sheet import refused, sheet
from blueprints.pages.merchant.shops import shop_page
from blueprints.pages.merchant.taking_up import Diverged, version_in_form
from blueprints.pages.merchant.writing import (
    LONGEST_WORD,
    Faults,
    end_in,
    moment_written,
    read_draft,
    start_in,
    written_in,
    written_whole,
)
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.changes import UNSET
from citylife.errors import Refusal, Stale
from citylife.offers import Offer, OfferChanges, OfferDraft, OfferStatus, correct_offer
from citylife.offers.drafts import OfferClosed, as_kept, draft_of
from citylife.shops import Shop
from citylife.wording import say

NO_VERSION: Final = 0
"""That of no offer, for a form that says none."""


@merchant_here
def read_correction(offer_id: uuid.UUID) -> Response:
    """The form, filled from the offer; of a draft it is the form that keeps it."""
    offer, shop = guards.my_offer(offer_id)
    if offer.status is OfferStatus.DRAFT:
        return make_response(redirect(url_for("merchant.read_form", shop_id=shop.id, de=offer.id), 303))
    if not may_correct(offer):
        return _over(shop)
    return sheet(shop, written_whole(offer, now=now()), correcting=offer)


@by_our_form
@merchant_here
def correct(offer_id: uuid.UUID) -> Response:
    """Do what the button that was pressed says: correct, or go on with what was written here."""
    offer, shop = guards.my_offer(offer_id)
    photo_refused = take_along(shop.id)
    if photo_refused is not None:
        return refused(shop, photo_refused, correcting=offer)
    if request.form.get("wish") == "mine" and may_correct(offer):
        seen = request.form.get("seen", "")[:LONGEST_WORD]
        return sheet(shop, written_in(request.form) | {"draft": str(offer.id), "version": seen}, correcting=offer)
    return _send(offer_id)


def may_correct(offer: Offer) -> bool:
    """Whether it is before the public, or to be."""
    return offer.status in {OfferStatus.LIVE, OfferStatus.SCHEDULED} and offer.ends_at > now()


@transaction()
def _send(offer_id: uuid.UUID) -> Response:
    offer, shop = guards.my_offer(offer_id)
    try:
        draft = read_draft(request.form, page_locale(), begins=offer.status is OfferStatus.SCHEDULED)
        _correct(offer, draft)
    except OfferClosed:
        db.session().rollback()
        return _over(shop)
    except (Faults, Refusal, Diverged) as why:
        db.session().rollback()
        return refused(shop, why, correcting=guards.my_offer(offer_id)[0])
    return make_response(redirect(url_for("merchant.read_shop", shop_id=shop.id, said="corrected"), 303))


def _correct(offer: Offer, draft: OfferDraft) -> None:
    """Change what was changed; a moment that the form shows as it stands stays, to the second.

    Raises:
        Diverged: a colleague changed it meanwhile. OfferClosed: it is over. Refusal: a rule of the house says no.
    """
    expected = version_in_form() or NO_VERSION
    said = {field.name: getattr(draft, field.name) for field in fields(draft)}
    if moment_written(offer.ends_at) == moment_written(end_in(request.form)):
        said["ends_at"] = UNSET
    if offer.status is OfferStatus.LIVE or moment_written(offer.starts_at) == moment_written(start_in(request.form)):
        said["starts_at"] = UNSET
    changes, who = OfferChanges(**said), guards.merchant_id()
    try:
        correct_offer(db.session(), offer, changes, expected_version=expected, now=now(), actor_id=who)
    except Stale:
        if not may_correct(offer):
            raise OfferClosed from None
        theirs = draft_of(offer)
        given = {name: value for name, value in said.items() if value is not UNSET}
        said = {field.name: given.get(field.name, getattr(theirs, field.name)) for field in fields(draft)}
        mine = as_kept(OfferDraft(**said))
        if mine != theirs:
            raise Diverged(offer.id, mine, expected=expected) from None


def _over(shop: Shop) -> Response:
    return shop_page(shop, OfferClosed.status, problem=say(OfferClosed().detail, page_locale()))
