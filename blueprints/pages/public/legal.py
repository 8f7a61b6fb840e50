"""The accessibility declaration, the legal notice, the privacy page and the credits, by the settings as they are."""

from collections.abc import Sequence
from typing import Any, Final

from babel.numbers import format_decimal
from flask import Response, render_template

from blueprints.house import house, now
from blueprints.pages.contact import contact_of
from blueprints.pages.language import page_locale
from blueprints.pages.public.answering import for_everybody
from citylife.clock import local_date
from citylife.declaration import WRITTEN_ON, audit_of, conformity
from citylife.disclosure import OF_ACCOUNTS, OF_CITIZENS, ON_DEVICE, PURPOSES, Kept, recipients
from citylife.geography import CELL_KM2, DENSE_ENOUGH
from citylife.moments import date_words
from citylife.wording import say

KEPT_FOR: Final = "public, max-age=300"


def read_accessibility() -> Response:
    """How accessible the service is, by a person's audit or for want of one, and what to do when it bars the way."""
    settings, locale, today = house().settings, page_locale(), local_date(now())
    audit = audit_of(settings)
    return _shown(
        "accessibility",
        state=conformity(audit, today=today).value,
        audit=audit,
        audited_on=date_words(audit.day, locale) if audit else "",
        holds=audit is not None and audit.holds_on(today),
        written_on=date_words(max(WRITTEN_ON, audit.day) if audit else WRITTEN_ON, locale),
    )


def read_legal_notice() -> Response:
    """Who publishes the service and who hosts it, or that nobody has said so."""
    settings = house().settings
    return _shown(
        "legal-notice",
        publisher=_lines(settings.publisher),
        director=settings.publication_director,
        host=_lines(settings.hosted_by),
    )


def read_privacy() -> Response:
    """What is kept of whom, why, for how long, and who gets it: computed, so that it is what is done."""
    settings, locale = house().settings, page_locale()
    return _shown(
        "privacy",
        controller=_lines(settings.publisher),
        purposes=[(say(purpose.what, locale), say(purpose.ground, locale)) for purpose in PURPOSES],
        of_citizens=_said(OF_CITIZENS, locale),
        of_accounts=_said(OF_ACCOUNTS, locale),
        on_device=_said(ON_DEVICE, locale),
        recipients=[say(recipient, locale) for recipient in recipients(settings)],
        assessed_on=date_words(settings.aipd_date, locale) if settings.aipd_date else "",
        cell_km2=format_decimal(CELL_KM2, locale=locale),
        dense_enough=format_decimal(DENSE_ENOUGH, locale=locale),
        officer=contact_of(settings.data_protection_contact or settings.public_contact),
    )


def read_credits() -> Response:
    """Whose data the pages are made of, and under which licence."""
    return _shown("credits")


def conformity_words() -> str:
    """« non conforme », or what an audit allows; `conformity_words` in templates."""
    state = conformity(audit_of(house().settings), today=local_date(now()))
    return say(state.words, page_locale())


def _shown(name: str, **values: Any) -> Response:
    settings = house().settings
    page = render_template(
        f"public/{name}.html",
        contact=contact_of(settings.public_contact),
        address=settings.base_url,
        publisher_name=settings.publisher.partition(";")[0].strip(),
        **values,
    )
    return for_everybody(page.encode(), cache=KEPT_FOR)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.split(";") if line.strip()]


def _said(kept: Sequence[Kept], locale: str) -> list[tuple[str, str]]:
    return [(say(each.what, locale), say(each.until, locale)) for each in kept]
