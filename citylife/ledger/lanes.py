"""Lanes: where deliveries wait, a bucket of citizens and a push service each; and whether anybody else's do."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from citylife.buckets import BUCKETS
from citylife.ledger.statements import Statement, stored
from citylife.ledger.stops import all_sending_stopped


@dataclass(frozen=True, slots=True)
class Lane:
    """A bucket of citizens and a push service: the unit that work is claimed by."""

    bucket: int
    origin_id: int
    origin: str


_BUCKET_ROWS: Final = ", ".join(f"({bucket})" for bucket in range(BUCKETS))
_LANES = Statement(
    f"""
    WITH buckets (bucket) AS (VALUES {_BUCKET_ROWS})
    SELECT b.bucket, o.id, o.origin
    FROM origins o CROSS JOIN buckets b
    WHERE o.stopped_at IS NULL AND (o.paused_until IS NULL OR o.paused_until <= :now)
      AND EXISTS (
        SELECT 1 FROM deliveries d
        WHERE d.bucket = b.bucket AND d.origin_id = o.id AND d.state = 'waiting' AND d.next_at <= :now
      )
""",
    " UNION ALL ".join(
        f"""
    SELECT {bucket}, o.id, o.origin
    FROM origins o CROSS JOIN LATERAL (
        SELECT 1 FROM deliveries d
        WHERE d.bucket = {bucket} AND d.origin_id = o.id AND d.state = 'waiting' AND d.next_at <= :now LIMIT 1
    ) AS due
    WHERE o.stopped_at IS NULL AND (o.paused_until IS NULL OR o.paused_until <= :now)
"""
        for bucket in range(BUCKETS)
    ),
)
"""On PostgreSQL a bucket is written out, here and in the claim: where the table is partitioned, the planner then knows
the one partition that holds it (`citylife.partitions`)."""
_OPEN_ORIGIN: Final = "o.stopped_at IS NULL AND (o.paused_until IS NULL OR o.paused_until <= :now)"
_END_OF_LANE: Final = """
    (SELECT d.message_id FROM deliveries d
     WHERE d.bucket = {bucket} AND d.origin_id = o.id AND d.state = 'waiting' AND d.next_at <= :now
     ORDER BY d.next_at {direction} LIMIT 1) <> :message
"""
_OTHERS = Statement(
    f"""
    WITH buckets (bucket) AS (VALUES {_BUCKET_ROWS})
    SELECT 1 FROM origins o CROSS JOIN buckets b
    WHERE {_OPEN_ORIGIN} AND ({_END_OF_LANE.format(bucket="b.bucket", direction="ASC")}
      OR {_END_OF_LANE.format(bucket="b.bucket", direction="DESC")})
    LIMIT 1
""",
    " UNION ALL ".join(
        f"""
    SELECT 1 FROM origins o
    WHERE {_OPEN_ORIGIN} AND ({_END_OF_LANE.format(bucket=bucket, direction="ASC")}
      OR {_END_OF_LANE.format(bucket=bucket, direction="DESC")})
"""
        for bucket in range(BUCKETS)
    )
    + " LIMIT 1",
)


def open_lanes(session: Session, *, now: dt.datetime) -> list[Lane]:
    """The lanes with something to send now, of origins neither paused nor stopped; none when all sending is stopped.

    One seek of `ix_deliveries_waiting` a lane.
    """
    if all_sending_stopped(session):
        return []
    connection = session.connection()
    rows = _LANES.run(connection, {"now": stored(connection, now)})
    return [Lane(bucket, origin_id, origin) for bucket, origin_id, origin in rows.all()]


def others_wait(session: Session, message_id: uuid.UUID, *, now: dt.datetime) -> bool:
    """Whether a delivery of another message than this one is ready to be sent, as far as the ends of each lane say.

    Two seeks of `ix_deliveries_waiting` a lane: what has waited longest in it, and what came last. So whatever came
    before or after the message is seen, not what lies between two of its own pages.
    """
    if all_sending_stopped(session):
        return False
    connection = session.connection()
    values = {"now": stored(connection, now), "message": stored(connection, message_id)}
    return _OTHERS.run(connection, values).first() is not None
