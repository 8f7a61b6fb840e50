"""Settlement: what the push service answered becomes the row's state, and what a dead worker held is given back.

Only the claim that holds a row may settle it: the fencing token of a late worker no longer matches, and changes
nothing.
"""

import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from citylife import activity
from citylife.activity import Counted
from citylife.ledger.claims import LEASE, Claimed
from citylife.ledger.statements import NIL, Statement, stored
from citylife.ledger.tables import DeliveryState

FIRST_BACK_OFF: Final = 2.0
LONGEST_BACK_OFF: Final = 600.0


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a claimed delivery becomes. `next_at` is for one that waits again."""

    claimed: Claimed
    state: DeliveryState
    status: int | None = None
    next_at: dt.datetime | None = None


def back_off(attempts: int, dice: random.Random) -> dt.timedelta:
    """How long to wait after the `attempts`-th failure: doubling from 2 s to 10 min, with half of it drawn by lot."""
    longest = min(FIRST_BACK_OFF * 2 ** max(attempts - 1, 0), LONGEST_BACK_OFF)
    return dt.timedelta(seconds=longest * (0.5 + dice.random() / 2))


def try_again(claimed: Claimed, *, now: dt.datetime, after: dt.timedelta, status: int | None = None) -> Settlement:
    """Wait for another attempt, unless the message is no longer worth sending by then."""
    next_at = now + after
    if next_at >= claimed.announced.expires_at:
        return Settlement(claimed, DeliveryState.EXPIRED, status)
    return Settlement(claimed, DeliveryState.WAITING, status, next_at)


_MINE: Final = "(d.state = 'claimed' AND d.fence = {fence} OR d.state = 'waiting' AND d.attempts = {attempts} - 1)"
"""Rows of this claim; or whose claim a crash of the database undid, so that they wait as if it had never been."""
_SETTLE = Statement(
    f"""
    UPDATE deliveries AS d SET state = :state, status = :status, next_at = coalesce(:next_at, next_at),
        attempts = :attempts, accepted_at = :accepted_at, fence = NULL, lease_until = NULL
    WHERE citizen_id = :citizen AND message_id = :message AND device_id = :device
      AND {_MINE.format(fence=":fence", attempts=":attempts")}
    """,
    f"""
    UPDATE deliveries AS d SET state = v.state, status = v.status, next_at = coalesce(v.next_at, d.next_at),
        attempts = v.attempts, accepted_at = v.accepted_at, fence = NULL, lease_until = NULL
    FROM unnest(
        CAST(:citizen AS uuid[]), CAST(:message AS uuid[]), CAST(:device AS uuid[]), CAST(:fence AS bigint[]),
        CAST(:attempts AS integer[]), CAST(:state AS text[]), CAST(:status AS smallint[]),
        CAST(:next_at AS timestamptz[]), CAST(:accepted_at AS timestamptz[])
    ) AS v (citizen_id, message_id, device_id, fence, attempts, state, status, next_at, accepted_at)
    WHERE d.citizen_id = v.citizen_id AND d.message_id = v.message_id AND d.device_id = v.device_id
      AND {_MINE.format(fence="v.fence", attempts="v.attempts")}
    """,
)
_FORGET_DEVICE = Statement(
    "DELETE FROM devices WHERE citizen_id = :citizen AND id = :device AND endpoint_sha256 = :endpoint"
)
_FORGET_ENDPOINT = Statement("DELETE FROM endpoints WHERE endpoint_sha256 = :endpoint AND device_id = :device")
_SWEEP = Statement(
    "UPDATE deliveries SET state = 'waiting', next_at = :now, fence = NULL, lease_until = NULL "
    "WHERE state = 'claimed' AND lease_until < :now"
)
_SHORTEN = Statement("UPDATE deliveries SET lease_until = :lease WHERE state = 'claimed' AND lease_until > :longest")
_PAUSE = Statement(
    "UPDATE origins SET paused_until = :until WHERE id = :origin AND (paused_until IS NULL OR paused_until < :until)"
)
_STOP = Statement(
    "UPDATE origins SET stopped_at = :now, stopped_status = :status WHERE id = :origin AND stopped_at IS NULL"
)
_RESUME = Statement(
    "UPDATE origins SET stopped_at = NULL, stopped_status = NULL, paused_until = NULL WHERE id = :origin"
)


def settle(session: Session, settlements: Sequence[Settlement], *, now: dt.datetime) -> int:
    """Write the answers; how many rows were still this claim's. A gone device is forgotten, if it is still this one."""
    if not settlements:
        return 0
    connection = session.connection()
    moment = stored(connection, now)
    rows = [_values(connection, settlement, moment) for settlement in settlements]
    if connection.dialect.name == "sqlite":
        settled = _SETTLE.run_many(connection, rows)
    else:
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        settled = _SETTLE.count(connection, columns)
    for settlement in settlements:
        if settlement.state is DeliveryState.GONE:
            _forget(session, settlement.claimed, now=now)
    return settled


def _values(connection: Connection, settlement: Settlement, moment: Any) -> dict[str, Any]:
    claimed = settlement.claimed
    next_at = settlement.next_at
    return {
        "citizen": claimed.citizen_id,
        "message": claimed.message_id,
        "device": claimed.device_id,
        "fence": claimed.fence,
        "attempts": claimed.attempts,
        "state": settlement.state.value,
        "status": settlement.status,
        "next_at": None if next_at is None else stored(connection, next_at),
        "accepted_at": moment if settlement.state is DeliveryState.ACCEPTED else None,
    }


def _forget(session: Session, claimed: Claimed, *, now: dt.datetime) -> None:
    connection = session.connection()
    values = {"citizen": claimed.citizen_id, "device": claimed.device_id, "endpoint": claimed.endpoint_sha256}
    if _FORGET_DEVICE.count(connection, values):
        _FORGET_ENDPOINT.run(connection, values)
        activity.count(session, Counted.DEVICES_GONE, NIL, now=now)


def sweep(session: Session, *, now: dt.datetime, lease: dt.timedelta = LEASE) -> int:
    """Give back what was claimed under a lease that is over: its worker is dead. How many rows.

    A lease that ends later than any claimed by now can was written before the clock was set back: it holds for one
    `lease` more, which a living worker needs, and not for as long as the clock went back.
    """
    connection = session.connection()
    values = {"lease": stored(connection, now + lease), "longest": stored(connection, now + 2 * lease)}
    _SHORTEN.run(connection, values)
    return _SWEEP.count(connection, {"now": stored(connection, now)})


def pause_origin(session: Session, origin_id: int, *, until: dt.datetime) -> None:
    """Claim nothing for this push service until then (429); a longer pause stands."""
    connection = session.connection()
    _PAUSE.run(connection, {"origin": origin_id, "until": stored(connection, until)})


def stop_origin(session: Session, origin_id: int, *, status: int | None, now: dt.datetime) -> bool:
    """Claim nothing for this push service until somebody resumes it (401, 403); whether this call stopped it."""
    connection = session.connection()
    values = {"origin": origin_id, "status": status, "now": stored(connection, now)}
    return _STOP.count(connection, values) > 0


def resume_origin(session: Session, origin_id: int) -> None:
    """Send to this push service again."""
    _RESUME.run(session.connection(), {"origin": origin_id})
