"""Who follows which shop: at most three « always », a beginning that stays, an end that is kept."""

import datetime as dt

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.activity import Counted, DailyCount
from citylife.errors import Absent
from citylife.follows import (
    EndedFollow,
    Follow,
    Level,
    TooManyAlways,
    follow,
    follow_of,
    follows_of,
    unfollow,
)
from citylife.shops import Shop, ShopStatus, suspend_shop
from tests import builders
from tests.builders import NOW
from tests.overlap import overlapping

LATER = NOW + dt.timedelta(hours=5)


@pytest.mark.parametrize("status", [ShopStatus.LISTED, ShopStatus.CLAIMED, ShopStatus.VERIFIED])
def test_a_public_shop_is_followed_even_before_anyone_claims_it(session: Session, status: ShopStatus):
    citizen, shop = builders.a_citizen(session, consented=False), builders.a_shop(session, status=status)

    followed = follow(session, citizen.id, shop, Level.NEARBY, now=NOW)
    session.commit()

    assert (followed.level, followed.begun_at) == (Level.NEARBY, NOW)
    assert follow_of(session, citizen.id, shop.id) is followed


def test_following_again_changes_the_level_and_keeps_the_beginning(session: Session):
    citizen, shop = builders.a_citizen(session), builders.a_shop(session)
    follow(session, citizen.id, shop, Level.NORMAL, now=NOW)

    follow(session, citizen.id, shop, Level.NORMAL, now=LATER)
    again = follow(session, citizen.id, shop, Level.NONE, now=LATER)
    session.commit()

    assert (again.level, again.begun_at) == (Level.NONE, NOW)
    assert session.scalar(select(func.count()).select_from(Follow)) == 1


def test_a_suspended_shop_is_absent(session: Session):
    citizen, shop = builders.a_citizen(session), builders.a_shop(session, status=ShopStatus.SUSPENDED)

    with pytest.raises(Absent):
        follow(session, citizen.id, shop, Level.NORMAL, now=NOW)


def test_at_most_three_shops_are_always(session: Session):
    citizen = builders.a_citizen(session)
    first, *others, fourth = (builders.a_shop(session) for _ in range(4))
    for shop in (first, *others):
        follow(session, citizen.id, shop, Level.ALWAYS, now=NOW)

    with pytest.raises(TooManyAlways) as refusal:
        follow(session, citizen.id, fourth, Level.ALWAYS, now=NOW)
    assert refusal.value.pointer == "/level"
    assert follow_of(session, citizen.id, fourth.id) is None

    follow(session, citizen.id, first, Level.ALWAYS, now=LATER)  # one of the three again is no fourth
    follow(session, citizen.id, fourth, Level.NORMAL, now=NOW)
    with pytest.raises(TooManyAlways):
        follow(session, citizen.id, fourth, Level.ALWAYS, now=NOW)
    follow(session, citizen.id, first, Level.NORMAL, now=LATER)
    assert follow(session, citizen.id, fourth, Level.ALWAYS, now=LATER).level is Level.ALWAYS


def test_the_three_of_another_citizen_are_not_counted(session: Session):
    one, other = builders.a_citizen(session), builders.a_citizen(session)
    shops = [builders.a_shop(session) for _ in range(3)]
    for shop in shops:
        follow(session, one.id, shop, Level.ALWAYS, now=NOW)

    assert follow(session, other.id, shops[0], Level.ALWAYS, now=NOW).level is Level.ALWAYS


def test_the_third_and_the_fourth_always_at_once_are_not_both_taken(sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        citizen_id = builders.a_citizen(session).id
        shops = [builders.a_shop(session).id for _ in range(4)]
        for shop_id in shops[:2]:
            follow(session, citizen_id, session.get_one(Shop, shop_id), Level.ALWAYS, now=NOW)

    third, fourth = overlapping(
        sessions,
        lambda session: follow(session, citizen_id, session.get_one(Shop, shops[2]), Level.ALWAYS, now=NOW),
        lambda session: follow(session, citizen_id, session.get_one(Shop, shops[3]), Level.ALWAYS, now=NOW),
    )

    assert isinstance(third, Follow)
    assert isinstance(fourth, TooManyAlways)
    with sessions() as session:
        assert session.scalar(select(func.count()).where(Follow.level == Level.ALWAYS)) == 3


def test_the_same_follow_twice_at_once_is_one(sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        citizen_id, shop_id = builders.a_citizen(session).id, builders.a_shop(session).id

    outcomes = overlapping(
        sessions,
        *(
            lambda session, level=level: (
                follow(session, citizen_id, session.get_one(Shop, shop_id), level, now=NOW).level
            )
            for level in (Level.NORMAL, Level.NEARBY)
        ),
    )

    assert outcomes == (Level.NORMAL, Level.NEARBY)
    with sessions() as session:
        assert session.scalars(select(Follow.level)).all() == [Level.NEARBY]


def test_unfollowing_keeps_when_it_began_and_ended(session: Session):
    citizen, shop = builders.a_citizen(session), builders.a_shop(session)
    follow(session, citizen.id, shop, Level.NORMAL, now=NOW)

    assert unfollow(session, citizen.id, shop.id, now=LATER)
    session.commit()

    assert follow_of(session, citizen.id, shop.id) is None
    ended = session.scalars(select(EndedFollow)).one()
    assert (ended.citizen_id, ended.shop_id, ended.begun_at, ended.ended_at) == (citizen.id, shop.id, NOW, LATER)
    assert not unfollow(session, citizen.id, shop.id, now=LATER)


def test_who_comes_and_goes_leaves_a_row_each_time(session: Session):
    citizen, shop = builders.a_citizen(session), builders.a_shop(session)
    for hours in (0, 0, 2):  # twice within one instant of the clock
        moment = NOW + dt.timedelta(hours=hours)
        follow(session, citizen.id, shop, Level.NORMAL, now=moment)
        unfollow(session, citizen.id, shop.id, now=moment)
    session.commit()

    assert session.scalar(select(func.count()).select_from(EndedFollow)) == 2


@pytest.mark.parametrize(("hours", "opt_outs"), [(1, 1), (23, 1), (25, 0)])
def test_unfollowing_within_a_day_of_a_notification_is_an_opt_out(session: Session, hours: int, opt_outs: int):
    shop = builders.a_shop(session)
    citizen = builders.a_follower(session, shop)
    offer = builders.an_offer(session, shop)
    builders.a_delivery(session, citizen, offer.id, accepted_at=NOW)

    unfollow(session, citizen.id, shop.id, now=NOW + dt.timedelta(hours=hours))

    counts = session.scalars(
        select(DailyCount.count).where(DailyCount.counted == Counted.OPT_OUTS, DailyCount.subject == shop.id)
    )
    assert sum(counts) == opt_outs


def test_unfollowing_without_a_notification_is_no_opt_out(session: Session):
    shop = builders.a_shop(session)
    citizen = builders.a_follower(session, shop)
    offer = builders.an_offer(session, shop)
    builders.a_delivery(session, citizen, offer.id, accepted_at=None)

    unfollow(session, citizen.id, shop.id, now=NOW)

    assert session.scalar(select(func.count()).select_from(DailyCount)) == 0


def test_follows_are_read_by_pages_each_with_its_shop(session: Session):
    citizen, other = builders.a_citizen(session), builders.a_citizen(session)
    shops = sorted((builders.a_shop(session) for _ in range(5)), key=lambda shop: shop.id)
    for shop in shops:
        follow(session, citizen.id, shop, Level.NORMAL, now=NOW)
    follow(session, other.id, shops[0], Level.NORMAL, now=NOW)
    suspend_shop(session, shops[1], reason="Plaintes", now=NOW)

    first = follows_of(session, citizen.id, limit=3)
    rest = follows_of(session, citizen.id, after=first[-1][0].shop_id, limit=3)

    assert [shop.id for _, shop in (*first, *rest)] == [shop.id for shop in shops]
    assert {followed.citizen_id for followed, _ in (*first, *rest)} == {citizen.id}
    assert follows_of(session, citizen.id, after=shops[-1].id, limit=3) == []
