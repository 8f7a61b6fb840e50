"""« Résultats » of an offer and of a month without scripts: exact in total, never telling of a few."""

import csv
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
from tests.pages.conftest import Browser, ReadPage, StandingClock, plain

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


def sign_in(counter: Browser, sessions: Sessions, clock: StandingClock) -> None:
    """Sign in again, a session having lapsed meanwhile."""
    with sessions.begin() as session:
        merchant = builders.a_merchant(session, "camille@fournil.example")
        counter.client.set_cookie(COOKIE, builders.signed_in(session, merchant, now=clock()), secure=True)


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
        "Utilisations déclarées, sans code": ("0", "0.0"),
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
    assert counter.get(f"/commerce/{shop.id}").all('a[href^="/commerce/offres/"][href$="/resultats"]') == []


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
        "Uses declared, without a code",
        "New followers",
    }


def test_an_offer_is_a_file_that_says_what_is_exact_and_why_others_were_not_told(
    counter: Browser, sessions: Sessions, shop: Shop
):
    followers(sessions, shop, 40)
    followers(sessions, shop, 30, Level.NONE)
    offer = an_offer(sessions, shop, title="=Tarte")
    expand_all(sessions)
    link = results(counter, offer).one('a[type="text/csv"]')

    answer = counter.client.get(link.attrs["href"], headers={"Accept-Language": "fr"})

    assert answer.content_type == "text/csv; charset=utf-8"
    assert f"citylife-{shop.slug}-2026-11-24-" in answer.headers["Content-Disposition"]
    assert answer.headers["Cache-Control"] == "no-store"
    head, title, *rows = csv.reader(answer.data.decode("utf-8-sig").splitlines(), delimiter=";")
    assert (head, title) == (["Ce qui est compté", "Combien", "Exact ou environ"], ["'=Tarte", "", ""])
    said = {plain(label): (figure, how) for label, figure, how in rows}
    assert len(said) == len(rows)
    assert said["Personnes prévenues"] == ("40", "exact")
    why = {label: how for label, (_, how) in said.items() if "prévenues :" in label or label.startswith("Prévenues :")}
    assert why == {"Prévenues : Vous suivent": "environ", "Pas prévenues : Vous suivent sans notification": "environ"}
    assert said["Pas prévenues (environ)"][1] == "environ"


def test_the_file_of_an_offer_tells_nothing_of_ten(counter: Browser, sessions: Sessions, shop: Shop):
    followers(sessions, shop, 40)
    followers(sessions, shop, 10, Level.NONE)
    offer = an_offer(sessions, shop)
    expand_all(sessions)
    said = counter.client.get(f"/commerce/offres/{offer}/resultats.csv", headers={"Accept-Language": "fr"}).text
    assert "Pas prévenues (environ);;environ" in said
    assert "sans notification" not in said


@pytest.mark.parametrize(
    ("held", "said", "not_said"),
    [
        (30, "Les totaux, sauf celui-ci, sont exacts.", "Les totaux sont exacts."),
        (0, "Les totaux sont exacts.", "sauf celui-ci"),
    ],
)
def test_no_total_that_is_rounded_is_said_to_be_exact(  # noqa: PLR0917 - who is told, and what is said of it
    counter: Browser, sessions: Sessions, shop: Shop, held: int, said: str, not_said: str
):
    followers(sessions, shop, held, Level.NONE)
    offer = an_offer(sessions, shop)
    expand_all(sessions)
    for page in (results(counter, offer), counter.get(f"/commerce/{shop.id}/resultats")):
        assert ("Environ" in page.words) == bool(held)
        assert said in page.words
        assert not_said not in page.words


def test_it_says_which_new_followers_are_counted(counter: Browser, sessions: Sessions, shop: Shop):
    assert (
        "ceux qui sont venus pendant que l’annonce était en cours" in results(counter, an_offer(sessions, shop)).words
    )


def test_another_s_results_are_absent(counter: Browser, sessions: Sessions):
    with sessions.begin() as session:
        theirs = builders.an_offer(session, builders.a_shop(session)).id
    assert results(counter, theirs).status == 404
    assert counter.get(f"/commerce/offres/{theirs}/resultats.csv").status == 404


def test_a_month_adds_up_its_offers_and_leads_to_those_beside_it(
    counter: Browser, sessions: Sessions, shop: Shop, clock: StandingClock
):
    followers(sessions, shop, 12)
    offer = an_offer(sessions, shop, title="Tarte")
    expand_all(sessions)
    with sessions.begin() as session:
        count(session, Counted.TILL_USES, offer, now=NOW, by=3)
    link = counter.get(f"/commerce/{shop.id}").one(f'a[href="/commerce/{shop.id}/resultats"]')

    page = counter.get(link.attrs["href"])

    assert page.text("h1") == "Résultats · novembre 2026"
    assert page.text("section[aria-labelledby=mois-entier] tr:first-child td") == "12"
    assert page.text("section[aria-labelledby=le-plus-utilisees] tr") == "Tarte 3"
    assert page.text("section[aria-labelledby=par-annonce] tbody tr") == "Tarte 12 0 3 0 0"
    assert page.all("nav.choice a") == [], "the shop came in this month"
    clock.forward(days=30)
    sign_in(counter, sessions, clock)
    december = counter.get(f"/commerce/{shop.id}/resultats")
    assert december.text("nav.choice a[rel=prev]") == "novembre 2026"
    assert "Aucune annonce ce mois-ci." in december.words
    back = counter.get(december.one("nav.choice a[rel=prev]").attrs["href"])
    assert back.text("nav.choice a[rel=next]") == "décembre 2026"
    assert back.text("section[aria-labelledby=par-annonce] tbody tr") == "Tarte 12 0 3 0 0"


@pytest.mark.parametrize("written", ["2026-12", "hier", "2026-11-01", "%00", "2026-11%0d%0aX:"])
def test_what_is_no_month_is_refused_in_words(counter: Browser, shop: Shop, written: str):
    for page in ("resultats", "resultats.csv"):
        answer = counter.get(f"/commerce/{shop.id}/{page}?mois={written}")
        assert answer.status == 422
        assert "Un mois s’écrit comme « 2026-11 », et n’est pas à venir." in answer.words


def test_an_old_month_says_what_is_no_longer_known(counter: Browser, sessions: Sessions, shop: Shop, clock):
    assert "ne garde plus que des nombres" not in counter.get(f"/commerce/{shop.id}/resultats?mois=2026-11").words
    clock.forward(weeks=20)
    sign_in(counter, sessions, clock)
    assert "ne garde plus que des nombres" in counter.get(f"/commerce/{shop.id}/resultats?mois=2026-11").words


def test_a_month_is_a_file_that_a_spreadsheet_opens_and_never_computes(
    counter: Browser, sessions: Sessions, shop: Shop
):
    followers(sessions, shop, 12)
    titles = ['=HYPERLINK("http://mal.example")', "+33 pains", "Pain; « l’un »", '-1 "baguette"', "@SUM(A1)"]
    for title in titles:
        an_offer(sessions, shop, title=title)
    expand_all(sessions)
    link = counter.get(f"/commerce/{shop.id}/resultats").one('a[type="text/csv"]')

    answer = counter.client.get(link.attrs["href"])

    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == f"attachment; filename=citylife-{shop.slug}-2026-11.csv"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.data.startswith(b"\xef\xbb\xbfAnnonce;Parue le;")
    rows = list(csv.reader(answer.data.decode("utf-8-sig").splitlines(), delimiter=";"))
    assert {len(row) for row in rows} == {9}
    assert sorted(row[0] for row in rows[1:-1]) == sorted(
        title if title.startswith("Pain") else f"'{title}" for title in titles
    )
    assert rows[-1][:4] == ["Mois entier", "2026-11", "12", "0"]


def test_another_s_month_is_absent(counter: Browser, sessions: Sessions):
    with sessions.begin() as session:
        theirs = builders.a_shop(session).id
    assert counter.get(f"/commerce/{theirs}/resultats").status == 404
    assert counter.get(f"/commerce/{theirs}/resultats.csv").status == 404
