"""Pictures of the main pages of the demonstration, for people to look at: they land in `artefacts/pages/`.

Each is taken on a phone, a tablet and a desk, light and dark, of somebody who follows a shop; what a picture cannot
show (a request that fails, a page wider than its window, an error of a script) is judged beside it.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import AT_REST, Chromium, Scheme
from tests.commands.instances import Instance
from tests.doubles.map_tiles import MapTiles

pytestmark = pytest.mark.long

PICTURES: Final = Path(__file__).parents[2] / "artefacts" / "pages"
WIDTHS: Final = {360: 740, 768: 1024, 1280: 800}
SCHEMES: Final[tuple[Scheme, ...]] = ("light", "dark")
OVERFLOWS: Final = "() => document.documentElement.scrollWidth > innerWidth"


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a demonstration as `make run` serves it."""
    instance = Instance(tmp_path_factory.mktemp("demonstration") / "instance")
    for command in ("init", "demo"):
        done = instance.call(command)
        assert done.returncode == 0, done.stderr
    with MapTiles() as tiles:
        instance.settings = {"CITYLIFE_MAP_TILES": tiles.url}
        with instance.serving() as url:
            yield url


@pytest.fixture(scope="module")
def pages(demonstration: str) -> dict[str, str]:
    """The address of each main page, by the name of its pictures."""
    with httpx.Client(base_url=demonstration, trust_env=False) as api:
        offer = api.get("/api/v1/offers", params={"limit": 1}).raise_for_status().json()["items"][0]
    return {
        "shop": f"/s/{offer['shop']['slug']}",
        "offer": f"/o/{offer['id']}",
        "welcome": "/",
        "my-shops": "/mes-commerces",
        "around": "/autour?commune=62119",
        "search": "/chercher?q=pain",
        "settings": "/reglages",
        "why": "/reglages/pourquoi",
        "places": "/reglages/lieux",
        "new-phone": "/reglages/telephone",
        "commune": "/c/62119",
        "screen": "/c/62119/ecran?pause=1",
        "without-network": "/hors-ligne",
    }


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_main_pages_are_there_to_be_looked_at(
    chromium: Chromium, demonstration: str, pages: dict[str, str], scheme: Scheme
):
    PICTURES.mkdir(parents=True, exist_ok=True)
    page = chromium.open(demonstration + pages["shop"], scheme=scheme)
    page.get_by_role("button", name="Suivre", exact=True).click()
    expect(page.get_by_role("heading", name="Vous suivez ce commerce")).to_be_visible()
    for name, path in pages.items():
        page.goto(demonstration + path)
        for width, height in WIDTHS.items():
            page.set_viewport_size({"width": width, "height": height})
            taken = taken_of(page, PICTURES / f"{name}-{width}-{scheme}.png")
            assert taken[0] == width, (name, width)
            assert taken[1] >= height, (name, width)
            assert not page.evaluate(OVERFLOWS), (name, width)
    assert chromium.complaints(page) == []
    chromium.close(page)


def taken_of(page: Page, path: Path) -> tuple[int, int]:
    """Write the whole page as a picture, once it rests; its width and height in pixels, as the file says."""
    page.wait_for_load_state("networkidle")
    page.wait_for_function(AT_REST)
    page.screenshot(path=path, full_page=True)
    size: tuple[Any, ...] = struct.unpack(">II", path.read_bytes()[16:24])
    return size[0], size[1]
