"""The end of a follow that is undone: within a minute no trace of it stays, later it is a follow like another."""

import datetime as dt

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from citylife.activity import Counted, DailyCount
from citylife.follows import EndedFollow, Follow, Level, TooManyAlways, follow, unfollow
from citylife.shops import Shop
from citylife.undoing import always_taken, lately_ended, undo_unfollow
from tests import builders
from tests.builders import NOW

LATER = NOW + dt.timedelta(hours=5)


def opt_outs(session: Session, shop: Shop) -> int:
    """How many losses of the shop are counted."""
    counts = select(DailyCount.count).where(DailyCount.counted == Counted.OPT_OUTS, DailyCount.subject == shop.id)
    return sum(session.scalars(counts))


def test_an_unfollowing_that_is_undone_leaves_no_trace(session: Session):
    shop = builders.a_shop(session)
    citizen = builders.a_follower(session, shop)
    builders.a_delivery(session, citizen, builders.an_offer(session, shop).id, accepted_at=NOW)
    begun_at = session.scalars(select(Follow.begun_at)).one()
    unfollow(session, citizen.id, shop.id, now=LATER)
    assert opt_outs(session, shop) == 1

    soon = LATER + dt.timedelta(seconds=59)
    assert lately_ended(session, citizen.id, shop.id, now=soon)
    again = undo_unfollow(session, citizen.id, shop, Level.NEARBY, now=soon)
    session.commit()

    assert (again.level, again.begun_at) == (Level.NEARBY, begun_at)
    assert session.scalar(select(func.count()).select_from(EndedFollow)) == 0
    assert opt_outs(session, shop) == 0
    assert not lately_ended(session, citizen.id, shop.id, now=soon)


def test_what_was_told_after_she_left_does_not_uncount_what_was_not_counted(session: Session):
    shop = builders.a_shop(session)
    citizen = builders.a_follower(session, shop)
    unfollow(session, citizen.id, shop.id, now=LATER)
    soon = LATER + dt.timedelta(seconds=10)
    builders.a_delivery(
        session, citizen, builders.an_offer(session, shop).id, accepted_at=LATER + dt.timedelta(seconds=5)
    )

    undo_unfollow(session, citizen.id, shop, Level.NORMAL, now=soon)

    assert opt_outs(session, shop) == 0


def test_undone_too_late_or_twice_it_is_a_follow_like_another(session: Session):
    shop = builders.a_shop(session)
    citizen = builders.a_follower(session, shop)
    unfollow(session, citizen.id, shop.id, now=LATER)
    late = LATER + dt.timedelta(minutes=1)

    assert not lately_ended(session, citizen.id, shop.id, now=late)
    for _ in range(2):
        again = undo_unfollow(session, citizen.id, shop, Level.NORMAL, now=late)

    assert again.begun_at == late
    assert session.scalar(select(func.count()).select_from(EndedFollow)) == 1


def test_undoing_makes_no_fourth_always(session: Session):
    citizen = builders.a_citizen(session)
    shops = [builders.a_shop(session) for _ in range(4)]
    for shop in shops[:3]:
        follow(session, citizen.id, shop, Level.ALWAYS, now=NOW)
    unfollow(session, citizen.id, shops[0].id, now=NOW)
    follow(session, citizen.id, shops[3], Level.ALWAYS, now=NOW)

    with pytest.raises(TooManyAlways):
        undo_unfollow(session, citizen.id, shops[0], Level.ALWAYS, now=NOW)
    assert always_taken(session, citizen.id) == 3
