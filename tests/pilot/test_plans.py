"""What a night reads of a day: of what is kept for years, its own rows by an index, whatever lies before them."""

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session, sessionmaker

from citylife.database import reading
from citylife.ledger.statements import Statement
from citylife.pilot import counting
from citylife.pilot.periods import read_period
from tests.pilot.history import write_history

WEEK = read_period("2026-W48")
STATEMENTS = (*counting._STATEMENTS, counting._LEFT, counting._COUNTERS)
BY_THE_DAY = {
    0: "ix_ended_follows_begun_at",
    1: "ix_ended_follows_ended_at",
    2: "ix_offers_live_from",
    6: "ix_till_codes_used_at",
    8: "ix_offers_live_from",
    10: "ix_ledger_sums_day",
}
"""By which index a statement finds the rows of a day among those of years."""
KEPT_A_QUARTER = {"d", "f", "span", "json_each", "invented_towns"}
"""What may be walked whole: decisions and deliveries, follows that stand, and what is small by its nature."""


@pytest.mark.parametrize("number", BY_THE_DAY)
def test_the_rows_of_a_day_are_found_among_those_of_years_by_an_index(town: Connection, number: int) -> None:
    assert BY_THE_DAY[number] in "\n".join(plan_of(STATEMENTS[number], town))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nothing_that_is_kept_for_years_is_walked(town: Connection) -> None:
    """As SQLite plans it, which tells of itself what a few rows hide in PostgreSQL."""
    for number, statement in enumerate(STATEMENTS):
        walked = {found[1] for line in plan_of(statement, town) if (found := re.match(r"SCAN (\w+)", line))}
        of_the_day = {"e"} if number == 0 else set()  # follows that began on it, of both tables
        assert walked <= KEPT_A_QUARTER | of_the_day, number


@pytest.fixture
def town(engine: Engine, sessions: sessionmaker[Session]) -> Iterator[Connection]:
    with sessions.begin() as session:
        write_history(session, seed=5, first=WEEK.begins, days=7, citizens=6, shops=3, offers=6)
    with reading(engine)() as session:
        yield session.connection()


def plan_of(statement: Statement, connection: Connection) -> list[str]:
    asked, values = statement._texts[connection.dialect.name], counting._values(connection, [WEEK.first])
    sqlite = connection.dialect.name == "sqlite"
    if not sqlite:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # the tables of a test are too small to matter
    rows = connection.exec_driver_sql(f"{'EXPLAIN QUERY PLAN' if sqlite else 'EXPLAIN'} {asked}", values)
    return [str(row[-1]) for row in rows]
