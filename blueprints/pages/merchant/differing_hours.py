"""Two weeks of opening hours side by side: what was written here, what is kept, and only the days that differ."""

import datetime as dt
from collections.abc import Iterable
from typing import Final

from babel.dates import format_date, get_day_names

from blueprints.pages.merchant.differing import NO, NOTHING, YES, ShownDifference
from citylife.moments import clock_words
from citylife.week_hours import DatedClosure, Span, WeekHours, read_week_hours, without_past, written_hours
from citylife.wording import Sentence, say

CLOSED: Final = Sentence("Fermé")
HOURS: Final = Sentence("Horaires")
HOLIDAYS: Final = Sentence("Fermé les jours fériés")
CLOSURES: Final = Sentence("Fermé le")


def hours_differences(mine: WeekHours, kept: str, locale: str, *, today: dt.date) -> list[ShownDifference]:
    """The week that was written beside the one that is kept; in full, as text, where that one is no week."""
    theirs = read_week_hours(kept)
    if theirs is None:
        return [ShownDifference(say(HOURS, locale), written_hours(mine) or say(NOTHING, locale), kept)]
    theirs, names = without_past(theirs, today), get_day_names("wide", locale=locale)
    rows = [
        (names[number].capitalize(), _day(mine.days[number], locale), _day(theirs.days[number], locale))
        for number in range(7)
    ]
    rows += [
        (say(HOLIDAYS, locale), _holidays(mine, locale), _holidays(theirs, locale)),
        (say(CLOSURES, locale), _closures(mine.closures, locale), _closures(theirs.closures, locale)),
    ]
    return [ShownDifference(*row) for row in rows if row[1] != row[2]]


def _day(spans: Iterable[Span], locale: str) -> str:
    said = [f"{say(clock_words(each.opens), locale)} – {say(clock_words(each.closes), locale)}" for each in spans]
    return ", ".join(said) or say(CLOSED, locale)


def _holidays(week: WeekHours, locale: str) -> str:
    return say(YES if week.holidays_off else NO, locale)


def _closures(closures: Iterable[DatedClosure], locale: str) -> str:
    return ", ".join(_closure(each, locale) for each in closures) or say(NOTHING, locale)


def _closure(closure: DatedClosure, locale: str) -> str:
    days = dict.fromkeys(format_date(day, "medium", locale=locale) for day in (closure.first, closure.last))
    return " – ".join(days) + (f" ({closure.comment})" if closure.comment else "")
