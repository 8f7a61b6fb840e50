"""Opening hours as a shopkeeper fills them in: a week of days with their times, holidays, and closures by dates.

It is written in OpenStreetMap's syntax, and read back from it where the text says nothing that such a form cannot show.
"""

import datetime as dt
import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from citylife.errors import Invalid

DAYS: Final = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
HOLIDAYS_OFF: Final = "PH off"
NEVER: Final = "off"
END_OF_DAY: Final = "24:00"
_RULES: Final = re.compile(r";(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)")
_DAY: Final = "|".join(DAYS)
_TIME: Final = r"(?:[01]\d|2[0-3]):[0-5]\d"
_SPAN: Final = rf"{_TIME}-(?:{_TIME}|{END_OF_DAY})"
_WEEKLY: Final = re.compile(
    rf"(?P<days>(?:{_DAY})(?:-(?:{_DAY}))?(?:,(?:{_DAY})(?:-(?:{_DAY}))?)*) (?P<times>off|{_SPAN}(?:,{_SPAN})*)"
)
_DATE: Final = rf"(\d{{4}}) ({'|'.join(MONTHS)}) (\d{{1,2}})"
_CLOSED: Final = re.compile(rf'{_DATE}(?:-{_DATE})? off(?: "([^"]*)")?')


class SpansOverlap(Invalid):
    """Two openings of a day run into each other, or one has no length."""

    slug = "spans-overlap"
    title = "Heures qui se recouvrent"
    sentence = "Ces heures se recouvrent : la deuxième ouverture commence après la fin de la première."


class ClosureBackwards(Invalid):
    """A closure ends before it begins."""

    slug = "closure-backwards"
    title = "Fermeture à l’envers"
    sentence = "Cette fermeture finit avant de commencer."


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Open from a time until another, in Paris's time; one that does not come later is of the next day."""

    opens: dt.time
    closes: dt.time


ALL_DAY: Final = Span(dt.time.min, dt.time.min)
"""Open from midnight to midnight."""


@dataclass(frozen=True, slots=True, order=True)
class DatedClosure:
    """Closed from a day to another, both included, and why (empty: nothing is said)."""

    first: dt.date
    last: dt.date
    comment: str = ""


@dataclass(frozen=True, slots=True)
class WeekHours:
    """The openings of each day of the week, Monday first; whether it is closed on public holidays; its closures."""

    days: tuple[tuple[Span, ...], ...]
    holidays_off: bool = False
    closures: tuple[DatedClosure, ...] = ()


def written_hours(hours: WeekHours) -> str | None:
    """The hours in OpenStreetMap's syntax; None where no day has any and nothing else is said.

    Raises:
        SpansOverlap: openings of a day run into each other. ClosureBackwards: a closure ends before it begins.
    """
    for number, spans in enumerate(hours.days):
        _check_spans(spans, pointer=f"/days/{number}")
    for number, closure in enumerate(hours.closures):
        if closure.last < closure.first:
            raise ClosureBackwards(pointer=f"/closures/{number}")
    if not any(hours.days) and not hours.closures:
        return None
    weekly = [f"{days} {','.join(map(_written_span, spans))}" for days, spans in _alike(hours.days) if spans]
    rules = weekly or [NEVER]
    rules += [HOLIDAYS_OFF] if hours.holidays_off else []
    rules += [_written_closure(closure) for closure in sorted(hours.closures)]
    return "; ".join(rules)


def read_week_hours(text: str | None) -> WeekHours | None:
    """The hours of a text, with every closure it has; None where it says what a week of days cannot show."""
    days: list[tuple[Span, ...]] = [()] * len(DAYS)
    holidays_off, closures = False, list[DatedClosure]()
    for rule in map(str.strip, _RULES.split(text or "")):
        if rule == HOLIDAYS_OFF:
            holidays_off = True
        elif weekly := _WEEKLY.fullmatch(rule):
            spans = _read_spans(weekly["times"])
            for number in _numbers(weekly["days"]):
                days[number] = spans
        elif closed := _CLOSED.fullmatch(rule):
            closure = _read_closure(closed)
            if closure is None:
                return None
            closures.append(closure)
        elif rule not in {"", NEVER}:
            return None
    return WeekHours(tuple(days), holidays_off, tuple(sorted(closures)))


def without_past(hours: WeekHours, today: dt.date) -> WeekHours:
    """The hours less the closures that are over."""
    return WeekHours(hours.days, hours.holidays_off, tuple(one for one in hours.closures if one.last >= today))


def _check_spans(spans: Sequence[Span], *, pointer: str) -> None:
    end = dt.time.min
    for number, span in enumerate(sorted(spans)):
        overnight = span.closes <= span.opens
        empty = span.opens == span.closes and (span != ALL_DAY or len(spans) > 1)
        if (number and span.opens <= end) or (overnight and span != max(spans)) or empty:
            raise SpansOverlap(pointer=pointer)
        end = span.closes


def _alike(days: Sequence[tuple[Span, ...]]) -> Iterable[tuple[str, tuple[Span, ...]]]:
    """Runs of days with the same openings: « Mo-Fr », « Sa »."""
    for spans, run in itertools.groupby(range(len(DAYS)), key=lambda number: tuple(sorted(days[number]))):
        numbers = list(run)
        first, last = DAYS[numbers[0]], DAYS[numbers[-1]]
        yield first if len(numbers) == 1 else f"{first}-{last}", spans


def _written_span(span: Span) -> str:
    closes = END_OF_DAY if span.closes == dt.time.min else f"{span.closes:%H:%M}"
    return f"{span.opens:%H:%M}-{closes}"


def _read_spans(said: str) -> tuple[Span, ...]:
    if said == NEVER:
        return ()
    pairs = (span.split("-") for span in said.split(","))
    return tuple(sorted(Span(dt.time.fromisoformat(opens), _closing(closes)) for opens, closes in pairs))


def _closing(said: str) -> dt.time:
    return dt.time.min if said == END_OF_DAY else dt.time.fromisoformat(said)


def _numbers(said: str) -> Iterable[int]:
    """The days of « Mo-We,Sa », 0 for Monday; a run may go over Sunday."""
    for part in said.split(","):
        first, _, last = part.partition("-")
        start, end = DAYS.index(first), DAYS.index(last or first)
        yield from (number % len(DAYS) for number in range(start, end + 1 + (len(DAYS) if end < start else 0)))


def _written_closure(closure: DatedClosure) -> str:
    dates = _written_date(closure.first)
    if closure.last != closure.first:
        dates += f"-{_written_date(closure.last)}"
    comment = closure.comment.replace('"', "’")
    return f'{dates} off "{comment}"' if comment else f"{dates} off"


def _written_date(day: dt.date) -> str:
    return f"{day.year:04} {MONTHS[day.month - 1]} {day.day:02}"


def _read_closure(closed: re.Match[str]) -> DatedClosure | None:
    try:
        first = _read_date(*closed.groups()[:3])
        last = first if closed[4] is None else _read_date(*closed.groups()[3:6])
    except ValueError:
        return None
    return DatedClosure(first, last, closed[7] or "") if first <= last else None


def _read_date(year: str, month: str, day: str) -> dt.date:
    return dt.date(int(year), MONTHS.index(month) + 1, int(day))
