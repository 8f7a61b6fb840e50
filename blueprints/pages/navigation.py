"""The tabs of the citizen's app: where she goes from any of her pages, and what her phone's icon leads to."""

from dataclasses import dataclass
from typing import Final, Literal

from flask import Flask, request, url_for

from blueprints.pages.language import page_locale
from citylife.wording import Sentence, say


@dataclass(frozen=True, slots=True)
class Tab:
    """A page that the app always leads to; `icon` is a symbol of icons.svg."""

    endpoint: str
    label: Sentence
    icon: str


@dataclass(frozen=True, slots=True)
class ShownTab:
    """A tab in the reader's language; `here` as `aria-current` says it: its own page, one below it, or neither."""

    address: str
    label: str
    icon: str
    here: Literal["page", "true", ""]


TABS: Final = (
    Tab("citizen.read_mine", Sentence("Mes commerces"), "heart"),
    Tab("citizen.read_around", Sentence("Autour"), "place"),
    Tab("citizen.read_search", Sentence("Chercher"), "search"),
    Tab("settings.read_settings", Sentence("Réglages"), "settings"),
)
"""In the order they are shown. A page that becomes a tab is one line here; the manifest's shortcuts follow."""


def tabs(page: str | None = None) -> list[ShownTab]:
    """The tabs as a page shows them; `page` is its endpoint, where it is a tab itself. `tabs` in templates."""
    locale = page_locale()
    return [
        ShownTab(address=address, label=say(tab.label, locale), icon=tab.icon, here=_here(tab, address, page))
        for tab in TABS
        for address in (url_for(tab.endpoint),)
    ]


def _here(tab: Tab, address: str, page: str | None) -> Literal["page", "true", ""]:
    if tab.endpoint == page:
        return "page"
    return "true" if request.path.startswith(f"{address}/") else ""


def init_app(app: Flask) -> None:
    """Let the frame of the citizen's pages show the tabs."""
    app.jinja_env.globals["tabs"] = tabs
