"""What the shops a citizen follows offer now, in the order she chose: the last published first, or the first to end.

The order of ends is the feed's own (`citylife.feed`), which programs read at full speed; here whole offers are read,
each with its shop, for a page of hers.
"""

import datetime as dt
import uuid
from enum import Enum

from sqlalchemy import select, text, tuple_
from sqlalchemy.orm import Session

from citylife.follows import Follow
from citylife.offers.tables import Offer
from citylife.shops import IS_PUBLIC, Shop

Place = tuple[dt.datetime, uuid.UUID]
"""Just behind one offer: when it was published or ends, and its id."""


class Order(Enum):
    """How the offers of her shops are ordered."""

    NEWEST = "newest"
    ENDING = "ending"


def followed_offers(
    session: Session,
    citizen_id: uuid.UUID,
    order: Order,
    *,
    after: Place | None = None,
    limit: int,
    now: dt.datetime,
) -> tuple[list[tuple[Offer, Shop]], Place | None]:
    """The next `limit` live offers of the shops she follows at whatever level, and where the next page begins.

    They are read along `ix_offers_live` of each of her shops; those of a suspended shop are absent.
    """
    statement = (
        select(Offer, Shop)
        .join(Follow, Follow.shop_id == Offer.shop_id)
        .join(Shop, Shop.id == Offer.shop_id)
        .where(Follow.citizen_id == citizen_id, text("offers.status = 'live'"), Offer.ends_at > now)
        .where(IS_PUBLIC)
        .limit(limit + 1)
    )
    if order is Order.NEWEST:
        statement = statement.order_by(Offer.live_from.desc(), Offer.id.desc())
        if after is not None:
            statement = statement.where(tuple_(Offer.live_from, Offer.id) < after)
    else:
        statement = statement.order_by(Offer.ends_at, Offer.id)
        if after is not None:
            statement = statement.where(tuple_(Offer.ends_at, Offer.id) > after)
    rows = [(row[0], row[1]) for row in session.execute(statement)]
    if len(rows) <= limit:
        return rows, None
    last: Offer = rows[limit - 1][0]
    moment = last.live_from if order is Order.NEWEST else last.ends_at
    if moment is None:  # pragma: no cover - a live offer says since when
        raise AssertionError("a live offer that was never published")
    return rows[:limit], (moment, last.id)
