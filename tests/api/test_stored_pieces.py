"""What is stored of an offer says what the offer and its shop say, also when both change at the same moment."""

import orjson
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from blueprints.pieces import keep_pieces, piece_of
from citylife.offers import Offer
from citylife.offers.drafts import OfferChanges, correct_offer
from citylife.search.tables import SearchEntry
from citylife.shops import Shop
from citylife.shops.changes import ShopChanges, change_shop
from tests import builders
from tests.builders import NOW
from tests.overlap import overlapping

keep_pieces(Session)


@pytest.mark.parametrize("shop_first", [True, False], ids=["shop first", "offer first"])
def test_an_offer_and_its_shop_changed_at_once_leave_no_old_word(sessions: sessionmaker[Session], shop_first: bool):
    with sessions.begin() as session:
        shop = builders.a_shop(session, "Chez Léon")
        offer = builders.an_offer(session, shop, title="Brioches")
    shop_id, offer_id, versions = shop.id, offer.id, (shop.version, offer.version)

    def rename(session: Session) -> None:
        mine, changes = session.get_one(Shop, shop_id), ShopChanges(name="Chez Zéphyrine")
        change_shop(session, mine, changes, expected_version=versions[0], now=NOW)

    def correct(session: Session) -> None:
        mine, _ = session.get_one(Offer, offer_id), session.get_one(Shop, shop_id)
        correct_offer(session, mine, OfferChanges(title="Gaufres"), expected_version=versions[1], now=NOW)

    outcome = overlapping(sessions, *((rename, correct) if shop_first else (correct, rename)))

    assert outcome == (None, None)
    with sessions() as session:
        offer, shop = session.get_one(Offer, offer_id), session.get_one(Shop, shop_id)
        said = orjson.loads(str(offer.piece))
        assert (said["title"], said["shop"]["name"]) == ("Gaufres", "Chez Zéphyrine")
        assert offer.piece == piece_of(offer, shop)
        words = set(session.scalars(select(SearchEntry.word).where(SearchEntry.thing_id == offer_id)))
    assert {"gaufres", "zephyrine"} <= words
    assert not {"brioches", "leon"} & words
