"""What stands at the end of a period: persons counted once in a territory, shops by where they were, what they did."""

import datetime as dt

import pytest
from sqlalchemy import delete
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen, CitizenDay
from citylife.follows import EndedFollow, Follow, Level
from citylife.insiders import TeamFollower
from citylife.pilot.areas import area_of
from citylife.pilot.cells import AGGLOMERATION
from citylife.pilot.counting import count_days
from citylife.pilot.periods import A_DAY, A_WEEK, Period, read_period
from citylife.pilot.stocks import keep_stock, stock_of, take_stock
from citylife.pilot.tables import PilotNumber
from citylife.shops import Shop
from citylife.shops.listing import move_commune
from citylife.shops.tables import ShopStatus
from tests import builders

MONTH = read_period("2026-10")
BETHUNE, BRUAY, LILLERS = "62119", "62178", "62516"


def a_shop(session: Session, insee_code: str, *, fictional: bool = False) -> Shop:
    shop = builders.a_shop(session, now=MONTH.begins - 30 * A_WEEK)
    move_commune(session, shop.id, insee_code, now=MONTH.begins - 20 * A_WEEK)
    shop.insee_code, shop.fictional, shop.status = insee_code, fictional, ShopStatus.VERIFIED
    session.flush()
    return shop


def a_living(session: Session, *days: dt.date) -> Citizen:
    citizen = builders.a_citizen(session, now=MONTH.begins)
    for day in days or (MONTH.first, MONTH.first + A_DAY):
        session.add(CitizenDay(citizen_id=citizen.id, day=day))
    session.flush()
    return citizen


def followed(session: Session, citizen: Citizen, shop: Shop, begun: dt.datetime, ended: dt.datetime | None = None):
    if ended is None:
        session.add(Follow(citizen_id=citizen.id, shop_id=shop.id, level=Level.NORMAL, begun_at=begun))
    else:
        session.add(EndedFollow(citizen_id=citizen.id, shop_id=shop.id, begun_at=begun, ended_at=ended))
    session.flush()


def published(session: Session, shop: Shop, *weeks_before: int, of: Period = MONTH) -> None:
    for week in weeks_before:
        day = of.end - A_DAY - week * A_WEEK
        session.add(PilotNumber(day=day, counted="published-news", shop_id=shop.id, grade=0, count=1))
    session.flush()


def test_a_citizen_is_once_in_each_area_and_once_in_all(session: Session) -> None:
    bethune, bruay, bruay_too = (a_shop(session, code) for code in (BETHUNE, BRUAY, BRUAY))
    demonstration = a_shop(session, LILLERS, fictional=True)
    begun = MONTH.begins + A_DAY
    both, one, invented = a_living(session), a_living(session), builders.a_citizen(session, now=begun)
    for citizen, shop in ((both, bethune), (both, bruay), (both, bruay_too), (one, bruay), (invented, bruay)):
        followed(session, citizen, shop, begun)
    followed(session, a_living(session), demonstration, begun)
    followed(session, hers := a_living(session), bruay, begun)
    session.add(TeamFollower(citizen_id=hers.id, shop_id=bruay.id))
    session.flush()
    stocks = take_stock(session, MONTH)
    assert stocks["following-citizens", AGGLOMERATION] == 2
    assert stocks["following-citizens", area_of(BETHUNE).code] == 1
    assert stocks["following-citizens", area_of(BRUAY).code] == 2
    assert stocks["following-citizens", area_of(LILLERS).code] == 0
    assert stocks["follows-per-citizen", AGGLOMERATION] == 1  # the lower of 1 and 3
    assert stocks["eligible-shops", AGGLOMERATION] == 3


@pytest.mark.parametrize(
    ("begun", "ended", "counts"),
    [(-2, None, 1), (0, None, 0), (-2, 0, 1), (-2, -1, 0), (-2, 2, 1), (1, 2, 0)],
)
def test_a_follow_counts_where_it_stood_at_the_last_moment(
    session: Session, begun: int, ended: int | None, counts: int
) -> None:
    """Hours before (or after) the end of the month in Paris; what ends at the very end stood until then."""
    hour = dt.timedelta(hours=1)
    until = None if ended is None else MONTH.ends + ended * hour
    followed(session, a_living(session), a_shop(session, BETHUNE), MONTH.ends + begun * hour, until)
    assert take_stock(session, MONTH)["following-citizens", AGGLOMERATION] == counts


def test_followers_come_and_go_without_a_follow_that_begins_or_ends(session: Session) -> None:
    """So nobody computes the one from the other: who counts only now, or counts no longer, is told nowhere."""
    late, gone = builders.a_citizen(session, now=MONTH.begins), a_living(session)
    for citizen in (late, gone):
        followed(session, citizen, a_shop(session, BETHUNE), MONTH.begins - A_DAY)
    before = take_stock(session, MONTH)["following-citizens", AGGLOMERATION]
    session.add_all(CitizenDay(citizen_id=late.id, day=MONTH.last - number * A_DAY) for number in range(2))
    session.flush()
    risen = take_stock(session, MONTH)["following-citizens", AGGLOMERATION]
    session.execute(delete(CitizenDay).where(CitizenDay.citizen_id == gone.id))  # as after five weeks
    fallen = take_stock(session, MONTH)["following-citizens", AGGLOMERATION]
    assert (before, risen, fallen) == (1, 2, 1)
    counted = {line[1] for line in count_days(session.connection(), list(MONTH.days()))}
    assert counted.isdisjoint({"new-follows", "lost-follows"})


def test_an_active_citizen_was_seen_on_two_days_of_the_period(session: Session) -> None:
    a_living(session, MONTH.first, MONTH.last)
    a_living(session, MONTH.first, MONTH.first - A_DAY)
    a_living(session, MONTH.last, MONTH.end)
    assert take_stock(session, MONTH)["active-citizens", AGGLOMERATION] == 1


def test_an_active_merchant_published_in_three_of_four_weeks_and_is_verified(session: Session) -> None:
    active, seldom, suspended, long_ago = (a_shop(session, BETHUNE) for _ in range(4))
    outside = a_shop(session, LILLERS)
    published(session, active, 0, 1, 3)
    published(session, outside, 1, 2, 3)
    published(session, seldom, 0, 0 + 1)
    published(session, long_ago, 2, 3, 4)
    published(session, suspended, 0, 1, 2)
    suspended.status = ShopStatus.SUSPENDED
    session.flush()
    stocks = take_stock(session, MONTH)
    assert stocks["active-merchants", AGGLOMERATION] == 2
    assert stocks["active-merchants", area_of(BETHUNE).code] == 1
    assert stocks["communes-covered", AGGLOMERATION] == 2
    assert stocks["active-outside-centres", AGGLOMERATION] == 1


def test_who_was_active_a_quarter_ago_and_still_is(session: Session) -> None:
    stayed, left, came = (a_shop(session, BETHUNE) for _ in range(3))
    published(session, stayed, 0, 1, 2, 13, 14, 15)
    published(session, left, 13, 14, 15)
    published(session, came, 0, 1, 2)
    stocks = take_stock(session, MONTH)
    assert (stocks["active-a-quarter-ago", AGGLOMERATION], stocks["active-still", AGGLOMERATION]) == (2, 1)


def test_a_shop_that_moved_counts_where_it_was_on_the_last_day(session: Session) -> None:
    shop = a_shop(session, BETHUNE)
    followed(session, a_living(session), shop, MONTH.begins)
    move_commune(session, shop.id, BRUAY, now=MONTH.ends + A_DAY)
    shop.insee_code = BRUAY
    session.flush()
    assert take_stock(session, MONTH)["following-citizens", area_of(BETHUNE).code] == 1
    assert take_stock(session, MONTH.next)["following-citizens", area_of(BRUAY).code] == 1


def test_a_week_is_told_of_no_area(session: Session) -> None:
    followed(session, a_living(session), a_shop(session, BETHUNE), MONTH.begins)
    week = read_period("2026-W44")
    assert {territory for _, territory in take_stock(session, week)} == {AGGLOMERATION}


def test_what_was_kept_of_a_period_is_read_again(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        followed(session, a_living(session), a_shop(session, BETHUNE), MONTH.begins)
        stocks = take_stock(session, MONTH)
        keep_stock(session, MONTH, stocks)
    with sessions() as session:
        assert stock_of(session, MONTH) == stocks
        assert stock_of(session, MONTH.next) == {}
