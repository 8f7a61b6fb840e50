"""« Dépenses »: what the public pays for the pilot, from a day to another, with its source."""

import datetime as dt
import hashlib
import re
import uuid
from collections.abc import Mapping
from typing import Final

from babel.numbers import format_currency
from flask import Response, make_response, redirect, render_template, request, url_for

from blueprints import guards
from blueprints.cursors import read_id
from blueprints.cursors import written as written_cursor
from blueprints.house import now
from blueprints.pages.language import page_locale
from blueprints.pages.merchant.taking_up import form_key
from blueprints.pages.staff.asking import console_form, console_page
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.accounts.staff import StaffRole
from citylife.answers import KeyReused, begin_answer, keep_answer
from citylife.database import new_id
from citylife.errors import Absent, Refusal
from citylife.moments import date_words
from citylife.pilot.costs import CostRefused, costs, enter_cost, replaced_among, standing_cost
from citylife.wording import Sentence, say

PAGE: Final = 50
FIELDS: Final = ("first", "last", "amount", "source", "replaces")
SENT_ALREADY: Final = Sentence("Ce formulaire avait déjà été envoyé : rien n’a été fait deux fois.")
OTHERWISE: Final[Mapping[type[Refusal], Refusal]] = {
    Absent: CostRefused(Sentence("Cette dépense n’est plus à remplacer : une autre a pris sa place.")),
    KeyReused: CostRefused(
        Sentence("Ce formulaire a déjà servi, avec d’autres mots. Pour écrire une dépense de plus, envoyez-le encore.")
    ),
}
"""What is said here of refusals that are told to programs in other words."""
AMOUNT: Final = re.compile(r"(\d{1,9})(?:[.,](\d{1,2}))?", re.ASCII)


@console_page(StaffRole.WATCH)
def read_costs() -> Response:
    """What was entered, the last first, and the form of another, or of what takes the place of one (`?remplace=`)."""
    wanted = request.args.get("remplace")
    if wanted is None:
        return _page(said=SENT_ALREADY if request.args.get("said") == "already" else None)
    try:
        found = standing_cost(db.session(), uuid.UUID(wanted))
    except (Absent, ValueError):
        return _page(OTHERWISE[Absent])
    written = {
        "first": found.first.isoformat(),
        "last": found.last.isoformat(),
        "amount": f"{found.cents // 100},{found.cents % 100:02}",
        "source": found.source,
        "replaces": str(found.id),
    }
    return _page(written=written)


@console_form(StaffRole.ADMINISTER)
@transaction()
def enter() -> Response:
    """Enter a cost; what is wrong with it is said beside what was written."""
    written = {name: request.form.get(name, "").strip() for name in FIELDS}
    session, key = db.session(), f"cost:{form_key()}"
    try:
        if begin_answer(session, guards.caller(), key, _fingerprint(written), now=now()) is not None:
            return make_response(redirect(url_for("console.read_costs", said="already"), 303))
        first, last = (_day(written[name]) for name in ("first", "last"))
        enter_cost(
            session,
            first=first,
            last=last,
            cents=read_cents(written["amount"]),
            source=written["source"],
            replaces=_replaced(written["replaces"]),
            staff_id=guards.current_staff().id,
            now=now(),
        )
    except Refusal as refusal:
        session.rollback()
        return _page(OTHERWISE.get(type(refusal), refusal), written)
    answer = make_response(redirect(url_for("console.read_costs"), 303))
    keep_answer(session, guards.caller(), key, status=answer.status_code, headers={}, body=b"", secret=False)
    return answer


def _fingerprint(written: Mapping[str, str]) -> bytes:
    return hashlib.sha256("\0".join(written.values()).encode()).digest()


def _replaced(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError as error:
        raise Absent from error


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise CostRefused(Sentence("Une date est attendue, comme « 2026-11-24 ».")) from error


def read_cents(text: str) -> int:
    """Cents of an amount in euros as people write it.

    Raises:
        CostRefused: it is none.
    """
    found = AMOUNT.fullmatch(text.replace(" ", "").replace("\N{NO-BREAK SPACE}", "").removesuffix("€"))
    if found is None:
        raise CostRefused(Sentence("Un montant est attendu, comme « 1200,50 »."))
    return int(found[1]) * 100 + int((found[2] or "0").ljust(2, "0"))


def _page(
    refusal: Refusal | None = None, written: dict[str, str] | None = None, said: Sentence | None = None
) -> Response:
    locale, session = page_locale(), db.session()
    found = costs(session, before=read_id(request.args.get("cursor")), limit=PAGE + 1)
    listed, more = found[:PAGE], len(found) > PAGE
    replaced = replaced_among(session, listed)
    rows = [
        (
            date_words(cost.first, locale),
            date_words(cost.last, locale),
            format_currency(cost.cents / 100, "EUR", locale=locale),
            cost.source,
            "" if cost.id in replaced else str(cost.id),
        )
        for cost in listed
    ]
    page = render_template(
        "staff/costs.html",
        rows=rows,
        next_cursor=written_cursor(listed[-1].id) if more else None,
        may_enter=guards.current_staff().role.may(StaffRole.ADMINISTER),
        problem=say(refusal.detail, locale) if refusal else "",
        written=written or {},
        said=say(said, locale) if said else "",
        key=new_id(),
    )
    return make_response(page, refusal.status if refusal else 200)
