"""What falls into quiet hours waits for their end, counts on the day it leaves, or is only recorded."""

import datetime as dt
import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.courtesy.tables import BudgetSlot, DigestLine
from citylife.follows import Level
from citylife.ledger import expansion
from citylife.ledger.tables import Decision, Delivery, Message, Outcome, Reason
from citylife.offers import sold_out
from tests import builders
from tests.builders import NOW
from tests.citylife.courtesy.conftest import DAY, EVENING, HOUR, MORNING, reasons, rows, told, wish
from tests.ledger_desk import claim_all


def test_what_is_announced_in_quiet_hours_waits_for_their_end_and_counts_on_that_day(
    sessions: sessionmaker[Session],
) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        builders.a_follower(session, shop)
    told(sessions, shop, now=EVENING)

    assert claim_all(sessions, now=MORNING - dt.timedelta(seconds=1)) == []
    assert len(claim_all(sessions, now=MORNING)) == 1
    [slot] = rows(sessions, BudgetSlot)
    assert slot.local_date == MORNING.date()  # type: ignore[attr-defined]


def test_an_offer_that_ends_with_her_quiet_hours_is_only_recorded(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        builders.a_follower(session, shop)
        builders.a_follower(session, shop, Level.ALWAYS)
    message = told(sessions, shop, now=EVENING, lasts=13 * HOUR)  # it ends at 09:00 sharp

    assert reasons(sessions, message) == {(Outcome.HELD, Reason.QUIET_HOURS): 2}
    assert rows(sessions, Delivery) == rows(sessions, DigestLine) == rows(sessions, BudgetSlot) == []


def test_quiet_hours_set_after_publishing_are_heeded_when_it_is_to_leave(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        citizen = builders.a_follower(session, shop)
    message = told(sessions, shop)
    wish(sessions, citizen, quiet_from=dt.time(9), quiet_until=dt.time(12))

    assert claim_all(sessions, now=NOW) == []
    assert claim_all(sessions, now=NOW + HOUR) == []
    assert len(claim_all(sessions, now=NOW + 2 * HOUR)) == 1
    with sessions() as session:
        decision = session.get_one(Decision, (citizen.id, message.id))
    assert (decision.outcome, decision.until) == (Outcome.SEND, NOW + 2 * HOUR)


def test_what_waits_for_another_day_takes_a_slot_of_that_day_or_goes_into_the_digest(
    sessions: sessionmaker[Session],
) -> None:
    with sessions.begin() as session:
        first, second = builders.a_shop(session), builders.a_shop(session)
        citizen = builders.a_follower(session, first, devices=2)
        builders.a_follow(session, citizen, second)
    wish(sessions, citizen, daily_budget=1)
    tomorrow = told(sessions, second, now=EVENING)  # it counts on the morrow
    today = told(sessions, first, now=NOW)
    wish(sessions, citizen, quiet_from=dt.time(9), quiet_until=dt.time(8, 30))  # all day but half an hour

    assert claim_all(sessions, now=NOW + HOUR) == []

    with sessions() as session:
        decision = session.get_one(Decision, (citizen.id, today.id))
        assert (decision.outcome, decision.reason) == (Outcome.HELD, Reason.DAY_SPENT)
        left = session.scalars(select(Delivery.message_id)).all()
        assert set(left) == {tomorrow.id}
        assert session.scalars(select(DigestLine.message_id)).all() == [today.id]
        assert session.scalars(select(BudgetSlot.message_id)).all() == [tomorrow.id]


def test_a_replacement_waits_for_the_end_of_quiet_hours_too(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        citizen = builders.a_follower(session, shop)
        offer = builders.an_offer(session, shop, ends_at=NOW + 3 * DAY)
        builders.a_delivery(session, citizen, offer.id, accepted_at=NOW)
        session.scalars(select(Message)).one().cursor = uuid.UUID(int=2**128 - 1)
    with sessions.begin() as session:
        sold_out(session, session.merge(offer), now=EVENING)
    for _ in range(4):
        with sessions.begin() as session:
            expansion.expand_page(session, now=EVENING + HOUR)

    assert claim_all(sessions, now=EVENING + HOUR) == []
    assert len(claim_all(sessions, now=MORNING)) == 1
