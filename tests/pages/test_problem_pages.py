"""A problem is a page for a person and problem+json for a program, and neither says anything of the inside."""

import pytest
from flask import Flask
from werkzeug.exceptions import TooManyRequests

from blueprints import guards
from tests.pages.conftest import Browser

PERSON = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("path", "accepted", "mimetype"),
    [
        ("/nulle-part", PERSON, "text/html"),
        ("/nulle-part", "text/html", "text/html"),
        ("/nulle-part", "*/*", "application/problem+json"),
        ("/nulle-part", "application/json", "application/problem+json"),
        ("/nulle-part", "", "application/problem+json"),
        ("/nulle-part", "image/avif,*/*;q=0.8", "application/problem+json"),
        ("/api/v1/nulle-part", PERSON, "application/problem+json"),
        ("/api/v1/me", "text/html", "application/problem+json"),
        ("/assets/x/nothing.js", "*/*", "application/problem+json"),
    ],
)
def test_who_asks_decides_the_shape(reader: Browser, path: str, accepted: str, mimetype: str):
    answer = reader.client.get(path, headers={"Accept": accepted})

    assert answer.status_code in {401, 404}
    assert answer.mimetype == mimetype
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Accept" in answer.headers["Vary"]


def test_a_person_reads_it_in_her_language_with_a_way_back(reader: Browser):
    assert reader.get("/nulle-part").text("h1") == "Cette page n’est pas là"
    page = reader.get("/nulle-part?lang=en")

    assert page.text("h1") == "This page is not here"
    assert page.one("main a").attrs["href"] == "/"
    assert page.one('meta[name="robots"]').attrs["content"] == "noindex"


@pytest.mark.parametrize(
    ("asked", "title", "said", "leads_to"),
    [
        ("citizen", "Ce navigateur ne vous connaît pas encore", "touchez « Suivre »", "/"),
        ("merchant", "Connectez-vous d’abord", "pour les commerçants", "/connexion"),
        ("staff", "Connectez-vous d’abord", "pour l’équipe du cluster", "/connexion"),
        ("anybody", "Connectez-vous d’abord", "pour qui est connecté", "/connexion"),
    ],
    ids=["citizen", "merchant", "staff", "anybody"],
)
def test_whoever_must_be_known_first_is_told_so_as_who_she_is(
    app: Flask, asked: str, title: str, said: str, leads_to: str
):
    guard = {
        "citizen": guards.current_citizen,
        "merchant": guards.merchant_id,
        "staff": guards.current_staff,
        "anybody": guards.own_sessions,
    }[asked]
    app.add_url_rule("/reserve", view_func=lambda: str(guard()))
    page = Browser(app).get("/reserve")

    assert (page.status, page.text("h1"), page.one("main a").attrs["href"]) == (401, title, leads_to)
    assert said in page.words
    assert page.answer.headers["WWW-Authenticate"] == 'Bearer realm="citylife"'
    program = app.test_client().get("/reserve", headers={"Accept": "application/json"})
    assert program.json["detail"] == "Il faut s’identifier pour accéder à cette ressource."


def test_a_method_that_a_page_does_not_take_says_which_it_does(reader: Browser):
    answer = reader.client.get("/s/le-fournil/follow", headers={"Accept": PERSON})

    assert answer.status_code == 405
    assert answer.mimetype == "text/html"
    assert set(answer.headers["Allow"].split(", ")) == {"OPTIONS", "POST"}


def test_a_failure_of_ours_is_a_page_without_a_trace(app: Flask, caplog):
    def fail() -> str:
        raise RuntimeError("SELECT secret FROM inside")

    def refuse() -> str:
        raise TooManyRequests(retry_after=7)

    app.add_url_rule("/panne", view_func=fail)
    app.add_url_rule("/trop", view_func=refuse)
    reader = Browser(app)

    page = reader.get("/panne")
    assert page.status == 500
    assert page.text("h1") == "Panne"
    assert "secret" not in page.answer.get_data(as_text=True)
    assert "RuntimeError" not in page.answer.get_data(as_text=True)

    page = reader.get("/trop")
    assert (page.status, page.answer.headers["Retry-After"]) == (429, "7")
    assert page.document.errors == []


def test_under_a_name_that_is_not_ours_nothing_is_shown(reader: Browser):
    answer = reader.client.get("/", headers={"Accept": PERSON}, base_url="http://ailleurs.example")

    assert answer.status_code == 400
    assert answer.mimetype == "application/problem+json"
