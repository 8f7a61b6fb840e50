"""« Me prévenir » on the real page in a real Firefox: consent, permission, subscription, device; and back."""

import base64
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen
from citylife.activity import Counted, DailyCount
from citylife.clock import utc_now
from citylife.consent import TEXTS, Consent, Purpose
from citylife.devices import MOST_DEVICES, Device
from citylife.follows import Follow
from citylife.keys import keys_of, new_vapid_key
from citylife.settings import Settings
from tests.browser.firefox import Firefox
from tests.builders import a_device, a_shop, consent
from tests.doubles.browser_push import HOST, BrowserPush
from tests.needs import needs_firefox

pytestmark = pytest.mark.long

UNSUBSCRIBE = """
return navigator.serviceWorker.ready
  .then(registration => registration.pushManager.getSubscription())
  .then(subscription => subscription.unsubscribe());
"""
VISIBLE_BUTTONS = """
const buttons = [...document.querySelectorAll("#suivre button")];
return buttons.filter(one => one.checkVisibility()).map(one => one.textContent.trim());
"""
BROWSER_CHANGES_ITS_SUBSCRIPTION = """
const [origin] = arguments;
const principal = Services.scriptSecurityManager.createContentPrincipalFromOrigin(origin);
Cc["@mozilla.org/push/Notifier;1"].getService(Ci.nsIPushNotifier).notifySubscriptionChange(origin + "/", principal);
"""


@dataclass
class Reader:
    """A citizen's Firefox on a shop's page, its push service, and what the house has noted of her."""

    firefox: Firefox
    push: BrowserPush
    sessions: sessionmaker[Session]
    url: str
    slug: str

    def follow(self) -> None:
        self.firefox.navigate(self.push.page_after_hello(f"{self.url}/s/{self.slug}"))
        self.firefox.click("button", "Suivre")
        self.firefox.find("h2", "Vous suivez ce commerce")

    def devices(self) -> list[Device]:
        with self.sessions() as session:
            return list(session.scalars(select(Device).order_by(Device.id)))

    def answers(self) -> list[bool]:
        with self.sessions() as session:
            consents = session.scalars(select(Consent).order_by(Consent.id)).all()
        assert {consent.text_version for consent in consents} <= {TEXTS[Purpose.NOTIFICATIONS].version}
        return [consent.granted for consent in consents]

    def wait_for_another_device(self, than: Device) -> Device:
        self.firefox.wait_until(
            "fetch('/api/v1/me/devices').then(a => a.json()).then(l => l.items.some(d => d.id !== arguments[0]))",
            str(than.id),
        )
        return self.devices()[-1]


@pytest.fixture
def open_reader(serve: Callable[..., Any], street: sessionmaker[Session]) -> Callable[..., Any]:
    """Opens a Reader whose browser has already been told « autoriser » or « bloquer »."""
    program = needs_firefox()

    @contextmanager
    def opened(*, allow: bool) -> Iterator[Reader]:
        with street.begin() as session:
            slug = a_shop(session, "Le Fournil", now=utc_now()).slug
        with serve(utc_now) as url, BrowserPush() as push:
            told = {"allowed" if allow else "denied": [url]}
            with Firefox(program, push_url=push.ws_url, **told) as firefox:
                yield Reader(firefox, push, street, url, slug)
                assert firefox.complaints(url) == []

    return opened


def test_one_tap_is_enough_to_be_told_and_one_to_stop_and_what_slips_apart_is_repaired(
    open_reader: Callable[..., Any],
):
    with open_reader(allow=True) as reader:
        reader.follow()
        reader.firefox.click("button", "Me prévenir")
        reader.firefox.find("p", "Cet appareil sera prévenu")

        [device] = reader.devices()
        assert device.endpoint.startswith(f"https://{HOST}/")
        assert reader.answers() == [True]
        with reader.sessions() as session:
            assert session.scalars(select(Follow.citizen_id)).all() == [device.citizen_id]

        # Nothing has changed: a visit changes nothing.
        reader.firefox.reload()
        reader.firefox.find("p", "Cet appareil sera prévenu")
        assert [again.id for again in reader.devices()] == [device.id]

        # The browser lost its subscription: the next visit makes another, and forgets the dead one.
        reader.firefox.run(UNSUBSCRIBE)
        reader.firefox.reload()
        reader.firefox.find("p", "Cet appareil sera prévenu")
        [second] = reader.devices()
        assert (second.id, second.endpoint) != (device.id, device.endpoint)

        # The browser changes it while no page is open: the service worker tells the house.
        reader.firefox.run(UNSUBSCRIBE)
        reader.firefox._in_chrome(BROWSER_CHANGES_ITS_SUBSCRIPTION, reader.url)
        third = reader.wait_for_another_device(second)
        assert third.endpoint not in {device.endpoint, second.endpoint}

        reader.firefox.reload()
        reader.firefox.click("button", "Ne plus me prévenir")
        reader.firefox.find("button", "Me prévenir")
        assert reader.devices() == []
        assert reader.answers() == [True, False]
        for subscription in reader.push.subscriptions:
            reader.push.wait_for_unsubscription(subscription)


def test_a_new_key_of_the_house_is_taken_up_at_the_next_visit(serve: Callable[..., Any], street: sessionmaker[Session]):
    program = needs_firefox()
    old, new = new_vapid_key(), new_vapid_key()
    with street.begin() as session:
        slug = a_shop(session, "Le Fournil", now=utc_now()).slug
    with BrowserPush() as push, ExitStack() as stack:
        with serve(utc_now, vapid_private_key=old) as url:
            firefox = stack.enter_context(Firefox(program, push_url=push.ws_url, allowed=[url]))
            reader = Reader(firefox, push, street, url, slug)
            reader.follow()
            firefox.click("button", "Me prévenir")
            firefox.find("p", "Cet appareil sera prévenu", timeout=30)
            [before] = reader.devices()

        port = urlsplit(url).port
        with serve(utc_now, port=port, vapid_private_key=new, vapid_previous_keys=(old,)):
            firefox.navigate(f"{url}/s/{slug}")
            after = reader.wait_for_another_device(before)
            firefox.find("p", "Cet appareil sera prévenu", timeout=30)
            assert [device.id for device in reader.devices()] == [after.id]
            assert (before.push_key, after.push_key) == (1, 2)
            held = keys_of(Settings(secret_key="s" * 43, vapid_private_key=new)).vapid_public
            [standing] = [subscription for subscription in push.subscriptions if subscription.active]
            assert standing.application_key == base64.urlsafe_b64decode(held + "=")
            assert standing.endpoint == after.endpoint
            with street() as session:
                assert (
                    session.scalars(
                        select(DailyCount.count).where(DailyCount.counted != Counted.SHOP_PAGE_VISITS)
                    ).all()
                    == []
                )
            assert firefox.complaints(url) == []


def test_a_browser_that_blocks_notifications_says_how_to_change_it_and_nothing_is_noted(
    open_reader: Callable[..., Any],
):
    with open_reader(allow=False) as reader:
        reader.follow()

        reader.firefox.find("h3", "Votre navigateur bloque les notifications")
        assert "Autoriser" in reader.firefox.text("notify-me")
        reader.firefox.find("a", "Voir mes commerces")
        assert reader.firefox.run(VISIBLE_BUTTONS) == ["Ne plus suivre"]
        assert (reader.devices(), reader.answers()) == ([], [])


def test_what_the_house_refuses_is_undone_in_the_browser_and_said(open_reader: Callable[..., Any]):
    with open_reader(allow=True) as reader:
        reader.follow()
        with reader.sessions.begin() as session:
            follow = session.scalars(select(Follow)).one()
            citizen = session.get_one(Citizen, follow.citizen_id)
            consent(session, citizen, now=utc_now())
            for _ in range(MOST_DEVICES):
                a_device(session, citizen, now=utc_now())

        reader.firefox.click("button", "Me prévenir")
        reader.firefox.find("[data-trouble]", "10")
        reader.firefox.find("button", "Me prévenir")
        assert len(reader.devices()) == MOST_DEVICES
        reader.push.wait_for_unsubscription(reader.push.subscriptions[-1])
