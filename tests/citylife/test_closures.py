"""Days out of the ordinary: which closure is a public holiday's, which the shop's own, and which is none."""

import datetime as dt
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citylife.clock import PARIS
from citylife.closures import Closure, Why, closure_on, closures_ahead, says_nothing_of
from citylife.hours import is_holiday, must_ask
from citylife.shops import Shop, ShopStand
from tests.builders import BETHUNE

WEEK = "Mo-Sa 08:00-19:00"
CHRISTMAS = dt.date(2026, 12, 25)
NEW_YEAR = dt.date(2027, 1, 1)
SUNDAY_BEFORE = dt.datetime(2026, 12, 20, 10, tzinfo=PARIS)
HOLIDAYS = ["01-01", "03-29", "05-01", "05-06", "05-08", "05-17", "07-14", "08-15", "11-01", "11-11", "12-25"]
"""Those of 2027: Easter is on 28 March."""


def a_shop_open(hours: str | None) -> Shop:
    return Shop(opening_hours=hours, latitude=50.5, longitude=2.6, insee_code=BETHUNE)


def test_a_year_has_the_eleven_holidays_of_the_labour_code():
    days = (dt.date(2027, 1, 1) + dt.timedelta(days=ahead) for ahead in range(365))

    assert [day.isoformat()[5:] for day in days if is_holiday(day)] == HOLIDAYS


@pytest.mark.parametrize(
    ("hours", "day", "why"),
    [
        (f"{WEEK}; PH off", CHRISTMAS, Why.HOLIDAY),
        (f"{WEEK}; PH 09:00-12:00", CHRISTMAS, None),  # it opens, if for less
        (WEEK, CHRISTMAS, None),  # its hours know of no holiday
        (f"{WEEK}; PH off", dt.date(2026, 12, 27), None),  # a Sunday like any other
        ("Mo-Th 08:00-19:00; PH off", CHRISTMAS, None),  # it never opens on a Friday
        (f"{WEEK}; 2026 Dec 22-26 off", dt.date(2026, 12, 23), Why.ANNOUNCED),
        (f"{WEEK}; Aug 01-20 off", dt.date(2027, 8, 3), Why.ANNOUNCED),
        (f"{WEEK}; PH off; 2026 Dec 22-26 off", CHRISTMAS, Why.ANNOUNCED),
        (f"{WEEK}; 2026 Dec 22-26 09:00-10:00", dt.date(2026, 12, 23), None),
    ],
)
def test_a_day_is_closed_by_a_holiday_by_the_shop_or_as_always(hours: str, day: dt.date, why: Why | None):
    closure = closure_on(hours, day)

    assert (closure and closure.why) == why


def test_what_the_shop_says_of_its_closure_is_told_whatever_marks_are_in_it():
    hours = f'{WEEK}; PH off; 2026 Dec 24-2027 Jan 02 off "Congés; bonnes fêtes"'

    assert closures_ahead(a_shop_open(hours), (), SUNDAY_BEFORE) == [
        Closure(Why.ANNOUNCED, dt.date(2026, 12, 24), dt.date(2027, 1, 2), "Congés; bonnes fêtes")
    ]


def test_holidays_of_the_next_two_weeks_are_told_and_none_after():
    shop = a_shop_open(f"{WEEK}; PH off")

    assert closures_ahead(shop, (), SUNDAY_BEFORE) == [Closure(Why.HOLIDAY, day, day) for day in (CHRISTMAS, NEW_YEAR)]
    assert closures_ahead(shop, (), SUNDAY_BEFORE - dt.timedelta(days=12)) == []


def test_a_closure_without_an_end_in_sight_says_none():
    shop = a_shop_open(f"{WEEK}; 2026 Dec 21-2027 Dec 31 off")

    assert closures_ahead(shop, (), SUNDAY_BEFORE) == [Closure(Why.ANNOUNCED, dt.date(2026, 12, 21), None)]


def test_a_trader_s_closure_is_that_of_the_stand_of_the_day():
    shop = a_shop_open(f"{WEEK}; PH off")
    stand = ShopStand(
        weekday=4, label="Marché", insee_code=BETHUNE, latitude=50.5, longitude=2.6, hours="Fr 08:00-12:00"
    )

    assert closures_ahead(shop, [stand], SUNDAY_BEFORE) == []  # both holidays are Fridays, and the market is held


def test_hours_that_forget_holidays_are_known_by_it():
    assert says_nothing_of(CHRISTMAS, a_shop_open(WEEK), ())
    assert not says_nothing_of(CHRISTMAS, a_shop_open(f"{WEEK}; PH 08:00-19:00"), ())
    assert not says_nothing_of(CHRISTMAS - dt.timedelta(days=1), a_shop_open(WEEK), ())
    assert not says_nothing_of(CHRISTMAS, a_shop_open(None), ())


def test_a_day_by_appointment_must_be_asked_for():
    hours = 'Mo-Fr 08:00-19:00; Sa 09:00-12:00 unknown "sur rendez-vous"'

    assert must_ask(hours, dt.date(2026, 12, 26))
    assert not must_ask(hours, dt.date(2026, 12, 24))


@given(
    st.dates(dt.date(2026, 1, 1), dt.date(2030, 1, 1)),
    st.sampled_from([WEEK, f"{WEEK}; PH off", f"{WEEK}; Dec 20-Jan 03 off", "24/7; PH off", 'PH off "Fermé"']),
)
def test_closures_come_in_order_apart_and_on_days_that_are_closed(day: dt.date, hours: str):
    found = closures_ahead(a_shop_open(hours), (), dt.datetime.combine(day, dt.time(9), PARIS))

    for closure in found:
        assert closure.first >= day
        assert closure_on(hours, closure.first) is not None
        assert closure.last is None or closure_on(hours, closure.last) is not None
    for earlier, later in pairwise(found):
        assert earlier.last is not None
        assert earlier.last < later.first
