"""Reads the notifications Firefox shows on this screen, and clicks or dismisses them with the mouse as a person does.

With `alerts.useSystemBackend` off a notification is a small window of Firefox itself: title, text and source stand in
its labels. A click on it runs Firefox's own path: alert, notification, service worker, window.
"""

from dataclasses import dataclass
from typing import Any, Final

WATCH: Final = """
const { AppConstants } = ChromeUtils.importESModule("resource://gre/modules/AppConstants.sys.mjs");
const home = Cu.getGlobalForObject(AppConstants);
if (home.shownAlerts) { return; }
home.shownAlerts = [];
Services.ww.registerNotification({
  observe(opened, topic) {
    if (topic !== "domwindowopened") { return; }
    opened.addEventListener("load", () => {
      const page = opened.document;
      if (page.documentElement.getAttribute("windowtype") !== "alert:alert") { return; }
      const label = name => page.getElementById(name);
      const alert = {
        number: home.shownAlerts.length,
        title: label("alertTitleLabel").getAttribute("value") || "",
        body: label("alertTextLabel").getAttribute("tooltiptext") || label("alertTextLabel").textContent,
        lang: label("alertTitleLabel").getAttribute("lang") || "",
        source: label("alertSourceLabel").getAttribute("value") || "",
        shown: true,
        opened,
      };
      home.shownAlerts.push(alert);
      opened.addEventListener("unload", () => { alert.shown = false; alert.opened = null; }, { once: true });
    }, { once: true });
  },
});
"""

LIST: Final = """
const { AppConstants } = ChromeUtils.importESModule("resource://gre/modules/AppConstants.sys.mjs");
const home = Cu.getGlobalForObject(AppConstants);
return home.shownAlerts.map(({ opened, ...alert }) => alert);
"""

PRESS: Final = """
const [number, target] = arguments;
const { AppConstants } = ChromeUtils.importESModule("resource://gre/modules/AppConstants.sys.mjs");
const home = Cu.getGlobalForObject(AppConstants);
const { opened } = home.shownAlerts[number];
if (!opened || opened.closed) { return false; }
const box = opened.document.getElementById(target).getBoundingClientRect();
const x = box.left + box.width / 2, y = box.top + box.height / 2;
const left = { button: 0, clickCount: 1 };
for (const type of ["mousedown", "mouseup"]) {
  opened.synthesizeMouseEvent(type, x, y, left, { isDOMEventSynthesized: false, ignoreRootScrollFrame: true });
}
return true;
"""

TEXT: Final = "alertTextBox"
CLOSE_BUTTON: Final = "alert-close"


@dataclass(frozen=True, slots=True)
class ShownNotification:
    """One notification as it stood on the screen; `shown` is false once it was clicked, dismissed or replaced."""

    number: int
    title: str
    body: str
    lang: str
    source: str
    shown: bool

    @classmethod
    def from_answer(cls, answer: Any) -> "ShownNotification":
        """Read one entry of the list the watching script keeps."""
        return cls(**answer)
