"""The builders build what they say."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from citylife.ledger.tables import Message
from citylife.offers import OfferStatus
from citylife.shops import ShopStatus
from tests import builders


@pytest.mark.parametrize("status", list(OfferStatus))
def test_an_offer_is_built_in_each_status(session: Session, status: OfferStatus):
    offer = builders.an_offer(session, builders.a_shop(session), status=status)
    session.commit()

    assert offer.status is status


@pytest.mark.parametrize("status", list(ShopStatus))
def test_a_shop_is_built_in_each_status(session: Session, status: ShopStatus):
    shop = builders.a_shop(session, status=status, open_until="19:00")
    session.commit()

    assert shop.status is status


def test_a_follower_has_what_an_announcement_needs(session: Session):
    shop = builders.a_shop(session)
    citizen = builders.a_follower(session, shop)
    offer = builders.an_offer(session, shop)
    session.commit()

    assert citizen.notifications_consented
    assert session.scalars(select(Message.offer_id)).all() == [offer.id]
