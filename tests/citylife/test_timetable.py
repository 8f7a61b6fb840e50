"""The timetable beside versions of the code that know more than this one: what they planned is let alone."""

import datetime as dt

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from citylife import timetable
from citylife.activity import WHOLE
from citylife.timetable import Task
from notifications import timekeeper
from tests.builders import NOW

LATER = NOW + dt.timedelta(days=1)
PLANNED_BY_A_LATER_VERSION = "UPDATE timetable SET task = 'of-a-later-version' WHERE task = 'mondays'"


@pytest.fixture
def planned(sessions: sessionmaker[Session]) -> sessionmaker[Session]:
    """One task of a later version, due before one of ours."""
    with sessions.begin() as session:
        timetable.plan(session, Task.MONDAYS, WHOLE, NOW)
        session.execute(text(PLANNED_BY_A_LATER_VERSION))
        timetable.plan(session, Task.PURGE, WHOLE, LATER)
    return sessions


def test_a_task_that_only_a_later_version_knows_stops_nobody(planned: sessionmaker[Session]) -> None:
    with planned.begin() as session:
        assert not timetable.something_due(session, now=NOW)
        assert timetable.claim_due(session, now=NOW) == []
        assert timetable.next_due(session) == LATER
        assert timetable.something_due(session, now=LATER)
    assert timekeeper.keep_time(planned, now=LATER) == 1
    with planned() as session:
        left = session.execute(text("SELECT fence FROM timetable WHERE task = 'of-a-later-version'")).all()
    assert [row.fence for row in left] == [None]


def test_whoever_has_deeds_for_some_tasks_claims_no_others(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        for task in Task:
            timetable.plan(session, task, WHOLE, NOW)
    with sessions.begin() as session:
        assert {claim.task for claim in timetable.claim_due(session, now=NOW, tasks={Task.PACES})} == {Task.PACES}
        assert not timetable.something_due(session, now=NOW, tasks={Task.PACES})
        others = timetable.claim_due(session, now=NOW)
    assert {claim.task for claim in others} == {*Task} - {Task.PACES}


def test_a_lease_as_long_as_agreed_is_not_taken_for_one_of_a_wrong_clock(sessions: sessionmaker[Session]) -> None:
    hours, tasks = dt.timedelta(hours=1), {Task.PILOT_DAYS}
    with sessions.begin() as session:
        timetable.plan(session, Task.PILOT_DAYS, WHOLE, NOW)
        assert timetable.claim_due(session, now=NOW, tasks=tasks, lease=hours)
        assert not timetable.something_due(session, now=NOW + hours, tasks=tasks, lease=hours)
        assert timetable.something_due(session, now=NOW + hours + dt.timedelta(seconds=1), tasks=tasks, lease=hours)
