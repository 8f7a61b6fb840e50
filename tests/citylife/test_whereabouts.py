"""Where a shop is on a day and when it is open there: the stand of that weekday in Paris, else its own place."""

import datetime as dt

import pytest
from sqlalchemy.orm import Session

from citylife.clock import PARIS
from citylife.shops import Shop
from citylife.shops.directory import stands_of
from citylife.shops.whereabouts import hours_of_day, times_there, whereabouts
from tests.builders import BRUAY, GRAND_PLACE, NOW, a_shop, a_stand

TUESDAY = 1


@pytest.fixture
def trader(session: Session) -> Shop:
    shop = a_shop(session, opening_hours="Mo-Su 10:00-19:00")
    a_stand(session, shop, TUESDAY)
    return shop


def at(day: int, hour: int, minute: int = 0) -> dt.datetime:
    """A moment in Paris in November 2026, whose 24th is a Tuesday."""
    return dt.datetime(2026, 11, day, hour, minute, tzinfo=PARIS).astimezone(dt.UTC)


def test_on_its_weekday_a_stand_takes_the_place_of_the_shop(session: Session, trader: Shop):
    stands = stands_of(session, [trader.id])[trader.id]

    there = whereabouts(trader, stands, dt.date(2026, 11, 24))
    assert (there.latitude, there.longitude, there.insee_code, there.hours) == (50.4833, 2.55, BRUAY, "08:00-12:30")
    for day in (23, 25, 30):
        here = whereabouts(trader, stands, dt.date(2026, 11, day))
        assert (here.latitude, here.longitude, here.hours, here.stand) == (*GRAND_PLACE, "Mo-Su 10:00-19:00", None)


@pytest.mark.parametrize(
    ("moment", "is_open", "change"),
    [
        (at(23, 23, 59), False, at(24, 8)),  # not at ten, when her own shop would open
        (at(24, 0, 1), False, at(24, 8)),
        (at(24, 9), True, at(24, 12, 30)),
        (at(24, 13), False, at(25, 10)),  # not at the market again, nor at her own shop today
        (at(25, 11), True, at(25, 19)),
    ],
)
def test_hours_are_those_of_the_day_and_the_next_change_those_of_the_next_place(
    session: Session, trader: Shop, moment: dt.datetime, is_open: bool, change: dt.datetime
):
    hours = hours_of_day(trader, stands_of(session, [trader.id])[trader.id], moment)

    assert hours is not None
    assert (hours.is_open, hours.next_change) == (is_open, change)


def test_a_shop_that_stands_nowhere_else_is_open_by_its_own_hours(session: Session):
    always, silent = a_shop(session, opening_hours="24/7"), a_shop(session)

    hours = hours_of_day(always, [], NOW)

    assert hours is not None
    assert (hours.is_open, hours.next_change) == (True, None)
    assert hours_of_day(silent, [], NOW) is None


def test_a_trader_of_markets_alone_opens_next_at_the_next_one(session: Session):
    shop = a_shop(session)
    a_stand(session, shop, TUESDAY)
    stands = stands_of(session, [shop.id])[shop.id]

    hours = hours_of_day(shop, stands, at(24, 13))

    assert hours is not None
    assert hours.next_change == at(24 + 6, 8) + dt.timedelta(days=1)
    assert hours_of_day(shop, stands, at(25, 9)) is None  # where she is then, nobody has said


def test_the_times_of_the_week_are_those_at_the_place_of_today(session: Session, trader: Shop):
    stands = stands_of(session, [trader.id])[trader.id]

    assert times_there(trader, stands, NOW) == [(at(24, 8), at(24, 12, 30))]
    own = times_there(trader, stands, NOW + dt.timedelta(days=1))
    assert [opens.date().day for opens, _ in own] == [25, 26, 27, 28, 29, 30]
