"""The directory: the shops anybody may find.

A suspended shop is absent from it, one that is gone, and one of which nobody but its claimant has ever spoken.
"""

import uuid
from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from citylife.accounts.merchants import Membership, Role
from citylife.categories import REFUSED
from citylife.errors import Absent, NotYours, Refusal
from citylife.shops.tables import Shop, ShopStand, ShopStatus

PUBLIC: Final = (ShopStatus.LISTED, ShopStatus.CLAIMED, ShopStatus.VERIFIED)
"""What a public shop is, where not a claim alone says that there is one (`Shop.unproved`)."""
IS_PUBLIC: Final = Shop.status.in_(PUBLIC) & ~Shop.unproved
"""Of a shop: anybody may find it."""


class ShopClosedDown(Refusal):
    """The shop no longer exists; whoever has its address from a poster or a friend is told so."""

    slug = "shop-closed-down"
    status = 410
    title = "Ce commerce a fermé"
    sentence = "Ce commerce n’existe plus."


def shop_by_slug(session: Session, slug: str) -> Shop:
    """The public shop of a page's address.

    Raises:
        Absent: there is none, it is suspended, or only a claim says that it exists.
        ShopClosedDown: it no longer exists.
    """
    shop = session.scalar(select(Shop).where(Shop.slug == slug))
    if shop is not None and shop.status is ShopStatus.CLOSED:
        raise ShopClosedDown
    return _public(shop)


def shop_by_id(session: Session, shop_id: uuid.UUID) -> Shop:
    """The public shop of an id.

    Raises:
        Absent: there is none, or it is suspended or closed down.
    """
    return _public(session.get(Shop, shop_id))


def shop_of_team(session: Session, merchant_id: uuid.UUID, shop_id: uuid.UUID) -> tuple[Shop, Membership]:
    """A shop, suspended or not, for a member of its team, and her place in it.

    Raises:
        NotYours: there is no such shop, or she is not in its team.
    """
    row = session.execute(
        select(Shop, Membership)
        .join(Membership, Membership.shop_id == Shop.id)
        .where(Shop.id == shop_id, Membership.merchant_id == merchant_id, Membership.ended_at.is_(None))
    ).first()
    if row is None:
        raise NotYours
    return row[0], row[1]


def invitations_of(session: Session, merchant_id: uuid.UUID) -> Sequence[tuple[Shop, Role]]:
    """The shops into whose team a merchant was invited, and her role, where she has not come by since."""
    rows = session.execute(
        select(Shop, Membership.role)
        .join(Membership, Membership.shop_id == Shop.id)
        .where(Membership.merchant_id == merchant_id, Membership.ended_at.is_(None), Membership.seen_at.is_(None))
        .order_by(Membership.id)
    )
    return [(row[0], row[1]) for row in rows]


def shops_of(session: Session, merchant_id: uuid.UUID) -> Sequence[Shop]:
    """The shops a merchant runs, alone or in a team, suspended ones too."""
    return session.scalars(
        select(Shop)
        .join(Membership, Membership.shop_id == Shop.id)
        .where(Membership.merchant_id == merchant_id, Membership.ended_at.is_(None))
        .order_by(Shop.id)
    ).all()


def public_shops(
    session: Session,
    *,
    category: str | None = None,
    insee_code: str | None = None,
    after: uuid.UUID | None = None,
    limit: int,
) -> Sequence[Shop]:
    """A page of public shops (indexes `ix_shops_commune`, `ix_shops_category`); by words see `citylife.search`."""
    statement = select(Shop).where(IS_PUBLIC, Shop.category.not_in(REFUSED)).order_by(Shop.id).limit(limit)
    if category is not None:
        statement = statement.where(Shop.category == category)
    if insee_code is not None:
        statement = statement.where(Shop.insee_code == insee_code)
    if after is not None:
        statement = statement.where(Shop.id > after)
    return session.scalars(statement).all()


def stands_of(session: Session, shop_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, list[ShopStand]]:
    """Where the market traders among these shops stand, by shop, from Monday on; an empty list for every other."""
    found: dict[uuid.UUID, list[ShopStand]] = {shop_id: [] for shop_id in shop_ids}
    stands = select(ShopStand).where(ShopStand.shop_id.in_(found)).order_by(ShopStand.weekday)
    for stand in session.scalars(stands):
        found[stand.shop_id].append(stand)
    return found


def public_of(session: Session, shop_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Shop]:
    """Those of these shops that are public, by their ids."""
    public = select(Shop).where(Shop.id.in_(shop_ids), IS_PUBLIC, Shop.category.not_in(REFUSED))
    return {shop.id: shop for shop in session.scalars(public)}


def is_public(shop: Shop) -> bool:
    """Whether anybody may find it."""
    return shop.status in PUBLIC and not shop.unproved


def _public(shop: Shop | None) -> Shop:
    if shop is None or not is_public(shop):
        raise Absent
    return shop
