"""Signing in without a password: a letter with a link and a six-digit code, each good once, for a quarter of an hour.

The link's secret (256 bits) is stored as its SHA-256. The code can be guessed, so it is stored under the key of the
instance (HMAC) and may be tried five times. An address that nobody has costs the same work as one that somebody has,
and gets the same answer: nothing tells who is registered.
"""

import datetime as dt
import hashlib
import hmac
import re
import secrets
import uuid
from typing import ClassVar, Final

from sqlalchemy import ForeignKey, Index, LargeBinary, SmallInteger, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.sql import ColumnElement

from citylife.accounts.emails import check_email
from citylife.accounts.merchants import Merchant
from citylife.accounts.sessions import Account, AccountKind
from citylife.accounts.staff import StaffMember
from citylife.database import Base, Choice, Identifier, new_id
from citylife.errors import Refusal
from citylife.forgetting import BATCH, forget_some
from citylife.letters import LetterKind, write_letter
from citylife.limits import Limit

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


class SignInRefused(Refusal):
    """The link or the code is wrong, used, tried too often or too old: which of them is not said."""

    slug: ClassVar[str] = "sign-in-refused"
    status: ClassVar[int] = 422
    title: ClassVar[str] = "Connexion refusée"
    sentence: ClassVar[str] = "Ce lien ou ce code n’est pas valable : faux, déjà utilisé, ou trop ancien."


def ask_to_sign_in(
    session: Session, kind: AccountKind, email: str, *, secret_key: str, locale: str, now: dt.datetime
) -> SignIn:
    """Write a letter with a link and a code to whoever has this address; a request that opens nothing where nobody has.

    Raises:
        EmailRefused: it is no e-mail address, whoever might have it.
    """
    address = check_email(email)
    account = account_of(session, kind, address)
    token, code = secrets.token_urlsafe(32), f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    asked = _request(session, kind, account, token, now=now, life=LIFE)
    asked.code_digest = _code_digest(secret_key, asked.id, code)
    write_letter(
        session,
        LetterKind.SIGN_IN,
        None if account is None else address,
        locale=locale,
        content={"token": token, "code": code},
        expires_at=asked.expires_at,
        now=now,
    )
    return asked


def invite_to_sign_in(session: Session, account: Account, *, now: dt.datetime) -> str:
    """The token of a link that signs an invited person in, once, within three days; there is no code to it."""
    token = secrets.token_urlsafe(32)
    _request(session, account.kind, account, token, now=now, life=INVITATION_LIFE)
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


def use_link(session: Session, token: str, *, now: dt.datetime) -> Account:
    """The account a link opens, once: however many use it at the same moment, one gets in.

    Raises:
        SignInRefused: it opens nothing, or no longer.
    """
    if not _LINK.fullmatch(token):
        raise SignInRefused
    used = session.execute(
        update(SignIn)
        .where(SignIn.link_digest == _link_digest(token), *_open(now))
        .values(used_at=now)
        .returning(SignIn.merchant_id, SignIn.staff_id)
        .execution_options(synchronize_session=False)
    ).first()
    if used is None:
        raise SignInRefused
    return _account(session, used.merchant_id, used.staff_id)


def use_code(session: Session, request_id: uuid.UUID, code: str, *, secret_key: str, now: dt.datetime) -> Account:
    """The account a code opens, once. The caller commits also when this refuses: the try is counted.

    Raises:
        SignInRefused: it is not the code of this request, which may have been tried five times or used.
    """
    digits = "".join(code.split())
    tried = session.execute(
        update(SignIn)
        .where(SignIn.id == request_id, SignIn.used_at.is_(None), SignIn.expires_at > now, SignIn.tries < MOST_TRIES)
        .values(tries=SignIn.tries + 1)
        .returning(SignIn.code_digest, SignIn.merchant_id, SignIn.staff_id)
        .execution_options(synchronize_session=False)
    ).first()
    expected = _code_digest(secret_key, request_id, digits if _CODE.fullmatch(digits) else "")
    if tried is None or not hmac.compare_digest(tried.code_digest, expected):
        raise SignInRefused(pointer="/code")
    if tried.merchant_id is None and tried.staff_id is None:
        raise SignInRefused(pointer="/code")
    session.execute(
        update(SignIn).where(SignIn.id == request_id).values(used_at=now).execution_options(synchronize_session=False)
    )
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
    somebody = or_(SignIn.merchant_id.is_not(None), SignIn.staff_id.is_not(None))
    return SignIn.used_at.is_(None), SignIn.expires_at > now, somebody


def _link_digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("ascii")).digest()


def _code_digest(secret_key: str, request_id: uuid.UUID, code: str) -> bytes:
    return hmac.digest(secret_key.encode(), request_id.bytes + code.encode(), hashlib.sha256)
