"""Places: where a citizen wants to hear of what is near, as she sends it and as it is kept."""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import ValidationError, validates_schema

from citylife.places import PlaceKind
from citylife.wording import Sentence
from schemas.fields import Cell, Day, Identity, Moment, Number, OneOf, Part, Resource, Said, Several, Text, Whole
from schemas.shops import CommuneBriefSchema

ONE_OF_THREE: Final = Sentence("Un seul lieu est attendu : « insee_code », « cell » ou « position ».")
WHERE: Final = ("insee_code", "cell", "position")


class PositionSchema(Resource):
    """A point, degrees WGS 84. It is never kept, nor said again."""

    latitude = Number(least=-90, most=90, required=True)
    longitude = Number(least=-180, most=180, required=True)


class WhereSchema(Resource):
    """Somewhere: a commune, a cell, or a point; one of the three."""

    insee_code = Text(longest=5, metadata={"description": "A commune of /communes", "example": "62119"})
    cell = Cell(metadata={"description": "An H3 cell of resolution 7 (about 4.5 km²)"})
    position = Part(PositionSchema)

    @validates_schema
    def one_place(self, given: Mapping[str, Any], **_: Any) -> None:
        """Refuse none, and more than one."""
        if sum(name in given for name in WHERE) != 1:
            raise ValidationError(ONE_OF_THREE)


class NewPlaceSchema(WhereSchema):
    """A place she chooses. A point is coarsened before anything is kept."""

    kind = OneOf(PlaceKind, load_default=PlaceKind.LASTING)


class PlaceSchema(Resource):
    """A place as it is kept: a commune, or a cell where enough people live."""

    id = Identity()
    kind = OneOf(PlaceKind)
    insee_code = Said(allow_none=True, metadata={"description": "Null when a cell is kept"})
    cell = Cell(allow_none=True, metadata={"description": "Null when a commune is kept", "example": None})
    communes = Several(
        Part(CommuneBriefSchema), metadata={"description": "The commune, or those that the cell touches"}
    )
    set_on = Day()
    expires_at = Moment(
        allow_none=True, metadata={"description": "Null for a commune that lasts; a cell is renewed by use"}
    )


class KeptPlaceSchema(PlaceSchema):
    """A place just set, and what was made coarser of it."""

    note = Said(
        allow_none=True,
        metadata={"description": "Why a commune is kept where something finer was sent", "example": None},
    )


class NearMeNowSchema(Resource):
    """What came of asking for what is near now."""

    place = Part(KeptPlaceSchema)
    offers = Whole(metadata={"description": "Of how many offers she is told, in one notification", "example": 2})
    devices = Whole(metadata={"description": "How many of her devices show it; with none, she is told of none"})
    held = Said(
        allow_none=True,
        metadata={
            "description": "Why nothing is sent just now, in the caller's language; null while it is",
            "example": None,
        },
    )
