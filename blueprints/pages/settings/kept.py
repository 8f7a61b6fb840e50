"""What is kept of her: what she agreed to and when, all of it as a file, and erasing everything with a receipt."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from flask import Response, make_response, redirect, render_template, request, url_for

from blueprints.cursors import read_id, written
from blueprints.exporting import exported
from blueprints.guards import check_same_origin, citizen_or_none, clear_citizen_cookie, current_citizen
from blueprints.house import house, now
from blueprints.pages.language import page_locale
from blueprints.pages.settings.answers import Fault, fault_of
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.accounts.citizens import Citizen
from citylife.accounts.erasure import erase_citizen, receipt_of
from citylife.clock import PARIS
from citylife.consent import Purpose, consent_in_force, consents_of, text_of, withdraw_consent
from citylife.errors import Absent, Invalid
from citylife.moments import clock_words, date_words
from citylife.wording import Sentence, say

PAGE: Final = 20
CONSENTS: Final = "accords"
"""The part of the page that changes."""
NAMES: Final = {
    Purpose.NOTIFICATIONS: Sentence("Les notifications"),
    Purpose.LOCATION: Sentence("Vos lieux"),
    Purpose.EMAIL_DIGEST: Sentence("Le récapitulatif par courriel"),
}
WITHDRAWING: Final = {
    Purpose.NOTIFICATIONS: Sentence(
        "Plus rien ne vous est envoyé à partir de maintenant. Vous suivez toujours vos commerces, et pourrez accepter "
        "de nouveau."
    ),
    Purpose.LOCATION: Sentence(
        "Vos lieux sont oubliés tout de suite, et plus rien ne vous est annoncé parce que c’est proche. Vous pourrez "
        "accepter de nouveau."
    ),
    Purpose.EMAIL_DIGEST: Sentence(
        "Votre adresse est oubliée tout de suite, et les courriels s’arrêtent. Vous pourrez accepter de nouveau."
    ),
}
"""What it does, said before the button."""
BACK: Final = {"lieux": "settings.read_places", "donnees": "settings.read_kept"}


class NotSure(Invalid):
    """Everything was to be erased by a form whose box was not ticked."""

    slug = "not-sure"
    title = "À confirmer"
    sentence = "Cochez la case : l’effacement est définitif."


@dataclass(frozen=True, slots=True)
class Agreement:
    """A purpose in words, and since when she agrees; None where she does not."""

    purpose: str
    name: str
    words: str
    since: str | None
    withdrawing: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of hers in words."""

    name: str
    granted: bool
    moment: str
    version: str


def read_kept() -> str:
    """What she agrees to, every answer she gave, and the ways to take or erase everything."""
    citizen, locale = citizen_or_none(), page_locale()
    answers, more = ([], None) if citizen is None else _answers(citizen, locale)
    return render_template(
        "settings/kept.html",
        citizen=citizen,
        agreements=[] if citizen is None else [_agreement(citizen, purpose, locale) for purpose in Purpose],
        answers=answers,
        next_page=more,
        withdrawn=request.args.get("said") == "withdrawn",
    )


@transaction()
def withdraw() -> Response:
    """Agree no longer to a purpose; what was kept for it is forgotten at once."""
    check_same_origin()
    citizen = current_citizen()
    purpose = next((one for one in Purpose if one.value == request.form.get("purpose")), None)
    if purpose is None:
        raise Absent
    withdraw_consent(db.session(), citizen, purpose, now=now())
    back = BACK.get(request.form.get("back", ""), BACK["donnees"])
    return make_response(redirect(url_for(back, said="withdrawn"), 303))


def export() -> Response:
    """Everything that is kept of her, as a file with headings in the language of the page."""
    return exported(current_citizen(), page_locale())


def read_erasing() -> str:
    """What erasing does, before the button that does it."""
    return _erasing(None)


@transaction()
def erase() -> Response:
    """Erase everything that is hers, at once and for good, and lead to the receipt; only where she ticked the box."""
    check_same_origin()
    citizen = current_citizen()
    if request.form.get("sure") != "1":
        refusal = NotSure(pointer="/sure")
        return make_response(_erasing(fault_of(refusal, ("sure",))), refusal.status)
    receipt = erase_citizen(db.session(), citizen, tombstones=house().tombstones, now=now())
    response = make_response(redirect(url_for("settings.read_receipt", receipt_id=receipt.id), 303))
    clear_citizen_cookie(response)
    return response


def read_receipt(receipt_id: uuid.UUID) -> str:
    """A receipt, to be kept or printed: that something was erased, and when; it says nothing of whom."""
    receipt = receipt_of(db.session(), receipt_id)
    return render_template(
        "settings/receipt.html",
        receipt=receipt,
        moment=_moment(receipt.erased_at, page_locale()),
        address=house().settings.base_url + url_for("settings.read_receipt", receipt_id=receipt_id),
    )


def _erasing(fault: Fault | None) -> str:
    return render_template("settings/erasing.html", citizen=citizen_or_none(), fault=fault)


def _agreement(citizen: Citizen, purpose: Purpose, locale: str) -> Agreement:
    agreed = consent_in_force(db.session(), citizen.id, purpose)
    return Agreement(
        purpose=purpose.value,
        name=say(NAMES[purpose], locale),
        words="" if agreed is None else say(text_of(agreed), locale),
        since=None if agreed is None else _moment(agreed.recorded_at, locale),
        withdrawing=say(WITHDRAWING[purpose], locale),
    )


def _answers(citizen: Citizen, locale: str) -> tuple[Sequence[Answer], str | None]:
    """A page of her answers, the latest first, and where the next begins."""
    rows = consents_of(db.session(), citizen.id, after=read_id(request.args.get("cursor")), limit=PAGE + 1)
    shown = [
        Answer(
            name=say(NAMES[row.purpose], locale),
            granted=row.granted,
            moment=_moment(row.recorded_at, locale),
            version=row.text_version,
        )
        for row in rows[:PAGE]
    ]
    return shown, written(rows[PAGE - 1].id) if len(rows) > PAGE else None


def _moment(moment: dt.datetime, locale: str) -> str:
    """A day with its year and a time: what is read years later."""
    local = moment.astimezone(PARIS)
    day, time = date_words(local.date(), locale), say(clock_words(local.time()), locale)
    return say(Sentence("le {day} à {time}", day=day, time=time), locale)
