"""« Mon commerce » as a browser without scripts uses it: where a shop stands, its offers, and what is done to them."""

import uuid

import pytest
from flask import Flask
from sqlalchemy.orm import Session, sessionmaker

from blueprints.pages.merchant.shops import WHY_PAGE_ONLY
from citylife.accounts.merchants import Merchant, Role, join_team
from citylife.categories import CATEGORIES, Policy
from citylife.offers import Offer, OfferStatus
from citylife.shops import Shop, ShopStatus
from tests import builders
from tests.pages.conftest import OURS, Browser, ReadPage, StandingClock, plain

Sessions = sessionmaker[Session]
COOKIE = "__Host-citylife-merchant"


def the_browser_of(app: Flask, session: Session, merchant: Merchant) -> Browser:
    browser = Browser(app)
    browser.client.set_cookie(COOKIE, builders.signed_in(session, merchant), secure=True)
    return browser


@pytest.fixture
def camille(sessions: Sessions) -> Merchant:
    with sessions.begin() as session:
        return builders.a_merchant(session, "camille@boulangerie.example")


@pytest.fixture
def shop(sessions: Sessions, camille: Merchant) -> Shop:
    with sessions.begin() as session:
        return builders.a_shop(session, "Le Fournil", merchant=session.get_one(Merchant, camille.id))


@pytest.fixture
def counter(app: Flask, sessions: Sessions, camille: Merchant) -> Browser:
    with sessions.begin() as session:
        return the_browser_of(app, session, camille)


def status_of(sessions: Sessions, offer_id: uuid.UUID) -> OfferStatus:
    with sessions() as session:
        return session.get_one(Offer, offer_id).status


def an_offer(sessions: Sessions, shop: Shop, title: str, status: OfferStatus = OfferStatus.LIVE) -> uuid.UUID:
    with sessions.begin() as session:
        return builders.an_offer(session, session.get_one(Shop, shop.id), status=status, title=title).id


def test_the_only_shop_opens_at_once_and_several_are_a_list(counter: Browser, sessions: Sessions, shop, camille):
    answer = counter.get("/commerce").answer
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/commerce/{shop.id}")
    with sessions.begin() as session:
        builders.a_shop(session, "Le Moulin", merchant=session.get_one(Merchant, camille.id))

    page = counter.get("/commerce")

    assert {page.text(f'a[href="/commerce/{shop.id}"]'), page.text("h1")} == {"Le Fournil", "Vos commerces"}
    assert "Le Moulin" in page.words
    assert page.answer.headers["Cache-Control"] == "no-store"


def test_whoever_has_no_shop_reads_how_to_claim_one(counter: Browser):
    page = counter.get("/commerce")
    assert "Aucun commerce n’est encore rattaché" in page.words
    assert "SIRET" in page.words
    assert page.one('.top a[href="/compte"]')


def test_offers_stand_by_what_has_become_of_them(counter: Browser, sessions: Sessions, shop: Shop):
    for status in OfferStatus:
        an_offer(sessions, shop, f"Pain {status.value}", status)

    page = counter.get(f"/commerce/{shop.id}")

    for heading, words in (
        ("en-cours", "Pain live"),
        ("scheduled", "Pain scheduled"),
        ("drafts", "Pain draft"),
        ("over", "Pain ended"),
        ("over", "Pain withdrawn"),
    ):
        assert words in page.text(f"section[aria-labelledby={heading}]")
    assert "Abonnés : 0" in page.words


def test_followers_are_counted_and_announcements_run_out(counter: Browser, sessions: Sessions, shop: Shop):
    with sessions.begin() as session:
        builders.a_follow(session, builders.a_citizen(session), session.get_one(Shop, shop.id))
    before = counter.get(f"/commerce/{shop.id}").words
    an_offer(sessions, shop, "Tarte")
    after = counter.get(f"/commerce/{shop.id}").words
    assert "Abonnés : 1" in before
    assert "aujourd’hui : 1 sur 1" in before
    assert "aujourd’hui : 0 sur 1" in after


def test_all_gone_by_one_tap_and_taken_back_within_ten_seconds(
    counter: Browser, sessions: Sessions, shop: Shop, clock: StandingClock
):
    offer = an_offer(sessions, shop, "Tarte")

    gone = counter.press(counter.get(f"/commerce/{shop.id}"), "Tout est parti")

    assert status_of(sessions, offer) is OfferStatus.SOLD_OUT
    assert "tout est parti" in gone.words
    clock.forward(seconds=9)
    back = counter.press(gone, "Annuler « Tout est parti »")
    assert status_of(sessions, offer) is OfferStatus.LIVE
    assert "de nouveau en cours" in back.words
    gone = counter.press(back, "Tout est parti")
    clock.forward(seconds=11)
    late = ReadPage(counter.post(gone.one('main form[action^="/commerce/offres/"]').attrs["action"]))
    assert late.status == 409
    assert "10 secondes" in late.text("[role=alert]")
    assert status_of(sessions, offer) is OfferStatus.SOLD_OUT


def test_withdrawing_asks_first(counter: Browser, sessions: Sessions, shop: Shop):
    offer = an_offer(sessions, shop, "Tarte")
    link = counter.get(f"/commerce/{shop.id}").one(f'a[href="/commerce/offres/{offer}/retirer"]')
    asked = counter.get(link.attrs["href"])
    assert asked.text("h1") == "Retirer cette offre ?"
    assert status_of(sessions, offer) is OfferStatus.LIVE

    answer = counter.post(asked.one("main form").attrs["action"])

    assert answer.status_code == 303
    assert status_of(sessions, offer) is OfferStatus.WITHDRAWN


def test_a_shop_that_is_held_says_why(counter: Browser, sessions: Sessions, shop: Shop):
    with sessions.begin() as session:
        mine = session.get_one(Shop, shop.id)
        mine.status, mine.suspended_reason = ShopStatus.SUSPENDED, "Prix trompeurs"
    page = counter.get(f"/commerce/{shop.id}")
    assert "Suspendu" in page.words
    assert "Prix trompeurs" in page.words
    with sessions.begin() as session:
        session.get_one(Shop, shop.id).status = ShopStatus.CLAIMED
    page = counter.get(f"/commerce/{shop.id}")
    assert "En cours de vérification" in page.words
    assert "Prix trompeurs" not in page.words


def test_another_s_shop_and_offer_are_absent(counter: Browser, sessions: Sessions, shop: Shop):
    with sessions.begin() as session:
        other = builders.a_shop(session, "Ailleurs", merchant=builders.a_merchant(session))
        offer = builders.an_offer(session, other)
    absent = uuid.UUID(int=offer.id.int ^ 1)
    for path in ("/commerce/{}", "/commerce/offres/{}/retirer"):
        mine = other.id if path == "/commerce/{}" else offer.id
        pages = [counter.get(path.format(each)).answer for each in (mine, absent)]
        assert [page.status_code for page in pages] == [404, 404]
        assert pages[0].data == pages[1].data
    assert counter.post(f"/commerce/offres/{offer.id}/parti").status_code == 404
    assert status_of(sessions, offer.id) is OfferStatus.LIVE


def test_a_seller_does_what_an_owner_does_with_offers(app: Flask, sessions: Sessions, shop: Shop):
    with sessions.begin() as session:
        seller = builders.a_merchant(session)
        join_team(session, seller, session.get_one(Shop, shop.id), Role.SELLER, now=builders.NOW)
        browser = the_browser_of(app, session, seller)
    offer = an_offer(sessions, shop, "Tarte")
    browser.press(browser.get(f"/commerce/{shop.id}"), "Tout est parti")
    assert status_of(sessions, offer) is OfferStatus.SOLD_OUT


def test_nobody_and_no_other_site_gets_in(app: Flask, counter: Browser, sessions: Sessions, shop: Shop):
    offer = an_offer(sessions, shop, "Tarte")
    nobody = Browser(app)
    for path in ("/commerce", f"/commerce/{shop.id}", f"/commerce/offres/{offer}/retirer"):
        assert nobody.get(path).answer.headers["Location"] == "/connexion"
    assert nobody.post(f"/commerce/offres/{offer}/parti", headers=OURS).headers["Location"] == "/connexion"
    assert counter.post(f"/commerce/offres/{offer}/parti", headers={}).status_code == 403
    assert status_of(sessions, offer) is OfferStatus.LIVE


def test_it_is_said_in_english_too(app: Flask, sessions: Sessions, shop: Shop, camille: Merchant):
    with sessions.begin() as session:
        browser = the_browser_of(app, session, camille)
    page = browser.get(f"/commerce/{shop.id}?lang=en")
    assert "Nothing is live." in page.words
    assert "Followers: 0" in page.words


@pytest.mark.parametrize(
    ("category", "why"),
    [
        ("wine", "La publicité pour l’alcool est encadrée par la loi (Code de la santé publique, article L3323-2)"),
        ("pharmacy", "Ce qu’on achète en pharmacie touche à la santé"),
        ("optician", "seuls ceux qui vous suivent déjà sont prévenus"),
        ("bakery", None),
    ],
)
def test_what_a_trade_may_not_send_is_said_with_its_reason(counter, sessions, shop, category, why):
    with sessions.begin() as session:
        session.get_one(Shop, shop.id).category = category
    page = counter.get(f"/commerce/{shop.id}")
    told = [plain(notice.to_text()) for notice in page.all(".notice")]
    assert any(why in words for words in told) if why else not any("téléphones" in words for words in told)


def test_each_trade_with_a_page_alone_has_its_reason():
    assert set(WHY_PAGE_ONLY) == {trade.key for trade in CATEGORIES if trade.policy is Policy.PAGE_ONLY}
