"""The digest by e-mail in « Réglages », without scripts: asked with consent, confirmed by its letter, stopped."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen
from citylife.consent import TEXTS, Consent, Purpose
from citylife.email_digest.tables import EmailDigest
from citylife.letters import Letter
from tests.builders import a_shop
from tests.pages.conftest import Browser, ReadPage, StandingClock, an_app

Sessions = sessionmaker[Session]
PAGE = "/reglages/courriel"
AGREED = {"agreed": "1", "text_version": TEXTS[Purpose.EMAIL_DIGEST].version}
MARIE = "marie@courrier.example"


@pytest.fixture
def sending(database_url: str, tmp_path: Path, clock: StandingClock) -> Iterator[Flask]:
    """The application of an operator who has dated the impact assessment."""
    yield from an_app(database_url, tmp_path, clock, aipd_date=dt.date(2026, 1, 2))


@pytest.fixture
def hers(sending: Flask, sessions: Sessions) -> Browser:
    """The browser of somebody who follows a shop."""
    return following(Browser(sending), sessions)


def following(browser: Browser, sessions: Sessions) -> Browser:
    with sessions.begin() as session:
        slug = a_shop(session, "Le Fournil").slug
    browser.press(browser.get(f"/s/{slug}"), "Suivre")
    return browser


def ask(browser: Browser, **form: str) -> ReadPage:
    answer = browser.post(PAGE, form=form)
    return browser.get(answer.headers["Location"]) if answer.status_code == 303 else ReadPage(answer)


def kept(sessions: Sessions) -> list[tuple[str, bool]]:
    """Each address that is kept, and whether it is confirmed."""
    with sessions() as session:
        return [(one.email, one.confirmed_at is not None) for one in session.scalars(select(EmailDigest))]


def test_who_is_nobody_yet_gives_no_address(reader: Browser):
    page = reader.get(PAGE)

    assert "Suivez d’abord un commerce" in page.words
    assert page.all("main form") == []


def test_an_address_is_asked_confirmed_by_its_letter_and_forgotten_at_a_tap(hers: Browser, sessions: Sessions):
    page = ask(hers, email=MARIE.upper(), **AGREED)

    assert "Un courriel est en route" in page.words
    assert MARIE in page.words
    assert page.text("main .mark") == "À confirmer"
    assert "elle est oubliée vendredi à 10 h" in page.words
    assert kept(sessions) == [(MARIE, False)]

    with sessions() as session:
        token = session.scalars(select(Letter)).one().content["token"]
    assert hers.post(f"/courriel/confirmer/{token}").status_code == 200
    page = hers.get(PAGE)
    assert page.text("main .mark") == "Confirmée"
    assert "Prochain courriel vendredi à 18 h." in page.words

    answer = hers.post(page.one("form[action$=stop]").attrs["action"])
    assert "votre adresse est oubliée" in hers.get(answer.headers["Location"]).words
    assert kept(sessions) == []
    with sessions() as session:
        answers = session.scalars(select(Consent.granted).order_by(Consent.id)).all()
    assert answers == [True, False]


@pytest.mark.parametrize(
    ("form", "status", "field"),
    [
        ({"email": MARIE}, 409, "agreed"),
        ({"email": MARIE, "agreed": "1", "text_version": "1999-01"}, 422, "agreed"),
        ({"email": "marie", **AGREED}, 422, "email"),
        ({**AGREED}, 422, "email"),
    ],
)
def test_what_is_refused_is_said_at_its_field_and_keeps_neither_address_nor_consent(
    hers: Browser, sessions: Sessions, form: dict[str, str], status: int, field: str
):
    page = ask(hers, **form)

    assert page.status == status
    assert page.text(f"#{field}-probleme")
    assert page.one(f"#{field}").attrs["aria-invalid"] == "true"
    assert page.one("#email").attrs["value"] == form.get("email", "")
    assert kept(sessions) == []
    with sessions() as session:
        assert session.scalars(select(Consent)).all() == []


def test_another_address_takes_the_place_of_the_first_and_consent_is_asked_once(hers: Browser, sessions: Sessions):
    page = ask(hers, email=MARIE, **AGREED)
    assert page.all("[name=agreed]") == []

    ask(hers, email="autre@courrier.example")

    assert kept(sessions) == [("autre@courrier.example", False)]


def test_nobody_is_asked_for_an_address_that_may_not_be_written_to_yet(browser: Browser, sessions: Sessions):
    following(browser, sessions)

    page = browser.get(PAGE)

    assert "Citylife n’écrit encore à personne" in page.words
    assert page.all("main form") == []
    assert browser.post(PAGE, form={"email": MARIE, **AGREED}).status_code == 409
    assert kept(sessions) == []
    with sessions() as session:
        assert session.scalars(select(Consent)).all() == []
        assert session.scalars(select(Citizen)).one()


def test_whoever_gives_too_many_addresses_has_to_wait(hers: Browser):
    for number in range(5):
        assert ask(hers, email=f"marie{number}@courrier.example", **AGREED).status == 200

    assert ask(hers, email=MARIE).status == 429
