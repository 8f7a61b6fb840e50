"""The digest by e-mail: an address given with consent, confirmed from its own letter, and forgotten at a tap."""

from typing import Final

from flask import Response, make_response, redirect, render_template, request, url_for

from blueprints.asking_by_mail import ask_by_mail, check_sending
from blueprints.guards import check_same_origin, citizen_or_none, current_citizen
from blueprints.house import now
from blueprints.pages.language import page_locale
from blueprints.pages.settings.answers import Fault, agreed_to, fault_of
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.accounts.citizens import Citizen
from citylife.accounts.emails import LONGEST, EmailRefused
from citylife.consent import TEXTS, Purpose, TextUnknown, consent_in_force
from citylife.email_digest.asking import NoDigestConsent, digest_of, stop_digest
from citylife.email_digest.tables import UNCONFIRMED_FOR
from citylife.ledger.gate import NotSendingYet
from citylife.moments import at_words
from citylife.wording import Sentence, say

SAID: Final = {
    "asked": Sentence("Un courriel est en route : touchez son lien pour confirmer."),
    "stopped": Sentence("Les courriels s’arrêtent, et votre adresse est oubliée."),
}


def read_by_mail() -> str:
    """Where her weekly letter goes and when the next is due, or the form that asks for it."""
    return _page(citizen_or_none(), said=request.args.get("said", ""))


@transaction(rings=True)
def ask() -> Response:
    """Take an address, and write it a request to confirm; what is refused keeps neither it nor her consent."""
    check_same_origin()
    citizen = current_citizen()
    email = request.form.get("email", "")[: 2 * LONGEST]
    try:
        check_sending()
        if consent_in_force(db.session(), citizen.id, Purpose.EMAIL_DIGEST) is None:
            agreed_to(citizen, Purpose.EMAIL_DIGEST, otherwise=NoDigestConsent)
        ask_by_mail(citizen, email)
    except (EmailRefused, NoDigestConsent, NotSendingYet, TextUnknown) as refusal:
        db.session().rollback()
        return make_response(_page(citizen, fault=fault_of(refusal, ("email",), {"email": email})), refusal.status)
    return make_response(redirect(url_for("settings.read_by_mail", said="asked"), 303))


@transaction()
def stop() -> Response:
    """Stop the letters: her address is forgotten at once, and her consent withdrawn."""
    check_same_origin()
    stop_digest(db.session(), current_citizen().id, now=now())
    return make_response(redirect(url_for("settings.read_by_mail", said="stopped"), 303))


def _page(citizen: Citizen | None, *, said: str = "", fault: Fault | None = None) -> str:
    session, moment, locale = db.session(), now(), page_locale()
    kept = None if citizen is None else digest_of(session, citizen.id, now=moment)
    due = None if kept is None else kept.due_at
    return render_template(
        "settings/by_mail.html",
        citizen=citizen,
        kept=kept,
        due=None if due is None else at_words(due, now=moment, locale=locale),
        until=None if kept is None else at_words(kept.asked_at + UNCONFIRMED_FOR, now=moment, locale=locale),
        agreed=citizen is not None and consent_in_force(session, citizen.id, Purpose.EMAIL_DIGEST) is not None,
        consent=TEXTS[Purpose.EMAIL_DIGEST],
        refused=_refused(locale),
        longest=LONGEST,
        said=SAID.get(said),
        fault=fault,
    )


def _refused(locale: str) -> str | None:
    """Why nobody may be written to now; None where somebody may."""
    try:
        check_sending()
    except NotSendingYet as refusal:
        return say(refusal.detail, locale)
    return None
