"""Drives a real, headless Firefox in which push works against a push service on loopback, as its citizen would."""

import base64
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

from tests.browser import alerts
from tests.browser.alerts import ShownNotification
from tests.browser.marionette import ELEMENT_KEY, BrowserRefused, Marionette
from tests.browser.profile import write_profile

START_TIMEOUT: Final = 120.0
QUIT_TIMEOUT: Final = 60.0
PATIENCE: Final = 60.0
"""Seconds until something is given up, however busy the machine is."""
POLL: Final = 0.05
SWITCHES: Final = ("--marionette", "--remote-allow-system-access", "--no-remote")
PASSING: Final = frozenset(
    {
        "element click intercepted",
        "element not interactable",
        "javascript error",
        "no such element",
        "no such window",
        "stale element reference",
    },
)
SESSION: Final = {"pageLoadStrategy": "normal", "timeouts": {"script": int(PATIENCE * 1000)}}
LEFT_OUT: Final = frozenset({"DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY"})

FIND: Final = """
const [selector, words] = arguments;
const plain = text => text.replace(/\\s+/g, " ").trim();
return [...document.querySelectorAll(selector)].find(element =>
  element.getClientRects().length > 0 && (!words || plain(element.textContent).includes(plain(words)))) ?? null;
"""

REGISTERED: Final = """
return (async () => {
  const registration = await navigator.serviceWorker.getRegistration();
  return (await registration?.getNotifications() ?? []).map(({ title, body, tag, lang, silent, data }) =>
    ({ title, body, tag, lang, silent, data }));
})();
"""

EMULATE: Final = """
const [width, height, scheme] = arguments;
const browser = gBrowser.selectedBrowser;
browser.style.width = width + "px";
browser.style.height = height + "px";
browser.browsingContext.prefersColorSchemeOverride = scheme;
document.synchronouslyUpdateRemoteBrowserDimensions(true);
"""

COMPLAINTS: Final = """
const [origin] = arguments;
return Services.console.getMessageArray()
  .filter(message => message instanceof Ci.nsIScriptError)
  .map(message => message.QueryInterface(Ci.nsIScriptError))
  .filter(error => error.sourceName.startsWith(origin) || error.errorMessage.includes(origin))
  .filter(error => !(error.flags & Ci.nsIScriptError.infoFlag))
  .filter(error => !(error.category.startsWith("Layout") && error.sourceName.endsWith(".svg")))
  .map(error => `${error.category}: ${error.errorMessage} (${error.sourceName}:${error.lineNumber})`);
"""

FRONT: Final = 'return Services.wm.getMostRecentWindow("navigator:browser").gBrowser.currentURI.spec;'


@dataclass(frozen=True, slots=True)
class Tab:
    """One open tab: the handle Marionette knows it by, and its address."""

    handle: str
    url: str


@dataclass(frozen=True, slots=True)
class Element:
    """An element of the current page, by the reference Marionette gave it."""

    reference: str


class Firefox:
    """A running Firefox; use it as a context manager, so that it is quit whatever happens."""

    def __init__(
        self,
        program: Path,
        *,
        push_url: str,
        allowed: Iterable[str] = (),
        denied: Iterable[str] = (),
        languages: str = "fr, en",
    ) -> None:
        self._program = program
        self._folder = Path(tempfile.mkdtemp(prefix="firefox-"))
        write_profile(self._folder, push_url=push_url, allowed=allowed, denied=denied, languages=languages)
        self._process: subprocess.Popen[bytes] | None = None
        self._marionette: Marionette | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.quit()

    def start(self) -> None:
        """Start the browser, wait until it can be driven, and watch its notifications from the first on."""
        environment = {
            name: value
            for name, value in os.environ.items()
            if name not in LEFT_OUT and not name.lower().endswith("_proxy")
        }
        environment |= {
            "HOME": str(self._folder),
            "MOZ_CRASHREPORTER_DISABLE": "1",
            "MOZ_HEADLESS": "1",
            "MOZ_HEADLESS_WIDTH": "1600",
            "MOZ_HEADLESS_HEIGHT": "1600",
        }
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [self._program, *SWITCHES, "--profile", self._folder, "about:blank"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._marionette = Marionette(self._await_port(), timeout=START_TIMEOUT)
            self._call("WebDriver:NewSession", capabilities={"alwaysMatch": SESSION})
            self._in_chrome(alerts.WATCH)
        except BaseException:
            self.quit()
            raise

    def quit(self) -> None:
        """Quit as a person does, and end what is left of it where it does not follow; its profile goes with it."""
        if self._marionette is not None:
            try:
                self._call("Marionette:Quit", flags=["eForceQuit"])
            except (BrowserRefused, OSError):
                self._end_the_process()
            self._marionette.close()
            self._marionette = None
        if self._process is not None:
            try:
                self._process.wait(QUIT_TIMEOUT if self._folder.exists() else 0)
            except subprocess.TimeoutExpired:
                self._end_the_process()
            self._process = None
        shutil.rmtree(self._folder, ignore_errors=True)

    # The page

    def navigate(self, url: str) -> None:
        """Go to an address and wait until its page has loaded."""
        self._call("WebDriver:Navigate", url=url)

    def reload(self) -> None:
        """Load the page again."""
        self._call("WebDriver:Refresh")

    @property
    def url(self) -> str:
        """The address of the current tab."""
        return str(self._call("WebDriver:GetCurrentURL"))

    @property
    def title(self) -> str:
        """The title of the current page."""
        return str(self._call("WebDriver:GetTitle"))

    def run(self, script: str, *arguments: object) -> Any:
        """Run a function's body in the page and return its result; a promise it returns is awaited.

        Raises:
            BrowserRefused: the script throws (« javascript error »), or takes more than a minute.
        """
        return self._call("WebDriver:ExecuteScript", script=script, args=list(arguments), sandbox=None)

    def find(self, selector: str, words: str = "", *, timeout: float = PATIENCE) -> Element:
        """Wait for a visible element that matches a CSS selector and, where given, holds these words."""
        found = self._until(
            lambda: self.run(FIND, selector, words),
            timeout,
            f"no visible {selector} {words!r} at {{url}}",
        )
        return Element(found[ELEMENT_KEY])

    def click(self, selector: str, words: str = "", *, timeout: float = PATIENCE) -> None:
        """Wait for such an element and click it with the mouse; one that another covers for a moment is tried again."""

        def clicked() -> bool:
            element = self.run(FIND, selector, words)
            if element is None:
                return False
            self._call("WebDriver:ElementClick", id=element[ELEMENT_KEY])
            return True

        self._until(clicked, timeout, f"nothing to click for {selector} {words!r} at {{url}}")

    def type(self, selector: str, text: str, *, timeout: float = PATIENCE) -> None:
        """Wait for a field and type into it."""
        self._call("WebDriver:ElementSendKeys", id=self.find(selector, timeout=timeout).reference, text=text)

    def text(self, selector: str, words: str = "", *, timeout: float = PATIENCE) -> str:
        """Return the text a person sees in such an element."""
        element = self.find(selector, words, timeout=timeout)
        return str(self._call("WebDriver:GetElementText", id=element.reference))

    def wait_until(self, expression: str, *arguments: object, timeout: float = PATIENCE) -> Any:
        """Wait until a JavaScript expression of the page (or the promise it gives) holds, and return its value."""
        return self._until(
            lambda: self.run(f"return ({expression});", *arguments), timeout, f"never true at {{url}}: {expression}"
        )

    def emulate(self, width: int, height: int, scheme: Literal["light", "dark", "none"] = "none") -> None:
        """Give the current tab a viewport in CSS pixels and a preferred colour scheme, which survive navigation."""
        self._in_chrome(EMULATE, width, height, scheme)
        self.wait_until("innerWidth === arguments[0] && innerHeight === arguments[1]", width, height)

    def screenshot(self, path: Path, *, full: bool = True) -> Path:
        """Write the current page as a PNG: the whole document, or only what the viewport shows."""
        path.write_bytes(base64.b64decode(self._call("WebDriver:TakeScreenshot", full=full, hash=False)))
        return path

    def complaints(self, origin: str) -> list[str]:
        """What the console holds against pages of an origin: script errors, refusals of its security policy.

        Not that a drawing a page refers to was laid out before it had come: that is so when one leaves the page early.
        """
        return [str(line) for line in self._in_chrome(COMPLAINTS, origin)]

    # Tabs

    @property
    def front_url(self) -> str:
        """The address of the tab a person would see now, which a click on a notification may have opened."""
        return str(self._in_chrome(FRONT))

    def wait_for_front(self, address: str, *, timeout: float = PATIENCE) -> None:
        """Wait until the tab a person sees is at an address that contains these characters."""
        self._until(
            lambda: address in self.front_url, timeout, f"{address!r} does not come to the front; {{url}} is current"
        )

    def tabs(self) -> list[Tab]:
        """Return all open tabs in the order they were opened."""
        current = self._call("WebDriver:GetWindowHandle")
        seen = []
        for handle in self._call("WebDriver:GetWindowHandles"):
            self._call("WebDriver:SwitchToWindow", handle=handle, focus=False)
            seen.append(Tab(handle, self.url))
        self._call("WebDriver:SwitchToWindow", handle=current, focus=False)
        return seen

    def switch_to(self, tab: Tab) -> None:
        """Make a tab the current one, in front."""
        self._call("WebDriver:SwitchToWindow", handle=tab.handle, focus=True)

    def wait_for_tab(self, address: str, *, timeout: float = PATIENCE) -> Tab:
        """Wait for a tab whose address contains these characters, make it the current one, loaded."""
        found: Tab = self._until(
            lambda: next((tab for tab in self.tabs() if address in tab.url), None),
            timeout,
            f"no tab at {address!r}; the last one seen is {{url}}",
        )
        self.switch_to(found)
        self.wait_until("document.readyState === 'complete'", timeout=timeout)
        return found

    # Notifications

    def notifications(self) -> list[ShownNotification]:
        """Return every notification shown since the start, oldest first, those gone from the screen included."""
        return [ShownNotification.from_answer(answer) for answer in self._in_chrome(alerts.LIST)]

    def wait_for_notification(self, *, after: int = 0, timeout: float = PATIENCE) -> ShownNotification:
        """Wait until more than `after` notifications have been shown since the start, and return the newest."""
        shown: list[ShownNotification] = self._until(
            lambda: self.notifications()[after:],
            timeout,
            f"no notification after the first {after} while at {{url}}",
        )
        return shown[-1]

    def notifications_of_the_page(self) -> list[dict[str, Any]]:
        """What the service worker of the current page has on the screen: title, body, tag, lang, silent, data."""
        return list(self.run(REGISTERED))

    def click_notification(self, notification: ShownNotification) -> None:
        """Click a shown notification with the mouse; the service worker, or the browser, opens what it opens."""
        self._press(notification, alerts.TEXT)

    def dismiss_notification(self, notification: ShownNotification) -> None:
        """Close a shown notification by its button, as one who has seen enough."""
        self._press(notification, alerts.CLOSE_BUTTON)

    def _press(self, notification: ShownNotification, target: str) -> None:
        if not self._in_chrome(alerts.PRESS, notification.number, target):
            raise BrowserRefused("no such notification", f"{notification.title!r} is no longer on the screen")
        self._until(
            lambda: not self.notifications()[notification.number].shown,
            PATIENCE,
            f"{notification.title!r} does not go away when pressed; page {{url}}",
        )

    # The machinery

    @property
    def _log(self) -> Path:
        return self._folder / "firefox.log"

    def _call(self, command: str, **parameters: object) -> Any:
        if self._marionette is None:
            raise BrowserRefused("not running", f"{command} before the browser was started")
        return self._marionette.call(command, **parameters)

    def _in_chrome(self, script: str, *arguments: object) -> Any:
        """Run a script with the rights of the browser itself."""
        self._call("Marionette:SetContext", value="chrome")
        try:
            return self._call("WebDriver:ExecuteScript", script=script, args=list(arguments), sandbox="system")
        finally:
            self._call("Marionette:SetContext", value="content")

    def _until(self, attempt: Callable[[], Any], timeout: float, complaint: str) -> Any:
        """Try until an attempt gives something; what fails in passing (a page being replaced) is tried again."""
        deadline = time.monotonic() + timeout
        last: BrowserRefused | None = None
        while True:
            try:
                if found := attempt():
                    return found
            except BrowserRefused as refused:
                if refused.kind not in PASSING:
                    raise
                last = refused
            if time.monotonic() > deadline:
                raise AssertionError(complaint.replace("{url}", self.url)) from last
            time.sleep(POLL)

    def _await_port(self) -> int:
        """Wait for the port Firefox listens at, which it writes into its profile."""
        if self._process is None:
            raise BrowserRefused("not running", "the browser was not started")
        written = self._folder / "MarionetteActivePort"
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            if written.exists() and (port := written.read_text().strip()):
                return int(port)
            if (code := self._process.poll()) is not None:
                log = self._log.read_text(errors="replace")[-2000:]
                raise BrowserRefused("not running", f"Firefox ended with {code} as it started:\n{log}")
            time.sleep(POLL)
        raise BrowserRefused("timeout", f"Firefox did not open its port within {START_TIMEOUT:.0f} s")

    def _end_the_process(self) -> None:
        """End the browser and its content processes, all of them in the session it was started in."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
