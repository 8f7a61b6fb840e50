"""What staff see of shops: all of them, suspended ones too, with their claims and what was decided before."""

import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from citylife.errors import Absent
from citylife.shops.tables import ClaimStatus, Shop, ShopClaim, ShopStatus, ShopSuspension
from citylife.text import plainly


def every_shop(
    session: Session, *, status: ShopStatus | None = None, after: uuid.UUID | None = None, limit: int
) -> Sequence[Shop]:
    """Shops in every state, or in one, the first entered first (`ix_shops_status`); `after` is where a page ended.

    Those that are claimed come in the order of their claims, the first claimed first.
    """
    if status is ShopStatus.CLAIMED:
        return _claimed(session, after=after, limit=limit)
    statement = select(Shop).order_by(Shop.id).limit(limit)
    if status is not None:
        statement = statement.where(Shop.status == status)
    if after is not None:
        statement = statement.where(Shop.id > after)
    return session.scalars(statement).all()


def shops_named(session: Session, words: str, *, limit: int) -> Sequence[Shop]:
    """Shops in any state whose name holds these words, or whose page they name; the whole directory is looked at.

    Neither case, accents nor punctuation count.
    """
    wanted, slug = plainly(words), words.casefold()
    names = session.execute(select(Shop.id, Shop.name, Shop.slug).order_by(Shop.name, Shop.id))
    found = [shop_id for shop_id, name, its in names if its == slug or wanted in plainly(name)][:limit]
    return session.scalars(select(Shop).where(Shop.id.in_(found)).order_by(Shop.name, Shop.id)).all()


def shop_of_slug(session: Session, slug: str) -> Shop | None:
    """The shop of a page's address, in any state; none where there is none."""
    return session.scalar(select(Shop).where(Shop.slug == slug))


def any_shop(session: Session, shop_id: uuid.UUID) -> Shop:
    """A shop in any state.

    Raises:
        Absent: there is none.
    """
    shop = session.get(Shop, shop_id)
    if shop is None:
        raise Absent
    return shop


def claims_of(session: Session, shop_id: uuid.UUID) -> Sequence[ShopClaim]:
    """Every claim of a shop, the latest first."""
    return session.scalars(select(ShopClaim).where(ShopClaim.shop_id == shop_id).order_by(ShopClaim.id.desc())).all()


def suspensions_of(session: Session, shop_id: uuid.UUID) -> Sequence[ShopSuspension]:
    """Every suspension of a shop, the latest first."""
    statement = select(ShopSuspension).where(ShopSuspension.shop_id == shop_id).order_by(ShopSuspension.id.desc())
    return session.scalars(statement).all()


def _claimed(session: Session, *, after: uuid.UUID | None, limit: int) -> Sequence[Shop]:
    statement = (
        select(Shop)
        .join(ShopClaim, ShopClaim.shop_id == Shop.id)
        .where(Shop.status == ShopStatus.CLAIMED, ShopClaim.status == ClaimStatus.PENDING)
        .order_by(ShopClaim.id)
        .limit(limit)
    )
    if after is not None:
        last = select(ShopClaim.id).where(ShopClaim.shop_id == after).order_by(ShopClaim.id.desc()).limit(1)
        statement = statement.where(ShopClaim.id > last.scalar_subquery())
    return session.scalars(statement).all()
