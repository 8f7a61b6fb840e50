"""The frame of the citizen's app: the same tabs on each page of hers, one of them said to be here, and installable."""

import pytest
from sqlalchemy.orm import Session, sessionmaker

from blueprints.pages import assets
from blueprints.pages.navigation import TABS
from citylife.wording import LOCALES, say
from tests.builders import a_shop, an_offer
from tests.pages.conftest import Browser, ReadPage

Sessions = sessionmaker[Session]
NOT_OF_THE_APP = ("/connexion", "/nulle-part", "/api/docs", "/problems/not-found")


@pytest.fixture
def hers(reader: Browser, street: Sessions) -> dict[str, ReadPage]:
    """Each page of the citizen's."""
    with street.begin() as session:
        shop = a_shop(session)
        offer = an_offer(session, shop)
    paths = ("/", "/mes-commerces", "/autour", "/chercher", "/reglages", f"/s/{shop.slug}", f"/o/{offer.id}")
    return {path: reader.get(path) for path in paths}


@pytest.mark.parametrize("locale", LOCALES)
def test_each_page_of_hers_leads_to_every_tab(hers: dict[str, ReadPage], reader: Browser, locale: str):
    for path in hers:
        page = reader.get(path, **{"Accept-Language": locale})
        assert page.one("header nav").attrs["aria-label"]
        tabs = page.all("nav.tabs a")
        assert [tab.to_text().strip() for tab in tabs] == [say(tab.label, locale) for tab in TABS], path
        for tab in tabs:
            led_to = reader.get(tab.attrs["href"], **{"Accept-Language": locale})
            assert led_to.text("nav.tabs [aria-current=page]") == tab.to_text().strip()


def test_a_tab_says_that_it_is_here_only_where_it_is(hers: dict[str, ReadPage], reader: Browser):
    for path, page in hers.items():
        here = [tab.attrs["href"] for tab in page.all('nav.tabs [aria-current="page"]')]
        assert here == [path for tab in ("/mes-commerces", "/autour", "/chercher", "/reglages") if tab == path], path


def test_a_page_below_a_tab_says_that_it_is_of_it(reader: Browser):
    for path in ("/reglages/lieux", "/reglages/telephone", "/reglages/donnees/effacer"):
        [here] = reader.get(path).all("nav.tabs [aria-current]")
        assert (here.attrs["href"], here.attrs["aria-current"]) == ("/reglages", "true"), path


def test_the_symbol_of_each_tab_is_drawn():
    drawn = (assets.FOLDER / "icons.svg").read_text(encoding="utf-8")

    assert all(f'<symbol id="{tab.icon}"' in drawn for tab in TABS)


def test_pages_of_others_stand_outside_the_app(reader: Browser):
    for path in NOT_OF_THE_APP:
        page = reader.get(path)
        assert page.all("nav.tabs, link[rel=manifest]") == [], path


@pytest.mark.parametrize("locale", LOCALES)
def test_the_manifest_speaks_the_language_of_the_page_that_was_installed(reader: Browser, locale: str):
    page = reader.get("/", **{"Accept-Language": locale})
    other = {"Accept-Language": next(one for one in LOCALES if one != locale)}

    said = reader.client.get(page.one("link[rel=manifest]").attrs["href"], headers=other).get_json()

    assert said["lang"] == locale
    assert said["description"] == say(assets.ABOUT, locale)
    assert [shortcut["name"] for shortcut in said["shortcuts"]] == [say(tab.label, locale) for tab in TABS]


def test_the_manifest_stays_one_app_and_every_address_of_it_answers(reader: Browser):
    said = reader.client.get("/manifest.webmanifest").get_json()

    assert (said["id"], said["scope"]) == ("/", "/")
    assert {icon["purpose"] for icon in said["icons"]} == {"any", "maskable"}
    for address in (said["start_url"], *(shortcut["url"] for shortcut in said["shortcuts"])):
        assert reader.get(address).status == 200
