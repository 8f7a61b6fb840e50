"""Reading the ledger: what a citizen was told and why, and how the whole is faring. Nothing here writes."""

import datetime as dt
import uuid
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from citylife.buckets import BUCKETS
from citylife.courtesy.rules import ANNOUNCEMENTS_A_DAY, announcements_a_day_then
from citylife.courtesy.tables import DigestLine
from citylife.follows import Follow, Level
from citylife.ledger.sending import Sending
from citylife.ledger.statements import Statement, moment, stored
from citylife.ledger.sums import KEPT_FOR
from citylife.ledger.tables import (
    Decision,
    Delivery,
    DeliveryState,
    Message,
    MessageKind,
    MessageState,
    Outcome,
    Reason,
    SendingStop,
)
from citylife.offers import Offer, OfferStatus
from citylife.offers.tables import LONGEST
from citylife.places import places_of
from citylife.shops import Shop

_HELD: Final = {
    Sending.REFUSED: Reason.SENDING_REFUSED,
    Sending.STOPPED: Reason.SENDING_STOPPED,
    Sending.SHOP_STOPPED: Reason.SHOP_STOPPED,
}
"""The reason that will be written down if it is still held when it is over."""


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One device's part of a decision."""

    device_id: uuid.UUID
    state: DeliveryState
    accepted_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """What was decided for a citizen about one message, and what became of it.

    A digest, or « near me now », is of no one offer nor shop. What was put aside is told in the one of them that
    `told_in` names, or (`aside`) will be in the next digest. `a_day` is how many announcements the shop might make on a
    day when it was decided, where that is the reason. `held_by` is what holds it just now, where it has not left.
    `unplaced` says that she follows the shop « nearby » and has no place, as it stands now: the ledger keeps neither.
    """

    message_id: uuid.UUID
    kind: MessageKind
    offer_id: uuid.UUID | None
    offer_title: str | None
    shop_id: uuid.UUID | None
    shop_slug: str | None
    shop_name: str | None
    outcome: Outcome
    reason: Reason
    decided_at: dt.datetime
    until: dt.datetime | None
    aside: bool
    told_in: uuid.UUID | None
    told_by: MessageKind | None
    a_day: int
    deliveries: tuple[DeliveryRow, ...]
    held_by: Sending | None = None
    unplaced: bool = False


@dataclass(frozen=True, slots=True)
class OriginHealth:
    """What waits for one push service, since when (`lag`, as of the whole), and whether it may be sent to."""

    origin: str
    waiting: int
    claimed: int
    lag: float
    paused_until: dt.datetime | None
    stopped_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class LedgerHealth:
    """How the ledger is faring. `lag` is the age in seconds of the oldest delivery that could have left already."""

    expanding: int
    waiting: int
    claimed: int
    lag: float
    origins: tuple[OriginHealth, ...]


def decisions_of(
    session: Session,
    citizen_id: uuid.UUID,
    *,
    now: dt.datetime,
    after: uuid.UUID | None = None,
    limit: int = 20,
    sending: Sending = Sending.OPEN,
) -> list[DecisionRow]:
    """A citizen's decisions, the latest message first, strictly before the message `after`.

    With them what the shops she follows had announced before she followed, and was not over then: nothing was decided
    of it for her, and the row says so. Also what they announce and a stop holds, or `sending`, which is what holds
    everybody's.
    """
    teller = aliased(Message)
    wanted = (
        select(Decision, Message, Offer, Shop, DigestLine, teller.kind)
        .join(Message, Message.id == Decision.message_id)
        .outerjoin(Offer, Offer.id == Message.offer_id)
        .outerjoin(Shop, Shop.id == Message.shop_id)
        .outerjoin(DigestLine, and_(DigestLine.citizen_id == citizen_id, DigestLine.message_id == Decision.message_id))
        .outerjoin(teller, teller.id == DigestLine.digest_id)
        .where(Decision.citizen_id == citizen_id)
        .order_by(Decision.message_id.desc())
        .limit(limit)
    )
    if after is not None:
        wanted = wanted.where(Decision.message_id < after)
    rows = session.execute(wanted).all()
    parts = _deliveries_of(session, citizen_id, [decision.message_id for decision, *_ in rows])
    rules = announcements_a_day_then(
        session,
        (
            (message.shop_id, decision.decided_at)
            for decision, message, *_ in rows
            if decision.reason is Reason.ONE_A_DAY
        ),
    )
    found = [
        DecisionRow(
            **_named(message, offer, shop),
            outcome=decision.outcome,
            reason=decision.reason,
            decided_at=decision.decided_at,
            until=decision.until,
            aside=line is not None and line.digest_id is None,
            told_in=line.digest_id if line else None,
            told_by=told_by,
            a_day=rules.get((message.shop_id, decision.decided_at), ANNOUNCEMENTS_A_DAY),
            deliveries=tuple(parts.get(message.id, ())),
        )
        for decision, message, offer, shop, line, told_by in rows
    ]
    found += _announced_before(session, citizen_id, now=now, after=after, limit=limit)
    stopped = _stopped_among(session, {row.shop_id for row in found if row.shop_id})
    unplaced = _nearby_without_a_place(session, citizen_id, now)
    found = [replace(row, held_by=_held_by(row, sending, stopped), unplaced=row.shop_id in unplaced) for row in found]
    found += _not_decided_yet(session, citizen_id, now=now, after=after, limit=limit, sending=sending)
    found.sort(key=attrgetter("message_id"), reverse=True)
    return found[:limit]


def _announced_before(
    session: Session, citizen_id: uuid.UUID, *, now: dt.datetime, after: uuid.UUID | None, limit: int
) -> Iterator[DecisionRow]:
    """What she could still have used when she began to follow, but was announced before; for as long as a decision."""
    decided = exists().where(Decision.citizen_id == citizen_id, Decision.message_id == Message.id)
    teller = aliased(Message)
    wanted = (
        select(Message, Offer, Shop, Follow.begun_at, DigestLine, teller.kind)
        .select_from(Follow)
        .join(Message, Message.shop_id == Follow.shop_id)
        .join(Offer, Offer.id == Message.offer_id)
        .join(Shop, Shop.id == Follow.shop_id)
        .outerjoin(DigestLine, and_(DigestLine.citizen_id == citizen_id, DigestLine.message_id == Message.id))
        .outerjoin(teller, teller.id == DigestLine.digest_id)
        .where(
            Follow.citizen_id == citizen_id,
            Follow.begun_at > now - KEPT_FOR,
            Message.kind.in_((MessageKind.ANNOUNCEMENT, MessageKind.PAGE_ONLY)),
            Message.state != MessageState.EXPANDING,
            Message.created_at > now - KEPT_FOR - LONGEST,
            Message.created_at < Follow.begun_at,
            Message.expires_at > Follow.begun_at,
            or_(Offer.closed_at.is_(None), Offer.closed_at > Follow.begun_at),
            ~decided,
        )
        .order_by(Message.id.desc())
        .limit(limit)
    )
    if after is not None:
        wanted = wanted.where(Message.id < after)
    for message, offer, shop, begun_at, line, told_by in session.execute(wanted):
        yield DecisionRow(
            **_named(message, offer, shop),
            outcome=Outcome.HELD,
            reason=Reason.PAGE_ONLY if message.kind is MessageKind.PAGE_ONLY else Reason.FOLLOWED_LATER,
            decided_at=begun_at,
            until=None,
            aside=line is not None and line.digest_id is None,
            told_in=line.digest_id if line else None,
            told_by=told_by,
            a_day=ANNOUNCEMENTS_A_DAY,
            deliveries=(),
        )


def _not_decided_yet(
    session: Session,
    citizen_id: uuid.UUID,
    *,
    now: dt.datetime,
    after: uuid.UUID | None,
    limit: int,
    sending: Sending,
) -> Iterator[DecisionRow]:
    """What the shops she follows announce and nobody is told of for now, since it is held for everybody or the shop."""
    wanted = (
        select(Message, Offer, Shop)
        .select_from(Follow)
        .join(Message, Message.shop_id == Follow.shop_id)
        .join(Offer, Offer.id == Message.offer_id)
        .join(Shop, Shop.id == Follow.shop_id)
        .where(
            Follow.citizen_id == citizen_id,
            Message.kind == MessageKind.ANNOUNCEMENT,
            Message.state == MessageState.EXPANDING,
            Message.created_at <= now,
            Message.expires_at > now,
            Offer.status == OfferStatus.LIVE,
            ~exists().where(Decision.citizen_id == citizen_id, Decision.message_id == Message.id),
        )
        .order_by(Message.id.desc())
        .limit(limit)
    )
    if sending is Sending.OPEN:
        wanted = wanted.where(exists().where(SendingStop.shop_id == Shop.id, SendingStop.lifted_at.is_(None)))
    if after is not None:
        wanted = wanted.where(Message.id < after)
    held_by = Sending.SHOP_STOPPED if sending is Sending.OPEN else sending
    for message, offer, shop in session.execute(wanted):
        yield DecisionRow(
            **_named(message, offer, shop),
            outcome=Outcome.HELD,
            reason=_HELD[held_by],
            decided_at=message.created_at,
            until=None,
            aside=False,
            told_in=None,
            told_by=None,
            a_day=ANNOUNCEMENTS_A_DAY,
            deliveries=(),
            held_by=held_by,
        )


def _stopped_among(session: Session, shops: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    """Which of the shops staff have stopped."""
    stops = select(SendingStop.shop_id).where(SendingStop.shop_id.in_(shops), SendingStop.lifted_at.is_(None))
    return set(session.scalars(stops))


def _nearby_without_a_place(session: Session, citizen_id: uuid.UUID, now: dt.datetime) -> set[uuid.UUID]:
    """The shops she follows « nearby » while she has no place, so that they tell her as usual."""
    if places_of(session, citizen_id, now=now):
        return set()
    nearby = select(Follow.shop_id).where(Follow.citizen_id == citizen_id, Follow.level == Level.NEARBY)
    return set(session.scalars(nearby))


def _held_by(row: DecisionRow, sending: Sending, stopped: Container[uuid.UUID | None]) -> Sending | None:
    """What holds something that was to be sent and has left for none of her devices; None where nothing does."""
    if row.outcome is Outcome.HELD or {part.state for part in row.deliveries} != {DeliveryState.WAITING}:
        return None
    if sending is not Sending.OPEN:
        return sending
    return Sending.SHOP_STOPPED if row.shop_id in stopped else None


def _named(message: Message, offer: Offer | None, shop: Shop | None) -> dict[str, Any]:
    """What a row says of its message, its offer and its shop."""
    return {
        "message_id": message.id,
        "kind": message.kind,
        "offer_id": offer.id if offer else None,
        "offer_title": offer.title if offer else None,
        "shop_id": shop.id if shop else None,
        "shop_slug": shop.slug if shop else None,
        "shop_name": shop.name if shop else None,
    }


def _deliveries_of(
    session: Session, citizen_id: uuid.UUID, message_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, list[DeliveryRow]]:
    parts: dict[uuid.UUID, list[DeliveryRow]] = {}
    wanted = (
        select(Delivery.message_id, Delivery.device_id, Delivery.state, Delivery.accepted_at)
        .where(Delivery.citizen_id == citizen_id, Delivery.message_id.in_(message_ids))
        .order_by(Delivery.device_id)
    )
    for message_id, device_id, state, accepted_at in session.execute(wanted):
        parts.setdefault(message_id, []).append(DeliveryRow(device_id, state, accepted_at))
    return parts


_BUCKET_ROWS: Final = ", ".join(f"({bucket})" for bucket in range(BUCKETS))
_EXPANDING = Statement("SELECT count(*) FROM messages WHERE state = 'expanding'")
_WAITING = Statement("SELECT origin_id, count(*) FROM deliveries WHERE state = 'waiting' GROUP BY origin_id")
_CLAIMED = Statement("SELECT origin_id, count(*) FROM deliveries WHERE state = 'claimed' GROUP BY origin_id")
_ORIGINS = Statement("SELECT id, origin, paused_until, stopped_at FROM origins ORDER BY origin")
_OLDEST = Statement(f"""
    WITH buckets (bucket) AS (VALUES {_BUCKET_ROWS})
    SELECT id, min(oldest) FROM (
        SELECT o.id, (
            SELECT d.next_at FROM deliveries d
            WHERE d.bucket = b.bucket AND d.origin_id = o.id AND d.state = 'waiting'
            ORDER BY d.next_at LIMIT 1
        ) AS oldest
        FROM origins o CROSS JOIN buckets b
    ) AS lanes
    WHERE oldest <= :now GROUP BY id
""")
STATEMENTS: Final = {"expanding, all": _EXPANDING, "waiting": _WAITING, "claimed": _CLAIMED, "oldest": _OLDEST}
"""What `health` asks, for whoever wants to see how it is read."""


def lag(session: Session, *, now: dt.datetime) -> float:
    """Seconds since the oldest delivery that still waits could have left; 0 when none is due. One seek a lane."""
    return max(_lags(session, now=now).values(), default=0.0)


def _lags(session: Session, *, now: dt.datetime) -> dict[int, float]:
    """The lag of each push service that has one."""
    connection = session.connection()
    rows = _OLDEST.run(connection, {"now": stored(connection, now)}).all()
    found = {origin_id: moment(oldest) for origin_id, oldest in rows}
    return {origin_id: max((now - since).total_seconds(), 0.0) for origin_id, since in found.items() if since}


def health(session: Session, *, now: dt.datetime) -> LedgerHealth:
    """How the ledger is faring, by origin. Counts what waits, so its cost grows with the backlog."""
    connection = session.connection()
    waiting = dict(_WAITING.run(connection).all())
    claimed = dict(_CLAIMED.run(connection).all())
    lags = _lags(session, now=now)
    origins = tuple(
        OriginHealth(
            origin,
            waiting.get(id_, 0),
            claimed.get(id_, 0),
            lags.get(id_, 0.0),
            moment(paused_until),
            moment(stopped_at),
        )
        for id_, origin, paused_until, stopped_at in _ORIGINS.run(connection).all()
    )
    return LedgerHealth(
        expanding=int(_EXPANDING.run(connection).scalar() or 0),
        waiting=sum(waiting.values()),
        claimed=sum(claimed.values()),
        lag=max(lags.values(), default=0.0),
        origins=origins,
    )
