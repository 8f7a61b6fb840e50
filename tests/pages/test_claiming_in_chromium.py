"""Claiming a shop in a real Chromium: addresses as one types, the map moved under its pin, and nothing bars anyone."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.geodesics import distances
from citylife.letters import Letter
from citylife.shops import Shop, ShopStatus
from tests import builders
from tests.browser.chromium import Chromium
from tests.builders import BETHUNE
from tests.doubles.address_service import Known, PlayedAddressService, Trouble, an_address_service
from tests.doubles.company_service import Establishment, PlayedCompanyService, a_company_service
from tests.doubles.map_tiles import MapTiles
from tests.pages.conftest import StandingClock

pytestmark = pytest.mark.long

Sessions = sessionmaker[Session]
COOKIE = "__Host-citylife-merchant"
SIRET = "73282932000074"
TYPED = "12 rue de lille"
LABEL = "12 Rue de Lille 62400 Béthune"
DOOR = (50.5301, 2.6403)
RIGHT = Known(*DOOR, BETHUNE, label=LABEL)
SECOND = Known(50.5200, 2.6300, BETHUNE, label="12 Rue de Lillers 62400 Béthune", name="12 Rue de Lillers")


@pytest.fixture
def addresses() -> Iterator[PlayedAddressService]:
    with an_address_service() as played:
        played.known = {TYPED: [RIGHT, SECOND], LABEL: [RIGHT]}
        yield played
        assert played.faults == []


@pytest.fixture
def companies() -> Iterator[PlayedCompanyService]:
    with a_company_service(Establishment(SIRET)) as played:
        yield played
        assert played.faults == []


@pytest.fixture
def url(
    serve: Callable[..., Any],
    clock: StandingClock,
    street: Sessions,
    addresses: PlayedAddressService,
    companies: PlayedCompanyService,
) -> Iterator[str]:
    with street.begin() as session:
        builders.a_shop(session, "Le Moulin", status=ShopStatus.LISTED)
    with (
        MapTiles() as tiles,
        serve(clock, map_tiles=tiles.url, geocoder_url=addresses.url, companies_url=companies.url) as url,
    ):
        yield url


@pytest.fixture
def token(street: Sessions) -> str:
    with street.begin() as session:
        return builders.signed_in(session, builders.a_merchant(session))


def opened(chromium: Chromium, url: str, token: str, **seen: Any) -> Page:
    page = chromium.open(f"{url}/connexion", **seen)
    page.context.add_cookies([{"name": COOKIE, "value": token, "url": url.replace("http:", "https:"), "secure": True}])
    page.goto(f"{url}/commerce/nouveau")
    return page


def judged(chromium: Chromium, page: Page, name: str) -> None:
    page.wait_for_load_state()
    assert chromium.barriers(page) == [], name
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"), name
    small = page.evaluate(
        """() => [...document.querySelectorAll(
            "main input:not([type=radio], [type=hidden]), main select, main label:has(input), main button, main .button"
          )]
          .filter(one => one.checkVisibility() && one.getBoundingClientRect().height < 44)
          .map(one => one.textContent.trim())"""
    )
    assert small == [], name
    if os.environ.get("SHOTS"):
        page.screenshot(path=f"{os.environ['SHOTS']}/{name}.png", full_page=True)


def arrived(page: Page, heading: str) -> None:
    expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
    page.wait_for_load_state()


def the_shop(street: Sessions) -> Shop:
    with street() as session:
        return session.scalars(select(Shop).where(Shop.status == ShopStatus.CLAIMED)).one()


def test_by_keyboard_alone_from_the_siret_to_the_pin(chromium: Chromium, url: str, token: str, street: Sessions):
    page = opened(chromium, url, token)
    page.get_by_label("Numéro SIRET").fill("732 829 320 00074")
    page.get_by_role("button", name="Proposer d’après le SIRET").press("Enter")
    expect(page.get_by_label("Nom du commerce")).to_have_value("CHEZ LEON")
    page.wait_for_load_state()
    page.get_by_label("Nom du commerce").fill("Chez Léon")
    page.get_by_label("Catégorie").select_option("bakery")
    field = page.get_by_role("combobox", name="Adresse")
    field.fill("")
    field.press_sequentially(TYPED)
    expect(page.get_by_role("listbox").get_by_role("option")).to_have_count(2)
    expect(page.get_by_text("2 adresses proposées.")).to_be_attached()
    field.press("ArrowDown")
    field.press("ArrowDown")
    field.press("ArrowUp")
    expect(page.get_by_role("option", name=LABEL)).to_have_attribute("aria-selected", "true")
    field.press("Enter")
    expect(field).to_have_value(LABEL)
    expect(page.get_by_role("listbox")).to_be_hidden()
    page.get_by_role("button", name="Continuer").press("Enter")
    arrived(page, "Est-ce bien cela ?")
    expect(page.get_by_text("Le repère est à l’adresse.")).to_be_visible()
    surface = page.get_by_role("application")
    surface.focus()
    for _ in range(4):
        surface.press("ArrowRight")
    expect(page.get_by_text("de l’adresse.")).not_to_have_text("Le repère est à l’adresse.")
    page.get_by_role("button", name="Demander à tenir ce commerce").press("Enter")
    arrived(page, "Chez Léon")
    expect(page.get_by_text("En cours de vérification")).to_be_visible()
    shop = the_shop(street)
    (away,) = distances(*DOOR, [(shop.latitude, shop.longitude)])
    assert 20 < away < 100
    assert shop.longitude > DOOR[1]
    assert abs(shop.latitude - DOOR[0]) < 0.0001
    assert shop.street == "12 Rue de Lille"
    assert chromium.complaints(page) == []
    chromium.close(page)


def test_a_touch_moves_the_pin_and_the_address_takes_it_back(
    chromium: Chromium, url: str, token: str, addresses: PlayedAddressService
):
    page = opened(chromium, url, token)
    filled(page, TYPED)
    page.get_by_role("button", name="Continuer").click()
    arrived(page, "Est-ce bien cela ?")
    there = page.get_by_text("Le repère est à l’adresse.")
    expect(there).to_be_visible()
    surface = page.get_by_role("application")
    surface.click(position={"x": 60, "y": 60})
    expect(there).to_be_hidden()
    assert page.locator("[name=pin]").input_value() != ""
    page.get_by_role("button", name="Remettre à l’adresse").click()
    expect(there).to_be_visible()
    assert page.locator("[name=pin]").input_value() == ""
    surface.click(position={"x": 60, "y": 60})
    expect(there).to_be_hidden()
    page.get_by_role("radio", name="12 Rue de Lillers").check()
    expect(there).to_be_visible()
    assert page.locator("[name=pin]").input_value() == "", "another address, another place"
    assert chromium.complaints(page) == []
    chromium.close(page)


def test_with_scripts_blocked_it_stands_where_the_address_says(
    chromium: Chromium, url: str, token: str, street: Sessions
):
    page = opened(chromium, url, token, scripts=False)
    filled(page, LABEL)
    page.get_by_role("button", name="Continuer").click()
    arrived(page, "Est-ce bien cela ?")
    expect(page.get_by_role("application")).to_have_count(0)
    page.get_by_role("button", name="Demander à tenir ce commerce").click()
    arrived(page, "Chez Léon")
    shop = the_shop(street)
    assert (shop.latitude, shop.longitude) == DOOR
    chromium.close(page)


def test_a_slow_service_keeps_nobody_waiting_for_long(
    chromium: Chromium, url: str, token: str, addresses: PlayedAddressService
):
    addresses.always = Trouble(body=b"{}", seconds=60)
    page = opened(chromium, url, token)
    filled(page, "12 rue de Lille Béthune")
    page.get_by_role("button", name="Continuer").click()
    arrived(page, "Est-ce bien cela ?")
    expect(page.get_by_text("Le service d’adresses ne répond pas.")).to_be_visible()
    expect(page.get_by_label("Commune")).to_have_value(BETHUNE)
    there = page.get_by_text("Le repère est à l’adresse.")
    expect(there).to_be_visible()
    page.get_by_role("application").click(position={"x": 60, "y": 60})
    expect(there).to_be_hidden()
    moved = page.locator("[name=pin]").input_value()
    page.get_by_label("Numéro et rue").fill("14 rue de Lille")
    page.get_by_label("Code postal").fill("62400")
    page.get_by_label("Code postal").blur()
    assert page.locator("[name=pin]").input_value() == moved != "", "another number in the street moves no pin"
    chromium.close(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_bars_the_way_to_a_claim(  # noqa: PLR0917 - fixtures
    chromium: Chromium, url: str, token: str, addresses: PlayedAddressService, scheme: Any, width: int
):
    page = opened(chromium, url, token, scheme=scheme, width=width)
    arrived(page, "Ajouter votre commerce")
    judged(chromium, page, f"claim-{width}-{scheme}")
    page.get_by_label("Nom, métier ou commune").fill("moulin")
    page.get_by_role("button", name="Chercher mon commerce").click()
    expect(page.get_by_role("link", name="C’est le mien")).to_be_visible()
    judged(chromium, page, f"claim-found-{width}-{scheme}")
    page.get_by_role("link", name="C’est le mien").click()
    arrived(page, "Le Moulin")
    judged(chromium, page, f"claim-listed-{width}-{scheme}")
    page.goto(f"{url}/commerce/nouveau")
    filled(page, "x")
    page.get_by_label("Numéro SIRET").fill("12")
    field = page.get_by_role("combobox", name="Adresse")
    field.fill("")
    field.press_sequentially(TYPED)
    expect(page.get_by_role("listbox").get_by_role("option")).to_have_count(2)
    field.press("ArrowDown")
    judged(chromium, page, f"claim-typed-{width}-{scheme}")
    field.press("Escape")
    page.get_by_role("button", name="Continuer").click()
    expect(page.locator("#number-probleme")).to_be_visible()
    judged(chromium, page, f"claim-wrong-{width}-{scheme}")
    page.get_by_label("Numéro SIRET").fill(SIRET)
    page.get_by_role("button", name="Continuer").click()
    arrived(page, "Est-ce bien cela ?")
    expect(page.get_by_text("Le repère est à l’adresse.")).to_be_visible()
    judged(chromium, page, f"claim-confirm-{width}-{scheme}")
    addresses.always = Trouble(500)
    page.get_by_role("button", name="Modifier").click()
    arrived(page, "Ajouter votre commerce")
    page.get_by_role("button", name="Continuer").click()
    arrived(page, "Est-ce bien cela ?")
    judged(chromium, page, f"claim-away-{width}-{scheme}")
    page.get_by_label("Commune").select_option(BETHUNE)
    page.get_by_role("button", name="Demander à tenir ce commerce").click()
    arrived(page, "Chez Léon")
    judged(chromium, page, f"claimed-{width}-{scheme}")
    assert [said for said in chromium.complaints(page) if "422" not in said] == []
    chromium.close(page)


def filled(page: Page, address: str) -> None:
    page.get_by_label("Numéro SIRET").fill(SIRET)
    page.get_by_label("Nom du commerce").fill("Chez Léon")
    page.get_by_label("Catégorie").select_option("bakery")
    page.get_by_label("Adresse", exact=False).first.fill(address)


def test_from_an_address_to_a_claim_that_waits_by_keyboard(chromium: Chromium, url: str, street: Sessions):
    """The whole way of somebody who is nobody yet: her address, the letter, the account, the shop, the pin."""
    page = chromium.open(f"{url}/commerce/nouveau")
    judged(chromium, page, "begin-360-light")
    page.get_by_label("Votre adresse électronique").fill("lea@fleurs.example")
    page.get_by_role("button", name="Recevoir un lien").press("Enter")
    arrived(page, "Regardez votre courrier")
    with street() as session:
        content = session.scalars(select(Letter.content).order_by(Letter.id.desc())).first()
    assert content
    page.goto(f"{url}/connexion/lien/{content['token']}?vers={content['onward']}")
    judged(chromium, page, "begin-link-360-light")
    page.get_by_role("button", name="Se connecter").press("Enter")
    arrived(page, "La prochaine fois, sans courriel")
    page.get_by_role("link", name="Plus tard").press("Enter")
    arrived(page, "Ajouter votre commerce")
    filled(page, LABEL)
    page.get_by_role("button", name="Continuer").press("Enter")
    arrived(page, "Est-ce bien cela ?")
    surface = page.get_by_role("application")
    expect(page.get_by_text("Le repère est à l’adresse.")).to_be_visible()
    surface.focus()
    surface.press("ArrowUp")
    expect(page.get_by_text("Le repère est à l’adresse.")).to_be_hidden()
    page.get_by_role("button", name="Demander à tenir ce commerce").press("Enter")
    arrived(page, "Chez Léon")
    expect(page.get_by_text("En cours de vérification")).to_be_visible()
    shop = the_shop(street)
    assert shop.latitude > DOOR[0]
    assert chromium.complaints(page) == []
    chromium.close(page)
