"""What the ledger keeps of its old rows: a number for each message, day and fate, and nothing of who.

A row leaves the ledger in the transaction that counts it, so that what became of a message can be told for ever: the
rows that are still there, and the numbers of those that left.
"""

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Iterable
from typing import Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    ForeignKey,
    Index,
    String,
    and_,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.orm import InstrumentedAttribute, Mapped, Session, aliased, mapped_column

from citylife.clock import local_date
from citylife.database import Base, Identifier
from citylife.follows import Follow, Level
from citylife.forgetting import some_of, table_of
from citylife.ledger.tables import OF_HERS, Decision, Delivery, DeliveryState, Message, MessageKind, Reason

KEPT_FOR: Final = dt.timedelta(weeks=13)
"""How long decisions and settled deliveries are kept: a quarter, so that weeks and months are frozen from rows."""
PLACE_KEPT_FOR: Final = dt.timedelta(days=7)
"""How long those are kept that tell whether she had a place near a shop: no history of where she was is to be made."""
OF_A_PLACE: Final = (Reason.NEARBY, Reason.NOT_NEAR, Reason.DISCOVERY, Reason.NEAR_ME_NOW, Reason.QUIET_HOURS)
SETTLED: Final = (DeliveryState.ACCEPTED, DeliveryState.GONE, DeliveryState.REFUSED, DeliveryState.EXPIRED)

Fates = Counter[tuple[uuid.UUID, dt.date, str]]


class LedgerSum(Base):
    """How many decisions (by reason) or deliveries (by final state) of a message left the ledger, by their day (Paris).

    `fate` is a word of `Reason` or of `DeliveryState`; the two have none in common.
    """

    __tablename__ = "ledger_sums"
    __table_args__ = (Index("ix_ledger_sums_day", "day"), {"sqlite_with_rowid": False})

    message_id: Mapped[uuid.UUID] = mapped_column(Identifier(), ForeignKey("messages.id"), primary_key=True)
    day: Mapped[dt.date] = mapped_column(Date, primary_key=True)
    fate: Mapped[str] = mapped_column(String(24), primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)


_ADD: Final = text(
    "INSERT INTO ledger_sums (message_id, day, fate, count) VALUES (:message, :day, :fate, :count) "
    "ON CONFLICT (message_id, day, fate) DO UPDATE SET count = ledger_sums.count + excluded.count"
).bindparams(bindparam("message", type_=Identifier()), bindparam("day", type_=Date()))
_DELIVERIES: Final = table_of(Delivery)
_DECISIONS: Final = table_of(Decision)


def forget_deliveries(session: Session, of: Iterable[ColumnElement[bool]] = (), *, now: dt.datetime, most: int) -> int:
    """Turn settled deliveries whose last attempt is a quarter old into numbers, at most `most`; how many.

    Those that depend on a place leave after a week. `of` narrows them to some citizens. One that still waits stays,
    however old.
    """
    old = Delivery.state.in_(SETTLED), _old(Delivery, Delivery.next_at, now)
    left = session.execute(
        delete(_DELIVERIES)
        .where(some_of(Delivery, *of, *old, most=most))
        .returning(_DELIVERIES.c.message_id, _DELIVERIES.c.state, _DELIVERIES.c.accepted_at, _DELIVERIES.c.next_at)
    ).all()
    _add(session, Counter((row[0], local_date(row[2] or row[3]), row[1].value) for row in left))
    return len(left)


def forget_decisions(session: Session, of: Iterable[ColumnElement[bool]] = (), *, now: dt.datetime, most: int) -> int:
    """Turn decisions that are a quarter old into numbers, at most `most`; how many. Their deliveries leave first.

    Those that depend on a place leave after a week.
    """
    sent = exists().where(Delivery.citizen_id == Decision.citizen_id, Delivery.message_id == Decision.message_id)
    old = _old(Decision, Decision.decided_at, now)
    left = session.execute(
        delete(_DECISIONS)
        .where(some_of(Decision, *of, old, ~sent, most=most))
        .returning(_DECISIONS.c.message_id, _DECISIONS.c.reason, _DECISIONS.c.decided_at)
    ).all()
    _add(session, Counter((row[0], local_date(row[2]), row[1].value) for row in left))
    return len(left)


def forgotten_of(session: Session, message_id: uuid.UUID) -> dict[str, int]:
    """How many rows of a message left the ledger, by their fate; with those that are still there, all there were.

    Whoever was erased took her rows with her uncounted, unless they had left before.
    """
    sums = select(LedgerSum.fate, func.sum(LedgerSum.count)).where(LedgerSum.message_id == message_id)
    return {fate: int(count) for fate, count in session.execute(sums.group_by(LedgerSum.fate))}


def _old(
    model: type[Decision | Delivery], since: InstrumentedAttribute[dt.datetime], now: dt.datetime
) -> ColumnElement[bool]:
    """Whether a row is kept no longer: for a quarter, or a week where it depends on a place of hers.

    It does by its reason; and, whatever its reason, where she follows the shop « nearby » now, did so when it was
    announced, or did not follow it then: that anything was decided for her, or who was told, then says that she was
    near. So does a digest, whose lines may all be discoveries; and what replaces an announcement, which was shown to
    her or not because of where she was. What waits for quiet hours to end leaves with them: a « near me now » meanwhile
    tells it, and nothing comes in the morning.
    """
    decision, message = aliased(Decision), aliased(Message)
    by_reason = exists().where(
        decision.citizen_id == model.citizen_id,
        decision.message_id == model.message_id,
        or_(decision.reason.in_(OF_A_PLACE), decision.until.is_not(None)),
    )
    whatever_near = (
        exists()
        .where(
            Follow.citizen_id == model.citizen_id,
            Follow.shop_id == message.shop_id,
            Follow.level != Level.NEARBY,
            Follow.begun_at <= message.created_at,
            or_(Follow.nearby_until.is_(None), Follow.nearby_until <= message.created_at),
        )
        .correlate(model, message)
    )
    by_shop = (
        exists()
        .where(
            message.id == model.message_id,
            or_(message.kind.in_((*OF_HERS, MessageKind.SOLD_OUT)), and_(message.shop_id.is_not(None), ~whatever_near)),
        )
        .correlate(model)
    )
    return or_(since < now - KEPT_FOR, and_(since < now - PLACE_KEPT_FOR, or_(by_reason, by_shop)))


def _add(session: Session, fates: Fates) -> None:
    """Add to the numbers, always in the same order, so that two who add never wait for each other."""
    rows = [
        {"message": message, "day": day, "fate": fate, "count": count}
        for (message, day, fate), count in sorted(fates.items())
    ]
    if rows:
        session.execute(_ADD, rows)
