"""Offers that come again each week: what a merchant sends of one, and what she reads."""

from citylife.around import FARTHEST
from citylife.offers.recurring import Occurred, RecurringStatus
from citylife.offers.tables import OfferKind
from schemas.fields import (
    ClockTime,
    Day,
    Identity,
    Moment,
    Money,
    OneOf,
    Part,
    Resource,
    Said,
    Several,
    Text,
    Truth,
    Whole,
)
from schemas.offers import A_PHOTO, LONGEST_DESCRIPTION, LONGEST_TITLE, MOST_PIECES

MOST_HOURS = 168
WEEKDAYS = {"description": "0 is Monday, 6 is Sunday"}
AT = {"description": "When it begins, in Paris's own time, whatever the clock does", "example": "08:00"}
HOURS = {"description": "How many hours each lasts; or `until`. Less than until it comes again"}
UNTIL = {
    "description": "Until what hour of Paris each lasts, the next day where that is no later than `at`; or `hours`"
}
LAST_DAY = {"description": "The last day on which it comes; null until you stop it"}


class OccurrenceSchema(Resource):
    """What became of a recurring offer on a day."""

    day = Day(metadata={"description": "In Paris"})
    outcome = OneOf(Occurred)
    offer_id = Identity(allow_none=True, metadata={"description": "The offer that was published"})
    reason = Said(allow_none=True, metadata={"description": "Why it was refused, in your language", "example": None})


class RecurringOfferSchema(Resource):
    """An offer that comes again each week, for those who run its shop."""

    id = Identity()
    shop_id = Identity()
    status = OneOf(RecurringStatus)
    kind = OneOf(OfferKind)
    title = Said()
    description = Said()
    price = Money(allow_none=True)
    reduction = Truth()
    perishable = Truth()
    quantity = Whole(allow_none=True)
    radius = Whole(metadata={"description": "Metres"})
    photo_id = Identity(allow_none=True)
    weekdays = Several(Whole(), metadata=WEEKDAYS | {"example": [3]})
    at = ClockTime(metadata=AT)
    hours = Whole(allow_none=True, metadata=HOURS)
    until = ClockTime(allow_none=True, metadata=UNTIL)
    last_day = Day(allow_none=True, metadata=LAST_DAY)
    next_on = Day(allow_none=True, metadata={"description": "The day it comes next, in Paris"})
    next_at = Moment(allow_none=True, metadata={"description": "When it comes next"})
    skipped_on = Day(allow_none=True, metadata={"description": "A day to come that is left out"})
    begun_at = Moment()
    updated_at = Moment()
    ended_at = Moment(allow_none=True)
    version = Whole()
    occurrences = Several(Part(OccurrenceSchema), metadata={"description": "Of the last 35 days, the latest first"})


class RecurringDraftSchema(Resource):
    """A new offer that comes again each week."""

    kind = OneOf(OfferKind, load_default=OfferKind.OFFER)
    title = Text(required=True, longest=LONGEST_TITLE)
    description = Text(load_default="", longest=LONGEST_DESCRIPTION, multiline=True)
    price = Money(load_default=None, allow_none=True)
    reduction = Truth(load_default=False, metadata={"description": "Only of perishable goods"})
    perishable = Truth(load_default=False)
    quantity = Whole(load_default=None, allow_none=True, least=1, most=MOST_PIECES)
    radius = Whole(load_default=5000, least=0, most=FARTHEST, metadata={"description": "Metres"})
    photo_id = Identity(load_default=None, allow_none=True, metadata=A_PHOTO)
    weekdays = Several(Whole(least=0, most=6), required=True, metadata=WEEKDAYS | {"example": [3]})
    at = ClockTime(required=True, metadata=AT)
    hours = Whole(load_default=None, allow_none=True, least=1, most=MOST_HOURS, metadata=HOURS | {"example": 4})
    until = ClockTime(load_default=None, allow_none=True, metadata=UNTIL | {"example": None})
    last_day = Day(load_default=None, allow_none=True, metadata=LAST_DAY | {"example": None})


class RecurringChangesSchema(Resource):
    """What is changed of it from now on; what is absent stays."""

    kind = OneOf(OfferKind)
    title = Text(longest=LONGEST_TITLE)
    description = Text(longest=LONGEST_DESCRIPTION, multiline=True)
    price = Money(allow_none=True)
    reduction = Truth(metadata={"description": "Only of perishable goods"})
    perishable = Truth()
    quantity = Whole(allow_none=True, least=1, most=MOST_PIECES)
    radius = Whole(least=0, most=FARTHEST)
    photo_id = Identity(allow_none=True, metadata=A_PHOTO)
    weekdays = Several(Whole(least=0, most=6), metadata=WEEKDAYS | {"example": [3]})
    at = ClockTime(metadata=AT)
    hours = Whole(allow_none=True, least=1, most=MOST_HOURS, metadata=HOURS)
    until = ClockTime(allow_none=True, metadata=UNTIL)
    last_day = Day(allow_none=True, metadata=LAST_DAY)


class SkipSchema(Resource):
    """Which occurrence is left out, or comes after all: its day, so that a late request means no other."""

    day = Day(required=True, metadata={"description": "`next_on`, or `skipped_on`", "example": "2026-11-26"})
