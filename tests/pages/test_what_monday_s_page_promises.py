"""The page that Monday's link opens says who is told of an offer that is done again, only where somebody is."""

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.orm import Session, sessionmaker

from citylife.ledger.stops import stop_sending
from citylife.merchant_mail.links import Purpose, token_of
from citylife.merchant_mail.mondays import week_id
from citylife.offers import OfferStatus
from citylife.shops import Shop, suspend_shop
from tests import builders
from tests.builders import NOW
from tests.pages.conftest import Browser, ReadPage, StandingClock, an_app

TOLD = "Vos abonnés en sont prévenus"
NOT_CARRIED_OVER = "Une réduction n’est pas reprise"
DATED = dt.date(2026, 1, 2)
Page = Callable[..., ReadPage]
Change = Callable[[Session, Shop], object]


@pytest.fixture
def page(database_url: str, tmp_path: Path, clock: StandingClock, sessions: sessionmaker[Session]) -> Iterator[Page]:
    """The page of a link, once something was changed, on an instance whose assessment is dated or not."""
    opened: list[Iterator[Flask]] = []

    def read(
        change: Change = lambda _session, _shop: None, aipd_date: dt.date | None = dt.date(2026, 1, 2)
    ) -> ReadPage:
        with sessions.begin() as session:
            camille = builders.a_merchant(session, "camille@fournil.example")
            shop = builders.a_shop(session, "Le Fournil", merchant=camille)
            offer = builders.an_offer(session, shop, status=OfferStatus.ENDED, now=NOW - dt.timedelta(days=3))
            ids = camille.id, offer.id, week_id(NOW)
            change(session, shop)
        opened.append(an_app(database_url, tmp_path, clock, aipd_date=aipd_date))
        app = next(opened[-1])
        token = token_of(Purpose.AGAIN, *ids, secret=app.extensions["citylife"].keys.secret_key)
        return Browser(app).get(f"/courriel/refaire/{token}")

    yield read
    for each in opened:
        assert list(each) == [], "it is disposed of"


def test_where_announcements_leave_its_followers_are_told(page: Page):
    said = page().words
    assert TOLD in said
    assert "Annonces restantes aujourd’hui : 1 sur 1" in said
    assert NOT_CARRIED_OVER in said


@pytest.mark.parametrize("category", ["wine", "pharmacy"])
def test_a_trade_that_has_a_page_only_tells_nobody(page: Page, category: str):
    said = page(lambda _session, shop: setattr(shop, "category", category)).words
    assert TOLD not in said
    assert "Aucune notification ne part pour cette catégorie de commerces" in said
    assert "Annonces restantes" not in said
    assert NOT_CARRIED_OVER in said


def test_beyond_the_announcements_of_the_day_it_waits_for_the_summary(page: Page):
    said = page(lambda session, shop: builders.an_offer(session, shop, title="Pain")).words
    assert TOLD not in said
    assert "Annonces restantes aujourd’hui : 0 sur 1" in said
    assert "attend le récapitulatif de vos abonnés" in said


@pytest.mark.parametrize("whole", [False, True], ids=["her shop", "all sending"])
def test_while_sending_is_stopped_it_waits(page: Page, *, whole: bool):
    said = page(lambda session, shop: stop_sending(session, None if whole else shop, reason="Trop.", now=NOW)).words
    assert TOLD not in said
    assert "L’équipe de Citylife a arrêté" in said


def test_before_the_date_of_the_aipd_nothing_leaves(page: Page):
    said = page(aipd_date=None).words
    assert TOLD not in said
    assert "Citylife n’envoie pas encore de notifications" in said


def test_a_suspended_shop_reads_why_and_has_nothing_to_press(page: Page):
    read = page(lambda session, shop: suspend_shop(session, shop, reason="Prix trompeurs.", now=NOW))
    assert "Raison donnée par l’équipe : Prix trompeurs." in read.words
    assert TOLD not in read.words
    assert read.all("main form") == []
