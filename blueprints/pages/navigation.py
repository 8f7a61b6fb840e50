"""The tabs of the citizen's app: where she goes from any of her pages, and what her phone's icon leads to."""

from dataclasses import dataclass
from typing import Final

from flask import Flask, url_for

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
    """A tab in the reader's language; `here` says that its page is the one that is read."""

    address: str
    label: str
    icon: str
    here: bool


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
        ShownTab(
            address=url_for(tab.endpoint),
            label=say(tab.label, locale),
            icon=tab.icon,
            here=tab.endpoint == page,
        )
        for tab in TABS
    ]


def init_app(app: Flask) -> None:
    """Let the frame of the citizen's pages show the tabs."""
    app.jinja_env.globals["tabs"] = tabs
