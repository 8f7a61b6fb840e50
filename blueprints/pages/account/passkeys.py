"""« Clés d’accès » : offered after a letter, shown on the account's page, and taken away once that is confirmed."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from babel.dates import format_date
from flask import Response, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response as AnyResponse

from blueprints import entrance, guards
from blueprints.guards import SignInNeeded
from blueprints.house import now
from blueprints.pages.account.onward import onward
from blueprints.pages.language import page_locale
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.accounts.passkeys import Passkey, passkeys_of, remove_passkey
from citylife.accounts.sessions import Account, AccountKind
from citylife.clock import PARIS
from citylife.errors import Absent
from citylife.moments import at_words
from citylife.wording import Sentence, say

AS: Final = {
    AccountKind.MERCHANT: Sentence("Commerçant"),
    AccountKind.STAFF: Sentence("Équipe du cluster"),
}


@dataclass(frozen=True, slots=True)
class ShownPasskey:
    """A passkey, ready to be read."""

    id: uuid.UUID
    kind: str
    name: str
    said: str


def read_offer() -> str | AnyResponse:
    """What is offered to whoever has just come in by a letter and has no passkey."""
    try:
        account = guards.own_sessions()[0].account
    except SignInNeeded:
        return redirect(url_for("account.read_form"), 303)
    return render_template(
        "account/offer_passkey.html", kind=account.kind.value, next=onward() or url_for(at_home(account))
    )


def ask_removal(passkey_id: uuid.UUID) -> str | AnyResponse:
    """Whether a passkey is to be taken away; nothing has happened yet."""
    try:
        _, passkey = _mine(passkey_id)
    except SignInNeeded:
        return redirect(url_for("account.read_form"), 303)
    shown = show_passkey(passkey, now=now(), locale=page_locale())
    return render_template("account/remove_passkey.html", passkey=shown)


@transaction()
def remove(passkey_id: uuid.UUID) -> Response:
    """Take a passkey away."""
    guards.check_same_origin()
    try:
        account, _ = _mine(passkey_id)
    except SignInNeeded:
        return make_response(redirect(url_for("account.read_form"), 303))
    entrance.check_passkeys_are_hers(account)
    remove_passkey(db.session(), account, passkey_id)
    entrance.note_removal(account, passkey_id)
    return make_response(redirect(url_for("account.read_account"), 303))


def at_home(account: Account) -> str:
    """The endpoint where somebody who has come in starts."""
    return "merchant.read_shops" if account.kind is AccountKind.MERCHANT else "console.read_today"


def show_passkey(passkey: Passkey, *, now: datetime, locale: str) -> ShownPasskey:
    """The passkey in the words of `locale`; its last hour, never its minute."""
    day = format_date(passkey.created_at.astimezone(PARIS).date(), "long", locale=locale)
    if passkey.used_at is None:
        said = say(Sentence("Créée le {day}. Pas encore utilisée.", day=day), locale)
    else:
        moment = at_words(passkey.used_at, now=now, locale=locale)
        said = say(Sentence("Créée le {day}. Utilisée pour la dernière fois {moment}.", day=day, moment=moment), locale)
    return ShownPasskey(
        id=passkey.id,
        kind=say(AS[passkey.account.kind], locale),
        name=passkey.browser or say(Sentence("Navigateur inconnu"), locale),
        said=said,
    )


def _mine(passkey_id: uuid.UUID) -> tuple[Account, Passkey]:
    """A passkey of who is asking, and the account it is of.

    Raises:
        SignInNeeded: nobody is signed in. Absent: there is none such, or it is another's.
    """
    for own in guards.own_sessions():
        for passkey in passkeys_of(db.session(), own.account):
            if passkey.id == passkey_id:
                return own.account, passkey
    raise Absent
