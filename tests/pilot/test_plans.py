"""What a night reads of a day: of what is kept for years, its own rows by an index, whatever lies before them."""

import datetime as dt
import random
import re
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, insert, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen
from citylife.database import new_id, reading
from citylife.follows import EndedFollow
from citylife.ledger.statements import Statement
from citylife.ledger.sums import LedgerSum
from citylife.ledger.tables import Arm, Message
from citylife.offers.tables import Offer, OfferKind, OfferStatus
from citylife.pilot import counting
from citylife.pilot.periods import A_DAY, midnight, read_period
from citylife.redemptions import Surface, TillCode
from citylife.shops.tables import Shop
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
AS_GOOD = {1: "ix_ended_follows_shop"}
"""An index by shop and day, which PostgreSQL may ask for each of three shops instead."""
KEPT_A_QUARTER = {"d", "f", "span", "json_each", "invented_towns"}
"""What may be walked whole: decisions and deliveries, follows that stand, and what is small by its nature."""


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("number", BY_THE_DAY)
def test_the_rows_of_a_day_are_found_among_those_of_years_by_an_index(town: Connection, number: int) -> None:
    """As SQLite plans it; of a few rows, PostgreSQL's plan depends on whether it has counted them yet."""
    assert BY_THE_DAY[number] in "\n".join(plan_of(STATEMENTS[number], town))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nothing_that_is_kept_for_years_is_walked(town: Connection) -> None:
    """As SQLite plans it, which tells of itself what a few rows hide in PostgreSQL."""
    for number, statement in enumerate(STATEMENTS):
        walked = {found[1] for line in plan_of(statement, town) if (found := re.match(r"SCAN (\w+)", line))}
        of_the_day = {"e"} if number == 0 else set()  # follows that began on it, of both tables
        assert walked <= KEPT_A_QUARTER | of_the_day, number


@pytest.mark.long
def test_after_a_year_either_database_takes_these_indexes_by_itself(
    engine: Engine, sessions: sessionmaker[Session]
) -> None:
    """With rows enough that it pays, and what it knows of them: nobody says how to read them."""
    with sessions.begin() as session:
        write_history(session, seed=5, first=WEEK.begins, days=7, citizens=6, shops=3, offers=6)
        write_a_year(session)
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("ANALYZE")
    with reading(engine)() as session:
        for number, index in BY_THE_DAY.items():
            plan = "\n".join(plan_of(STATEMENTS[number], session.connection()))
            assert index in plan or AS_GOOD.get(number, index) in plan, plan


def write_a_year(session: Session) -> None:
    """Thousands of rows, as many on each day of a year, of all that is kept for years and found by its day."""
    lot, days = random.Random(1), [WEEK.first - number * A_DAY for number in range(365)]
    shops = list(session.scalars(select(Shop.id)))
    citizens, messages = list(session.scalars(select(Citizen.id))), list(session.scalars(select(Message.id)))
    offers = [
        {
            "id": new_id(),
            "shop_id": lot.choice(shops),
            "kind": OfferKind.OFFER,
            "status": OfferStatus.ENDED,
            "title": "Panier",
            "radius": 500,
            "ends_at": midnight(day) + 2 * A_DAY,
            "first_saved_at": midnight(day),
            "live_from": midnight(day),
            "updated_at": midnight(day),
        }
        for day in days
        for _ in range(10)
    ]
    session.execute(insert(Offer), offers)
    session.execute(
        insert(TillCode),
        [
            {
                "digest": lot.randbytes(32),
                "offer_id": offer["id"],
                "surface": Surface.PHONE,
                "arm": Arm.DRAWN,
                "used_at": offer["live_from"] + hours * dt.timedelta(hours=1),
            }
            for offer in offers
            for hours in range(6)
        ],
    )
    session.execute(
        insert(LedgerSum),
        [
            {"message_id": message, "day": day, "fate": fate, "count": 3}
            for message in messages
            for day in days
            for fate in ("accepted", "gone", "not-drawn")
        ],
    )
    session.execute(
        insert(EndedFollow),
        [
            {"citizen_id": citizen, "shop_id": shop, "begun_at": midnight(day), "ended_at": midnight(day) + 9 * A_DAY}
            for day in days
            for citizen in citizens
            for shop in shops
        ],
    )


@pytest.fixture
def town(engine: Engine, sessions: sessionmaker[Session]) -> Iterator[Connection]:
    with sessions.begin() as session:
        write_history(session, seed=5, first=WEEK.begins, days=7, citizens=6, shops=3, offers=6)
    with reading(engine)() as session:
        yield session.connection()


def plan_of(statement: Statement, connection: Connection) -> list[str]:
    asked, values = statement._texts[connection.dialect.name], counting._values(connection, [WEEK.first])
    explain = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
    rows = connection.exec_driver_sql(f"{explain} {asked}", values)
    return [str(row[-1]) for row in rows]
