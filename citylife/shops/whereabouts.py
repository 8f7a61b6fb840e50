"""Where a shop is on a day and when it is open there: at the stand of that weekday if it has one, else its own place.

Days and weekdays are Paris's. `stands` are those of `directory.stands_of`; most shops have none.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from citylife.clock import PARIS, local_date
from citylife.hours import Hours, hours_at, opening_times
from citylife.shops.tables import Shop, ShopStand

DAYS: Final = 7
A_DAY: Final = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """A place (degrees WGS 84) and its hours, None where they are not known; `stand` is None at its own place."""

    latitude: float
    longitude: float
    insee_code: str
    hours: str | None
    stand: ShopStand | None = None


def whereabouts(shop: Shop, stands: Iterable[ShopStand], day: dt.date) -> Whereabouts:
    """Where a shop is on a day."""
    stand = next((stand for stand in stands if stand.weekday == day.weekday()), None)
    if stand is None:
        return Whereabouts(shop.latitude, shop.longitude, shop.insee_code, shop.opening_hours)
    return Whereabouts(stand.latitude, stand.longitude, stand.insee_code, stand.hours, stand)


def hours_of_day(shop: Shop, stands: Sequence[ShopStand], now: dt.datetime) -> Hours | None:
    """Whether a shop is open where it is today, and the next change, wherever that is; None: its hours are not known.

    The hours of a stand are those of its weekday alone: whoever is gone for today opens next at the next place.
    """
    today = local_date(now)
    text = whereabouts(shop, stands, today).hours
    if text is None:
        return None
    hours = hours_at(text, now)
    soon = hours.next_change is not None and local_date(hours.next_change) == today
    if not stands or soon or hours.is_open is not False:
        return hours
    opens = [opens for opens, _ in times_of(shop, stands, _days(today + A_DAY))]
    return replace(hours, next_change=opens[0] if opens else None)


def times_of(shop: Shop, stands: Sequence[ShopStand], days: Iterable[dt.date]) -> list[tuple[dt.datetime, dt.datetime]]:
    """When a shop opens and closes on some days, each where it is then, holidays heeded, in Paris's time."""
    found = []
    for day in days:
        text = whereabouts(shop, stands, day).hours
        if text is not None:
            found += opening_times(text, dt.datetime.combine(day, dt.time(12), PARIS), days=1)
    return found


def times_there(shop: Shop, stands: Sequence[ShopStand], now: dt.datetime) -> list[tuple[dt.datetime, dt.datetime]]:
    """When a shop is open, in the coming week, at the place where it is today."""
    today = local_date(now)
    here = _spot(whereabouts(shop, stands, today))
    days = [day for day in _days(today) if _spot(whereabouts(shop, stands, day)) == here]
    return times_of(shop, stands, days)


def _days(first: dt.date) -> list[dt.date]:
    return [first + ahead * A_DAY for ahead in range(DAYS)]


def _spot(where: Whereabouts) -> tuple[float, float]:
    return where.latitude, where.longitude
