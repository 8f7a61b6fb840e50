"""The main job, whole: a citizen follows a shop, its merchant publishes, her browser shows it, the ledger knows.

A real Firefox on the real page, real `citylife` processes, real encryption; only the push service is a double, and it
is as strict as the real one. Embedded on SQLite, and on PostgreSQL with a worker of its own.
"""

import datetime as dt
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine, select

from citylife.accounts import merchants
from citylife.accounts.merchants import Role, Scope
from citylife.clock import utc_now
from citylife.consent import Consent, Purpose
from citylife.database import reading, writing
from citylife.devices import Device
from citylife.follows import Follow, Level
from citylife.ledger.tables import Decision, Delivery, DeliveryState, Outcome, Reason
from tests import builders
from tests.browser.firefox import Firefox
from tests.doubles.browser_push import DELIVERED, BrowserPush
from tests.needs import needs_firefox
from tests.processes import CitylifeProcess, free_port

TITLE = "Deux baguettes pour le prix d’une"
SHOP = "Boulangerie du Beffroi"


@dataclass
class Town:
    """A served Citylife with one verified shop, whose merchant holds an API key."""

    base: str
    engine: Engine
    push: BrowserPush
    slug: str
    shop_id: str
    merchant: httpx.Client

    def publishes(self, title: str) -> str:
        """The merchant posts an offer until tonight, through the API; its id. It may be night where the tests run."""
        with writing(self.engine).begin() as session:
            builders.at_any_hour(session)
        until = (utc_now() + dt.timedelta(hours=3)).isoformat()
        draft = {"title": title, "ends_at": until, "price": {"amount": "1.10", "currency": "EUR"}}
        made = self.merchant.post(f"/api/v1/merchant/shops/{self.shop_id}/offers", json=draft)
        assert made.status_code == 201, made.text
        published = self.merchant.post(f"/api/v1/merchant/offers/{made.json()['id']}/publish")
        assert published.status_code == 200, published.text
        assert published.json()["status"] == "live"
        return str(made.json()["id"])

    def deliveries(self) -> list[tuple[DeliveryState, int | None]]:
        """What the ledger says became of each delivery, in the order of the messages."""
        with reading(self.engine)() as session:
            wanted = select(Delivery.state, Delivery.status).order_by(Delivery.message_id)
            return [(state, status) for state, status in session.execute(wanted)]

    def devices(self) -> list[Device]:
        """The devices that can be told."""
        with reading(self.engine)() as session:
            return list(session.scalars(select(Device)))


@pytest.fixture
def town(engine: Engine, tmp_path: Path) -> Iterator[Town]:
    with writing(engine).begin() as session:
        shop = builders.a_shop(session, SHOP, open_until="19:00", now=utc_now())
        merchant = builders.a_merchant(session)
        merchants.join_team(session, merchant, shop, Role.OWNER, now=utc_now())
        _, key = merchants.new_key(session, merchant, "caisse", [Scope.READ, Scope.OFFERS], now=utc_now())
    port = free_port()
    base = f"http://localhost:{port}"
    with ExitStack() as stack:
        push = stack.enter_context(BrowserPush())
        settings = {
            "CITYLIFE_INSTANCE": str(tmp_path / "instance"),
            "CITYLIFE_DATABASE_URL": engine.url.render_as_string(hide_password=False),
            "CITYLIFE_BASE_URL": base,
            "CITYLIFE_CONTACT": "mailto:pilote@citylife.example.org",
            "CITYLIFE_PUSH_CONNECT_TO": push.address,
            "CITYLIFE_PUSH_CA": push.ca_file,
        }
        embedded = engine.dialect.name == "sqlite"
        words = ["serve", "--port", str(port), *([] if embedded else ["--no-worker"])]
        web = stack.enter_context(CitylifeProcess(*words, settings=settings, log=tmp_path / "web.log"))
        web.wait_for_http(f"{base}/readyz")
        if not embedded:
            stack.enter_context(CitylifeProcess("work", settings=settings, log=tmp_path / "work.log"))
        api = stack.enter_context(
            httpx.Client(base_url=base, headers={"Authorization": f"Bearer {key}"}, trust_env=False, timeout=60)
        )
        yield Town(base, engine, push, shop.slug, str(shop.id), api)


def test_a_citizen_hears_of_an_offer(town: Town) -> None:
    page = f"{town.base}/s/{town.slug}"
    with Firefox(needs_firefox(), push_url=town.push.ws_url, allowed=[town.base]) as firefox:
        # She scans the poster, follows without an account, and asks to be told.
        firefox.navigate(town.push.page_after_hello(page))
        assert firefox.text("h1") == SHOP
        firefox.click("button", "Suivre")
        firefox.click("button", "Me prévenir")
        subscription = town.push.wait_for_subscription()
        firefox.wait_until("document.querySelector('notify-me').dataset.now === 'on'")
        with reading(town.engine)() as session:
            follow = session.scalars(select(Follow)).one()
            consent = session.scalars(select(Consent)).one()
        [device] = town.devices()
        assert (follow.level, str(follow.shop_id)) == (Level.NORMAL, town.shop_id)
        assert (consent.purpose, consent.granted, consent.locale) == (Purpose.NOTIFICATIONS, True, "fr")
        assert device.endpoint == subscription.endpoint
        assert device.citizen_id == follow.citizen_id == consent.citizen_id

        # The merchant publishes; her phone lights up with the right words.
        offer = town.publishes(TITLE)
        shown = firefox.wait_for_notification()
        assert shown.title == SHOP
        assert shown.body.startswith(f"{TITLE} — jusqu’")
        assert shown.lang == "fr"
        assert town.push.wait_for_ack().code == DELIVERED

        # A tap opens the offer.
        firefox.click_notification(shown)
        firefox.wait_for_tab(f"/o/{offer}")
        firefox.wait_until("document.querySelector('h1') !== null")
        assert TITLE in firefox.text("h1")
        assert firefox.complaints(town.base) == []

        # The ledger can say what became of it.
        wait_until_settled(town, [(DeliveryState.ACCEPTED, 201)])
        with reading(town.engine)() as session:
            decision = session.scalars(select(Decision)).one()
        assert (decision.outcome, decision.reason) == (Outcome.SEND, Reason.ALWAYS)
        assert len(town.push.posts) == 1

        # Her browser forgets the subscription without telling us: the next answer is 410, and the device is gone.
        firefox.navigate(page)
        firefox.run(
            "return navigator.serviceWorker.ready.then(worker => worker.pushManager.getSubscription())"
            ".then(subscription => subscription.unsubscribe())"
        )
        town.push.wait_for_unsubscription(subscription)
        town.publishes("Une brioche offerte")
        wait_until_settled(town, [(DeliveryState.ACCEPTED, 201), (DeliveryState.GONE, 410)])
        assert town.push.posts[-1].status == 410
        assert town.devices() == []

        # She never asked to stop: her next visit repairs it silently, and she is told again.
        firefox.reload()
        repaired = town.push.wait_for_subscription(after=1)
        firefox.wait_until("document.querySelector('notify-me').dataset.now === 'on'")
        assert repaired.endpoint != subscription.endpoint
        town.publishes("Et une tarte au sucre")
        assert firefox.wait_for_notification(after=1).body.startswith("Et une tarte au sucre")

        # One tap stops it, here and at the push service.
        firefox.click("button", "Ne plus me prévenir")
        town.push.wait_for_unsubscription(repaired)
        firefox.wait_until("document.querySelector('notify-me').dataset.now === 'off'")
        assert town.devices() == []


def wait_until_settled(town: Town, expected: list[tuple[DeliveryState, int | None]]) -> None:
    """Until the ledger says so; the difference where it never does."""
    until = utc_now() + dt.timedelta(seconds=60)
    while town.deliveries() != expected and utc_now() < until:
        time.sleep(0.05)
    assert town.deliveries() == expected
