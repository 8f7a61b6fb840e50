"""What a feed tells of an offer, whatever it is written in: words in French, addresses, and moments of change.

An offer that was withdrawn is told as withdrawn and nothing else of it: what a shop took back is not repeated.
"""

import datetime as dt
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from babel.dates import format_datetime

from citylife.clock import PARIS, local_date
from citylife.geography import communes
from citylife.offers import Offer, OfferStatus
from citylife.prices import price_words, prior_words
from citylife.shops import Shop, ShopStand
from citylife.shops.whereabouts import whereabouts
from citylife.wording import DEFAULT_LOCALE, Sentence, say

MOMENT: Final = "EEEE d MMMM y 'à' H 'h' mm"
Address = Callable[..., str]
"""Gives the full address of an endpoint: `address("citizen.read_offer", offer_id=…)`."""


class State(Enum):
    """Where a told offer stands."""

    LIVE = "live"
    SOLD_OUT = "sold-out"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Told:
    """An offer as feeds tell it. `revision` counts its changes from 0; positions in degrees WGS 84."""

    offer_id: uuid.UUID
    state: State
    title: str
    text: str
    page: str
    shop_name: str
    shop_page: str
    category: str
    place: str
    latitude: float
    longitude: float
    begins: dt.datetime
    ends: dt.datetime
    published: dt.datetime
    changed: dt.datetime
    revision: int


def told_of(offer: Offer, shop: Shop, address: Address, *, stands: Sequence[ShopStand] = (), now: dt.datetime) -> Told:
    """What is told of an offer that is, or was, live; where the shop stands on its first day, or today once begun."""
    state = {OfferStatus.SOLD_OUT: State.SOLD_OUT, OfferStatus.WITHDRAWN: State.WITHDRAWN}.get(offer.status, State.LIVE)
    published = offer.live_from or offer.first_saved_at
    begins = offer.starts_at if offer.starts_at is not None and offer.starts_at < offer.ends_at else published
    where = whereabouts(shop, stands, local_date(max(now, begins)))
    commune = communes()[where.insee_code].name
    street, postal_code = (where.stand.label, "") if where.stand else (shop.street, shop.postal_code)
    town = " ".join(part for part in (postal_code, commune) if part)
    shop_page = address("citizen.read_shop", slug=shop.slug)
    withdrawn = state is State.WITHDRAWN
    return Told(
        offer_id=offer.id,
        state=state,
        title=_title(offer, state),
        text=_text(offer, state),
        page=shop_page if withdrawn else address("citizen.read_offer", offer_id=str(offer.id)),
        shop_name=shop.name,
        shop_page=shop_page,
        category=shop.category,
        place=", ".join(part for part in (shop.name, street, town) if part),
        latitude=where.latitude,
        longitude=where.longitude,
        begins=begins,
        ends=offer.ends_at,
        published=published,
        changed=offer.updated_at,
        revision=offer.version - 1,
    )


def _title(offer: Offer, state: State) -> str:
    if state is State.WITHDRAWN:
        return say(Sentence("Annonce retirée"), DEFAULT_LOCALE)
    if state is State.SOLD_OUT:
        return say(Sentence("Épuisé : {title}", title=offer.title), DEFAULT_LOCALE)
    return offer.title


def _text(offer: Offer, state: State) -> str:
    """The price, until when, and what the merchant wrote; each on lines of its own."""
    if state is State.WITHDRAWN:
        return say(Sentence("Le commerce a retiré cette annonce."), DEFAULT_LOCALE)
    price = " ".join(part for part in (price_words(offer.price, "fr"), prior_words(offer, "fr")) if part)
    until = format_datetime(offer.ends_at, MOMENT, tzinfo=PARIS, locale="fr")
    lines = [price, say(Sentence("Jusqu’au {moment}", moment=until), DEFAULT_LOCALE), offer.description]
    if state is State.SOLD_OUT:
        lines.insert(0, say(Sentence("Tout est parti."), DEFAULT_LOCALE))
    return "\n".join(line for line in lines if line)
