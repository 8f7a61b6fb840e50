"""Sessions of merchants and staff: kept here, listed and ended at any time; their browser holds only a secret.

The secret is 256 bits, told once and stored as its SHA-256. A session ends when it is signed out, at `expires_at`,
or once nobody has come by it for a while. It is seen by the hour: what somebody does all day is not ours to know.
"""

import datetime as dt
import hashlib
import re
import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.sql import ColumnElement

from citylife.database import Base, Identifier, new_id
from citylife.errors import Absent
from citylife.forgetting import BATCH, forget_some


class AccountKind(Enum):
    """Who signs in here; citizens have no account."""

    MERCHANT = "merchant"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class Account:
    """A merchant or a member of staff, by id."""

    kind: AccountKind
    id: uuid.UUID


LIFE: Final[Mapping[AccountKind, dt.timedelta]] = {
    AccountKind.MERCHANT: dt.timedelta(days=90),
    AccountKind.STAFF: dt.timedelta(days=14),
}
"""How long a session lasts at most."""
IDLE: Final[Mapping[AccountKind, dt.timedelta]] = {
    AccountKind.MERCHANT: dt.timedelta(days=30),
    AccountKind.STAFF: dt.timedelta(days=1),
}
"""After how long without anybody it has ended."""
MOST_SESSIONS: Final = 20
"""How many of an account stand at once; one more ends the oldest."""
KEPT_FOR: Final = dt.timedelta(days=30)
"""How long an ended session is remembered."""
_TOKEN: Final = re.compile(r"cls_[A-Za-z0-9_-]{43}")


class AccountSession(Base):
    """A browser or a program that speaks for an account, from its sign-in until it ends."""

    __tablename__ = "account_sessions"
    __table_args__ = (
        CheckConstraint("(merchant_id IS NULL) <> (staff_id IS NULL)", name="one_account"),
        Index("ix_account_sessions_merchant", "merchant_id"),
        Index("ix_account_sessions_staff", "staff_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    merchant_id: Mapped[uuid.UUID | None] = mapped_column(Identifier(), ForeignKey("merchants.id", ondelete="CASCADE"))
    staff_id: Mapped[uuid.UUID | None] = mapped_column(Identifier(), ForeignKey("staff.id", ondelete="CASCADE"))
    browser: Mapped[str] = mapped_column(String(24), default="")
    by_passkey: Mapped[bool] = mapped_column(default=False)
    """Whether a passkey began it, and not a letter."""
    created_at: Mapped[dt.datetime]
    seen_at: Mapped[dt.datetime]
    expires_at: Mapped[dt.datetime]
    ended_at: Mapped[dt.datetime | None]

    @property
    def account(self) -> Account:
        """Whose it is."""
        if self.merchant_id is not None:
            return Account(AccountKind.MERCHANT, self.merchant_id)
        if self.staff_id is None:
            raise ValueError("a session of nobody")
        return Account(AccountKind.STAFF, self.staff_id)

    def stands(self, now: dt.datetime) -> bool:
        """Whether it may still be used."""
        return self.ended_at is None and now < self.expires_at and now < self.seen_at + IDLE[self.account.kind]


def open_session(
    session: Session, account: Account, *, browser: str = "", by_passkey: bool = False, now: dt.datetime
) -> tuple[AccountSession, str]:
    """A new session of an account and its token (`cls_` and 43 characters), which is told once and never stored.

    `browser` is the name of its family (« Firefox »), nothing finer; `by_passkey` says what began it.
    """
    standing = sessions_of(session, account, now=now)
    for oldest in standing[: max(0, len(standing) - MOST_SESSIONS + 1)]:
        oldest.ended_at = now
    token = _new_token()
    opened = AccountSession(
        id=new_id(),
        digest=_digest(token),
        merchant_id=account.id if account.kind is AccountKind.MERCHANT else None,
        staff_id=account.id if account.kind is AccountKind.STAFF else None,
        browser=browser,
        by_passkey=by_passkey,
        created_at=now,
        seen_at=_hour(now),
        expires_at=now + LIFE[account.kind],
    )
    session.add(opened)
    session.flush()
    return opened, token


def session_of(session: Session, token: str, *, now: dt.datetime) -> AccountSession | None:
    """The session a token belongs to; None when there is none, or when it has ended."""
    if not _TOKEN.fullmatch(token):
        return None
    found = session.scalar(select(AccountSession).where(AccountSession.digest == _digest(token)))
    return found if found is not None and found.stands(now) else None


def renew_session(session: Session, renewed: AccountSession) -> str:
    """A new token for a session; the one before opens nothing from now on."""
    token = _new_token()
    renewed.digest = _digest(token)
    session.flush()
    return token


def sessions_of(session: Session, account: Account, *, now: dt.datetime) -> Sequence[AccountSession]:
    """The sessions of an account that stand, oldest first."""
    rows = session.scalars(
        select(AccountSession)
        .where(_of(account), AccountSession.ended_at.is_(None), AccountSession.expires_at > now)
        .order_by(AccountSession.id)
    )
    return [row for row in rows if row.stands(now)]


def seen_lately(standing: AccountSession, *, now: dt.datetime) -> bool:
    """Whether the hour it was last seen in is this one: there is nothing to write."""
    return standing.seen_at >= _hour(now)


def see_session(session: Session, session_id: uuid.UUID, *, now: dt.datetime) -> None:
    """Somebody came by a session in this hour."""
    session.execute(
        update(AccountSession)
        .where(AccountSession.id == session_id, AccountSession.seen_at < _hour(now))
        .values(seen_at=_hour(now))
        .execution_options(synchronize_session=False)
    )


def end_session(session: Session, account: Account, session_id: uuid.UUID, *, now: dt.datetime) -> None:
    """End a session of the account's; a second time changes nothing.

    Raises:
        Absent: there is no such session, or it is another's.
    """
    found = session.scalar(select(AccountSession).where(AccountSession.id == session_id, _of(account)))
    if found is None:
        raise Absent
    if found.ended_at is None:
        found.ended_at = now
        session.flush()


def end_sessions(session: Session, account: Account, *, now: dt.datetime) -> None:
    """End every session of the account."""
    session.execute(
        update(AccountSession).where(_of(account), AccountSession.ended_at.is_(None)).values(ended_at=now),
    )


def end_every_session(session: Session, *, now: dt.datetime) -> None:
    """End the sessions of everybody: after a backup is restored, one that was ended since would stand again."""
    session.execute(update(AccountSession).where(AccountSession.ended_at.is_(None)).values(ended_at=now))


def forget_sessions(session: Session, *, now: dt.datetime, most: int = BATCH) -> int:
    """Forget sessions that ended, or expired, more than thirty days ago, at most `most`; how many."""
    until = now - KEPT_FOR
    over = (AccountSession.expires_at <= until) | (AccountSession.ended_at <= until)
    return forget_some(session, AccountSession, over, most=most)


def _of(account: Account) -> ColumnElement[bool]:
    column = AccountSession.merchant_id if account.kind is AccountKind.MERCHANT else AccountSession.staff_id
    return column == account.id


def _hour(moment: dt.datetime) -> dt.datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _new_token() -> str:
    return "cls_" + secrets.token_urlsafe(32)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("ascii")).digest()
