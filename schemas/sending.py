"""Whether announcements leave, as a merchant is told."""

from citylife.ledger.sending import Sending
from schemas.fields import OneOf, Resource, Said


class SendingNowSchema(Resource):
    """Whether what the shop announces leaves at once, and if not, why."""

    state = OneOf(Sending)
    explanation = Said(
        allow_none=True, metadata={"description": "What holds it, in the caller's language; null where nothing does"}
    )
