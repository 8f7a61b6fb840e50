"""« J’en profite » on an offer's page: a code in letters and as a QR code, once, for whoever asks, without scripts."""

import datetime as dt

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen
from citylife.offers import Offer, OfferKind, OfferStatus
from citylife.redemptions import TillCode, redeem
from tests.builders import NOW, a_merchant, a_shop, an_offer
from tests.pages.conftest import Browser, ReadPage

Sessions = sessionmaker[Session]
TAKE = "J’en profite Un code à montrer à la caisse, une fois. Sans compte, et sans dire qui vous êtes. Prendre un code"


@pytest.fixture
def offer(street: Sessions) -> Offer:
    with street.begin() as session:
        return an_offer(session, a_shop(session), title="Tarte au sucre")


def taken(browser: Browser, offer: Offer) -> ReadPage:
    return browser.press(browser.get(f"/o/{offer.id}"), "Prendre un code")


def test_one_tap_gives_somebody_unknown_a_code_that_stays(reader: Browser, street: Sessions, offer: Offer):
    assert reader.get(f"/o/{offer.id}").text("#code").startswith(TAKE)

    page = taken(reader, offer)

    code = page.text(".till-letters")
    assert len(code.replace("-", "")) == 6
    assert page.one(".till-mark").attrs["aria-label"] == f"Code QR\u00a0: {code}"
    assert page.all(".till-mark svg")
    assert reader.get(f"/o/{offer.id}").text(".till-letters") == code
    assert Browser(reader.app).get(f"/o/{offer.id}").all(".till-letters") == []
    with street() as session:
        assert session.scalar(select(func.count()).select_from(Citizen)) == 1
        assert session.scalar(select(func.count()).select_from(TillCode)) == 1


def test_a_second_tap_changes_nothing(reader: Browser, offer: Offer):
    page = taken(reader, offer)
    reader.post(f"/o/{offer.id}/code")

    assert reader.get(f"/o/{offer.id}").text(".till-letters") == page.text(".till-letters")


def test_once_used_the_page_says_so_and_shows_no_code(reader: Browser, street: Sessions):
    with street.begin() as session:
        merchant = a_merchant(session)
        offer = an_offer(session, a_shop(session, merchant=merchant))
    code = taken(reader, offer).text(".till-letters")
    secret = reader.app.extensions["citylife"].keys.secret_key
    with street.begin() as session:
        redeem(session, merchant.id, code, secret=secret, now=NOW + dt.timedelta(hours=1))

    page = reader.get(f"/o/{offer.id}")

    assert page.text("#code").startswith("Votre code a servi Il a été utilisé à la caisse à 11 h.")
    assert page.all(".till-letters, .till-mark") == []
    assert "Your code was used" in reader.get(f"/o/{offer.id}?lang=en").words


@pytest.mark.parametrize("said", [{"kind": OfferKind.NEWS}, {"status": OfferStatus.ENDED}])
def test_what_is_not_had_at_a_till_gives_no_code(reader: Browser, street: Sessions, said):
    with street.begin() as session:
        offer = an_offer(session, a_shop(session), **said)

    assert reader.get(f"/o/{offer.id}").all("#code") == []
    assert reader.post(f"/o/{offer.id}/code").status_code == 409


def test_another_site_s_page_takes_no_code(reader: Browser, street: Sessions, offer: Offer):
    answer = reader.post(f"/o/{offer.id}/code", {"Sec-Fetch-Site": "cross-site"})

    assert answer.status_code == 403
    with street() as session:
        assert session.scalars(select(TillCode)).all() == []
