"""Withholding: what is over before everybody was told of it is held for the others, and their decisions say why.

So it is when nothing may be sent for as long as an offer lasts (the gate, a stop of staff, workers that were down),
when an offer is withdrawn or sold out first, and always with a trade that is never announced. No setting of hers would
have changed it, so none is asked.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, exists, or_
from sqlalchemy.orm import Session

from citylife.ledger.messages import UNDO
from citylife.ledger.statements import DriverId, Statement, stored
from citylife.ledger.stops import stopped_then
from citylife.ledger.tables import Message, MessageKind, Reason
from citylife.offers import Offer, OfferStatus

_CLOSED: Final = (OfferStatus.WITHDRAWN, OfferStatus.ENDED)
_HOLD: Final = Statement("""
    INSERT INTO decisions (citizen_id, message_id, outcome, reason, decided_at, arm)
    SELECT f.citizen_id, :message, 'held', :reason, :now, 'none' FROM follows f
    WHERE f.shop_id = :shop AND f.citizen_id > :cursor AND f.citizen_id <= :upper AND f.begun_at <= :since
""")
"""By `ix_follows_shop`; who began to follow once it was over has missed nothing."""


@dataclass(frozen=True, slots=True)
class Over:
    """Why nothing more of a message is told, and since when it has been over."""

    reason: Reason
    since: dt.datetime


def is_over(now: dt.datetime) -> ColumnElement[bool]:
    """Whether a message is over, as a condition on it: what `over` answers, but for its reason."""
    sold_out = and_(Offer.status == OfferStatus.SOLD_OUT, Offer.closed_at <= now - UNDO)
    closed = exists().where(Offer.id == Message.offer_id, or_(Offer.status.in_(_CLOSED), sold_out))
    never = Message.kind == MessageKind.PAGE_ONLY
    return or_(never, Message.expires_at <= now, and_(Message.kind == MessageKind.ANNOUNCEMENT, closed))


def over(session: Session, message: Message, offer: Offer, *, now: dt.datetime, refused: bool = False) -> Over | None:
    """Why and since when a message is over; None while it may still be told. `refused`: the gate is shut."""
    if message.kind is MessageKind.PAGE_ONLY:
        return Over(Reason.PAGE_ONLY, message.created_at)
    closed_at = _closed_at(message, offer, now=now)
    if closed_at is None and message.expires_at > now:
        return None
    since = message.expires_at if closed_at is None else min(closed_at, message.expires_at)
    if closed_at is not None and offer.status is not OfferStatus.ENDED:
        return Over(Reason.OFFER_CLOSED, since)
    if refused:
        return Over(Reason.SENDING_REFUSED, since)
    return Over(stopped_then(session.connection(), message.id, since) or Reason.OFFER_CLOSED, since)


def withhold(
    connection: Connection, message: Message, over: Over, *, cursor: DriverId, upper: DriverId, now: dt.datetime
) -> int:
    """Hold an announcement for those after `cursor` up to `upper` who followed its shop; how many."""
    values = {
        "message": stored(connection, message.id),
        "shop": stored(connection, message.shop_id),
        "reason": over.reason.value,
        "since": stored(connection, over.since),
        "now": stored(connection, now),
        "cursor": cursor,
        "upper": upper,
    }
    return _HOLD.count(connection, values)


def _closed_at(message: Message, offer: Offer, *, now: dt.datetime) -> dt.datetime | None:
    """When an announced offer was closed for good; a sold-out one may be back within ten seconds."""
    if message.kind is not MessageKind.ANNOUNCEMENT or offer.closed_at is None:
        return None
    for_good = offer.status in _CLOSED or (offer.status is OfferStatus.SOLD_OUT and offer.closed_at <= now - UNDO)
    return offer.closed_at if for_good else None
