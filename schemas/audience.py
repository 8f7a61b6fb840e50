"""Whom an offer would reach if it were published: what a merchant asks while typing, and what he is shown."""

from typing import Final

from citylife.around import FARTHEST
from citylife.audience.foresight import Fate
from citylife.ledger.tables import Reason
from schemas.fields import Moment, OneOf, Part, Resource, Said, Several, Whole
from schemas.sending import SendingNowSchema

MASKED: Final = "Rounded; null under eleven, and where fewer than eleven others would be told by it"


class AudienceQuestionSchema(Resource):
    """What is known of the offer so far."""

    radius = Whole(load_default=5000, least=0, most=FARTHEST, metadata={"description": "Metres"})
    starts_at = Moment(load_default=None, allow_none=True, metadata={"description": "Null for now"})
    ends_at = Moment(required=True)


class FatesSchema(Resource):
    """How many citizens would hear of it at once, later, in their digest, and not."""

    now = Whole(allow_none=True, metadata={"description": MASKED})
    later = Whole(allow_none=True, metadata={"description": MASKED})
    digest = Whole(allow_none=True, metadata={"description": MASKED})
    held = Whole(allow_none=True, metadata={"description": MASKED})


class AudienceReasonSchema(Resource):
    """How many of them for one reason; those of fewer than eleven are left out, as those of none."""

    fate = OneOf(Fate)
    reason = OneOf(Reason)
    explanation = Said(metadata={"description": "The reason in a few words, in the caller's language"})
    count = Whole(metadata={"description": "Rounded"})


class AudienceSchema(Resource):
    """Whom the offer would reach; only the number of followers is exact."""

    followers = Whole(allow_none=True, metadata={"description": "Exact; null while the shop is only claimed"})
    sending = Part(
        SendingNowSchema,
        metadata={"description": "Whether announcements leave now; where they do not, these would once they do"},
    )
    fates = Part(FatesSchema)
    reasons = Several(Part(AudienceReasonSchema))
