"""Shops and offers as a page shows them: words, prices and moments in the reader's language, nothing to compute."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from babel.dates import format_date
from babel.units import format_unit

from blueprints.pages.citizen.opening import Opening, show_opening, span_words
from citylife.categories import BY_KEY, Policy
from citylife.clock import local_date
from citylife.geography import communes
from citylife.moments import at_words, until_words
from citylife.offers import Offer, OfferKind, OfferStatus
from citylife.prices import price_words, prior_words
from citylife.shops import Shop, ShopStand, ShopStatus
from citylife.shops.whereabouts import times_of, whereabouts
from citylife.wording import Sentence, say

KINDS: Final = {
    OfferKind.OFFER: Sentence("Offre"),
    OfferKind.EVENT: Sentence("Événement"),
    OfferKind.NEWS: Sentence("Nouvelle"),
}
NATIONAL_DIGITS: Final = 10
KILOMETRE: Final = 1_000
FAR: Final = 10 * KILOMETRE
"""Metres from which a distance is said in whole kilometres."""
NARROW_SPACE: Final = "\u202f"


class Stage(Enum):
    """Where an offer stands for somebody who reads of it."""

    LIVE = "live"
    SOLD_OUT = "sold-out"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class ShownStand:
    """Where a market trader stands on a weekday, and when she is there the next time; `today` if that is today."""

    day: str
    place: str
    hours: str
    today: bool


@dataclass(frozen=True, slots=True)
class ShownShop:
    """A shop, ready to be read. `address` is that of today, of a stand where `here_today`; `usual` its own one.

    Its position is that of today, in degrees WGS 84.
    """

    slug: str
    name: str
    initial: str
    description: str
    category: str
    commune: str
    insee_code: str
    address: tuple[str, ...]
    usual: tuple[str, ...]
    here_today: bool
    week: tuple[ShownStand, ...]
    latitude: float
    longitude: float
    telephone: str
    telephone_digits: str
    website: str
    website_label: str
    opening: Opening
    fictional: bool
    listed: bool
    being_checked: bool
    may_notify: bool


@dataclass(frozen=True, slots=True)
class ShownOffer:
    """An offer, ready to be read."""

    id: str
    kind: str
    title: str
    description: str
    stage: Stage
    when: str
    price: str
    prior: str
    quantity: int | None


@dataclass(frozen=True, slots=True)
class Offered:
    """An offer with the shop it is of, where a list shows those of several."""

    offer: ShownOffer
    shop: ShownShop


def show_shop(shop: Shop, stands: Sequence[ShopStand] = (), *, now: dt.datetime, locale: str) -> ShownShop:
    """The shop in the words of `locale`, at the moment `now`, where it stands that day."""
    category = BY_KEY.get(shop.category)
    commune = communes()[shop.insee_code].name
    town = " ".join(part for part in (shop.postal_code, commune) if part)
    usual = tuple(line for line in (shop.street, town) if line)
    place = whereabouts(shop, stands, local_date(now))
    here = place.stand
    return ShownShop(
        slug=shop.slug,
        name=shop.name,
        initial=next((mark.upper() for mark in shop.name if mark.isalnum()), "·"),
        description=shop.description,
        category=say(category.name, locale) if category else "",
        commune=commune,
        insee_code=shop.insee_code,
        address=usual if here is None else (here.label, communes()[here.insee_code].name),
        usual=usual,
        here_today=here is not None,
        week=tuple(_stand(shop, stand, now=now, locale=locale) for stand in stands),
        latitude=place.latitude,
        longitude=place.longitude,
        telephone=telephone_words(shop.telephone or ""),
        telephone_digits="".join(mark for mark in shop.telephone or "" if mark.isdigit() or mark == "+"),
        website=shop.website or "",
        website_label=(shop.website or "").partition("://")[2].rstrip("/"),
        opening=show_opening(shop, stands, now=now, locale=locale),
        fictional=shop.fictional,
        listed=shop.status is ShopStatus.LISTED,
        being_checked=shop.status is ShopStatus.CLAIMED,
        may_notify=category is not None and category.policy in {Policy.ADMITTED, Policy.SENSITIVE},
    )


def show_offer(offer: Offer, *, now: dt.datetime, locale: str) -> ShownOffer:
    """The offer in the words of `locale`, at the moment `now`."""
    stage = stage_of(offer, now=now)
    return ShownOffer(
        id=str(offer.id),
        kind=say(KINDS[offer.kind], locale),
        title=offer.title,
        description=offer.description,
        stage=stage,
        when=_when(offer, stage, now=now, locale=locale),
        price=price_words(offer.price, locale),
        prior=prior_words(offer, locale),
        quantity=offer.quantity,
    )


def stage_of(offer: Offer, *, now: dt.datetime) -> Stage:
    """Where a public offer stands; its end counts from its very second, whether or not the timetable has come by."""
    if offer.status is OfferStatus.SOLD_OUT:
        return Stage.SOLD_OUT
    return Stage.LIVE if offer.status is OfferStatus.LIVE and now < offer.ends_at else Stage.OVER


def distance_words(metres: float, locale: str) -> str:
    """A distance as people say it: to ten metres below a kilometre, to a tenth of one below ten."""
    tens = round(metres, -1)
    if tens < KILOMETRE:
        return format_unit(int(tens), "length-meter", "short", locale=locale)
    kilometres = round(metres / KILOMETRE, 0 if metres >= FAR else 1)
    return format_unit(kilometres, "length-kilometer", "short", locale=locale)


def telephone_words(number: str) -> str:
    """A French number by pairs that stay on one line; any other as it was given."""
    digits = "".join(mark for mark in number if mark.isdigit())
    if number.startswith("+33") and len(digits) == NATIONAL_DIGITS + 1:
        digits = "0" + digits[2:]
    if len(digits) != NATIONAL_DIGITS or not digits.startswith("0"):
        return number
    return NARROW_SPACE.join(digits[at : at + 2] for at in range(0, NATIONAL_DIGITS, 2))


def _stand(shop: Shop, stand: ShopStand, *, now: dt.datetime, locale: str) -> ShownStand:
    today = local_date(now)
    day = today + dt.timedelta(days=(stand.weekday - today.weekday()) % 7)
    name = format_date(day, "EEEE", locale=locale)
    times = [span_words(span, locale) for span in times_of(shop, [stand], [day])]
    return ShownStand(
        day=name[:1].upper() + name[1:],
        place=f"{stand.label}, {communes()[stand.insee_code].name}",
        hours=", ".join(times) or say(Sentence("pas cette semaine"), locale),
        today=day == today,
    )


def _when(offer: Offer, stage: Stage, *, now: dt.datetime, locale: str) -> str:
    if stage is Stage.LIVE:
        return until_words(offer.ends_at, now=now, locale=locale)
    closed = offer.ends_at if stage is Stage.OVER or offer.closed_at is None else offer.closed_at
    return at_words(closed, now=now, locale=locale)
