"""The equipment of the journeys holds: a real Firefox, on a page of these tests only, is pushed to by a local service.

Nothing of Citylife is in it, so that where a journey fails and this does not, the fault is not the equipment's. The
messages are encrypted and signed by pywebpush and py-vapid, which are not the sender's own hands.
"""

import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02, b64urlencode
from pywebpush import WebPusher

from tests.browser.firefox import PATIENCE, Firefox
from tests.doubles.browser_push import DELIVERED, HOST, ORIGIN, UNDECIPHERED, BrowserPush, Subscription
from tests.needs import needs_firefox

pytestmark = pytest.mark.long

PAGE: Final = """<!doctype html><html lang="fr"><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,"><title>{title}</title><h1>{title}</h1><button>Me&nbsp;prévenir</button>"""

WORKER: Final = """
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", event => event.waitUntil(self.clients.claim()));
self.addEventListener("push", event => {
  const { title, navigate, ...rest } = event.data.json().notification;
  event.waitUntil(self.registration.showNotification(title, { ...rest, data: { navigate } }));
});
self.addEventListener("notificationclick", event => {
  event.notification.close();
  event.waitUntil(open(event.notification.data.navigate));
});
async function open(wanted) {
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const there = windows.find(client => client.url === wanted);
  return there ? there.focus() : self.clients.openWindow(wanted);
}
"""

SUBSCRIBE: Final = """
const [key] = arguments;
return (async () => {
  await navigator.serviceWorker.register("/service-worker.js");
  const registration = await navigator.serviceWorker.ready;
  const options = { userVisibleOnly: true, applicationServerKey: key };
  return (await registration.pushManager.subscribe(options)).toJSON();
})();
"""

UNSUBSCRIBE: Final = """
return (async () => {
  const registration = await navigator.serviceWorker.getRegistration();
  const subscription = await registration?.pushManager.getSubscription();
  return subscription ? subscription.unsubscribe() : false;
})();
"""


class Site(BaseHTTPRequestHandler):
    """A page, its offer and its service worker."""

    def do_GET(self) -> None:
        if self.path == "/service-worker.js":
            body, kind = WORKER, "text/javascript"
        else:
            title = "L’offre" if self.path.startswith("/offer") else "La boutique"
            body, kind = PAGE.format(title=title), "text/html; charset=utf-8"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named so by the standard library
        """Keep quiet."""


@dataclass(frozen=True, slots=True)
class Street:
    """The site, the push service and the browser of a test, and the key the site signs with."""

    site: str
    push: BrowserPush
    firefox: Firefox
    key: Vapid02

    def subscribe(self) -> tuple[dict[str, Any], Subscription]:
        """Subscribe on the page; what the browser gave the page, and what the push service knows of it."""
        before = len(self.push.subscriptions)
        public = self.key.public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        given = self.firefox.run(SUBSCRIBE, b64urlencode(public))
        return given, self.push.wait_for_subscription(after=before)

    def post(self, given: dict[str, Any], message: object, *, key: Vapid02 | None = None, topic: str = "") -> int:
        """Encrypt, sign and post a message to a subscription, and return the service's answer."""
        body = WebPusher(given).encode(json.dumps(message).encode(), content_encoding="aes128gcm")["body"]
        return self.post_body(given, body, key=key, topic=topic)

    def post_body(self, given: dict[str, Any], body: bytes, *, key: Vapid02 | None = None, topic: str = "") -> int:
        claims = {"aud": ORIGIN, "exp": int(time.time()) + 3600, "sub": "mailto:contact@citylife.example"}
        headers = {**(key or self.key).sign(claims), "TTL": "60", "Content-Encoding": "aes128gcm"}
        if topic:
            headers["Topic"] = topic
        context = ssl.create_default_context(cafile=self.push.ca_file)
        connection = http.client.HTTPSConnection(HOST, context=context, timeout=PATIENCE)
        host, _, port = self.push.address.rpartition(":")
        plain = socket.create_connection((host, int(port)), timeout=PATIENCE)
        connection.sock = context.wrap_socket(plain, server_hostname=HOST)
        try:
            connection.request("POST", given["endpoint"].removeprefix(ORIGIN), body=body, headers=headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()

    def wait_for_the_worker_to_show(self, *titles: str) -> None:
        """Until the service worker knows of these notifications alone: it hears of a closed one after the screen."""
        self.firefox.wait_until(
            "navigator.serviceWorker.getRegistration().then(worker => worker.getNotifications())"
            ".then(all => JSON.stringify(all.map(one => one.title)) === JSON.stringify(arguments[0]))",
            list(titles),
        )

    def wait_for_the_screen_to_show(self, *titles: str) -> None:
        """Until these notifications alone are on the screen; the difference where it never comes to that."""
        until = time.monotonic() + PATIENCE
        while (shown := [one.title for one in self.firefox.notifications() if one.shown]) != list(titles):
            assert time.monotonic() < until, shown
            time.sleep(0.05)


def a_message(title: str, navigate: str, **rest: object) -> dict[str, object]:
    return {"web_push": 8030, "notification": {"title": title, "navigate": navigate, "lang": "fr", **rest}}


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://localhost:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def street(site: str) -> Iterator[Street]:
    program = needs_firefox()
    key = Vapid02()
    key.generate_keys()
    with BrowserPush() as push, Firefox(program, push_url=push.ws_url, allowed=[site]) as firefox:
        firefox.navigate(push.page_after_hello(f"{site}/"))
        yield Street(site, push, firefox, key)


@pytest.fixture(autouse=True)
def clean(street: Street) -> Iterator[None]:
    street.firefox.navigate(f"{street.site}/")
    yield
    for shown in street.firefox.notifications():
        if shown.shown:
            street.firefox.dismiss_notification(shown)
    street.firefox.run(UNSUBSCRIBE)


def test_a_push_is_shown_a_click_opens_its_page_and_unsubscribing_is_told_to_the_sender(street: Street):
    given, subscription = street.subscribe()
    assert given["endpoint"] == subscription.endpoint

    offer = f"{street.site}/offer/7"
    before = len(street.firefox.notifications())
    acked = len(street.push.acks)
    message = a_message("Boulangerie Lefèvre", offer, body="Pain de seigle à 2,40 €, jusqu’à 18 h", tag="offer-7")
    assert street.post(given, message) == 201

    shown = street.firefox.wait_for_notification(after=before)
    assert (shown.title, shown.lang) == ("Boulangerie Lefèvre", "fr")
    assert shown.body == "Pain de seigle à 2,40 €, jusqu’à 18 h"
    assert street.site.removeprefix("http://") in shown.source
    street.wait_for_the_worker_to_show("Boulangerie Lefèvre")
    assert [one["tag"] for one in street.firefox.notifications_of_the_page()] == ["offer-7"]

    street.firefox.click_notification(shown)
    opened = street.firefox.wait_for_tab("/offer/7")
    assert (opened.url, street.firefox.title) == (offer, "L’offre")
    street.firefox.wait_for_front(offer)
    assert street.push.wait_for_ack(after=acked).code == DELIVERED

    assert street.firefox.run(UNSUBSCRIBE)
    street.push.wait_for_unsubscription(subscription)
    assert street.post(given, message) == 410
    assert len(street.firefox.notifications()) == before + 1


def test_a_click_brings_a_page_that_is_already_open_to_the_front_instead_of_opening_it_twice(street: Street):
    given, _ = street.subscribe()
    offer = f"{street.site}/offer/8"
    first_page = street.firefox.tabs()[0]
    for _turn in range(2):
        before = len(street.firefox.notifications())
        assert street.post(given, a_message("Encore dix pains", offer)) == 201
        street.firefox.click_notification(street.firefox.wait_for_notification(after=before))
        street.firefox.wait_for_front(offer)
        street.firefox.switch_to(first_page)
        assert street.firefox.front_url != offer

    assert [tab.url for tab in street.firefox.tabs()].count(offer) == 1


def test_a_message_the_browser_cannot_read_is_acknowledged_as_undeciphered_and_not_shown(street: Street):
    given, _ = street.subscribe()
    shown, acked = len(street.firefox.notifications()), len(street.push.acks)
    body = bytearray(WebPusher(given).encode(b"{}", content_encoding="aes128gcm")["body"])
    body[-1] ^= 1

    assert street.post_body(given, bytes(body)) == 201

    assert street.push.wait_for_ack(after=acked).code == UNDECIPHERED
    assert len(street.firefox.notifications()) == shown


def test_a_message_signed_with_another_key_than_the_subscription_s_is_refused(street: Street):
    given, _ = street.subscribe()
    stranger = Vapid02()
    stranger.generate_keys()

    assert street.post(given, a_message("Intrus", street.site), key=stranger) == 403

    assert street.push.posts[-1].explanation == "the subscription was made with another key"
    assert street.push.waiting == 0


def test_a_second_message_with_the_same_tag_takes_the_place_of_the_one_still_shown(street: Street):
    given, _ = street.subscribe()
    before = len(street.firefox.notifications())
    assert street.post(given, a_message("Encore dix pains", street.site, tag="pains")) == 201
    first = street.firefox.wait_for_notification(after=before)

    assert street.post(given, a_message("Tout est parti", street.site, tag="pains", silent=True)) == 201

    second = street.firefox.wait_for_notification(after=before + 1)
    assert (first.title, second.title) == ("Encore dix pains", "Tout est parti")
    street.wait_for_the_worker_to_show("Tout est parti")
    street.wait_for_the_screen_to_show("Tout est parti")
    assert not street.firefox.notifications()[first.number].shown


def test_a_dismissed_notification_leaves_the_screen_and_opens_nothing(street: Street):
    given, _ = street.subscribe()
    before, tabs = len(street.firefox.notifications()), street.firefox.tabs()
    assert street.post(given, a_message("Soldes", f"{street.site}/offer/9")) == 201

    street.firefox.dismiss_notification(street.firefox.wait_for_notification(after=before))

    street.wait_for_the_worker_to_show()
    assert street.firefox.tabs() == tabs


def test_of_two_messages_with_one_topic_a_browser_that_was_away_gets_only_the_last(street: Street):
    given, _ = street.subscribe()
    before, acked = len(street.firefox.notifications()), len(street.push.acks)
    street.push.lose_the_browser()
    for title in ("Encore dix pains", "Tout est parti"):
        assert street.post(given, a_message(title, street.site), topic="pains") == 201
    assert (street.push.waiting, len(street.push.acks)) == (1, acked)

    street.push.find_the_browser()

    assert street.firefox.wait_for_notification(after=before).title == "Tout est parti"
    assert street.push.wait_for_ack(after=acked).code == DELIVERED
    assert (street.push.waiting, len(street.push.acks)) == (0, acked + 1)


def test_an_answer_asked_for_by_a_test_is_given_once_and_delivers_nothing(street: Street):
    given, _ = street.subscribe()
    before = len(street.firefox.notifications())
    street.push.answer_next(429, headers={"Retry-After": "1"})

    answers = [street.post(given, a_message(title, street.site)) for title in ("Premier", "Second")]

    assert answers == [429, 201]
    assert street.firefox.wait_for_notification(after=before).title == "Second"
    assert len(street.firefox.notifications()) == before + 1


def test_a_page_is_seen_at_the_width_and_in_the_scheme_of_a_phone(street: Street, tmp_path):
    darkness = "matchMedia('(prefers-color-scheme: dark)').matches"
    street.firefox.emulate(360, 640, "dark")
    assert street.firefox.run(f"return [innerWidth, {darkness}]") == [360, True]
    dark = street.firefox.screenshot(tmp_path / "dark.png").read_bytes()

    street.firefox.emulate(360, 640, "light")
    assert street.firefox.run(f"return [innerWidth, {darkness}]") == [360, False]
    light = street.firefox.screenshot(tmp_path / "light.png").read_bytes()

    assert int.from_bytes(light[16:20]) == 360
    assert light != dark


def test_a_browser_whose_citizen_refuses_notifications_says_so(site: str):
    program = needs_firefox()
    with BrowserPush() as push, Firefox(program, push_url=push.ws_url, denied=[site]) as firefox:
        firefox.navigate(push.page_after_hello(f"{site}/"))
        assert firefox.run("return Notification.requestPermission()") == "denied"
        assert push.subscriptions == []
