"""Writing the audience down: decisions, the slots they take, what is put aside for digests, and deliveries.

Two announcements may be decided at the same moment for the same citizen, by two workers on PostgreSQL. Both want the
next slot of her week: the one that comes second finds it taken, writes nothing for her, and asks anew.
"""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from citylife.audience.judging import BUDGETED, PUT_ASIDE, SENT, Hearers, Question, judging, values_of
from citylife.courtesy.draw import CERTAIN
from citylife.ledger.statements import DriverId, Statement

MOST_ROUNDS: Final = 20
"""How often a page may be asked anew; each round somebody has got a slot, and no week has more than twenty."""


@dataclass(frozen=True, slots=True)
class Written:
    """How many decisions and deliveries a page has made."""

    decisions: int
    deliveries: int


_COLUMNS: Final = "citizen_id, bucket, digest, reason, release_at, local_date, week_of, slot, chance, due_at"
_DECISION: Final = f"""
    citizen_id, :message, CASE WHEN reason IN {SENT} THEN 'send' ELSE 'held' END, reason, :now,
    CASE WHEN reason IN {SENT} AND release_at > :now THEN release_at END,
    CASE WHEN reason IN {SENT} THEN local_date END,
    CASE WHEN chance IS NULL OR chance = 0 OR chance = {CERTAIN} THEN 'none'
        WHEN reason = 'not-drawn' THEN reason ELSE 'drawn' END,
    CASE WHEN chance > 0 AND chance < {CERTAIN} THEN chance END
"""
_INTO_DECISIONS: Final = (
    "INSERT INTO decisions (citizen_id, message_id, outcome, reason, decided_at, until, local_date, arm, chance)"
)
_INTO_SLOTS: Final = "INSERT INTO budget_slots (citizen_id, week_of, slot, local_date, message_id)"
_INTO_LINES: Final = "INSERT INTO digest_lines (citizen_id, message_id, due_at)"
_INTO_DELIVERIES: Final = (
    "INSERT INTO deliveries (citizen_id, message_id, device_id, bucket, origin_id, state, attempts, next_at)"
)
_HEARERS: Final = Statement("""
    CREATE TEMP TABLE IF NOT EXISTS hearers (
        citizen_id BLOB PRIMARY KEY, bucket, digest, reason, release_at, local_date, week_of, slot, chance, due_at
    ) WITHOUT ROWID
""")
_GATHER_ON_SQLITE: Final = f" INSERT INTO hearers ({_COLUMNS}) SELECT {_COLUMNS} FROM judged"
_FORGET: Final = Statement("DELETE FROM hearers")
_DECIDE: Final = Statement(f"{_INTO_DECISIONS} SELECT {_DECISION} FROM hearers")
_TAKE_SLOTS: Final = Statement(
    f"{_INTO_SLOTS} SELECT citizen_id, week_of, slot, local_date, :message FROM hearers WHERE reason IN {BUDGETED}"
)
_PUT_ASIDE: Final = Statement(
    f"{_INTO_LINES} SELECT citizen_id, :message, due_at FROM hearers WHERE digest AND reason IN {PUT_ASIDE}"
)
_DELIVER: Final = Statement(f"""
    {_INTO_DELIVERIES}
    SELECT h.citizen_id, :message, d.id, d.bucket, d.origin_id, 'waiting', 0, h.release_at
    FROM hearers h JOIN devices d ON d.citizen_id = h.citizen_id WHERE h.reason IN {SENT}
""")
_WRITE_ON_POSTGRESQL: Final = f""",
    undecided AS MATERIALIZED (
        SELECT * FROM judged j WHERE CAST(:round AS integer) = 0 OR NOT EXISTS (
            SELECT 1 FROM decisions x WHERE x.citizen_id = j.citizen_id AND x.message_id = :message
        )
    ),
    slotted AS (
        {_INTO_SLOTS}
        SELECT citizen_id, week_of, slot, local_date, :message FROM undecided WHERE reason IN {BUDGETED}
        ORDER BY citizen_id
        ON CONFLICT DO NOTHING RETURNING citizen_id
    ),
    settled AS MATERIALIZED (
        SELECT * FROM undecided u
        WHERE u.reason NOT IN {BUDGETED} OR u.citizen_id IN (SELECT s.citizen_id FROM slotted s)
    ),
    decided AS ({_INTO_DECISIONS} SELECT {_DECISION} FROM settled RETURNING 1),
    put_aside AS (
        {_INTO_LINES} SELECT citizen_id, :message, due_at FROM settled WHERE digest AND reason IN {PUT_ASIDE}
    ),
    delivered AS (
        {_INTO_DELIVERIES}
        SELECT h.citizen_id, :message, d.id, d.bucket, d.origin_id, 'waiting', 0, h.release_at
        FROM settled h JOIN devices d ON d.citizen_id = h.citizen_id WHERE h.reason IN {SENT}
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM undecided), (SELECT count(*) FROM decided), (SELECT count(*) FROM delivered)
    """
_ASK: Final = {hearers: judging(hearers, _GATHER_ON_SQLITE, _WRITE_ON_POSTGRESQL) for hearers in Hearers}
"""On SQLite the answer is gathered in a table in memory, on PostgreSQL it is written down at once."""


def write_page(
    connection: Connection, hearers: Hearers, question: Question, *, cursor: DriverId, upper: DriverId
) -> Written:
    """Decide for the hearers after `cursor` up to `upper`, and write all of it; `question` names its message."""
    if connection.dialect.name == "sqlite":
        values = values_of(connection, hearers, question, cursor=cursor, upper=upper)
        return _write_on_sqlite(connection, hearers, values)
    decisions = deliveries = 0
    for round_number in range(MOST_ROUNDS):
        values = {**values_of(connection, hearers, question, cursor=cursor, upper=upper), "round": round_number}
        undecided, decided, delivered = _ASK[hearers].run(connection, values).one()
        decisions, deliveries = decisions + decided, deliveries + delivered
        if decided == undecided:
            return Written(decisions, deliveries)
    raise AssertionError("a page of the audience never came to its end")


def _write_on_sqlite(connection: Connection, hearers: Hearers, values: dict[str, Any]) -> Written:
    """By way of a table in memory: the rules are asked once. There is one writer, so that no slot is ever taken."""
    _HEARERS.run(connection)
    _ASK[hearers].run(connection, values)
    decisions = _DECIDE.count(connection, values)
    _TAKE_SLOTS.run(connection, values)
    _PUT_ASIDE.run(connection, values)
    deliveries = _DELIVER.count(connection, values)
    _FORGET.run(connection)
    return Written(decisions, deliveries)
