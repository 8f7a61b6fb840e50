"""schema.org JSON-LD inside the pages of shops and offers: what they say to people, said to machines.

It stands in a data block, which no browser executes and our policy for scripts does not concern. Whatever a stranger
typed, nothing in it can close the block: `<`, `>` and `&` are written as JSON escapes.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from markupsafe import Markup

from citylife.clock import local_date
from citylife.geography import communes
from citylife.offers import Offer, OfferKind, OfferStatus
from citylife.shops import Shop, ShopStand
from citylife.shops.whereabouts import times_there, whereabouts

CONTEXT: Final = "https://schema.org"
DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
TYPES: Final[Mapping[str, str]] = {
    "bakery": "Bakery",
    "butcher": "FoodEstablishment",
    "greengrocer": "GroceryStore",
    "grocery": "GroceryStore",
    "wine": "BarOrPub",
    "restaurant": "Restaurant",
    "cafe": "CafeOrCoffeeShop",
    "florist": "Florist",
    "fashion": "ClothingStore",
    "beauty": "HealthAndBeautyBusiness",
    "books": "BookStore",
    "toys": "ToyStore",
    "sport": "SportingGoodsStore",
    "home": "HomeGoodsStore",
    "hardware": "HardwareStore",
    "second-hand": "Store",
    "pets": "PetStore",
    "optician": "Optician",
    "medical": "MedicalBusiness",
    "religion": "Store",
    "pharmacy": "Pharmacy",
    "library": "Library",
    "culture": "EntertainmentBusiness",
    "pool": "PublicSwimmingPool",
}
"""The kind of LocalBusiness of a trade; a plain one where schema.org has no better word."""
CENTS: Final = 100
ESCAPES: Final = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def block(thing: Mapping[str, Any]) -> Markup:
    """The thing as a data block may hold it."""
    written = orjson.dumps({"@context": CONTEXT, **thing}).decode()
    for mark, escape in ESCAPES.items():
        written = written.replace(mark, escape)
    return Markup(written)  # noqa: S704 - no character of it can end the block


def shop_thing(
    shop: Shop,
    page: str,
    offers: Sequence[Mapping[str, Any]] = (),
    *,
    stands: Sequence[ShopStand] = (),
    image: str | None = None,
    now: dt.datetime,
) -> dict[str, Any]:
    """A shop: where it is on the day of `now`, its hours there in the coming week, holidays heeded, and its offers."""
    where = whereabouts(shop, stands, local_date(now))
    thing = {
        "@type": TYPES.get(shop.category, "LocalBusiness"),
        "@id": page,
        "url": page,
        "name": shop.name,
        "description": shop.description or None,
        "image": image,
        "disambiguatingDescription": "Commerce fictif, pour la démonstration" if shop.fictional else None,
        "address": _said(
            {
                "@type": "PostalAddress",
                "streetAddress": (where.stand.label if where.stand else shop.street) or None,
                "postalCode": None if where.stand else shop.postal_code or None,
                "addressLocality": communes()[where.insee_code].name,
                "addressCountry": "FR",
            }
        ),
        "geo": {"@type": "GeoCoordinates", "latitude": where.latitude, "longitude": where.longitude},
        "telephone": shop.telephone,
        "sameAs": shop.website,
        "openingHoursSpecification": _hours(times_there(shop, stands, now)),
        "makesOffer": [offer for offer in offers if offer["@type"] == "Offer"],
        "event": [offer for offer in offers if offer["@type"] == "Event"],
    }
    return _said(thing)


def offer_thing(
    offer: Offer,
    page: str,
    shop: Shop,
    shop_page: str,
    *,
    stands: Sequence[ShopStand] = (),
    image: str | None = None,
    now: dt.datetime,
    whole: bool = True,
) -> dict[str, Any]:
    """An offer, or an event: its price, until when, and whether there is any left; `whole` names its shop.

    An event is where the shop stands on the day it begins.
    """
    shown = {"@type": TYPES.get(shop.category, "LocalBusiness"), "@id": shop_page, "name": shop.name, "url": shop_page}
    price = {} if offer.price is None else {"price": f"{offer.price / CENTS:.2f}", "priceCurrency": "EUR"}
    begun = offer.starts_at or offer.live_from or offer.first_saved_at
    begins = begun.isoformat()
    availability = f"{CONTEXT}/{_availability(offer, now)}"
    terms = {**price, "availability": availability, "validFrom": begins, "validThrough": offer.ends_at.isoformat()}
    about = {"@id": page, "url": page, "name": offer.title, "description": offer.description or None, "image": image}
    if offer.kind is OfferKind.EVENT:
        place = shop_thing(shop, shop_page, stands=stands, now=max(now, begun)) if whole else {"@id": shop_page}
        return _said(
            {
                "@type": "Event",
                **about,
                "startDate": begins,
                "endDate": offer.ends_at.isoformat(),
                "eventStatus": f"{CONTEXT}/EventScheduled",
                "eventAttendanceMode": f"{CONTEXT}/OfflineEventAttendanceMode",
                "location": place,
                "organizer": shown if whole else {"@id": shop_page},
                "offers": {"@type": "Offer", "url": page, **terms},
            }
        )
    seller = shop_thing(shop, shop_page, stands=stands, now=now) if whole else None
    return _said({"@type": "Offer", **about, **terms, "seller": seller})


def _availability(offer: Offer, now: dt.datetime) -> str:
    if offer.status is OfferStatus.SOLD_OUT:
        return "SoldOut"
    if offer.status is not OfferStatus.LIVE or offer.ends_at <= now:
        return "Discontinued"
    return "InStock" if offer.quantity is None else "LimitedAvailability"


def _hours(times: Sequence[tuple[dt.datetime, dt.datetime]]) -> list[dict[str, Any]]:
    """One entry for each time it opens, valid on that day alone."""
    return [
        {
            "@type": "OpeningHoursSpecification",
            "dayOfWeek": f"{CONTEXT}/{DAYS[opens.weekday()]}",
            "opens": f"{opens:%H:%M}",
            "closes": f"{closes:%H:%M}",
            "validFrom": opens.date().isoformat(),
            "validThrough": opens.date().isoformat(),
        }
        for opens, closes in times
    ]


def _said(thing: Mapping[str, Any]) -> dict[str, Any]:
    """The thing without what is not known."""
    return {name: value for name, value in thing.items() if value not in (None, [], {})}
