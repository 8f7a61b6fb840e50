"""Shops and offers, for everyone: found, read, and never told apart from absent when they are not public."""

import uuid
from collections.abc import Sequence
from typing import Any, Final

from flask import Response

from blueprints import conditions, cursors
from blueprints.api.around import centre
from blueprints.api.contract import ApiBlueprint
from blueprints.api.lists import cut, joined, page
from blueprints.house import house, now
from blueprints.photographs import shown_photo
from blueprints.storage import db
from citylife.around import DEFAULT_RADIUS, FARTHEST, Asked, Near, offers_around, shops_around
from citylife.geography import communes
from citylife.hours import hours_meanwhile
from citylife.offers.reading import offers_of_shop, public_offer
from citylife.photos import Photo, fronts_of
from citylife.places import OutsideTerritory
from citylife.search import find_offers, find_shops, sought
from citylife.shops import Shop, ShopStand
from citylife.shops.directory import public_of, shop_by_slug, stands_of
from citylife.shops.whereabouts import hours_of_day
from schemas.around import FoundOfferSchema, FoundShopSchema
from schemas.lists import ListQuery, page_of
from schemas.offers import OfferQuery, OfferSchema
from schemas.shops import ShopQuery, ShopWithStandsSchema

ANYONE: Final = "Accept-Encoding"
blueprint: Final = ApiBlueprint("shops", "Shops and their offers, for everyone")


class ShownShop:
    """A shop as everyone sees it, with its commune's name and whether it is open at the moment."""

    def __init__(self, shop: Shop, stands: Sequence[ShopStand] = ()) -> None:
        self._shop = shop
        self.commune = {"insee_code": shop.insee_code, "name": communes()[shop.insee_code].name}
        self.opening = hours_of_day(shop, stands, now())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._shop, name)


class ShopWithStands(ShownShop):
    """A shop with the places where it stands on some weekdays, and its photo."""

    def __init__(self, shop: Shop, stands: Sequence[ShopStand], photo: Photo | None) -> None:
        super().__init__(shop, stands)
        self.photo = None if photo is None else shown_photo(photo)
        self.stands = [
            {
                "weekday": stand.weekday,
                "label": stand.label,
                "commune": {"insee_code": stand.insee_code, "name": communes()[stand.insee_code].name},
                "latitude": stand.latitude,
                "longitude": stand.longitude,
                "hours": stand.hours,
            }
            for stand in stands
        ]


class NearShop(ShownShop):
    """A shop that is near, where and when it stands today: a market trader's place is another each weekday."""

    def __init__(self, shop: Shop, near: Near) -> None:
        super().__init__(shop)
        self.distance = round(near.distance)
        self.latitude, self.longitude = near.found.latitude, near.found.longitude
        self.opening_hours = near.found.hours
        self.opening = None if near.found.hours is None else hours_meanwhile(near.found.hours, now())


@blueprint.route("/shops")
@blueprint.response(200, page_of(FoundShopSchema))
@blueprint.arguments(ShopQuery, location="query")
def list_shops(wanted: dict[str, Any]) -> Response:
    """Shops: around a cell the nearest first, by words the closest, else by category, by commune, or those open now."""
    q = sought(wanted["q"])
    if q is None and (wanted["cell"] is not None or wanted["radius"] is not None):
        return _shops_around(wanted)
    found = find_shops(
        db.session(),
        q=q,
        category=wanted["category"],
        insee_code=wanted["commune"],
        open_now=wanted["open_now"],
        after=cursors.read_id(wanted["cursor"]) if q is None else cursors.read_hit(wanted["cursor"]),
        limit=wanted["limit"],
        now=now(),
    )
    stands = stands_of(db.session(), [shop.id for shop in found.things])
    shown = [ShownShop(shop, stands[shop.id]) for shop in found.things]
    return page(FoundShopSchema, shown, found.last, cache=conditions.PUBLIC, vary=ANYONE)


def _shops_around(wanted: dict[str, Any]) -> Response:
    """Shops around the centre of a cell or a commune; what is taken away while it is read is left out."""
    found = shops_around(db.session().connection(), asked_around(wanted), now=now())
    still = public_of(db.session(), [near.thing_id for near in found.things])
    shown = [NearShop(still[near.thing_id], near) for near in found.things if near.thing_id in still]
    return page(FoundShopSchema, shown, found.last, cache=conditions.PUBLIC, vary=ANYONE)


@blueprint.route("/shops/<slug:slug>")
@blueprint.response(200, ShopWithStandsSchema)
def read_shop(slug: str) -> Response:
    """A shop, whether it is open now and, of a market trader, where on which weekday."""
    shop = shop_by_slug(db.session(), slug)
    photo = fronts_of(db.session(), [shop.id]).get(shop.id)
    shown = ShopWithStands(shop, stands_of(db.session(), [shop.id])[shop.id], photo)
    body = conditions.json_bytes(ShopWithStandsSchema().dump(shown))
    return conditions.answer(body, cache=conditions.PUBLIC, vary=ANYONE)


@blueprint.route("/shops/<slug:slug>/offers")
@blueprint.response(200, page_of(OfferSchema))
@blueprint.arguments(ListQuery, location="query")
def list_shop_offers(wanted: dict[str, Any], slug: str) -> Response:
    """The live offers of a shop, the first to end first."""
    shop = shop_by_slug(db.session(), slug)
    after = cursors.read_moment(wanted["cursor"])
    rows = offers_of_shop(db.session(), shop.id, after=after, limit=wanted["limit"] + 1, now=now())
    shown, more = cut(rows, wanted["limit"])
    last = (shown[-1].ends_at, shown[-1].id) if more else None
    pieces = (str(offer.piece).encode() for offer in shown)
    return joined(pieces, last, cache=conditions.PUBLIC, vary=ANYONE)


@blueprint.route("/offers")
@blueprint.response(200, page_of(FoundOfferSchema))
@blueprint.arguments(OfferQuery, location="query")
def list_offers(wanted: dict[str, Any]) -> Response:
    """Live offers: around a cell or a commune the nearest first, by words the closest, else the first to end first."""
    q = sought(wanted["q"])
    if q is None and (wanted["cell"] is not None or wanted["commune"] is not None):
        return _offers_around(wanted)
    found = find_offers(
        db.session(),
        q=q,
        category=wanted["category"],
        insee_code=wanted["commune"],
        after=cursors.read_moment(wanted["cursor"]) if q is None else cursors.read_hit(wanted["cursor"]),
        limit=wanted["limit"],
        now=now(),
    )
    pieces = (str(offer.piece).encode() for offer in found.things)
    return joined(pieces, found.last, cache=conditions.PUBLIC, vary=ANYONE)


def _offers_around(wanted: dict[str, Any]) -> Response:
    """Live offers around the centre of a cell or a commune; of the commune's own shops where no radius is given."""
    asked, moment = asked_around(wanted), now()
    found = house().kept.read(lambda connection: offers_around(connection, asked, now=moment))
    pieces = (b'{"distance":%d,%b' % (round(near.distance), near.found.told[0][1:]) for near in found.things)
    return joined(pieces, found.last, cache=conditions.PUBLIC, vary=ANYONE)


def asked_around(wanted: dict[str, Any]) -> Asked:
    """What is asked around the centre of a cell or a commune; of the commune's own shops where no radius is given.

    Raises:
        OutsideTerritory: the code is no commune of ours.
    """
    commune = wanted["commune"]
    if commune is not None and commune not in communes():
        raise OutsideTerritory(pointer="/commune")
    latitude, longitude = centre({"cell": wanted["cell"], "insee_code": commune})
    own = commune is not None and wanted["radius"] is None
    return Asked(
        latitude=latitude,
        longitude=longitude,
        radius=FARTHEST if own else DEFAULT_RADIUS if wanted["radius"] is None else wanted["radius"],
        category=wanted["category"],
        insee_code=commune if own else None,
        open_now=wanted["open_now"],
        after=cursors.read_spot(wanted["cursor"]),
        limit=wanted["limit"],
    )


@blueprint.route("/offers/<uuid:offer_id>")
@blueprint.response(200, OfferSchema)
def read_offer(offer_id: uuid.UUID) -> Response:
    """An offer that is or was live; one that was withdrawn or never published does not exist."""
    offer = public_offer(db.session(), offer_id)
    return conditions.answer(str(offer.piece).encode(), cache=conditions.PUBLIC, vary=ANYONE)
