"""« Nouvelle annonce »: one screen; published, scheduled, each week, or kept as written. Sent twice, it acts once."""

import hashlib
import uuid
from typing import Final

from flask import Response, make_response, redirect, request, url_for

from blueprints import guards
from blueprints.house import house, now
from blueprints.pages.language import page_locale
from blueprints.pages.merchant.asking import by_our_form, merchant_here
from blueprints.pages.merchant.illustrating import take_along
from blueprints.pages.merchant.sheet import refused, sheet
from blueprints.pages.merchant.taking_up import Diverged, form_key, let_draft_go, offer_of, take_up
from blueprints.pages.merchant.weekly import read_recurring
from blueprints.pages.merchant.writing import (
    LONGEST_WORD,
    Faults,
    read_draft,
    start_of,
    written_back,
    written_in,
    written_of,
    written_whole,
)
from blueprints.storage import db, only_read
from blueprints.transactions import tell_after, transaction
from citylife.answers import AnswerInProgress, KeyReused, begin_answer, keep_answer
from citylife.appeals import was_granted
from citylife.errors import Absent, Refusal
from citylife.merchant_mail.confirming import confirm_published
from citylife.moments import at_words
from citylife.offers import OfferStatus, publish, schedule
from citylife.offers.recurring import begin_recurring
from citylife.shops import Shop
from citylife.wording import Sentence, say

SAID: Final = {"publish": "published", "schedule": "scheduled", "keep": "kept", "repeat": "recurring"}
"""What the buttons do, and what is said of it afterwards."""
SENT_BEFORE: Final = Sentence(
    "Ce formulaire a déjà servi, avec d’autres mots. Pour en faire une annonce de plus, envoyez-le encore."
)
BEING_SENT: Final = Sentence(
    "Ce formulaire est déjà en train de partir. Attendez un instant, puis envoyez-le encore : "
    "rien n’est fait deux fois."
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
    photo_refused = take_along(shop_id)
    if photo_refused is not None:
        return refused(guards.my_shop(shop_id), photo_refused)
    wish = request.form.get("wish", "keep")
    if wish in DONE_HERE:
        return DONE_HERE[wish](shop_id)
    if wish not in SAID:
        raise Absent
    return _send(shop_id, wish)


def _look(shop_id: uuid.UUID) -> Response:
    """The form with what it would do, as it is written so far; it counts as a write, and then holds nobody up."""
    shop = guards.my_shop(shop_id)
    only_read()
    return sheet(shop, written_in(request.form))


def _mine(shop_id: uuid.UUID) -> Response:
    """The form with what was written here, to take the place of the version that was seen beside it.

    What is no draft any more stays as it is: what was written becomes another announcement.
    """
    shop, written = guards.my_shop(shop_id), written_in(request.form)
    offer = offer_of(shop, written["draft"])
    seen = request.form.get("seen", "")[:LONGEST_WORD]
    replaces = {"version": seen} if offer.status is OfferStatus.DRAFT else {"draft": "", "version": ""}
    return sheet(shop, written | replaces)


@transaction()
def _save(shop_id: uuid.UUID) -> Response:
    """Keep as a draft what is written so far, where it can be read, and stay."""
    shop = guards.my_shop(shop_id)
    try:
        offer = take_up(shop, read_draft(request.form, page_locale(), begins=True))
    except (Faults, Refusal, Diverged) as why:
        db.session().rollback()
        return refused(shop, why)
    written = written_in(request.form) | {"draft": str(offer.id), "version": str(offer.version)}
    return sheet(shop, written, kept=at_words(now(), now=now(), locale=page_locale()))


@transaction(rings=True)
def _send(shop_id: uuid.UUID, wish: str) -> Response:
    """Keep what was written, and publish or schedule it; what is refused keeps nothing, and stays written."""
    shop = guards.my_shop(shop_id)
    key, session = f"form:{form_key()}", db.session()
    try:
        if begin_answer(session, guards.caller(), key, _fingerprint(), now=now()) is not None:
            return _back(shop, "already")
    except AnswerInProgress:
        return _being_sent(shop)
    except KeyReused:  # she went back in her browser, and wrote something else
        session.rollback()
        again = {"": say(SENT_BEFORE, page_locale())}
        return sheet(shop, written_in(request.form), again, status=KeyReused.status)
    try:
        _act(shop, wish)
    except AnswerInProgress:  # it is just being kept as it was written
        return _being_sent(shop)
    except (Faults, Refusal, Diverged) as why:
        session.rollback()
        return refused(shop, why)
    answer = _back(shop, SAID[wish])
    headers = {"Location": answer.headers["Location"]}
    keep_answer(session, guards.caller(), key, status=answer.status_code, headers=headers, body=b"", secret=False)
    return answer


def _being_sent(shop: Shop) -> Response:
    """The form as it was sent, with its own key: what was sent first may be refused still, and did nothing if it is."""
    db.session().rollback()
    said = {"": say(BEING_SENT, page_locale())}
    return sheet(shop, written_in(request.form), said, status=AnswerInProgress.status, key=form_key())


def _act(shop: Shop, wish: str) -> None:
    """Do what the button that was pressed says.

    Raises:
        Faults: a field cannot be read. Refusal: a rule of the house says no. Diverged: it was changed meanwhile.
    """
    session, moment, who = db.session(), now(), guards.merchant_id()
    if wish == "repeat":
        begin_recurring(session, shop, read_recurring(request.form, page_locale()), now=moment, actor_id=who)
        let_draft_go(shop)
        return
    draft = read_draft(request.form, page_locale(), begins=wish != "publish")
    starts_at = start_of(request.form, page_locale(), needed=True) if wish == "schedule" else None
    offer = take_up(shop, draft)
    if wish == "publish":
        message = publish(session, shop, offer, now=moment, actor_id=who)
        confirm_published(session, shop, offer, who, secret=house().keys.secret_key, now=moment)
        tell_after(session, "offer.published", offer=offer.id, message=message.id if message else None)
    elif starts_at is not None:
        schedule(session, shop, offer, starts_at=starts_at, now=moment, actor_id=who)


def _again(shop: Shop) -> dict[str, str]:
    """What the form is filled with: the offer of `?de=`, where it is this shop's.

    Raises:
        Absent: it is not.
    """
    said = request.args.get("de")
    if said is None:
        return written_in({})
    offer = offer_of(shop, said)
    if offer.status is OfferStatus.DRAFT:
        return written_whole(offer, now=now())
    return written_back(offer, now=now()) if was_granted(db.session(), offer) else written_of(offer)


def _fingerprint() -> bytes:
    """A digest of the shop and of all that was written."""
    said = [request.path, *(f"{name}={value}" for name, value in sorted(request.form.items(multi=True)))]
    return hashlib.sha256("\0".join(said).encode()).digest()


DONE_HERE: Final = {"look": _look, "mine": _mine, "save": _save}
"""What stays on the page."""


def _back(shop: Shop, said: str) -> Response:
    return make_response(redirect(url_for("merchant.read_shop", shop_id=shop.id, said=said), 303))
