"""The second pair of eyes holds: a real Chromium shows, judges and is pushed to, on a page of these tests only."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

import pytest

from tests.browser.chromium import PATIENCE, Chromium
from tests.needs import needs_chromium

pytestmark = pytest.mark.long

PAGE: Final = """<!doctype html><html lang="fr"><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><title>La boutique</title>
<main><h1>La boutique</h1><p id="p">Sans script</p>{rest}</main>
<script>document.getElementById("p").textContent = "Avec script";
navigator.serviceWorker?.register("/service-worker.js");</script>"""

WORKER: Final = """
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", event => event.waitUntil(self.clients.claim()));
self.addEventListener("push", event => {
  const { title, ...rest } = event.data.json().notification;
  event.waitUntil(self.registration.showNotification(title, rest));
});
"""


class Site(BaseHTTPRequestHandler):
    """A sound page at /, one with barriers at /barriers, one that breaks at /broken."""

    def do_GET(self) -> None:
        rest = {"/barriers": '<img src="data:,"><button></button>', "/broken": '<script src="/absent.js"></script>'}
        if self.path == "/service-worker.js":
            status, kind, body = 200, "text/javascript", WORKER
        elif self.path == "/absent.js":
            status, kind, body = 404, "text/plain", "absent"
        else:
            status, kind, body = 200, "text/html; charset=utf-8", PAGE.format(rest=rest.get(self.path, ""))
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named so by the standard library
        """Keep quiet."""


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
def chromium() -> Iterator[Chromium]:
    with Chromium(needs_chromium()) as browser:
        yield browser


def test_a_page_is_pictured_at_the_width_asked_in_light_and_in_dark(site, chromium, tmp_path):
    light = chromium.screenshot(site, tmp_path / "light.png", width=320, scheme="light").read_bytes()
    dark = chromium.screenshot(site, tmp_path / "dark.png", width=320, scheme="dark").read_bytes()

    assert int.from_bytes(light[16:20]) == int.from_bytes(dark[16:20]) == 320
    assert light != dark


def test_a_page_is_seen_with_and_without_scripts(site, chromium):
    assert chromium.open(site).locator("#p").inner_text() == "Avec script"

    still = chromium.open(site, scripts=False)

    assert still.locator("#p").inner_text() == "Sans script"
    with pytest.raises(ValueError, match="needs a page that runs scripts"):
        chromium.barriers(still)


def test_a_sound_page_has_no_barriers_and_one_with_a_mute_image_and_button_has_both(site, chromium):
    assert chromium.barriers(chromium.open(site)) == []

    found = chromium.barriers(chromium.open(f"{site}/barriers"))

    assert [line.split(" ")[0] for line in found] == ["button-name", "image-alt"]


def test_a_script_that_is_not_there_is_complained_of(site, chromium):
    assert chromium.complaints(chromium.open(site)) == []

    assert f"404: {site}/absent.js" in chromium.complaints(chromium.open(f"{site}/broken"))


def test_a_push_message_wakes_the_service_worker_which_shows_it(site, chromium):
    page = chromium.open(site, notified=True)
    message = {
        "web_push": 8030,
        "notification": {"title": "Boulangerie", "body": "Pain à 2 €", "tag": "7", "lang": "fr"},
    }

    chromium.push_to(page, json.dumps(message))

    deadline = time.monotonic() + PATIENCE
    while not (shown := chromium.notifications_of_the_page(page)) and time.monotonic() < deadline:
        page.wait_for_timeout(20)
    assert [(one["title"], one["body"], one["tag"], one["lang"]) for one in shown] == [
        ("Boulangerie", "Pain à 2 €", "7", "fr")
    ]
