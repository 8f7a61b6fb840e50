"""The way in for merchants and staff, shared by the API and the pages: ask for a letter, come in, go out."""

import uuid
from collections.abc import Mapping
from typing import Any, Final

from flask import Response, request

from blueprints import guards, problems
from blueprints.house import house, now
from blueprints.limits import as_set, digest_of, has_room
from blueprints.storage import db
from citylife import audit
from citylife.accounts.citizens import Citizen
from citylife.accounts.emails import check_email
from citylife.accounts.merchants import Merchant
from citylife.accounts.passkeys import Passkey, add_passkey, passkeys_of, site_of
from citylife.accounts.recovery import NOTICES, WORTH_READING, tell_of_first_passkey, tell_of_recovery
from citylife.accounts.sessions import Account, AccountKind, AccountSession, end_session, open_session
from citylife.accounts.sign_in import BEGINNING, PER_ADDRESS, SignIn, ask_to_sign_in
from citylife.accounts.staff import StaffMember
from citylife.audit import Actor
from citylife.insiders import note_team
from citylife.letters import LetterKind, write_letter
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


def ask_for_letter(kind: AccountKind, email: str, *, locale: str, beginning: bool = False, onward: str = "") -> SignIn:
    """Have a letter written, if somebody has this address or, with `beginning`, to anybody; the caller cannot tell.

    Raises:
        EmailRefused: it is no e-mail address.
        TooFast: this address was asked for too often, whoever has it.
    """
    address = check_email(email)
    session, moment = db.session(), now()
    for limit in (*PER_ADDRESS, BEGINNING) if beginning else PER_ADDRESS:
        take(session, as_set(limit), digest_of(limit, address), now=moment)
    return ask_to_sign_in(
        session,
        kind,
        address,
        secret_key=house().keys.secret_key,
        locale=locale,
        now=moment,
        beginning=beginning,
        onward=onward,
    )


def come_in(account: Account, *, by_passkey: bool = False) -> tuple[AccountSession, str]:
    """A new session and its token; one that this browser had is ended, so that nobody sits in it beforehand."""
    session, moment = db.session(), now()
    before = guards.standing_session(account.kind)
    if before is not None:
        end_session(session, before.account, before.id, now=moment)
    if account.kind is AccountKind.STAFF:
        audit.note(session, "staff.signed-in", account.id, actor=Actor.STAFF, actor_id=account.id, now=moment)
    else:
        citizen = _who_reads_here()
        if citizen is not None:
            note_team(session, citizen.id, account.id)
    return open_session(session, account, browser=browser_family(), by_passkey=by_passkey, now=moment)


def _who_reads_here() -> Citizen | None:
    """The citizen of this browser; none where another site's page asks, for it may ask in nobody's name."""
    try:
        return guards.citizen_or_none()
    except guards.FromElsewhere:
        return None


def keep_passkey(account: Account, said: Mapping[str, Any]) -> Passkey:
    """Keep the passkey that this browser has made for an account, and write to its address that there is one.

    Raises:
        PasskeyRefused, TooManyPasskeys: as `add_passkey` does.
        PasskeyNeeded: as `check_passkeys_are_hers` does.
    """
    session, moment = db.session(), now()
    if account.kind is AccountKind.STAFF:
        session.get_one(StaffMember, account.id, with_for_update=True)  # two at once come one after the other
    check_passkeys_are_hers(account)
    first = account.kind is AccountKind.STAFF and not passkeys_of(session, account)
    site = site_of(house().settings.base_url)
    passkey = add_passkey(session, account, said, site=site, browser=browser_family(), now=moment)
    write_letter(
        session,
        LetterKind.PASSKEY_MADE,
        address_of(account),
        locale=problems.locale(),
        content={},
        expires_at=moment + WORTH_READING,
        now=moment,
    )
    if first:
        tell_of_first_passkey(session, address_of(account), now=moment)
    _note(account, "passkey.made", passkey.id)
    return passkey


def check_passkeys_are_hers(account: Account) -> None:
    """Let a letter make the first passkey of a member of staff; once she has one, only a passkey of hers changes them.

    Raises:
        PasskeyNeeded: she has one, and has come in by a letter.
    """
    if account.kind is not AccountKind.STAFF or not passkeys_of(db.session(), account):
        return
    standing = guards.standing_session(AccountKind.STAFF)
    if standing is None or not standing.by_passkey:
        raise guards.PasskeyNeeded


def note_removal(account: Account, passkey_id: uuid.UUID) -> None:
    """Write down that an account took a passkey of its own away."""
    _note(account, "passkey.removed", passkey_id)


def tell_where_a_passkey_was_not_used(account: Account) -> None:
    """Tell those who share her work that somebody who has a passkey came in by a letter; once a day at most."""
    session = db.session()
    if passkeys_of(session, account) and has_room(NOTICES, f"{account.kind.value}:{account.id}"):
        tell_of_recovery(session, account, address_of(account), now=now())


def _note(account: Account, action: str, passkey_id: uuid.UUID) -> None:
    actor = Actor.STAFF if account.kind is AccountKind.STAFF else Actor.MERCHANT
    audit.note(db.session(), action, passkey_id, actor=actor, actor_id=account.id, now=now())


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
