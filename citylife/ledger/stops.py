"""Stops: staff hold a shop's sending, or all of it, at once; nothing is lost, and what has not expired goes on after.

While all sending is stopped nothing is expanded nor claimed. A stopped shop's messages and deliveries are put off, when
they are met, to the moment they expire, so that they cost nothing meanwhile; resuming brings them back to now. What
expired meanwhile is held, and its decision says why.
"""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, select, text
from sqlalchemy.orm import Session

from citylife.audit import Actor, note
from citylife.database import new_id
from citylife.errors import Refusal
from citylife.ledger.statements import DriverId, Statement, stored
from citylife.ledger.tables import Reason, SendingStop
from citylife.shops.tables import Shop
from citylife.text import check_lines

LONGEST_REASON: Final = 300


class AlreadyStopped(Refusal):
    """The sending is stopped already."""

    slug = "already-stopped"
    status = 409
    title = "Déjà arrêté"
    sentence = "Ces envois sont déjà arrêtés."


class NotStopped(Refusal):
    """The sending is not stopped: there is nothing to resume."""

    slug = "not-stopped"
    status = 409
    title = "Pas arrêté"
    sentence = "Ces envois ne sont pas arrêtés."


_ALL = Statement("SELECT 1 FROM sending_stops WHERE shop_id IS NULL AND lifted_at IS NULL LIMIT 1")
_SHOP = Statement("SELECT 1 FROM sending_stops WHERE shop_id = :shop AND lifted_at IS NULL LIMIT 1")
_BRING_MESSAGES_BACK = Statement(
    "UPDATE messages SET release_at = min(release_at, :now) WHERE shop_id = :shop AND state = 'expanding'",
    "UPDATE messages SET release_at = least(release_at, :now) WHERE shop_id = :shop AND state = 'expanding'",
)
"""Every message that is still being expanded, put off or not: on PostgreSQL one that is just being put off is waited
for, which a condition on its `release_at` would miss. They are few, by `ix_messages_expanding`."""
_BRING_DELIVERIES_BACK = Statement(
    """
    UPDATE deliveries SET next_at = :now
    WHERE rowid IN (
        SELECT d.rowid FROM messages m
        CROSS JOIN follows f ON f.shop_id = m.shop_id
        CROSS JOIN deliveries d ON d.citizen_id = f.citizen_id AND d.message_id = m.id
        WHERE m.id = :message AND d.state = 'waiting' AND d.next_at > :now
    )
    """,
    """
    UPDATE deliveries AS d SET next_at = least(d.next_at, :now)
    FROM follows f
    WHERE f.shop_id = :shop AND d.citizen_id = f.citizen_id AND d.message_id = :message AND d.state = 'waiting'
    """,
)
"""By the shop's followers (`ix_follows_shop`) and the deliveries' primary key: who follows no longer is refused anyway,
and waits for her row to expire. On PostgreSQL, as above, what is just being put off is waited for."""
_LIVE_MESSAGES = Statement(
    "SELECT m.id FROM offers o JOIN messages m ON m.offer_id = o.id WHERE o.shop_id = :shop AND m.expires_at > :now"
)
_THEN = Statement("""
    SELECT x.shop_id IS NULL FROM messages m
    JOIN sending_stops x ON x.shop_id = m.shop_id OR x.shop_id IS NULL
    WHERE m.id = :message AND x.stopped_at <= :then AND (x.lifted_at IS NULL OR x.lifted_at >= :then)
    LIMIT 1
""")


def all_sending_stopped(session: Session) -> bool:
    """Whether staff have stopped all sending: what waits goes on waiting until they resume it."""
    return _ALL.run(session.connection()).first() is not None


def shop_stopped(session: Session, shop_id: uuid.UUID) -> bool:
    """Whether staff have stopped what this shop sends."""
    connection = session.connection()
    return _SHOP.run(connection, {"shop": stored(connection, shop_id)}).first() is not None


def stopped_then(connection: Connection, message: DriverId, then: dt.datetime) -> Reason | None:
    """Which stop held a message at that moment, of its shop or of all sending; None when none did.

    Asked only of what is found to be over.
    """
    row = _THEN.run(connection, {"message": stored(connection, message), "then": stored(connection, then)}).first()
    if row is None:
        return None
    return Reason.SENDING_STOPPED if row[0] else Reason.SHOP_STOPPED


def stop_sending(
    session: Session,
    shop: Shop | None,
    *,
    reason: str,
    now: dt.datetime,
    actor: Actor = Actor.STAFF,
    actor_id: uuid.UUID | None = None,
) -> SendingStop:
    """Stop what a shop sends, or all sending where `shop` is None. At most what is in flight still goes out.

    Raises:
        AlreadyStopped: it is.
        TextRefused: the reason is empty or too long.
    """
    reason = check_lines(reason, pointer="/reason", most=LONGEST_REASON, least=1)
    shop_id = None if shop is None else shop.id
    if _current(session, shop_id) is not None:
        raise AlreadyStopped
    stop = SendingStop(id=new_id(), shop_id=shop_id, stopped_at=now, reason=reason)
    session.add(stop)
    note(session, "sending.stopped", shop_id, actor=actor, actor_id=actor_id, now=now)
    session.flush()
    return stop


def resume_sending(
    session: Session,
    shop: Shop | None,
    *,
    reason: str,
    now: dt.datetime,
    actor: Actor = Actor.STAFF,
    actor_id: uuid.UUID | None = None,
) -> SendingStop:
    """Send again: what a shop sends, or all but what shops stopped by themselves send. The caller rings.

    Raises:
        NotStopped: it is not stopped.
        TextRefused: the reason is empty or too long.
    """
    reason = check_lines(reason, pointer="/reason", most=LONGEST_REASON, least=1)
    shop_id = None if shop is None else shop.id
    stop = _current(session, shop_id)
    if stop is None:
        raise NotStopped
    stop.lifted_at, stop.lifted_reason = now, reason
    note(session, "sending.resumed", shop_id, actor=actor, actor_id=actor_id, now=now)
    session.flush()
    if shop_id is not None:
        _bring_back(session, shop_id, now=now)
    return stop


def current_stops(session: Session) -> Sequence[tuple[SendingStop, Shop | None]]:
    """What is stopped now, the first stopped first, each with its shop; None is all sending."""
    rows = session.execute(
        select(SendingStop, Shop)
        .outerjoin(Shop, Shop.id == SendingStop.shop_id)
        .where(SendingStop.lifted_at.is_(None))
        .order_by(SendingStop.id)
    )
    return [(row[0], row[1]) for row in rows]


def stop_of(session: Session, shop_id: uuid.UUID) -> SendingStop | None:
    """The stop of what a shop sends that stands; none where it sends."""
    standing = SendingStop.shop_id == shop_id, SendingStop.lifted_at.is_(None)
    return session.scalar(select(SendingStop).where(*standing).limit(1))


def _bring_back(session: Session, shop_id: uuid.UUID, *, now: dt.datetime) -> None:
    """What was put off while the shop was stopped may go again."""
    connection = session.connection()
    values = {"shop": stored(connection, shop_id), "now": stored(connection, now)}
    _BRING_MESSAGES_BACK.run(connection, values)
    for (message,) in _LIVE_MESSAGES.run(connection, values).all():
        _BRING_DELIVERIES_BACK.run(connection, {**values, "message": message})


def _current(session: Session, shop_id: uuid.UUID | None) -> SendingStop | None:
    """The stop that stands, read one after the other by those who stop and resume; on SQLite there is one writer."""
    session.flush()
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("LOCK TABLE sending_stops IN SHARE ROW EXCLUSIVE MODE"))
    same = SendingStop.shop_id.is_(None) if shop_id is None else SendingStop.shop_id == shop_id
    return session.scalar(select(SendingStop).where(same, SendingStop.lifted_at.is_(None)).limit(1))
