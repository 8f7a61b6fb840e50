"""A commune's page: its live offers and its shops, the same for everybody, and nothing of another commune."""

import pytest
from sqlalchemy.orm import Session, sessionmaker

from blueprints.pages.public import commune as page_of_commune
from citylife.offers import OfferStatus
from citylife.shops import ShopStatus
from tests.builders import BETHUNE, a_citizen_with_token, a_follow, a_shop, an_offer
from tests.pages.conftest import Browser, StandingClock

Sessions = sessionmaker[Session]
ELSEWHERE, THERE = "62023", (50.53217, 2.50502)


def test_it_shows_live_offers_the_first_to_end_first_and_none_of_elsewhere(reader: Browser, street: Sessions):
    with street.begin() as session:
        shop = a_shop(session, "Le Fournil", open_until="19:00")
        an_offer(session, shop, title="Tartes")
        an_offer(
            session, a_shop(session, "Chez Léon"), title="Endives", price=250, ends_at=shop.updated_at.replace(hour=12)
        )
        an_offer(session, a_shop(session, "Ailleurs", insee_code=ELSEWHERE, position=THERE), title="Loin d’ici")
        for status in (OfferStatus.SOLD_OUT, OfferStatus.WITHDRAWN, OfferStatus.ENDED, OfferStatus.SCHEDULED):
            an_offer(session, shop, title=f"Pas {status.value}", status=status)
        a_shop(session, "Sous scellés", status=ShopStatus.SUSPENDED)

    page = reader.get(f"/c/{BETHUNE}")

    assert page.text("h1") == "Béthune"
    assert [found.to_text().strip() for found in page.all(".commune-offers h3")] == ["Endives", "Tartes"]
    assert {found.to_text().strip() for found in page.all(".shops h3")} == {"Le Fournil", "Chez Léon"}
    assert "Ouvert ferme à 19 h" in page.words
    assert "2,50 €" in page.words


def test_a_commune_without_anything_says_so(reader: Browser):
    page = reader.get(f"/c/{ELSEWHERE}")

    assert page.status == 200
    assert len(page.all(".nothing")) == 2
    assert "Aucun commerce de cette commune" in page.words


@pytest.mark.parametrize("code", ["62000", "75056", "999", "6211", "Béthune"])
def test_a_code_of_no_commune_of_ours_is_the_clear_page(reader: Browser, code: str):
    page = reader.get(f"/c/{code}")

    assert page.status == 404
    assert page.text("h1") == "Cette page n’est pas là"
    assert page.all("footer nav a")


def test_shops_go_on_by_pages_and_offers_stand_on_the_first(reader: Browser, street: Sessions):
    with street.begin() as session:
        for at in range(page_of_commune.SHOPS + 1):
            an_offer(session, a_shop(session, f"Commerce {at:02}"))

    first = reader.get(f"/c/{BETHUNE}")
    second = reader.get(first.one('a[rel="next"]').attrs["href"])

    assert len(first.all(".shops li")) == page_of_commune.SHOPS
    assert len(second.all(".shops li")) == 1
    assert (len(first.all(".commune-offers article")), second.all(".commune-offers")) == (page_of_commune.SHOPS + 1, [])
    assert reader.get(f"/c/{BETHUNE}?cursor=x").status == 422


def test_offers_that_find_no_room_are_counted(reader: Browser, street: Sessions, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(page_of_commune, "MOST_OFFERS", 2)
    with street.begin() as session:
        for _ in range(5):
            an_offer(session, a_shop(session))
        an_offer(session, a_shop(session, insee_code=ELSEWHERE, position=THERE))
        an_offer(session, a_shop(session), status=OfferStatus.SOLD_OUT)

    assert "Et 3 autres offres" in reader.get(f"/c/{BETHUNE}").words
    monkeypatch.setattr(page_of_commune, "MOST_OFFERS", 4)
    assert "Et 1 autre offre," in reader.get(f"/c/{BETHUNE}").words


def test_it_leads_to_its_feed_and_names_its_own_address(reader: Browser):
    page = reader.get(f"/c/{BETHUNE}")

    feed = page.one('link[rel="alternate"]').attrs["href"]
    assert reader.get(feed).answer.mimetype == "application/atom+xml"
    assert page.one('link[rel="canonical"]').attrs["href"] == f"http://localhost:8000/c/{BETHUNE}"
    assert page.scripts == []


def test_it_is_the_same_for_who_follows_and_may_be_kept(reader: Browser, street: Sessions, clock: StandingClock):
    with street.begin() as session:
        shop = a_shop(session)
        citizen, token = a_citizen_with_token(session)
        a_follow(session, citizen, shop)

    unknown = reader.get(f"/c/{BETHUNE}")
    known = reader.get(f"/c/{BETHUNE}", Authorization=f"Bearer {token}")

    assert known.answer.data == unknown.answer.data
    assert unknown.answer.headers["Cache-Control"] == "public, max-age=30"
    again = reader.get(f"/c/{BETHUNE}", **{"If-None-Match": unknown.answer.headers["ETag"]})
    assert again.status == 304
