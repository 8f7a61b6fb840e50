"""Budgets: so many notifications a week and a day, for all shops together, never one more."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.courtesy.tables import BudgetSlot, DigestLine
from citylife.database import writing
from citylife.follows import Level, unfollow
from citylife.ledger.tables import Decision, Outcome, Reason
from tests import builders
from tests.builders import NOW
from tests.citylife.courtesy.conftest import DAY, HOUR, decided, reasons, rows, told, wish
from tests.ledger_desk import claim_all


def test_a_budget_holds_for_all_shops_together_and_toujours_stands_outside(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        shops = [builders.a_shop(session) for _ in range(4)]
        citizen = builders.a_follower(session, shops[0])
        for shop in shops[1:3]:
            builders.a_follow(session, citizen, shop)
        builders.a_follow(session, citizen, shops[3], Level.ALWAYS)
    found = [reasons(sessions, told(sessions, shop)) for shop in shops]

    assert found == [
        {(Outcome.SEND, Reason.FOLLOWS): 1},
        {(Outcome.SEND, Reason.FOLLOWS): 1},
        {(Outcome.HELD, Reason.DAY_SPENT): 1},  # two a day
        {(Outcome.SEND, Reason.ALWAYS): 1},
    ]
    assert len(rows(sessions, DigestLine)) == 1


@pytest.mark.parametrize(
    ("weekly", "daily", "reason"),
    [(0, 2, Reason.WEEK_SPENT), (5, 0, Reason.DAY_SPENT), (0, 0, Reason.WEEK_SPENT)],
    ids=["of the week", "of the day", "both: that of the week would hold it anyhow"],
)
def test_which_budget_is_spent_is_told_apart(sessions: sessionmaker[Session], weekly, daily, reason) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        citizen = builders.a_follower(session, shop)
    wish(sessions, citizen, weekly_budget=weekly, daily_budget=daily)
    assert reasons(sessions, told(sessions, shop)) == {(Outcome.HELD, reason): 1}


def test_what_waits_for_another_week_says_when_that_one_is_spent(sessions: sessionmaker[Session]) -> None:
    sunday = NOW + 5 * DAY
    with sessions.begin() as session:
        first, second = builders.a_shop(session), builders.a_shop(session)
        citizen = builders.a_follower(session, first, devices=2)
        builders.a_follow(session, citizen, second)
    wish(sessions, citizen, weekly_budget=1)
    told(sessions, second, now=sunday)  # her Sundays are quiet: it counts on Monday, in the next week
    wish(sessions, citizen, quiet_sundays=False)
    today = told(sessions, first, now=sunday)
    wish(sessions, citizen, quiet_sundays=True)

    assert claim_all(sessions, now=sunday + HOUR) == []
    assert reasons(sessions, today) == {(Outcome.HELD, Reason.WEEK_SPENT): 1}


def test_who_wants_no_digest_has_nothing_put_aside(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        citizen = builders.a_follower(session, shop)
    wish(sessions, citizen, digest=False, daily_budget=0)
    told(sessions, shop)
    assert rows(sessions, DigestLine) == []


def test_what_is_refused_when_it_is_to_leave_gives_its_slot_back(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        shop, other = builders.a_shop(session), builders.a_shop(session)
        citizen = builders.a_follower(session, shop, devices=2)
        builders.a_follow(session, citizen, other)
    wish(sessions, citizen, daily_budget=1)
    told(sessions, shop)
    with sessions.begin() as session:
        unfollow(session, citizen.id, shop.id, now=NOW)
    assert claim_all(sessions, now=NOW) == []

    message = told(sessions, other, now=NOW + HOUR)
    assert reasons(sessions, message) == {(Outcome.SEND, Reason.FOLLOWS): 1}


def test_two_announcements_decided_at_once_never_both_take_the_last_slot(engine: Engine) -> None:
    sessions = writing(engine)
    with sessions.begin() as session:
        shops = [builders.a_shop(session) for _ in range(2)]
        for _ in range(30):
            citizen = builders.a_follower(session, shops[0])
            builders.a_follow(session, citizen, shops[1])
            citizen.weekly_budget = 1
        for shop in shops:
            builders.an_offer(session, shop, ends_at=NOW + DAY)
    both = threading.Barrier(2)

    def expand() -> bool:
        both.wait()
        return decided(sessions, page=7)

    with ThreadPoolExecutor(2) as pool:
        assert all(pool.map(lambda _: expand(), range(2)))
    decided(sessions, page=7)  # a thread ends when the other still has the last message

    with sessions() as session:
        found = Counter((row[0], row[1]) for row in session.execute(select(Decision.outcome, Decision.reason)))
        taken = session.execute(select(BudgetSlot.citizen_id, func.count()).group_by(BudgetSlot.citizen_id)).all()
    assert found == {(Outcome.SEND, Reason.FOLLOWS): 30, (Outcome.HELD, Reason.WEEK_SPENT): 30}
    assert {count for _, count in taken} == {1}
