"""Where time comes from: a callable, so that time is always passed in and tests own it."""

import datetime as dt
from collections.abc import Callable
from typing import Final
from zoneinfo import ZoneInfo

Clock = Callable[[], dt.datetime]
PARIS: Final = ZoneInfo("Europe/Paris")


def utc_now() -> dt.datetime:
    """The present moment, aware, in UTC."""
    return dt.datetime.now(dt.UTC)


def local_date(moment: dt.datetime, zone: str = "Europe/Paris") -> dt.date:
    """The calendar date of `moment` for somebody living in the IANA time zone `zone`."""
    return moment.astimezone(ZoneInfo(zone)).date()
