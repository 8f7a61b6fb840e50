"""Offers: the draft a merchant sends, the offer she sees, and the public one, which is stored as its piece."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, validates_schema

from citylife.around import FARTHEST
from citylife.offers import OfferKind, OfferStatus
from schemas.fields import Cell, Identity, Moment, Money, Number, OneOf, Part, Resource, Said, Text, Truth, Whole
from schemas.lists import ListQuery
from schemas.photos import PhotoSchema
from schemas.sending import SendingNowSchema
from schemas.shops import APART, CommuneBriefSchema

LONGEST_TITLE = 80
LONGEST_DESCRIPTION = 1000
MOST_PIECES = 1_000_000
A_PHOTO = {"description": "A photo of the shop, sent before"}


class OfferShopSchema(Resource):
    """The shop of an offer."""

    id = Identity()
    slug = Said()
    name = Said()
    category = Said()
    commune = Part(CommuneBriefSchema)
    latitude = Number(least=-90, most=90)
    longitude = Number(least=-180, most=180)
    fictional = Truth()


class OfferSchema(Resource):
    """An offer, for everyone. It is live from `starts_at` to `ends_at`, unless `sold_out_at` says otherwise."""

    id = Identity()
    kind = OneOf(OfferKind)
    title = Said()
    description = Said()
    price = Money(allow_none=True)
    prior_price = Money(allow_none=True, metadata={"description": "The lowest of the last 30 days, with a reduction"})
    reduction = Truth()
    perishable = Truth()
    quantity = Whole(allow_none=True)
    starts_at = Moment(allow_none=True)
    ends_at = Moment()
    sold_out_at = Moment(allow_none=True)
    photo = Part(PhotoSchema, allow_none=True)
    shop = Part(OfferShopSchema)


class MerchantOfferSchema(Resource):
    """An offer, for those who run its shop."""

    id = Identity()
    shop_id = Identity()
    kind = OneOf(OfferKind)
    status = OneOf(OfferStatus)
    title = Said()
    description = Said()
    price = Money(allow_none=True)
    prior_price = Money(allow_none=True)
    reduction = Truth()
    perishable = Truth()
    quantity = Whole(allow_none=True)
    radius = Whole(metadata={"description": "Metres"})
    photo_id = Identity(allow_none=True)
    starts_at = Moment(allow_none=True)
    ends_at = Moment()
    first_saved_at = Moment()
    live_from = Moment(allow_none=True)
    closed_at = Moment(allow_none=True)
    withdrawn_reason = Said(allow_none=True, metadata={"description": "Why staff withdrew it; null when you did"})
    updated_at = Moment()
    version = Whole()


class PublishedOfferSchema(MerchantOfferSchema):
    """An offer just published, and whether its announcement leaves at once."""

    sending = Part(SendingNowSchema)


class OfferDraftSchema(Resource):
    """A new offer."""

    kind = OneOf(OfferKind, load_default=OfferKind.OFFER)
    title = Text(required=True, longest=LONGEST_TITLE)
    description = Text(load_default="", longest=LONGEST_DESCRIPTION, multiline=True)
    price = Money(load_default=None, allow_none=True)
    prior_price = Money(load_default=None, allow_none=True)
    reduction = Truth(load_default=False)
    perishable = Truth(load_default=False)
    quantity = Whole(load_default=None, allow_none=True, least=1, most=MOST_PIECES)
    radius = Whole(load_default=5000, least=0, most=FARTHEST, metadata={"description": "Metres"})
    starts_at = Moment(load_default=None, allow_none=True)
    ends_at = Moment(required=True)
    photo_id = Identity(load_default=None, allow_none=True, metadata=A_PHOTO)


class OfferChangesSchema(Resource):
    """What is changed of an offer; what is absent stays."""

    kind = OneOf(OfferKind)
    title = Text(longest=LONGEST_TITLE)
    description = Text(longest=LONGEST_DESCRIPTION, multiline=True)
    price = Money(allow_none=True)
    prior_price = Money(allow_none=True)
    reduction = Truth()
    perishable = Truth()
    quantity = Whole(allow_none=True, least=1, most=MOST_PIECES)
    radius = Whole(least=0, most=FARTHEST)
    starts_at = Moment(allow_none=True)
    ends_at = Moment()
    photo_id = Identity(allow_none=True, metadata=A_PHOTO)


class ScheduleSchema(Resource):
    """When an offer goes live by itself."""

    starts_at = Moment(required=True)


class OfferQuery(ListQuery):
    """Which live offers."""

    q = Text(
        load_default=None,
        longest=80,
        metadata={
            "description": "Words of the title, the shop, the trade or the commune, typing errors forgiven; the "
            "closest then come first, not the first to end",
            "example": "tarte au sucre",
        },
    )
    category = Text(load_default=None, longest=24, metadata={"description": "A key of /categories"})
    commune = Text(
        load_default=None,
        longest=5,
        metadata={
            "description": "An INSEE code: offers of its shops; with `radius`, of all shops around its centre. Nearest "
            "to the centre first, unless by words"
        },
    )
    cell = Cell(
        load_default=None,
        metadata={"description": "An H3 cell of resolution 7: offers around its centre, nearest first"},
    )
    radius = Whole(
        written=True,
        least=0,
        most=FARTHEST,
        load_default=None,
        metadata={"description": "Metres from the centre of `cell` (5000 unless told) or `commune`"},
    )
    open_now = Truth(
        written=True,
        load_default=False,
        metadata={
            "description": "With `cell` or `commune`: only of shops that say they are open now; a page may then hold "
            "fewer than its limit"
        },
    )

    @validates_schema
    def places_and_words_apart(self, given: Mapping[str, Any], **_: Any) -> None:
        """Refuse what cannot be sought together."""
        placed = given["commune"] is not None or given["cell"] is not None
        for name, wrong in (
            ("cell", given["cell"] is not None and (given["commune"] is not None or given["q"] is not None)),
            ("radius", given["radius"] is not None and (not placed or given["q"] is not None)),
            ("open_now", given["open_now"] and (not placed or given["q"] is not None)),
        ):
            if wrong:
                raise ValidationError(APART, name)


class MerchantOfferQuery(ListQuery):
    """Which offers of the shop."""

    status = OneOf(OfferStatus, load_default=None)


class NothingSchema(Resource):
    """An empty object, or no body at all: the address says everything."""
