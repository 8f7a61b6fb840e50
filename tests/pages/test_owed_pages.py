"""The pages a public service owes: true to the settings, the same for everybody, and every page's foot leads there."""

import datetime as dt
import re
from pathlib import Path

import pytest

import blueprints.pages
from citylife.disclosure import ON_DEVICE
from citylife.places import MOST_LASTING
from citylife.purge import RETENTIONS
from tests.pages.conftest import Browser, StandingClock, an_app, plain

PAGES = Path(blueprints.pages.__file__).parent
OWED = ("/accessibilite", "/mentions-legales", "/confidentialite", "/credits", "/pilote")
SET = {
    "publisher": "Communauté d’agglomération; 100 avenue de Londres; 62400 Béthune; 03 21 00 00 00",
    "publication_director": "Camille Martin",
    "hosted_by": "Hébergeur du Nord; 1 rue du Port, 59000 Lille",
    "public_contact": "bonjour@agglo.example",
    "data_protection_contact": "https://agglo.example/dpo",
    "aipd_date": dt.date(2026, 9, 1),
    "accessibility_audit_date": dt.date(2026, 10, 2),
    "accessibility_audit_rate": 72,
    "accessibility_auditor": "Cabinet Regard",
    "accessibility_report": "https://regard.example/audit",
}


@pytest.fixture
def settled(sqlite_url: str, tmp_path: Path, clock: StandingClock):
    """A browser of a service whose operator has said everything."""
    for app in an_app(sqlite_url, tmp_path, clock, **SET):
        yield Browser(app)


def test_the_foot_of_a_page_leads_to_them_and_names_the_state_of_accessibility(reader: Browser):
    for path in ("/", *OWED, "/nulle-part"):
        foot = reader.get(path).one("footer")
        assert [link.attrs["href"] for link in foot.query("nav a")] == list(OWED), path
        assert "Accessibilité\u00a0: non conforme" in foot.to_text()


def test_what_the_operator_has_not_said_is_said_plainly(reader: Browser):
    notice = reader.get("/mentions-legales")
    assert len(notice.all(".unsaid")) == 4
    assert "n’a pas encore dit qui publie ce service" in notice.words
    declared = reader.get("/accessibilite")
    assert "personne ne l’a encore audité" in declared.words
    assert "Aucun audit n’a été réalisé par une personne." in declared.words
    privacy = reader.get("/confidentialite")
    assert "(AIPD) n’a pas encore été faite" in privacy.words
    assert len(privacy.all(".unsaid")) == 3


def test_what_the_operator_has_said_is_told(settled: Browser):
    notice = settled.get("/mentions-legales")
    assert notice.all(".unsaid") == []
    assert [found.to_text() for found in notice.all("address")[0].query("bdi")][1] == "100 avenue de Londres"
    for told in ("Camille Martin", "Hébergeur du Nord", "1 rue du Port, 59000 Lille"):
        assert told in notice.words
    assert [link.attrs["href"] for link in notice.all('a[href^="mailto:"]')] == ["mailto:bonjour@agglo.example"]
    privacy = settled.get("/confidentialite")
    assert privacy.all(".unsaid") == []
    assert "(AIPD) a été faite le 1er septembre 2026" in privacy.words
    assert privacy.all('a[href="https://agglo.example/dpo"]')


def test_an_audit_is_declared_with_its_day_its_rate_and_where_it_is_read(settled: Browser, clock: StandingClock):
    declared = settled.get("/accessibilite")
    assert "Accessibilité : partiellement conforme" in declared.words
    assert "L’audit du 2 octobre 2026, réalisé par Cabinet Regard, révèle que 72 % des critères" in declared.words
    assert declared.all('a[href="https://regard.example/audit"]')
    assert "partiellement conforme" in settled.get("/").one("footer").to_text()

    clock.forward(days=3 * 366)
    late = settled.get("/accessibilite")
    assert "Accessibilité : non conforme" in late.words
    assert "a plus de trois ans" in late.words


def test_the_declaration_names_the_ways_of_recourse(reader: Browser):
    declared = reader.get("/accessibilite")
    assert declared.all('a[href="https://formulaire.defenseurdesdroits.fr/"]')
    assert "Défenseur des droits, Libre réponse 71120" in declared.words


def test_the_privacy_page_gives_the_periods_of_the_purge(reader: Browser):
    words = reader.get("/confidentialite").words
    days = {retention.kept.days for retention in RETENTIONS if retention.kept.days > 1}
    assert {day for day in days if f"{day} jours" in words} == days
    english = reader.get("/confidentialite?lang=en").words
    assert {day for day in days if f"{day} days" in english} == days
    assert ("deux lieux au plus" in words, "at most two places" in english, MOST_LASTING) == (True, True, 2)


def test_the_privacy_page_lists_all_that_the_scripts_keep_in_a_browser(reader: Browser):
    page = reader.get("/confidentialite")
    written = "".join(
        path.read_text(encoding="utf-8") for part in ("static", "templates") for path in (PAGES / part).rglob("*.js")
    )
    names = re.findall(r'"(citylife[.:-][a-z]+)', written) + re.findall(r'indexedDB.open\("(\w+)"', written)
    no_storage = {"citylife-queue"}  # what a background synchronisation is called

    assert set(names) - no_storage == {name for kept in ON_DEVICE for name in kept.tables}
    assert all(plain(kept.what) in page.words and plain(kept.until) in page.words for kept in ON_DEVICE)
    keepers = {path.name for path in (PAGES / "static").rglob("*.js") if "localStorage.setItem" in path.read_text()}
    assert keepers == {"arrival.js", "recent-searches.js", "subscription.js", "unsaved.js"}


def test_the_credits_name_whose_data_it_is(reader: Browser):
    page = reader.get("/credits")
    for name in ("INSEE", "IGN", "OpenStreetMap", "Base Adresse Nationale", "ODbL", "Licence Ouverte 2.0"):
        assert name in page.words


@pytest.mark.parametrize("path", OWED)
def test_anybody_may_keep_them_and_ask_whether_they_changed(reader: Browser, path: str):
    page = reader.get(path)
    assert page.answer.headers["Cache-Control"] == "public, max-age=300"
    assert {"Accept-Language", "Cookie"} <= set(page.answer.headers["Vary"].split(", "))
    again = reader.get(path, **{"If-None-Match": page.answer.headers["ETag"]})
    assert (again.status, again.answer.data) == (304, b"")


def test_an_answer_that_keeps_her_language_is_hers_alone(reader: Browser):
    page = reader.get("/credits?lang=en")
    assert page.answer.headers["Set-Cookie"].startswith("citylife-language=en")
    assert page.answer.headers["Cache-Control"] == "private, no-cache"
