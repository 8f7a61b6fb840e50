"""What an offer has brought, as its merchant is told."""

from typing import Final

from citylife.ledger.tables import Outcome, Reason
from schemas.fields import Identity, OneOf, Part, Resource, Said, Several, Whole

MASKED: Final = "Rounded; null under eleven, and where fewer than eleven others would be told by it"


class ResultReasonSchema(Resource):
    """How many citizens were told, or not, for one reason; reasons of fewer than eleven are left out, as of none."""

    outcome = OneOf(Outcome)
    reason = OneOf(Reason)
    explanation = Said(metadata={"description": "The reason in a few words, in the caller's language"})
    count = Whole(metadata={"description": "Rounded"})


class ResultsSchema(Resource):
    """What an offer has brought until now; nothing says who."""

    offer_id = Identity()
    sent = Whole(metadata={"description": "People it was to be sent to, those included who would discover it"})
    opened = Whole(metadata={"description": "How often its page was opened from a notification"})
    used = Whole(metadata={"description": "How many codes for it were used at the till"})
    new_follows = Whole(metadata={"description": "How many began to follow the shop while it was live"})
    held = Whole(allow_none=True, metadata={"description": f"People it was held back from. {MASKED}"})
    reasons = Several(Part(ResultReasonSchema))
