"""A first view under constraint: a slow network and phone; no scripts, mouse, motion or colours; large letters."""

from urllib.parse import urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Page, Request, expect
from sqlalchemy.orm import Session, sessionmaker

from citylife.photos import Darkroom, front_with, keep_photo
from citylife.settings import Settings
from tests.browser.chromium import Chromium
from tests.builders import NOW, a_shop, an_offer
from tests.pictures import saved

pytestmark = pytest.mark.long

Sessions = sessionmaker[Session]
MOST_BYTES = 120_000
LATENCY, BYTES_A_SECOND, SLOWER = 400, 400_000, 4
SEEN = """() => new Promise(resolve => new PerformanceObserver((list, observer) => {
  const seen = list.getEntries().at(-1);
  if (seen) { observer.disconnect(); resolve(Math.round(seen.startTime)); }
}).observe({type: "largest-contentful-paint", buffered: true}))"""
WIDER = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
MOVING = """() => [...document.querySelectorAll("*")].filter(one => {
  const style = getComputedStyle(one);
  const lasts = value => value.split(",").some(part => parseFloat(part) > 0.01);
  return lasts(style.transitionDuration) || lasts(style.animationDuration) || style.scrollBehavior === "smooth";
}).map(one => one.outerHTML.slice(0, 80)).concat(document.getAnimations().map(String))"""

EDGELESS = """() => [...document.querySelectorAll(".button, select, input:not([type=hidden]):not([type=checkbox])")]
  .filter(one => one.type !== "radio" && one.checkVisibility() && parseFloat(getComputedStyle(one).borderTopWidth) < 1)
  .map(one => one.outerHTML.slice(0, 90))"""


@pytest.fixture
def paths(street: Sessions) -> list[str]:
    """A shop's page as they usually are, an offer of it, and the tabs."""
    with street.begin() as session:
        shop = a_shop(
            session,
            "Au Pain de la Gohelle",
            open_until="19:00",
            street="12 rue d’Arras",
            telephone="0321570000",
            description="Pains au levain, gaufres et tartes au sucre, du mardi au dimanche.",
        )
        photo = keep_photo(session, shop, Darkroom().develop(saved(Image.effect_noise((1600, 1200), 60))), now=NOW)
        front_with(session, shop, photo.id, expected_version=shop.version, now=NOW)
        offers = [an_offer(session, shop, title=f"Gaufres fourrées, {number}") for number in range(5)]
        return [f"/s/{shop.slug}", f"/o/{offers[0].id}", "/", "/mes-commerces", "/autour?commune=62119", "/chercher"]


def blank(chromium: Chromium, url: str) -> Page:
    """A window that has seen nothing of us but a text."""
    return chromium.open(f"{url}/healthz")


def test_the_first_view_of_a_shop_on_a_slow_phone_is_light(
    chromium: Chromium, url: str, paths: list[str], capsys: pytest.CaptureFixture[str]
):
    page = blank(chromium, url)
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": LATENCY,
            "downloadThroughput": BYTES_A_SECOND,
            "uploadThroughput": BYTES_A_SECOND,
        },
    )
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    received: list[float] = []
    session.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))

    page.goto(url + paths[0])
    expect(page.get_by_role("button", name="Suivre", exact=True)).to_be_visible()
    page.wait_for_load_state("networkidle")

    weight, seen = sum(received), page.evaluate(SEEN)
    with capsys.disabled():
        print(f"\nfirst view of a shop: {weight / 1000:.0f} kB in {len(received)} answers, seen after {seen} ms")
    assert 10_000 < weight < MOST_BYTES
    chromium.close(page)


def test_with_scripts_blocked_a_shop_is_read_and_followed_by_its_form(chromium: Chromium, url: str, paths: list[str]):
    page = chromium.open(url + paths[0], scripts=False)

    expect(page.get_by_role("heading", name="Gaufres fourrées, 3")).to_be_visible()
    page.get_by_role("button", name="Suivre", exact=True).click()
    expect(page.get_by_role("heading", name="Vous suivez ce commerce")).to_be_visible()
    page.goto(f"{url}/mes-commerces")
    expect(page.get_by_role("link", name="Au Pain de la Gohelle")).to_be_visible()
    chromium.close(page)


def test_no_page_asks_any_host_but_ours_and_the_map_its_tiles(chromium: Chromium, url: str, paths: list[str]):
    page = blank(chromium, url)
    ours, asked = urlsplit(url).netloc, set[str]()

    def on_request(request: Request) -> None:
        asked.add(urlsplit(request.url).netloc)

    page.context.on("request", on_request)
    for path in paths:
        page.goto(url + path)
        page.wait_for_load_state("networkidle")
        if path.startswith("/autour"):
            page.evaluate("scrollTo(0, document.body.scrollHeight)")
            page.wait_for_selector(".leaflet-tile", state="attached")
            assert asked == {ours, urlsplit(Settings().map_tiles).netloc}
            page.goto("about:blank")
            asked.clear()
        else:
            assert asked == {ours}, path
    chromium.close(page)


def test_the_keyboard_alone_leads_from_a_shop_to_following_it_and_back(chromium: Chromium, url: str, paths: list[str]):
    page = chromium.open(url + paths[0])

    def reach(name: str) -> None:
        button = page.get_by_role("button", name=name, exact=True)
        for _ in range(40):
            page.keyboard.press("Tab")
            if button.evaluate("one => one === document.activeElement"):
                break
        expect(button).to_be_focused()
        assert button.evaluate("one => getComputedStyle(one).outlineStyle") == "solid", "the focus is not seen"

    reach("Suivre")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Vous suivez ce commerce")).to_be_focused()
    reach("Ne plus suivre")
    page.keyboard.press("Space")
    expect(page.get_by_role("heading", name="Suivre ce commerce")).to_be_focused()
    chromium.close(page)


def test_at_twice_its_size_nothing_is_to_be_scrolled_sideways(chromium: Chromium, url: str, paths: list[str]):
    page = blank(chromium, url)
    session = page.context.new_cdp_session(page)
    for letters, width, height in ((16, 640, 400), (16, 320, 256), (32, 360, 740), (32, 1280, 800)):
        session.send("Page.setFontSizes", {"fontSizes": {"standard": letters}})
        page.set_viewport_size({"width": width, "height": height})
        for path in paths:
            page.goto(url + path)
            assert page.evaluate(WIDER) <= 0, (letters, width, path)
    chromium.close(page)


def test_whoever_wants_no_motion_sees_none(chromium: Chromium, url: str, paths: list[str]):
    page = blank(chromium, url)
    for path in paths:
        page.goto(url + path)
        assert page.evaluate(MOVING) == [], path
    chromium.close(page)


def test_in_forced_colours_what_is_pressed_still_has_an_edge(chromium: Chromium, url: str, paths: list[str]):
    page = blank(chromium, url)
    page.emulate_media(forced_colors="active")
    for path in paths:
        page.goto(url + path)
        assert page.evaluate(EDGELESS) == [], path
        assert chromium.barriers(page) == [], path
    chromium.close(page)
