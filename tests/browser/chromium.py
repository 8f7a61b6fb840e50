"""Sees pages in a real, headless Chromium: at a width, light or dark, with or without scripts, judged by axe.

It cannot subscribe to push without Google's service, but takes a push message from the tests (`push_to`) and runs the
page's service worker with it. A notification shown there is read, not clicked: that is Firefox's part.
"""

import time
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import ConsoleMessage, Page, Request, Response, expect, sync_playwright

Scheme = Literal["light", "dark"]
SWITCHES: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # Every host but this one is behind a proxy where nobody answers; Chromium never asks a proxy for loopback.
    "--proxy-server=http://127.0.0.1:9",
)
PATIENCE: Final = 60.0
"""Seconds until something is given up, however busy the machine is."""
POLL: Final = 20.0
WIDTH: Final = 360
HEIGHT: Final = 740
RULES: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "RGAAv4", "best-practice")

GIVEN_UP: Final = "net::ERR_ABORTED"
"""What becomes of a picture or a module on its way to a page that is left: nobody's fault."""
AT_REST: Final = """() => !document.querySelector('[aria-busy="true"]')
  && document.getAnimations().every((one) => one.playState !== "running" || one.effect.getTiming().iterations > 9)"""
"""Whether what is on its way has come, and fades no more: what is busy for a moment is paler, and meant to be."""
WORKER_KEPT_OUT: Final = "Service Worker registration blocked by Playwright"
REGISTERED: Final = """async () => {
  const registration = await navigator.serviceWorker.getRegistration();
  return (await registration?.getNotifications() ?? []).map(({ title, body, tag, lang, silent, data }) =>
    ({ title, body, tag, lang, silent, data }));
}"""


class Chromium:
    """A running Chromium; each page it opens is another person's: no cookies, no cache, no service worker shared."""

    def __init__(self, program: Path) -> None:
        self._program = program
        self._playwright = sync_playwright()
        self._complaints: dict[Page, list[str]] = {}
        self._still: set[Page] = set()

    def __enter__(self) -> Self:
        driver = self._playwright.start()
        self._driver = driver
        try:
            self._browser = driver.chromium.launch(executable_path=self._program, args=list(SWITCHES))
            expect.set_options(timeout=PATIENCE * 1000)
        except BaseException:
            driver.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._browser.close()
        self._driver.stop()

    def open(
        self,
        url: str,
        *,
        width: int = WIDTH,
        height: int = HEIGHT,
        scheme: Scheme = "light",
        locale: str = "fr-FR",
        scripts: bool = True,
        notified: bool = False,
        worker: bool = False,
    ) -> Page:
        """Open a page of a person of her own and wait until it has loaded; with `notified` she allows notifications.

        Its service worker is at work where it has a part: with `worker`, or `notified`. Elsewhere it is not, since it
        fetches the whole app for later.
        """
        context = self._browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            locale=locale,
            timezone_id="Europe/Paris",
            reduced_motion="reduce",
            java_script_enabled=scripts,
            service_workers="allow" if worker or notified else "block",
        )
        if notified:
            context.grant_permissions(["notifications"], origin=_origin(url))
        context.set_default_timeout(PATIENCE * 1000)
        page = context.new_page()
        self._listen(page)
        if not scripts:
            self._still.add(page)
        page.goto(url)
        return page

    def screenshot(
        self, url: str, path: Path, *, width: int = WIDTH, height: int = HEIGHT, scheme: Scheme = "light"
    ) -> Path:
        """Write the whole page at an address as a PNG."""
        page = self.open(url, width=width, height=height, scheme=scheme)
        page.screenshot(path=path, full_page=True)
        self.close(page)
        return path

    def complaints(self, page: Page) -> list[str]:
        """What the console and the network hold against a page: errors, warnings, requests that failed."""
        return list(self._complaints[page])

    def push_to(self, page: Page, message: str) -> None:
        """Give the service worker of an open page a push message, already decrypted, and return when it was given."""
        origin = _origin(page.url)
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        session = page.context.new_cdp_session(page)
        found: list[dict[str, Any]] = []
        session.on("ServiceWorker.workerRegistrationUpdated", lambda event: found.extend(event["registrations"]))
        session.send("ServiceWorker.enable")
        deadline = time.monotonic() + PATIENCE
        while not (here := [one for one in found if one["scopeURL"].startswith(f"{origin}/") and not one["isDeleted"]]):
            if time.monotonic() > deadline:
                raise AssertionError(f"{origin} has registered no service worker")
            page.wait_for_timeout(POLL)
        session.send(
            "ServiceWorker.deliverPushMessage",
            {"origin": origin, "registrationId": here[-1]["registrationId"], "data": message},
        )
        session.detach()

    def notifications_of_the_page(self, page: Page) -> list[dict[str, Any]]:
        """What the service worker of a page has on the screen: title, body, tag, lang, silent, data."""
        return list(page.evaluate(REGISTERED))

    def barriers(self, page: Page, *, rules: Sequence[str] = RULES) -> list[str]:
        """What axe-core finds against WCAG 2.2 AA, RGAA 4 and good practice, a line for each element.

        Raises:
            ValueError: the page was opened without scripts, and axe is one: it would wait for ever.
        """
        if page in self._still:
            raise ValueError("axe needs a page that runs scripts")
        page.wait_for_function(AT_REST)
        options = {"runOnly": {"type": "tag", "values": list(rules)}, "resultTypes": ["violations"]}
        found = Axe().run(page, options=options).response["violations"]
        return [
            f"{violation['id']} ({violation['impact']}): {' '.join(map(str, node['target']))}: {violation['help']}"
            for violation in found
            for node in violation["nodes"]
        ]

    def close(self, page: Page) -> None:
        """Close a page with all that its person kept."""
        page.context.close()
        self._complaints.pop(page, None)
        self._still.discard(page)

    def _listen(self, page: Page) -> None:
        said: list[str] = []
        self._complaints[page] = said

        def on_console(message: ConsoleMessage) -> None:
            if message.type in {"error", "warning"} and message.text != WORKER_KEPT_OUT:
                said.append(f"{message.type}: {message.text}")

        def on_answer(answer: Response) -> None:
            if answer.status >= HTTPStatus.BAD_REQUEST:
                said.append(f"{answer.status}: {answer.url}")

        def on_failure(request: Request) -> None:
            if request.failure != GIVEN_UP:
                said.append(f"failed: {request.url}: {request.failure}")

        page.on("console", on_console)
        page.on("pageerror", lambda error: said.append(f"uncaught: {error}"))
        page.on("requestfailed", on_failure)
        page.on("response", on_answer)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
