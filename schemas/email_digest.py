"""The digest by e-mail: the address a citizen gives, and where it stands."""

from enum import Enum

from citylife.accounts.emails import LONGEST
from schemas.fields import Moment, OneOf, Resource, Said, Text


class DigestState(Enum):
    """Where it stands: no address is kept, one waits for the tap on its letter, or letters go there."""

    NONE = "none"
    UNCONFIRMED = "unconfirmed"
    CONFIRMED = "confirmed"


class NewEmailDigestSchema(Resource):
    """Where she wants her weekly letter."""

    email = Text(required=True, longest=LONGEST, metadata={"example": "marie@courrier.example"})


class EmailDigestSchema(Resource):
    """Where her weekly letter goes, and when the next one may."""

    state = OneOf(DigestState)
    email = Said(allow_none=True, metadata={"description": "Null when no address is kept"})
    asked_at = Moment(allow_none=True)
    confirmed_at = Moment(allow_none=True, metadata={"description": "Null until the link of the letter was tapped"})
    next_at = Moment(
        allow_none=True, metadata={"description": "When the next letter is due; none is sent when nothing is to say"}
    )
