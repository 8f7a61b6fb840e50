"""An iPhone as far as a Chromium can play one: steps to the home screen, only there, and follows that come along.

Nothing here was tried on an iPhone: it shows what our pages do when a browser says that it is one.
"""

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen
from tests.browser.chromium import Chromium
from tests.builders import a_shop

pytestmark = pytest.mark.long

Sessions = sessionmaker[Session]
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Safari/604.1"
PLAYED = """(() => {
  Object.defineProperty(navigator, "userAgent", {value: "%s"});
  Object.defineProperty(navigator, "standalone", {value: %s});
  delete window.PushManager;
})()"""
STEPS = "Pour être prévenu, mettez Citylife sur votre écran d’accueil"
START = (
    "() => fetch(document.querySelector('link[rel=manifest]').href).then(a => a.json()).then(said => said.start_url)"
)


@pytest.fixture
def address(url: str, street: Sessions) -> str:
    with street.begin() as session:
        return f"{url}/s/{a_shop(session, 'Le Fournil').slug}"


def phone(chromium: Chromium, url: str, agent: str = IPHONE, *, installed: bool = False) -> Page:
    """A window that says it is of such a phone."""
    page = chromium.open(f"{url}/healthz")
    page.add_init_script(PLAYED % (agent, str(installed).lower()))
    return page


def follow(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("button", name="Suivre", exact=True).click()
    expect(page.get_by_role("heading", name="Vous suivez ce commerce")).to_be_visible()


def test_what_she_followed_in_safari_is_in_the_app_that_she_installs(
    chromium: Chromium, url: str, address: str, street: Sessions
):
    safari = phone(chromium, url)
    follow(safari, address)
    expect(safari.get_by_role("heading", name=STEPS)).to_be_visible()
    assert "#" not in safari.evaluate(START), "a code that nobody asked for"
    assert chromium.barriers(safari) == []

    safari.get_by_role("button", name="Préparer l’installation").click()
    expect(safari.locator("[data-steps] li")).to_have_count(3)
    expect(safari.locator("[data-steps]")).to_be_focused()
    start = safari.evaluate(START)
    assert chromium.barriers(safari) == []
    assert chromium.complaints(safari) == []

    app = phone(chromium, url, installed=True)
    app.goto(url + start)
    app.get_by_role("button", name="Retrouver mes commerces ici").click()
    app.goto(url + start)
    expect(app.get_by_role("heading", name="Le Fournil")).to_be_visible()
    with street() as session:
        assert len(session.scalars(select(Citizen)).all()) == 1

    # The code is spent: another who has it finds nothing with it, and is led to the question once.
    other = phone(chromium, url, installed=True)
    other.goto(url + start)
    other.get_by_role("button", name="Retrouver mes commerces ici").click()
    expect(other.get_by_text("Ce code n’est pas valable")).to_be_visible()
    other.goto(url + start)
    expect(other.get_by_role("heading", name="Vous ne suivez encore aucun commerce")).to_be_visible()
    for page in (safari, app, other):
        chromium.close(page)


@pytest.mark.parametrize(("agent", "installed"), [(IPHONE, True), ("Mozilla/5.0 (X11)", False)])
def test_nobody_else_is_shown_the_steps_but_what_works_without_notifications(
    chromium: Chromium, url: str, address: str, agent: str, *, installed: bool
):
    page = phone(chromium, url, agent, installed=installed)
    follow(page, address)

    expect(page.get_by_role("heading", name="Ce navigateur ne reçoit pas de notifications")).to_be_visible()
    expect(page.get_by_role("heading", name=STEPS)).to_be_hidden()
    ways = page.locator("notify-me [data-state~=unsupported] li a")
    expect(ways).to_have_count(4)
    for way in ways.all():
        expect(way).to_be_visible()
        assert page.request.get(url + str(way.get_attribute("href"))).ok
    chromium.close(page)


@pytest.mark.parametrize("other", ["CriOS/140.0", "FxiOS/140.0", "EdgiOS/140.0"])
def test_another_browser_on_an_iphone_is_sent_to_safari_and_offered_what_works_without(
    chromium: Chromium, url: str, address: str, other: str
):
    page = phone(chromium, url, IPHONE.replace("Version/18.5", other))
    follow(page, address)

    expect(page.get_by_role("heading", name="ouvrez cette page dans Safari")).to_be_visible()
    expect(page.get_by_role("heading", name="Ce navigateur ne reçoit pas de notifications")).to_be_hidden()
    expect(page.get_by_role("heading", name=STEPS)).to_be_hidden()
    expect(page.locator("notify-me [data-state~=in-safari] li a")).to_have_count(4)
    assert chromium.barriers(page) == []
    chromium.close(page)
