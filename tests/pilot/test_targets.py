"""Targets: fixed in advance by two persons, never changed for a period that has begun, and judged by what is told."""

import datetime as dt
import uuid

import pytest
from sqlalchemy import event, insert, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from citylife.audit import Actor
from citylife.pilot.entities import entities_of
from citylife.pilot.freezing import freeze
from citylife.pilot.measures import BY_KEY
from citylife.pilot.periods import A_WEEK, read_period
from citylife.pilot.tables import PilotReport, PilotTarget
from citylife.pilot.targets import (
    OwnTarget,
    Standing,
    TargetRefused,
    TargetSettled,
    approve_target,
    former_targets,
    propose_target,
    standing_of,
    targets_of,
    waiting_targets,
    with_targets,
)
from citylife.pilot.verifying import verify
from tests import builders
from tests.pilot.history import write_history

WEEK = read_period("2026-W48")
BEFORE = WEEK.begins - dt.timedelta(hours=1)
ONE, OTHER = uuid.uuid4(), uuid.uuid4()


def a_target(
    session: Session, value: int, *, measure: str = "deliveries-accepted", since: str = "2026-W48", now=BEFORE
) -> PilotTarget:
    target = propose_target(session, measure, since=since, value=value, reason="Assez", staff_id=ONE, now=now)
    return approve_target(session, target.id, staff_id=OTHER, now=now)


@pytest.mark.parametrize(
    ("key", "value", "standing"),
    [
        ("deliveries-accepted", 120, Standing.VERY_GOOD),
        ("deliveries-accepted", 119, Standing.GOOD),
        ("deliveries-accepted", 100, Standing.GOOD),
        ("deliveries-accepted", 99, Standing.FAIR),
        ("deliveries-accepted", 80, Standing.FAIR),
        ("deliveries-accepted", 79, Standing.BAD),
        ("deliveries-accepted", 50, Standing.BAD),
        ("deliveries-accepted", 49, Standing.VERY_BAD),
        ("notification-effect", -3, Standing.VERY_BAD),
        ("opt-outs", 0, Standing.VERY_GOOD),
        ("opt-outs", 83, Standing.VERY_GOOD),
        ("opt-outs", 100, Standing.GOOD),
        ("opt-outs", 125, Standing.FAIR),
        ("delivery-delay", 126, Standing.BAD),
        ("delivery-delay", 201, Standing.VERY_BAD),
    ],
)
def test_a_value_stands_to_a_target_of_a_hundred(key: str, value: int, standing: Standing) -> None:
    """Where less is better the ratio is turned round."""
    assert standing_of(BY_KEY[key], value, 100) is standing


def test_what_may_be_a_target_and_who_approves_it(session: Session) -> None:
    good = {"since": "2026-W48", "value": 5, "reason": "Assez", "staff_id": ONE, "now": BEFORE}
    for measure, wrong, pointer in (
        ("opened", {}, "/measure"),
        ("nothing", {}, "/measure"),
        ("till-uses", {"value": 0}, "/value"),
        ("till-uses", {"since": "2026-W60"}, "/since"),
        ("till-uses", {"now": WEEK.begins}, "/since"),
    ):
        with pytest.raises(TargetRefused) as refused:
            propose_target(session, measure, **{**good, **wrong})
        assert refused.value.pointer == pointer
    target = propose_target(session, "till-uses", **good)
    with pytest.raises(OwnTarget):
        approve_target(session, target.id, staff_id=ONE, now=BEFORE)
    with pytest.raises(TargetSettled):
        approve_target(session, target.id, staff_id=OTHER, now=WEEK.begins)
    assert targets_of(session, WEEK) == {}
    assert (waiting_targets(session, now=BEFORE), waiting_targets(session, now=WEEK.begins)) == ([target], [])
    approve_target(session, target.id, staff_id=OTHER, now=BEFORE)
    assert waiting_targets(session, now=BEFORE) == []
    with pytest.raises(TargetSettled):
        approve_target(session, target.id, staff_id=OTHER, now=BEFORE)
    assert targets_of(session, WEEK) == {"till-uses": target}
    assert targets_of(session, WEEK.former) == {}
    assert targets_of(session, read_period("2026-12")) == {}, "a week's target is none of a month"


def test_an_earlier_target_stays_beside_the_result(session: Session) -> None:
    first = a_target(session, 100)
    later = a_target(session, 200, since="2026-W50", now=WEEK.ends)
    same_week = a_target(session, 250, since="2026-W50", now=WEEK.ends)
    assert targets_of(session, WEEK.next)["deliveries-accepted"] is first
    there = read_period("2026-W51")
    a_target(session, 300, since="2026-W53", now=WEEK.ends)
    assert targets_of(session, there)["deliveries-accepted"] is same_week
    assert former_targets(session, there) == {"deliveries-accepted": [later, first]}
    assert [each.version for each in (first, later, same_week)] == [1, 2, 3]


def test_two_who_propose_at_the_same_moment_get_two_versions(session: Session) -> None:
    def another(*_: object) -> None:
        row = {"measure": "till-uses", "version": 1, "since": "2026-W48", "value": 1, "reason": "Assez"}
        session.execute(insert(PilotTarget).values(id=uuid.uuid4(), **row, proposed_by=ONE, proposed_at=BEFORE))

    event.listen(session, "before_flush", another, once=True)
    target = propose_target(session, "till-uses", since="2026-W48", value=5, reason="Assez", staff_id=ONE, now=BEFORE)
    assert (target.version, target.value) == (1, 5), "what was tried first left nothing"


def test_an_approved_target_is_never_changed(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        a_target(session, 100)
    with sessions() as session, pytest.raises(DBAPIError):
        session.execute(update(PilotTarget).values(value=1))


def test_standing_is_that_of_what_is_told_and_frozen_with_it(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        write_history(session, seed=5, first=WEEK.begins, days=7, citizens=24, shops=6, offers=24)
        a_target(session, 10)
        a_target(session, 10, measure="active-citizens")
    with sessions.begin() as session:
        counting = builders.a_counted_period(session, WEEK, now=WEEK.ends)
        report = freeze(session, counting, revision="abc", actor=Actor.SYSTEM, now=WEEK.ends)
        told = {(each["key"], each["territory"]): each for each in report.content["figures"]}
        accepted = told["deliveries-accepted", "agglomeration"]
        assert accepted == {**accepted, "target": 10, "standing": "veryGood"}
        assert accepted["value"] % 5 == 0
        silent = told["active-citizens", "agglomeration"]
        assert "standing" not in silent, "what is withheld stands nowhere"
        assert silent == {**silent, "target": 10, "hidden": "statistical-secrecy"}
        assert sum("target" in each for each in told.values()) == 2
        standings = {
            each["id"]: each["currentStanding"]["value"] for each in entities_of(report) if "currentStanding" in each
        }
        assert list(standings.values()) == ["veryGood"]
    with sessions.begin() as session:
        a_target(session, 1_000, since="2026-W51", now=WEEK.ends + A_WEEK)
    with sessions() as session:
        assert verify(session, WEEK) == []
        assert session.get_one(PilotReport, 1).content == report.content


def test_areas_have_no_target() -> None:
    figure = {"key": "offers-published", "territory": "somewhere", "value": 5}
    target = PilotTarget(measure="offers-published", value=5)
    assert with_targets([figure], {"offers-published": target}) == [figure]
