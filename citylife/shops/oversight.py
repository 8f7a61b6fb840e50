"""What staff see of shops: all of them, suspended ones too, with their claims and what was decided before."""

import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from citylife.errors import Absent
from citylife.shops.tables import Shop, ShopClaim, ShopStatus, ShopSuspension


def every_shop(
    session: Session, *, status: ShopStatus | None = None, after: uuid.UUID | None = None, limit: int
) -> Sequence[Shop]:
    """Shops in every state, or in one, the first entered first (`ix_shops_status`); `after` is where a page ended."""
    statement = select(Shop).order_by(Shop.id).limit(limit)
    if status is not None:
        statement = statement.where(Shop.status == status)
    if after is not None:
        statement = statement.where(Shop.id > after)
    return session.scalars(statement).all()


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
