"""Around: what is near a point, a cell or a commune, nearest first, and what somebody asks for it with."""

from typing import Final

from citylife.around import DEFAULT_RADIUS, FARTHEST
from citylife.shops import ShopStatus
from schemas.fields import Identity, Number, OneOf, Part, Resource, Said, Several, Text, Truth, Whole
from schemas.lists import DEFAULT_LIMIT, MOST
from schemas.offers import OfferSchema
from schemas.places import WhereSchema
from schemas.shops import CommuneBriefSchema, OpeningSchema, ShopSchema

MOST_OFFERS: Final = 10
DISTANCE: Final = {"description": "Metres, geodesic (WGS 84), to where the shop stands today"}


class NearbyQuerySchema(WhereSchema):
    """Around where: a commune (its centre), a cell (its centre) or a point; nothing of it is stored."""

    radius = Whole(least=0, most=FARTHEST, load_default=DEFAULT_RADIUS, metadata={"description": "Metres"})
    category = Text(load_default=None, allow_none=True, longest=24, metadata={"description": "A key of /categories"})
    open_now = Truth(
        load_default=False,
        metadata={"description": "Only shops that say they are open now; a page may then hold fewer than its limit"},
    )
    limit = Whole(least=1, most=MOST, load_default=DEFAULT_LIMIT)
    cursor = Text(
        load_default=None,
        allow_none=True,
        longest=200,
        metadata={"description": "The `next_cursor` of the page before, with everything else the same"},
    )


class NearShopSchema(Resource):
    """A shop, in short, where it stands today."""

    id = Identity()
    slug = Said()
    status = OneOf(ShopStatus)
    name = Said()
    category = Said()
    street = Said()
    postal_code = Said()
    commune = Part(CommuneBriefSchema)
    fictional = Truth(metadata={"description": "A shop of the demonstration, which does not exist"})
    latitude = Number(least=-90, most=90, metadata={"description": "A market trader's: of the stand of this weekday"})
    longitude = Number(least=-180, most=180)
    opening = Part(OpeningSchema, allow_none=True, metadata={"description": "Null when its hours are not known"})


class NearSchema(Resource):
    """A shop that is near, and its live offers."""

    distance = Whole(metadata=DISTANCE)
    shop = Part(NearShopSchema)
    offers = Several(
        Part(OfferSchema), metadata={"description": f"The first {MOST_OFFERS} to end; all at /shops/{{slug}}/offers"}
    )


class FoundShopSchema(ShopSchema):
    """A shop; where the list is of what is around a cell or a commune, with its distance, where it stands today."""

    distance = Whole(metadata=DISTANCE)


class FoundOfferSchema(OfferSchema):
    """A live offer; with its distance where the list is of what is around a cell or a commune."""

    distance = Whole(metadata=DISTANCE)
