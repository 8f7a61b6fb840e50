"""The settings in a real Chromium: no state bars anybody, a position leaves rounded, a scanned code is written."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Page, Request, expect
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen
from citylife.ledger.tables import Decision, Message, Outcome, Reason
from citylife.places import Place
from tests.browser.chromium import Chromium
from tests.builders import NOW, a_place, a_shop, an_email_digest, an_offer, consent

pytestmark = pytest.mark.long

Sessions = sessionmaker[Session]
HERE = (50.52914, 2.64987)
WIDTHS = {"light": (320, 360, 1280), "dark": (360,)}
"""In which widths a state is judged: its colours are the same in all of them."""
SETTINGS = ("", "/pourquoi", "/lieux", "/telephone", "/courriel", "/donnees", "/donnees/effacer")


@pytest.fixture
def shop_page(url: str, street: Sessions) -> str:
    with street.begin() as session:
        shop = a_shop(session, "Le Fournil")
        shop.fictional = True
        return f"{url}/s/{shop.slug}"


@pytest.fixture
def followed(chromium: Chromium, shop_page: str) -> Iterator[Page]:
    """The page of somebody who follows a shop, and has agreed to nothing."""
    page = chromium.open(shop_page)
    follow(page)
    yield page
    chromium.close(page)


def follow(page: Page) -> None:
    page.get_by_role("button", name="Suivre", exact=True).click()
    expect(page.get_by_role("heading", name="Vous suivez ce commerce")).to_be_visible()


def bars_nobody(chromium: Chromium, page: Page, scheme: str, state: str) -> None:
    """Nothing for axe to find, and nothing wider than the window."""
    for details in page.locator("main details").all():
        details.evaluate("one => { one.open = true; }")
    for width in WIDTHS[scheme]:
        page.set_viewport_size({"width": width, "height": 800})
        assert chromium.barriers(page) == [], (state, width)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (state, width)


def enrich(street: Sessions) -> None:
    """Let her have a place, an answer, an address, and two offers that were announced or not."""
    with street.begin() as session:
        her = session.scalars(select(Citizen)).one()
        consent(session, her)
        a_place(session, her)
        an_email_digest(session, her)
        shop = a_shop(session, "Zinc")
        shop.fictional = True
        for outcome, reason in ((Outcome.SEND, Reason.FOLLOWS), (Outcome.HELD, Reason.WEEK_SPENT)):
            offer = an_offer(session, shop)
            message = session.scalars(select(Message).where(Message.offer_id == offer.id)).one()
            decided = {"outcome": outcome, "reason": reason, "decided_at": NOW}
            session.add(Decision(citizen_id=her.id, message_id=message.id, **decided))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_who_is_nobody_yet_is_barred_by_nothing(chromium: Chromium, url: str, scheme: Any):
    page = chromium.open(f"{url}/credits", scheme=scheme)
    page.wait_for_load_state("networkidle")
    for path in SETTINGS[:-1]:
        page.goto(f"{url}/reglages{path}", wait_until="networkidle")
        bars_nobody(chromium, page, scheme, path)
    assert chromium.complaints(page) == []
    chromium.close(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_state_of_hers_bars_anybody(chromium: Chromium, url: str, followed: Page, street: Sessions, scheme: Any):
    page = followed
    page.emulate_media(color_scheme=scheme)
    for path in ("/lieux", "/courriel"):
        page.goto(f"{url}/reglages{path}")
        bars_nobody(chromium, page, scheme, f"a consent to give {path}")
    enrich(street)
    for path in SETTINGS:
        page.goto(f"{url}/reglages{path}")
        bars_nobody(chromium, page, scheme, path)
    for button in ("Obtenir un code", "Obtenir un code de secours"):
        page.goto(f"{url}/reglages/telephone")
        page.get_by_role("button", name=button, exact=True).click()
        expect(page.locator(".code-big")).to_be_visible()
        bars_nobody(chromium, page, scheme, button)
    assert chromium.complaints(page) == []
    page.goto(f"{url}/reglages")
    page.locator("#weekly_budget").evaluate("one => { one.max = ''; one.value = '99'; }")
    page.locator("#budget").get_by_role("button", name="Enregistrer").click()
    expect(page.locator("#weekly_budget-probleme")).to_be_visible()
    bars_nobody(chromium, page, scheme, "a fault")
    page.goto(f"{url}/reglages/donnees/effacer")
    page.get_by_label("J’ai compris").check()
    page.get_by_role("button", name="Tout effacer").click()
    expect(page.get_by_role("heading", name="Reçu d’effacement")).to_be_visible()
    bars_nobody(chromium, page, scheme, "a receipt")


def test_a_setting_is_saved_by_the_keyboard_and_said_where_she_is(chromium: Chromium, url: str, followed: Page):
    page = followed
    page.goto(f"{url}/reglages")

    page.get_by_label("Par semaine, au plus").fill("3")
    page.keyboard.press("Enter")

    expect(page.locator("#budget").get_by_role("status")).to_have_text("Enregistré.")
    expect(page.locator("#budget").get_by_role("status")).to_be_in_viewport()
    expect(page.get_by_label("Par semaine, au plus")).to_have_value("3")
    assert chromium.complaints(page) == []


def test_her_position_leaves_her_phone_rounded_and_only_with_her_consent(
    chromium: Chromium, url: str, followed: Page, street: Sessions
):
    page = followed
    page.context.grant_permissions(["geolocation"], origin=url)
    page.context.set_geolocation({"latitude": HERE[0], "longitude": HERE[1]})
    page.goto(f"{url}/reglages/lieux")
    sent: list[Request] = []
    page.on("request", lambda one: sent.append(one))  # noqa: PLW0108 - a builtin is no handler

    page.get_by_role("button", name="Ma position, une fois").click()
    expect(page.get_by_label("J’accepte")).to_be_focused()
    assert all("/assets/" in one.url for one in sent), "nothing leaves before she agrees, but for the page's own pieces"
    page.get_by_label("J’accepte").check()
    page.get_by_role("button", name="Ma position, une fois").click()

    expect(page.get_by_role("heading", name="Environ 4,5 km² à")).to_be_visible()
    [posted] = [parse_qs(one.post_data or "") for one in sent if one.method == "POST"]
    assert (posted["latitude"], posted["longitude"]) == (["50.53"], ["2.65"])
    assert not any("50.529" in f"{one.url} {one.post_data}" for one in sent)
    with street() as session:
        assert session.scalars(select(Place)).one().cell is not None
    assert chromium.complaints(page) == []


def test_a_browser_that_gives_no_position_says_so_and_a_commune_is_chosen_all_the_same(
    chromium: Chromium, url: str, followed: Page
):
    page = followed
    page.goto(f"{url}/reglages/lieux")
    page.get_by_label("J’accepte").check()

    page.get_by_role("button", name="Ma position, une fois").click()
    expect(page.get_by_role("alert")).to_contain_text("Votre navigateur ne donne pas votre position")
    page.get_by_label("Une commune").select_option("62119")
    page.get_by_role("button", name="Garder cette commune").click()

    expect(page.get_by_role("heading", name="Béthune", exact=True)).to_be_visible()


def test_a_scanned_code_is_written_leaves_the_address_and_is_sent_to_nobody_by_itself(
    chromium: Chromium, url: str, followed: Page
):
    followed.goto(f"{url}/reglages/telephone")
    followed.get_by_role("button", name="Obtenir un code", exact=True).click()
    code = followed.locator(".code-big").inner_text()
    other = chromium.open(f"{url}/credits")
    other.wait_for_load_state("networkidle")
    asked: list[Request] = []
    other.on("request", lambda one: asked.append(one))  # noqa: PLW0108 - a builtin is no handler

    other.goto(f"{url}/reglages/telephone#{code}")

    expect(other.get_by_label("Code", exact=True)).to_have_value(code)
    assert other.url == f"{url}/reglages/telephone"
    assert {one.method for one in asked} == {"GET"}
    other.get_by_role("button", name="Retrouver mes commerces ici").click()
    expect(other.get_by_text("C’est fait")).to_be_visible()
    other.goto(f"{url}/mes-commerces")
    expect(other.get_by_role("heading", name="Le Fournil")).to_be_visible()
    assert chromium.complaints(other) == []
    chromium.close(other)


def test_the_printed_sheet_is_the_code_and_what_to_do_with_it(url: str, followed: Page):
    page = followed
    page.goto(f"{url}/reglages/telephone")
    page.get_by_role("button", name="Obtenir un code de secours").click()
    expect(page.get_by_role("button", name="Imprimer")).to_be_visible()

    page.emulate_media(media="print")

    for seen in (".code-big", ".qr svg", ".prose-list"):
        expect(page.locator(seen)).to_be_visible()
    for left_out in ("nav.tabs", ".jump-back", ".not-on-paper", "[data-print]"):
        expect(page.locator(left_out)).to_be_hidden()


def test_erasing_clears_what_the_browser_kept_of_her_too(url: str, followed: Page):
    page = followed
    page.evaluate("localStorage.setItem('kept', 'searches')")
    page.goto(f"{url}/reglages/donnees/effacer")
    page.get_by_label("J’ai compris").check()

    page.get_by_role("button", name="Tout effacer").click()

    expect(page.get_by_role("heading", name="Reçu d’effacement")).to_be_visible()
    assert page.evaluate("localStorage.length") == 0
    assert [one["name"] for one in page.context.cookies() if "language" not in one["name"]] == []


def test_without_scripts_no_button_is_dead(chromium: Chromium, shop_page: str, url: str):
    page = chromium.open(shop_page, scripts=False)
    page.get_by_role("button", name="Suivre", exact=True).click()
    page.goto(f"{url}/reglages/lieux")
    expect(page.get_by_role("button", name="Ma position, une fois")).to_be_hidden()

    page.get_by_label("Une commune").select_option("62119")
    page.get_by_label("J’accepte").check()
    page.get_by_role("button", name="Garder cette commune").click()
    expect(page.get_by_role("heading", name="Béthune", exact=True)).to_be_visible()
    page.goto(f"{url}/reglages/telephone")
    page.get_by_role("button", name="Obtenir un code de secours").click()
    expect(page.get_by_role("button", name="Imprimer")).to_be_hidden()
    chromium.close(page)
