"""The team, the journal and the keys of a shop in a real Chromium: nothing bars anyone, in any of their states."""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.merchants import Role, Scope, join_team, new_key
from tests import builders
from tests.browser.chromium import Chromium
from tests.builders import NOW
from tests.pages.conftest import StandingClock
from tests.pages.test_merchant_in_chromium import judged, opened

pytestmark = pytest.mark.long

Sessions = sessionmaker[Session]
LOOKS = [(360, "light"), (1280, "dark"), (320, "dark"), (1280, "light")]


@pytest.fixture
def token(street: Sessions) -> str:
    with street.begin() as session:
        merchant = builders.a_merchant(session, "camille@boulangerie-du-fournil.example")
        shop = builders.a_shop(session, "Le Fournil", merchant=merchant)
        builders.an_offer(session, shop, title="Tarte au sucre")
        for email, role, here in (
            ("lou-bapaume-leclercq.apprentissage@boulangerie-du-fournil.example", Role.SELLER, True),
            ("yanis@fournil.example", Role.OWNER, False),
        ):
            member = builders.a_merchant(session, email)
            join_team(session, member, shop, role, now=NOW)
            if here:
                builders.has_come(session, member.id, now=NOW)
        for ends in (NOW - dt.timedelta(days=1), None):
            new_key(session, merchant, "Caisse", list(Scope), expires_at=ends, now=NOW - dt.timedelta(days=90))
        return builders.signed_in(session, merchant)


@pytest.fixture
def url(serve: Callable[..., Any], clock: StandingClock, token: str) -> Iterator[str]:
    with serve(clock) as url:
        yield url


def reached(page: Page, heading: str) -> None:
    expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()
    page.wait_for_load_state()


@pytest.mark.parametrize("look", LOOKS)
def test_nothing_bars_anyone_from_the_team_and_the_journal(
    chromium: Chromium, url: str, token: str, look: tuple[int, Any]
):
    width, scheme = look
    page = opened(chromium, url, token, scheme, width)
    page.get_by_role("link", name="Équipe").click()
    reached(page, "Équipe")
    judged(chromium, page, f"team-{width}-{scheme}")
    page.get_by_label("Son adresse e-mail").fill("lou@nowhere")
    page.get_by_role("button", name="Envoyer l’invitation").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("Son adresse e-mail")).to_be_focused()
    page.wait_for_load_state()
    judged(chromium, page, f"team-wrong-{width}-{scheme}")
    page.get_by_label("Son adresse e-mail").fill("lou@nowhere.example")
    page.get_by_role("button", name="Envoyer l’invitation").click()
    expect(page.get_by_text("Le courriel d’invitation part à l’instant.")).to_be_visible()
    page.wait_for_load_state()
    page.get_by_role("link", name="Changer le rôle").last.click()
    reached(page, "Changer ce rôle ?")
    judged(chromium, page, f"role-{width}-{scheme}")
    page.get_by_role("link", name="Ne rien changer").click()
    page.get_by_role("link", name="Annuler l’invitation").first.click()
    reached(page, "Annuler cette invitation ?")
    judged(chromium, page, f"withdrawing-invitation-{width}-{scheme}")
    page.get_by_role("button", name="Annuler l’invitation").click()
    expect(page.get_by_text("L’invitation est annulée.")).to_be_visible()
    page.get_by_role("link", name="Le Fournil").click()
    page.get_by_role("link", name="Journal").click()
    reached(page, "Journal")
    judged(chromium, page, f"journal-{width}-{scheme}")
    page.get_by_role("link", name="Annonces", exact=True).click()
    expect(page.get_by_role("link", name="Annonces", exact=True)).to_have_attribute("aria-current", "true")
    assert [words for words in chromium.complaints(page) if "422" not in words] == []
    chromium.close(page)


@pytest.mark.parametrize("look", LOOKS)
def test_nothing_bars_anyone_from_the_keys_and_a_new_one_is_copied(
    chromium: Chromium, url: str, token: str, look: tuple[int, Any]
):
    width, scheme = look
    page = opened(chromium, url, token, scheme, width)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=url)
    page.get_by_role("link", name="Mon compte").click()
    page.get_by_role("link", name="Clés d’API, pour une caisse enregistreuse").click()
    reached(page, "Clés d’API")
    judged(chromium, page, f"keys-{width}-{scheme}")
    page.get_by_label("Le programme à qui vous la donnez").fill("Caisse du fond")
    page.get_by_label("Agir").uncheck()
    page.get_by_role("button", name="Créer la clé").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.wait_for_load_state()
    judged(chromium, page, f"keys-wrong-{width}-{scheme}")
    page.get_by_label("Agir").check()
    page.get_by_role("button", name="Créer la clé").click()
    reached(page, "Votre clé")
    page.get_by_role("button", name="Copier la clé").click()
    expect(page.get_by_role("status")).to_have_text("La clé est copiée.")
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("[data-text]").text_content()
    judged(chromium, page, f"key-made-{width}-{scheme}")
    page.get_by_role("link", name="Clés d’API").click()
    page.get_by_role("link", name="Révoquer").first.click()
    reached(page, "Révoquer cette clé ?")
    judged(chromium, page, f"revoking-{width}-{scheme}")
    page.get_by_role("button", name="Révoquer la clé").click()
    expect(page.get_by_text("La clé est révoquée")).to_be_visible()
    assert [words for words in chromium.complaints(page) if "422" not in words] == []
    chromium.close(page)
