"""« On vous attend »: unclaimed shops by how many wait for them, and nothing told of fewer than eleven."""

import pytest
from sqlalchemy.orm import Session

from citylife.database import new_id
from citylife.demand import LEAST_TOLD, Place, TooFewWaiting, awaited, demand
from citylife.errors import Absent
from citylife.follows import Level
from citylife.shops import ShopStatus
from tests import builders


def an_awaited_shop(session: Session, waiting: int, status: ShopStatus = ShopStatus.LISTED):
    shop = builders.a_shop(session, status=status)
    for number in range(waiting):
        builders.a_follow(session, builders.a_citizen(session), shop, Level.NONE if number % 2 else Level.NORMAL)
    return shop


def test_only_unclaimed_shops_that_somebody_follows_are_listed_the_most_awaited_first(session: Session) -> None:
    few, many, most = (an_awaited_shop(session, waiting) for waiting in (3, 11, 13))
    an_awaited_shop(session, 0)
    for status in (ShopStatus.CLAIMED, ShopStatus.VERIFIED):
        an_awaited_shop(session, 12, status)
    assert [(row.shop.id, row.waiting) for row in demand(session, limit=10)] == [
        (most.id, 13),
        (many.id, 11),
        (few.id, None),
    ]


def test_under_eleven_neither_the_number_nor_the_order_tells(session: Session) -> None:
    shops = [an_awaited_shop(session, waiting) for waiting in (1, LEAST_TOLD - 1, 5)]
    rows = demand(session, limit=10)
    assert [row.waiting for row in rows] == [None] * 3
    assert [row.shop.id for row in rows] == sorted(shop.id for shop in shops)


def test_the_list_goes_on_without_skipping_or_repeating(session: Session) -> None:
    for waiting in (2, 11, 11, 12, 4):
        an_awaited_shop(session, waiting)
    whole = [row.shop.id for row in demand(session, limit=10)]
    paged, after = [], None
    while rows := demand(session, after=after, limit=2):
        paged += [row.shop.id for row in rows]
        after = Place(rows[-1].waiting or 0, rows[-1].shop.id)
    assert paged == whole
    assert len(whole) == 5


def test_a_letter_is_for_an_unclaimed_shop_that_eleven_wait_for(session: Session) -> None:
    enough, few = an_awaited_shop(session, LEAST_TOLD), an_awaited_shop(session, LEAST_TOLD - 1)
    assert (awaited(session, enough.id).shop, awaited(session, enough.id).waiting) == (enough, 11)
    with pytest.raises(TooFewWaiting):
        awaited(session, few.id)
    for absent in (new_id(), an_awaited_shop(session, 12, ShopStatus.CLAIMED).id):
        with pytest.raises(Absent):
            awaited(session, absent)
