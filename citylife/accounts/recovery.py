"""Coming in by a letter although one has a passkey: whoever shares the work is told, for a mailbox may be stolen."""

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from citylife.accounts.merchants import Membership, Merchant
from citylife.accounts.sessions import Account, AccountKind
from citylife.accounts.staff import StaffMember, StaffRole
from citylife.letters import LetterKind, write_letter
from citylife.limits import Limit

NOTICES: Final = Limit("recovery-notice", 1, dt.timedelta(days=1))
"""How often others are told of one account: somebody who lost her phone signs in more than once that day."""
WORTH_READING: Final = dt.timedelta(days=3)


def tell_of_recovery(session: Session, account: Account, email: str, *, now: dt.datetime) -> int:
    """Write to the teams of an account that came in by a letter, and to who administers the cluster; to how many."""
    told: dict[str, str] = {}
    for address, locale in (*_colleagues(session, account), *_administrators(session)):
        if address != email:
            told.setdefault(address, locale)
    _write(session, LetterKind.CAME_IN_BY_LETTER, told, email, now=now)
    return len(told)


def tell_of_first_passkey(session: Session, email: str, *, now: dt.datetime) -> int:
    """Write to who administers the cluster that the member of staff of an address made her first passkey; to how many.

    From then on she enters the console: somebody should notice where it was not her.
    """
    told = {address: locale for address, locale in _administrators(session) if address != email}
    _write(session, LetterKind.COLLEAGUE_MADE_PASSKEY, told, email, now=now)
    return len(told)


def _write(session: Session, kind: LetterKind, told: Mapping[str, str], email: str, *, now: dt.datetime) -> None:
    """Write of whoever has an address to each of `told`, in her language."""
    for address, locale in told.items():
        write_letter(
            session,
            kind,
            address,
            locale=locale,
            content={"email": email},
            expires_at=now + WORTH_READING,
            now=now,
        )


def _colleagues(session: Session, account: Account) -> Iterator[tuple[str, str]]:
    if account.kind is not AccountKind.MERCHANT:
        return
    hers, theirs = aliased(Membership), aliased(Membership)
    yield from session.execute(
        select(Merchant.email, Merchant.locale)
        .join(theirs, theirs.merchant_id == Merchant.id)
        .join(hers, hers.shop_id == theirs.shop_id)
        .where(hers.merchant_id == account.id, hers.ended_at.is_(None), theirs.ended_at.is_(None))
        .order_by(Merchant.email)
    )


def _administrators(session: Session) -> Iterator[tuple[str, str]]:
    in_function = StaffMember.ended_at.is_(None), StaffMember.role == StaffRole.ADMINISTER
    for email in session.scalars(select(StaffMember.email).where(*in_function).order_by(StaffMember.email)):
        yield email, "fr"
