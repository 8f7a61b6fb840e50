"""A passkey in a real Chromium, on a device that the browser plays: made after the first letter, used from then on."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import CDPSession, Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.passkeys import Passkey
from citylife.letters import Letter, LetterKind
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


def a_device(page: Page, *, seen: bool = True) -> tuple[CDPSession, str]:
    """Give the page a device with passkeys, which sees whoever holds it, or does not; how to speak to it."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": seen,
        "automaticPresenceSimulation": True,
    }
    return session, session.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]


def by_letter(page: Page, street: Sessions) -> None:
    """Come in by the code of a letter."""
    page.get_by_label("Votre adresse électronique").fill(EMAIL)
    page.get_by_role("button", name="Recevoir un lien").click()
    expect(page.get_by_role("heading", name="Regardez votre courrier")).to_be_visible()
    with street() as session:
        wanted = select(Letter.content).where(Letter.kind == LetterKind.SIGN_IN).order_by(Letter.id.desc())
        content = session.scalars(wanted).first()
    assert content
    page.get_by_label("Code à six chiffres").fill(content["code"])
    page.get_by_role("button", name="Se connecter", exact=True).click()


def make(page: Page) -> None:
    page.get_by_role("button", name="Créer une clé d’accès").click()


def test_she_makes_a_passkey_after_the_first_letter_and_needs_none_again(
    chromium: Chromium, url: str, street: Sessions
):
    page = chromium.open(f"{url}/connexion")
    session, device = a_device(page)
    by_letter(page, street)
    expect(page.get_by_role("heading", name="La prochaine fois, sans courriel")).to_be_visible()
    assert chromium.barriers(page) == []
    make(page)
    expect(page.get_by_role("heading", name="Vos commerces")).to_be_visible()
    (kept,) = session.send("WebAuthn.getCredentials", {"authenticatorId": device})["credentials"]
    assert (kept["rpId"], kept["isResidentCredential"]) == ("localhost", True)

    page.get_by_role("link", name="Mon compte").click()
    page.get_by_role("button", name="Se déconnecter").click()
    page.get_by_role("button", name="Se connecter avec une clé d’accès").click()
    expect(page.get_by_role("heading", name="Vos commerces")).to_be_visible()
    page.get_by_role("link", name="Mon compte").click()
    expect(page.get_by_text("Utilisée pour la dernière fois")).to_be_visible()
    assert chromium.barriers(page) == []
    assert chromium.complaints(page) == []

    page.get_by_role("link", name="Retirer").click()
    expect(page.get_by_role("heading", name="Retirer cette clé d’accès ?")).to_be_visible()
    assert chromium.barriers(page) == []
    page.get_by_role("button", name="Retirer la clé").click()
    page.get_by_role("button", name="Se déconnecter").click()
    page.get_by_role("button", name="Se connecter avec une clé d’accès").click()
    expect(page.get_by_role("alert")).to_have_text(
        "Cette clé d’accès n’a pas été reconnue. Réessayez, ou demandez un courriel."
    )
    assert chromium.barriers(page) == []
    chromium.close(page)


def test_a_device_that_does_not_see_her_makes_none_and_the_page_says_so(chromium: Chromium, url: str, street: Sessions):
    page = chromium.open(f"{url}/connexion", width=360, scheme="dark")
    a_device(page, seen=False)
    by_letter(page, street)
    make(page)
    expect(page.get_by_role("alert")).to_have_text("Rien n’a été fait. Réessayez quand vous voulez.")
    assert chromium.barriers(page) == []
    with street() as session:
        assert session.scalars(select(Passkey)).all() == []
    page.get_by_role("link", name="Plus tard").click()
    expect(page.get_by_role("heading", name="Vos commerces")).to_be_visible()
    chromium.close(page)


def test_a_device_that_has_one_already_is_told_so(chromium: Chromium, url: str, street: Sessions):
    page = chromium.open(f"{url}/connexion")
    a_device(page)
    by_letter(page, street)
    make(page)
    expect(page.get_by_role("heading", name="Vos commerces")).to_be_visible()
    page.get_by_role("link", name="Mon compte").click()
    make(page)
    expect(page.get_by_role("alert")).to_have_text("Cet appareil a déjà une clé d’accès pour ce compte.")
    chromium.close(page)


def test_two_taps_are_one_ceremony(chromium: Chromium, url: str, street: Sessions):
    page = chromium.open(f"{url}/connexion")
    a_device(page)
    by_letter(page, street)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
    page.get_by_role("button", name="Créer une clé d’accès").evaluate("button => { button.click(); button.click(); }")
    expect(page.get_by_role("heading", name="Vos commerces")).to_be_visible()
    assert asked == [f"{url}/api/v1/passkeys/options", f"{url}/api/v1/passkeys"]
    assert chromium.complaints(page) == []
    chromium.close(page)


def test_without_scripts_the_letter_is_the_way_and_nothing_else_is_shown(
    chromium: Chromium, url: str, street: Sessions
):
    page = chromium.open(f"{url}/connexion", scripts=False)
    expect(page.get_by_role("button", name="Se connecter avec une clé d’accès")).to_be_hidden()
    by_letter(page, street)
    expect(page.get_by_text("Le courriel vous ouvre toujours la porte.")).to_be_visible()
    expect(page.get_by_role("button", name="Créer une clé d’accès")).to_be_hidden()
    page.get_by_role("link", name="Plus tard").click()
    expect(page.get_by_role("heading", name="Vos commerces")).to_be_visible()
    chromium.close(page)
