"""« Clés d’API » without scripts: made and shown once, listed with the day it was last used, revoked once confirmed."""

import datetime as dt
import re

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.merchants import MOST_KEYS, MerchantKey, Scope
from citylife.shops import Shop
from tests import builders
from tests.builders import NOW
from tests.pages.conftest import Browser, ReadPage, StandingClock
from tests.pages.counter import her_browser, her_shop

Sessions = sessionmaker[Session]
KEYS = "/commerce/cles"
TILL = {"label": "Caisse du fond", "scopes": "offers", "life": "90"}


@pytest.fixture
def shop(sessions: Sessions) -> Shop:
    return her_shop(sessions)


@pytest.fixture
def counter(app: Flask, sessions: Sessions, shop: Shop) -> Browser:
    return her_browser(app, sessions)


def made(counter: Browser, **form: str) -> tuple[ReadPage, str]:
    """The page of a new key, and its token."""
    page = ReadPage(counter.post(KEYS, form=TILL | form))
    assert page.status == 200, page.words
    return page, page.text("[data-text]")


def kept(sessions: Sessions) -> list[MerchantKey]:
    with sessions() as session:
        return list(session.scalars(select(MerchantKey).order_by(MerchantKey.id)))


def test_a_key_is_shown_once_and_does_what_it_allows(app, counter, sessions, shop):
    page, token = made(counter)
    assert re.fullmatch(r"clk_[A-Za-z0-9_-]{43}", token)
    assert page.answer.headers["Cache-Control"] == "no-store"
    (key,) = kept(sessions)
    assert (key.label, key.scopes, key.expires_at) == ("Caisse du fond", ["offers"], NOW + dt.timedelta(days=90))
    client = app.test_client()
    asked = {"Authorization": f"Bearer {token}"}
    foreseen = f"/api/v1/merchant/shops/{shop.id}/audience"
    assert client.post(foreseen, json={"ends_at": "2026-11-24T18:00:00+01:00"}, headers=asked).status_code == 200
    assert client.get(f"/api/v1/merchant/shops/{shop.id}", headers=asked).status_code == 403

    listed = counter.get(KEYS)
    assert token not in listed.answer.get_data(as_text=True)
    assert "Caisse du fond" in listed.words
    assert "Expire le 22 février 2027. Utilisée pour la dernière fois le 24 novembre 2026." in listed.words


def test_a_key_without_an_end_stands_until_it_is_revoked(counter, sessions):
    made(counter, life="")
    assert kept(sessions)[0].expires_at is None
    page = counter.get(KEYS)
    assert "Sans date de fin. Pas encore utilisée." in page.words


def test_a_key_that_has_expired_says_so_and_opens_nothing(app, counter, sessions, clock: StandingClock):
    with sessions.begin() as session:
        key = session.merge(kept_by(counter, sessions))
        key.expires_at = NOW + dt.timedelta(hours=1)
    clock.forward(hours=2)
    page = counter.get(KEYS)
    assert page.text(".mark.shut") == "Expirée"
    assert "Expirée depuis le 24 novembre 2026." in page.words


def kept_by(counter: Browser, sessions: Sessions) -> MerchantKey:
    made(counter)
    return kept(sessions)[0]


@pytest.mark.parametrize(
    ("form", "field", "said"),
    [
        ({"label": " "}, "label", "label-probleme"),
        ({"label": "x" * 81}, "label", "label-probleme"),
        ({"scopes": "everything"}, "scopes", "scopes-probleme"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_the_rest_stays(counter, sessions, form, field, said):
    page = ReadPage(counter.post(KEYS, form=TILL | form))
    assert page.status == 422
    assert page.one(f"#{said}").to_text()
    assert len(page.all(f'[aria-describedby="{said}"]')) == 1
    assert "checked" in page.one('input[name="life"][value="90"]').attrs
    assert kept(sessions) == []
    if field == "scopes":
        assert page.one("#label").attrs["value"] == "Caisse du fond"


def test_a_key_is_revoked_once_that_is_confirmed(app, counter, sessions):
    _, token = made(counter)
    (way,) = [link.attrs["href"] for link in counter.get(KEYS).all("main a") if link.to_text() == "Révoquer"]
    asked = counter.get(way)
    assert asked.text("h1") == "Révoquer cette clé ?"
    assert kept(sessions)[0].revoked_at is None
    form = asked.one("main form")
    answer = counter.post(form.attrs["action"], form={})
    page = counter.get(answer.headers["Location"])
    assert "La clé est révoquée : elle n’ouvre plus rien." in page.words
    assert "Caisse du fond" not in page.words
    read = app.test_client().get("/api/v1/merchant/shops", headers={"Authorization": f"Bearer {token}"})
    assert read.status_code == 401
    assert counter.get(way).status == 404
    assert counter.post(form.attrs["action"], form={}).status_code == 303, "a second tap changes nothing"


def test_how_many_are_left_is_said_before_there_are_none(counter):
    for number in range(MOST_KEYS):
        assert f"Vous pouvez encore en créer {MOST_KEYS - number} ({MOST_KEYS} au plus)." in counter.get(KEYS).words
        made(counter)
    page = counter.get(KEYS)
    assert f"Vous avez {MOST_KEYS} clés, et ne pouvez en avoir plus" in page.words
    assert page.all('main form[method="post"]') == []
    assert counter.post(KEYS, form=TILL).status_code == 409


def test_a_page_elsewhere_makes_no_key_and_revokes_none(counter, sessions):
    kept_by(counter, sessions)
    key_id = kept(sessions)[0].id
    for path in (KEYS, f"{KEYS}/{key_id}/revoquer"):
        assert counter.post(path, headers={"Sec-Fetch-Site": "cross-site"}, form=TILL).status_code == 403
    assert [key.revoked_at for key in kept(sessions)] == [None]


def test_another_s_key_is_answered_as_none(counter, sessions):
    with sessions.begin() as session:
        key = builders.a_key(session, builders.a_merchant(session), Scope.READ)[0]
    for answer in (
        counter.get(f"{KEYS}/{key.id}/revoquer").answer,
        counter.post(f"{KEYS}/{key.id}/revoquer", form={}),
    ):
        assert answer.status_code == 404


def test_the_account_leads_to_the_keys(counter):
    assert KEYS in [link.attrs["href"] for link in counter.get("/compte").all("main a")]
