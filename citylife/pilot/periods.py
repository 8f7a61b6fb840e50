"""Periods of measures: ISO weeks and calendar months, from midnight to midnight in Paris.

A week is written as ISO 8601 does (`2026-W48`; its year is the year of its Thursday, so that some years have a week
53), a month `2026-11`. A week in which the clocks change has 167 or 169 hours.
"""

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Final

from citylife.clock import PARIS, local_date
from citylife.errors import Invalid

A_DAY: Final = dt.timedelta(days=1)
A_WEEK: Final = dt.timedelta(weeks=1)
_WEEK: Final = re.compile(r"([0-9]{4})-W([0-9]{2})")
_MONTH: Final = re.compile(r"([0-9]{4})-([0-9]{2})")


class Frequency(Enum):
    """How often a measure is taken."""

    WEEKLY = "weekly"
    MONTHLY = "monthly"


class NoSuchPeriod(Invalid):
    """The text names neither an ISO week nor a month."""

    slug: ClassVar[str] = "no-such-period"
    title: ClassVar[str] = "Période inconnue"
    sentence: ClassVar[str] = "Une période s’écrit comme 2026-W48 (une semaine) ou 2026-11 (un mois)."


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """An ISO week or a month: from the day `first` on, until `end`, the first day that is no longer in it."""

    first: dt.date
    end: dt.date
    frequency: Frequency

    def __str__(self) -> str:
        if self.frequency is Frequency.MONTHLY:
            return f"{self.first:%Y-%m}"
        year, week, _ = self.first.isocalendar()
        return f"{year:04}-W{week:02}"

    @property
    def last(self) -> dt.date:
        """Its last day."""
        return self.end - A_DAY

    @property
    def begins(self) -> dt.datetime:
        """Its first moment, in UTC."""
        return midnight(self.first)

    @property
    def ends(self) -> dt.datetime:
        """The first moment after it, in UTC."""
        return midnight(self.end)

    @property
    def next(self) -> "Period":
        """The one that follows."""
        return week_of(self.end) if self.frequency is Frequency.WEEKLY else month_of(self.end)

    @property
    def former(self) -> "Period":
        """The one before."""
        return week_of(self.first - A_DAY) if self.frequency is Frequency.WEEKLY else month_of(self.first - A_DAY)

    def days(self) -> Iterator[dt.date]:
        """Its days in order."""
        for number in range((self.end - self.first).days):
            yield self.first + number * A_DAY


def midnight(day: dt.date) -> dt.datetime:
    """The moment a day begins in Paris, in UTC."""
    return dt.datetime.combine(day, dt.time(), PARIS).astimezone(dt.UTC)


def week_of(day: dt.date) -> Period:
    """The ISO week that a day lies in."""
    monday = day - day.weekday() * A_DAY
    return Period(monday, monday + A_WEEK, Frequency.WEEKLY)


def month_of(day: dt.date) -> Period:
    """The month that a day lies in."""
    first = day.replace(day=1)
    return Period(first, (first + 31 * A_DAY).replace(day=1), Frequency.MONTHLY)


def last_over(frequency: Frequency, now: dt.datetime) -> Period:
    """The last period that is wholly over at `now`."""
    today = local_date(now)
    return (week_of(today) if frequency is Frequency.WEEKLY else month_of(today)).former


def read_period(text: str) -> Period:
    """The period that a text names.

    Raises:
        NoSuchPeriod: it names none.
    """
    try:
        if week := _WEEK.fullmatch(text):
            return week_of(dt.date.fromisocalendar(int(week[1]), int(week[2]), 1))
        if month := _MONTH.fullmatch(text):
            return month_of(dt.date(int(month[1]), int(month[2]), 1))
    except (ValueError, OverflowError) as error:
        raise NoSuchPeriod from error
    raise NoSuchPeriod
