"""« Autour » as the server answers it: nearest first, whole without scripts, and nothing kept of where somebody is."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen
from citylife.audience.near_me_now import TAPS
from citylife.consent import TEXTS, Consent, Purpose, record_consent
from citylife.geography import cell_at, communes
from citylife.ledger.expansion import expand_page
from citylife.ledger.tables import Decision, Outcome, Reason
from citylife.offers import OfferStatus
from citylife.places import Place, PlaceKind, area_of_commune, set_place
from citylife.shops import Shop, ShopStatus
from tests.builders import NOW, a_device, a_shop, an_offer
from tests.pages.conftest import Browser, ReadPage, StandingClock, an_app

Sessions = sessionmaker[Session]
BETHUNE = communes()["62119"]
TO_THE_NORTH = 111_250
"""Metres a degree of latitude here, about."""


def north_of_bethune(metres: float) -> tuple[float, float]:
    return BETHUNE.latitude + metres / TO_THE_NORTH, BETHUNE.longitude


def a_street(street: Sessions) -> None:
    with street.begin() as session:
        near = a_shop(session, "Le Fournil", position=north_of_bethune(300), open_until="19:00")
        a_shop(session, "La Cave", position=north_of_bethune(1_400), category="wine", opening_hours="Mo-Su 22:00-23:00")
        a_shop(session, "Le Lointain", position=north_of_bethune(-7_000), insee_code=None)
        a_shop(session, "Fermé d’office", position=north_of_bethune(100), status=ShopStatus.SUSPENDED)
        for title in ("Tarte", "Pain", "Brioche", "Flan"):
            an_offer(session, near, title=title, price=450)
        an_offer(session, near, title="Partie", status=OfferStatus.SOLD_OUT)


def names(page: ReadPage) -> list[str]:
    return [found.to_text().strip() for found in page.all(".near h3")]


def distances(page: ReadPage) -> list[str]:
    return [found.to_text().strip().replace("\u202f", " ").replace("\u00a0", " ") for found in page.all("[data-away]")]


def test_shops_come_nearest_first_with_how_far_they_are_and_what_they_offer(reader: Browser, street: Sessions):
    a_street(street)

    page = reader.get("/autour?commune=62119")

    assert names(page) == ["Le Fournil", "La Cave"]
    assert distances(page) == ["300 m", "1,4 km"]
    offers = [found.to_text().strip() for found in page.all(".near-offers a")]
    assert len(offers) == 3
    assert set(offers) < {"Tarte", "Pain", "Brioche", "Flan"}
    assert "et 1 autre offre" in page.words
    assert page.one("#commune option[selected]").attrs["value"] == "62119"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("rayon=1000", ["Le Fournil"]),
        ("rayon=10000", ["Le Fournil", "La Cave", "Le Lointain"]),
        ("rayon=3", ["Le Fournil", "La Cave"]),
        ("categorie=wine", ["La Cave"]),
        ("categorie=rien", ["Le Fournil", "La Cave"]),
        ("ouvert=1", ["Le Fournil"]),
        ("categorie=wine&ouvert=1", []),
    ],
)
def test_the_list_is_narrowed_down_by_what_is_chosen(reader: Browser, street: Sessions, query: str, found: list[str]):
    a_street(street)

    page = reader.get(f"/autour?commune=62119&{query}")

    assert names(page) == found
    assert ("hidden" in page.one("[data-nothing]").attrs) is bool(found)


def test_every_shop_is_on_one_of_its_pages_and_on_one_only(reader: Browser, street: Sessions):
    with street.begin() as session:
        for number in range(45):
            a_shop(session, f"Commerce {number:02}", position=north_of_bethune(40 * number), insee_code=None)

    read, page = [], reader.get("/autour?commune=62119&rayon=2000")
    while True:
        read += names(page)
        onward = page.all("a[rel=next]")
        if not onward:
            break
        page = reader.get(onward[0].attrs["href"])

    assert read == [f"Commerce {number:02}" for number in range(45)]


def test_nothing_is_listed_before_a_place_is_chosen(reader: Browser, street: Sessions):
    a_street(street)

    for address in ("/autour", "/autour?commune=75056", "/autour?latitude=50.5&longitude=2.6"):
        page = reader.get(address)
        assert names(page) == []
        assert "Choisissez une commune" in page.words
        assert page.all("#carte") == []


def test_a_place_she_keeps_is_where_she_begins(reader: Browser, street: Sessions):
    a_street(street)
    with street() as session:
        slug = session.scalars(select(Shop.slug).where(Shop.name == "Le Fournil")).one()
    assert reader.post(f"/s/{slug}/follow").status_code == 303
    with street.begin() as session:
        her = session.scalars(select(Citizen)).one()
        version = TEXTS[Purpose.LOCATION].version
        record_consent(session, her, Purpose.LOCATION, granted=True, text_version=version, locale="fr", now=NOW)
        set_place(session, her, area_of_commune("62119"), PlaceKind.LASTING, now=NOW)

    page = reader.get("/autour")

    assert names(page) == ["Le Fournil", "La Cave"]
    assert page.one("#commune option[selected]").to_text() == "Chez moi (Béthune)"
    assert names(reader.get("/autour?commune=62178&rayon=1000")) == []


def test_where_she_is_comes_in_a_body_and_is_rounded_again(browser: Browser, app: Flask):
    sessions = app.extensions["citylife"].writing_engine
    with Session(sessions) as session, session.begin():
        a_shop(session, "Le Fournil", position=(50.53, 2.64))
    exact = {"latitude": "50.5341234", "longitude": "2.6449876", "rayon": "1000"}

    pages = [
        browser.post("/autour", form=form) for form in (exact, {**exact, "latitude": "50.53", "longitude": "2.64"})
    ]

    assert [page.status_code for page in pages] == [200, 200]
    read = [ReadPage(page) for page in pages]
    assert [names(page) for page in read] == [["Le Fournil"], ["Le Fournil"]]
    assert distances(read[0]) == distances(read[1]) == ["0 m"]
    assert "50.534" not in pages[0].get_data(as_text=True)
    with Session(sessions) as session:
        assert session.scalars(select(Place)).all() == []
        assert session.scalars(select(Citizen)).all() == []


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"latitude": "50.5"},
        {"latitude": "nord", "longitude": "2.6"},
        {"latitude": "91", "longitude": "2.6"},
        {"latitude": "nan", "longitude": "2.6"},
        {"latitude": "50", "longitude": "inf"},
        {"latitude": "1e999", "longitude": "0"},
    ],
)
def test_what_is_no_position_is_refused_in_her_language(reader: Browser, form: dict[str, str]):
    answer = reader.post("/autour", form=form)

    assert answer.status_code == 422
    assert "Cette position ne se lit pas" in answer.get_data(as_text=True)
    english = reader.post("/autour", {"Accept-Language": "en", "Sec-Fetch-Site": "same-origin"}, form)
    assert "This position cannot be read" in english.get_data(as_text=True)


def test_whoever_is_among_many_shops_is_told_how_far_the_list_is_whole_and_may_ask_on(
    reader: Browser, street: Sessions
):
    with street.begin() as session:
        for number in range(60):
            a_shop(session, f"Commerce {number:02}", position=north_of_bethune(10 * number), insee_code=None)
    here = {"latitude": str(BETHUNE.latitude), "longitude": str(BETHUNE.longitude), "rayon": "1000"}

    first = ReadPage(reader.post("/autour", form=here))
    area = first.one("#resultats").attrs
    second = ReadPage(reader.post("/autour", form={**here, "cursor": area["data-more"] or ""}))

    assert len(names(first)) == 50
    assert 0 < int(area["data-whole-to"] or 0) < 1_000
    assert sorted(names(first) + names(second)) == [f"Commerce {number:02}" for number in range(60)]
    assert "data-whole-to" not in second.one("#resultats").attrs
    assert first.all("a[rel=next]") == [], "her position would be in no address"


def test_another_site_does_not_ask_where_somebody_is(reader: Browser):
    answer = reader.post("/autour", {"Sec-Fetch-Site": "cross-site"}, {"latitude": "50.53", "longitude": "2.64"})

    assert answer.status_code == 403


def test_only_the_page_with_a_map_may_show_tiles_and_of_that_host_alone(
    sqlite_url: str, tmp_path: Any, clock: StandingClock, street: Sessions
):
    a_street(street)
    tiles = "https://tiles.example:8443/{z}/{x}/{y}.png"
    for app in an_app(sqlite_url, tmp_path, clock, map_tiles=tiles):
        reader = Browser(app)
        with_map, without = reader.get("/autour?commune=62119"), reader.get("/")
        assert "img-src 'self' https://tiles.example:8443;" in with_map.answer.headers["Content-Security-Policy"]
        assert "img-src 'self';" in without.answer.headers["Content-Security-Policy"]
        assert with_map.one("#carte").attrs["data-tiles"] == tiles


def test_without_tiles_there_is_no_map_and_the_list_is_whole(
    sqlite_url: str, tmp_path: Any, clock: StandingClock, street: Sessions
):
    a_street(street)
    for app in an_app(sqlite_url, tmp_path, clock, map_tiles=""):
        page = Browser(app).get("/autour?commune=62119")
        assert page.all("#carte") == []
        assert "img-src 'self';" in page.answer.headers["Content-Security-Policy"]
        assert names(page) == ["Le Fournil", "La Cave"]


@pytest.mark.parametrize(
    ("name", "served"),
    [("leaflet.js", True), ("leaflet.css", True), ("leaflet.js.map", False), ("../__init__.py", False)],
)
def test_of_the_map_only_what_pages_need_is_served(reader: Browser, name: str, served: bool):
    with reader.client.get(f"/assets/x/leaflet/{name}") as answer:
        assert (answer.status_code == 200) is served


def who_follows(browser: Browser, sessions: Sessions, *, phone: bool = True) -> uuid.UUID:
    """Somebody who follows « Le Fournil » of Béthune, whose offer was announced before; with a phone or not."""
    with sessions.begin() as session:
        shop = a_shop(session, "Le Fournil", position=north_of_bethune(300))
        an_offer(session, shop, title="Tarte au sucre")
        slug = shop.slug
    with sessions.begin() as session:
        expand_page(session, now=NOW)
    assert browser.post(f"/s/{slug}/follow").status_code == 303
    with sessions.begin() as session:
        her = session.scalars(select(Citizen)).one()
        if phone:
            version = TEXTS[Purpose.NOTIFICATIONS].version
            consent = {"granted": True, "text_version": version, "locale": "fr"}
            record_consent(session, her, Purpose.NOTIFICATIONS, **consent, now=NOW)
            a_device(session, her)
        return her.id


def tell_now(browser: Browser, **form: str) -> ReadPage:
    return ReadPage(browser.post("/autour/maintenant", form=form))


AGREED = {"agreed": "1", "text_version": TEXTS[Purpose.LOCATION].version}


@pytest.fixture
def sending(database_url: str, tmp_path: Path, clock: StandingClock) -> Iterator[Browser]:
    """A browser where sending has begun."""
    for app in an_app(database_url, tmp_path, clock, aipd_date=NOW.date()):
        yield Browser(app)


def test_she_is_told_at_once_of_what_is_live_there_and_the_page_says_so(sending: Browser, sessions: Sessions):
    her = who_follows(sending, sessions)
    page = sending.get("/autour?commune=62119")
    form = page.one("#maintenant form")
    assert form.attrs["action"] == "/autour/maintenant"
    assert "une zone d’environ 4,5 km²" in page.text("#accord")
    assert "Me prévenir : Béthune" in page.text("#maintenant")

    told = tell_now(sending, commune="62119", **AGREED)

    assert told.status == 200
    assert (
        told.text("#maintenant [role=status]")
        == "C’est parti : une notification vous dit ce qui est en cours, une offre."
    )
    assert names(told) == ["Le Fournil"]
    assert told.all("#agreed") == []
    with sessions() as session:
        [place] = session.scalars(select(Place))
        assert (place.kind, place.insee_code) == (PlaceKind.NOW, "62119")
        sent = select(Decision.outcome).where(Decision.citizen_id == her, Decision.reason == Reason.NEAR_ME_NOW)
        assert session.scalars(sent).all() == [Outcome.SEND]

    again = tell_now(sending, commune="62119")
    assert again.text("#maintenant [role=status]").startswith("Rien de nouveau pour l’instant")
    assert sending.get("/autour").all("#commune option[value=chez-moi]") == [], "« now » is not where she lives"


def test_where_she_is_becomes_her_now_and_is_coarse(sending: Browser, sessions: Sessions):
    who_follows(sending, sessions)

    told = tell_now(sending, latitude="50.5279345", longitude="2.6412345", **AGREED)

    assert "une offre" in told.text("#maintenant [role=status]")
    assert "50.5279" not in told.answer.get_data(as_text=True)
    with sessions() as session:
        [place] = session.scalars(select(Place))
        assert (place.kind, place.cell) == (PlaceKind.NOW, cell_at(50.53, 2.64))


def test_what_holds_it_back_is_said_with_why(browser: Browser, sessions: Sessions):
    who_follows(browser, sessions)

    told = tell_now(browser, commune="62119", **AGREED)

    assert told.text("#maintenant [role=status]") == "Citylife n’envoie pas encore de notifications."


def test_who_has_no_device_is_told_how_to_have_one(browser: Browser, sessions: Sessions):
    who_follows(browser, sessions, phone=False)

    page = browser.get("/autour?commune=62119")

    assert "Aucun de vos appareils ne reçoit de notifications" in page.text("#maintenant")
    assert page.all("#maintenant form") == []
    assert tell_now(browser, commune="62119", **AGREED).status == 409


@pytest.mark.parametrize(
    ("form", "status", "words"),
    [
        ({"commune": "62119"}, 409, "Acceptez d’abord que Citylife garde le secteur"),
        ({"commune": "62119", "agreed": "1", "text_version": "1999-01"}, 422, "n’est plus celui qui est proposé"),
        ({"latitude": "48.85", "longitude": "2.35", **AGREED}, 422, "n’est pas dans l’agglomération"),
        (AGREED, 422, "n’est pas dans l’agglomération"),
    ],
)
def test_what_is_refused_keeps_nothing_and_says_why(
    sending: Browser, sessions: Sessions, form: dict[str, str], status: int, words: str
):
    who_follows(sending, sessions)

    page = tell_now(sending, **form)

    assert page.status == status
    assert words in page.text("#maintenant .problem[id]")
    with sessions() as session:
        assert session.scalars(select(Place)).all() == []
        assert session.scalars(select(Consent).where(Consent.purpose == Purpose.LOCATION)).all() == []


def test_who_asks_too_often_is_told_when_to_come_back(sending: Browser, sessions: Sessions):
    who_follows(sending, sessions)
    for _ in range(TAPS.most):
        assert tell_now(sending, commune="62119", **AGREED).status == 200

    page = tell_now(sending, commune="62119")

    assert page.status == 429
    assert "Trop de demandes" in page.text("#maintenant .problem[id]")
    assert int(page.answer.headers["Retry-After"]) > 0


def test_whoever_is_nobody_yet_reads_nothing_of_it(reader: Browser):
    assert reader.get("/autour?commune=62119").all("#maintenant") == []
