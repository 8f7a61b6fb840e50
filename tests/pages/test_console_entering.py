"""The console opens by a passkey: a letter makes the first one, tells who administers, and opens nothing else."""

import base64
import datetime as dt
import threading
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from blueprints.house import House
from blueprints.pages.staff import rhythms
from citylife.accounts.passkeys import Passkey, site_of
from citylife.accounts.staff import StaffMember, StaffRole
from citylife.activity import WHOLE, Counted, count
from citylife.database import engine_for, writing
from citylife.letters import Letter, LetterKind
from citylife.today import Rhythm, Rhythms
from tests import builders
from tests.doubles.authenticator import Authenticator
from tests.overlap import overlapping
from tests.pages.conftest import OURS, Browser, StandingClock, an_app
from tests.pages.desk import KARIMA, at_the_desk

Sessions = sessionmaker[Session]
ANA = "ana@cluster.example"


@pytest.fixture
def desk_app(sqlite_url: str, tmp_path, clock) -> Iterator[Flask]:
    """The application on SQLite alone: no kind of database has a say in who is let in."""
    yield from an_app(sqlite_url, tmp_path, clock)


def bytes_of(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "==")


def makes_a_passkey(app: Flask, browser: Browser) -> int:
    """The status that a device is answered which makes a passkey for the staff's account of this browser."""
    house: House = app.extensions["citylife"]
    site = site_of(house.settings.base_url)
    device = Authenticator(site.id, site.origin)
    begun = browser.client.post("/api/v1/passkeys/options", json={"for": "staff"}, headers=OURS)
    if begun.status_code != 200:
        return begun.status_code
    options = begun.json or {}
    challenge, handle = bytes_of(options["challenge"]), bytes_of(options["user"]["id"])
    made = device.make(challenge, handle)
    kept = browser.client.post("/api/v1/passkeys", json={"for": "staff", "credential": made}, headers=OURS)
    return kept.status_code


def test_nobody_is_shown_the_way_in_and_comes_for_the_cluster(desk_app: Flask):
    browser = Browser(desk_app)
    answer = browser.get("/console").answer
    assert (answer.status_code, answer.headers["Location"]) == (303, "/connexion?vers=/console")
    assert "checked" in browser.get("/connexion?vers=/console").one("input[value=staff]").attrs


def test_a_letter_makes_her_first_passkey_and_opens_nothing(desk_app: Flask, street: Sessions):
    at_the_desk(desk_app, street)
    ana = at_the_desk(desk_app, street, StaffRole.WATCH, ANA, by_letter=True)
    assert ana.get("/console").answer.headers["Location"] == "/console/cle"
    assert "Créez la vôtre" in ana.get("/console/cle").words
    refused = ana.client.get("/api/v1/staff/shops")
    assert (refused.status_code, refused.json["type"].rpartition("/")[2]) == (403, "passkey-needed")

    assert makes_a_passkey(desk_app, ana) == 201
    with street() as session:
        told = session.scalars(select(Letter).where(Letter.kind == LetterKind.COLLEAGUE_MADE_PASSKEY)).all()
        passkey = session.scalars(select(Passkey).order_by(Passkey.id.desc())).first()
    assert [(letter.recipient, letter.content) for letter in told] == [(KARIMA, {"email": ANA})]

    assert ana.get("/console").answer.headers["Location"] == "/console/cle", "she has yet to use it"
    lost = ana.get("/console/cle")
    assert lost.all("[data-passkey=sign-in]")
    assert "citylife staff end" in lost.words
    assert makes_a_passkey(desk_app, ana) == 403, "a letter makes the first one, and no other"
    assert ana.client.delete(f"/api/v1/passkeys/{passkey.id}", headers=OURS).status_code == 403
    assert ana.post(f"/compte/cles/{passkey.id}/retirer").status_code == 403
    with street() as session:
        assert passkey.id in session.scalars(select(Passkey.id)).all()


@pytest.fixture
def desk_on_postgres(postgres_url: str, tmp_path, clock: StandingClock) -> Iterator[Flask]:
    """The application where two may write at once."""
    yield from an_app(postgres_url, tmp_path, clock)


def test_of_two_letters_that_end_a_first_passkey_at_once_one_does(desk_on_postgres: Flask, postgres_url: str):
    engine = engine_for(postgres_url)
    people = writing(engine)
    ana = at_the_desk(desk_on_postgres, people, StaffRole.WATCH, ANA, by_letter=True)

    def one(session: Session) -> None:
        builders.a_passkey(session, session.scalars(select(StaffMember)).one())

    assert overlapping(people, one, lambda _: makes_a_passkey(desk_on_postgres, ana))[1] == 403
    engine.dispose()


def test_a_passkey_opens_the_console_in_both_languages(desk_app: Flask, street: Sessions):
    karima = at_the_desk(desk_app, street)
    page = karima.get("/console")
    assert (page.status, page.text("h1"), page.document.errors) == (200, "Aujourd’hui", [])
    assert page.answer.headers["Cache-Control"] == "no-store"
    assert karima.get("/console?lang=en").text("h1") == "Today"
    assert karima.get("/console/cle").answer.headers["Location"] == "/console"


def test_today_does_not_wait_for_the_count_of_everybody(
    desk_app: Flask, street: Sessions, monkeypatch: pytest.MonkeyPatch
):
    begun, go_on = threading.Event(), threading.Event()

    def long(_session: Session, *, now: dt.datetime) -> Rhythms:
        begun.set()
        go_on.wait()
        return Rhythms(now, Rhythm(0, 0), Rhythm(0, 0))

    monkeypatch.setattr(rhythms, "rhythms", long)
    karima = at_the_desk(desk_app, street)
    assert "Le compte est en cours" in karima.get("/console").words
    begun.wait()
    monkeypatch.setattr(rhythms, "PATIENCE", 60)
    go_on.set()
    assert "Nouveaux citoyens Ordinaire" in karima.get("/console").words


def test_today_tells_what_is_out_of_the_ordinary_as_it_was_counted_at_most_ten_minutes_ago(
    desk_app: Flask, street: Sessions, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rhythms, "PATIENCE", 60)
    karima = at_the_desk(desk_app, street)
    assert "Nouveaux citoyens Ordinaire Nouveaux" in karima.get("/console").words
    with street.begin() as session:
        for _ in range(20):
            builders.a_citizen(session, now=clock())
    assert "Nouveaux citoyens Ordinaire Nouveaux" in karima.get("/console").words
    clock.forward(minutes=10)
    assert "Nouveaux citoyens Inhabituel Nouveaux" in karima.get("/console").words, "never how many"


def test_today_tells_how_many_devices_were_lost_no_closer_than_a_published_figure(desk_app: Flask, street: Sessions):
    karima = at_the_desk(desk_app, street)
    for more, said in ((10, "moins de 11"), (2, "environ 10"), (31, "environ 45")):
        with street.begin() as session:
            count(session, Counted.DEVICES_GONE, WHOLE, now=builders.NOW, by=more)
        assert f"Aujourd’hui : {said}. Hier : moins de 11." in karima.get("/console").words
