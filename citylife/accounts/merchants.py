"""Merchants, the teams that run a shop together, and the API keys that act for them."""

import datetime as dt
import hashlib
import re
import secrets
import uuid
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Final, Protocol

from sqlalchemy import ForeignKey, Index, LargeBinary, String, func, or_, select, text, true, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from citylife.accounts.emails import check_email
from citylife.accounts.sessions import Account, AccountKind, end_sessions
from citylife.database import Base, Choice, Identifier, new_id
from citylife.errors import Absent, Invalid, Refusal, TooMany
from citylife.limits import Limit
from citylife.text import check_line
from citylife.upserts import insert_unless_there

WRITES: Final = Limit("merchant-writes", 600, dt.timedelta(hours=1))
"""What one merchant may change, by her hand or by her till: a whole shop window, but not without end."""
MOST_KEYS: Final = 20
"""How many API keys of a merchant may stand at once."""
_KEY: Final = re.compile(r"clk_[A-Za-z0-9_-]{43}")


class Led(Protocol):
    """A shop, as far as its team is concerned."""

    @property
    def id(self) -> uuid.UUID: ...  # noqa: D102


class Role(Enum):
    """What a member of a shop's team may do: an owner everything, a seller offers and the till."""

    OWNER = "owner"
    SELLER = "seller"


class Scope(Enum):
    """What an API key may do."""

    READ = "read"
    OFFERS = "offers"
    SHOP = "shop"


class Merchant(Base):
    """A person who runs a shop, known by an e-mail address."""

    __tablename__ = "merchants"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(120), default="")
    locale: Mapped[str] = mapped_column(String(5), default="fr")
    created_at: Mapped[dt.datetime]
    confirmations: Mapped[bool] = mapped_column(default=True, server_default=true())
    """Whether she wants a letter for each offer she publishes."""
    mondays: Mapped[bool] = mapped_column(default=True, server_default=true())
    """Whether she wants a letter on Monday with what last week brought the shops she owns."""


class Membership(Base):
    """A merchant's place in a shop's team, from a moment until another."""

    __tablename__ = "memberships"
    __table_args__ = (
        Index(
            "uq_memberships_current",
            "shop_id",
            "merchant_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_memberships_merchant", "merchant_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    shop_id: Mapped[uuid.UUID] = mapped_column(Identifier(), ForeignKey("shops.id"))
    merchant_id: Mapped[uuid.UUID] = mapped_column(Identifier(), ForeignKey("merchants.id"))
    role: Mapped[Role] = mapped_column(Choice(Role))
    begun_at: Mapped[dt.datetime]
    ended_at: Mapped[dt.datetime | None]
    seen_at: Mapped[dt.datetime | None]
    """When she first followed the invitation or looked at the shop; None while she has only been invited."""

    @property
    def pending(self) -> bool:
        """Whether she was invited, and has not come to this shop since."""
        return self.seen_at is None


class MerchantKey(Base):
    """A revocable API key of a merchant, stored as its SHA-256, limited to its scopes."""

    __tablename__ = "merchant_keys"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    merchant_id: Mapped[uuid.UUID] = mapped_column(Identifier(), ForeignKey("merchants.id"), index=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    label: Mapped[str] = mapped_column(String(80))
    scopes: Mapped[list[str]]
    created_at: Mapped[dt.datetime]
    expires_at: Mapped[dt.datetime | None]
    used_on: Mapped[dt.date | None]
    """The last day it was used, as Paris has it; nothing finer is kept."""
    revoked_at: Mapped[dt.datetime | None]


class LastOwner(Refusal):
    """A shop's team keeps an owner."""

    slug = "last-owner"
    status = 409
    title = "Dernier propriétaire"
    sentence = "Une équipe garde au moins un propriétaire qui est déjà venu."


class TooManyKeys(TooMany):
    """A merchant has all the API keys she may have."""

    slug = "too-many-keys"
    title = "Trop de clés"
    sentence = "Au plus {most} clés peuvent servir en même temps : révoquez-en une."


class KeyWithoutScope(Invalid):
    """An API key that may do nothing."""

    slug = "key-without-scope"
    title = "Clé sans droit"
    sentence = "Une clé doit avoir au moins un droit."


class KeyEndsTooSoon(Invalid):
    """An API key that would open nothing."""

    slug = "key-ends-too-soon"
    title = "Clé déjà expirée"
    sentence = "La fin d’une clé doit être à venir."


def invite_merchant(session: Session, email: str, *, locale: str = "fr", now: dt.datetime) -> Merchant:
    """The merchant of an e-mail address, made when there is none yet.

    Raises:
        EmailRefused: it is no e-mail address.
    """
    address = check_email(email)
    insert_unless_there(session, Merchant, id=new_id(), email=address, name="", locale=locale, created_at=now)
    return session.scalars(select(Merchant).where(Merchant.email == address)).one()


def join_team(session: Session, merchant: Merchant, shop: Led, role: Role, *, now: dt.datetime) -> Membership:
    """Give the merchant a role in the shop's team, from now on; a role she already has stays as it is.

    A seller who becomes an owner signs in again: nothing that was open before goes on with more rights. Whoever was not
    in the team is pending until she comes by.

    Raises:
        LastOwner: she is the only owner and would become a seller.
    """
    hold_team(session, shop.id)
    current = membership(session, merchant.id, shop.id)
    if current is not None:
        if current.role is role:
            return current
        _end(session, current, now=now)
        if role is Role.OWNER:
            end_sessions(session, Account(AccountKind.MERCHANT, merchant.id), now=now)
    seen_at = None if current is None else current.seen_at
    joined = Membership(id=new_id(), shop_id=shop.id, merchant_id=merchant.id, role=role, begun_at=now, seen_at=seen_at)
    session.add(joined)
    session.flush()
    return joined


def leave_team(session: Session, merchant_id: uuid.UUID, shop_id: uuid.UUID, *, now: dt.datetime) -> bool:
    """End a merchant's place in a team; False when she has none.

    Raises:
        LastOwner: she is the only owner.
    """
    hold_team(session, shop_id)
    current = membership(session, merchant_id, shop_id)
    if current is None:
        return False
    _end(session, current, now=now)
    return True


def come_by(session: Session, merchant_id: uuid.UUID, shop_id: uuid.UUID, *, now: dt.datetime) -> None:
    """A merchant has followed the link of an invitation, or looked at its shop: she is pending there no more."""
    hers = Membership.merchant_id == merchant_id, Membership.shop_id == shop_id
    session.execute(
        update(Membership)
        .where(*hers, Membership.ended_at.is_(None), Membership.seen_at.is_(None))
        .values(seen_at=now)
        .execution_options(synchronize_session=False)
    )


def hold_team(session: Session, shop_id: uuid.UUID) -> None:
    """Hold the current rows of a team until the transaction ends, so that two changes at once count the same owners."""
    session.execute(select(Membership.id).where(Membership.shop_id == shop_id).with_for_update()).all()


def membership(session: Session, merchant_id: uuid.UUID, shop_id: uuid.UUID) -> Membership | None:
    """The place a merchant has in a shop's team now; None when she has none."""
    return session.scalar(
        select(Membership).where(
            Membership.shop_id == shop_id, Membership.merchant_id == merchant_id, Membership.ended_at.is_(None)
        )
    )


def member_of(session: Session, shop_id: uuid.UUID, member_id: uuid.UUID) -> Membership | None:
    """The place of this id in a team, where somebody has it now."""
    place = Membership.id == member_id, Membership.shop_id == shop_id, Membership.ended_at.is_(None)
    return session.scalar(select(Membership).where(*place))


def team_of(session: Session, shop_id: uuid.UUID) -> Sequence[tuple[Membership, Merchant]]:
    """Who runs a shop now, in the order they joined."""
    rows = session.execute(
        select(Membership, Merchant)
        .join(Merchant, Merchant.id == Membership.merchant_id)
        .where(Membership.shop_id == shop_id, Membership.ended_at.is_(None))
        .order_by(Membership.id)
    )
    return [(row[0], row[1]) for row in rows]


def is_last_owner(member: Membership, team: Iterable[Membership]) -> bool:
    """Whether a team would be without an owner if she left: whoever was only invited may never come."""
    return member.role is Role.OWNER and not any(
        other.role is Role.OWNER and not other.pending and other.id != member.id for other in team
    )


def _end(session: Session, current: Membership, *, now: dt.datetime) -> None:
    if is_last_owner(current, [member for member, _ in team_of(session, current.shop_id)]):
        raise LastOwner
    current.ended_at = now
    session.flush()


def new_key(
    session: Session,
    merchant: Merchant,
    label: str,
    scopes: Iterable[Scope],
    *,
    expires_at: dt.datetime | None = None,
    now: dt.datetime,
) -> tuple[MerchantKey, str]:
    """A new API key and its token (`clk_` and 43 characters), which is told once and never stored.

    It opens nothing from `expires_at` on; without it, it stands until it is revoked.

    Raises:
        KeyWithoutScope: no scope at all.
        KeyEndsTooSoon: it would have expired already.
        TooManyKeys: twenty already stand.
        TextRefused: the label is empty or too long.
    """
    wanted = sorted({scope.value for scope in scopes})
    if not wanted:
        raise KeyWithoutScope(pointer="/scopes")
    if expires_at is not None and expires_at <= now:
        raise KeyEndsTooSoon(pointer="/expires_at")
    label = check_line(label, pointer="/label", most=80)
    session.execute(select(Merchant.id).where(Merchant.id == merchant.id).with_for_update(key_share=True))
    standing = select(func.count()).where(MerchantKey.merchant_id == merchant.id, MerchantKey.revoked_at.is_(None))
    if (session.scalar(standing) or 0) >= MOST_KEYS:
        raise TooManyKeys(most=MOST_KEYS)
    token = "clk_" + secrets.token_urlsafe(32)
    key = MerchantKey(
        id=new_id(),
        merchant_id=merchant.id,
        digest=_digest(token),
        label=label,
        scopes=wanted,
        created_at=now,
        expires_at=expires_at,
    )
    session.add(key)
    session.flush()
    return key, token


def key_of(session: Session, token: str, *, now: dt.datetime) -> MerchantKey | None:
    """The key a token belongs to; None when there is none, or when it was revoked or has expired."""
    if not _KEY.fullmatch(token):
        return None
    return session.scalar(
        select(MerchantKey).where(
            MerchantKey.digest == _digest(token),
            MerchantKey.revoked_at.is_(None),
            or_(MerchantKey.expires_at.is_(None), MerchantKey.expires_at > now),
        )
    )


def see_key(session: Session, key_id: uuid.UUID, day: dt.date) -> None:
    """A key was used on this day."""
    session.execute(
        update(MerchantKey)
        .where(MerchantKey.id == key_id, or_(MerchantKey.used_on.is_(None), MerchantKey.used_on < day))
        .values(used_on=day)
        .execution_options(synchronize_session=False)
    )


def keys_of(session: Session, merchant_id: uuid.UUID) -> Sequence[MerchantKey]:
    """The keys of a merchant that nobody revoked, those that have expired too, oldest first."""
    return session.scalars(
        select(MerchantKey)
        .where(MerchantKey.merchant_id == merchant_id, MerchantKey.revoked_at.is_(None))
        .order_by(MerchantKey.id)
    ).all()


def revoke_key(session: Session, merchant_id: uuid.UUID, key_id: uuid.UUID, *, now: dt.datetime) -> None:
    """Revoke a key of the merchant's; a second time changes nothing.

    Raises:
        Absent: there is no such key, or it is another's.
    """
    key = session.scalar(select(MerchantKey).where(MerchantKey.id == key_id, MerchantKey.merchant_id == merchant_id))
    if key is None:
        raise Absent
    if key.revoked_at is None:
        key.revoked_at = now
        session.flush()


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("ascii")).digest()
