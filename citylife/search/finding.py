"""Finding: pages of shops and of live offers, by words or in their own order, with what each page ends at."""

import datetime as dt
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from sqlalchemy.orm import Session

from citylife.offers.reading import live_of, live_offers
from citylife.offers.tables import Offer
from citylife.search.asking import Hit, ask
from citylife.search.tables import Found
from citylife.search.words import words_of
from citylife.shops.directory import public_of, public_shops, stands_of
from citylife.shops.tables import Shop
from citylife.shops.whereabouts import hours_of_day

MOST_LOOKED_AT: Final = 1000
"""Shops whose hours are looked at for one page of open ones."""
LOOKED_AT: Final = 100

ShopPlace = Hit | uuid.UUID
"""Where a page of shops ends: at a hit of a search, or at an id."""
OfferPlace = Hit | tuple[dt.datetime, uuid.UUID]
"""Where a page of offers ends: at a hit of a search, or at an end and an id."""
Thing = TypeVar("Thing")
Place = TypeVar("Place")


@dataclass(frozen=True, slots=True)
class Page(Generic[Thing, Place]):
    """Some things in their order, and where the next page begins after; None at the end."""

    things: list[Thing]
    last: Place | None


def sought(q: str | None) -> str | None:
    """What was typed; None where there is no word in it, which asks for everything."""
    return q if q is not None and words_of(q) else None


def find_shops(
    session: Session,
    *,
    q: str | None = None,
    category: str | None = None,
    insee_code: str | None = None,
    open_now: bool = False,
    after: ShopPlace | None = None,
    limit: int,
    now: dt.datetime,
) -> Page[Shop, ShopPlace]:
    """A page of public shops: by words the closest first, else in the order of their ids.

    With `open_now` those that say they are open at `now`, where they stand that day; such a page may be short, or
    empty, and not the last.
    """

    def read(after: ShopPlace | None, most: int) -> list[tuple[ShopPlace, Shop | None]]:
        if q is None:
            behind = after if isinstance(after, uuid.UUID) else None
            shops = public_shops(session, category=category, insee_code=insee_code, after=behind, limit=most)
            return [(shop.id, shop) for shop in shops]
        hits = ask(
            session.connection(),
            Found.SHOP,
            q,
            insee_code=insee_code,
            category=category,
            after=after if isinstance(after, Hit) else None,
            limit=most,
            now=now,
        )
        still = public_of(session, [hit.thing_id for hit in hits])
        return [(hit, still.get(hit.thing_id)) for hit in hits]

    if open_now:
        return _open(session, read, after, limit, now)
    return _cut(read(after, limit + 1), limit)


def find_offers(
    session: Session,
    *,
    q: str | None = None,
    category: str | None = None,
    insee_code: str | None = None,
    after: OfferPlace | None = None,
    limit: int,
    now: dt.datetime,
) -> Page[Offer, OfferPlace]:
    """A page of live offers of public shops: by words the closest first, else the first to end first."""
    if q is None:
        behind = None if isinstance(after, Hit) else after
        offers = live_offers(session, category=category, insee_code=insee_code, after=behind, limit=limit + 1, now=now)
        return _cut([((offer.ends_at, offer.id), offer) for offer in offers], limit)
    hits = ask(
        session.connection(),
        Found.OFFER,
        q,
        insee_code=insee_code,
        category=category,
        after=after if isinstance(after, Hit) else None,
        limit=limit + 1,
        now=now,
    )
    still = live_of(session, [hit.thing_id for hit in hits], now=now)
    return _cut([(hit, still.get(hit.thing_id)) for hit in hits], limit)


def _cut(rows: Sequence[tuple[Place, Thing | None]], limit: int) -> Page[Thing, Place]:
    """The first `limit` of rows read one beyond it, less what was taken away while they were read."""
    shown = rows[:limit]
    return Page([thing for _, thing in shown if thing is not None], shown[-1][0] if len(rows) > limit else None)


def _open(
    session: Session,
    read: Callable[[ShopPlace | None, int], list[tuple[ShopPlace, Shop | None]]],
    after: ShopPlace | None,
    limit: int,
    now: dt.datetime,
) -> Page[Shop, ShopPlace]:
    """Read on until a page of open shops is full, or enough were looked at."""
    found: list[tuple[ShopPlace, Shop]] = []
    for _ in range(MOST_LOOKED_AT // LOOKED_AT):
        rows = read(after, LOOKED_AT)
        stands = stands_of(session, [shop.id for _, shop in rows if shop is not None])
        for place, shop in rows:
            hours = None if shop is None else hours_of_day(shop, stands[shop.id], now)
            if shop is not None and hours is not None and hours.is_open:
                found.append((place, shop))
            if len(found) > limit:
                return _cut(found, limit)
        if len(rows) < LOOKED_AT:
            return _cut(found, limit)
        after = rows[-1][0]
    return Page([shop for _, shop in found], after)
