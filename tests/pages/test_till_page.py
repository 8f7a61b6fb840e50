"""« Caisse » as a browser without scripts uses it: a code is valid once, and what is wrong is said."""

import uuid

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.merchants import Role, join_team
from citylife.activity import Counted, DailyCount
from citylife.offers import Offer
from citylife.redemptions import GUESSES
from citylife.shops import Shop
from tests import builders
from tests.pages.conftest import OURS, Browser, ReadPage, StandingClock

Sessions = sessionmaker[Session]
PAGE = "/commerce/caisse"
UNKNOWN = "222222"
COOKIE = "__Host-citylife-merchant"


@pytest.fixture
def offer(sessions: Sessions) -> Offer:
    with sessions.begin() as session:
        return builders.an_offer(session, builders.a_shop(session, "Le Fournil"), title="Tarte au sucre")


@pytest.fixture
def code(app: Flask, offer: Offer) -> str:
    """What a citizen was given for it."""
    citizen = Browser(app)
    page = citizen.press(citizen.get(f"/o/{offer.id}"), "Prendre un code")
    return page.text(".till-letters")


def a_till(app: Flask, sessions: Sessions, shop_id: uuid.UUID | None = None) -> Browser:
    """The browser of a merchant, who runs this shop, or none."""
    with sessions.begin() as session:
        merchant = builders.a_merchant(session)
        if shop_id is not None:
            join_team(session, merchant, session.get_one(Shop, shop_id), Role.SELLER, now=builders.NOW)
        token = builders.signed_in(session, merchant)
    browser = Browser(app)
    browser.client.set_cookie(COOKIE, token, secure=True)
    return browser


@pytest.fixture
def till(app: Flask, sessions: Sessions, offer: Offer) -> Browser:
    return a_till(app, sessions, offer.shop_id)


def used(till: Browser, code: str) -> ReadPage:
    return ReadPage(till.post(PAGE, form={"code": code}))


def uses(sessions: Sessions) -> list[int]:
    with sessions() as session:
        return list(session.scalars(select(DailyCount.count).where(DailyCount.counted == Counted.TILL_USES)))


def test_a_code_is_valid_once_and_says_for_what(till: Browser, code: str, sessions: Sessions, clock: StandingClock):
    page = till.get(PAGE)
    assert page.one("form[method=post]").attrs["action"] == PAGE

    done = used(till, code.lower().replace("-", " "))

    assert done.status == 200
    assert done.text(".valid .till-title") == "Tarte au sucre"
    assert "Valable" in done.words
    assert f"Code {code}" in done.words
    assert "Le Fournil" in done.text(".valid")
    assert "Code du client suivant" in done.words
    assert done.one("#code").attrs["value"] == ""
    clock.forward(minutes=5)
    again = used(till, code)
    assert again.status == 409
    assert again.text(".wrong .till-title") == "Code déjà utilisé"
    assert "10 h" in again.text(".wrong")
    assert uses(sessions) == [1]


def test_another_s_code_is_as_unknown_as_one_that_nobody_took(app: Flask, sessions: Sessions, code: str):
    stranger = a_till(app, sessions)

    pages = [used(stranger, typed) for typed in (code, UNKNOWN, "?", "")]

    assert {page.status for page in pages} == {404}
    assert {page.text(".wrong") for page in pages} == {
        "Code inconnu Aucun client de vos commerces n’a reçu ce code. Vérifiez ses six caractères."
    }
    assert pages[0].one("#code").attrs["value"] == code
    assert pages[0].one("#code").attrs["aria-describedby"] == "caisse-probleme code-aide"
    assert uses(sessions) == []


def test_guesses_end_after_a_while_with_the_right_code_too(till: Browser, code: str, sessions: Sessions):
    for _ in range(GUESSES.most):
        assert used(till, UNKNOWN).status == 404

    assert used(till, code).status == 429
    assert uses(sessions) == []


def test_an_offer_that_is_over_takes_its_codes_along(till: Browser, code: str, clock: StandingClock):
    clock.forward(days=10)

    page = used(till, code)

    assert (page.status, page.text(".wrong .till-title")) == (410, "Offre terminée")


def test_nobody_without_a_session_of_a_merchant_uses_a_code(app: Flask, sessions: Sessions, offer: Offer, code: str):
    with sessions.begin() as session:
        merchant = builders.a_merchant(session)
        join_team(session, merchant, session.get_one(Shop, offer.shop_id), Role.OWNER, now=builders.NOW)
        _, key = builders.a_key(session, merchant)
    for headers in (OURS, {**OURS, "Authorization": f"Bearer {key}"}):
        answer = Browser(app).post(PAGE, headers=headers, form={"code": code})
        assert (answer.status_code, answer.headers["Location"]) == (303, "/connexion")
    assert uses(sessions) == []


def test_only_this_page_may_ask_for_the_camera(till: Browser):
    assert "camera=(self)" in till.get(PAGE).answer.headers["Permissions-Policy"]
    assert "camera=()" in till.get("/compte").answer.headers["Permissions-Policy"]
    assert till.get(PAGE).answer.headers["Cache-Control"] == "no-store"
