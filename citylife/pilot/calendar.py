"""When the pilot counts and freezes: each day at a quarter past three of the next, each period at six in Paris.

A day is closed before the purge of the same night takes anything of it. What a worker missed is made up for, days and
periods in their order; a period is frozen only where every day of it was closed.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from citylife.clock import PARIS, local_date
from citylife.pilot.periods import A_DAY, Frequency, Period, last_over, month_of, week_of
from citylife.pilot.tables import PilotDay, PilotReport

CLOSES_AT: Final = dt.time(3, 15)
FREEZES_AT: Final = dt.time(6, 0)
MOST_MADE_UP: Final = 35
"""Days that are closed at once, the latest: what is older has left the tables in part."""


def next_closing(now: dt.datetime) -> dt.datetime:
    """When the next day is closed, strictly after `now`; no change of the clocks skips or repeats it."""
    return _next(CLOSES_AT, now)


def next_freezing(now: dt.datetime) -> dt.datetime:
    """When it is next looked whether a period is over, strictly after `now`."""
    return _next(FREEZES_AT, now)


def days_to_close(session: Session, *, now: dt.datetime) -> list[dt.date]:
    """The days that are over and were not closed yet, in their order; the first night, yesterday alone."""
    yesterday = local_date(now) - A_DAY
    last = session.scalar(select(func.max(PilotDay.day)))
    first = yesterday if last is None else max(last + A_DAY, yesterday - (MOST_MADE_UP - 1) * A_DAY)
    return [first + number * A_DAY for number in range((yesterday - first).days + 1)]


def periods_to_freeze(session: Session, *, now: dt.datetime) -> list[Period]:
    """The periods that are over, whose days are all closed, and that are not frozen; the first to end first."""
    closed = set(session.scalars(select(PilotDay.day)))
    if not closed:
        return []
    frozen = set(session.scalars(select(PilotReport.period)))
    found = [
        period
        for frequency in Frequency
        for period in _periods(min(closed), last_over(frequency, now))
        if str(period) not in frozen and closed.issuperset(period.days())
    ]
    return sorted(found, key=lambda period: (period.end, -period.first.toordinal()))


def _periods(began: dt.date, last: Period) -> Iterator[Period]:
    """The whole periods from a day on until the last that is over."""
    of = week_of if last.frequency is Frequency.WEEKLY else month_of
    period = of(began) if of(began).first == began else of(began).next
    while period <= last:
        yield period
        period = period.next


def _next(time: dt.time, now: dt.datetime) -> dt.datetime:
    today = local_date(now)
    at = dt.datetime.combine(today, time, PARIS).astimezone(dt.UTC)
    return at if at > now else dt.datetime.combine(today + A_DAY, time, PARIS).astimezone(dt.UTC)
