"""The course of the week: at which moments of it shops announce, all of them together, over the last four weeks.

A citizen's pace says how many announcements a week brings her; the course says how many of them are still to come at
some moment of it. Where every shop announces on Monday at nine, the first of them has all others still to come, and
the last has none: so the draw gives both the same chance. Before anything was counted a week is even over her
undisturbed hours.

The announcement that is being decided is the shop's usual one of that day, and does not come once more. So what is to
come is asked of the other shops' course, and the shop itself adds what it usually announces on later days of her week.

Moments of the week are of Paris, by minutes from Monday 0:00: in a rush, five minutes tell who is still to come. What
is kept says nothing of any one shop.
"""

import datetime as dt
import uuid
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from citylife.clock import PARIS
from citylife.courtesy.draw import MILLI
from citylife.courtesy.quiet import WHOLE, Profile, last_welcomes, moment_of
from citylife.ledger.statements import Statement, stored

SPAN: Final = 60
"""Seconds of a minute; its announcements count as spread evenly over it."""
WEEKS: Final = 4
EVEN: Final = 4
"""How many even weeks one announcement that was counted weighs: until there is one, a week is even.

What even weeks weigh is expected and does not come, so that the last of a small town loses: beside 36 announcements of
others, with a Saturday left, one in eighteen if that was one announcement; one in sixty-eight as it is.
"""

_COUNTED, _COUNTED_OF_SHOP = (
    Statement(
        *(
            f"""
            SELECT {minute} AS minute, count(*) FROM messages
            WHERE {whose}kind = 'announcement' AND created_at >= :since AND created_at < :until GROUP BY 1
            """
            for minute in (
                "substr(created_at, 1, 16)",
                "to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')",
            )
        )
    )
    for whose in ("", "shop_id = :shop AND ")
)
"""By minutes, written as a moment in UTC: `2026-11-30 08:15`; those of a shop by `ix_messages_shop`."""
_FORGET: Final = Statement("DELETE FROM announcement_courses")
_KEEP: Final = Statement(
    *(
        f"INSERT INTO announcement_courses (computed_on, counts) VALUES (CAST(:today AS {kind}), :counts)"
        for kind in ("text", "date")
    )
)
_READ: Final = Statement("SELECT computed_on, counts FROM announcement_courses ORDER BY computed_on DESC LIMIT 1")
_WEEKLY: Final = Statement("SELECT weekly FROM shop_rhythms WHERE shop_id = :shop")


@dataclass(frozen=True, slots=True)
class Course:
    """How many announcements four weeks had: `minutes` of the week that had any, and how many before each of them.

    `before` has one more at its end: all of them.
    """

    minutes: tuple[int, ...]
    before: tuple[int, ...]

    @classmethod
    def of(cls, counts: Mapping[int, int]) -> "Course":
        """The course of weeks that had so many announcements in these minutes, counted from Monday 0:00."""
        minutes = tuple(sorted(counts))
        return cls(minutes, (0, *accumulate(counts[minute] for minute in minutes)))

    @property
    def whole(self) -> int:
        """All announcements of the four weeks."""
        return self.before[-1]

    def within(self, begin: dt.datetime, end: dt.datetime) -> int:
        """How many of them stand between two moments, at most a week apart; times `SPAN`, to stay whole.

        By the clock of Paris: the hour that it shows twice is one.
        """
        begin, end = (moment.astimezone(PARIS).replace(tzinfo=None) for moment in (begin, end))
        if end <= begin:
            return 0
        if end - begin >= dt.timedelta(weeks=1):
            return self.whole * SPAN
        turned = 0 if (begin.weekday(), begin.time()) <= (end.weekday(), end.time()) else self.whole * SPAN
        return turned + self._up_to(end) - self._up_to(begin)

    def _up_to(self, clock: dt.datetime) -> int:
        minute = _minute(clock)
        place = bisect_left(self.minutes, minute)
        here = place < len(self.minutes) and self.minutes[place] == minute
        begun = (self.before[place + 1] - self.before[place]) * clock.second if here else 0
        return self.before[place] * SPAN + begun


UNKNOWN: Final = Course.of({})
"""Before anything was announced."""


@dataclass(frozen=True, slots=True)
class Habit:
    """What a shop usually announces: `weekly` thousandths of an announcement a week, at the moments of `course`."""

    weekly: int
    course: Course


def shares(course: Course, own: Course, profile: Profile, now: dt.datetime) -> tuple[int, int]:
    """What part of a week's announcements is still to come after `now`, in her day and in her week, per million.

    Of all shops but the one that announces something `now`, whose own course is `own`. Her day and her week are those
    in which what is announced `now` may be shown to her; what is announced in the evening, once she may not be
    disturbed, belongs to the next.
    """
    moment = moment_of(profile, now)
    of_day, of_week = (
        max(course.within(now, until) - own.within(now, until), 0) for until in last_welcomes(profile, now)
    )
    weight = (max(course.whole - own.whole, 0) * EVEN + 1) * SPAN
    return (
        (of_day * EVEN * WHOLE + SPAN * moment.day_share) // weight,
        (of_week * EVEN * WHOLE + SPAN * moment.week_share) // weight,
    )


def later(habit: Habit, profile: Profile, now: dt.datetime) -> int:
    """What a shop that announces something `now` will still announce on later days of her week, in thousandths.

    Never more than its rhythm without this one: who announces once a week, and never on the same day, is done.
    """
    if not habit.course.whole:
        return 0
    usual = habit.weekly * habit.course.within(*last_welcomes(profile, now)) // (habit.course.whole * SPAN)
    return min(max(habit.weekly - MILLI, 0), usual)


def keep_course(session: Session, *, today: dt.date) -> None:
    """Count anew when shops have announced in the four weeks before `today`."""
    connection = session.connection()
    counts = _by_minute(_COUNTED.run(connection, _weeks_before(connection, today)))
    written = " ".join(f"{minute}:{count}" for minute, count in sorted(counts.items()))
    _FORGET.run(connection)
    _KEEP.run(connection, {"today": stored(connection, today), "counts": written})


def course_of(connection: Connection) -> Course:
    """The course as it was last counted."""
    return _kept(connection)[1]


def courses_of(connection: Connection, shop_id: uuid.UUID) -> tuple[Course, Habit]:
    """The course of all shops, and the habit of this one, of the same four weeks."""
    computed_on, course = _kept(connection)
    shop = {"shop": stored(connection, shop_id)}
    row = _WEEKLY.run(connection, shop).first()
    weekly = 0 if row is None else row[0]
    if computed_on is None:
        return course, Habit(weekly, UNKNOWN)
    counted = _COUNTED_OF_SHOP.run(connection, {**shop, **_weeks_before(connection, computed_on)})
    return course, Habit(weekly, Course.of(_by_minute(counted)))


def _kept(connection: Connection) -> tuple[dt.date | None, Course]:
    row = _READ.run(connection).first()
    if row is None:
        return None, UNKNOWN
    computed_on = row[0] if isinstance(row[0], dt.date) else dt.date.fromisoformat(row[0])
    return computed_on, _parsed(row[1])


def _weeks_before(connection: Connection, day: dt.date) -> dict[str, Any]:
    """The four weeks that end as a day begins in Paris: whole days, so that whoever asks later asks of the same."""
    since, until = (
        dt.datetime.combine(day - dt.timedelta(weeks=weeks), dt.time(0), PARIS).astimezone(dt.UTC)
        for weeks in (WEEKS, 0)
    )
    return {"since": stored(connection, since), "until": stored(connection, until)}


def _by_minute(counted: Iterable[Any]) -> Counter[int]:
    counts: Counter[int] = Counter()
    for minute, count in counted:
        moment = dt.datetime.fromisoformat(minute).replace(tzinfo=dt.UTC)
        counts[_minute(moment.astimezone(PARIS))] += count
    return counts


@lru_cache(maxsize=2)
def _parsed(counts: str) -> Course:
    """What was kept; a number for every ten minutes, as it was once, is a week that nobody has counted."""
    pairs = (each.split(":") for each in counts.split() if ":" in each)
    return Course.of({int(minute): int(count) for minute, count in pairs})


def _minute(clock: dt.datetime) -> int:
    """The minute of the week that the clock of Paris shows."""
    return (clock.weekday() * 24 + clock.hour) * 60 + clock.minute
