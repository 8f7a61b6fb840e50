"""Days on which a shop stays closed though it is ordinarily open: a public holiday, or a closure it announced.

Both stand in its hours, as OpenStreetMap writes them: `PH off`, or a rule for dates (`2026 Dec 28-2027 Jan 2 off "…"`).
"""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final

from citylife.clock import PARIS, local_date
from citylife.hours import A_DAY, hours_at, is_holiday, opening_times
from citylife.shops.tables import Shop, ShopStand
from citylife.shops.whereabouts import whereabouts

FORESEEN: Final = 14
"""How many days ahead a closure may begin to be worth telling."""
LONGEST: Final = 92
"""After how many days more a closure is told without its end."""
NOON: Final = dt.time(12)
_RULES: Final = re.compile(r';(?=(?:[^"]*"[^"]*")*[^"]*$)')
_DATED: Final = re.compile(r"\s*(?:\d{4}|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\b[^\"]*\b(?:off|closed)\b")
_OF_HOLIDAYS: Final = re.compile(r"\bPH\b")


class Why(Enum):
    """Why a shop that is ordinarily open on a day is closed on it."""

    HOLIDAY = "holiday"
    ANNOUNCED = "announced"


@dataclass(frozen=True, slots=True)
class Closure:
    """Closed from a day to another, both included, and what the shop says of it (empty: nothing).

    `last` is None where the closure goes on for longer than is looked ahead.
    """

    why: Why
    first: dt.date
    last: dt.date | None
    comment: str = ""


def closure_on(text: str, day: dt.date) -> Closure | None:
    """Why a shop of these hours is closed all day though it is ordinarily open; None: it opens, or never does then.

    Raises:
        HoursNotUnderstood: the hours are not in the syntax.
    """
    usual = _without_dates(text)
    if usual == text and not is_holiday(day):
        return None
    noon = dt.datetime.combine(day, NOON, PARIS)
    if opening_times(text, noon, days=1) or not opening_times(usual, noon, days=1, holidays=False):
        return None
    comment = hours_at(text, noon).comment
    holiday = is_holiday(day) and bool(opening_times(text, noon, days=1, holidays=False))
    return Closure(Why.HOLIDAY if holiday else Why.ANNOUNCED, day, day, comment)


def closure_of_day(shop: Shop, stands: Sequence[ShopStand], day: dt.date) -> Closure | None:
    """The same for a shop, where it is on that day."""
    text = whereabouts(shop, stands, day).hours
    return None if text is None else closure_on(text, day)


def says_nothing_of(holiday: dt.date, shop: Shop, stands: Sequence[ShopStand]) -> bool:
    """Whether a shop is said to be open on a public holiday by hours that were written without a thought of any."""
    text = whereabouts(shop, stands, holiday).hours
    if text is None or not is_holiday(holiday) or _OF_HOLIDAYS.search(text):
        return False
    return bool(opening_times(text, dt.datetime.combine(holiday, NOON, PARIS), days=1))


def closures_ahead(shop: Shop, stands: Sequence[ShopStand], now: dt.datetime) -> list[Closure]:
    """Closures that begin within two weeks, today's included, the next first; days it never opens end none."""
    found: list[Closure] = []
    running: Closure | None = None
    today = local_date(now)
    for ahead in range(FORESEEN + LONGEST):
        day = today + ahead * A_DAY
        closure = closure_of_day(shop, stands, day)
        if closure is not None and running is not None and _same(running, closure):
            running = Closure(running.why, running.first, day, running.comment)
        elif closure is not None or _opens(shop, stands, day):
            found += [running] if running else []
            running = closure
        if ahead >= FORESEEN and (running is None or (running.first - today).days >= FORESEEN):
            return found
    if running is None:
        return found
    return [*found, Closure(running.why, running.first, None, running.comment)]


def _same(one: Closure, other: Closure) -> bool:
    return (one.why, one.comment) == (other.why, other.comment)


def _opens(shop: Shop, stands: Sequence[ShopStand], day: dt.date) -> bool:
    text = whereabouts(shop, stands, day).hours
    return text is not None and bool(opening_times(text, dt.datetime.combine(day, NOON, PARIS), days=1))


@lru_cache(maxsize=8192)
def _without_dates(text: str) -> str:
    """The hours without the closures of some dates; as they are where nothing else would be left."""
    return ";".join(rule for rule in _RULES.split(text) if not _DATED.match(rule)) or text
