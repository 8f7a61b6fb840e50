"""Codes of the till: what a citizen is given, and what a shop is told of the one it types."""

from schemas.fields import Identity, Moment, Resource, Said, Text

LONGEST_CODE = 40
"""Characters, with whatever blanks and hyphens a person or a scanner puts between."""


class TillCodeSchema(Resource):
    """A citizen's code for an offer. Its QR code is the six characters, as plain text."""

    code = Said(metadata={"description": "Six characters in two groups, none misread", "example": "K7Q-F3M"})
    offer_id = Identity()
    expires_at = Moment(metadata={"description": "When the offer ends, and the code with it"})
    used_at = Moment(allow_none=True, metadata={"description": "When it was used at the till; null until then"})


class TypedCodeSchema(Resource):
    """The code that a customer shows."""

    code = Text(
        required=True,
        longest=LONGEST_CODE,
        metadata={"description": "Case, blanks and hyphens do not matter.", "example": "K7Q-F3M"},
    )


class RedemptionSchema(Resource):
    """A code that was used just now: for which offer. Nothing says whose it is."""

    offer_id = Identity()
    offer_title = Said()
    shop_id = Identity()
    shop_name = Said()
    used_at = Moment()
