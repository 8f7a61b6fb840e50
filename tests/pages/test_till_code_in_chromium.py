"""The code of the till in a real Chromium: taken without leaving the page, or by a form; plain to all in each state."""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.redemptions import TillCode
from tests.browser.chromium import Chromium
from tests.builders import NOW, a_shop, an_offer
from tests.needs import needs_chromium
from tests.pages.conftest import StandingClock

pytestmark = pytest.mark.long

Sessions = sessionmaker[Session]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    with Chromium(needs_chromium()) as chromium:
        yield chromium


@pytest.fixture
def address(serve: Callable[..., Any], clock: StandingClock, street: Sessions) -> Iterator[str]:
    with street.begin() as session:
        offer = an_offer(session, a_shop(session, "Le Fournil"), title="Tarte au sucre")
    with serve(clock) as url:
        yield f"{url}/o/{offer.id}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_tap_shows_the_code_in_its_place_and_a_used_one_says_so(
    chromium: Chromium, address: str, street: Sessions, scheme: str
):
    page = chromium.open(address, scheme=scheme, width=320)  # type: ignore[arg-type]
    page.evaluate("window.stayed = true")

    page.get_by_role("button", name="Prendre un code").click()

    expect(page.get_by_role("heading", name="Votre code pour la caisse")).to_be_focused()
    expect(page.get_by_role("img", name="Code QR")).to_be_visible()
    assert page.evaluate("window.stayed") is True
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert chromium.barriers(page) == []

    with street.begin() as session:
        session.scalars(select(TillCode)).one().used_at = NOW + dt.timedelta(minutes=5)
    page.reload()
    expect(page.get_by_role("heading", name="Votre code a servi")).to_be_visible()
    expect(page.get_by_role("img", name="Code QR")).to_have_count(0)
    assert chromium.barriers(page) == []
    assert chromium.complaints(page) == []
    chromium.close(page)


def test_with_scripts_blocked_the_form_gives_the_same_code(chromium: Chromium, address: str):
    page = chromium.open(address, scripts=False)

    page.get_by_role("button", name="Prendre un code").click()

    letters = page.locator(".till-letters")
    expect(letters).to_be_visible()
    assert page.url.endswith("#code")
    code = letters.inner_text()
    page.goto(address)
    expect(letters).to_have_text(code)
    chromium.close(page)


def test_without_a_network_it_is_said_and_the_button_stays(chromium: Chromium, address: str):
    page = chromium.open(address)
    page.context.set_offline(True)

    page.get_by_role("button", name="Prendre un code").click()

    expect(page.get_by_role("alert")).to_contain_text("Cela n’a pas abouti")
    page.context.set_offline(False)
    page.get_by_role("button", name="Prendre un code").click()
    expect(page.locator(".till-letters")).to_be_visible()
    chromium.close(page)


def test_a_code_that_was_fetched_is_read_without_a_network(chromium: Chromium, address: str):
    page = chromium.open(address, worker=True)
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    page.get_by_role("button", name="Prendre un code").click()
    code = page.locator(".till-letters").inner_text()
    page.wait_for_function(
        """async code => { for (const name of await caches.keys()) {
          const held = await (await caches.open(name)).match(location.pathname, {ignoreVary: true});
          if (held && (await held.text()).includes(code)) { return true; } } return false; }""",
        arg=code,
    )
    page.context.set_offline(True)

    page.goto(address)

    expect(page.locator(".till-letters")).to_have_text(code)
    expect(page.get_by_role("img", name="Code QR")).to_be_visible()
    expect(page.get_by_text("Vue pour la dernière fois")).to_be_visible()
    chromium.close(page)
