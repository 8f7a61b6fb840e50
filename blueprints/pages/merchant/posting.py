"""« Nouvelle annonce »: one screen; published, scheduled, or kept as a draft. The same form sent twice acts once."""

import hashlib
import uuid
from dataclasses import fields
from typing import Final

from flask import Response, make_response, redirect, request, url_for

from blueprints import guards
from blueprints.house import house, now
from blueprints.pages.language import page_locale
from blueprints.pages.merchant.asking import by_our_form, merchant_here
from blueprints.pages.merchant.sheet import REFUSED, sheet
from blueprints.pages.merchant.writing import LABELS, Faults, read_draft, start_of, written_in, written_of
from blueprints.storage import db
from blueprints.transactions import tell_after, transaction
from citylife.answers import AnswerInProgress, KeyReused, begin_answer, keep_answer
from citylife.database import new_id
from citylife.errors import Absent, Refusal, Stale
from citylife.merchant_mail.confirming import confirm_published
from citylife.offers import (
    Offer,
    OfferChanges,
    OfferDraft,
    OfferStatus,
    correct_offer,
    draft_offer,
    publish,
    schedule,
)
from citylife.shops import Shop
from citylife.wording import Sentence, say

SAID: Final = {"publish": "published", "schedule": "scheduled", "keep": "kept"}
"""What the buttons do, and what is said of it afterwards."""
LOOK: Final = "look"
"""The wish to see who would hear of it, before anything is done."""
SENT_BEFORE: Final = Sentence(
    "Ce formulaire a déjà servi, avec d’autres mots. Pour en faire une annonce de plus, envoyez-le encore."
)


@merchant_here
def read_form(shop_id: uuid.UUID) -> Response:
    """The form, empty or filled from an offer of this shop that is done again."""
    shop = guards.my_shop(shop_id)
    return sheet(shop, _again(shop))


@by_our_form
@merchant_here
def post(shop_id: uuid.UUID) -> Response:
    """Do what the button that was pressed says; looking does nothing but answer."""
    wish = request.form.get("wish", "keep")
    if wish == LOOK:
        return sheet(guards.my_shop(shop_id), written_in(request.form))
    if wish not in SAID:
        raise Absent
    return _send(shop_id, wish)


@transaction(rings=True)
def _send(shop_id: uuid.UUID, wish: str) -> Response:
    """Keep what was written, and publish or schedule it; what is refused keeps nothing, and stays written."""
    shop = guards.my_shop(shop_id)
    key, session = f"form:{_key()}", db.session()
    try:
        if begin_answer(session, guards.caller(), key, _fingerprint(), now=now()) is not None:
            return _back(shop, "already")
    except AnswerInProgress:
        session.rollback()
        return _back(shop, "already")
    except KeyReused:  # she went back in her browser, and wrote something else
        session.rollback()
        again = {"": say(SENT_BEFORE, page_locale())}
        return sheet(shop, written_in(request.form), again, status=KeyReused.status)
    try:
        _act(shop, wish)
    except Faults as faults:
        session.rollback()
        return sheet(shop, written_in(request.form), faults.said, status=REFUSED)
    except Refusal as refusal:
        session.rollback()
        name = (refusal.pointer or "/")[1:]
        at = {name if name in LABELS else "": say(refusal.detail, page_locale())}
        return sheet(shop, written_in(request.form), at, status=refusal.status)
    answer = _back(shop, SAID[wish])
    headers = {"Location": answer.headers["Location"]}
    keep_answer(session, guards.caller(), key, status=answer.status_code, headers=headers, body=b"", secret=False)
    return answer


def _act(shop: Shop, wish: str) -> None:
    """Do what the button that was pressed says.

    Raises:
        Faults: a field cannot be read. Refusal: a rule of the house says no.
    """
    session, moment, who = db.session(), now(), guards.merchant_id()
    draft = read_draft(request.form, page_locale(), begins=wish != "publish")
    starts_at = start_of(request.form, page_locale(), needed=True) if wish == "schedule" else None
    offer = _taken_up(shop, draft) or draft_offer(session, shop, draft, now=moment)
    if wish == "publish":
        message = publish(session, shop, offer, now=moment, actor_id=who)
        confirm_published(session, shop, offer, who, secret=house().keys.secret_key, now=moment)
        tell_after(session, "offer.published", offer=offer.id, message=message.id if message else None)
    elif starts_at is not None:
        schedule(session, shop, offer, starts_at=starts_at, now=moment, actor_id=who)


def _taken_up(shop: Shop, draft: OfferDraft) -> Offer | None:
    """The draft that the form was filled from, corrected; None where it was no draft.

    Raises:
        Stale: a colleague changed it meanwhile.
    """
    version = request.form.get("version", "")
    if not (version.isascii() and version.isdigit()):
        return None
    offer = _offer_of(shop, request.form.get("draft", ""))
    if offer.status is not OfferStatus.DRAFT:
        raise Stale
    changes = OfferChanges(**{field.name: getattr(draft, field.name) for field in fields(draft)})
    return correct_offer(
        db.session(), offer, changes, expected_version=int(version), now=now(), actor_id=guards.merchant_id()
    )


def _again(shop: Shop) -> dict[str, str]:
    """What the form is filled with: the offer of `?de=`, where it is this shop's.

    Raises:
        Absent: it is not.
    """
    said = request.args.get("de")
    if said is None:
        return written_in({})
    offer = _offer_of(shop, said)
    taken_up = offer.status is OfferStatus.DRAFT
    return written_of(offer) | ({"draft": str(offer.id), "version": str(offer.version)} if taken_up else {})


def _offer_of(shop: Shop, said: str) -> Offer:
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


def _fingerprint() -> bytes:
    """A digest of the shop and of all that was written."""
    said = [request.path, *(f"{name}={value}" for name, value in sorted(request.form.items(multi=True)))]
    return hashlib.sha256("\0".join(said).encode()).digest()


def _key() -> uuid.UUID:
    """The key that the form was given when it was made; another where it cannot be read."""
    try:
        return uuid.UUID(request.form.get("key", ""))
    except ValueError:
        return new_id()


def _back(shop: Shop, said: str) -> Response:
    return make_response(redirect(url_for("merchant.read_shop", shop_id=shop.id, said=said), 303))
