"""Shops in memory are those of the database, whatever changed since; how much is held says no more than a cell does."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session, sessionmaker

from citylife import neighbourhood
from citylife.around import Asked, shops_around
from citylife.database import engine_for, writing
from citylife.geodesics import distances, ways
from citylife.geography import CELL_KM2
from citylife.hot import KeptConnections
from citylife.ledger.statements import Statement
from citylife.neighbourhood import COLUMNS, ROWS, Neighbourhood, block_of
from tests import builders
from tests.builders import GRAND_PLACE, NOW

ASKED = Asked(latitude=GRAND_PLACE[0], longitude=GRAND_PLACE[1], radius=1_500, limit=50)


class Town:
    """Shops around the Grand-Place on SQLite, and a process that knows them."""

    def __init__(self, engine: Engine) -> None:
        self.sessions: sessionmaker[Session] = writing(engine)
        self.kept = KeptConnections(engine)
        self.known = Neighbourhood()
        with self.sessions.begin() as session:
            for number in range(-6, 7):
                place = GRAND_PLACE[0] + number * 0.001, GRAND_PLACE[1] + number * 0.0005
                builders.a_shop(session, f"Shop {number}", position=place, insee_code=None)

    def names(self, known: Neighbourhood | None = None) -> list[str]:
        """Those that are found, by what is known or else by asking the database."""
        page = self.kept.read(lambda connection: shops_around(connection, ASKED, now=NOW, known=known))
        return [near.found.told[2] for near in page.things]

    def change(self, *statements: str) -> None:
        with self.sessions.begin() as session:
            for statement in statements:
                session.execute(text(statement))


@pytest.fixture
def town(sqlite_url: str) -> Iterator[Town]:
    engine = engine_for(sqlite_url)
    town = Town(engine)
    yield town
    town.kept.close()
    engine.dispose()


def counted(monkeypatch: pytest.MonkeyPatch) -> list[Statement]:
    """Every statement that is run from here on."""
    ran: list[Statement] = []
    run = Statement.run

    def counting(self: Statement, *args: Any) -> Any:
        ran.append(self)
        return run(self, *args)

    monkeypatch.setattr(Statement, "run", counting)
    return ran


def test_a_street_that_was_asked_about_is_read_from_memory(town: Town, monkeypatch: pytest.MonkeyPatch):
    assert town.names(town.known) == town.names()
    ran = counted(monkeypatch)
    assert len(town.names(town.known)) == 13
    assert len(ran) == 1, "only what has changed is asked for"


def test_a_shop_is_found_as_soon_as_it_is_there_and_until_it_is_gone(town: Town):
    town.names(town.known)
    same = "status, description, category, street, postal_code, insee_code, latitude, longitude, fictional, created_at"
    town.change(
        f"INSERT INTO shops (id, slug, name, updated_at, version, {same}) "
        f"SELECT randomblob(16), 'new', 'New', updated_at, 1, {same} FROM shops WHERE name = 'Shop 2'"
    )
    assert "New" in town.names(town.known)
    town.change("DELETE FROM shops WHERE name = 'New'")
    assert "New" not in town.names(town.known)


def test_what_cannot_be_seen_to_be_unchanged_is_read_anew(town: Town):
    """The file was put back from a copy, or more has changed than is noted."""
    town.names(town.known)
    town.change(
        "UPDATE shops SET name = 'Other' WHERE name = 'Shop 3'",
        "DELETE FROM near_changes",
        "INSERT INTO near_changes (number, block) SELECT number, 0 FROM "
        "(WITH RECURSIVE counted(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM counted LIMIT 100) "
        "SELECT number FROM counted)",
    )
    assert town.names(town.known) == town.names()

    town.change("UPDATE shops SET name = 'Third' WHERE name = 'Other'", "DELETE FROM near_changes")
    assert "Third" in town.names(town.known)
    town.change("UPDATE shops SET name = 'Fourth' WHERE name = 'Third'")
    assert "Fourth" in town.names(town.known)


def test_few_changes_are_kept(town: Town):
    town.names(town.known)
    town.change("UPDATE shops SET name = 'Other' WHERE name = 'Shop 3'")
    town.change(*["UPDATE shops SET street = street || '.'"] * 250)
    with town.sessions() as session:
        assert 4_096 <= session.scalar(text("SELECT count(*) FROM near_changes")) < 4_096 + 1_024
    assert town.names(town.known) == town.names()


@pytest.mark.parametrize(("name", "value"), [("MOST_OF_A_BLOCK", 3), ("MOST_HELD", 4), ("MOST_CELLS", 2)])
def test_what_is_too_much_to_hold_is_found_all_the_same(
    town: Town, monkeypatch: pytest.MonkeyPatch, name: str, value: int
):
    monkeypatch.setattr(neighbourhood, name, value)
    for _ in range(2):
        assert town.names(town.known) == town.names()
    assert town.known._held <= 13 + 4


def test_a_block_is_no_smaller_than_the_cell_that_may_be_kept_of_somebody():
    corner, south, west = (50.6, 2.4), (50.6 - 1 / ROWS, 2.4), (50.6, 2.4 - 1 / COLUMNS)
    tall, wide = distances(*corner, [south, west])
    assert tall * wide / 1e6 > CELL_KM2


@given(st.floats(-79, 79), st.floats(-179, 179))
def test_the_triggers_reckon_the_block_as_it_is_looked_for(town: Town, latitude: float, longitude: float):
    with town.sessions() as session:
        moved = text("UPDATE shops SET latitude = :latitude, longitude = :longitude WHERE name = 'Shop 0'")
        session.execute(moved, {"latitude": latitude, "longitude": longitude})
        noted = session.scalar(text("SELECT block FROM near_changes ORDER BY number DESC LIMIT 1"))
        session.rollback()
    assert noted == block_of(latitude, longitude)


@given(st.floats(-80, 80), st.lists(st.tuples(st.floats(-0.2, 0.2), st.floats(-0.2, 0.2)), max_size=5))
def test_how_far_is_the_same_with_and_without_the_direction(latitude: float, apart: list[tuple[float, float]]):
    points = [(latitude + north, 2.5 + east) for north, east in apart]
    assert distances(latitude, 2.5, points) == [away for away, _ in ways(latitude, 2.5, points)]
