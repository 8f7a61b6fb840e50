"""What was decided of a merchant's claims, as she reads it herself: which were refused lately, and why."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from citylife.shops.tables import ClaimStatus, Shop, ShopClaim, ShopStatus

SHOWN_FOR: Final = dt.timedelta(days=90)
MOST: Final = 20


@dataclass(frozen=True, slots=True)
class RefusedClaim:
    """A shop that a merchant's claim was refused for, and why; `listed` where she may claim that very one anew."""

    shop: Shop
    reason: str

    @property
    def listed(self) -> bool:
        """Whether it is in the directory and nobody's."""
        return self.shop.status is ShopStatus.LISTED


def refused_claims(session: Session, merchant_id: uuid.UUID, *, now: dt.datetime) -> Sequence[RefusedClaim]:
    """Her claims that were refused within ninety days and after her last claim, the latest first, once a shop."""
    later = aliased(ShopClaim)
    claimed_since = exists().where(
        later.merchant_id == merchant_id, later.id > ShopClaim.id, later.claimed_at >= ShopClaim.decided_at
    )
    rows = session.execute(
        select(Shop, ShopClaim.reason)
        .join(ShopClaim, ShopClaim.shop_id == Shop.id)
        .where(
            ShopClaim.merchant_id == merchant_id,
            ShopClaim.status == ClaimStatus.REFUSED,
            ShopClaim.decided_at > now - SHOWN_FOR,
            ~claimed_since,
        )
        .order_by(ShopClaim.id.desc())
        .limit(MOST)
    )
    latest: dict[uuid.UUID, RefusedClaim] = {}
    for shop, reason in rows:
        latest.setdefault(shop.id, RefusedClaim(shop, reason or ""))
    return list(latest.values())
