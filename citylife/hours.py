"""Opening hours in OpenStreetMap's `opening_hours` syntax, with the public holidays of France, in Paris's time."""

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from opening_hours import OpeningHours, ParserError, State  # type: ignore[attr-defined]  # its stub forgets the error

from citylife.clock import PARIS
from citylife.errors import Invalid
from citylife.text import check_line

LONGEST: Final = 500
EXAMPLE: Final = "Mo-Fr 09:00-12:30,14:00-19:00; Sa 09:00-19:00; PH off"
MOST_REMEMBERED: Final = 8192
A_DAY: Final = dt.timedelta(days=1)
FORESEEN_DAYS: Final = 366
"""How far ahead the next change is looked for: a rule that is silent for a year never ends the search."""


class HoursNotUnderstood(Invalid):
    """The opening hours are not in the syntax that OpenStreetMap describes."""

    slug = "hours-not-understood"
    title = "Horaires non compris"
    sentence = "Ces horaires ne sont pas compris. Exemple : {example}"


@dataclass(frozen=True, slots=True)
class Hours:
    """Whether it is open at a moment, until when that stays so (None: not within a year), and the comment if any.

    `is_open` is None when the hours say themselves that one must ask (« sur rendez-vous »).
    """

    is_open: bool | None
    next_change: dt.datetime | None
    comment: str = ""


def check_hours(text: str, *, pointer: str = "/opening_hours") -> str:
    """The hours as they were written, once they are understood.

    Raises:
        HoursNotUnderstood: not in the syntax.
        TextRefused: longer than 500 characters, or with characters not for reading.
    """
    text = check_line(text, pointer=pointer, most=LONGEST)
    try:
        _parsed(text)
    except ParserError:
        raise HoursNotUnderstood(pointer=pointer, example=EXAMPLE) from None
    return text


def hours_at(text: str, moment: dt.datetime) -> Hours:
    """What the hours say at an aware moment; the next change is in Paris's time.

    Raises:
        HoursNotUnderstood: not in the syntax (what `check_hours` took is always understood).
    """
    return _read(text, moment)[0]


def _read(text: str, moment: dt.datetime) -> tuple[Hours, dt.datetime | None]:
    """What the hours say at a moment, and until when they say just this: a comment may end before a state does."""
    try:
        hours = _parsed(text)
    except ParserError:
        raise HoursNotUnderstood(example=EXAMPLE) from None
    local = moment.astimezone(PARIS)
    state, comment = hours.state(local)
    is_open = None if state == State.UNKNOWN else bool(state == State.OPEN)
    until = change = hours.next_change(local)
    while change is not None and hours.state(change)[0] == state:
        change = None if change - local > FORESEEN_DAYS * A_DAY else hours.next_change(change)
    return Hours(is_open=is_open, next_change=change, comment=comment), until


def hours_meanwhile(text: str, moment: dt.datetime) -> Hours:
    """What `hours_at` says, remembered until the next change: to be asked of many shops at a time.

    Raises:
        HoursNotUnderstood: not in the syntax.
    """
    return hours_and_end(text, moment)[0]


def hours_and_end(text: str, moment: dt.datetime) -> tuple[Hours, dt.datetime]:
    """What `hours_meanwhile` says, and until when it will say that.

    Raises:
        HoursNotUnderstood: not in the syntax.
    """
    known = _MEANWHILE.get(text)
    if known is not None and known[0] <= moment < known[1]:
        return known[2], known[1]
    hours, until = _read(text, moment)
    if len(_MEANWHILE) >= MOST_REMEMBERED:
        _MEANWHILE.clear()
    end = until or moment + A_DAY
    _MEANWHILE[text] = (moment, end, hours)
    return hours, end


def opening_times(
    text: str, moment: dt.datetime, *, days: int = 7, holidays: bool = True
) -> list[tuple[dt.datetime, dt.datetime]]:
    """When it opens and closes in the coming days, the one of `moment` included, holidays heeded, in Paris's time.

    No time passes midnight: what stays open is cut there, at 23:59 and 00:00.
    Without `holidays`, as if there were none.

    Raises:
        HoursNotUnderstood: not in the syntax.
    """
    try:
        hours = _parsed(text, holidays=holidays)
    except ParserError:
        raise HoursNotUnderstood(example=EXAMPLE) from None
    first = dt.datetime.combine(moment.astimezone(PARIS), dt.time(), PARIS)
    last = first + dt.timedelta(days=days)
    found = []
    for opens, closes, state, _ in hours.intervals(first, last):
        if state != State.OPEN:
            continue
        until = min(closes or last, last)
        while opens.date() < until.date():
            midnight = dt.datetime.combine(opens.date() + dt.timedelta(days=1), dt.time(), PARIS)
            found.append((opens, midnight - dt.timedelta(minutes=1)))
            opens = midnight  # noqa: PLW2901 - the rest of the same opening
        if opens < until:
            found.append((opens, until))
    return found


@lru_cache(maxsize=1024)
def is_holiday(day: dt.date) -> bool:
    """Whether a day is one of the eleven public holidays of France (Code du travail L3133-1)."""
    return bool(_parsed("PH").is_open(dt.datetime.combine(day, dt.time(12), PARIS)))


def must_ask(text: str, day: dt.date) -> bool:
    """Whether the hours of a day say, for a part of it, that one must ask (« sur rendez-vous »).

    Raises:
        HoursNotUnderstood: not in the syntax.
    """
    first = dt.datetime.combine(day, dt.time(), PARIS)
    try:
        spans = _parsed(text).intervals(first, first + A_DAY)
    except ParserError:
        raise HoursNotUnderstood(example=EXAMPLE) from None
    return any(state == State.UNKNOWN for _, _, state, _ in spans)


@lru_cache(maxsize=8192)
def _parsed(text: str, *, holidays: bool = True) -> OpeningHours:
    country = "FR" if holidays else None
    return OpeningHours(text, timezone=PARIS, country=country, max_interval_days=FORESEEN_DAYS)


_MEANWHILE: Final[dict[str, tuple[dt.datetime, dt.datetime, Hours]]] = {}
"""Hours as they are said, from when and until when they are known to be so."""
