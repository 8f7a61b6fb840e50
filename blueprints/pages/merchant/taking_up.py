"""The draft of a form: begun once however often the form is sent, and corrected only as what it was filled from.

What a form wrote last is remembered for a day beside its key, so that an answer that was lost on the way is not taken
for a colleague.
"""

import hashlib
import uuid
from dataclasses import fields
from typing import Final

from flask import request

from blueprints import guards
from blueprints.house import now
from blueprints.storage import db
from citylife.answers import KeptAnswer, begin_answer, keep_answer
from citylife.database import new_id
from citylife.errors import Absent, Stale
from citylife.offers import Offer, OfferChanges, OfferDraft, OfferStatus, correct_offer, draft_offer, withdraw
from citylife.offers.drafts import as_kept, draft_of
from citylife.shops import Shop

CREATED: Final = 201
NEWLY: Final = 1


class Diverged(Exception):
    """The offer is no longer what the form was filled from, and says something else than what was written."""

    def __init__(self, offer_id: uuid.UUID, mine: OfferDraft, *, expected: int) -> None:
        super().__init__()
        self.offer_id = offer_id
        self.mine = mine
        self.expected = expected


def take_up(shop: Shop, draft: OfferDraft) -> Offer:
    """The draft that the form was filled from or began, corrected; a new one where there is none.

    Raises:
        Diverged: a colleague changed it meanwhile, or it is no draft any more.
        AnswerInProgress: the same form is just being kept. Refusal: a rule of the house says no.
    """
    session, name = db.session(), f"draft:{form_key()}"
    kept = begin_answer(session, guards.caller(), name, hashlib.sha256(shop.id.bytes).digest(), now=now())
    version = version_in_form()
    if version is not None:
        offer = _corrected(offer_of(shop, request.form.get("draft", "")), draft, expected=version, kept=kept)
    elif kept is not None and kept.headers:
        offer = _corrected(offer_of(shop, kept.headers["Draft"]), draft, expected=NEWLY, kept=kept)
    else:
        offer = draft_offer(session, shop, draft, now=now())
    said = {"Draft": str(offer.id), "Version": str(offer.version)}
    keep_answer(session, guards.caller(), name, status=CREATED, headers=said, body=b"", secret=False)
    return offer


def let_draft_go(shop: Shop) -> None:
    """Withdraw the draft that the form was filled from or began: it has become what comes again.

    One that a colleague has changed since stays, and so does what is no draft.
    """
    session, name = db.session(), f"draft:{form_key()}"
    kept = begin_answer(session, guards.caller(), name, hashlib.sha256(shop.id.bytes).digest(), now=now())
    began = kept.headers if kept is not None and kept.headers else {}
    said, version = request.form.get("draft", "") or began.get("Draft", ""), version_in_form()
    if not said:
        return
    offer = offer_of(shop, said)
    if offer.status is OfferStatus.DRAFT and offer.version in {version, int(began.get("Version", 0))}:
        withdraw(session, offer, now=now(), actor_id=guards.merchant_id())


def _corrected(offer: Offer, draft: OfferDraft, *, expected: int, kept: KeptAnswer | None) -> Offer:
    session, draft = db.session(), as_kept(draft)
    changes = OfferChanges(**{field.name: getattr(draft, field.name) for field in fields(draft)})
    if offer.status is not OfferStatus.DRAFT:
        raise Diverged(offer.id, draft, expected=expected)
    last = kept.headers if kept is not None and kept.headers else {}
    try:
        return correct_offer(
            session, offer, changes, expected_version=expected, now=now(), actor_id=guards.merchant_id()
        )
    except Stale:
        by_this_form = last == {"Draft": str(offer.id), "Version": str(offer.version)}
        if offer.status is not OfferStatus.DRAFT or not (by_this_form or draft_of(offer) == draft):
            raise Diverged(offer.id, draft, expected=expected) from None
        return correct_offer(
            session, offer, changes, expected_version=offer.version, now=now(), actor_id=guards.merchant_id()
        )


def offer_of(shop: Shop, said: str) -> Offer:
    """An offer of this shop.

    Raises:
        Absent: it is none.
    """
    try:
        offer, its_shop = guards.my_offer(uuid.UUID(said))
    except ValueError:
        raise Absent from None
    if its_shop.id != shop.id:
        raise Absent
    return offer


def version_in_form() -> int | None:
    """The version of the offer that the form was filled from; None where it was filled from none."""
    version = request.form.get("version", "")
    return int(version) if version.isascii() and version.isdigit() else None


def form_key() -> uuid.UUID:
    """The key that the form was given when it was made; another where it cannot be read."""
    try:
        return uuid.UUID(request.form.get("key", ""))
    except ValueError:
        return new_id()
