"""What a claimant prepares while staff verify: hours and a photo.

Of a shop of which only her claim speaks they are written down at once, since the public sees none of it. Of one that
was listed before they are kept with the claim: they take effect once it is accepted, and a refusal forgets them.
"""

import uuid
from collections.abc import Iterable
from typing import Final

from sqlalchemy import TextClause, bindparam, select, text
from sqlalchemy.orm import Session

from citylife.database import Identifier
from citylife.shops.tables import ClaimStatus, Shop, ShopClaim, ShopStatus

EMPTIED: Final = ""
"""Prepared hours that say none, where None is none prepared."""


def _of_shop(words: str, *others: str) -> TextClause:
    return text(words).bindparams(*(bindparam(name, type_=Identifier()) for name in ("shop", *others)))


_NO_FRONT: Final = _of_shop("UPDATE photos SET fronts = false WHERE shop_id = :shop AND fronts")
_FRONT: Final = _of_shop("UPDATE photos SET fronts = true WHERE shop_id = :shop AND id = :photo", "photo")
_DRAFTS: Final = _of_shop("DELETE FROM offers WHERE shop_id = :shop AND status = 'draft'")
_PHOTOS: Final = _of_shop(
    "DELETE FROM photos WHERE shop_id = :shop AND NOT fronts AND NOT published"
    " AND NOT EXISTS (SELECT 1 FROM offers WHERE offers.photo_id = photos.id)"
    " AND NOT EXISTS (SELECT 1 FROM recurring_offers WHERE recurring_offers.photo_id = photos.id)"
    " AND NOT EXISTS (SELECT 1 FROM shop_claims WHERE shop_claims.photo_id = photos.id)"
)
"""Whose shop is verified for somebody else, its photos are public: what the page or an offer never showed goes."""


def is_prepared(shop: Shop) -> bool:
    """Whether what is said of the shop waits with its claim: it is claimed, and the public has its listed facts."""
    return shop.status is ShopStatus.CLAIMED and not shop.unproved


def preparations_of(session: Session, shops: Iterable[Shop]) -> dict[uuid.UUID, ShopClaim]:
    """The pending claims of these shops with which something may wait, by shop."""
    ids = [shop.id for shop in shops if is_prepared(shop)]
    if not ids:
        return {}
    claims = select(ShopClaim).where(ShopClaim.shop_id.in_(ids), ShopClaim.status == ClaimStatus.PENDING)
    return {claim.shop_id: claim for claim in session.scalars(claims)}


def hours_for_team(session: Session, shop: Shop) -> str | None:
    """The hours as those who run the shop read them: what they prepared, or else what it says."""
    claim = preparations_of(session, [shop]).get(shop.id)
    return shop.opening_hours if claim is None else hours_said(claim, shop)


def once_accepted(session: Session, shop: Shop) -> Shop:
    """What a shop will say of when it is open once its claim is accepted: a copy, which nothing keeps."""
    where = {"latitude": shop.latitude, "longitude": shop.longitude, "insee_code": shop.insee_code}
    return Shop(**where, opening_hours=hours_for_team(session, shop))


def hours_said(claim: ShopClaim, shop: Shop) -> str | None:
    """The hours that a shop has once this claim is accepted."""
    return shop.opening_hours if claim.opening_hours is None else claim.opening_hours or None


def prepare_hours(session: Session, shop: Shop, hours: str | None) -> bool:
    """Keep hours, checked already, until the claim is decided; whether that changes any."""
    claim = preparations_of(session, [shop])[shop.id]
    if hours_said(claim, shop) == hours:
        return False
    claim.opening_hours = EMPTIED if hours is None else hours
    return True


def take_effect(session: Session, claim: ShopClaim, shop: Shop) -> None:
    """Let the shop say what was prepared, its claim being accepted."""
    shop.opening_hours = hours_said(claim, shop)
    if claim.photo_id is not None:
        session.flush()
        session.execute(_NO_FRONT, {"shop": shop.id})
        session.execute(_FRONT, {"shop": shop.id, "photo": claim.photo_id})
        session.expire_all()
    claim.opening_hours = claim.photo_id = None


def forget_prepared(session: Session, claim: ShopClaim, shop: Shop) -> None:
    """Forget what a claimant prepared, her claim being refused: no next one finds it, drafts and photos included."""
    claim.opening_hours = claim.photo_id = None
    if shop.unproved:
        shop.opening_hours = None
        session.execute(_NO_FRONT, {"shop": shop.id})
    session.execute(_DRAFTS, {"shop": shop.id})
    session.execute(_PHOTOS, {"shop": shop.id})
