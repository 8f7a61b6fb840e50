"""Closing: an offer ends by time, is withdrawn, or is sold out, which can be taken back for ten seconds."""

import datetime as dt
import uuid

from sqlalchemy.orm import Session

from citylife import timetable
from citylife.audit import Actor, note
from citylife.errors import Refusal
from citylife.ledger.messages import UNDO, propose_sold_out, stop_offer, take_back
from citylife.ledger.tables import Message
from citylife.offers.drafts import OPEN_TO_CHANGE, OfferClosed, hold_offer, let_photo_go, touch
from citylife.offers.tables import Offer, OfferStatus
from citylife.timetable import Task


class NotLive(Refusal):
    """Only a live offer can be sold out."""

    slug = "not-live"
    status = 409
    title = "Offre pas en cours"
    sentence = "Cette offre n’est pas en cours."


class NotSoldOut(Refusal):
    """The offer is not sold out: there is nothing to take back."""

    slug = "not-sold-out"
    status = 409
    title = "Rien à annuler"
    sentence = "Cette offre n’est pas épuisée."


class UndoTooLate(Refusal):
    """The citizens are being told already."""

    slug = "undo-too-late"
    status = 409
    title = "Trop tard pour annuler"
    sentence = "« Tout est parti » s’annule dans les {seconds} secondes."


def end_due(session: Session, offer_id: uuid.UUID, *, now: dt.datetime) -> None:
    """End a live offer whose time is over; an end that moved is planned again, anything else is left alone."""
    offer = session.get(Offer, offer_id)
    if offer is None:
        return
    hold_offer(session, offer)
    if offer.status is not OfferStatus.LIVE:
        return
    if offer.ends_at > now:
        timetable.plan(session, Task.OFFER_ENDS, offer.id, offer.ends_at)
        return
    _close(session, offer, OfferStatus.ENDED, now=now)
    note(session, "offer.ended", offer.id, actor=Actor.SYSTEM, now=now)
    session.flush()


def withdraw(
    session: Session,
    offer: Offer,
    *,
    now: dt.datetime,
    actor: Actor = Actor.MERCHANT,
    actor_id: uuid.UUID | None = None,
) -> Offer:
    """Take an offer away, announced or not: nothing more is sent of it. A second time changes nothing.

    Raises:
        OfferClosed: it ended or was sold out.
    """
    hold_offer(session, offer)
    if offer.status is OfferStatus.WITHDRAWN:
        return offer
    if offer.status not in OPEN_TO_CHANGE:
        raise OfferClosed
    _close(session, offer, OfferStatus.WITHDRAWN, now=now)
    let_photo_go(session, offer, now=now)
    stop_offer(session, offer, now=now)
    note(session, "offer.withdrawn", offer.id, actor=actor, actor_id=actor_id, now=now)
    session.flush()
    return offer


def sold_out(
    session: Session,
    offer: Offer,
    *,
    now: dt.datetime,
    actor: Actor = Actor.MERCHANT,
    actor_id: uuid.UUID | None = None,
) -> Message | None:
    """« Tout est parti »: what is unsent stops at once, what was sent is replaced in silence after ten seconds.

    A second time changes nothing. None where nothing announced the offer.

    Raises:
        NotLive: it is not live, or its end has passed.
    """
    hold_offer(session, offer)
    if offer.status is OfferStatus.SOLD_OUT:
        return None
    if offer.status is not OfferStatus.LIVE or offer.ends_at <= now:
        raise NotLive
    _close(session, offer, OfferStatus.SOLD_OUT, now=now)
    message = propose_sold_out(session, offer, now=now)
    note(session, "offer.sold-out", offer.id, actor=actor, actor_id=actor_id, now=now)
    session.flush()
    return message


def undo_sold_out(
    session: Session,
    offer: Offer,
    *,
    now: dt.datetime,
    actor: Actor = Actor.MERCHANT,
    actor_id: uuid.UUID | None = None,
) -> Offer:
    """Take « tout est parti » back within ten seconds: the offer is live again, as if nothing had been pressed.

    Raises:
        NotSoldOut: it is not sold out.
        UndoTooLate: ten seconds have passed, the offer's end has, or the replacement is already going out.
    """
    hold_offer(session, offer)
    if offer.status is not OfferStatus.SOLD_OUT or offer.closed_at is None:
        raise NotSoldOut
    if now - offer.closed_at > UNDO or offer.ends_at <= now or not take_back(session, offer, now=now):
        raise UndoTooLate(seconds=UNDO.seconds)
    offer.status, offer.closed_at = OfferStatus.LIVE, None
    touch(offer, now=now)
    timetable.plan(session, Task.OFFER_ENDS, offer.id, offer.ends_at)
    note(session, "offer.sold-out-undone", offer.id, actor=actor, actor_id=actor_id, now=now)
    session.flush()
    return offer


def _close(session: Session, offer: Offer, status: OfferStatus, *, now: dt.datetime) -> None:
    offer.status, offer.closed_at = status, now
    touch(offer, now=now)
    for task in (Task.OFFER_STARTS, Task.OFFER_ENDS):
        timetable.cancel(session, task, offer.id)
