"""Shops: as anybody sees them, as their merchant does, and what she may change."""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import ValidationError, validates_schema
from marshmallow.validate import Length

from citylife.around import FARTHEST
from citylife.shops import ShopStatus
from citylife.wording import Sentence
from schemas.fields import Cell, Identity, Moment, Number, OneOf, Part, Resource, Said, Several, Text, Truth, Whole
from schemas.lists import ListQuery
from schemas.photos import PhotoSchema

LONGEST_TEXT = 500
WEEKDAY: Final = {"description": "0 is Monday, 6 is Sunday", "example": 4}
HOURS: Final = {"description": "Of that weekday, OpenStreetMap `opening_hours` syntax", "example": "08:00-13:00"}
APART: Final = Sentence("Ce paramètre va avec un lieu (« commune » ou « cell »), et sans « q ».")


class CommuneBriefSchema(Resource):
    """A commune, in short."""

    insee_code = Said()
    name = Said(metadata={"example": "Béthune"})


class OpeningSchema(Resource):
    """Whether the shop is open at the moment of the answer."""

    is_open = Truth(allow_none=True, metadata={"description": "Null when its hours say that one must ask"})
    next_change = Moment(allow_none=True, metadata={"description": "Null when nothing changes within a year"})
    comment = Said()


class ShopSchema(Resource):
    """A shop, for everyone."""

    id = Identity()
    slug = Said()
    status = OneOf(ShopStatus)
    name = Said()
    description = Said()
    category = Said()
    street = Said()
    postal_code = Said()
    commune = Part(CommuneBriefSchema)
    latitude = Number(least=-90, most=90, metadata={"description": "Degrees WGS 84"})
    longitude = Number(least=-180, most=180)
    opening_hours = Said(allow_none=True, metadata={"description": "OpenStreetMap `opening_hours` syntax"})
    opening = Part(OpeningSchema, allow_none=True, metadata={"description": "Null when its hours are not known"})
    telephone = Said(allow_none=True)
    website = Said(allow_none=True)
    fictional = Truth(metadata={"description": "A shop of the demonstration, which does not exist"})


class ShownStandSchema(Resource):
    """Where a market trader stands on a weekday."""

    weekday = Whole(metadata=WEEKDAY)
    label = Said(metadata={"example": "Marché de Béthune"})
    commune = Part(CommuneBriefSchema)
    latitude = Number(least=-90, most=90)
    longitude = Number(least=-180, most=180)
    hours = Said(metadata=HOURS)


class ShopWithStandsSchema(ShopSchema):
    """A shop, for everyone, and where it stands on which weekday if it is a market trader's."""

    photo = Part(PhotoSchema, allow_none=True)
    stands = Several(
        Part(ShownStandSchema), metadata={"description": "On these weekdays it is there; on any other at its own place"}
    )


class ShopQuery(ListQuery):
    """Which shops."""

    q = Text(
        load_default=None,
        longest=80,
        metadata={
            "description": "Words of the name, the trade or the commune; accents and typing errors are forgiven, the "
            "last word may be unfinished. The closest come first",
            "example": "boulangrie befroi",
        },
    )
    category = Text(load_default=None, longest=24, metadata={"description": "A key of /categories"})
    commune = Text(
        load_default=None,
        longest=5,
        metadata={"description": "An INSEE code: its shops; with `radius`, all shops around its centre, nearest first"},
    )
    cell = Cell(
        load_default=None,
        metadata={"description": "An H3 cell of resolution 7: shops around its centre, nearest first"},
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
        metadata={"description": "Only shops that say they are open now; a page may then hold fewer than its limit"},
    )

    @validates_schema
    def places_and_words_apart(self, given: Mapping[str, Any], **_: Any) -> None:
        """Refuse what cannot be sought together."""
        placed = given["commune"] is not None or given["cell"] is not None
        for name, wrong in (
            ("cell", given["cell"] is not None and (given["commune"] is not None or given["q"] is not None)),
            ("radius", given["radius"] is not None and (not placed or given["q"] is not None)),
        ):
            if wrong:
                raise ValidationError(APART, name)


class StandSchema(Resource):
    """Where a market trader stands on a weekday, said and read by those who run the shop."""

    weekday = Whole(least=0, most=6, required=True, metadata=WEEKDAY)
    label = Text(required=True, shortest=1, longest=120, metadata={"example": "Marché de Béthune"})
    insee_code = Text(load_default=None, allow_none=True, longest=5)
    latitude = Number(least=-90, most=90, required=True)
    longitude = Number(least=-180, most=180, required=True)
    hours = Text(required=True, shortest=1, longest=120, metadata=HOURS)


class MerchantShopSchema(Resource):
    """A shop, for those who run it."""

    id = Identity()
    slug = Said()
    status = OneOf(ShopStatus)
    name = Said()
    description = Said()
    category = Said()
    siret = Said(allow_none=True)
    rna = Said(allow_none=True)
    street = Said()
    postal_code = Said()
    insee_code = Said()
    latitude = Number(least=-90, most=90)
    longitude = Number(least=-180, most=180)
    opening_hours = Said(allow_none=True)
    telephone = Said(allow_none=True)
    website = Said(allow_none=True)
    photo_id = Identity(allow_none=True, metadata={"description": "The photo its page shows"})
    stands = Several(Part(StandSchema), metadata={"description": "A market trader's, one a weekday"})
    suspended_reason = Said(allow_none=True)
    fictional = Truth()
    created_at = Moment()
    updated_at = Moment()
    version = Whole()


class ClaimSchema(Resource):
    """A shop that a merchant says is hers: a SIRET or, for an association, an RNA number, and where it is."""

    siret = Text(load_default=None, allow_none=True, longest=20)
    rna = Text(load_default=None, allow_none=True, longest=12)
    name = Text(required=True, longest=120)
    category = Text(required=True, longest=24)
    description = Text(load_default="", longest=LONGEST_TEXT, multiline=True)
    street = Text(load_default="", longest=160)
    postal_code = Text(load_default="", longest=5)
    insee_code = Text(load_default=None, allow_none=True, longest=5)
    latitude = Number(least=-90, most=90, required=True)
    longitude = Number(least=-180, most=180, required=True)
    opening_hours = Text(load_default=None, allow_none=True, longest=LONGEST_TEXT)
    telephone = Text(load_default=None, allow_none=True, longest=24)
    website = Text(load_default=None, allow_none=True, longest=300)


class ListedClaimSchema(Resource):
    """The number that a shop of the directory is claimed with: a SIRET or, for an association, an RNA number."""

    siret = Text(load_default=None, allow_none=True, longest=20)
    rna = Text(load_default=None, allow_none=True, longest=12)


class ShopChangesSchema(Resource):
    """What is changed of a shop; what is absent stays."""

    name = Text(longest=120)
    description = Text(longest=LONGEST_TEXT, multiline=True)
    category = Text(longest=24)
    street = Text(longest=160)
    postal_code = Text(longest=5)
    insee_code = Text(longest=5, allow_none=True)
    latitude = Number(least=-90, most=90)
    longitude = Number(least=-180, most=180)
    opening_hours = Text(longest=LONGEST_TEXT, allow_none=True)
    telephone = Text(longest=24, allow_none=True)
    website = Text(longest=300, allow_none=True)
    photo_id = Identity(allow_none=True, metadata={"description": "A photo of the shop, sent before; null for none"})
    stands = Several(
        Part(StandSchema),
        validate=Length(max=7, error=Sentence("Un emplacement par jour de la semaine, de lundi (0) à dimanche (6).")),
        metadata={"description": "In place of all those said before; empty where there are none any more"},
    )
