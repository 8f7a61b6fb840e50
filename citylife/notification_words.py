"""The words of an announcement on a phone: written once, for whoever is told and for the merchant who looks before."""

import datetime as dt
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time

from citylife.clock import PARIS
from citylife.wording import Sentence, say

_UNTIL_TODAY: Final = "{title} — jusqu’à {time} aujourd’hui"
_UNTIL_DAY: Final = "{title} — jusqu’au {day} à {time}"


@dataclass(frozen=True, slots=True)
class NotificationWords:
    """What a phone shows: whose it is, and what."""

    title: str
    body: str


def announcement_words(
    shop_name: str, title: str, *, ends_at: dt.datetime, now: dt.datetime, locale: str, zone: ZoneInfo = PARIS
) -> NotificationWords:
    """What is announced of an offer to readers of `locale`; its end is said in the time of `zone`."""
    end = ends_at.astimezone(zone)
    time = format_time(end, "short" if locale != "fr" else "H' h 'mm", locale=locale)
    body = Sentence(_UNTIL_DAY, title=title, day=format_date(end, "EEEE d MMMM", locale=locale), time=time)
    if end.date() == now.astimezone(zone).date():
        body = Sentence(_UNTIL_TODAY, title=title, time=time)
    return NotificationWords(shop_name, say(body, locale))
