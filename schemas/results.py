"""What an offer has brought, as its merchant is told."""

from typing import Final

from citylife.ledger.tables import Outcome, Reason
from schemas.fields import Identity, OneOf, Part, Resource, Said, Several, Text, Truth, Whole

DECLARED: Final = "How many uses the shop declared without a code: another kind of evidence, not to be added to `used`"
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
    declared = Whole(metadata={"description": DECLARED})
    new_follows = Whole(metadata={"description": "How many began to follow the shop while it was live"})
    held = Whole(allow_none=True, metadata={"description": f"People it was held back from. {MASKED}"})
    reasons = Several(Part(ResultReasonSchema))


class MonthQuery(Resource):
    """Which month."""

    month = Text(load_default=None, longest=7, metadata={"description": "As 2026-11, Paris's calendar; else this one"})


class OfferOfMonthSchema(Resource):
    """What one offer has brought in the month."""

    offer_id = Identity()
    title = Said()
    sent = Whole(metadata={"description": "People it was to be sent to, where it was announced in the month"})
    opened = Whole(metadata={"description": "How often its page was opened from a notification"})
    used = Whole(metadata={"description": "How many codes for it were used at the till"})
    declared = Whole(metadata={"description": DECLARED})
    new_follows = Whole(metadata={"description": "How many began to follow the shop while it was live"})
    held = Whole(allow_none=True, metadata={"description": f"People it was held back from. {MASKED}"})


class MonthResultsSchema(Resource):
    """What a month has brought a shop until now; nothing says who."""

    month = Said(metadata={"description": "In Paris’s calendar", "example": "2026-11"})
    sent = Whole(metadata={"description": "How often people were told, over all offers"})
    opened = Whole(metadata={"description": "How often a page was opened from a notification"})
    used = Whole(metadata={"description": "How many codes were used at the till"})
    declared = Whole(metadata={"description": DECLARED})
    follows_won = Whole(
        allow_none=True,
        metadata={
            "description": "How many began to follow the shop, also those who left again; null while it is only claimed"
        },
    )
    follows_lost = Whole(
        allow_none=True, metadata={"description": "How many ceased to follow it; null while it is only claimed"}
    )
    held = Whole(allow_none=True, metadata={"description": "The sum of what its offers tell; null where none does"})
    numbers_alone = Truth(
        metadata={"description": "The ledger has no row of it left: whoever has erased everything since may be missing"}
    )
    reasons = Several(Part(ResultReasonSchema), metadata={"description": "The sums of the reasons of its offers"})
    offers = Several(Part(OfferOfMonthSchema))
