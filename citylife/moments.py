"""When things begin and end, said the way a neighbour would: « demain à 9 h », never a date where a word will do.

Moments are aware; they are said in Paris's time, which is the shops' time.
"""

import datetime as dt
from typing import Final

from babel.dates import format_date, format_skeleton

from citylife.clock import PARIS
from citylife.wording import Sentence, say

EVENING: Final = 18
"""From this hour on, today is « ce soir »."""
SOON: Final = 6
"""Up to so many days ahead a weekday's name says enough."""


def until_words(moment: dt.datetime, *, now: dt.datetime, locale: str) -> str:
    """Until when: « Jusqu’à ce soir, 19 h », « Jusqu’à samedi, 12 h 30 », « Jusqu’au mardi 1er décembre, 18 h »."""
    day, time = _day_and_time(moment, locale)
    ahead = (day - now.astimezone(PARIS).date()).days
    if ahead == 0:
        evening = moment.astimezone(PARIS).hour >= EVENING or _is_midnight(moment)
        return say(Sentence("Jusqu’à ce soir, {time}" if evening else "Jusqu’à {time} aujourd’hui", time=time), locale)
    if ahead == 1:
        return say(Sentence("Jusqu’à demain, {time}", time=time), locale)
    if 1 < ahead <= SOON:
        return say(Sentence("Jusqu’à {weekday}, {time}", weekday=_weekday(day, locale), time=time), locale)
    return until_date_words(moment, locale=locale)


def until_date_words(moment: dt.datetime, *, locale: str) -> str:
    """Until when, by its date alone: for what may be read another day than it was written."""
    day, time = _day_and_time(moment, locale)
    return say(Sentence("Jusqu’au {day}, {time}", day=day_words(day, locale), time=time), locale)


def at_words(moment: dt.datetime, *, now: dt.datetime, locale: str) -> str:
    """At what moment: « à 19 h » today, « hier à 18 h », « lundi à 9 h », « le mardi 1er décembre à 9 h »."""
    day, time = _day_and_time(moment, locale)
    ahead = (day - now.astimezone(PARIS).date()).days
    if ahead == 0:
        return say(Sentence("à {time}", time=time), locale)
    if abs(ahead) == 1:
        return say(Sentence("demain à {time}" if ahead == 1 else "hier à {time}", time=time), locale)
    if 1 < ahead <= SOON:
        return say(Sentence("{weekday} à {time}", weekday=_weekday(day, locale), time=time), locale)
    return say(Sentence("le {day} à {time}", day=day_words(day, locale), time=time), locale)


def date_words(day: dt.date, locale: str) -> str:
    """A date with its year, as letters write it: « 1er décembre 2026 »."""
    said = format_date(day, "long", locale=locale)
    return "1er" + said[1:] if locale == "fr" and day.day == 1 else said


def span_of_days(first: dt.date, last: dt.date, locale: str) -> tuple[str, str]:
    """A first and a last day, the year with the last alone where it is one: « 28 septembre », « 4 octobre 2026 »."""
    said = format_skeleton("MMMMd", first, locale=locale)
    said = "1er" + said[1:] if locale == "fr" and first.day == 1 else said
    return said if first.year == last.year else date_words(first, locale), date_words(last, locale)


def day_words(day: dt.date, locale: str) -> str:
    """The date without its year; the first of a month is an ordinal in French, which CLDR leaves out."""
    said = format_date(day, "EEEE d MMMM", locale=locale)
    return said.replace(" 1 ", " 1er ") if locale == "fr" else said


def clock_words(time: dt.time) -> Sentence:
    """A time of day, such as « 20 h » or « 9 h 30 », still to be translated."""
    hour, minute = str(time.hour), f"{time.minute:02}"
    return (
        Sentence("{hour} h", hour=hour) if minute == "00" else Sentence("{hour} h {minute}", hour=hour, minute=minute)
    )


def _is_midnight(moment: dt.datetime) -> bool:
    return moment.astimezone(PARIS).time() == dt.time(0)


def _day_and_time(moment: dt.datetime, locale: str) -> tuple[dt.date, str]:
    """The day people would name and the time of day; midnight ends a day, it does not begin one."""
    local = moment.astimezone(PARIS)
    if _is_midnight(moment):
        return local.date() - dt.timedelta(days=1), say(Sentence("minuit"), locale)
    return local.date(), say(clock_words(local.time()), locale)


def _weekday(day: dt.date, locale: str) -> str:
    return format_date(day, "EEEE", locale=locale)
