"""Limits said before they are met, on the page of a shop and where an announcement is written; and whom to ask."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker

from citylife.categories import BY_KEY, SELLS_BESIDE, Policy
from citylife.ledger.stops import stop_sending
from citylife.shops import Shop, suspend_shop
from tests import builders
from tests.builders import NOW
from tests.pages.conftest import Browser, StandingClock, an_app
from tests.pages.counter import her_browser, her_shop, path_of

Sessions = sessionmaker[Session]
ASKED = "bonjour@agglo.example"


@pytest.fixture
def shop(street: Sessions) -> Shop:
    return her_shop(street)


@pytest.fixture
def counter(sqlite_url: str, tmp_path: Path, clock: StandingClock, street: Sessions, shop: Shop) -> Iterator[Browser]:
    for app in an_app(sqlite_url, tmp_path, clock, public_contact=ASKED, aipd_date=dt.date(2026, 1, 2)):
        assert shop.id
        yield her_browser(app, street)


def both(counter: Browser, shop: Shop) -> list[str]:
    return [counter.get(path).text("main") for path in (f"/commerce/{shop.id}", path_of(shop))]


def test_what_is_left_of_the_day_is_said_before_and_after(counter: Browser, street: Sessions, shop: Shop):
    for said in both(counter, shop):
        assert "Annonces restantes aujourd’hui : 1 sur 1" in said
        assert "attend le récapitulatif" not in said

    with street.begin() as session:
        builders.an_offer(session, session.get_one(Shop, shop.id))

    for said in both(counter, shop):
        assert "Annonces restantes aujourd’hui : 0 sur 1" in said
        assert "se voit sur votre page et attend le récapitulatif de vos abonnés" in said


def test_a_suspended_shop_reads_why_and_whom_to_ask(counter: Browser, street: Sessions, shop: Shop):
    with street.begin() as session:
        suspend_shop(session, session.get_one(Shop, shop.id), reason="Prix trompeurs.", now=NOW)

    for said in both(counter, shop):
        assert "Raison donnée par l’équipe : Prix trompeurs." in said
        assert ASKED in said
        assert "Annonces restantes" not in said, "there is nothing to have left"


@pytest.mark.parametrize("whole", [False, True], ids=["her shop", "all sending"])
def test_what_staff_stopped_is_said_with_whom_to_ask(counter: Browser, street: Sessions, shop: Shop, *, whole: bool):
    assert all(ASKED not in said for said in both(counter, shop))
    with street.begin() as session:
        here = None if whole else session.get_one(Shop, shop.id)
        stop_sending(session, here, reason="Envois répétés.", now=NOW)

    for said in both(counter, shop):
        assert "L’équipe de Citylife a arrêté" in said
        assert f"Écrivez à {ASKED}" in said


@pytest.mark.parametrize("category", ["grocery", "restaurant", "cafe", "books", "bakery"])
def test_who_may_sell_alcohol_or_tobacco_too_reads_that_neither_is_announced(
    counter: Browser, street: Sessions, shop: Shop, category: str
):
    with street.begin() as session:
        session.get_one(Shop, shop.id).category = category
    said = {"fr": "Ni alcool ni tabac dans une annonce", "en": "No alcohol and no tobacco in an announcement"}
    for language, words in said.items():
        counter.languages = language
        assert (words in counter.get(path_of(shop)).text("main")) == (category != "bakery")


def test_trades_that_sell_such_goods_beside_are_trades_that_may_announce():
    assert {BY_KEY[key].policy for key in SELLS_BESIDE} == {Policy.ADMITTED}
