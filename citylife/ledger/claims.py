"""Claims: deliveries handed to one sender, under a lease and a fencing token, after a last look at every setting.

Publishing proposes, releasing decides: follow, level, consent, the states of shop and offer and the stops are read
again in the transaction that claims. What they refuse leaves the deliveries, and its decision says why. What a stop of
staff holds waits, at no cost, until it is resumed or expires (`citylife.ledger.stops`).
"""

import datetime as dt
import secrets
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from citylife.buckets import BUCKETS
from citylife.courtesy.budget import give_back, move
from citylife.courtesy.quiet import Profile, release
from citylife.ledger.digests import Line, lines_of
from citylife.ledger.lanes import Lane
from citylife.ledger.messages import UNDO
from citylife.ledger.statements import DriverId, Statement, identifier, moment, stored
from citylife.ledger.stops import all_sending_stopped, stopped_then
from citylife.ledger.tables import OF_HERS, MessageKind, Reason

LEASE: Final = dt.timedelta(seconds=60)
"""How long a claim holds; far longer than a message's total timeout, so that only a dead worker outlives it."""
BATCH: Final = 100
ELSEWHERE: Final = dt.timedelta(seconds=15)
"""How long a delivery waits for a host that holds its push key; during a rotation, another one soon does."""
DISCOVERY: Final = "discovery"
"""The level of who was told by discovery, and follows nothing of the shop."""
LOOK_AGAIN: Final = dt.timedelta(minutes=15)
"""How long such a one waits while the shop is stopped: resuming it brings back what waits for its followers only."""
POSTPONING: Final = frozenset({Reason.OFFER_CLOSED, Reason.SHOP_STOPPED, Reason.QUIET_HOURS})
"""Reasons that may pass: with a moment given, the delivery waits for it."""


@dataclass(frozen=True, slots=True)
class Announced:
    """What a message says, as it stands at the moment of the claim."""

    message_id: DriverId
    kind: MessageKind
    expires_at: dt.datetime
    offer_id: Any
    title: str
    ends_at: dt.datetime
    shop_name: str
    held: Reason | None
    """Why nothing of it may be sent now; None when it may."""
    until: dt.datetime | None
    """When a held message may be looked at again; None when it is held for good."""
    lines: Sequence[Line] = ()
    """What a digest, or « near me now », says to one citizen."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """One delivery in the hands of one sender. The three ids are the driver's values."""

    citizen_id: DriverId
    message_id: DriverId
    device_id: DriverId
    fence: int
    attempts: int
    origin_id: int
    endpoint: str
    endpoint_sha256: bytes
    p256dh: bytes
    auth: bytes
    locale: str
    push_key: int
    """The number of the house's key that the device subscribed with."""
    announced: Announced


@dataclass(slots=True)
class Taken:
    """What a claim brought: deliveries to send, and how many were held, postponed or found expired."""

    to_send: list[Claimed] = field(default_factory=list)
    held: int = 0
    postponed: int = 0
    expired: int = 0
    not_ours: int = 0
    """How many of those postponed a host with another push key must send."""

    @property
    def rows(self) -> int:
        """How many rows the claim touched; zero when the lane was empty."""
        return len(self.to_send) + self.held + self.postponed + self.expired


class Quiet:
    """Whether those whose deliveries are claimed may be disturbed now; asked once for each of their settings."""

    def __init__(self, now: dt.datetime) -> None:
        self._now = now
        self._known: dict[tuple[Any, ...], tuple[Profile, dt.datetime]] = {}

    def judge(
        self, connection: Connection, key: Mapping[str, Any], settings: tuple[Any, ...], expires_at: dt.datetime
    ) -> tuple[Reason | None, dt.datetime | None]:
        """Why a delivery may not leave now, and until when; without a moment, for good.

        `settings` are her time zone, quiet hours and Sundays as stored. What waits for another day counts on that day.
        """
        profile, release_at = self._release(tuple(settings))
        if release_at <= self._now:
            return None, None
        if release_at >= expires_at:
            return Reason.QUIET_HOURS, None
        spent = move(connection, key, profile, self._now)
        return (Reason.QUIET_HOURS, release_at) if spent is None else (spent, None)

    def _release(self, settings: tuple[Any, ...]) -> tuple[Profile, dt.datetime]:
        found = self._known.get(settings)
        if found is None:
            time_zone, begin, end, sundays = settings
            begin, end = (each if isinstance(each, dt.time) else dt.time.fromisoformat(each) for each in (begin, end))
            profile = Profile(time_zone, begin, end, bool(sundays))
            found = self._known[settings] = (profile, release(profile, self._now))
        return found


_WANTED: Final = """
    v.endpoint, v.endpoint_sha256, v.p256dh, v.auth, c.locale, c.notifications_consented,
    coalesce(
        (SELECT f.level FROM follows f WHERE f.citizen_id = d.citizen_id AND f.shop_id = m.shop_id),
        CASE WHEN c.discover_nearby AND c.location_consented AND EXISTS (
            SELECT 1 FROM decisions x
            WHERE x.citizen_id = d.citizen_id AND x.message_id IN (d.message_id, m.replaces_id)
              AND x.reason = 'discovery'
        ) THEN 'discovery' END
    ),
    v.push_key, c.time_zone, c.quiet_from, c.quiet_until, c.quiet_sundays
"""
"""A scalar subquery for the follow: as a join, PostgreSQL without statistics walks all of the shop's followers. Who was
told by discovery follows nothing, and must still want to discover."""
_NOW_TRUE: Final = """
    JOIN messages m ON m.id = d.message_id
    JOIN citizens c ON c.id = d.citizen_id
    LEFT JOIN devices v ON v.citizen_id = d.citizen_id AND v.id = d.device_id
"""
_PICK_ON_SQLITE = Statement(f"""
    SELECT d.citizen_id, d.message_id, d.device_id, d.attempts + 1, {_WANTED}, d.rowid
    FROM (
        SELECT rowid, * FROM deliveries
        WHERE bucket = :bucket AND origin_id = :origin AND state = 'waiting' AND next_at <= :now
        ORDER BY next_at LIMIT :most
    ) AS d
    {_NOW_TRUE}
""")
_HOLD_ON_SQLITE = Statement(
    "UPDATE deliveries SET state = 'claimed', fence = :fence, lease_until = :lease, attempts = attempts + 1 "
    "WHERE rowid = :rowid"
)
_CLAIMS_ON_POSTGRESQL = tuple(
    Statement(f"""
    WITH picked AS (
        SELECT citizen_id, message_id, device_id FROM deliveries
        WHERE bucket = {bucket} AND origin_id = :origin AND state = 'waiting' AND next_at <= :now
        ORDER BY next_at LIMIT :most FOR UPDATE SKIP LOCKED
    ), d AS (
        UPDATE deliveries AS held SET state = 'claimed', fence = :fence, lease_until = :lease, attempts = attempts + 1
        FROM picked
        WHERE held.bucket = {bucket} AND held.citizen_id = picked.citizen_id
          AND held.message_id = picked.message_id AND held.device_id = picked.device_id
        RETURNING held.citizen_id, held.message_id, held.device_id, held.attempts
    )
    SELECT d.citizen_id, d.message_id, d.device_id, d.attempts, {_WANTED}
    FROM d {_NOW_TRUE}
""")
    for bucket in range(BUCKETS)
)
"""One text a bucket: a worker's connection plans each of them once."""
_ANNOUNCED = Statement("""
    SELECT m.id, m.kind, m.expires_at, m.offer_id, o.title, o.ends_at, o.status, o.closed_at, s.name, s.status,
        EXISTS (SELECT 1 FROM sending_stops x WHERE x.shop_id = s.id AND x.lifted_at IS NULL)
    FROM messages m LEFT JOIN offers o ON o.id = m.offer_id LEFT JOIN shops s ON s.id = m.shop_id
    WHERE m.id = :message
""")
_MINE: Final = (
    "WHERE citizen_id = :citizen AND message_id = :message AND device_id = :device "
    "AND state = 'claimed' AND fence = :fence"
)
_DROP = Statement(f"DELETE FROM deliveries {_MINE}")
_SAY_WHY = Statement("""
    UPDATE decisions SET outcome = 'held', reason = :reason, decided_at = :now
    WHERE citizen_id = :citizen AND message_id = :message AND NOT EXISTS (
        SELECT 1 FROM deliveries d WHERE d.citizen_id = :citizen AND d.message_id = :message
    )
""")
_POSTPONE = Statement(
    "UPDATE deliveries SET state = 'waiting', next_at = :until, fence = NULL, lease_until = NULL, "
    f"attempts = attempts - 1 {_MINE}"
)
_EXPIRE = Statement(f"UPDATE deliveries SET state = 'expired', fence = NULL, lease_until = NULL {_MINE}")


def claim(
    session: Session,
    lane: Lane,
    *,
    now: dt.datetime,
    lease: dt.timedelta = LEASE,
    most: int = BATCH,
    push_keys: Container[int] | None = None,
) -> Taken:
    """Claim up to `most` deliveries of the lane, the longest waiting first, and release those that may still go.

    `push_keys` are the numbers of the keys the sender can sign with; a delivery to a device of another is left for
    another host.

    The caller commits, and only then hands `to_send` to the sender. Nothing is touched while all sending is stopped.
    """
    if all_sending_stopped(session):
        return Taken()
    connection = session.connection()
    fence = secrets.randbits(62)
    rows = _picked(connection, lane, fence=fence, now=now, lease=lease, most=most)
    announced = _announced(connection, {row[1] for row in rows}, now=now)
    taken = Taken()
    refused: dict[Reason, list[dict[str, Any]]] = defaultdict(list)
    postponed: list[dict[str, Any]] = []
    quiet = Quiet(now)
    lines = _digest_lines(connection, rows, announced, now=now)
    expired: list[dict[str, Any]] = []
    over = {
        one: stopped_then(connection, one, what.expires_at) for one, what in announced.items() if what.expires_at <= now
    }
    for row in rows:
        citizen, message, device, attempts, endpoint, endpoint_sha256, p256dh, auth = row[:8]
        locale, consented, level, push_key = row[8:12]
        what, level = _as_hers(announced[message], level, lines.get((message, citizen), ()))
        key = {"citizen": citizen, "message": message, "device": device, "fence": fence}
        reason = what.held or _refused_by_her(endpoint, consented=bool(consented), level=level)
        until = what.until
        if reason is None and message not in over and what.kind is not MessageKind.NEAR_ME_NOW:
            reason, until = quiet.judge(connection, key, row[12:16], what.expires_at)
        if message in over and (reason := over[message]) is None:
            expired.append(key)
        elif reason is None and push_keys is not None and push_key not in push_keys:
            taken.not_ours += 1
            postponed.append({**key, "until": stored(connection, now + ELSEWHERE)})
        elif reason is None:
            taken.to_send.append(
                Claimed(
                    citizen,
                    message,
                    device,
                    fence,
                    attempts,
                    lane.origin_id,
                    endpoint,
                    bytes(endpoint_sha256),
                    bytes(p256dh),
                    bytes(auth),
                    locale,
                    int(push_key),
                    what,
                )
            )
        elif message not in over and until is not None and reason in POSTPONING:
            soon = level == DISCOVERY and reason is Reason.SHOP_STOPPED
            postponed.append({**key, "until": stored(connection, min(until, now + LOOK_AGAIN) if soon else until)})
        else:
            refused[reason].append({**key, "reason": reason.value, "now": stored(connection, now)})
    _write_down(connection, postponed, expired, refused)
    taken.held = sum(len(keys) for keys in refused.values())
    taken.postponed, taken.expired = len(postponed), len(expired)
    return taken


def _write_down(
    connection: Connection,
    postponed: Sequence[Mapping[str, Any]],
    expired: Sequence[Mapping[str, Any]],
    refused: Mapping[Reason, Sequence[Mapping[str, Any]]],
) -> None:
    """What becomes of the rows of a claim that are not sent now."""
    if postponed:
        _POSTPONE.run_many(connection, postponed)
    if expired:
        _EXPIRE.run_many(connection, expired)
    for keys in refused.values():
        _DROP.run_many(connection, keys)
        _SAY_WHY.run_many(connection, keys)
        give_back(connection, keys)


def _digest_lines(
    connection: Connection, rows: Iterable[Any], announced: Mapping[DriverId, Announced], *, now: dt.datetime
) -> dict[tuple[DriverId, DriverId], Sequence[Line]]:
    """What the messages of no one offer among the rows say to each citizen, by message and citizen."""
    citizens: dict[DriverId, set[DriverId]] = defaultdict(set)
    for row in rows:
        if announced[row[1]].kind in OF_HERS:
            citizens[row[1]].add(row[0])
    return {
        (message, citizen): lines
        for message, some in citizens.items()
        for citizen, lines in lines_of(connection, message, some, now=now).items()
    }


def _as_hers(what: Announced, level: str | None, lines: Sequence[Line]) -> tuple[Announced, str | None]:
    """A message as one citizen gets it, and at what level: a digest is hers alone, and held where empty."""
    if what.kind not in OF_HERS:
        return what, level
    return replace(what, lines=lines, held=None if lines else Reason.OFFER_CLOSED), what.kind.value


def _picked(
    connection: Connection, lane: Lane, *, fence: int, now: dt.datetime, lease: dt.timedelta, most: int
) -> list[Any]:
    values = {
        "bucket": lane.bucket,
        "origin": lane.origin_id,
        "now": stored(connection, now),
        "most": most,
        "fence": fence,
        "lease": stored(connection, now + lease),
    }
    if connection.dialect.name != "sqlite":
        return list(_CLAIMS_ON_POSTGRESQL[lane.bucket].run(connection, values).all())
    rows = list(_PICK_ON_SQLITE.run(connection, values).all())
    if rows:
        held = [{"fence": fence, "lease": values["lease"], "rowid": row[-1]} for row in rows]
        _HOLD_ON_SQLITE.run_many(connection, held)
    return rows


def _refused_by_her(endpoint: str | None, *, consented: bool, level: str | None) -> Reason | None:
    """Which of the citizen's own settings refuses the message now; None when none does."""
    if endpoint is None:
        return Reason.DEVICE_GONE
    if not consented:
        return Reason.NO_CONSENT
    if level is None:
        return Reason.UNFOLLOWED
    return Reason.LEVEL_NONE if level == "none" else None


def _announced(connection: Connection, messages: Iterable[DriverId], *, now: dt.datetime) -> dict[DriverId, Announced]:
    found = {}
    for message in messages:
        row = _ANNOUNCED.run(connection, {"message": message}).one()
        _, kind, expires_at, offer_id, title, ends_at, status, closed_at, shop_name, shop_status, stopped = row
        expiry = moment(expires_at)
        if MessageKind(kind) in OF_HERS and expiry is not None:
            found[message] = Announced(message, MessageKind(kind), expiry, None, "", expiry, "", None, None)
            continue
        end = moment(ends_at)
        if expiry is None or end is None:  # pragma: no cover - the columns are NOT NULL
            raise AssertionError("a message without an end")
        held, until = _held_by_the_house(MessageKind(kind), status, moment(closed_at), now=now)
        if held is None and shop_status != "verified":
            held = Reason.SHOP_STOPPED
        elif held is None and stopped:
            held, until = Reason.SHOP_STOPPED, expiry
        found[message] = Announced(
            message, MessageKind(kind), expiry, identifier(offer_id), title, end, shop_name, held, until
        )
    return found


def _held_by_the_house(
    kind: MessageKind, offer_status: str, closed_at: dt.datetime | None, *, now: dt.datetime
) -> tuple[Reason | None, dt.datetime | None]:
    """Why the offer's state holds the message, and until when: a sold-out offer may be back within ten seconds."""
    if kind is MessageKind.SOLD_OUT:
        return (None if offer_status == "sold-out" else Reason.OFFER_CLOSED), None
    if offer_status == "live":
        return None, None
    if offer_status == "sold-out" and closed_at is not None and now < closed_at + UNDO:
        return Reason.OFFER_CLOSED, closed_at + UNDO
    return Reason.OFFER_CLOSED, None
