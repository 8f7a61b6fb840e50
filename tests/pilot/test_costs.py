"""What a use costs: public costs spread over their days, over the uses as they are told."""

import datetime as dt
import uuid

import pytest
from sqlalchemy import update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from citylife.activity import Counted, count
from citylife.audit import Actor
from citylife.errors import Absent
from citylife.pilot.costs import CostRefused, cost_of, costs, costs_of, enter_cost
from citylife.pilot.freezing import freeze
from citylife.pilot.periods import A_DAY, read_period
from citylife.pilot.tables import PilotCost
from citylife.pilot.verifying import verify
from tests import builders
from tests.overlap import Deed, overlapping

WEEK = read_period("2026-W48")
STAFF = uuid.uuid4()


def a_cost(session: Session, first: dt.date, last: dt.date, cents: int, now=WEEK.ends, **more) -> PilotCost:
    said = {"source": "Délibération du 3 novembre", "staff_id": STAFF, "now": now, **more}
    return enter_cost(session, first=first, last=last, cents=cents, **said)


def test_a_cost_is_spread_evenly_over_its_days(session: Session) -> None:
    year = a_cost(session, dt.date(2026, 1, 1), dt.date(2026, 12, 31), 365_000)
    a_cost(session, WEEK.last, WEEK.last + 9 * A_DAY, 1_000)
    assert cost_of(session, WEEK, as_of=WEEK.ends) == 7 * 1_000 + 100
    assert cost_of(session, read_period("2026-11"), as_of=WEEK.ends) == 30 * 1_000 + 200
    assert cost_of(session, read_period("2025-11"), as_of=WEEK.ends) is None
    assert cost_of(session, WEEK, as_of=WEEK.ends - A_DAY) is None, "it was not entered yet"
    later = WEEK.ends + A_DAY
    a_cost(session, year.first, year.last, 0, replaces=year.id, now=later)
    assert cost_of(session, WEEK, as_of=later) == 100
    assert cost_of(session, WEEK, as_of=WEEK.ends) == 7_100
    assert len(costs(session)) == 3, "what was replaced stays visible"
    with pytest.raises(Absent):
        a_cost(session, year.first, year.last, 5, replaces=year.id, now=later)
    with pytest.raises(CostRefused):
        a_cost(session, WEEK.last, WEEK.first, 5)


def test_what_was_entered_is_never_changed(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        a_cost(session, WEEK.first, WEEK.last, 5)
    with sessions() as session, pytest.raises(DBAPIError):
        session.execute(update(PilotCost).values(cents=1))


def test_of_two_who_replace_a_cost_at_once_the_second_is_told_so(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        wrong = a_cost(session, WEEK.first, WEEK.last, 700).id

    def instead(cents: int) -> Deed:
        return lambda session: a_cost(session, WEEK.first, WEEK.last, cents, replaces=wrong)

    _, second = overlapping(sessions, instead(70), instead(7))
    assert isinstance(second, Absent)
    with sessions() as session:
        assert cost_of(session, WEEK, as_of=WEEK.ends) == 70


@pytest.mark.parametrize(
    ("uses", "cents", "figure"),
    [
        (23, 9_990, {"value": 400}),
        (10, 9_990, {"hidden": "statistical-secrecy"}),
        (23, None, None),
    ],
)
def test_it_is_told_for_each_use_that_is_told(
    sessions: sessionmaker[Session], uses: int, cents: int | None, figure: dict | None
) -> None:
    """Twenty-three are told as twenty-five: what it costs says nothing more of them."""
    with sessions.begin() as session:
        offer = builders.an_offer(session, builders.a_shop(session, now=WEEK.begins), now=WEEK.begins)
        count(session, Counted.TILL_USES, offer.id, now=WEEK.begins, by=uses)
        if cents is not None:
            a_cost(session, WEEK.first, WEEK.last, cents)
    with sessions.begin() as session:
        counting = builders.a_counted_period(session, WEEK, now=WEEK.ends)
        report = freeze(session, counting, revision="abc", actor=Actor.SYSTEM, now=WEEK.ends)
        told = [each for each in report.content["figures"] if each["key"] == "cost-per-use"]
        assert told == ([] if figure is None else [{"key": "cost-per-use", "territory": "agglomeration", **figure}])
        a_cost(session, WEEK.first, WEEK.last, 77_777, now=WEEK.ends + A_DAY)
    with sessions() as session:
        assert verify(session, WEEK) == [], "what is entered later changes nothing that is frozen"
        told_of = [cost.cents for cost in costs_of(session, WEEK, as_of=report.frozen_at)]
        assert told_of == ([] if cents is None else [cents]), "nor is it listed beside it"
