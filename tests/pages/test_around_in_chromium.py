"""« Autour » in a real Chromium: her position leaves it rounded, the order is true, and the map replaces nothing."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Page, Request, expect
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen
from citylife.consent import TEXTS, Purpose, record_consent
from citylife.geodesics import distances
from citylife.shops import Shop
from tests.browser.chromium import Chromium
from tests.builders import NOW, a_device, a_shop, an_offer
from tests.doubles.map_tiles import MapTiles
from tests.pages.conftest import StandingClock

pytestmark = pytest.mark.long

Sessions = sessionmaker[Session]
HERE = (50.52914, 2.64987)
"""Where she is, far enough from where her position is rounded to that the order of shops differs."""
ALSO_HERE = ((50.5391, 2.6729), (50.5208, 2.6436))
"""Elsewhere on the same tile of `ZOOM_OF_A_CELL`, near its corners, rounded to other points."""
ZOOM_OF_A_CELL = 13
"""A tile closer than that is smaller than a cell of resolution 7."""
SPOTS = {
    "Au nord": (50.5345, 2.6499),
    "À l’ouest": (50.5291, 2.6412),
    "Au sud": (50.5203, 2.6499),
    "Tout près": (50.5293, 2.6501),
}
SCHEMES = ("light", "dark")


@pytest.fixture
def tiles() -> Iterator[MapTiles]:
    with MapTiles() as tiles:
        yield tiles


@pytest.fixture
def url(serve: Callable[..., Any], clock: StandingClock, tiles: MapTiles, street: Sessions) -> Iterator[str]:
    with street.begin() as session:
        for name, position in SPOTS.items():
            shop = a_shop(session, name, position=position, insee_code=None, open_until="19:00")
            an_offer(session, shop, title=f"Offre {name}", price=300)
    with serve(clock, map_tiles=tiles.url) as url:
        yield url


def names(page: Page) -> list[str]:
    return page.locator(".near h3").all_inner_texts()


def located(chromium: Chromium, url: str, position: tuple[float, float] = HERE, **seen: Any) -> Page:
    page = chromium.open(f"{url}/autour", **seen)
    page.context.grant_permissions(["geolocation"], origin=url)
    page.context.set_geolocation({"latitude": position[0], "longitude": position[1]})
    return page


def test_her_position_leaves_rounded_in_a_body_and_the_order_is_the_true_one(chromium: Chromium, url: str):
    page = located(chromium, url)
    sent: list[Request] = []
    page.on("request", lambda request: sent.extend([request]))

    page.get_by_role("button", name="Là où je suis").click()
    expect(page.get_by_role("heading", name="Autour de votre position")).to_be_focused()

    away = dict(zip(SPOTS, distances(*HERE, list(SPOTS.values())), strict=True))
    assert names(page) == sorted(SPOTS, key=lambda name: away[name])
    assert page.locator(".near-number").all_inner_texts() == ["1", "2", "3", "4"]
    shown = [
        text.replace("\u00a0", " ").replace("\u202f", " ") for text in page.locator("[data-away]").all_inner_texts()
    ]
    assert shown == [f"{round(metres, -1):.0f} m" for metres in sorted(away.values())]
    [asked] = [request for request in sent if request.method == "POST"]
    body = parse_qs(asked.post_data or "")
    assert (body["latitude"], body["longitude"]) == (["50.53"], ["2.65"])
    traces = [request.url + (request.post_data or "") for request in sent]
    assert [trace for trace in traces if "50.529" in trace or "2.6498" in trace] == []
    assert chromium.complaints(page) == []
    assert chromium.barriers(page) == []
    chromium.close(page)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_her_tap_tells_her_at_once_and_the_answer_stands_where_she_tapped(
    chromium: Chromium, url: str, street: Sessions, scheme: str
):
    with street() as session:
        slug = session.scalars(select(Shop.slug).where(Shop.name == "Tout près")).one()
    page = located(chromium, url, scheme=scheme)
    page.goto(f"{url}/s/{slug}")
    page.get_by_role("button", name="Suivre", exact=True).click()
    expect(page.get_by_role("button", name="Ne plus suivre")).to_be_visible()
    with street.begin() as session:
        her = session.scalars(select(Citizen)).one()
        version = TEXTS[Purpose.NOTIFICATIONS].version
        consent = {"granted": True, "text_version": version, "locale": "fr"}
        record_consent(session, her, Purpose.NOTIFICATIONS, **consent, now=NOW)
        a_device(session, her)
    page.goto(f"{url}/autour")
    sent: list[Request] = []
    page.on("request", lambda request: sent.extend([request]))
    tap = page.get_by_role("button", name="Me prévenir ici")

    tap.click()
    assert [request for request in sent if request.method == "POST"] == [], "her consent comes first"
    page.get_by_label("J’accepte").check()
    assert chromium.barriers(page) == []
    tap.click()

    expect(page.locator("#maintenant [role=status]")).to_be_focused()
    expect(page.locator("#maintenant [role=status]")).to_contain_text("Citylife n’envoie pas encore de notifications.")
    [asked] = [request for request in sent if request.method == "POST"]
    body = parse_qs(asked.post_data or "")
    assert (body["latitude"], body["longitude"]) == (["50.53"], ["2.65"])
    assert page.url == f"{url}/autour"
    tap.click()
    expect(page.get_by_label("J’accepte")).to_have_count(0)
    assert chromium.barriers(page) == []
    assert chromium.complaints(page) == []
    page.context.set_offline(True)
    tap.click()
    expect(page.locator("#maintenant").get_by_role("alert")).to_contain_text("Cela n’a pas abouti")
    chromium.close(page)


def test_what_lies_beyond_the_radius_from_where_she_truly_is_is_left_out(chromium: Chromium, url: str):
    page = located(chromium, url)
    page.get_by_label("Jusqu’à").select_option("1000")

    page.get_by_role("button", name="Là où je suis").click()
    expect(page.get_by_role("heading", name="Autour de votre position")).to_be_focused()

    # From the rounded position the shop to the west lies 630 m away, the one to the south 1 080.
    away = dict(zip(SPOTS, distances(*HERE, list(SPOTS.values())), strict=True))
    assert names(page) == sorted((name for name in SPOTS if away[name] <= 1_000), key=lambda name: away[name])
    chromium.close(page)

    page = located(chromium, url, (50.60, 2.40))
    page.get_by_role("button", name="Là où je suis").click()
    expect(page.get_by_text("Aucun commerce dans ce rayon")).to_be_visible()
    chromium.close(page)


CUT = "Il y en a davantage dans ce rayon"


def crowd(street: Sessions, many: int, spread: float) -> list[tuple[float, float]]:
    """So many shops more, in a line to the north-east of where she is, over so many degrees."""
    spots = [(HERE[0] + spread * number / many, HERE[1] + spread * number / many) for number in range(1, many + 1)]
    with street.begin() as session:
        for number, position in enumerate(spots):
            a_shop(session, f"Commerce {number}", position=position, insee_code=None)
    return spots


def test_among_more_than_fifty_shops_none_within_the_radius_is_left_out(chromium: Chromium, url: str, street: Sessions):
    spots = crowd(street, 90, 0.012)
    page = located(chromium, url)
    page.get_by_label("Jusqu’à").select_option("2000")

    page.get_by_role("button", name="Là où je suis").click()
    expect(page.get_by_role("heading", name="Autour de votre position")).to_be_focused()

    away = distances(*HERE, [*SPOTS.values(), *spots])
    assert len(names(page)) == sum(metres <= 2_000 for metres in away) > 50
    assert page.locator(".near-number").last.inner_text() == str(len(names(page)))
    expect(page.get_by_text(CUT)).to_be_hidden()
    chromium.close(page)


def test_what_is_asked_among_many_shops_follows_from_her_rounded_position_alone(
    chromium: Chromium, url: str, street: Sessions
):
    crowd(street, 260, 0.012)
    asked = []
    for position in (HERE, (50.5349, 2.6549), (50.5251, 2.6451)):
        page = located(chromium, url, position)
        page.get_by_label("Jusqu’à").select_option("10000")
        bodies: list[str | None] = []
        page.on("request", lambda request, bodies=bodies: bodies.append(request.post_data) if request.post_data else 0)
        page.get_by_role("button", name="Là où je suis").click()
        expect(page.get_by_role("heading", name="Autour de votre position")).to_be_focused()
        asked.append(bodies)
        assert len(names(page)) >= 50
        chromium.close(page)

    assert len(asked[0]) > 1
    assert asked[0] == asked[1] == asked[2]


@pytest.mark.parametrize("spread", [0.02, 0.0005])
def test_where_too_many_shops_are_near_the_nearest_are_shown_and_that_there_are_more(
    chromium: Chromium, url: str, street: Sessions, spread: float
):
    crowd(street, 260, spread)
    page = located(chromium, url)

    page.get_by_role("button", name="Là où je suis").click()
    expect(page.get_by_role("heading", name="Autour de votre position")).to_be_focused()

    expect(page.get_by_text(CUT)).to_be_visible()
    expect(page.get_by_text("Aucun commerce dans ce rayon")).to_be_hidden()
    assert len(names(page)) >= 50
    assert chromium.barriers(page) == []
    chromium.close(page)


def test_a_browser_that_gives_no_position_says_so_and_the_communes_stay(chromium: Chromium, url: str):
    page = chromium.open(f"{url}/autour")

    page.get_by_role("button", name="Là où je suis").click()

    expect(page.get_by_role("alert")).to_contain_text("Votre navigateur ne donne pas votre position")
    page.get_by_label("Où", exact=True).select_option("62119")
    page.get_by_role("button", name="Afficher").click()
    expect(page.get_by_role("heading", name="Autour : Béthune")).to_be_visible()
    assert len(names(page)) == len(SPOTS)
    chromium.close(page)


def test_a_network_that_falls_is_said(chromium: Chromium, url: str):
    page = located(chromium, url)
    page.context.set_offline(True)

    page.get_by_role("button", name="Là où je suis").click()

    expect(page.get_by_role("alert")).to_contain_text("Cela n’a pas abouti")
    expect(page.get_by_role("button", name="Là où je suis")).to_be_enabled()
    chromium.close(page)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [360, 1280])
def test_the_map_shows_each_shop_under_its_number_and_bars_nobody(
    chromium: Chromium, url: str, tiles: MapTiles, width: int, scheme: str
):
    page = chromium.open(f"{url}/autour?commune=62119", width=width, scheme=scheme)  # type: ignore[arg-type]
    page.locator("#carte").scroll_into_view_if_needed()

    expect(page.locator(".map-mark")).to_have_count(len(SPOTS))
    shown, listed = page.locator("#carte").bounding_box(), page.locator(".around-list").bounding_box()
    assert shown is not None
    assert listed is not None
    if width == 360:
        assert shown["y"] >= listed["y"] + listed["height"], "the map stands below the list"
    else:
        assert shown["x"] >= listed["x"] + listed["width"], "the map stands beside the list"
    assert sorted(page.locator(".map-mark").all_inner_texts()) == ["1", "2", "3", "4"]
    expect(page.locator(".leaflet-tile-loaded").first).to_be_visible()
    page.locator(".map-mark").last.dispatch_event("click")
    expect(page.locator(".leaflet-popup a[href^='/s/']")).to_have_text(names(page)[3])
    map_itself = page.get_by_role("application", name="Carte des commerces de la liste")
    expect(map_itself.get_by_role("button", name="Fermer", exact=True)).to_be_visible()
    assert chromium.barriers(page) == []
    assert chromium.complaints(page) == []
    path, headers = tiles.asked[0]
    assert "cookie" not in headers
    assert "referer" not in headers, path
    chromium.close(page)


def test_the_tiles_asked_for_say_where_she_is_no_more_finely_than_a_cell(chromium: Chromium, url: str, tiles: MapTiles):
    asked = []
    for position in (HERE, *ALSO_HERE):
        tiles.asked.clear()
        page = located(chromium, url, position, width=1280)
        page.get_by_label("Jusqu’à").select_option("1000")
        page.get_by_role("button", name="Là où je suis").click()
        expect(page.get_by_role("heading", name="Autour de votre position")).to_be_focused()
        page.locator("#carte").scroll_into_view_if_needed()
        expect(page.locator(".map-centre")).to_be_visible()
        page.wait_for_load_state("networkidle")
        asked.append({path for path, _ in tiles.asked})
        chromium.close(page)

    zooms = {int(path.split("/")[1]) for path in asked[0]}
    assert zooms == {ZOOM_OF_A_CELL}
    assert asked[0] == asked[1] == asked[2], "elsewhere on the same tile the map asks for the same"


def test_the_map_is_fetched_only_by_whom_it_is_about_to_show(chromium: Chromium, url: str, street: Sessions):
    with street.begin() as session:
        for number in range(16):
            a_shop(session, f"Commerce {number}", position=SPOTS["Au nord"], insee_code=None)
    page = chromium.open(f"{url}/autour?commune=62119")
    expect(page.locator("#carte")).to_be_visible()
    fetched = "performance.getEntriesByType('resource').filter(one => one.name.includes('leaflet')).length"
    assert page.evaluate(fetched) == 0

    page.get_by_role("link", name="Voir la carte").click()

    expect(page.locator(".map-mark").first).to_be_visible()
    assert page.evaluate(fetched) >= 2
    chromium.close(page)


def test_a_map_without_its_background_says_so_and_keeps_the_shops(chromium: Chromium, url: str, tiles: MapTiles):
    tiles.broken = True
    page = chromium.open(f"{url}/autour?commune=62119", width=1280)

    expect(page.get_by_text("Le fond de carte ne répond pas")).to_be_visible()
    expect(page.locator(".map-mark")).to_have_count(len(SPOTS))
    assert len(names(page)) == len(SPOTS)
    chromium.close(page)


def test_with_scripts_blocked_the_list_is_whole_and_no_button_is_dead(chromium: Chromium, url: str):
    page = chromium.open(f"{url}/autour?commune=62119", scripts=False)

    assert len(names(page)) == len(SPOTS)
    expect(page.get_by_role("button", name="Là où je suis")).to_be_hidden()
    expect(page.locator("#carte")).to_be_hidden()
    expect(page.get_by_role("link", name="Voir la carte")).to_be_hidden()
    chromium.close(page)


def test_the_browser_measures_as_the_server_does(chromium: Chromium, url: str):
    page = chromium.open(f"{url}/autour")
    address = page.evaluate("document.querySelector('script[src*=\"around.js\"]').src")
    module = address.replace("around.js", "distance.js")
    points = [(HERE[0] + north, HERE[1] + east) for north in (-0.17, 0.0001, 0.12) for east in (-0.2, 0.0002, 0.15)]
    asked = json.dumps([{"latitude": latitude, "longitude": longitude} for latitude, longitude in points])
    here = json.dumps({"latitude": HERE[0], "longitude": HERE[1]})

    measured = page.evaluate(
        f"import('{module}').then(({{ metresBetween }}) => {asked}.map((one) => metresBetween({here}, one)))"
    )

    assert measured == pytest.approx(distances(*HERE, points), abs=0.05)
    chromium.close(page)
