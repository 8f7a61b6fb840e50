"""Consents: what a citizen agreed to, and the text she was shown; added to, never changed."""

from citylife.consent import Purpose
from schemas.fields import Identity, Moment, OneOf, Resource, Said, Text, Truth


class NewConsentSchema(Resource):
    """Her answer to a question of consent."""

    purpose = OneOf(Purpose, required=True)
    granted = Truth(required=True)
    text_version = Text(required=True, longest=20, metadata={"description": "Which version of the text she was shown"})
    locale = Text(load_default=None, longest=5, metadata={"description": "In which language she read it"})


class ConsentSchema(Resource):
    """An answer she gave."""

    id = Identity()
    purpose = OneOf(Purpose)
    granted = Truth()
    text_version = Said()
    locale = Said()
    recorded_at = Moment()
