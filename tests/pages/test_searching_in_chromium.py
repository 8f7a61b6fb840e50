"""« Chercher » in a real Chromium: what is found as one types, and what the phone keeps of it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy.orm import Session, sessionmaker

from tests.browser.chromium import Chromium
from tests.builders import a_shop, an_offer
from tests.pages.conftest import StandingClock

pytestmark = pytest.mark.long

Sessions = sessionmaker[Session]


@pytest.fixture
def url(serve: Callable[..., Any], clock: StandingClock, street: Sessions) -> Iterator[str]:
    with street.begin() as session:
        shop = a_shop(session, "Boulangerie du Beffroi")
        an_offer(session, shop, title="Tarte au sucre")
        a_shop(session, "Librairie Neuve", category="books")
    with serve(clock) as url:
        yield url


def found(page: Page) -> list[str]:
    """The shops that were found."""
    return page.locator("section[aria-labelledby=commerces-trouves] h3").all_inner_texts()


def test_it_finds_as_one_types_and_forgives_haste(chromium: Chromium, url: str):
    page = chromium.open(f"{url}/chercher")
    page.evaluate("window.stayed = true")
    assert len(found(page)) == 2

    page.get_by_label("Nom, métier ou commune").press_sequentially("boulangrie du befroi")

    expect(page.locator("[data-said]")).to_contain_text("1 commerce.")
    assert found(page) == ["Boulangerie du Beffroi"]
    expect(page.get_by_label("Nom, métier ou commune")).to_be_focused()
    assert page.evaluate("[window.stayed, location.search]") == [True, "?q=boulangrie+du+befroi"]
    assert chromium.complaints(page) == []
    chromium.close(page)


def test_it_asks_once_for_what_is_typed_in_one_go_and_never_for_one_letter(chromium: Chromium, url: str):
    page = chromium.open(f"{url}/chercher")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "?" in request.url else None)

    page.get_by_label("Nom, métier ou commune").press_sequentially("t")
    page.clock.install()
    page.clock.run_for(1_000)
    assert asked == []
    page.get_by_label("Nom, métier ou commune").fill("tarte")

    expect(page.locator("#resultats h3")).to_have_text(["Tarte au sucre"])
    assert asked == [f"{url}/chercher?q=tarte"]
    chromium.close(page)


def test_a_late_answer_never_takes_the_place_of_a_newer_one(chromium: Chromium, url: str):
    page = chromium.open(f"{url}/chercher")
    held: list[Route] = []
    page.route("**/chercher?q=librairie", lambda route: held.append(route))  # noqa: PLW0108 - a builtin is no handler
    field = page.get_by_label("Nom, métier ou commune")

    with page.expect_request("**/chercher?q=librairie"):
        field.fill("librairie")
    expect(page.locator("[data-waiting]")).to_be_visible()
    field.fill("tarte")
    expect(page.locator("#resultats h3")).to_have_text(["Tarte au sucre"])
    expect(page.get_by_role("alert")).to_be_hidden()
    assert page.evaluate("location.search") == "?q=tarte"
    chromium.close(page)


def test_a_network_that_fails_is_said_and_asked_again(chromium: Chromium, url: str):
    page = chromium.open(f"{url}/chercher")
    page.context.set_offline(True)
    field = page.get_by_label("Nom, métier ou commune")

    field.fill("tarte")
    expect(page.get_by_role("alert")).to_contain_text("La recherche n’a pas abouti")
    assert chromium.barriers(page) == []
    page.context.set_offline(False)
    field.press("Enter")

    expect(page.locator("#resultats h3")).to_have_text(["Tarte au sucre"])
    chromium.close(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_its_states_bar_nobody(chromium: Chromium, url: str, scheme: Any):
    page = chromium.open(f"{url}/chercher", scheme=scheme)
    page.locator("summary").click()
    assert chromium.barriers(page) == []
    field = page.get_by_label("Nom, métier ou commune")
    for words, told in (("beffroi", "1 commerce."), ("zzzz", "Rien trouvé pour")):
        field.fill(words)
        expect(page.locator("[data-said]")).to_contain_text(told)
        field.press("Enter")
        for width in (320, 360, 768, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            assert chromium.barriers(page) == [], (words, width)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (words, width)
    page.goto(f"{url}/chercher")
    expect(page.get_by_role("heading", name="Vos dernières recherches")).to_be_visible()
    assert chromium.barriers(page) == []
    chromium.close(page)


def test_recent_searches_stay_on_the_phone_until_they_are_cleared(chromium: Chromium, url: str):
    page = chromium.open(f"{url}/chercher")
    field = page.get_by_label("Nom, métier ou commune")
    expect(page.locator("recent-searches")).to_be_hidden()
    for words, told in (("librairie", "commerce."), ("<b>beffroi</b>", "Rien trouvé"), ("Librairie", "commerce.")):
        field.fill(words)
        field.press("Enter")
        expect(page.locator("[data-said]")).to_contain_text(told)
    field.fill("tarte")
    page.get_by_role("link", name="Tarte au sucre").click()
    page.goto(f"{url}/chercher")

    recent = page.locator("recent-searches a")
    expect(recent).to_have_text(["tarte", "Librairie", "<b>beffroi</b>"])
    recent.nth(1).click()
    page.wait_for_url("**/chercher?q=Librairie")
    assert found(page) == ["Librairie Neuve"]
    expect(page.get_by_label("Nom, métier ou commune")).to_have_value("Librairie")
    page.get_by_role("button", name="Les effacer").click()

    expect(page.locator("recent-searches")).to_be_hidden()
    expect(page.get_by_label("Nom, métier ou commune")).to_be_focused()
    assert page.evaluate("localStorage.length") == 0
    page.reload()
    expect(page.locator("recent-searches")).to_be_hidden()
    assert chromium.complaints(page) == []
    chromium.close(page)


def test_without_scripts_the_form_finds_the_same(chromium: Chromium, url: str):
    page = chromium.open(f"{url}/chercher", scripts=False)

    page.get_by_label("Nom, métier ou commune").fill("befroi")
    page.get_by_role("button", name="Chercher").click()
    page.wait_for_url("**/chercher?*")

    assert found(page) == ["Boulangerie du Beffroi"]
    chromium.close(page)
