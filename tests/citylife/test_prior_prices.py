"""The lowest price of thirty days: of the same thing, by its words; of what was public then; and never invented."""

import datetime as dt
import uuid
from typing import Any

import pytest
from sqlalchemy.orm import Session, sessionmaker

from citylife.offers import AskedPrice, Offer, OfferChanges, OfferStatus, correct_offer, lowest_asked, withdraw
from citylife.shops import Shop
from tests import builders
from tests.builders import NOW

Sessions = sessionmaker[Session]


def ago(**by: float) -> dt.datetime:
    return NOW - dt.timedelta(**by)


@pytest.fixture
def shop_id(sessions: Sessions) -> uuid.UUID:
    with sessions.begin() as session:
        return builders.a_shop(session, now=ago(days=90)).id


def asked(
    sessions: Sessions,
    shop_id: uuid.UUID,
    price: int | None,
    when: dt.datetime,
    title: str = "Tarte au sucre",
    **said: Any,
) -> Offer:
    with sessions.begin() as session:
        shop = session.get_one(Shop, shop_id)
        return builders.an_offer(session, shop, now=when, title=title, price=price, **said)


def lowest(sessions: Sessions, shop_id: uuid.UUID, title: str = "Tarte au sucre", **but: Any) -> AskedPrice | None:
    with sessions() as session:
        return lowest_asked(session, shop_id, title, now=NOW, **but)


def test_the_lowest_of_the_same_thing_however_it_is_written(sessions: Sessions, shop_id: uuid.UUID):
    asked(sessions, shop_id, 500, ago(days=2))
    asked(sessions, shop_id, 450, ago(days=9), "TARTE AU SUCRE !", status=OfferStatus.ENDED)
    asked(sessions, shop_id, 100, ago(days=3), "Tarte au citron")
    assert lowest(sessions, shop_id, "tarte  au sucre") == AskedPrice(450, ago(days=9))


def test_the_same_price_is_told_of_its_latest_day(sessions: Sessions, shop_id: uuid.UUID):
    for days in (9, 2, 5):
        asked(sessions, shop_id, 500, ago(days=days))
    assert lowest(sessions, shop_id) == AskedPrice(500, ago(days=2))


def test_what_ended_thirty_days_ago_no_longer_counts_and_what_still_lasted_does(sessions: Sessions, shop_id: uuid.UUID):
    asked(sessions, shop_id, 300, ago(days=35), ends_at=ago(days=30), status=OfferStatus.ENDED)
    assert lowest(sessions, shop_id) is None
    asked(sessions, shop_id, 400, ago(days=35), ends_at=ago(days=30, minutes=-1), status=OfferStatus.ENDED)
    assert lowest(sessions, shop_id) == AskedPrice(400, ago(days=35))


def test_what_was_called_off_before_counts_until_it_was(sessions: Sessions, shop_id: uuid.UUID):
    offer = asked(sessions, shop_id, 300, ago(days=35), ends_at=ago(days=25))
    with sessions.begin() as session:
        withdraw(session, session.get_one(Offer, offer.id), now=ago(days=31))
    assert lowest(sessions, shop_id) is None


def test_former_versions_count_for_as_long_as_they_stood(sessions: Sessions, shop_id: uuid.UUID):
    offer = asked(sessions, shop_id, 300, ago(days=35), ends_at=ago(days=22))
    for price, days in ((400, 31), (450, 25)):
        with sessions.begin() as session:
            live = session.get_one(Offer, offer.id)
            changes = OfferChanges(price=price)
            correct_offer(session, live, changes, expected_version=live.version, now=ago(days=days))
    assert lowest(sessions, shop_id) == AskedPrice(400, ago(days=31))


@pytest.mark.parametrize("said", [{"price": None}, {"price": 0}, {"price": 5, "status": OfferStatus.DRAFT}])
def test_nothing_is_made_up_of_what_names_no_price_or_was_never_public(
    sessions: Sessions, shop_id: uuid.UUID, said: dict[str, Any]
):
    asked(sessions, shop_id, when=ago(days=2), **said)
    assert lowest(sessions, shop_id) is None


def test_another_shop_s_price_and_the_reduction_s_own_are_left_out(sessions: Sessions, shop_id: uuid.UUID):
    with sessions.begin() as session:
        other = builders.a_shop(session, now=ago(days=90)).id
    asked(sessions, other, 100, ago(days=2))
    offer = asked(sessions, shop_id, 300, ago(days=1))
    asked(sessions, shop_id, 600, ago(days=4))
    assert lowest(sessions, shop_id, but=offer.id) == AskedPrice(600, ago(days=4))
