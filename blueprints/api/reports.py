"""Reports of bad offers: made by anybody, decided on by staff."""

import uuid
from typing import Any, Final

from flask import Response

from blueprints import cursors, guards
from blueprints.api.contract import ApiBlueprint
from blueprints.api.lists import cut, page
from blueprints.house import now
from blueprints.limits import count_from_here
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.accounts.staff import StaffRole
from citylife.offers import Offer, public_offer
from citylife.reports import PER_NETWORK, Report, dismiss, report_and_offer, report_offer, reports, uphold
from citylife.shops import Shop
from schemas.lists import page_of
from schemas.reports import NewReportSchema, ReportQuery, ReportSchema
from schemas.staff import ReasonSchema

blueprint: Final = ApiBlueprint("reports", "Reports of bad offers")


def shown_report(report: Report, offer: Offer, shop: Shop) -> dict[str, Any]:
    """A report with the offer it is about."""
    return {
        "id": report.id,
        "offer": {
            "id": offer.id,
            "title": offer.title,
            "description": offer.description,
            "status": offer.status,
            "ends_at": offer.ends_at,
            "shop_id": shop.id,
            "shop_slug": shop.slug,
            "shop_name": shop.name,
        },
        "reason": report.wrong,
        "status": report.status,
        "count": report.count,
        "details": report.details,
        "first_at": report.first_at,
        "last_at": report.last_at,
        "decided_at": report.decided_at,
        "decision": report.decision,
    }


@blueprint.route("/reports", methods=("POST",))
@transaction(idempotent=True)
@blueprint.response(202, description="It was heard. Nothing is kept of who said it")
@blueprint.arguments(NewReportSchema)
def report_bad_offer(said: dict[str, Any]) -> None:
    """Say that something is wrong with an offer. No name is asked, and nothing is answered."""
    offer = public_offer(db.session(), said["offer_id"])
    count_from_here(*PER_NETWORK)
    report_offer(db.session(), offer, said["reason"], detail=said["detail"], now=now())


@blueprint.route("/staff/reports")
@guards.staff_required(StaffRole.WATCH)
@blueprint.response(200, page_of(ReportSchema))
@blueprint.arguments(ReportQuery, location="query")
def list_reports(wanted: dict[str, Any]) -> Response:
    """Reports, the oldest first; `status=open` is the queue."""
    after = cursors.read_id(wanted["cursor"])
    rows = reports(db.session(), status=wanted["status"], after=after, limit=wanted["limit"] + 1)
    shown, more = cut(rows, wanted["limit"])
    return page(ReportSchema, [shown_report(*row) for row in shown], shown[-1][0].id if more else None)


@blueprint.route("/staff/reports/<uuid:report_id>/uphold", methods=("POST",))
@guards.staff_required(StaffRole.MODERATE)
@transaction(idempotent=True)
@blueprint.response(200, ReportSchema)
@blueprint.arguments(ReasonSchema)
def uphold_report(said: dict[str, Any], report_id: uuid.UUID) -> dict[str, Any]:
    """Say that a report is right: the offer is withdrawn, and its merchant reads the reason."""
    report, offer, shop = report_and_offer(db.session(), report_id)
    uphold(db.session(), report, reason=said["reason"], now=now(), actor_id=guards.current_staff().id)
    return shown_report(report, offer, shop)


@blueprint.route("/staff/reports/<uuid:report_id>/dismiss", methods=("POST",))
@guards.staff_required(StaffRole.MODERATE)
@transaction(idempotent=True)
@blueprint.response(200, ReportSchema)
@blueprint.arguments(ReasonSchema)
def dismiss_report(said: dict[str, Any], report_id: uuid.UUID) -> dict[str, Any]:
    """Say that nothing is wrong with the offer, and why."""
    report, offer, shop = report_and_offer(db.session(), report_id)
    dismiss(db.session(), report, reason=said["reason"], now=now(), actor_id=guards.current_staff().id)
    return shown_report(report, offer, shop)
