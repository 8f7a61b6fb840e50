"""The other side of the counter, whole: from her first mail to an offer on a citizen's phone, then « Tout est parti ».

She does everything on the pages, in a real Chromium whose device makes the passkey; the citizen's browser is a real
Firefox. The program is the real one, as it runs on one machine: SQLite, its own worker, mail that is printed and kept.
Only the push service is a double, and it is as strict as the real one.
"""

import datetime as dt
import email
import email.policy
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy.orm import Session, sessionmaker

from citylife.clock import PARIS, utc_now
from citylife.database import engine_for, writing
from tests import builders
from tests.browser.chromium import Chromium
from tests.browser.firefox import Firefox
from tests.commands.instances import PATIENCE, Instance
from tests.doubles.browser_push import DELIVERED, BrowserPush
from tests.needs import needs_chromium, needs_firefox
from tests.pages.test_passkeys_in_chromium import a_device
from tests.processes import AIPD_DATE

pytestmark = pytest.mark.long

CAMILLE = "camille@beffroi.example"
SHOP = "Boulangerie du Beffroi"
TITLE = "Six croissants pour le prix de quatre"


@dataclass
class Town:
    """A served Citylife with one verified shop, into whose team Camille was invited by the operator."""

    base: str
    instance: Instance
    sessions: sessionmaker[Session]
    push: BrowserPush
    slug: str

    def link_of_her_mail(self) -> str:
        """The link of the only letter that was printed and kept."""
        folder, until = self.instance.folder / "mail", time.monotonic() + PATIENCE
        while not list(folder.glob("*.eml")):
            assert time.monotonic() < until, self.instance.printed()
            time.sleep(0.05)
        (kept,) = folder.glob("*.eml")
        letter = email.message_from_bytes(kept.read_bytes(), policy=email.policy.default)
        assert letter["To"] == CAMILLE
        body = letter.get_body(("plain",))
        assert body is not None
        (link,) = re.findall(r"https?://\S+/connexion/lien/\S+", body.get_content())
        return str(link)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    instance = Instance(tmp_path / "instance")
    with BrowserPush() as push, ExitStack() as stack:
        instance.settings = {
            "CITYLIFE_AIPD_DATE": AIPD_DATE,
            "CITYLIFE_CONTACT": "mailto:pilote@citylife.example.org",
            "CITYLIFE_PUSH_CONNECT_TO": push.address,
            "CITYLIFE_PUSH_CA": push.ca_file,
        }
        done = instance.call("init")
        assert done.returncode == 0, done.stderr
        engine = engine_for(f"sqlite:///{instance.folder / 'citylife.db'}")
        stack.callback(engine.dispose)
        sessions = writing(engine)
        with sessions.begin() as session:
            slug = builders.a_shop(session, SHOP, open_until="19:00", now=utc_now()).slug
        invited = instance.call("merchants", "invite", CAMILLE, slug)
        assert invited.returncode == 0, invited.stderr
        base = stack.enter_context(instance.serving())
        yield Town(base, instance, sessions, push, slug)


def arrived(page: Page, heading: str) -> None:
    expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()
    page.wait_for_load_state()


def comes_in_by_her_mail(page: Page, town: Town) -> None:
    """The letter's link, a tap, a passkey at once; and from then on the passkey alone."""
    page.goto(town.link_of_her_mail())
    expect(page.get_by_text(f"Vous êtes invité dans l’équipe de « {SHOP} » (propriétaire).")).to_be_visible()
    page.get_by_role("button", name="Se connecter").click()
    arrived(page, "La prochaine fois, sans courriel")
    page.get_by_role("button", name="Créer une clé d’accès").click()
    arrived(page, SHOP)
    page.get_by_role("link", name="Mon compte").click()
    page.get_by_role("button", name="Se déconnecter").click()
    page.get_by_role("button", name="Se connecter avec une clé d’accès").click()
    arrived(page, SHOP)


def publishes(page: Page) -> None:
    """An offer for the next three hours, whatever the hour is where the tests run."""
    page.get_by_role("link", name="Nouvelle annonce").click()
    arrived(page, "Nouvelle annonce")
    page.get_by_label("Titre").fill(TITLE)
    page.get_by_label("Un autre moment").check()
    until = (utc_now() + dt.timedelta(hours=3)).astimezone(PARIS)
    page.locator("#ends_at").fill(until.strftime("%Y-%m-%dT%H:%M"))
    page.get_by_label("Prix en euros").fill("4,40")
    page.get_by_role("button", name="Publier").click()
    expect(page.get_by_text("Publiée.")).to_be_visible()


def test_from_her_first_mail_to_an_offer_that_is_seen_and_gone(town: Town):
    with (
        Firefox(needs_firefox(), push_url=town.push.ws_url, allowed=[town.base]) as firefox,
        Chromium(needs_chromium()) as chromium,
    ):
        # A citizen follows the shop and asks to be told.
        firefox.navigate(town.push.page_after_hello(f"{town.base}/s/{town.slug}"))
        firefox.click("button", "Suivre")
        firefox.click("button", "Me prévenir")
        town.push.wait_for_subscription()
        firefox.wait_until("document.querySelector('notify-me').dataset.now === 'on'")
        with town.sessions.begin() as session:
            builders.at_any_hour(session)

        # The merchant comes in by her first mail, and makes a passkey; she posts on one screen.
        page = chromium.open(f"{town.base}/connexion")
        a_device(page)
        comes_in_by_her_mail(page, town)
        publishes(page)

        # It is on the citizen's phone, in the right words.
        shown = firefox.wait_for_notification()
        assert shown.title == SHOP
        assert shown.body.startswith(f"{TITLE} — jusqu’")
        assert town.push.wait_for_ack().code == DELIVERED
        [on_screen] = firefox.notifications_of_the_page()

        # All is gone: by one tap of hers, and the notification that was there is replaced, in silence.
        page.get_by_role("button", name="Tout est parti", exact=True).click()
        expect(page.get_by_text("C’est noté : tout est parti.")).to_be_visible()
        gone = firefox.wait_for_notification(after=1)
        assert (gone.title, gone.body) == (SHOP, f"Tout est parti : {TITLE}")
        [replaced] = firefox.notifications_of_the_page()
        assert (replaced["tag"], replaced["body"], replaced["silent"]) == (on_screen["tag"], gone.body, True)
        firefox.click_notification(gone)
        firefox.wait_for_tab("/o/")
        firefox.wait_until("document.querySelector('h1') !== null")
        assert TITLE in firefox.text("h1")
        assert "Tout est parti" in firefox.text("main")

        # Her journal tells it, in her name.
        page.get_by_role("link", name="Journal").click()
        arrived(page, "Journal")
        expect(page.get_by_text(f"« {TITLE} » : « Tout est parti », dit par {CAMILLE}.")).to_be_visible()
        expect(page.get_by_text(f"« {TITLE} » publiée par {CAMILLE}.")).to_be_visible()
        assert firefox.complaints(town.base) == []
        assert chromium.complaints(page) == []
