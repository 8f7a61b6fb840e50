"""« Caisse » in a real Chromium: by the keyboard, used once, read from across the counter, scanned where it can."""

import threading
from typing import Any

import pytest
from flask import request
from playwright.sync_api import Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from blueprints import guards
from citylife.accounts.merchants import Role, join_team
from citylife.activity import Counted, DailyCount
from citylife.redemptions import TillCode
from citylife.shops import Shop
from tests import builders
from tests.browser.chromium import PATIENCE, Chromium

pytestmark = pytest.mark.long

Sessions = sessionmaker[Session]
A_CAMERA = """() => {
  const canvas = document.createElement("canvas");
  setInterval(() => canvas.getContext("2d").fillRect(0, 0, 9, 9), 50);
  navigator.mediaDevices.getUserMedia = async () => canvas.captureStream();
  globalThis.BarcodeDetector = class {
    static async getSupportedFormats() { return ["qr_code"]; }
    async detect() { return [{ rawValue: "%s" }]; }
  };
}"""
"""Chromium reads no codes on this system: what its detector would find is said to the page instead."""


@pytest.fixture
def code(chromium: Chromium, url: str, street: Sessions) -> str:
    """What a citizen was given for an offer of a shop."""
    with street.begin() as session:
        offer = builders.an_offer(session, builders.a_shop(session, "Le Fournil"), title="Tarte au sucre à moitié prix")
    page = chromium.open(f"{url}/o/{offer.id}")
    page.get_by_role("button", name="Prendre un code").click()
    shown = page.locator(".till-letters").inner_text()
    chromium.close(page)
    return shown


def at_the_till(chromium: Chromium, url: str, street: Sessions, **window: Any) -> Page:
    with street.begin() as session:
        merchant = builders.a_merchant(session)
        shop = session.scalars(select(Shop).where(Shop.name == "Le Fournil")).one()
        join_team(session, merchant, shop, Role.SELLER, now=builders.NOW)
        token = builders.signed_in(session, merchant)
    page = chromium.open(f"{url}/credits", **window)
    secure = url.replace("http:", "https:")  # as Chromium takes such a cookie, which it sends to localhost too
    page.context.add_cookies([{"name": "__Host-citylife-merchant", "value": token, "url": secure, "secure": True}])
    page.goto(f"{url}/commerce/caisse")
    return page


def bars_nobody(chromium: Chromium, page: Page, state: str) -> None:
    for width in (320, 360, 1280):
        page.set_viewport_size({"width": width, "height": 740})
        assert chromium.barriers(page) == [], (state, width)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (state, width)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_code_is_used_once_by_the_keyboard_and_a_reload_uses_nothing(
    chromium: Chromium, url: str, street: Sessions, code: str, scheme: Any
):
    page = at_the_till(chromium, url, street, scheme=scheme)
    expect(page.get_by_role("button", name="Scanner")).to_be_hidden()
    bars_nobody(chromium, page, "ready")

    page.get_by_label("Code du client").fill(code.lower())
    page.keyboard.press("Enter")

    expect(page.get_by_text("Valable")).to_be_visible()
    expect(page.locator(".valid")).to_be_focused()
    expect(page.locator(".till-title")).to_have_text("Tarte au sucre à moitié prix")
    bars_nobody(chromium, page, "valid")
    assert chromium.complaints(page) == []
    page.reload()
    expect(page.get_by_text("déjà utilisé")).to_have_count(0)
    page.get_by_label("Code du client").fill(code)
    page.get_by_role("button", name="Utiliser ce code").click()
    expect(page.locator(".wrong .till-title")).to_have_text("Code déjà utilisé")
    bars_nobody(chromium, page, "used")
    chromium.close(page)


def test_a_network_that_is_lost_says_what_to_do_and_keeps_what_was_typed(
    chromium: Chromium, url: str, street: Sessions, code: str
):
    page = at_the_till(chromium, url, street)
    page.context.set_offline(True)
    page.get_by_label("Code du client").fill(code)
    page.get_by_role("button", name="Utiliser ce code").click()

    expect(page.get_by_text("Recommencez avec le même code")).to_be_visible()
    expect(page.get_by_label("Code du client")).to_have_value(code)
    page.context.set_offline(False)
    page.get_by_role("button", name="Utiliser ce code").click()
    expect(page.get_by_text("Valable")).to_be_visible()
    expect(page.get_by_text("Recommencez avec le même code")).to_be_hidden()
    chromium.close(page)


def test_what_the_camera_reads_is_used_and_the_camera_is_let_go(
    chromium: Chromium, url: str, street: Sessions, code: str
):
    page = at_the_till(chromium, url, street)
    page.add_init_script(f"({A_CAMERA % code})()")
    page.reload()

    page.get_by_role("button", name="Scanner").click()

    expect(page.get_by_text("Valable")).to_be_visible()
    expect(page.locator("[data-scanner]")).to_be_hidden()
    with street() as session:
        assert session.scalars(select(TillCode)).one().used_at is not None
    chromium.close(page)


def test_a_session_that_is_over_leads_to_the_way_in(chromium: Chromium, url: str, street: Sessions, code: str):
    page = at_the_till(chromium, url, street)
    page.context.clear_cookies()

    page.get_by_label("Code du client").fill(code)
    page.keyboard.press("Enter")

    expect(page).to_have_url(f"{url}/connexion")
    chromium.close(page)


@pytest.fixture
def met(monkeypatch: pytest.MonkeyPatch) -> threading.Barrier:
    """Where two requests of tills wait for each other: in the server, before it has looked at either."""
    barrier = threading.Barrier(2, timeout=PATIENCE)
    checked = guards.check_same_origin

    def held() -> None:
        if request.path == "/commerce/caisse":
            barrier.wait()
        checked()

    monkeypatch.setattr(guards, "check_same_origin", held)
    return barrier


def told(page: Page) -> str:
    """What a till says of the code, once it was answered."""
    said = page.locator(".till-said")
    expect(said).to_be_focused()
    return "valid" if "valid" in str(said.get_attribute("class")) else said.locator(".till-title").inner_text()


def test_of_two_tills_at_the_same_instant_one_wins_and_the_other_is_told(
    chromium: Chromium, url: str, street: Sessions, code: str, met: threading.Barrier
):
    tills = [at_the_till(chromium, url, street) for _ in range(2)]
    for till in tills:
        till.get_by_label("Code du client").fill(code)
    for till in tills:
        till.get_by_role("button", name="Utiliser ce code").click()

    assert sorted(told(till) for till in tills) == ["Code déjà utilisé", "valid"]
    assert not met.broken
    with street() as session:
        assert session.scalars(select(TillCode)).one().used_at is not None
        uses = select(DailyCount.count).where(DailyCount.counted == Counted.TILL_USES)
        assert session.scalars(uses).all() == [1]
    for till in tills:
        assert [said for said in chromium.complaints(till) if "409" not in said] == []
        chromium.close(till)
