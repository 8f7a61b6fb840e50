"""The pilot's deeds on the timetable: each night a day is closed, each morning what is over is frozen.

Both read at length before they write, so that on SQLite nobody's writing waits for them, and are done by a thread of
their own, so that no notification does.
"""

import datetime as dt
import threading
import uuid
from collections.abc import Mapping
from functools import partial
from typing import Final

import structlog
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from citylife import timetable
from citylife.activity import WHOLE
from citylife.audit import Actor
from citylife.clock import Clock, utc_now
from citylife.database import reading, writing
from citylife.pilot.calendar import days_to_close, next_closing, next_freezing, periods_to_freeze
from citylife.pilot.counting import count_days, keep_lines
from citylife.pilot.freezing import count_period, freeze
from citylife.timetable import Due, Task
from notifications.rounds import make_rounds
from notifications.timekeeper import Deed, ReadFirst, Work, do_what_is_due

log = structlog.get_logger(__name__)

LOOK_EVERY: Final = 5.0
"""Seconds between two looks at the timetable."""
COUNTING_LEASE: Final = dt.timedelta(hours=1)
"""How long counting may take before another worker takes it for dead and counts as well."""

DAYS_FIRST: Final = dt.timedelta(minutes=10)
"""How soon it is looked again whether a period can be frozen, where days are still to be closed."""


class Surveyor:
    """Does the pilot's deeds, one at a time, in a thread of its own; many may look at the same timetable."""

    def __init__(
        self, engine: Engine, *, revision: str, clock: Clock = utc_now, look_every: float = LOOK_EVERY
    ) -> None:
        self._writes, self._look_every, self._clock = writing(engine), look_every, clock
        self._deeds = pilot_deeds(revision, reading(engine))
        self._opened = False

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set. What is counted then is left to its lease where nobody waits for it."""
        pause = self._look_every
        make_rounds(self.turn, stop, who="surveyor", log=log, rest=partial(stop.wait, pause), pause=pause)

    def turn(self) -> bool:
        """Do what has been due longest; whether anything was done."""
        now = self._clock()
        if not self._opened:
            with self._writes.begin() as session:
                timetable.plan_unless_there(session, Task.PILOT_DAYS, WHOLE, next_closing(now))
                timetable.plan_unless_there(session, Task.PILOT_REPORTS, WHOLE, next_freezing(now))
            self._opened = True
        return do_what_is_due(self._writes, self._deeds, now=now, limit=1, lease=COUNTING_LEASE) > 0


def pilot_deeds(revision: str, reads: sessionmaker[Session]) -> Mapping[Task, Work]:
    """What is done of the pilot's by itself; reports name the `revision` of the code, `reads` keep nobody waiting."""
    return {
        Task.PILOT_DAYS: ReadFirst(reads, _count_days),
        Task.PILOT_REPORTS: ReadFirst(reads, partial(_count_period, revision=revision)),
    }


def _count_days(session: Session, _subject: uuid.UUID, now: dt.datetime) -> Deed:
    """Count the days that are over and not closed."""
    days = days_to_close(session, now=now)
    lines = count_days(session.connection(), days) if days else {}

    def keep(session: Session, subject: uuid.UUID, now: dt.datetime) -> None:
        if days:
            keep_lines(session, lines, days, now=now)
            log.info("pilot.days_closed", days=len(days))
        timetable.plan(session, Task.PILOT_DAYS, subject, next_closing(now))

    return keep


def _count_period(session: Session, _subject: uuid.UUID, now: dt.datetime, *, revision: str) -> Deed:
    """Count the first period that is over and not frozen; after it the next one, until none is left."""
    waiting = periods_to_freeze(session, now=now)
    counting = count_period(session, waiting[0], now=now) if waiting else None
    days = session.get(Due, (Task.PILOT_DAYS, WHOLE))
    look_again = next_freezing(now) if days is None or days.due_at > now else now + DAYS_FIRST

    def keep(session: Session, subject: uuid.UUID, now: dt.datetime) -> None:
        if counting is not None:
            report = freeze(session, counting, revision=revision, actor=Actor.SYSTEM, now=now)
            log.info("pilot.frozen", period=report.period, report=report.number)
        timetable.plan(session, Task.PILOT_REPORTS, subject, now if len(waiting) > 1 else look_again)

    return keep
