"""Prior prices: the lowest that a shop asked for the same thing in the last thirty days.

A reduction states it (Code de la consommation L112-1-1). What is known here is what the shop announced, each version of
it; what it asked at the counter only its merchant knows.
"""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from citylife.offers.tables import Offer, OfferVersion
from citylife.text import plainly

LOOKED_BACK: Final = dt.timedelta(days=30)


@dataclass(frozen=True, slots=True)
class AskedPrice:
    """A price that was asked, in cents of euro, and when it was announced."""

    cents: int
    announced_at: dt.datetime


def lowest_asked(
    session: Session, shop_id: uuid.UUID, title: str, *, now: dt.datetime, but: uuid.UUID | None = None
) -> AskedPrice | None:
    """The lowest price of thirty days of what has the same title by its words alone, and its latest announcement.

    A version counts where it was public at any moment of these days (index `ix_offers_shop`); what was free does not:
    nothing was asked. The offer `but` is left out, being the reduction itself. None where no price was announced.
    """
    name, since = plainly(title), now - LOOKED_BACK
    versions = session.execute(
        select(Offer.id, Offer.ends_at, Offer.closed_at, OfferVersion.published_at, OfferVersion.content)
        .join(OfferVersion, OfferVersion.offer_id == Offer.id)
        .where(Offer.shop_id == shop_id, Offer.live_from.is_not(None), Offer.ends_at > since)
        .order_by(Offer.id, OfferVersion.number.desc())
    )
    asked: list[AskedPrice] = []
    replaced: dict[uuid.UUID, dt.datetime] = {}
    for offer_id, ends_at, closed_at, published_at, content in versions:
        until = replaced.get(offer_id, min(ends_at, closed_at or ends_at))
        replaced[offer_id] = published_at
        if until > since and offer_id != but and content["price"] and plainly(content["title"]) == name:
            asked.append(AskedPrice(content["price"], published_at))
    return min(asked, key=lambda price: (price.cents, now - price.announced_at), default=None)
