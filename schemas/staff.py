"""What staff read and say: shops and their claims, stops of sending, the audit log, who waits for whom."""

from typing import Any

from marshmallow import ValidationError, validates_schema

from citylife.audit import Actor
from citylife.courtesy.rules import MOST_ANNOUNCEMENTS
from citylife.shops import ClaimStatus, Proof, ShopStatus
from schemas.fields import (
    FIELD_MESSAGES,
    SCHEMA_MESSAGES,
    Day,
    Facts,
    Identity,
    Moment,
    OneOf,
    Part,
    Resource,
    Said,
    Several,
    Text,
    Whole,
    one_of,
)
from schemas.lists import ListQuery
from schemas.shops import CommuneBriefSchema, MerchantShopSchema

LONGEST_REASON = 300
LONGEST_REFUSAL = 1000


class StaffShopQuery(ListQuery):
    """Which shops."""

    status = OneOf(ShopStatus, load_default=None)


class ClaimantSchema(Resource):
    """The merchant who claims a shop."""

    id = Identity()
    email = Said()
    name = Said(metadata={"example": "Camille Dubois"})
    locale = Said()


class PostedCodeSchema(Resource):
    """The state of the code that was posted to a shop; the code itself is kept nowhere."""

    made_at = Moment()
    expires_at = Moment()
    failed = Whole(metadata={"description": "Wrong tries; five spend the code"})
    entered_at = Moment(allow_none=True, metadata={"description": "When the merchant entered it; null until then"})


class PendingClaimSchema(Resource):
    """A claim that waits for an answer."""

    id = Identity()
    siret = Said(allow_none=True)
    rna = Said(allow_none=True)
    claimed_at = Moment()
    merchant = Part(ClaimantSchema)
    code = Part(PostedCodeSchema, allow_none=True, metadata={"description": "Null when none was posted"})


class StaffShopSchema(MerchantShopSchema):
    """A shop, for staff."""

    claim = Part(PendingClaimSchema, allow_none=True, metadata={"description": "Null when none waits for an answer"})


class PastClaimSchema(Resource):
    """A claim, and what was decided."""

    id = Identity()
    merchant_id = Identity()
    siret = Said(allow_none=True)
    rna = Said(allow_none=True)
    status = OneOf(ClaimStatus)
    proof = OneOf(Proof, allow_none=True)
    reason = Said(allow_none=True)
    visited_on = Day(allow_none=True, metadata={"example": "2026-11-24"})
    seen_by = Said(allow_none=True)
    claimed_at = Moment()
    decided_at = Moment(allow_none=True)


class SuspensionSchema(Resource):
    """A suspension; null where it still lasts."""

    suspended_at = Moment()
    reason = Said()
    lifted_at = Moment(allow_none=True)
    lifted_reason = Said(allow_none=True)


class ClosingSchema(Resource):
    """Staff said that the shop no longer exists; null where that stands."""

    closed_at = Moment()
    reason = Said()
    reopened_at = Moment(allow_none=True)
    reopened_reason = Said(allow_none=True)


class StaffShopHistorySchema(StaffShopSchema):
    """A shop with what staff have decided about it, the latest first."""

    claims = Several(Part(PastClaimSchema))
    suspensions = Several(Part(SuspensionSchema))
    closings = Several(Part(ClosingSchema))


class VisitSchema(Resource):
    """A visit to the shop."""

    date = Day(required=True, metadata={"example": "2026-11-24"})
    seen_by = Text(required=True, longest=200, metadata={"description": "Who saw the shop, in a few words"})


CLAIM_READ = {"description": "The claim that was read; refused where another one waits"}


class ReadClaimSchema(Resource):
    """Which claim was read, where that is said."""

    claim_id = Identity(metadata=CLAIM_READ)


class VerificationSchema(Resource):
    """How the possession of a shop was proved: by a visit, or by a code that was posted and has been entered."""

    proof = Text(required=True, validate=[one_of((Proof.VISIT.value, Proof.POSTED_CODE.value))])
    claim_id = Identity(metadata=CLAIM_READ)
    visit = Part(VisitSchema, metadata={"description": "With `visit`, and only then"})

    @validates_schema
    def check_visit(self, data: dict[str, Any], **_: Any) -> None:
        """A visit is told where it is the proof, and nowhere else."""
        visited = data.get("proof") == Proof.VISIT.value
        if visited != ("visit" in data):
            raise ValidationError({"visit": [FIELD_MESSAGES["required"] if visited else SCHEMA_MESSAGES["unknown"]]})


class ReasonSchema(Resource):
    """Why."""

    reason = Text(required=True, longest=LONGEST_REASON, multiline=True)


class RefusalSchema(Resource):
    """Why a claim is refused; the merchant reads it."""

    reason = Text(required=True, longest=LONGEST_REFUSAL, multiline=True)
    claim_id = Identity(metadata=CLAIM_READ)


class EnteredCodeSchema(Resource):
    """The code of the letter, as it was typed."""

    code = Text(required=True, longest=40, metadata={"example": "K7QF 9MPX"})


class PossessionSchema(Resource):
    """That the code of the letter was entered; staff decide."""

    shop_id = Identity()
    entered_at = Moment()


class SendingSchema(Resource):
    """What is stopped or resumed, and why: a shop's sending, or all of it where no shop is named."""

    shop_id = Identity(load_default=None, allow_none=True)
    reason = Text(required=True, longest=LONGEST_REASON, multiline=True)


class StopSchema(Resource):
    """A stop of sending."""

    id = Identity()
    shop_id = Identity(allow_none=True, metadata={"description": "Null for all sending"})
    shop_slug = Said(allow_none=True)
    shop_name = Said(allow_none=True)
    stopped_at = Moment()
    reason = Said()
    lifted_at = Moment(allow_none=True)
    lifted_reason = Said(allow_none=True)


class SendingStateSchema(Resource):
    """What is stopped now."""

    everything = Part(StopSchema, allow_none=True, metadata={"description": "Null while sending is not stopped"})
    shops = Several(Part(StopSchema))


class SendingRuleSchema(Resource):
    """How many announcements of a shop a citizen may get on one day."""

    shop_id = Identity(allow_none=True, metadata={"description": "Null: of every shop without a rule of its own"})
    shop_slug = Said(allow_none=True)
    shop_name = Said(allow_none=True)
    announcements_a_day = Whole()
    reason = Said(allow_none=True, metadata={"description": "Null where the cluster has set nothing"})
    set_at = Moment(allow_none=True)


class SendingRulesSchema(Resource):
    """What holds now, for everyone and for the shops with a rule of their own."""

    everyone = Part(SendingRuleSchema)
    shops = Several(Part(SendingRuleSchema))


class SendingRuleChangeSchema(Resource):
    """A rule to set, for a shop or for all that have none of their own, or (null) to take back; and why."""

    shop_id = Identity(load_default=None, allow_none=True)
    announcements_a_day = Whole(required=True, allow_none=True, least=0, most=MOST_ANNOUNCEMENTS)
    reason = Text(required=True, longest=LONGEST_REASON, multiline=True)


class AuditQuery(ListQuery):
    """Which acts."""

    subject = Identity(load_default=None, metadata={"description": "A shop, an offer, a key… Named by who may not all"})
    action = Text(load_default=None, longest=40, metadata={"example": "shop.suspended"})


class AuditEntrySchema(Resource):
    """An act, sealed to the one before it."""

    id = Whole()
    at = Moment()
    actor = OneOf(Actor)
    actor_id = Identity(allow_none=True)
    action = Said()
    subject_id = Identity(allow_none=True)
    detail = Facts(metadata={"example": {"proof": "visit"}})
    sha256 = Said(metadata={"description": "The seal, in hexadecimal"})


class DemandSchema(Resource):
    """A shop that nobody has claimed, and how many wait for it."""

    shop_id = Identity()
    slug = Said()
    name = Said()
    category = Said()
    commune = Part(CommuneBriefSchema)
    waiting = Whole(allow_none=True, metadata={"description": "Null under eleven"})
    said = Said(metadata={"description": "The number in words: « moins de 11 » under eleven", "example": "moins de 11"})
