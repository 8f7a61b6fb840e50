"""The way in for merchants and staff, shared by the API and the pages: ask for a letter, come in, go out."""

from typing import Final

from flask import Response, request

from blueprints import guards
from blueprints.house import house, now
from blueprints.limits import as_set, digest_of
from blueprints.storage import db
from citylife import audit
from citylife.accounts.emails import check_email
from citylife.accounts.merchants import Merchant
from citylife.accounts.sessions import Account, AccountKind, AccountSession, end_session, open_session
from citylife.accounts.sign_in import PER_ADDRESS, SignIn, ask_to_sign_in
from citylife.accounts.staff import StaffMember
from citylife.audit import Actor
from citylife.limits import take

BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("Chrome", "Chrome"),
    ("CriOS", "Chrome"),
    ("Safari", "Safari"),
)
"""What a User-Agent header contains, most particular first, and the family it is known by."""


def ask_for_letter(kind: AccountKind, email: str, *, locale: str) -> SignIn:
    """Have a letter written, if somebody has this address; the caller cannot tell.

    Raises:
        EmailRefused: it is no e-mail address.
        TooFast: this address was asked for too often, whoever has it.
    """
    address = check_email(email)
    session, moment = db.session(), now()
    for limit in PER_ADDRESS:
        take(session, as_set(limit), digest_of(limit, address), now=moment)
    return ask_to_sign_in(session, kind, address, secret_key=house().keys.secret_key, locale=locale, now=moment)


def come_in(account: Account) -> tuple[AccountSession, str]:
    """A new session and its token; one that this browser had is ended, so that nobody sits in it beforehand."""
    session, moment = db.session(), now()
    before = guards.standing_session(account.kind)
    if before is not None:
        end_session(session, before.account, before.id, now=moment)
    if account.kind is AccountKind.STAFF:
        audit.note(session, "staff.signed-in", account.id, actor=Actor.STAFF, actor_id=account.id, now=moment)
    return open_session(session, account, browser=browser_family(), now=moment)


def go_out(response: Response, ended: AccountSession) -> None:
    """End a session of this browser's, and take its cookie back."""
    end_session(db.session(), ended.account, ended.id, now=now())
    guards.clear_session_cookie(response, ended.account.kind)


def address_of(account: Account) -> str:
    """The address an account is known by."""
    if account.kind is AccountKind.MERCHANT:
        return db.session.get_one(Merchant, account.id).email
    return db.session.get_one(StaffMember, account.id).email


def browser_family() -> str:
    """Which family of browsers is asking; nothing finer is kept."""
    sent = request.headers.get("User-Agent", "")
    return next((family for mark, family in BROWSERS if f"{mark}/" in sent), "")
