"""Sharing a page in a real Chromium: by the phone's sheet, by a copy, or by the address that stands there."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy.orm import Session, sessionmaker

from tests.browser.chromium import Chromium
from tests.builders import a_shop, an_offer
from tests.pages.conftest import StandingClock

pytestmark = pytest.mark.long

Sessions = sessionmaker[Session]
SHARES = "navigator.canShare = () => true; navigator.share = async (what) => { window.shared = what; }"
REFUSES = "navigator.canShare = () => true; navigator.share = async () => { throw new DOMException('', '%s'); }"
NEITHER = "delete Navigator.prototype.share; delete Navigator.prototype.clipboard"
PLAIN = "Lien à partager"


@pytest.fixture
def address(serve: Callable[..., Any], clock: StandingClock, street: Sessions) -> Iterator[str]:
    with street.begin() as session:
        offer = an_offer(session, a_shop(session, "Le Fournil"), title="Tarte au sucre")
    with serve(clock) as url:
        yield f"{url}/o/{offer.id}"


def opened(chromium: Chromium, address: str, script: str, **how: Any) -> Page:
    """The page of the offer in a browser that can do what the script says."""
    page = chromium.open("about:blank", **how)
    page.add_init_script(script)
    page.goto(address)
    return page


def test_the_sheet_of_the_phone_is_given_the_page_and_its_name(chromium: Chromium, address: str):
    page = opened(chromium, address, SHARES)

    page.get_by_role("button", name="Partager").click()

    assert page.evaluate("window.shared") == {"url": address, "title": "Tarte au sucre"}
    expect(page.get_by_text(PLAIN)).to_be_hidden()
    expect(page.get_by_role("button", name="Copier le lien")).to_be_hidden()

    page.locator('main a[href^="/s/"]').first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Le Fournil")
    page.get_by_role("button", name="Partager").click()
    assert page.evaluate("window.shared") == {"url": page.url, "title": "Le Fournil"}
    chromium.close(page)


@pytest.mark.parametrize(("error", "shown"), [("AbortError", False), ("NotAllowedError", True)])
def test_a_sheet_that_fails_leaves_the_address_and_one_that_was_closed_does_not(
    chromium: Chromium, address: str, error: str, *, shown: bool
):
    page = opened(chromium, address, REFUSES % error)

    page.get_by_role("button", name="Partager").click()

    expect(page.get_by_text(PLAIN)).to_be_visible(visible=shown)
    chromium.close(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_without_a_sheet_the_address_is_copied_and_that_is_said(chromium: Chromium, address: str, scheme: str):
    page = opened(chromium, address, "delete Navigator.prototype.share", scheme=scheme)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])

    page.get_by_role("button", name="Copier le lien").click()

    expect(page.get_by_role("status").filter(has_text="Le lien est copié.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == address
    assert chromium.barriers(page) == []
    assert chromium.complaints(page) == []
    chromium.close(page)


@pytest.mark.parametrize("how", [{"scripts": False}, {}])
def test_a_browser_that_can_do_neither_shows_the_address(chromium: Chromium, address: str, how: dict[str, Any]):
    page = opened(chromium, address, NEITHER, **how)

    expect(page.get_by_text(PLAIN)).to_be_visible()
    expect(page.locator("share-page button:visible")).to_have_count(0)
    expect(page.get_by_role("link", name=address)).to_have_attribute("href", address)
    expect(page.get_by_role("link", name="Itinéraire")).to_be_visible()
    chromium.close(page)
