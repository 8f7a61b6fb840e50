"""Digests: what was put aside for a citizen, told at her hour in one notification; silent when nothing of it is left.

A digest is outside the budgets and comes at most once a day. Everybody who is due at the same look shares a message;
what it says is hers alone, and read when it is claimed, so that an offer that has ended meanwhile is not in it.
"""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from citylife.clock import local_date
from citylife.database import new_id
from citylife.ledger.statements import DriverId, Statement, stored
from citylife.ledger.stops import all_sending_stopped
from citylife.ledger.tables import Message, MessageKind, MessageState

PAGE: Final = 500
"""Citizens a transaction takes up, at most."""
LINES: Final = 4 * PAGE
"""Lines in which they are looked for, the longest due first: so that no page reads all that is due of an evening."""
WORTH: Final = dt.timedelta(hours=12)
"""How long a digest is worth showing."""
_SOMETHING: Final = Statement("SELECT 1 FROM digest_lines WHERE due_at <= :now LIMIT 1")
_PERSONS: Final = Statement(
    *(
        f"""
        SELECT c.id, c.time_zone, c.digest AND c.notifications_consented
        FROM (
            SELECT DISTINCT citizen_id
            FROM (SELECT citizen_id FROM digest_lines WHERE due_at <= :now ORDER BY due_at LIMIT :lines) AS l
            ORDER BY citizen_id LIMIT :page
        ) AS p JOIN citizens c ON c.id = p.citizen_id ORDER BY c.id {lock}
        """
        for lock in ("", "FOR NO KEY UPDATE OF c SKIP LOCKED")
    )
)


class _OfAPage:
    """A statement about citizens: one for all of them on PostgreSQL, one for each on SQLite."""

    def __init__(self, text: str) -> None:
        self._statement = Statement(text.format(citizens="= :citizen"), text.format(citizens="= ANY(:citizens)"))

    def count(self, connection: Connection, citizens: Sequence[DriverId], values: Mapping[str, Any]) -> int:
        """How many rows it touched."""
        if not citizens:
            return 0
        if connection.dialect.name == "postgresql":
            return self._statement.count(connection, {**values, "citizens": list(citizens)})
        return self._statement.run_many(connection, [{**values, "citizen": citizen} for citizen in citizens])

    def rows(self, connection: Connection, citizens: Sequence[DriverId], values: Mapping[str, Any]) -> list[Any]:
        """What it gives of all of them."""
        if not citizens:
            return []
        if connection.dialect.name == "postgresql":
            return list(self._statement.run(connection, {**values, "citizens": list(citizens)}).all())
        each = ({**values, "citizen": citizen} for citizen in citizens)
        return [row for asked in each for row in self._statement.run(connection, asked).all()]


# « IS TRUE » keeps a planner from reading all that is due of everybody for the lines of some.
_HERS_DUE: Final = "citizen_id {citizens} AND (due_at <= :now) IS TRUE"
_TOLD_TODAY: Final = _OfAPage("""
    SELECT DISTINCT citizen_id FROM decisions
    WHERE citizen_id {citizens} AND reason = 'digest' AND local_date = :today
""")
_LATER: Final = _OfAPage(f"UPDATE digest_lines SET due_at = :later WHERE {_HERS_DUE}")
_LEAVE_OUT: Final = _OfAPage(f"DELETE FROM digest_lines WHERE {_HERS_DUE}")
_LEAVE_OUT_WHAT_IS_OVER: Final = _OfAPage(f"""
    DELETE FROM digest_lines WHERE {_HERS_DUE} AND NOT EXISTS (
        SELECT 1 FROM messages m JOIN offers o ON o.id = m.offer_id
        WHERE m.id = digest_lines.message_id AND o.status = 'live' AND o.ends_at > :now
    )
""")
_TAKE_UP: Final = _OfAPage(f"UPDATE digest_lines SET digest_id = :message, due_at = NULL WHERE {_HERS_DUE}")
_DECIDE: Final = _OfAPage("""
    INSERT INTO decisions (citizen_id, message_id, outcome, reason, decided_at, local_date, arm)
    SELECT c.id, :message,
        CASE WHEN EXISTS (SELECT 1 FROM devices d WHERE d.citizen_id = c.id) THEN 'send' ELSE 'held' END,
        CASE WHEN EXISTS (SELECT 1 FROM devices d WHERE d.citizen_id = c.id) THEN 'digest' ELSE 'no-device' END,
        :now, :today, 'none'
    FROM citizens c
    WHERE c.id {citizens}
        AND EXISTS (SELECT 1 FROM digest_lines l WHERE l.citizen_id = c.id AND l.digest_id = :message)
""")
_DELIVER: Final = _OfAPage("""
    INSERT INTO deliveries (citizen_id, message_id, device_id, bucket, origin_id, state, attempts, next_at)
    SELECT d.citizen_id, :message, d.id, d.bucket, d.origin_id, 'waiting', 0, :now
    FROM devices d JOIN decisions x ON x.citizen_id = d.citizen_id AND x.message_id = :message
    WHERE d.citizen_id {citizens}
""")
_LINES: Final = Statement("""
    SELECT s.name, o.title FROM digest_lines l
    JOIN messages m ON m.id = l.message_id
    JOIN offers o ON o.id = m.offer_id
    JOIN shops s ON s.id = o.shop_id
    JOIN citizens c ON c.id = l.citizen_id
    LEFT JOIN follows f ON f.citizen_id = l.citizen_id AND f.shop_id = s.id
    WHERE l.citizen_id = :citizen AND l.digest_id = :message
      AND CASE WHEN f.level IS NULL THEN c.discover_nearby ELSE f.level <> 'none' END
      AND o.status = 'live' AND o.ends_at > :now AND s.status = 'verified'
      AND NOT EXISTS (SELECT 1 FROM sending_stops x WHERE x.shop_id = s.id AND x.lifted_at IS NULL)
    ORDER BY o.ends_at, o.id
""")


@dataclass(frozen=True, slots=True)
class DigestPage:
    """What one page of digests wrote."""

    message_id: uuid.UUID
    digests: int
    deliveries: int


Line = tuple[str, str]
"""A shop's name, and what it offers."""


def something_due(session: Session, *, now: dt.datetime) -> bool:
    """Whether `take_up` would find anybody: a look that takes no lock."""
    if all_sending_stopped(session):
        return False
    connection = session.connection()
    return _SOMETHING.run(connection, {"now": stored(connection, now)}).first() is not None


def take_up(session: Session, *, now: dt.datetime, page: int = PAGE) -> DigestPage | None:
    """Turn what is due for a page of citizens into digests; None when nobody is due.

    Who has had one today gets the next tomorrow. Who wants none any more, or may not be told, has nothing kept.
    """
    if all_sending_stopped(session):
        return None
    connection = session.connection()
    moment = stored(connection, now)
    persons = _PERSONS.run(connection, {"now": moment, "page": page, "lines": LINES}).all()
    if not persons:
        return None
    message = _message(session, now=now)
    digests = deliveries = 0
    for zone, hers in _by_zone(persons).items():
        values = {
            "now": moment,
            "message": stored(connection, message.id),
            "today": stored(connection, local_date(now, zone)),
            "later": stored(connection, now + dt.timedelta(days=1)),
        }
        _LEAVE_OUT.count(connection, [citizen for citizen, wanted in hers if not wanted], values)
        wishing = [citizen for citizen, wanted in hers if wanted]
        told = {row[0] for row in _TOLD_TODAY.rows(connection, wishing, values)}
        _LATER.count(connection, list(told), values)
        due = [citizen for citizen in wishing if citizen not in told]
        _LEAVE_OUT_WHAT_IS_OVER.count(connection, due, values)
        _TAKE_UP.count(connection, due, values)
        digests += _DECIDE.count(connection, due, values)
        deliveries += _DELIVER.count(connection, due, values)
    message.decided = digests
    if not digests:
        session.delete(message)
    session.flush()
    return DigestPage(message.id, digests, deliveries)


def _by_zone(persons: Iterable[Any]) -> dict[str, list[tuple[DriverId, bool]]]:
    """Citizens, each with whether she wants a digest, by time zone: a day is not the same everywhere."""
    found: dict[str, list[tuple[DriverId, bool]]] = defaultdict(list)
    for citizen, zone, wanted in persons:
        found[zone].append((citizen, bool(wanted)))
    return found


def lines_of(
    connection: Connection, message: DriverId, citizens: Iterable[DriverId], *, now: dt.datetime
) -> dict[DriverId, Sequence[Line]]:
    """What a digest says to each citizen now: what is still live, of the shops she still follows, ending soonest."""
    found: dict[DriverId, Sequence[Line]] = defaultdict(tuple)
    moment = stored(connection, now)
    for citizen in citizens:
        rows = _LINES.run(connection, {"citizen": citizen, "message": message, "now": moment}).all()
        found[citizen] = tuple((row[0], row[1]) for row in rows)
    return found


def _message(session: Session, *, now: dt.datetime) -> Message:
    message = Message(
        id=new_id(),
        kind=MessageKind.DIGEST,
        state=MessageState.EXPANDED,
        created_at=now,
        release_at=now,
        expires_at=now + WORTH,
        expanded_at=now,
    )
    session.add(message)
    session.flush()
    return message
