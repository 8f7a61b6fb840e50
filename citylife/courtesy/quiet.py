"""Quiet hours: when a citizen may be disturbed, on her own clock, and how much of her week is still to come.

An instant is quiet when her wall clock stands in her quiet hours, or on a Sunday she keeps free. So the two nights on
which clocks change need no rule of their own: what the clock skips never ends anything, what it repeats is quiet twice.
"""

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

DAY: Final = 24 * 60
"""Minutes of a day on the wall clock."""
SUNDAY: Final = 6
WHOLE: Final = 1_000_000
"""A share of everything, in parts per million."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What decides when a citizen may be disturbed; `begin` equal to `end` means no quiet hours."""

    time_zone: str
    begin: dt.time
    end: dt.time
    sundays: bool


@dataclass(frozen=True, slots=True)
class Moment:
    """What an instant means for the citizens of a profile.

    `release_at` is when something that is due now may be shown; `local_date` and `week_of` (its Monday) are its day on
    their calendar. `day_share` and `week_share` are what is left, after `release_at`, of a week's hours in which they
    may be disturbed: in that day and in that week, per million of the whole week.
    """

    release_at: dt.datetime
    local_date: dt.date
    week_of: dt.date
    day_share: int
    week_share: int


def is_quiet(profile: Profile, moment: dt.datetime) -> bool:
    """Whether a citizen of this profile wants not to be disturbed at that instant."""
    local = moment.astimezone(ZoneInfo(profile.time_zone))
    return _sunday(profile, local) or _within(profile, local.time())


def release(profile: Profile, moment: dt.datetime) -> dt.datetime:
    """The first instant, from `moment` on, at which she may be disturbed; in UTC."""
    moment = moment.astimezone(dt.UTC)
    zone = ZoneInfo(profile.time_zone)
    while True:
        local = moment.astimezone(zone)
        if _sunday(profile, local):
            moment = _next(zone, local, dt.time(0))
        elif _within(profile, local.time()):
            moment = _next(zone, local, profile.end)
        else:
            return moment


@lru_cache(maxsize=4096)
def moment_of(profile: Profile, now: dt.datetime) -> Moment:
    """What `now` means for everybody of this profile."""
    release_at = release(profile, now)
    local = release_at.astimezone(ZoneInfo(profile.time_zone))
    today = local.date()
    minute = local.hour * 60 + local.minute
    awake = [_awake(profile, sunday=weekday == SUNDAY) for weekday in range(7)]
    week = max(sum(sum(end - begin for begin, end in spans) for spans in awake), 1)
    day_left = sum(max(end - max(begin, minute), 0) for begin, end in awake[today.weekday()])
    later = sum(sum(end - begin for begin, end in spans) for spans in awake[today.weekday() + 1 :])
    return Moment(
        release_at=release_at,
        local_date=today,
        week_of=today - dt.timedelta(days=today.weekday()),
        day_share=day_left * WHOLE // week,
        week_share=(day_left + later) * WHOLE // week,
    )


def last_welcomes(profile: Profile, now: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    """Until when what becomes due may still be shown on the day of `moment_of(profile, now)`, and in its week; in UTC.

    From her evening on it waits for the next morning, and from her last evening of a week for the next week.
    """
    moment = moment_of(profile, now)
    zone = ZoneInfo(profile.time_zone)
    week = [
        dt.datetime.combine(moment.week_of + dt.timedelta(days=weekday), dt.time(0))
        + dt.timedelta(minutes=spans[-1][1])
        for weekday in range(7)
        if (spans := _awake(profile, sunday=weekday == SUNDAY))
    ]
    today = next(end for end in week if end > dt.datetime.combine(moment.local_date, dt.time(0)))
    of_day, of_week = (end.replace(tzinfo=zone).astimezone(dt.UTC) for end in (today, week[-1]))
    return of_day, of_week


def digest_moment(profile: Profile, digest_at: dt.time, now: dt.datetime) -> dt.datetime:
    """When a citizen gets what has been put aside for her by `now`: at her hour, once she may be disturbed; in UTC."""
    zone = ZoneInfo(profile.time_zone)
    return release(profile, _next(zone, now.astimezone(zone), digest_at))


def _sunday(profile: Profile, local: dt.datetime) -> bool:
    return profile.sundays and local.weekday() == SUNDAY


def _within(profile: Profile, time: dt.time) -> bool:
    if profile.begin <= profile.end:
        return profile.begin <= time < profile.end
    return time >= profile.begin or time < profile.end


def _next(zone: ZoneInfo, local: dt.datetime, time: dt.time) -> dt.datetime:
    """The first instant after `local` at which the wall clock has reached `time`."""
    now = local.astimezone(dt.UTC)
    day = local.date()
    while True:
        wall = dt.datetime.combine(day, time)
        candidates = [wall.replace(tzinfo=zone, fold=fold).astimezone(dt.UTC) for fold in (0, 1)]
        if candidates[0].astimezone(zone).replace(tzinfo=None) != wall:
            candidates = [_jump(zone, candidates[1], candidates[0])]
        after = [each for each in candidates if each > now]
        if after:
            return min(after)
        day += dt.timedelta(days=1)


def _jump(zone: ZoneInfo, early: dt.datetime, late: dt.datetime) -> dt.datetime:
    """The second at which the zone's clock jumps, somewhere after `early` and not after `late`."""
    before = early.astimezone(zone).utcoffset()
    low, high = 0, int((late - early).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if (early + dt.timedelta(seconds=middle)).astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return early + dt.timedelta(seconds=high)


def _awake(profile: Profile, *, sunday: bool) -> list[tuple[int, int]]:
    """The spans of a day, in minutes of the wall clock, in which she may be disturbed."""
    if sunday and profile.sundays:
        return []
    begin, end = (time.hour * 60 + time.minute for time in (profile.begin, profile.end))
    if profile.begin == profile.end:
        return [(0, DAY)]
    return [(0, begin), (end, DAY)] if begin <= end else [(end, begin)]
