"""The sections of the console, in the order they are shown: those that are there, and that her role may read."""

from dataclasses import dataclass
from typing import Final, Literal

from flask import current_app, request, url_for

from blueprints import guards
from blueprints.pages.language import page_locale
from blueprints.storage import db
from citylife.accounts.staff import StaffRole
from citylife.invented.tables import invented_town
from citylife.wording import Sentence, say


@dataclass(frozen=True, slots=True)
class Section:
    """A page of the console that every other leads to; it is shown once its endpoint exists."""

    endpoint: str
    label: Sentence
    role: StaffRole = StaffRole.WATCH


@dataclass(frozen=True, slots=True)
class ShownSection:
    """A section in the reader's language; `here` as `aria-current` says it."""

    address: str
    label: str
    here: Literal["page", "true", ""]


SECTIONS: Final = (
    Section("console.read_today", Sentence("Aujourd’hui")),
    Section("console.read_shops", Sentence("Commerces")),
    Section("console.read_reports", Sentence("Signalements")),
    Section("console.read_sending", Sentence("Envois")),
    Section("console.read_measures", Sentence("Mesures")),
    Section("console.read_acts", Sentence("Journal")),
    Section("console.read_team", Sentence("Équipe"), StaffRole.ADMINISTER),
)


def sections() -> list[ShownSection]:
    """The sections as this page shows them; `console_sections` in templates."""
    locale, role = page_locale(), guards.current_staff().role
    return [
        ShownSection(address, say(section.label, locale), _here(address))
        for section in SECTIONS
        if section.endpoint in current_app.view_functions and role.may(section.role)
        for address in (url_for(section.endpoint),)
    ]


def may(role: str) -> bool:
    """Whether she may do what the role of this name may, or is not shown it; `console_may` in templates."""
    return guards.current_staff().role.may(StaffRole(role))


def is_invented() -> bool:
    """Whether all of it is an invented town; `console_is_invented` in templates."""
    return invented_town(db.session()) is not None


def _here(address: str) -> Literal["page", "true", ""]:
    if request.path == address:
        return "page"
    home = url_for("console.read_today")
    return "true" if address != home and request.path.startswith(f"{address}/") else ""
