"""Photos in a real Chromium: a merchant sends one, a citizen sees it, the small one on a phone, and nothing moves."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, Request, expect
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.offers import Offer
from citylife.photos import Photo
from citylife.shops import Shop
from tests import builders
from tests.browser.chromium import Chromium
from tests.pages.conftest import StandingClock
from tests.pages.test_merchant_in_chromium import judged, opened
from tests.pictures import a_drawing, saved

pytestmark = pytest.mark.long

Sessions = sessionmaker[Session]
SHOWN = "img => img.complete && img.naturalWidth"
MOVED = """() => new Promise(resolve => {
  let moved = 0;
  new PerformanceObserver(list => list.getEntries().forEach(entry => { moved += entry.value; }))
    .observe({type: "layout-shift", buffered: true});
  requestAnimationFrame(() => requestAnimationFrame(() => resolve(moved)));
})"""


@pytest.fixture
def shop(street: Sessions) -> Shop:
    with street.begin() as session:
        merchant = builders.a_merchant(session, "camille@fournil.example")
        return builders.a_shop(session, "Le Fournil", merchant=merchant, description="Pains au levain et gaufres.")


@pytest.fixture
def token(street: Sessions, shop: Shop) -> str:
    with street.begin() as session:
        return builders.signed_in(session, builders.a_merchant(session, "camille@fournil.example"))


@pytest.fixture
def url(serve: Callable[..., Any], clock: StandingClock, token: str) -> Iterator[str]:
    with serve(clock) as url:
        yield url


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """What a telephone makes: large, lying on its side, with where it was taken."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x8825] = {1: "N", 2: (50.0, 31.0, 48.0)}
    path = tmp_path / "devanture.jpg"
    held = a_drawing(3000, 4000).transpose(Image.Transpose.ROTATE_90)
    path.write_bytes(saved(held, exif=exif))
    return path


def the_photo(page: Page) -> tuple[str, int]:
    """The address of the photo that the browser has chosen, and how wide it is, once it is there."""
    image = page.locator(".photo img")
    image.scroll_into_view_if_needed()
    page.wait_for_function("() => { const img = document.querySelector('.photo img'); return img.naturalWidth; }")
    return image.evaluate("img => img.currentSrc"), image.evaluate(SHOWN)


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (768, "dark"), (1280, "light")])
def test_a_merchant_adds_a_photo_to_an_offer_and_the_citizen_sees_it(
    chromium: Chromium, url: str, token: str, *, file: Path, width: int, scheme: Any
):
    page = opened(chromium, url, token, scheme, width)
    page.get_by_role("link", name="Nouvelle annonce").click()
    page.get_by_label("Titre").fill("Tarte au sucre")
    page.get_by_label("Photo", exact=True).set_input_files(file)
    page.get_by_label("Prix en euros").fill("un")
    page.get_by_role("button", name="Publier").click()
    expect(page.locator("#price-probleme")).to_be_visible()
    the_photo(page)
    judged(chromium, page, f"photo-of-an-offer-{width}")
    page.get_by_label("Prix en euros").fill("3,50")
    page.get_by_role("button", name="Publier").click()
    expect(page.get_by_text("Publiée.")).to_be_visible()
    page.get_by_role("link", name="Votre page, comme vos clients la voient").click()
    page.get_by_role("link", name="Tarte au sucre").first.click()
    address, wide = the_photo(page)
    assert (address.endswith("/small.webp" if width < 768 else "/large.webp"), wide > 400) == (True, True)
    assert chromium.barriers(page) == []
    assert page.evaluate(MOVED) == 0
    if os.environ.get("SHOTS"):
        page.screenshot(path=f"{os.environ['SHOTS']}/offer-with-photo-{width}.png", full_page=True)
    assert [words for words in chromium.complaints(page) if "422" not in words] == []
    chromium.close(page)


@pytest.mark.parametrize(("width", "size", "points"), [(360, "small", 480), (1280, "large", 960)])
def test_a_merchant_shows_a_photo_and_a_citizen_sees_it(
    chromium: Chromium, url: str, token: str, *, shop: Shop, file: Path, width: int, size: str, points: int
):
    page = opened(chromium, url, token, "light", width)
    page.get_by_label("Une photo de votre commerce").set_input_files(file)
    page.get_by_role("button", name="Montrer cette photo").click()
    expect(page.get_by_text("Votre page montre cette photo.")).to_be_visible()
    the_photo(page)
    judged(chromium, page, f"photo-of-a-merchant-{width}")
    citizen = chromium.open(f"{url}/s/{shop.slug}", width=width, scheme="dark" if width < 500 else "light")
    address, wide = the_photo(citizen)
    assert (address.endswith(f"/{size}.webp"), wide) == (True, points)
    assert chromium.barriers(citizen) == []
    assert citizen.evaluate(MOVED) == 0
    if os.environ.get("SHOTS"):
        citizen.screenshot(path=f"{os.environ['SHOTS']}/photo-of-a-shop-{width}.png", full_page=True)
    page.get_by_role("button", name="Retirer la photo").click()
    page.get_by_role("button", name="Remettre la photo d’avant").click()
    expect(page.locator(".photo img")).to_be_visible()
    assert chromium.complaints(page) == []
    chromium.close(page)
    chromium.close(citizen)


@pytest.fixture
def heavy(tmp_path: Path) -> Path:
    """The same with the grain of a real one: some megabytes."""
    exif = Image.Exif()
    exif[0x0112] = 6
    grain = Image.effect_noise((3600, 2700), 30).convert("RGB")
    held = Image.blend(a_drawing(2700, 3600).transpose(Image.Transpose.ROTATE_90).convert("RGB"), grain, 0.15)
    path = tmp_path / "vitrine.jpg"
    held.save(path, "JPEG", quality=90, exif=exif)
    return path


NO_BITMAPS = "delete window.createImageBitmap"


@pytest.mark.parametrize("able", [True, False], ids=["a browser that draws", "one that does not"])
def test_a_large_photo_is_made_smaller_before_it_leaves_where_the_browser_can(
    chromium: Chromium, url: str, token: str, *, street: Sessions, heavy: Path, able: bool
):
    page = opened(chromium, url, token, "light", 360)
    if not able:
        page.add_init_script(NO_BITMAPS)
    page.get_by_role("link", name="Nouvelle annonce").click()
    page.get_by_label("Titre").fill("Tarte au sucre")
    page.get_by_label("Photo", exact=True).set_input_files(heavy)
    sent: list[Request] = []
    page.on("request", lambda asked: sent.append(asked) if of_the_form(asked) else None)

    page.get_by_role("button", name="Publier").click()
    expect(page.get_by_text("Publiée.")).to_be_visible()

    (asked,) = sent
    octets = int(asked.all_headers()["content-length"])
    print(f"a photo of {heavy.stat().st_size} octets left as {octets}")
    assert (octets < heavy.stat().st_size / 2) == able
    assert able or octets > heavy.stat().st_size
    with street() as session:
        (offer,) = session.scalars(select(Offer))
        photo = session.get_one(Photo, offer.photo_id)
        assert photo.width < photo.height, "upright, as it was held"


def of_the_form(asked: Request) -> bool:
    return asked.method == "POST" and "multipart/form-data" in asked.headers.get("content-type", "")
