"""Signing in without a password: a letter with a link and a six-digit code, each good once, for a quarter of an hour.

The link's secret (256 bits) is stored as its SHA-256. The code can be guessed, so it is stored under the key of the
instance (HMAC) and may be tried five times. An address that nobody has costs the same work as one that somebody has,
and gets the same answer: nothing tells who is registered. Whoever asks to begin is written to, at any address: an
account is made there once the link or the code of that letter is used.
"""

import datetime as dt
import hashlib
import hmac
import re
import secrets
import uuid
from typing import ClassVar, Final

from sqlalchemy import ForeignKey, Index, LargeBinary, SmallInteger, String, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.sql import ColumnElement

from citylife.accounts.emails import check_email
from citylife.accounts.merchants import Merchant, come_by, invite_merchant
from citylife.accounts.sessions import Account, AccountKind
from citylife.accounts.staff import StaffMember
from citylife.database import Base, Choice, Identifier, new_id
from citylife.errors import Refusal
from citylife.forgetting import BATCH, forget_some
from citylife.letters import LetterKind, write_letter
from citylife.limits import Limit
from citylife.wording import DEFAULT_LOCALE

LIFE: Final = dt.timedelta(minutes=15)
INVITATION_LIFE: Final = dt.timedelta(days=3)
MOST_TRIES: Final = 5
"""How often the code of one letter may be tried."""
KEPT_FOR: Final = dt.timedelta(days=1)
"""How long a request is remembered after its end."""
DIGITS: Final = 6
PER_ADDRESS: Final = (
    Limit("sign-in-address", 5, dt.timedelta(minutes=15)),
    Limit("sign-in-address-day", 20, dt.timedelta(days=1)),
)
"""How many letters one address may be sent: few enough that 6 digits, five tries each, are not guessed in a year."""
PER_NETWORK: Final = Limit("sign-in-network", 30, dt.timedelta(minutes=15))
"""How often one place of the network may ask for a letter, or try a code."""
BEGINNING: Final = Limit("begin-address-day", 3, dt.timedelta(days=1))
"""How many letters an address, known or not, is sent because somebody asked to begin with it."""
BEGINNING_NETWORK: Final = Limit("begin-network", 10, dt.timedelta(hours=1))
"""How often one place of the network may ask to begin."""
PATH: Final = "/connexion/lien/"
_LINK: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_CODE: Final = re.compile(r"[0-9]{6}")


class SignIn(Base):
    """One request to sign in; of an address nobody has, it is written all the same and opens nothing."""

    __tablename__ = "sign_ins"
    __table_args__ = (Index("ix_sign_ins_expires_at", "expires_at"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    kind: Mapped[AccountKind] = mapped_column(Choice(AccountKind))
    merchant_id: Mapped[uuid.UUID | None] = mapped_column(Identifier(), ForeignKey("merchants.id", ondelete="CASCADE"))
    staff_id: Mapped[uuid.UUID | None] = mapped_column(Identifier(), ForeignKey("staff.id", ondelete="CASCADE"))
    link_digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    code_digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    tries: Mapped[int] = mapped_column(SmallInteger, default=0)
    created_at: Mapped[dt.datetime]
    expires_at: Mapped[dt.datetime]
    used_at: Mapped[dt.datetime | None]
    newcomer: Mapped[str | None] = mapped_column(String(254))
    """The address of whoever asks to begin and has no account yet; erased as soon as she has one."""
    shop_id: Mapped[uuid.UUID | None]
    """The shop into whose team the link invites."""


class SignInRefused(Refusal):
    """The link or the code is wrong, used, tried too often or too old: which of them is not said."""

    slug: ClassVar[str] = "sign-in-refused"
    status: ClassVar[int] = 422
    title: ClassVar[str] = "Connexion refusée"
    sentence: ClassVar[str] = "Ce lien ou ce code n’est pas valable : faux, déjà utilisé, ou trop ancien."


def ask_to_sign_in(
    session: Session,
    kind: AccountKind,
    email: str,
    *,
    secret_key: str,
    locale: str,
    now: dt.datetime,
    beginning: bool = False,
    onward: str = "",
) -> SignIn:
    """Write a letter with a link and a code to whoever has this address; a request that opens nothing where nobody has.

    With `beginning` a merchant's letter goes to any address, and using it makes the account. `onward` is the page of
    ours that the link goes on to.

    Raises:
        EmailRefused: it is no e-mail address, whoever might have it.
    """
    address = check_email(email)
    account = account_of(session, kind, address)
    token, code = secrets.token_urlsafe(32), f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    asked = _request(session, kind, account, token, now=now, life=LIFE)
    asked.code_digest = _code_digest(secret_key, asked.id, code)
    new = beginning and account is None and kind is AccountKind.MERCHANT
    asked.newcomer = address if new else None
    write_letter(
        session,
        LetterKind.SIGN_IN,
        None if account is None and not new else address,
        locale=locale,
        content={"token": token, "code": code, "new": new, "onward": onward},
        expires_at=asked.expires_at,
        now=now,
    )
    return asked


def invite_to_sign_in(session: Session, account: Account, *, shop_id: uuid.UUID | None = None, now: dt.datetime) -> str:
    """The token of a link that signs an invited person in, once, within three days; there is no code to it.

    A merchant who uses it has come to the shop of `shop_id`, into whose team she was invited.
    """
    token = secrets.token_urlsafe(32)
    _request(session, account.kind, account, token, now=now, life=INVITATION_LIFE).shop_id = shop_id
    return token


def sign_in_link(base_url: str, token: str) -> str:
    """The address of the page that asks for a tap."""
    return f"{base_url}{PATH}{token}"


def account_of(session: Session, kind: AccountKind, address: str) -> Account | None:
    """The merchant or the member of staff of an address, as `check_email` spells it; None when nobody has it."""
    found = session.scalar(
        select(Merchant.id).where(Merchant.email == address)
        if kind is AccountKind.MERCHANT
        else select(StaffMember.id).where(StaffMember.email == address, StaffMember.ended_at.is_(None))
    )
    return None if found is None else Account(kind, found)


def link_opens(session: Session, token: str, *, now: dt.datetime) -> Account | None:
    """The account a link would still open, None when it opens nothing; looking changes nothing."""
    if not _LINK.fullmatch(token):
        return None
    found = session.execute(
        select(SignIn.merchant_id, SignIn.staff_id).where(SignIn.link_digest == _link_digest(token), *_open(now))
    ).first()
    try:
        return None if found is None else _account(session, found.merchant_id, found.staff_id)
    except SignInRefused:
        return None


def newcomer_of(session: Session, token: str, *, now: dt.datetime) -> str | None:
    """The address at which a link would make an account, None when it makes none; looking changes nothing."""
    if not _LINK.fullmatch(token):
        return None
    return session.scalar(select(SignIn.newcomer).where(SignIn.link_digest == _link_digest(token), *_open(now)))


def use_link(session: Session, token: str, *, locale: str = DEFAULT_LOCALE, now: dt.datetime) -> Account:
    """The account a link opens, once: however many use it at the same moment, one gets in.

    A newcomer's is made now, in the language of `locale`.

    Raises:
        SignInRefused: it opens nothing, or no longer.
    """
    if not _LINK.fullmatch(token):
        raise SignInRefused
    used = session.execute(
        update(SignIn)
        .where(SignIn.link_digest == _link_digest(token), *_open(now))
        .values(used_at=now)
        .returning(SignIn.id, SignIn.merchant_id, SignIn.staff_id, SignIn.newcomer, SignIn.shop_id)
        .execution_options(synchronize_session=False)
    ).first()
    if used is None:
        raise SignInRefused
    if used.newcomer is not None:
        return _begun(session, used.id, used.newcomer, locale=locale, now=now)
    account = _account(session, used.merchant_id, used.staff_id)
    if used.merchant_id is not None and used.shop_id is not None:
        come_by(session, used.merchant_id, used.shop_id, now=now)
    return account


def use_code(
    session: Session,
    request_id: uuid.UUID,
    code: str,
    *,
    secret_key: str,
    locale: str = DEFAULT_LOCALE,
    now: dt.datetime,
) -> Account:
    """The account a code opens, once. The caller commits also when this refuses: the try is counted.

    Raises:
        SignInRefused: it is not the code of this request, which may have been tried five times or used.
    """
    digits = "".join(code.split())
    tried = session.execute(
        update(SignIn)
        .where(SignIn.id == request_id, SignIn.used_at.is_(None), SignIn.expires_at > now, SignIn.tries < MOST_TRIES)
        .values(tries=SignIn.tries + 1)
        .returning(SignIn.code_digest, SignIn.merchant_id, SignIn.staff_id, SignIn.newcomer)
        .execution_options(synchronize_session=False)
    ).first()
    expected = _code_digest(secret_key, request_id, digits if _CODE.fullmatch(digits) else "")
    if tried is None or not hmac.compare_digest(tried.code_digest, expected):
        raise SignInRefused(pointer="/code")
    if tried.merchant_id is None and tried.staff_id is None and tried.newcomer is None:
        raise SignInRefused(pointer="/code")
    session.execute(
        update(SignIn).where(SignIn.id == request_id).values(used_at=now).execution_options(synchronize_session=False)
    )
    if tried.newcomer is not None:
        return _begun(session, request_id, tried.newcomer, locale=locale, now=now)
    return _account(session, tried.merchant_id, tried.staff_id)


def forget_sign_ins(session: Session, *, now: dt.datetime, most: int = BATCH) -> int:
    """Forget requests that ended more than a day ago, at most `most`; how many."""
    return forget_some(session, SignIn, SignIn.expires_at <= now - KEPT_FOR, most=most)


def _request(
    session: Session, kind: AccountKind, account: Account | None, token: str, *, now: dt.datetime, life: dt.timedelta
) -> SignIn:
    """A request whose code nobody knows."""
    asked = SignIn(
        id=new_id(),
        kind=kind,
        merchant_id=account.id if account is not None and kind is AccountKind.MERCHANT else None,
        staff_id=account.id if account is not None and kind is AccountKind.STAFF else None,
        link_digest=_link_digest(token),
        code_digest=secrets.token_bytes(32),
        created_at=now,
        expires_at=now + life,
    )
    session.add(asked)
    return asked


def _begun(session: Session, request_id: uuid.UUID, address: str, *, locale: str, now: dt.datetime) -> Account:
    """The account of whoever has shown that an address is hers: made now, unless somebody has invited her meanwhile."""
    merchant = invite_merchant(session, address, locale=locale, now=now)
    begun = update(SignIn).where(SignIn.id == request_id).values(newcomer=None, merchant_id=merchant.id)
    session.execute(begun.execution_options(synchronize_session=False))
    return Account(AccountKind.MERCHANT, merchant.id)


def _account(session: Session, merchant_id: uuid.UUID | None, staff_id: uuid.UUID | None) -> Account:
    """Whose a used request is.

    Raises:
        SignInRefused: a member of staff who has left since.
    """
    if merchant_id is not None:
        return Account(AccountKind.MERCHANT, merchant_id)
    member = select(StaffMember.id).where(StaffMember.id == staff_id, StaffMember.ended_at.is_(None))
    if staff_id is None or session.scalar(member) is None:
        raise SignInRefused
    return Account(AccountKind.STAFF, staff_id)


def _open(now: dt.datetime) -> tuple[ColumnElement[bool], ...]:
    somebody = or_(SignIn.merchant_id.is_not(None), SignIn.staff_id.is_not(None), SignIn.newcomer.is_not(None))
    return SignIn.used_at.is_(None), SignIn.expires_at > now, somebody


def _link_digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("ascii")).digest()


def _code_digest(secret_key: str, request_id: uuid.UUID, code: str) -> bytes:
    return hmac.digest(secret_key.encode(), request_id.bytes + code.encode(), hashlib.sha256)
