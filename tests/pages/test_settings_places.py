"""« Mes lieux » without scripts: a commune or a rounded position, with consent first; forgotten one by one or all."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen
from citylife.consent import TEXTS, Consent, Purpose
from citylife.places import Place
from tests.builders import a_shop
from tests.pages.conftest import Browser, ReadPage

Sessions = sessionmaker[Session]
AGREED = {"agreed": "1", "text_version": TEXTS[Purpose.LOCATION].version}
BETHUNE, BRUAY, BEUVRY = "62119", "62178", "62126"
GRAND_PLACE = {"latitude": "50.53", "longitude": "2.64"}


@pytest.fixture
def hers(browser: Browser, sessions: Sessions) -> Browser:
    """The browser of somebody who follows a shop, and has agreed to nothing."""
    with sessions.begin() as session:
        slug = a_shop(session, "Le Fournil").slug
    browser.press(browser.get(f"/s/{slug}"), "Suivre")
    return browser


def choose(browser: Browser, **form: str) -> ReadPage:
    answer = browser.post("/reglages/lieux", form=form)
    if answer.status_code != 303:
        return ReadPage(answer)
    return browser.get(answer.headers["Location"].partition("#")[0])


def kept(sessions: Sessions) -> list[tuple[str | None, bool]]:
    """Of each place, its commune, and whether it is a cell."""
    with sessions() as session:
        return [(place.insee_code, place.cell is not None) for place in session.scalars(select(Place))]


def names(page: ReadPage) -> list[str]:
    return sorted(heading.to_text().strip() for heading in page.all("#mes-lieux h3"))


def test_who_is_nobody_yet_has_no_place_and_no_form(reader: Browser):
    page = reader.get("/reglages/lieux")

    assert "Suivez d’abord un commerce" in page.words
    assert page.all("main form") == []


def test_without_consent_nothing_is_kept_and_the_box_says_why(hers: Browser, sessions: Sessions):
    assert "une zone d’environ 4,5 km²" in hers.get("/reglages/lieux").text("#accord")

    for form in ({"commune": BRUAY}, {"commune": BRUAY, "agreed": "1", "text_version": "1999-01"}):
        page = choose(hers, **form)
        assert page.status in {409, 422}
        assert page.one("#agreed").attrs["aria-invalid"] == "true"
        assert page.text("#agreed-probleme")
        assert page.one("#commune [selected]").attrs["value"] == BRUAY
    assert kept(sessions) == []


def test_a_commune_is_kept_with_her_consent_which_is_asked_once(hers: Browser, sessions: Sessions):
    page = choose(hers, commune=BETHUNE, **AGREED)

    assert "C’est noté." in page.text("#mes-lieux")
    assert names(page) == ["Béthune"]
    assert "Gardé tant que vous ne l’oubliez pas." in page.text("#mes-lieux")
    assert page.all("[name=agreed]") == []
    assert kept(sessions) == [(BETHUNE, False)]

    page = choose(hers, commune=BEUVRY)
    assert names(page) == ["Beuvry", "Béthune"]
    assert page.all("#lieu") == []
    assert "Vous avez 2 lieux, le plus qui puisse être gardé." in page.text("#choisir")
    refused = choose(hers, commune=BRUAY)
    assert (refused.status, len(kept(sessions))) == (409, 2)


def test_where_she_is_becomes_a_coarse_area(hers: Browser, sessions: Sessions):
    page = choose(hers, commune=BRUAY, **GRAND_PLACE, **AGREED)

    [name] = names(page)
    assert name.startswith("Environ 4,5 km² à")
    assert "Béthune" in name
    assert "Gardé jusqu’au 25 décembre 2026" in page.text("#mes-lieux")
    assert kept(sessions) == [(None, True)]


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"latitude": "48.85", "longitude": "2.35"}, "n’est pas dans l’agglomération"),
        ({"latitude": "ici", "longitude": "2.64"}, "ne se lit pas"),
        ({"commune": "75056"}, "n’est pas dans l’agglomération"),
        ({}, "n’est pas dans l’agglomération"),
    ],
)
def test_what_is_no_place_here_is_said_and_her_consent_is_not_taken_for_it(
    hers: Browser, sessions: Sessions, form: dict[str, str], words: str
):
    page = choose(hers, **form, **AGREED)

    assert page.status == 422
    assert words in page.text("#commune-probleme")
    assert kept(sessions) == []
    with sessions() as session:
        assert session.scalars(select(Consent)).all() == []


def test_a_place_is_forgotten_alone(hers: Browser, sessions: Sessions):
    choose(hers, commune=BETHUNE, **AGREED)
    page = choose(hers, commune=BRUAY)
    address = next(
        form.attrs["action"]
        for entry in page.all("#mes-lieux li")
        if "Béthune" in entry.to_text()
        for form in entry.query("form")
    )

    answer = hers.post(address)

    page = hers.get(answer.headers["Location"].partition("#")[0])
    assert "Ce lieu est oublié." in page.text("#mes-lieux")
    assert kept(sessions) == [(BRUAY, False)]
    assert hers.post(address).status_code == 404


def test_withdrawing_forgets_all_of_them_and_is_kept_as_an_answer(hers: Browser, sessions: Sessions):
    choose(hers, commune=BETHUNE, **AGREED)
    page = hers.get("/reglages/lieux")
    fields = {one.attrs["name"]: one.attrs["value"] for one in page.all(".withdraw input")}

    answer = hers.post(page.one(".withdraw form").attrs["action"], form=fields)

    page = hers.get(answer.headers["Location"].partition("#")[0])
    assert page.text("h1") == "Mes lieux"
    assert "Votre accord est retiré, et vos lieux sont oubliés." in page.text("#mes-lieux")
    assert kept(sessions) == []
    with sessions() as session:
        assert session.scalars(select(Citizen.location_consented)).all() == [False]
        granted = session.scalars(select(Consent.granted).order_by(Consent.id)).all()
    assert granted == [True, False]
    assert hers.get("/autour").all("#commune option[value=chez-moi]") == []


def test_it_speaks_english_where_she_does(hers: Browser):
    page = hers.get("/reglages/lieux?lang=en")

    assert page.text("h1") == "My places"
    assert page.text("#lieux-titre") == "What is kept"
