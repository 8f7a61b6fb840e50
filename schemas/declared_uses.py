"""Uses that a shop declares without a code."""

from schemas.fields import Day, Identity, Moment, Resource, Said, Text

UNDO = {"description": "What takes it back, for ten seconds", "example": "AAZK-pX3qA"}


class DeclaredUseSchema(Resource):
    """A use that was counted as declared; nothing says whose, nor at what time."""

    offer_id = Identity()
    day = Day(metadata={"description": "The day it is counted on, in Paris"})
    undo = Said(metadata=UNDO)
    undo_until = Moment()


class UndeclaredUseSchema(Resource):
    """A declared use that is no longer counted."""

    offer_id = Identity()
    day = Day(metadata={"description": "The day it was counted on, in Paris"})


class UndoDeclaredSchema(Resource):
    """Which declared use is taken back."""

    undo = Text(required=True, longest=120, metadata=UNDO)
