"""What a citizen was told, or not, and why: the ledger as she may read it."""

from citylife.audience.promises import Rule
from citylife.ledger.reasons import Setting
from citylife.ledger.tables import DeliveryState, MessageKind, Outcome, Reason
from schemas.fields import Identity, Moment, OneOf, Part, Resource, Said, Several


class DeviceDeliverySchema(Resource):
    """What became of it on one device."""

    device_id = Identity()
    state = OneOf(DeliveryState)
    accepted_at = Moment(allow_none=True, metadata={"description": "When the push service took it"})


class PromiseSchema(Resource):
    """A rule by which she is told of something or not, as it stands for her."""

    rule = OneOf(Rule)
    explanation = Said(metadata={"description": "The rule in one sentence, in the caller's language"})
    setting = OneOf(
        Setting, allow_none=True, metadata={"description": "Which setting of hers changes it; null: none of hers"}
    )
    shop_id = Identity(
        allow_none=True, metadata={"description": "The one shop she follows that it is about", "example": None}
    )


class PromisesSchema(Resource):
    """Every rule by which she is told, in their order."""

    items = Several(Part(PromiseSchema))


class DeliverySchema(Resource):
    """One message and what was decided about it."""

    message_id = Identity()
    kind = OneOf(MessageKind)
    offer_id = Identity(allow_none=True, metadata={"description": "Null for a digest, and for what is near now"})
    offer_title = Said(allow_none=True)
    shop_id = Identity(allow_none=True)
    shop_slug = Said(allow_none=True)
    shop_name = Said(allow_none=True)
    outcome = OneOf(Outcome)
    reason = OneOf(Reason)
    explanation = Said(
        metadata={
            "description": "The reason in one sentence, in the caller's language; and how she hears of it all the same"
        }
    )
    setting = OneOf(
        Setting, allow_none=True, metadata={"description": "Which setting of hers would change it; null: none of hers"}
    )
    told_in = Identity(
        allow_none=True,
        metadata={"description": "The digest, or « near me now », that told her of what was held", "example": None},
    )
    decided_at = Moment()
    until = Moment(allow_none=True, metadata={"description": "When a held one is looked at again"})
    devices = Several(Part(DeviceDeliverySchema))
