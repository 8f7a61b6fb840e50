"""ISO weeks and months of Paris: their names, their edges, and one after the other."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citylife.clock import local_date
from citylife.pilot.periods import Frequency, NoSuchPeriod, last_over, month_of, read_period, week_of

DAYS = st.dates(dt.date(1990, 1, 1), dt.date(2099, 12, 1))


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


@given(DAYS)
def test_a_day_lies_in_its_week_and_in_its_month_and_their_names_lead_back(day: dt.date) -> None:
    for period in (week_of(day), month_of(day)):
        assert period.first <= day < period.end
        assert read_period(str(period)) == period
        assert period.next.former == period
        assert period.next.first == period.end
        assert list(period.days())[-1] == period.last
        assert local_date(period.begins) == period.first
        assert local_date(period.ends - dt.timedelta(microseconds=1)) == period.last


def test_a_year_of_53_weeks_has_its_week_53_and_the_first_days_of_january_are_in_it() -> None:
    assert str(week_of(dt.date(2027, 1, 3))) == "2026-W53"
    assert str(week_of(dt.date(2027, 1, 4))) == "2027-W01"
    with pytest.raises(NoSuchPeriod):
        read_period("2027-W53")


@pytest.mark.parametrize(("week", "hours"), [("2026-W13", 167), ("2026-W43", 169), ("2026-W30", 168)])
def test_a_week_in_which_the_clocks_change_is_an_hour_shorter_or_longer(week: str, hours: int) -> None:
    period = read_period(week)
    assert period.ends - period.begins == dt.timedelta(hours=hours)


def test_the_last_period_that_is_over_is_told_by_the_clocks_of_paris() -> None:
    assert str(last_over(Frequency.WEEKLY, at("2026-11-29T22:59:59+00:00"))) == "2026-W47"
    assert str(last_over(Frequency.WEEKLY, at("2026-11-29T23:00:00+00:00"))) == "2026-W48"
    assert str(last_over(Frequency.MONTHLY, at("2026-10-31T23:00:00+00:00"))) == "2026-10"


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-13", "2026-00", "2026-W00", "2026-W54", "2026-w48", "2026-W48 ", "0000-01", "9999-12"]
)
def test_what_names_no_period_is_refused(text: str) -> None:
    with pytest.raises(NoSuchPeriod):
        read_period(text)
