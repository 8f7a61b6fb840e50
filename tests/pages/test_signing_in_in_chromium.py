"""Signing in as a person does it, in a real Chromium: the letter, the tap, the sessions; by day and by night."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.sessions import AccountSession
from citylife.letters import Letter
from tests.browser.chromium import Chromium
from tests.builders import a_merchant
from tests.pages.conftest import StandingClock

pytestmark = pytest.mark.long

Sessions = sessionmaker[Session]
EMAIL = "camille@boulangerie.example"


@pytest.fixture
def url(serve: Callable[..., Any], clock: StandingClock, street: Sessions) -> Iterator[str]:
    with street.begin() as session:
        a_merchant(session, EMAIL)
    with serve(clock) as url:
        yield url


def letter(street: Sessions) -> dict[str, Any]:
    with street() as session:
        content = session.scalars(select(Letter.content).order_by(Letter.id.desc())).first()
    assert content
    return content


def ask_for_a_letter(page: Page) -> None:
    """Give her address and wait for the page that says to look at her mail: the letter is written by then."""
    page.get_by_label("Votre adresse électronique").fill(EMAIL)
    page.get_by_role("button", name="Recevoir un lien").click()
    arrived(page, "Regardez votre courrier")


def arrived(page: Page, heading: str) -> None:
    """Wait for the page a tap leads to, whole: what leaves before it has come is a request that failed."""
    expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
    page.wait_for_load_state()


def go_on_without_a_passkey(page: Page) -> None:
    arrived(page, "La prochaine fois, sans courriel")
    page.get_by_role("link", name="Plus tard").click()
    arrived(page, "Vos commerces")


def wide(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def test_she_signs_in_by_the_link_with_scripts_blocked_and_out_again(chromium: Chromium, url: str, street: Sessions):
    page = chromium.open(f"{url}/connexion", scripts=False)
    ask_for_a_letter(page)
    page.goto(f"{url}/connexion/lien/{letter(street)['token']}")
    page.get_by_role("button", name="Se connecter").click()
    go_on_without_a_passkey(page)
    page.get_by_role("link", name="Mon compte").click()
    arrived(page, "Vous êtes connecté")
    expect(page.get_by_text(EMAIL)).to_be_visible()
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
    kept = cookies["__Host-citylife-merchant"]
    assert (kept["httpOnly"], kept["secure"], kept["sameSite"]) == (True, True, "Lax")
    page.get_by_role("button", name="Se déconnecter").click()
    arrived(page, "Connexion")
    assert "__Host-citylife-merchant" not in {cookie["name"] for cookie in page.context.cookies()}
    page.goto(f"{url}/compte")
    assert page.url == f"{url}/connexion"
    with street() as session:
        assert session.scalars(select(AccountSession.ended_at)).one() is not None
    assert chromium.complaints(page) == []
    chromium.close(page)


def test_a_page_of_another_site_cannot_sign_her_out(chromium: Chromium, url: str, street: Sessions, tmp_path: Path):
    page = chromium.open(f"{url}/connexion")
    ask_for_a_letter(page)
    page.get_by_label("Code à six chiffres").fill(letter(street)["code"])
    page.get_by_role("button", name="Se connecter", exact=True).click()
    go_on_without_a_passkey(page)
    page.get_by_role("link", name="Mon compte").click()
    arrived(page, "Vous êtes connecté")
    evil = tmp_path / "evil.html"
    evil.write_text(f'<form method="post" action="{url}/compte/deconnexion"><button>Gagnez !</button></form>')
    page.goto(evil.as_uri())
    page.get_by_role("button").click()
    arrived(page, "Demande venue d’ailleurs")
    page.goto(f"{url}/compte")
    arrived(page, "Vous êtes connecté")
    chromium.close(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 360, 1280])
def test_nothing_bars_anyones_way_in(chromium: Chromium, url: str, street: Sessions, scheme: Any, width: int):
    page = chromium.open(f"{url}/connexion", scheme=scheme, width=width)

    def judged(name: str, *, once: Locator) -> None:
        """Judge the page that shows `once`: a tap returns before the page it leads to is there."""
        expect(once).to_be_visible()
        page.wait_for_load_state()
        assert chromium.barriers(page) == [], name
        assert not wide(page), name
        small = page.evaluate(
            """() => [...document.querySelectorAll(
                "button, input:not([type=radio], [type=checkbox]), .choices label, .button")]
              .filter(one => one.getBoundingClientRect().height < 44).map(one => one.textContent.trim())"""
        )
        assert small == [], name

    judged("form", once=page.get_by_role("heading", name="Connexion", exact=True))
    page.get_by_label("Votre adresse électronique").fill("personne@nulle-part")
    page.get_by_role("button", name="Recevoir un lien").click()
    judged("wrong address", once=page.locator("[aria-invalid=true]"))
    ask_for_a_letter(page)
    page.get_by_label("Code à six chiffres").fill("12")
    page.get_by_role("button", name="Se connecter").click()
    judged("wrong code", once=page.locator("[aria-invalid=true]"))
    for browser in (0, 1):
        if browser:
            page.goto(f"{url}/connexion")
            ask_for_a_letter(page)
        page.goto(f"{url}/connexion/lien/{letter(street)['token']}")
        judged("link", once=page.get_by_role("heading", name="Se connecter à Citylife", exact=True))
        page.get_by_role("button", name="Se connecter").click()
        judged("passkey", once=page.get_by_role("button", name="Créer une clé d’accès"))
        page.get_by_role("link", name="Plus tard").click()
        judged("her shops", once=page.get_by_role("heading", name="Vos commerces", exact=True))
        page.get_by_role("link", name="Mon compte").click()
        judged("account", once=page.get_by_role("heading", name="Vous êtes connecté", exact=True))
    page.goto(f"{url}/connexion/lien/x")
    judged("spent link", once=page.get_by_role("heading", name="Ce lien ne sert plus", exact=True))
    chromium.close(page)
