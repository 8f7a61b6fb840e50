"""Counting the days of the pilot: as plain Python counts them row by row, on both databases; and once and for all."""

import datetime as dt

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session, sessionmaker

from citylife.activity import Counted, count
from citylife.follows import Follow
from citylife.ledger.tables import Delivery, DeliveryState
from citylife.pilot.counting import MOST_USES_A_DAY, close_days, count_days
from citylife.pilot.periods import read_period
from citylife.pilot.tables import PilotDay, PilotNumber
from citylife.shops.tables import Shop
from tests import builders
from tests.builders import NOW
from tests.pilot.history import InPlainWords, write_history

WEEKS = [read_period("2026-W43"), read_period("2026-W13"), read_period("2026-W48")]


@pytest.mark.parametrize("week", WEEKS, ids=str)
@pytest.mark.parametrize("seed", range(2))
def test_the_statements_count_as_plain_python_does(sessions: sessionmaker[Session], week, seed: int) -> None:
    """Also in the two weeks in which the clocks change, and around the midnights of Paris."""
    with sessions.begin() as session:
        write_history(session, seed=seed, first=week.begins - dt.timedelta(days=1), days=9)
    with sessions() as session:
        days = list(week.days())
        expected = {line: many for line, many in InPlainWords(session).found.items() if line[0] in days}
        found = count_days(session.connection(), days)
    assert found == expected
    assert {line[1] for line in expected} >= {"new-follows", "deliveries-accepted", "delay", "held-for-budget"}


def test_a_day_counts_alike_alone_and_among_others(sessions: sessionmaker[Session]) -> None:
    week = read_period("2026-W48")
    with sessions.begin() as session:
        write_history(session, seed=7, first=week.begins, days=7)
    with sessions() as session:
        connection, days = session.connection(), list(week.days())
        whole = count_days(connection, days)
        for day in days:
            assert count_days(connection, [day]) == {line: many for line, many in whole.items() if line[0] == day}


def test_what_came_late_is_added_and_what_was_erased_stays(sessions: sessionmaker[Session]) -> None:
    week = read_period("2026-W48")
    days = list(week.days())
    with sessions.begin() as session:
        write_history(session, seed=3, first=week.begins, days=7)
        close_days(session, days, now=NOW)
    with sessions.begin() as session:
        before = _kept(session)
        session.execute(delete(Follow))
        session.execute(
            update(Delivery)
            .where(Delivery.state == DeliveryState.WAITING)
            .values(state=DeliveryState.REFUSED, next_at=week.begins)
        )
        shop = session.scalars(select(Shop).where(~Shop.fictional)).first()
        assert shop is not None
        count(session, Counted.OPT_OUTS, shop.id, now=week.begins, by=5)
    with sessions.begin() as session:
        close_days(session, days, now=NOW)
        after = _kept(session)
    assert all(after[line] >= many for line, many in before.items())
    assert sum(many for line, many in after.items() if line[1] == "opt-outs") == 5 + sum(
        many for line, many in before.items() if line[1] == "opt-outs"
    )
    assert _of(after, "new-follows") == _of(before, "new-follows") > 0
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(PilotDay)) == len(days)


def test_a_citizen_who_never_lived_moves_no_measure(sessions: sessionmaker[Session]) -> None:
    """Ten thousand invented citizens are as good as none; one who was seen on two days counts."""
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        for _ in range(20):
            builders.a_follow(session, builders.a_citizen(session), shop)
    with sessions() as session:
        assert "new-follows" not in {line[1] for line in count_days(session.connection(), [NOW.date()])}


def test_a_till_counts_up_to_its_most_a_day(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        for _ in range(2):
            offer = builders.an_offer(session, shop)
            count(session, Counted.TILL_USES, offer.id, now=NOW, by=MOST_USES_A_DAY - 1)
        shop_id = shop.id
    with sessions() as session:
        assert count_days(session.connection(), [NOW.date()])[NOW.date(), "till-uses", shop_id, 0] == MOST_USES_A_DAY


def _kept(session: Session) -> dict[tuple[object, ...], int]:
    rows = session.execute(
        select(PilotNumber.day, PilotNumber.counted, PilotNumber.shop_id, PilotNumber.grade, PilotNumber.count)
    )
    return {(row[0], row[1], row[2], row[3]): row[4] for row in rows}


def _of(numbers: dict[tuple[object, ...], int], counted: str) -> int:
    return sum(many for line, many in numbers.items() if line[1] == counted)
