"""A town hall's screen in a real Chromium: it turns, pauses, takes what is new, and outlives its network."""

import datetime as dt
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy.orm import Session, sessionmaker

from blueprints.pages.public import screen
from tests.browser.chromium import Chromium
from tests.builders import BETHUNE, NOW, a_shop, an_offer
from tests.pages.conftest import StandingClock

pytestmark = pytest.mark.long

Sessions = sessionmaker[Session]
PATH = f"/c/{BETHUNE}/ecran"
A_TURN = screen.SECONDS * 1000 + 1000
A_MINUTE = 61_000
LONG = "Un titre aussi long qu’il est permis, afin que personne ne puisse en mettre plus"


def people(street: Sessions, count: int, *, first: int = 0, hours: int = 8) -> None:
    with street.begin() as session:
        for at in range(first, first + count):
            ends = NOW + dt.timedelta(hours=hours, minutes=at)
            an_offer(session, a_shop(session, street="3 rue d’Arras"), title=f"Annonce {at:02}", ends_at=ends)


def opened(chromium: Chromium, url: str, *, width: int = 1920, height: int = 1080) -> Page:
    """The screen, on a clock that the test moves."""
    page = chromium.open(url + "/credits", width=width, height=height)
    page.clock.install(time=NOW)
    page.goto(url + PATH)
    return page


def seen(page: Page, *titles: str) -> None:
    expect(page.locator("[data-page]:not([hidden]) h3")).to_have_text([f"Annonce {title}" for title in titles])


def test_it_turns_by_itself_and_not_while_it_is_paused(chromium: Chromium, url: str, street: Sessions):
    people(street, 4)
    page = opened(chromium, url)
    pause = page.get_by_role("button", name="Pause")

    seen(page, "00", "01", "02")
    page.clock.run_for(A_TURN)
    seen(page, "03")
    page.clock.run_for(A_TURN)
    seen(page, "00", "01", "02")
    pause.press("Enter")
    expect(pause).to_have_attribute("aria-pressed", "true")
    page.clock.run_for(5 * A_MINUTE)
    seen(page, "00", "01", "02")
    assert chromium.barriers(page) == []
    page.get_by_role("link", name="Page suivante").press("Enter")
    seen(page, "03")
    assert "?" not in page.url
    pause.click()
    page.clock.run_for(A_TURN)
    seen(page, "00", "01", "02")
    assert chromium.complaints(page) == []
    chromium.close(page)


def test_it_takes_what_is_new_and_what_is_gone_leaves(
    chromium: Chromium, url: str, street: Sessions, clock: StandingClock
):
    people(street, 2)
    page = opened(chromium, url)
    seen(page, "00", "01")

    people(street, 1, first=2)
    clock.forward(minutes=1)
    with page.expect_response(url + PATH):
        page.clock.run_for(A_MINUTE)
    seen(page, "00", "01", "02")
    expect(page.locator("[data-updated]")).to_have_text("Mis à jour à 10 h 01")
    clock.forward(hours=8)
    with page.expect_response(url + PATH):
        page.clock.run_for(A_MINUTE)
    seen(page, "02")
    chromium.close(page)


def test_without_a_network_the_last_stays_but_for_what_is_over(chromium: Chromium, url: str, street: Sessions):
    people(street, 1, hours=1)
    people(street, 3, first=1)
    page = opened(chromium, url)
    page.context.set_offline(True)

    page.clock.run_for(A_MINUTE)
    expect(page.get_by_text("Sans réseau")).to_be_visible()
    expect(page.get_by_role("article")).not_to_have_count(0)
    page.clock.run_for(61 * A_MINUTE)
    expect(page.locator("[data-ends]")).to_have_count(3)
    page.context.set_offline(False)
    page.clock.run_for(A_MINUTE)
    expect(page.get_by_text("Sans réseau")).to_be_hidden()
    chromium.close(page)


def test_when_all_is_over_it_asks_people_in(chromium: Chromium, url: str, street: Sessions):
    people(street, 4, hours=1)
    page = opened(chromium, url)
    page.context.set_offline(True)

    page.clock.run_for(70 * A_MINUTE)

    expect(page.get_by_role("heading", name="Aucune offre en ce moment")).to_be_visible()
    assert chromium.barriers(page) == []
    chromium.close(page)


def test_it_turns_without_scripts_and_stands_still_by_a_link(
    chromium: Chromium, url: str, street: Sessions, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(screen, "SECONDS", 1)
    people(street, 4)
    page = chromium.open(url + PATH, scripts=False)

    page.wait_for_url("**/ecran?page=2")
    seen(page, "03")
    expect(page.get_by_role("button")).to_have_count(0)
    page.goto(url + PATH + "?page=1&pause=1")
    page.wait_for_timeout(2500)
    seen(page, "00", "01", "02")
    chromium.close(page)


def test_nothing_moves_for_who_asked_for_calm(chromium: Chromium, url: str, street: Sessions):
    people(street, 4)
    page = opened(chromium, url)
    animated = "getComputedStyle(document.querySelector('[data-page]:not([hidden])')).animationName"
    page.clock.run_for(A_TURN)
    seen(page, "03")
    assert page.evaluate(animated) == "none"

    page.emulate_media(reduced_motion="no-preference")
    assert page.evaluate(animated) == "page-comes"
    chromium.close(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_whole_page_stands_on_a_large_screen_in_large_type(
    chromium: Chromium, url: str, street: Sessions, scheme: Any
):
    with street.begin() as session:
        for at in range(3):
            shop = a_shop(session, f"Au Pain de la Gohelle, maison {at}", street="12 rue d’Arras", open_until="19:00")
            an_offer(session, shop, title=LONG, price=1490, prior_price=1800, reduction=True)
    page = chromium.open(url + PATH, width=1920, height=1080, scheme=scheme)

    assert page.evaluate("document.documentElement.scrollHeight") <= 1080
    sizes = page.evaluate(
        "[...document.querySelectorAll('article p, article h3')].map(one => parseFloat(getComputedStyle(one).fontSize))"
    )
    assert min(sizes) >= 18
    assert chromium.barriers(page) == []
    assert chromium.complaints(page) == []
    chromium.close(page)
