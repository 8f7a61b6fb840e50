"""Invitations: somebody gets a place, and a letter whose link signs her in for the first time."""

import datetime as dt
import uuid
from typing import Final, Protocol

from sqlalchemy.orm import Session

from citylife.accounts.merchants import Led, Membership, Merchant, Role, invite_merchant, join_team
from citylife.accounts.sessions import Account, AccountKind
from citylife.accounts.sign_in import INVITATION_LIFE, invite_to_sign_in
from citylife.accounts.staff import StaffMember, StaffRole, invite_staff
from citylife.letters import LetterKind, write_letter
from citylife.limits import Limit

INVITATIONS: Final = Limit("invitation", 20, dt.timedelta(days=1))
"""How many people a merchant may invite: the letters carry our name."""
INVITATIONS_UNPROVED: Final = Limit("invitation-unproved", 3, dt.timedelta(days=1))
"""The same where the shop is only claimed: nobody has looked yet whose letters these are."""
INVITATIONS_NETWORK: Final = Limit("invitation-network", 60, dt.timedelta(days=1))
"""The same for a network, whoever invites there."""
INVITED: Final = Limit("invited-address", 5, dt.timedelta(days=1))
"""How many such letters an address gets, whoever sends them."""


class Named(Led, Protocol):
    """A shop, as far as an invitation into its team is concerned."""

    @property
    def name(self) -> str: ...  # noqa: D102


def invite_into_team(
    session: Session, email: str, shop: Named, role: Role, *, locale: str = "fr", now: dt.datetime
) -> tuple[Merchant, Membership, str]:
    """Give the merchant of an address a role in the shop's team, and write to her; the token of the link is told too.

    Raises:
        EmailRefused: it is no e-mail address.
        LastOwner: she is the only owner and would become a seller.
    """
    merchant = invite_merchant(session, email, locale=locale, now=now)
    member = join_team(session, merchant, shop, role, now=now)
    token = _write(
        session,
        Account(AccountKind.MERCHANT, merchant.id),
        LetterKind.MERCHANT_INVITED,
        merchant.email,
        locale=merchant.locale,
        said={"shop": shop.name, "role": role.value},
        shop_id=shop.id,
        now=now,
    )
    return merchant, member, token


def invite_into_staff(
    session: Session, email: str, role: StaffRole, *, locale: str = "fr", now: dt.datetime
) -> tuple[StaffMember, str]:
    """Give the person of an address a role in the staff, and write to her; the token of the link is told too.

    Raises:
        EmailRefused: it is no e-mail address.
    """
    member = invite_staff(session, email, role, now=now)
    token = _write(
        session,
        Account(AccountKind.STAFF, member.id),
        LetterKind.STAFF_INVITED,
        member.email,
        locale=locale,
        said={"role": role.value},
        now=now,
    )
    return member, token


def _write(
    session: Session,
    account: Account,
    kind: LetterKind,
    email: str,
    *,
    locale: str,
    said: dict[str, str],
    shop_id: uuid.UUID | None = None,
    now: dt.datetime,
) -> str:
    token = invite_to_sign_in(session, account, shop_id=shop_id, now=now)
    content = {"token": token, **said}
    write_letter(session, kind, email, locale=locale, content=content, expires_at=now + INVITATION_LIFE, now=now)
    return token
