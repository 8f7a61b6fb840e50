"""The course of the week: at which moments of it shops announce, all of them together, over the last four weeks.

A citizen's pace says how many announcements a week brings her; the course says how many of them are still to come at
some moment of it. Where every shop announces on Monday at nine, the first of them has all others still to come, and
the last has none: so the draw gives both the same chance. Before anything was counted a week is even over her
undisturbed hours.

Moments of the week are of Paris, by spans of ten minutes from Monday 0:00. The course says nothing of any one shop.
"""

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from citylife.clock import PARIS
from citylife.courtesy.quiet import WHOLE, Profile, last_welcomes, moment_of
from citylife.ledger.statements import Statement, stored

SPAN: Final = 600
"""Seconds; a span's announcements count as spread evenly over it."""
WEEK: Final = 7 * 24 * 3600
SPANS: Final = WEEK // SPAN
WEEKS: Final = 4
EVEN: Final = 1
"""How many announcements an even week weighs beside those that were counted: a course of one is not believed yet.

What it weighs is expected and does not come, so that the last of a small town loses: with 4 beside 40, one in six.
"""

_COUNTED: Final = Statement(
    *(
        f"""
        SELECT {span} AS span, count(*) FROM messages
        WHERE kind = 'announcement' AND created_at > :since AND created_at <= :now GROUP BY 1
        """
        for span in (
            "substr(created_at, 1, 15)",
            "substr(to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), 1, 15)",
        )
    )
)
"""By ten minutes, written as the beginning of a moment in UTC: `2026-11-30 08:1`."""
_FORGET: Final = Statement("DELETE FROM announcement_courses")
_KEEP: Final = Statement(
    *(
        f"INSERT INTO announcement_courses (computed_on, counts) VALUES (CAST(:today AS {kind}), :counts)"
        for kind in ("text", "date")
    )
)
_READ: Final = Statement("SELECT counts FROM announcement_courses ORDER BY computed_on DESC LIMIT 1")


@dataclass(frozen=True, slots=True)
class Course:
    """How many announcements four weeks had before each span of the week: 0 first, all of them last."""

    before: tuple[int, ...]

    @property
    def whole(self) -> int:
        """All announcements of the four weeks."""
        return self.before[-1]

    def within(self, begin: dt.datetime, end: dt.datetime) -> int:
        """How many of them stand between two moments, at most a week apart; times `SPAN`, to stay whole."""
        if end <= begin:
            return 0
        if end - begin >= dt.timedelta(seconds=WEEK):
            return self.whole * SPAN
        first, last = self._up_to(begin), self._up_to(end)
        return last - first if _second(begin) <= _second(end) else self.whole * SPAN - first + last

    def _up_to(self, moment: dt.datetime) -> int:
        span, rest = divmod(_second(moment), SPAN)
        return self.before[span] * SPAN + (self.before[span + 1] - self.before[span]) * rest


UNKNOWN: Final = Course((0,) * (SPANS + 1))
"""Before anything was announced."""


def shares(course: Course, profile: Profile, now: dt.datetime) -> tuple[int, int]:
    """What part of a week's announcements is still to come after `now`, in her day and in her week, per million.

    Her day and her week are those in which what is announced `now` may be shown to her; what is announced in the
    evening, once she may not be disturbed, belongs to the next.
    """
    moment = moment_of(profile, now)
    of_day, of_week = (course.within(now, until) for until in last_welcomes(profile, now))
    weight = (course.whole + EVEN) * SPAN
    return (
        (of_day * WHOLE + EVEN * SPAN * moment.day_share) // weight,
        (of_week * WHOLE + EVEN * SPAN * moment.week_share) // weight,
    )


def keep_course(session: Session, *, now: dt.datetime, today: dt.date) -> None:
    """Count anew when shops have announced in the last four weeks."""
    connection = session.connection()
    values = {"since": stored(connection, now - dt.timedelta(weeks=WEEKS)), "now": stored(connection, now)}
    counts = [0] * SPANS
    for span, count in _COUNTED.run(connection, values).all():
        begin = dt.datetime.strptime(f"{span}0", "%Y-%m-%d %H:%M").replace(tzinfo=dt.UTC)
        counts[_second(begin) // SPAN] += count
    _FORGET.run(connection)
    _KEEP.run(connection, {"today": stored(connection, today), "counts": " ".join(map(str, counts))})


def course_of(connection: Connection) -> Course:
    """The course as it was last counted."""
    row = _READ.run(connection).first()
    return UNKNOWN if row is None else _parsed(row[0])


@lru_cache(maxsize=2)
def _parsed(counts: str) -> Course:
    return Course((0, *accumulate(int(count) for count in counts.split())))


def _second(moment: dt.datetime) -> int:
    """The second of the week, by the clock of Paris; the hour that it shows twice is one."""
    local = moment.astimezone(PARIS)
    return ((local.weekday() * 24 + local.hour) * 60 + local.minute) * 60 + local.second
