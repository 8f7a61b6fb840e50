"""« Résultats » of an offer as a browser without scripts reads them: exact in total, never telling of a few."""

import uuid

import pytest
from flask import Flask
from sqlalchemy.orm import Session, sessionmaker

from citylife.activity import Counted, count
from citylife.follows import Level
from citylife.offers import OfferKind, OfferStatus
from citylife.shops import Shop
from tests import builders
from tests.builders import NOW
from tests.ledger_desk import expand_all
from tests.pages.conftest import Browser, ReadPage

Sessions = sessionmaker[Session]
COOKIE = "__Host-citylife-merchant"


@pytest.fixture
def shop(sessions: Sessions) -> Shop:
    with sessions.begin() as session:
        return builders.a_shop(session, "Le Fournil", merchant=builders.a_merchant(session, "camille@fournil.example"))


@pytest.fixture
def counter(app: Flask, sessions: Sessions, shop: Shop) -> Browser:
    browser = Browser(app)
    with sessions.begin() as session:
        merchant = builders.a_merchant(session, "camille@fournil.example")
        browser.client.set_cookie(COOKIE, builders.signed_in(session, merchant), secure=True)
    return browser


def followers(sessions: Sessions, shop: Shop, number: int, level: Level = Level.NORMAL) -> None:
    with sessions.begin() as session:
        for _ in range(number):
            citizen = builders.a_citizen(session)
            builders.a_device(session, citizen)
            builders.a_follow(session, citizen, session.get_one(Shop, shop.id), level)


def an_offer(sessions: Sessions, shop: Shop, status: OfferStatus = OfferStatus.LIVE, **said: str) -> uuid.UUID:
    with sessions.begin() as session:
        return builders.an_offer(session, session.get_one(Shop, shop.id), status=status, **said).id


def results(counter: Browser, offer: uuid.UUID) -> ReadPage:
    return counter.get(f"/commerce/offres/{offer}/resultats")


def figures(page: ReadPage) -> dict[str, tuple[str, str]]:
    """What the chart says: each label with its figure, and the length of its bar."""
    return {
        row.query("th bdi")[0].to_text().strip(): (
            row.query("td")[0].to_text().strip(),
            row.query("rect.bar")[0].attrs["width"],
        )
        for row in page.all(".bars tr")
    }


def test_an_offer_says_what_it_has_brought_in_figures_and_bars(counter: Browser, sessions: Sessions, shop: Shop):
    followers(sessions, shop, 40)
    followers(sessions, shop, 30, Level.NONE)
    offer = an_offer(sessions, shop, title="Tarte")
    expand_all(sessions)
    with sessions.begin() as session:
        for _ in range(10):
            count(session, Counted.OFFER_OPENED, offer, now=NOW)
        count(session, Counted.TILL_USES, offer, now=NOW)

    link = counter.get(f"/commerce/{shop.id}").one(f'a[href="/commerce/offres/{offer}/resultats"]')
    page = counter.get(link.attrs["href"])

    assert figures(page) == {
        "Personnes prévenues": ("40", "100.0"),
        "Ouvertures de la notification": ("10", "25.0"),
        "Codes utilisés en caisse": ("1", "2.5"),
        "Nouveaux abonnés": ("0", "0.0"),
    }
    assert "Vous suivent : environ" in page.text("section[aria-labelledby=prevenus]")
    assert "Vous suivent sans notification : environ" in page.text("section[aria-labelledby=retenus]")
    assert "rien n’est montré en dessous de onze" in page.words
    assert page.scripts == []
    assert page.answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("few", [0, 10])
def test_ten_who_were_not_told_read_as_nobody(counter: Browser, sessions: Sessions, shop: Shop, few: int):
    followers(sessions, shop, 40)
    followers(sessions, shop, few, Level.NONE)
    offer = an_offer(sessions, shop)
    expand_all(sessions)

    told = results(counter, offer).text("section[aria-labelledby=retenus]")

    assert told == "Pourquoi d’autres ne l’ont pas été Personne, ou trop peu pour être montré."


def test_what_still_goes_out_and_what_brought_nothing_say_so(counter: Browser, sessions: Sessions, shop: Shop):
    offer = an_offer(sessions, shop)
    assert "L’annonce part encore" in results(counter, offer).words
    expand_all(sessions)
    after = results(counter, offer).words
    assert "L’annonce part encore" not in after
    assert "Rien encore." in after


def test_what_never_appeared_has_nothing_to_count(counter: Browser, sessions: Sessions, shop: Shop):
    draft = an_offer(sessions, shop, OfferStatus.DRAFT)
    page = results(counter, draft)
    assert "n’a pas encore paru" in page.words
    assert page.all(".bars") == []
    assert counter.get(f"/commerce/{shop.id}").all('a[href$="/resultats"]') == []


def test_news_have_no_codes_and_wine_no_notification(counter: Browser, sessions: Sessions, shop: Shop):
    with sessions.begin() as session:
        session.get_one(Shop, shop.id).category = "wine"
        news = builders.an_offer(session, session.get_one(Shop, shop.id), kind=OfferKind.NEWS).id

    page = results(counter, news)

    assert "Codes utilisés en caisse" not in figures(page)
    assert "Aucune notification ne part pour cette catégorie de commerces" in page.words


def test_it_speaks_english_too(counter: Browser, sessions: Sessions, shop: Shop):
    offer = an_offer(sessions, shop)
    counter.languages = "en"
    page = results(counter, offer)
    assert set(figures(page)) == {
        "People told",
        "Openings of the notification",
        "Codes used at the till",
        "New followers",
    }


def test_another_s_results_are_absent(counter: Browser, sessions: Sessions):
    with sessions.begin() as session:
        theirs = builders.an_offer(session, builders.a_shop(session)).id
    assert results(counter, theirs).status == 404
