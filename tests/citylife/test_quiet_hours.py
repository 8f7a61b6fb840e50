"""Quiet hours on her own clock: when she may be disturbed, also on the nights when clocks change."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from citylife.courtesy.quiet import Profile, digest_moment, is_quiet, moment_of, release

PARIS = ZoneInfo("Europe/Paris")
USUAL = Profile("Europe/Paris", dt.time(20), dt.time(9), sundays=True)
ZONES = ("Europe/Paris", "UTC", "America/New_York", "Indian/Reunion", "Australia/Lord_Howe", "America/St_Johns")

times = st.builds(dt.time, st.integers(0, 23), st.integers(0, 59))
profiles = st.builds(Profile, st.sampled_from(ZONES), times, times, st.booleans())
moments = st.integers(0, 2 * 365 * 24 * 60).map(
    lambda minute: dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=minute)
)


def paris(text: str, fold: int = 0) -> dt.datetime:
    """An instant by the clock of Paris; in UTC, since Python compares repeated hours to nothing."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=PARIS, fold=fold).astimezone(dt.UTC)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-24 10:00", "2026-11-24 10:00"),
        ("2026-11-24 19:59:59", "2026-11-24 19:59:59"),
        ("2026-11-24 20:00", "2026-11-25 09:00"),
        ("2026-11-25 08:59:59", "2026-11-25 09:00"),
        ("2026-11-28 19:59", "2026-11-28 19:59"),
        ("2026-11-28 20:30", "2026-11-30 09:00"),  # Saturday evening, then Sunday, then Monday's night
        ("2026-11-29 12:00", "2026-11-30 09:00"),
    ],
)
def test_what_falls_in_quiet_hours_waits_for_their_end(now: str, expected: str) -> None:
    assert release(USUAL, paris(now)) == paris(expected)


def test_quiet_hours_that_begin_and_end_together_are_none() -> None:
    never = Profile("Europe/Paris", dt.time(12), dt.time(12), sundays=False)
    assert release(never, paris("2026-11-29 03:00")) == paris("2026-11-29 03:00")


def test_an_end_that_the_clock_skips_is_reached_when_it_jumps() -> None:
    night = Profile("Europe/Paris", dt.time(22), dt.time(2, 30), sundays=False)
    assert release(night, paris("2026-03-29 01:30")) == dt.datetime(2026, 3, 29, 1, 0, tzinfo=dt.UTC)  # 02:00 is 03:00


def test_an_hour_that_the_clock_repeats_is_quiet_twice() -> None:
    night = Profile("Europe/Paris", dt.time(22), dt.time(2, 30), sundays=False)
    assert release(night, paris("2026-10-25 01:00")) == paris("2026-10-25 02:30", fold=0)
    assert is_quiet(night, paris("2026-10-25 02:15", fold=1))
    assert release(night, paris("2026-10-25 02:15", fold=1)) == paris("2026-10-25 02:30", fold=1)


@given(profile=profiles, now=moments)
@example(
    profile=Profile("Europe/Paris", dt.time(22), dt.time(2, 30), sundays=False),
    now=dt.datetime(2026, 3, 29, 0, 30, tzinfo=dt.UTC),
)
@example(
    profile=Profile("Europe/Paris", dt.time(22), dt.time(2, 30), sundays=False),
    now=dt.datetime(2026, 10, 25, 0, 15, tzinfo=dt.UTC),
)
def test_the_release_is_the_first_minute_that_is_not_quiet(profile: Profile, now: dt.datetime) -> None:
    found = release(profile, now)

    walked = now
    while is_quiet(profile, walked):
        walked += dt.timedelta(minutes=1)
    assert found == walked
    assert not is_quiet(profile, found)


@given(profile=profiles, now=moments)
def test_what_is_left_of_a_week_shrinks_to_nothing_and_holds_the_day(profile: Profile, now: dt.datetime) -> None:
    moment = moment_of(profile, now)
    assert 0 <= moment.day_share <= moment.week_share <= 1_000_000
    assert moment.week_of.weekday() == 0
    assert dt.timedelta(0) <= moment.local_date - moment.week_of < dt.timedelta(days=7)
    later = moment_of(profile, now + dt.timedelta(hours=1))
    if later.week_of == moment.week_of:
        assert later.week_share <= moment.week_share


def test_a_digest_comes_at_her_hour_and_never_when_she_is_not_to_be_disturbed() -> None:
    six = dt.time(18)
    assert digest_moment(USUAL, six, paris("2026-11-24 10:00")) == paris("2026-11-24 18:00")
    assert digest_moment(USUAL, six, paris("2026-11-24 18:00")) == paris("2026-11-25 18:00")
    assert digest_moment(USUAL, six, paris("2026-11-28 19:00")) == paris("2026-11-30 09:00")  # her Sunday is free
    assert digest_moment(USUAL, dt.time(22), paris("2026-11-24 10:00")) == paris("2026-11-25 09:00")
