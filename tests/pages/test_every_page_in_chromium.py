"""No address of the citizen's app is left out: each bars nobody in the dark, unfolded, on the narrowest phone."""

from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen
from citylife.reports import Report
from citylife.settings import Settings
from tests.browser.chromium import Chromium, Scheme
from tests.builders import a_citizen, a_citizen_with_token, a_shop, an_address_to_confirm, an_email_digest, an_offer
from tests.pages.test_first_view_in_chromium import EDGELESS, MOVING, WIDER
from tests.pages.test_pages_in_chromium import wide
from wsgi import create_app

pytestmark = pytest.mark.long

Sessions = sessionmaker[Session]
HERS: Final = ("citizen", "settings", "public", "email_digest", "docs")
"""The blueprints whose pages a citizen, or anybody, reads."""
ELSEWHERE: Final = {
    "public.read_latest": "test_pilot_in_chromium",
    "public.read_report": "test_pilot_in_chromium",
    "settings.read_receipt": "test_settings_in_chromium",
}
"""Pages whose states take a past to come to: who judges them."""
NO_PAGE: Final = {"public.read_sheet", "public.read_csv", "public.read_json", "public.read_atom", "settings.export"}
"""What is taken away as a file."""
ASKED_BY_A_FORM: Final = {
    "citizen.read_around_after_telling",
    "settings.read_phone_after_code",
    "settings.read_phone_after_recovery",
}
"""Where a reload of what a form answered leads back from."""


@pytest.fixture
def addresses(street: Sessions) -> dict[str, list[str]]:
    """An address of each page, by the name of its view; several where it has several faces."""
    with street.begin() as session:
        shop = a_shop(session, "Le Fournil", open_until="19:00")
        offer = an_offer(session, shop)
        asked = an_address_to_confirm(session, a_citizen(session), "marie@courrier.example")
        stop = an_email_digest(session, a_citizen(session), "rose@courrier.example").stop_token
    return {
        "citizen.read_welcome": ["/"],
        "citizen.read_around": ["/autour"],
        "citizen.read_search": ["/chercher?q=fournil"],
        "citizen.read_without_network": ["/hors-ligne"],
        "citizen.read_mine": ["/mes-commerces"],
        "citizen.read_shop": [f"/s/{shop.slug}"],
        "citizen.read_offer": [f"/o/{offer.id}"],
        "citizen.read_report": [f"/o/{offer.id}/signaler"],
        "public.read_accessibility": ["/accessibilite"],
        "public.read_commune": ["/c/62119"],
        "public.read_screen": ["/c/62119/ecran"],
        "public.read_privacy": ["/confidentialite"],
        "public.read_credits": ["/credits"],
        "public.read_legal_notice": ["/mentions-legales"],
        "email_digest.read_stop": [f"/courriel/arreter/{stop}", "/courriel/arreter/" + "a" * 43],
        "email_digest.read_confirmation": [f"/courriel/confirmer/{asked}", "/courriel/confirmer/" + "a" * 43],
        "settings.read_settings": ["/reglages"],
        "settings.read_by_mail": ["/reglages/courriel"],
        "settings.read_kept": ["/reglages/donnees"],
        "settings.read_erasing": ["/reglages/donnees/effacer"],
        "settings.read_places": ["/reglages/lieux"],
        "settings.read_history": ["/reglages/pourquoi"],
        "settings.read_phone": ["/reglages/telephone"],
        "docs.read_docs": ["/api/docs"],
        "docs.read_problem": ["/problems/not-found", "/problems/no-such-kind"],
        "": ["/s/nulle-part", "/o/019c0000-0000-7000-8000-000000000000", "/nulle-part"],
    }


def judge(chromium: Chromium, page: Page, address: str) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert chromium.barriers(page) == [], address
    assert not wide(page), address


def test_no_page_of_hers_is_left_out(addresses: dict[str, list[str]], sqlite_url: str, tmp_path: Path):
    app = create_app(Settings(instance=tmp_path / "instance", database_url=sqlite_url, log_level="CRITICAL"))
    read = {
        str(rule.endpoint)
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and rule.endpoint.partition(".")[0] in HERS
    }
    app.extensions["citylife"].close()

    assert read == {*addresses, *ELSEWHERE, *NO_PAGE, *ASKED_BY_A_FORM} - {""}


def test_each_bars_nobody_in_the_dark_on_a_narrow_phone(
    chromium: Chromium, url: str, addresses: dict[str, list[str]], street: Sessions
):
    page = chromium.open(url + addresses["citizen.read_shop"][0], scheme="dark", width=320)
    page.get_by_role("button", name="Suivre", exact=True).click()
    expect(page.get_by_role("heading", name="Vous suivez ce commerce")).to_be_visible()
    with street() as session:
        assert session.scalars(select(Citizen.id)).all()
    for address in (each for faces in addresses.values() for each in faces):
        page.goto(url + address)
        judge(chromium, page, address)
    chromium.close(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_only_a_deed_or_the_network_shows_bars_nobody_either(
    chromium: Chromium, url: str, addresses: dict[str, list[str]], street: Sessions, scheme: Scheme
):
    with street.begin() as session:
        citizen, token = a_citizen_with_token(session)
        an_address_to_confirm(session, citizen, "lea@courrier.example")
    page = chromium.open(url + addresses["citizen.read_report"][0], scheme=scheme)
    page.evaluate("document.querySelectorAll('[required]').forEach((each) => { each.required = false; })")
    with page.expect_navigation() as refused:
        page.get_by_role("button", name="Envoyer le signalement").click()
    assert refused.value is not None
    assert refused.value.status == 422
    expect(page.get_by_role("alert")).to_be_visible()
    judge(chromium, page, "a report without a reason")

    secure = url.replace("http:", "https:")
    page.context.add_cookies([{"name": "__Host-citylife", "value": token, "url": secure, "secure": True}])
    page.goto(f"{url}/reglages/courriel")
    expect(page.get_by_text("À confirmer")).to_be_visible()
    judge(chromium, page, "an address to confirm")

    page.goto(f"{url}{addresses['citizen.read_offer'][0]}?from=notification")
    judge(chromium, page, "an offer from a notification")

    page.goto(f"{url}/mes-commerces")
    page.evaluate("document.querySelectorAll('[data-network] [hidden]').forEach((each) => { each.hidden = false; })")
    expect(page.get_by_text("Le réseau est revenu.")).to_be_visible()
    judge(chromium, page, "all that the frame may say of the network")
    chromium.close(page)


def test_each_keeps_its_edges_its_peace_and_its_width_however_it_is_read(
    chromium: Chromium, url: str, addresses: dict[str, list[str]]
):
    page = chromium.open(url + addresses["citizen.read_shop"][0])
    page.get_by_role("button", name="Suivre", exact=True).click()
    expect(page.get_by_role("heading", name="Vous suivez ce commerce")).to_be_visible()
    page.emulate_media(forced_colors="active")
    page.context.new_cdp_session(page).send("Page.setFontSizes", {"fontSizes": {"standard": 32}})
    for address in (each for faces in addresses.values() for each in faces):
        page.goto(url + address)
        for width in (360, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate(WIDER) <= 0, (address, width, "letters of twice the size")
        assert page.evaluate(EDGELESS) == [], address
        assert page.evaluate(MOVING) == [], address
    chromium.close(page)


def test_by_the_keyboard_alone_from_the_search_to_a_code_for_the_till_and_a_report(
    chromium: Chromium, url: str, addresses: dict[str, list[str]], street: Sessions
):
    page = chromium.open(f"{url}/chercher")

    def press(role: Any, name: str, key: str = "Enter") -> None:
        """Go on with the tabulator until the focus is there, and press a key."""
        wanted = page.get_by_role(role, name=name).first
        for _ in range(60):
            page.keyboard.press("Tab")
            if wanted.count() and wanted.evaluate("one => one === document.activeElement"):
                page.keyboard.press(key)
                return
        raise AssertionError(f"the keyboard does not reach {role} {name} at {page.url}")

    page.locator("input[name=q]").focus()
    page.keyboard.type("fournil")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Le Fournil").first).to_be_visible()
    press("link", "Le Fournil")
    expect(page.get_by_role("heading", level=1)).to_have_text("Le Fournil")
    press("button", "Suivre")
    expect(page.get_by_role("heading", name="Vous suivez ce commerce")).to_be_focused()
    page.goto(f"{url}/mes-commerces")
    press("link", "Pains à moitié prix")
    expect(page.get_by_role("heading", level=1)).to_have_text("Pains à moitié prix")
    press("button", "Prendre un code")
    expect(page.locator(".till-code")).to_be_visible()
    press("link", "Signaler cette annonce")
    expect(page.get_by_role("heading", level=1)).to_have_text("Signaler une annonce")
    page.keyboard.press("Tab")
    press("radio", "", "Space")
    press("button", "Envoyer")
    page.wait_for_url("**entendu=1**")
    with street() as session:
        assert session.scalars(select(Report.id)).one()
    chromium.close(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_a_letter_s_links_answer_bars_nobody(
    chromium: Chromium, url: str, addresses: dict[str, list[str]], scheme: Any
):
    page = chromium.open(url + "/credits", scheme=scheme)
    for view in ("email_digest.read_confirmation", "email_digest.read_stop"):
        page.goto(url + addresses[view][0])
        judge(chromium, page, view)
        page.locator("main form button").first.click()
        page.wait_for_load_state()
        judge(chromium, page, f"{view}, pressed")
    chromium.close(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_being_asked_being_told_and_what_is_refused_bar_nobody(
    chromium: Chromium, url: str, addresses: dict[str, list[str]], scheme: Any
):
    """Chromium cannot subscribe here: what the page shows then is brought about by hand."""
    page = chromium.open(url + addresses["citizen.read_shop"][0], scheme=scheme)
    page.get_by_role("button", name="Suivre", exact=True).click()
    expect(page.get_by_role("heading", name="Vous suivez ce commerce")).to_be_visible()
    for state, words in (("asking", "répondez « Autoriser »"), ("on", "Cet appareil sera prévenu")):
        page.evaluate(
            """state => document.querySelectorAll("notify-me [data-state]").forEach((one) => {
              one.hidden = !one.dataset.state.split(" ").includes(state); })""",
            state,
        )
        expect(page.get_by_text(words)).to_be_visible()
        judge(chromium, page, state)
    page.goto(f"{url}/reglages/telephone")
    page.locator("main details summary").press("Enter")
    page.locator("input[name=code]").fill("pas un code")
    page.get_by_role("button", name="Retrouver mes commerces ici").press("Enter")
    expect(page.locator("input[name=code][aria-invalid=true]")).to_be_visible()
    judge(chromium, page, "a code that is none")
    chromium.close(page)
