"""« Réglages » without scripts: each form saved whole or not at all, the rules in plain words, and how one begins."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen
from citylife.consent import TEXTS, Consent, Purpose
from tests.builders import a_shop
from tests.pages.conftest import Browser, ReadPage

Sessions = sessionmaker[Session]
QUIET = {"part": "heures-calmes", "quiet_from": "21:30", "quiet_until": "07:15", "quiet_sundays": "1"}


@pytest.fixture
def hers(browser: Browser, sessions: Sessions) -> Browser:
    """The browser of somebody who follows a shop."""
    with sessions.begin() as session:
        slug = a_shop(session, "Le Fournil").slug
    browser.press(browser.get(f"/s/{slug}"), "Suivre")
    return browser


def save(browser: Browser, **form: str) -> ReadPage:
    """Send a form, and read where it leads: the page with « Enregistré », or the same with what is wrong."""
    answer = browser.post("/reglages", form=form)
    if answer.status_code != 303:
        return ReadPage(answer)
    address, _, anchor = answer.headers["Location"].partition("#")
    assert anchor == form["part"]
    return browser.get(address)


def kept(sessions: Sessions, *names: str) -> list[Any]:
    with sessions() as session:
        citizen = session.scalars(select(Citizen)).one()
        return [getattr(citizen, name) for name in names]


def saved_in(page: ReadPage) -> list[str]:
    """The parts of the page that say « Enregistré »."""
    return [part.attrs["id"] for part in page.all("section") if "Enregistré." in part.to_text()]


def test_who_is_nobody_yet_reads_how_to_begin_and_nothing_to_save(reader: Browser):
    page = reader.get("/reglages")

    assert page.text("h1") == "Réglages"
    assert "Rien à régler pour l’instant" in page.words
    assert page.all("main form") == []
    assert page.one("nav.tabs [aria-current=page]").attrs["href"] == "/reglages"
    assert reader.post("/reglages", form=QUIET).status_code == 401


def test_she_reads_what_holds_as_she_has_set_it(hers: Browser):
    page = hers.get("/reglages")

    assert "Rien entre 20 h et 9 h, à l’heure de chez vous" in page.text("#heures-calmes")
    assert "Rien le dimanche." in page.text("#heures-calmes")
    assert "5 par semaine et 2 par jour, au plus" in page.text("#budget")
    assert "un tirage au sort choisit parmi elles" in page.text("#budget")
    assert "à 18 h" in page.text("#recapitulatif")
    assert "une annonce par jour, au plus" in page.text("#regles")
    assert page.one("#quiet_from").attrs["value"] == "20:00"
    assert "checked" in page.one("#quiet_sundays").attrs


def test_quiet_hours_are_saved_and_said(hers: Browser, sessions: Sessions):
    page = save(hers, **QUIET)

    assert saved_in(page) == ["heures-calmes"]
    assert page.one("title").to_text().startswith("Enregistré")
    assert "Rien entre 21 h 30 et 7 h 15" in page.text("#heures-calmes")
    assert kept(sessions, "quiet_from", "quiet_until", "quiet_sundays") == [dt.time(21, 30), dt.time(7, 15), True]

    page = save(hers, part="heures-calmes", quiet_from="21:30", quiet_until="07:15")
    assert "Le dimanche est pour vous un jour comme les autres." in page.text("#heures-calmes")
    assert kept(sessions, "quiet_sundays", "weekly_budget", "digest") == [False, 5, True]


@pytest.mark.parametrize(
    ("form", "field", "words"),
    [
        ({**QUIET, "quiet_until": "25:00"}, "quiet_until", "Écrivez une heure, comme 20:00."),
        ({**QUIET, "quiet_from": ""}, "quiet_from", "Écrivez une heure, comme 20:00."),
        ({"part": "budget", "weekly_budget": "21", "daily_budget": "1"}, "weekly_budget", "compris entre 0 et 20."),
        ({"part": "budget", "weekly_budget": "3", "daily_budget": "-1"}, "daily_budget", "Écrivez un nombre entier"),
        ({"part": "recapitulatif", "digest_at": "midi"}, "digest_at", "Écrivez une heure"),
        ({"part": "langue", "locale": "de"}, "locale", "Cette langue n’est pas proposée."),
    ],
)
def test_what_is_refused_is_said_at_its_field_and_nothing_of_the_form_is_kept(
    hers: Browser, sessions: Sessions, form: dict[str, str], field: str, words: str
):
    names = [name for name in form if name != "part"]
    before = kept(sessions, *names, "version", "digest")

    page = save(hers, **form)

    assert page.status == 422
    assert words in page.text(f"#{field}-probleme")
    assert page.one(f"#{field}").attrs["aria-describedby"].split()[0] == f"{field}-probleme"
    assert saved_in(page) == []
    assert page.one("title").to_text().startswith("À corriger")
    for name in {*names} - {"quiet_sundays", "locale"}:
        assert page.one(f"#{name}").attrs["value"] == form[name]
    assert kept(sessions, *names, "version", "digest") == before


def test_the_budget_and_the_digest_are_saved(hers: Browser, sessions: Sessions):
    page = save(hers, part="budget", weekly_budget="3", daily_budget="1")
    assert "3 par semaine et 1 par jour" in page.text("#budget")
    page = save(hers, part="recapitulatif", digest_at="12:30")

    assert "Vous n’avez pas de récapitulatif" in page.text("#recapitulatif")
    names = ("weekly_budget", "daily_budget", "digest", "digest_at", "quiet_sundays")
    assert kept(sessions, *names) == [3, 1, False, dt.time(12, 30), True]


def test_discovery_asks_for_its_consent_once_and_keeps_the_words_she_read(hers: Browser, sessions: Sessions):
    page = save(hers, part="decouverte", discover_nearby="1")
    assert page.status == 409
    assert "Acceptez d’abord" in page.text("#agreed-probleme")
    assert "checked" in page.one("#discover_nearby").attrs
    assert kept(sessions, "discover_nearby", "location_consented") == [False, False]

    stale = save(hers, part="decouverte", discover_nearby="1", agreed="1", text_version="1999-01")
    assert "n’est plus celui qui est proposé" in stale.text("#agreed-probleme")
    assert kept(sessions, "discover_nearby", "location_consented") == [False, False]

    version = page.one("#decouverte [name=text_version]").attrs["value"]
    page = save(hers, part="decouverte", discover_nearby="1", agreed="1", text_version=version)
    assert saved_in(page) == ["decouverte"]
    assert page.all("[name=agreed]") == []
    assert kept(sessions, "discover_nearby", "location_consented") == [True, True]
    with sessions() as session:
        [answer] = session.scalars(select(Consent))
        assert (answer.purpose, answer.text_version) == (Purpose.LOCATION, TEXTS[Purpose.LOCATION].version)

    save(hers, part="decouverte")
    assert kept(sessions, "discover_nearby", "location_consented") == [False, True]


def test_the_language_she_chooses_is_that_of_the_pages_too(hers: Browser, sessions: Sessions):
    page = save(hers, part="langue", locale="en")

    assert page.text("h1") == "Settings"
    assert "Saved." in page.text("#langue")
    assert "Nothing between 20:00 and 9:00" in page.text("#heures-calmes")
    assert hers.get("/mes-commerces").text("h1") == "My shops"
    assert kept(sessions, "locale") == ["en"]


def test_her_always_are_shown_with_the_way_to_change_them(hers: Browser, sessions: Sessions):
    assert "Aucun pour l’instant." in hers.get("/reglages").text("#toujours")
    with sessions.begin() as session:
        slug = a_shop(session, "Zinc").slug
    hers.press(hers.get(f"/s/{slug}"), "Suivre")
    hers.post(f"/mes-commerces/{slug}/level", form={"level": "always"})

    page = hers.get("/reglages")

    assert [link.to_text() for link in page.all("#toujours li a")] == ["Zinc"]
    assert page.one("#toujours li a").attrs["href"] == f"/mes-commerces#commerce-{slug}"


def test_a_form_of_no_part_is_nobody_s(hers: Browser):
    assert hers.post("/reglages", form={"part": "autre"}).status_code == 404


def test_no_browser_keeps_a_page_of_the_settings(hers: Browser):
    for page in (hers.get("/reglages"), save(hers, part="budget", weekly_budget="x", daily_budget="1")):
        assert page.answer.headers["Cache-Control"] == "no-store"
