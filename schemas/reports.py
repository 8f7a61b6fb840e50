"""Reports of bad offers: what anybody may say, and what staff read."""

from citylife.offers import OfferStatus
from citylife.reports import LONGEST_DETAIL, ReportStatus, Wrong
from schemas.fields import Identity, Moment, OneOf, Part, Resource, Said, Several, Text, Whole
from schemas.lists import ListQuery


class NewReportSchema(Resource):
    """What is wrong with an offer. Nobody is asked who she is."""

    offer_id = Identity(required=True)
    reason = OneOf(Wrong, required=True)
    detail = Text(load_default="", longest=LONGEST_DETAIL, multiline=True)


class ReportQuery(ListQuery):
    """Which reports."""

    status = OneOf(ReportStatus, load_default=None)


class ReportedOfferSchema(Resource):
    """The offer a report is about."""

    id = Identity()
    title = Said()
    description = Said()
    status = OneOf(OfferStatus)
    ends_at = Moment()
    shop_id = Identity()
    shop_slug = Said()
    shop_name = Said()


class ReportSchema(Resource):
    """A report: how many people made it, since when, and a few of their words."""

    id = Identity()
    offer = Part(ReportedOfferSchema)
    reason = OneOf(Wrong)
    status = OneOf(ReportStatus)
    count = Whole()
    details = Several(Said(), metadata={"description": "The first five; forgotten thirty days after the decision"})
    first_at = Moment()
    last_at = Moment()
    decided_at = Moment(allow_none=True)
    decision = Said(allow_none=True, metadata={"description": "Why it was upheld or dismissed"})
