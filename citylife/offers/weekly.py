"""The weekly rhythm of an offer that comes again: on which days, at what hour of Paris, and how long each lasts.

Hours of the day are Paris's own, whatever the clock does: one that a change of the clock skips comes an hour later, one
that it repeats counts the first time. A number of hours is hours that pass.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from citylife.clock import PARIS, local_date

WEEK: Final = 7
DAY_HOURS: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """Each of `weekdays` (0 is Monday) at `at`, for `hours`, or until `until`: the next day where that is no later.

    `last_day` is the last on which it comes, None until somebody stops it.
    """

    weekdays: frozenset[int]
    at: dt.time
    hours: int | None = None
    until: dt.time | None = None
    last_day: dt.date | None = None

    def begins(self, day: dt.date) -> dt.datetime:
        """When the occurrence of a day begins, in UTC."""
        return _moment(day, self.at)

    def ends(self, day: dt.date) -> dt.datetime:
        """When it ends, in UTC; always after it began."""
        begins = self.begins(day)
        if self.until is None:
            return begins + dt.timedelta(hours=self.hours or 0)
        next_day = dt.timedelta(days=self.until <= self.at)
        ends = _moment(day + next_day, self.until)
        lasts = dt.datetime.combine(day + next_day, self.until) - dt.datetime.combine(day, self.at)
        return ends if ends > begins else begins + lasts  # the clock went forward between the two

    def day_after(self, day: dt.date, *, but: dt.date | None = None) -> dt.date | None:
        """The next day on which it comes, `but` on one; None where there is no more."""
        for ahead in range(1, 2 * WEEK + 1):
            later = day + dt.timedelta(days=ahead)
            if self.last_day is not None and later > self.last_day:
                return None
            if later.weekday() in self.weekdays and later != but:
                return later
        return None

    def next_day(self, now: dt.datetime, *, but: dt.date | None = None) -> dt.date | None:
        """The first day on which it begins after `now`."""
        day = self.day_after(local_date(now) - dt.timedelta(days=1), but=but)
        return day if day is None or self.begins(day) > now else self.day_after(day, but=but)

    @property
    def shortest_gap(self) -> int:
        """Hours between two occurrences that follow each other closest, where no clock is changed."""
        days = sorted(self.weekdays)
        gaps = [(after - before) % WEEK or WEEK for before, after in zip(days, days[1:] + days[:1], strict=True)]
        return DAY_HOURS * min(gaps, default=WEEK)


def days_as_bits(weekdays: Iterable[int]) -> int:
    """Weekdays as a number: Monday is its lowest bit."""
    return sum(1 << day for day in set(weekdays))


def days_of_bits(bits: int) -> frozenset[int]:
    """The weekdays of such a number."""
    return frozenset(day for day in range(WEEK) if bits >> day & 1)


def _moment(day: dt.date, time: dt.time) -> dt.datetime:
    return dt.datetime.combine(day, time, PARIS).astimezone(dt.UTC)
