"""The citizen's app in a real Chromium: her tabs under the thumb, whoever looks and however; a phone takes it in."""

import datetime as dt
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from blueprints.pages.navigation import TABS
from citylife.follows import Follow, Level
from tests.browser.chromium import Chromium
from tests.builders import NOW, a_shop, an_offer

pytestmark = pytest.mark.long

Sessions = sessionmaker[Session]
ROOM = "() => document.querySelector('nav.tabs').getBoundingClientRect().toJSON()"
SMALL = """() => [...document.querySelectorAll("nav.tabs a")]
  .map(one => one.getBoundingClientRect()).filter(box => box.height < 44 || box.width < 44).length"""


@pytest.fixture
def shop_page(url: str, street: Sessions) -> str:
    with street.begin() as session:
        for number in range(8):
            shop = a_shop(session, f"Le Fournil {number}")
    return f"{url}/s/{shop.slug}"


def room(page: Page) -> dict[str, float]:
    """Where the tabs stand in the window, in CSS pixels."""
    return dict(page.evaluate(ROOM))


def test_the_tabs_lie_under_the_thumb_on_a_phone_and_on_top_elsewhere(chromium: Chromium, shop_page: str):
    for width, height, below in ((320, 568, True), (360, 740, True), (740, 360, False), (320, 256, False)):
        page = chromium.open(shop_page, width=width, height=height)
        assert (room(page)["bottom"] == height) is below, (width, height)
        assert page.evaluate(SMALL) == 0, (width, height)
        chromium.close(page)
    for width in (768, 1280):
        page = chromium.open(shop_page, width=width, height=800)
        assert room(page)["bottom"] < 100
        assert page.evaluate(SMALL) == 0
        chromium.close(page)


def test_what_has_the_focus_is_never_behind_the_tabs(chromium: Chromium, url: str, shop_page: str):
    page = chromium.open(url, height=600)
    visited = 0
    while True:
        page.keyboard.press("Tab")
        found = page.evaluate(
            """() => { const one = document.activeElement;
              return one === document.body ? null :
                [one.closest("nav.tabs") !== null, one.getBoundingClientRect().bottom, one.outerHTML]; }"""
        )
        if found is None or visited > 60:
            break
        visited += 1
        of_the_tabs, bottom, drawn = found
        assert of_the_tabs or bottom <= room(page)["top"], drawn
    assert 12 < visited < 60
    chromium.close(page)


def test_the_tabs_are_reached_first_and_may_be_skipped(chromium: Chromium, shop_page: str):
    page = chromium.open(shop_page)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    assert page.evaluate("document.activeElement.id") == "contenu"
    chromium.close(page)


def test_the_present_tab_is_told_apart_without_any_colour(chromium: Chromium, url: str):
    page = chromium.open(f"{url}/mes-commerces")
    page.emulate_media(forced_colors="active")

    borders = page.evaluate(
        """() => [...document.querySelectorAll("nav.tabs a")].map(one => getComputedStyle(one).borderTopWidth)"""
    )

    assert borders == ["1px", *["0px"] * (len(TABS) - 1)]
    assert chromium.complaints(page) == []
    chromium.close(page)


def test_paper_shows_no_tabs(chromium: Chromium, shop_page: str):
    page = chromium.open(shop_page)
    page.emulate_media(media="print")

    assert not page.locator("nav.tabs").is_visible()
    chromium.close(page)


def test_a_phone_takes_the_app_in(chromium: Chromium, shop_page: str):
    page = chromium.open(shop_page)
    session = page.context.new_cdp_session(page)

    read = session.send("Page.getAppManifest")
    held_against = session.send("Page.getInstallabilityErrors")["installabilityErrors"]

    assert read["errors"] == []
    assert read["url"].endswith("/manifest.webmanifest?lang=fr")
    # The tests' windows are private ones, the one thing that a phone's is not.
    assert [error["errorId"] for error in held_against if error["errorId"] != "in-incognito"] == []
    chromium.close(page)


@pytest.fixture
def slugs(street: Sessions) -> list[str]:
    """Four shops by name, of which the first two have an offer."""
    with street.begin() as session:
        shops = [a_shop(session, name) for name in ("Abricot", "Boulange", "Chez Zoé", "Dentelle")]
        an_offer(session, shops[1], title="La première à finir", ends_at=NOW + dt.timedelta(hours=1))
        an_offer(session, shops[0], title="La dernière venue", now=NOW + dt.timedelta(minutes=1))
        return [shop.slug for shop in shops]


def home(chromium: Chromium, url: str, slugs: list[str], **how: Any) -> Page:
    """« Mes commerces » of somebody who follows these shops."""
    page = chromium.open(url, **how)
    for slug in slugs:
        page.goto(f"{url}/s/{slug}")
        page.get_by_role("button", name="Suivre", exact=True).click()
        expect(page.get_by_role("heading", name="Vous suivez ce commerce")).to_be_visible()
    page.goto(f"{url}/mes-commerces")
    return page


def titles(page: Page) -> list[str]:
    return page.locator("section[aria-labelledby=en-ce-moment] h3").all_inner_texts()


def levels(street: Sessions) -> list[Level]:
    with street() as session:
        return list(session.scalars(select(Follow.level).order_by(Follow.shop_id)))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_her_shops_bar_nobody_in_any_of_their_states(chromium: Chromium, url: str, slugs: list[str], scheme: Any):
    page = chromium.open(f"{url}/mes-commerces", scheme=scheme)
    assert chromium.barriers(page) == []
    chromium.close(page)
    page = home(chromium, url, slugs, scheme=scheme)
    page.locator("details").evaluate("one => { one.open = true; }")
    for slug in slugs[:3]:
        page.locator(f"#niveau-{slug}").select_option("always")
        expect(page.locator(f"#commerce-{slug} [data-says]")).to_be_visible()
    assert chromium.barriers(page) == []
    page.locator(f"#commerce-{slugs[3]}").get_by_role("button", name="Ne plus suivre").click()
    expect(page.get_by_text("Vous ne suivez plus Dentelle.")).to_be_visible()
    for width in (320, 360, 768, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert chromium.barriers(page) == [], width
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
    assert chromium.complaints(page) == []
    chromium.close(page)


def test_the_order_changes_in_place_and_stays_in_the_address(chromium: Chromium, url: str, slugs: list[str]):
    page = home(chromium, url, slugs)
    page.evaluate("window.stayed = true")
    assert titles(page) == ["La première à finir", "La dernière venue"]

    page.get_by_role("link", name="Les plus récentes").click()

    expect(page.get_by_role("link", name="Les plus récentes")).to_have_attribute("aria-current", "true")
    expect(page.get_by_role("link", name="Les plus récentes")).to_be_focused()
    assert titles(page) == ["La dernière venue", "La première à finir"]
    assert page.evaluate("window.stayed") is True
    page.reload()
    assert titles(page) == ["La dernière venue", "La première à finir"]
    chromium.close(page)


def test_a_level_is_saved_as_it_is_chosen_and_said_aloud(
    chromium: Chromium, url: str, slugs: list[str], street: Sessions
):
    page = home(chromium, url, slugs[:1])
    choice = page.get_by_label("Me prévenir")
    expect(page.get_by_role("button", name="Enregistrer")).to_be_hidden()

    choice.focus()
    choice.select_option("nearby")

    expect(page.locator("[data-said]")).to_have_text("C’est noté.")
    expect(choice).to_be_focused()
    expect(choice).to_have_value("nearby")
    assert levels(street) == [Level.NEARBY]
    assert chromium.complaints(page) == []
    chromium.close(page)


def test_what_is_chosen_while_the_last_choice_travels_is_what_holds(
    chromium: Chromium, url: str, slugs: list[str], street: Sessions
):
    page = home(chromium, url, slugs[:1])
    choice = page.get_by_label("Me prévenir")
    held: list[Route] = []
    page.route("**/level", lambda route: held.append(route), times=1)  # noqa: PLW0108 - a builtin is no handler

    choice.select_option("none")
    page.wait_for_function("document.querySelector('form.level').ariaBusy === 'true'")
    choice.select_option("nearby")
    expect(page.locator("[data-waiting]")).to_be_visible()
    held[0].continue_()

    expect(page.locator("[data-said]")).to_have_text("C’est noté.")
    expect(choice).to_have_value("nearby")
    assert levels(street) == [Level.NEARBY]
    chromium.close(page)


def test_leaving_may_be_undone_for_ten_seconds(chromium: Chromium, url: str, slugs: list[str], street: Sessions):
    page = home(chromium, url, slugs)
    page.clock.install(time=NOW)
    page.goto(f"{url}/mes-commerces")
    page.clock.pause_at(NOW + dt.timedelta(hours=1))
    entry = page.locator(f"#commerce-{slugs[0]}")

    entry.get_by_role("button", name="Ne plus suivre").click()
    expect(entry).to_be_focused()
    assert len(levels(street)) == 3
    assert titles(page) == ["La première à finir"]
    page.clock.run_for(9_900)
    entry.get_by_role("button", name="Annuler").click()
    expect(entry.get_by_label("Me prévenir")).to_be_visible()
    expect(entry).to_be_focused()
    assert len(levels(street)) == 4

    entry.get_by_role("button", name="Ne plus suivre").click()
    entry.get_by_role("button", name="Annuler").focus()
    page.clock.run_for(10_000)
    expect(entry.get_by_role("button", name="Annuler")).to_be_hidden()
    expect(entry).to_be_focused()
    expect(entry.get_by_role("link", name="Voir la page du commerce")).to_be_visible()
    assert chromium.complaints(page) == []
    chromium.close(page)


def test_a_network_that_fails_is_said_and_what_she_has_stays(
    chromium: Chromium, url: str, slugs: list[str], street: Sessions
):
    page = home(chromium, url, slugs[:2])
    page.context.set_offline(True)

    page.locator(f"#commerce-{slugs[0]}").get_by_role("button", name="Ne plus suivre").click()
    expect(page.get_by_role("alert")).to_contain_text("Cela n’a pas abouti")
    page.locator(f"#niveau-{slugs[0]}").select_option("none")
    expect(page.get_by_role("alert")).to_contain_text("Cela n’a pas abouti")
    assert chromium.barriers(page) == []
    page.context.set_offline(False)
    page.locator(f"#commerce-{slugs[0]}").get_by_role("button", name="Ne plus suivre").click()

    expect(page.get_by_text("Vous ne suivez plus Abricot.")).to_be_visible()
    assert len(levels(street)) == 1
    chromium.close(page)


def test_without_scripts_everything_is_there_with_a_button(
    chromium: Chromium, url: str, slugs: list[str], street: Sessions
):
    page = home(chromium, url, slugs[:1], scripts=False)

    page.get_by_label("Me prévenir").select_option("always")
    page.get_by_role("button", name="Enregistrer").click()
    expect(page.get_by_text("C’est noté.")).to_be_visible()
    assert levels(street) == [Level.ALWAYS]
    page.get_by_role("button", name="Ne plus suivre").click()
    page.get_by_role("button", name="Annuler").click()
    expect(page.get_by_label("Me prévenir")).to_have_value("always")
    chromium.close(page)
