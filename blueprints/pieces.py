"""The piece of an offer: its public JSON, rewritten whenever the offer or its shop changes, so that reads join bytes.

It is written by the schema that documents it, in the very transaction of the change, whoever makes it: a listener on
the sessions of the house. Changes that go past the session (bulk UPDATE) must not touch what a piece says.
"""

from collections.abc import Sequence
from typing import Any, Final

import orjson
from sqlalchemy import event, inspect, select
from sqlalchemy.orm import Session, UOWTransaction, sessionmaker

from blueprints.photographs import shown_photo
from citylife.geography import communes
from citylife.offers import Offer, OfferStatus
from citylife.photos import Photo
from citylife.shops import Shop
from schemas.offers import OfferSchema

SAID: Final = (
    "id",
    "kind",
    "title",
    "description",
    "price",
    "prior_price",
    "reduction",
    "perishable",
    "quantity",
    "starts_at",
    "ends_at",
)
SHOP_SAID: Final = frozenset({"slug", "name", "category", "insee_code", "latitude", "longitude", "fictional"})
READ: Final = (OfferStatus.SCHEDULED, OfferStatus.LIVE, OfferStatus.SOLD_OUT)
"""Offers whose piece somebody may still read."""
_SCHEMA: Final = OfferSchema()


def piece_of(offer: Offer, shop: Shop, photo: Photo | None = None) -> str:
    """The public JSON of an offer."""
    place = {"insee_code": shop.insee_code, "name": communes()[shop.insee_code].name}
    said: dict[str, Any] = {name: _value(offer, name) for name in SAID}
    said["sold_out_at"] = offer.closed_at if offer.status is OfferStatus.SOLD_OUT else None
    said["photo"] = None if photo is None else shown_photo(photo)
    said["shop"] = {
        "id": shop.id,
        "slug": shop.slug,
        "name": shop.name,
        "category": shop.category,
        "commune": place,
        "latitude": shop.latitude,
        "longitude": shop.longitude,
        "fictional": bool(shop.fictional),
    }
    return orjson.dumps(_SCHEMA.dump(said)).decode()


def _value(offer: Offer, name: str) -> Any:
    """The attribute, or its column's default where the row is not written yet."""
    value = getattr(offer, name)
    if value is None:
        default = Offer.__table__.c[name].default
        return None if default is None else default.arg
    return value


def keep_pieces(sessions: type[Session] | sessionmaker[Session]) -> None:
    """Rewrite pieces before each flush of these sessions; a second call changes nothing."""
    if not event.contains(sessions, "before_flush", rewrite_pieces):
        event.listen(sessions, "before_flush", rewrite_pieces)


def rewrite_pieces(session: Session, _context: UOWTransaction, _instances: Any) -> None:
    """Write the piece of every offer that is new or changed, or whose shop is; a draft has none."""
    with session.no_autoflush:
        for shop in [changed for changed in session.dirty if isinstance(changed, Shop)]:
            if any(inspect(shop).attrs[name].history.has_changes() for name in SHOP_SAID):
                for offer in _offers_of(session, shop):
                    offer.piece = piece_of(offer, shop, _photo_of(session, offer))
        for offer in [changed for changed in (*session.new, *session.dirty) if isinstance(changed, Offer)]:
            if offer.status is not None and offer.status is not OfferStatus.DRAFT:
                shop = _shop_of(session, offer)
                piece = piece_of(offer, shop, _photo_of(session, offer))
                if piece != offer.piece:
                    offer.piece = piece


def _offers_of(session: Session, shop: Shop) -> Sequence[Offer]:
    """The offers of a changed shop as they are now; whoever changes one from here on waits (see `hold_offer`)."""
    session.execute(select(Shop.id).where(Shop.id == shop.id).with_for_update(key_share=True))
    mine = [changed.id for changed in session.dirty if isinstance(changed, Offer)]  # they are written after these
    concerned = select(Offer).where(Offer.shop_id == shop.id, Offer.status.in_(READ), Offer.id.not_in(mine))
    return session.scalars(concerned.execution_options(populate_existing=True)).all()


def _photo_of(session: Session, offer: Offer) -> Photo | None:
    return None if offer.photo_id is None else session.get_one(Photo, offer.photo_id)


def _shop_of(session: Session, offer: Offer) -> Shop:
    for waiting in session.new:
        if isinstance(waiting, Shop) and waiting.id == offer.shop_id:
            return waiting
    return session.get_one(Shop, offer.shop_id)
