"""The journal of a shop: what its owners ask for and read."""

from citylife.shop_journal import JournalKind
from schemas.fields import Identity, Moment, OneOf, Resource, Said
from schemas.lists import ListQuery


class JournalQuery(ListQuery):
    """Which acts."""

    kind = OneOf(JournalKind, load_default=None, metadata={"description": "Those about this alone"})


class JournalLineSchema(Resource):
    """Something that was done to a shop or one of its offers."""

    at = Moment()
    kind = OneOf(JournalKind)
    act = Said(metadata={"example": "offer.published"})
    sentence = Said(
        metadata={
            "example": "« Tarte au sucre » publiée par camille@boulangerie.example.",
            "description": "What was done and by whom, in the caller's language",
        }
    )
    offer_id = Identity(allow_none=True, metadata={"description": "The offer that it was about"})
