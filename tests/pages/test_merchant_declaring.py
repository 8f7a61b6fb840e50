"""« Utilisée sans code »: one tap beside a live offer, taken back for ten seconds, told apart in results."""

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.activity import Counted, DailyCount
from citylife.offers import Offer, OfferKind
from citylife.shops import Shop
from tests import builders
from tests.pages.conftest import Browser, ReadPage, StandingClock
from tests.pages.counter import her_browser, her_shop

Sessions = sessionmaker[Session]
LIVE = "section[aria-labelledby=en-cours]"


@pytest.fixture
def shop(sessions: Sessions) -> Shop:
    return her_shop(sessions)


@pytest.fixture
def offer(sessions: Sessions, shop: Shop) -> Offer:
    with sessions.begin() as session:
        return builders.an_offer(session, session.get_one(Shop, shop.id), title="Flan")


@pytest.fixture
def counter(app: Flask, sessions: Sessions, shop: Shop) -> Browser:
    return her_browser(app, sessions)


def declared(sessions: Sessions) -> int:
    with sessions() as session:
        wanted = select(func.coalesce(func.sum(DailyCount.count), 0))
        return session.scalar(wanted.where(DailyCount.counted == Counted.DECLARED_USES)) or 0


def the_form(page: ReadPage, action: str) -> dict[str, str]:
    (found,) = page.all(f'form[action="{action}"] input')
    return {found.attrs["name"]: found.attrs["value"]}


def test_a_tap_counts_one_and_ten_seconds_take_it_back(
    counter: Browser, sessions: Sessions, shop: Shop, offer: Offer, clock: StandingClock
):
    action = f"/commerce/offres/{offer.id}/utilise"
    page = counter.get(f"/commerce/{shop.id}")
    assert "Utilisée sans code" in page.text(LIVE)

    form = the_form(page, action)
    answers = [counter.post(action, form=form) for _ in range(2)]

    assert declared(sessions) == 1, "a second tap on the same page is the same tap"
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    after = counter.get(answers[0].headers["Location"])
    assert "C’est compté" in after.text("main")
    clock.forward(seconds=9)
    answer = counter.post(f"{action}/annuler", form=the_form(after, f"{action}/annuler"))
    assert answer.headers["Location"] == f"/commerce/{shop.id}?said=undeclared"
    assert declared(sessions) == 0

    counter.post(action, form=the_form(counter.get(f"/commerce/{shop.id}"), action))
    assert declared(sessions) == 1, "the next page is another tap"


def test_later_it_stays_counted_and_says_so(
    counter: Browser, sessions: Sessions, shop: Shop, offer: Offer, clock: StandingClock
):
    action = f"/commerce/offres/{offer.id}/utilise"
    answer = counter.post(action, form=the_form(counter.get(f"/commerce/{shop.id}"), action))
    form = the_form(counter.get(answer.headers["Location"]), f"{action}/annuler")
    clock.forward(seconds=11)

    page = ReadPage(counter.post(f"{action}/annuler", form=form))

    assert page.status == 409
    assert "s’annule dans les 10 secondes" in page.text("main .problem")
    assert declared(sessions) == 1


def test_news_are_not_used(counter: Browser, sessions: Sessions, shop: Shop):
    with sessions.begin() as session:
        news = builders.an_offer(session, session.get_one(Shop, shop.id), title="Fermé lundi", kind=OfferKind.NEWS)

    assert "Utilisée sans code" not in counter.get(f"/commerce/{shop.id}").text(LIVE)
    assert ReadPage(counter.post(f"/commerce/offres/{news.id}/utilise", form={})).status == 409
    assert declared(sessions) == 0


def test_results_tell_it_apart_from_the_till(counter: Browser, sessions: Sessions, shop: Shop, offer: Offer):
    for _ in range(3):
        counter.post(f"/commerce/offres/{offer.id}/utilise", form={})

    found = counter.get(f"/commerce/offres/{offer.id}/resultats").text("section[aria-labelledby=chiffres]")
    assert "Codes utilisés en caisse 0" in found
    assert "Utilisations déclarées, sans code 3" in found
    assert "les deux ne s’additionnent pas" in found
    month = counter.get(f"/commerce/{shop.id}/resultats")
    assert "Utilisations déclarées, sans code 3" in month.text("section[aria-labelledby=mois-entier]")
    assert "Déclarées" in month.text("section[aria-labelledby=par-annonce]")
    file = counter.client.get(f"/commerce/{shop.id}/resultats.csv").text.splitlines()
    place = file[0].split(";").index("Utilisations déclarées, sans code")
    assert [line.split(";")[place] for line in file[1:]] == ["3", "3"]
