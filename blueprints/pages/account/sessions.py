"""« Vous êtes connecté » : on which browsers, since when, and a button to close each."""

import datetime as dt
import uuid
from dataclasses import dataclass

from babel.dates import format_date
from flask import Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from blueprints import entrance, guards
from blueprints.guards import SignInNeeded
from blueprints.house import now
from blueprints.pages.account.passkeys import AS, show_passkey
from blueprints.pages.language import page_locale
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.accounts.merchants import Merchant
from citylife.accounts.passkeys import passkeys_of
from citylife.accounts.sessions import AccountKind, AccountSession, end_session, sessions_of
from citylife.clock import PARIS
from citylife.errors import Absent
from citylife.moments import at_words
from citylife.shops.directory import shops_of
from citylife.wording import Sentence, say


@dataclass(frozen=True, slots=True)
class ShownSession:
    """A session, ready to be read."""

    id: uuid.UUID
    kind: str
    browser: str
    opened: str
    seen: str
    current: bool


def read_account() -> str | AnyResponse:
    """Who one is here, and every session of hers; the way in for whoever is nobody yet."""
    try:
        current = guards.own_sessions()
    except SignInNeeded:
        return redirect(url_for("account.read_form"), 303)
    shown = [
        show_session(each, current=each.id in {own.id for own in current}, now=now(), locale=page_locale())
        for own in current
        for each in sessions_of(db.session(), own.account, now=now())
    ]
    shown.sort(key=lambda each: not each.current)
    emails = sorted({entrance.address_of(own.account) for own in current})
    merchants = [own.account.id for own in current if own.account.kind is AccountKind.MERCHANT]
    shops = [shop for merchant_id in merchants for shop in shops_of(db.session(), merchant_id)]
    wishes = db.session().get_one(Merchant, merchants[0]) if merchants else None
    return render_template(
        "account/account.html",
        sessions=shown,
        emails=emails,
        shops=shops,
        wishes=wishes,
        saved=request.args.get("said") == "saved",
        passkeys=[
            show_passkey(each, now=now(), locale=page_locale())
            for own in current
            for each in passkeys_of(db.session(), own.account)
        ],
        kinds=[own.account.kind.value for own in current if _may_make(own)],
        staff=any(own.account.kind is AccountKind.STAFF for own in current),
    )


def _may_make(own: AccountSession) -> bool:
    """Whether this session may make a passkey: of staff by a letter, only the first one."""
    by_letter = own.account.kind is AccountKind.STAFF and not own.by_passkey
    return not (by_letter and passkeys_of(db.session(), own.account))


@transaction()
def end(session_id: uuid.UUID) -> Response:
    """Close one session; this browser's own like another."""
    guards.check_same_origin()
    try:
        current = guards.own_sessions()
    except SignInNeeded:
        return make_response(redirect(url_for("account.read_form"), 303))
    for own in current:
        response = make_response(redirect(url_for("account.read_account"), 303))
        if own.id == session_id:
            entrance.go_out(response, own)
            return response
        try:
            end_session(db.session(), own.account, session_id, now=now())
        except Absent:
            continue
        return response
    raise Absent


@transaction()
def sign_out() -> Response:
    """Close what this browser has open."""
    guards.check_same_origin()
    response = make_response(redirect(url_for("account.read_form"), 303))
    for kind in AccountKind:
        own = guards.standing_session(kind)
        if own is not None:
            entrance.go_out(response, own)
    return response


def show_session(each: AccountSession, *, current: bool, now: dt.datetime, locale: str) -> ShownSession:
    """The session in the words of `locale`; its last hour, never its minute."""
    return ShownSession(
        id=each.id,
        kind=say(AS[each.account.kind], locale),
        browser=each.browser or say(Sentence("Programme ou navigateur inconnu"), locale),
        opened=format_date(each.created_at.astimezone(PARIS).date(), "long", locale=locale),
        seen=at_words(each.seen_at, now=now, locale=locale),
        current=current,
    )
