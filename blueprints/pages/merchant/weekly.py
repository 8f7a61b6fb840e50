"""When an announcement comes again each week, as the form says it: read, written again, and said in words."""

import datetime as dt
import re
from collections.abc import Mapping
from typing import Final

from babel.dates import get_day_names
from babel.lists import format_list

from blueprints.pages.merchant.writing import CLOSING, DAYS, LATE, Faults, price_written, words_in, written_in
from blueprints.pages.merchant.writing import LABELS as OF_WORDS
from citylife.moments import clock_words, day_words
from citylife.offers.recurring import RecurringDraft, RecurringOffer
from citylife.offers.weekly import WEEK, Rhythm
from citylife.wording import Sentence, say

TONIGHT, HOURS, UNTIL = "tonight", "hours", "until"
"""The ways to say how long each lasts."""
CLOCK: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?::\d\d)?", re.ASCII)
LABELS: Final = {
    "weekdays": Sentence("Quels jours"),
    "at": Sentence("À quelle heure"),
    "lasts": Sentence("Combien de temps chaque fois"),
    "hours": Sentence("Nombre d’heures"),
    "until_time": Sentence("Heure de fin"),
    "last_day": Sentence("Jusqu’à quelle date"),
}
LASTS: Final = {
    TONIGHT: Sentence("Jusqu’au soir"),
    HOURS: Sentence("Pendant quelques heures"),
    UNTIL: Sentence("Jusqu’à une heure précise"),
}
MIDNIGHT: Final = dt.time(0)


def weekday_names(locale: str) -> list[str]:
    """The days of the week, from Monday on."""
    names = get_day_names("wide", locale=locale)
    return [names[weekday] for weekday in range(WEEK)]


def read_recurring(form: Mapping[str, str], locale: str) -> RecurringDraft:
    """What was written of an announcement that comes again.

    Raises:
        Faults: fields that cannot be read; what breaks a rule of the house is for the domain to say.
    """
    words, said = words_in(form, locale)
    at = clock_in(form.get("at", ""))
    if at is None:
        said["at"] = say(Sentence("Écrivez une heure, comme 08:00."), locale)
    hours, until = None, None
    lasts = form.get("lasts", TONIGHT)
    if lasts == HOURS:
        typed = form.get("hours", "").strip()
        hours = int(typed) if typed.isascii() and typed.isdigit() and len(typed) <= len("168") else None
        if hours is None:
            said["hours"] = say(Sentence("Écrivez un nombre d’heures, comme 4."), locale)
    elif lasts == UNTIL:
        until = clock_in(form.get("until_time", ""))
        if until is None:
            said["until_time"] = say(Sentence("Écrivez une heure, comme 12:30."), locale)
    else:
        until = evening_of(at or MIDNIGHT)
    last_day = None
    if form.get("last_day", "").strip():
        try:
            last_day = dt.date.fromisoformat(form["last_day"].strip())
        except ValueError:
            said["last_day"] = say(Sentence("Écrivez une date, ou rien."), locale)
    if said or at is None:
        raise Faults(said)
    weekdays = frozenset(weekday for weekday, name in enumerate(DAYS) if form.get(name) == "1")
    rhythm = Rhythm(weekdays=weekdays, at=at, hours=hours, until=until, last_day=last_day)
    return RecurringDraft(**words, rhythm=rhythm)


def written_of_recurring(series: RecurringOffer) -> dict[str, str]:
    """A recurring offer as its form says it."""
    rhythm = series.rhythm
    lasts = HOURS if rhythm.hours is not None else TONIGHT if rhythm.until == evening_of(rhythm.at) else UNTIL
    return written_in(
        {
            "kind": series.kind.value,
            "title": series.title,
            "description": series.description,
            "price": "" if series.price is None else price_written(series.price),
            "reduction": "1" if series.reduction else "",
            "perishable": "1" if series.perishable else "",
            "quantity": "" if series.quantity is None else str(series.quantity),
            "radius": str(series.radius),
            "photo_id": "" if series.photo_id is None else str(series.photo_id),
            **{name: "1" for weekday, name in enumerate(DAYS) if weekday in rhythm.weekdays},
            "at": f"{rhythm.at:%H:%M}",
            "lasts": lasts,
            "hours": "" if rhythm.hours is None else str(rhythm.hours),
            "until_time": f"{rhythm.until:%H:%M}" if lasts == UNTIL else "",
            "last_day": "" if rhythm.last_day is None else rhythm.last_day.isoformat(),
            "version": str(series.version),
        }
    )


def field_of(pointer: str | None) -> str:
    """The field of the form that a rule points to; none in particular where the form has no such field."""
    name = (pointer or "/")[1:]
    return name if name in OF_WORDS or name in LABELS else ""


def evening_of(at: dt.time) -> dt.time:
    """Until when « jusqu’au soir » is, for what begins at an hour: midnight where it begins in the evening."""
    return dt.time(CLOSING) if at < dt.time(LATE) else MIDNIGHT


def clock_in(written: str) -> dt.time | None:
    """A time of day as browsers write it; None where it is none."""
    found = CLOCK.fullmatch(written.strip())
    return None if found is None else dt.time(int(found[1]), int(found[2]))


def rhythm_words(rhythm: Rhythm, locale: str) -> str:
    """On which days, and at what hour: « Chaque lundi et jeudi à 8 h »."""
    time = clock_words(rhythm.at)
    if len(rhythm.weekdays) == WEEK:
        return say(Sentence("Chaque jour à {time}", time=time), locale)
    names = weekday_names(locale)
    days = format_list([names[weekday] for weekday in sorted(rhythm.weekdays)], locale=locale)
    return say(Sentence("Chaque {days} à {time}", days=days, time=time), locale)


def length_words(rhythm: Rhythm, locale: str) -> str:
    """How long each lasts, and until what date it comes."""
    if rhythm.hours is not None:
        one = rhythm.hours == 1
        said = Sentence("Pendant une heure") if one else Sentence("Pendant {hours} heures", hours=rhythm.hours)
    elif rhythm.until == MIDNIGHT:
        said = Sentence("Jusqu’à minuit")
    else:
        said = Sentence("Jusqu’à {time}", time=clock_words(rhythm.until or MIDNIGHT))
    length = say(said, locale)
    if rhythm.last_day is None:
        return length
    day = day_words(rhythm.last_day, locale)
    return say(Sentence("{length} ; plus après le {day}", length=length, day=day), locale)
