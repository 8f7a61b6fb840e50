"""When a weekly letter is due: on Friday, at the hour a citizen has her digest, on her own clock."""

import datetime as dt
from typing import Final
from zoneinfo import ZoneInfo

from citylife.courtesy.quiet import Profile, digest_moment

FRIDAY: Final = 4
MIDNIGHT: Final = dt.time(0)
AT_MOST_EVERY: Final = dt.timedelta(days=6)
"""A letter that is late is not followed by one that is on time: less than a week apart, since her hour may change."""


def next_letter_at(time_zone: str, digest_at: dt.time, now: dt.datetime) -> dt.datetime:
    """The first Friday, strictly after `now`, on which her wall clock reaches her hour; in UTC.

    A letter makes no sound: her quiet hours do not hold it back.
    """
    never_quiet = Profile(time_zone, MIDNIGHT, MIDNIGHT, sundays=False)
    zone = ZoneInfo(time_zone)
    moment = now
    while True:
        moment = digest_moment(never_quiet, digest_at, moment)
        if moment.astimezone(zone).weekday() == FRIDAY:
            return moment


def following_letter_at(time_zone: str, digest_at: dt.time, now: dt.datetime) -> dt.datetime:
    """The one after a letter that is written now."""
    return next_letter_at(time_zone, digest_at, now + AT_MOST_EVERY)
