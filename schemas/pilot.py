"""The pilot's targets and its frozen reports."""

from typing import Final

from citylife.pilot.measures import Evidence, Unit
from citylife.pilot.periods import Frequency
from citylife.pilot.sending import SendingState
from citylife.pilot.tables import LONGEST_REASON
from citylife.pilot.targets import MOST
from schemas.fields import Day, Facts, Identity, Moment, Money, OneOf, Part, Resource, Said, Several, Text, Whole
from schemas.lists import ListQuery

A_MEASURE = {"description": "The key of a measure", "example": "active-merchants"}
A_PERIOD = {"description": "The first week or month it holds for", "example": "2026-W50"}

COUNTED: Final = "commerces vérifiés qui ont publié au cours de trois des quatre dernières semaines"
BUDGET: Final = "Délibération du 24 novembre 2026, budget annexe"


class NewTargetSchema(Resource):
    """What a measure of the agglomeration is to reach from a period on."""

    measure = Text(required=True, longest=24, metadata=A_MEASURE)
    since = Text(required=True, longest=8, metadata=A_PERIOD)
    value = Whole(required=True, least=1, most=MOST, metadata={"description": "In the measure's unit"})
    reason = Text(required=True, longest=LONGEST_REASON, metadata={"description": "Why so much; everybody reads it"})


class TargetQuery(ListQuery):
    """Which targets."""

    measure = Text(load_default=None, longest=24, metadata=A_MEASURE)


class TargetSchema(Resource):
    """A target: proposed by one of staff, approved by another before its first period began."""

    id = Identity()
    measure = Said(metadata=A_MEASURE)
    version = Whole(metadata={"description": "From 1 on, by measure"})
    since = Said(metadata=A_PERIOD)
    value = Whole()
    unit = OneOf(Unit)
    evidence = OneOf(Evidence)
    reason = Said()
    proposed_by = Identity()
    proposed_at = Moment()
    approved_by = Identity(allow_none=True)
    approved_at = Moment(allow_none=True, metadata={"description": "Null where nobody approved it"})


class NewCostSchema(Resource):
    """What the public paid from a day to another, both among them."""

    first = Day(required=True, metadata={"example": "2026-11-01"})
    last = Day(required=True, metadata={"example": "2026-11-30"})
    amount = Money(required=True)
    source = Text(
        required=True,
        longest=LONGEST_REASON,
        metadata={"description": "Where it can be read", "example": BUDGET},
    )
    replaces = Identity(load_default=None, metadata={"description": "The cost that it takes the place of"})


class CostSchema(Resource):
    """A cost as it was entered."""

    id = Identity()
    first = Day(metadata={"example": "2026-11-01"})
    last = Day(metadata={"example": "2026-11-30"})
    amount = Money(attribute="cents")
    source = Said(metadata={"example": BUDGET})
    replaces = Identity(allow_none=True)
    entered_by = Identity()
    entered_at = Moment()


class MeasureSchema(Resource):
    """A measure: what it says, what it is counted in, and how it is known."""

    key = Said(metadata=A_MEASURE)
    name = Said(metadata={"description": "In your language", "example": "Commerces actifs"})
    formula = Said(metadata={"description": "What is counted, in your language", "example": COUNTED})
    unit = OneOf(Unit, metadata={"description": "Of values, their bounds and targets; money is in cents"})
    evidence = OneOf(
        Evidence,
        metadata={"description": "A: seen at a till. B: answered by a push service, or written. C: told by a device"},
    )


class FrozenReportSchema(Resource):
    """A frozen period: its figures as everybody reads them, sealed to the report before."""

    period = Said(metadata={"example": "2026-W48"})
    frequency = OneOf(Frequency)
    first_day = Day(metadata={"example": "2026-11-23"})
    last_day = Day(metadata={"example": "2026-11-29"})
    number = Whole(metadata={"description": "Of all reports, in the order in which they were frozen"})
    version = Whole()
    frozen_at = Moment()
    revision = Said(metadata={"description": "Of the code that counted", "example": "892bf25"})
    reason = Said(metadata={"description": "Why there is an erratum; empty for a first version", "example": ""})
    previous = Said(metadata={"description": "The seal of the report before", "example": "00" * 32})
    sha256 = Said()
    measures = Several(Part(MeasureSchema), metadata={"description": "What its figures are, by `key`"})
    figures = Several(
        Facts(),
        metadata={
            "description": "Each with `key` (its measure's, where its unit is), `territory`, and either `value` (with "
            "`low` and `high` where it has an interval) or why it is `hidden`; `target` and `standing` where it has one"
        },
    )


class PilotSendingSchema(Resource):
    """How far a report has come on its way to the cluster."""

    period = Said(metadata={"example": "2026-W48"})
    version = Whole()
    state = OneOf(SendingState)
    taken = Whole(metadata={"description": "Of how many figures the cluster said that it has them"})
    figures = Whole(metadata={"description": "How many there are"})
    attempts = Whole(metadata={"description": "In a row, without anything taken"})
    next_at = Moment()
    status = Whole(allow_none=True, metadata={"description": "Of the last answer"})
    answer = Said(metadata={"description": "The last answer, in short", "example": ""})
    delivered_at = Moment(allow_none=True)
