"""The offers of the shops a citizen follows, in the order she chose, by pages that neither skip nor repeat one."""

import datetime as dt

import pytest
from sqlalchemy.orm import Session

from citylife import feed
from citylife.followed import Order, Place, followed_offers
from citylife.follows import Level, follow
from citylife.offers import OfferStatus
from citylife.shops import ShopStatus
from tests import builders
from tests.builders import NOW

HOUR = dt.timedelta(hours=1)


def titles(session: Session, citizen_id, order: Order, limit: int = 20) -> list[str]:
    """What she reads, page after page."""
    found: list[str] = []
    after: Place | None = None
    while True:
        rows, after = followed_offers(session, citizen_id, order, after=after, limit=limit, now=NOW)
        found += [offer.title for offer, _ in rows]
        if after is None:
            return found


@pytest.fixture
def hers(session: Session):
    """A citizen of two shops with four live offers; what is over, or not hers, is beside them."""
    citizen = builders.a_citizen(session)
    bakery, books = builders.a_shop(session), builders.a_shop(session, category="books")
    for shop, level in ((bakery, Level.NORMAL), (books, Level.NONE)):
        follow(session, citizen.id, shop, level, now=NOW)
    for title, shop, since, ends in (("a", bakery, 4, 1), ("b", books, 1, 3), ("c", bakery, 3, 9), ("d", books, 1, 2)):
        offer = builders.an_offer(session, shop, title=title, ends_at=NOW + ends * HOUR)
        offer.live_from, offer.piece = NOW - since * HOUR, title
    builders.an_offer(session, bakery, title="over", now=NOW - HOUR, ends_at=NOW)
    builders.an_offer(session, bakery, title="sold out", status=OfferStatus.SOLD_OUT)
    builders.an_offer(session, builders.a_shop(session), title="another's")
    closed = builders.a_shop(session)
    follow(session, citizen.id, closed, Level.NORMAL, now=NOW)
    builders.an_offer(session, closed, title="suspended")
    closed.status = ShopStatus.SUSPENDED
    session.flush()
    return citizen


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 20])
def test_they_come_in_the_order_she_chose(session: Session, hers, limit: int):
    assert titles(session, hers.id, Order.ENDING, limit) == ["a", "d", "b", "c"]
    assert titles(session, hers.id, Order.NEWEST, limit) == ["d", "b", "c", "a"]


def test_the_order_of_ends_is_that_of_the_feed(session: Session, hers):
    rows, _ = followed_offers(session, hers.id, Order.ENDING, limit=20, now=NOW)
    fed = feed.page(session.connection(), hers.id, now=NOW)

    assert [str(offer.piece).encode() for offer, _ in rows] == fed.pieces
