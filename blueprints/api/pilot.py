"""The pilot's frozen reports for everybody; for staff, its targets, and a report sent once more."""

import uuid
from typing import Any, Final

from flask import Response

from blueprints import conditions, cursors, guards, problems
from blueprints.api.contract import ApiBlueprint
from blueprints.api.lists import cut, page
from blueprints.house import now
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife import audit
from citylife.accounts.staff import StaffRole
from citylife.audit import Actor
from citylife.errors import Absent
from citylife.pilot.costs import costs, enter_cost
from citylife.pilot.freezing import latest_reports
from citylife.pilot.measures import BY_KEY, Evidence, Unit
from citylife.pilot.periods import NoSuchPeriod, read_period
from citylife.pilot.sending import PilotSending, send_again
from citylife.pilot.tables import PilotCost, PilotReport, PilotTarget
from citylife.pilot.targets import approve_target, propose_target, targets
from citylife.pilot.words import defined
from schemas.lists import ListQuery, page_of
from schemas.pilot import (
    CostSchema,
    FrozenReportSchema,
    NewCostSchema,
    NewTargetSchema,
    PilotSendingSchema,
    TargetQuery,
    TargetSchema,
)

blueprint: Final = ApiBlueprint("pilot", "The pilot's frozen figures, its targets, and its reports to the cluster")


@blueprint.route("/pilot/reports")
@blueprint.response(200, page_of(FrozenReportSchema))
@blueprint.arguments(ListQuery, location="query")
def list_pilot_reports(wanted: dict[str, Any]) -> Response:
    """The last version of each frozen week and month, the last frozen first: what may be told, and nothing else."""
    before = cursors.read_number(wanted["cursor"])
    rows = latest_reports(db.session(), most=wanted["limit"] + 1, before=before)
    shown, more = cut(rows, wanted["limit"])
    last = str(shown[-1].number) if more else None
    language = problems.locale()
    reports = [shown_report(report, language) for report in shown]
    vary = "Accept-Encoding, Accept-Language"
    answer = page(FrozenReportSchema, reports, last, cache=conditions.PUBLIC, vary=vary)
    answer.headers["Content-Language"] = language
    return answer


@blueprint.route("/pilot/reports/<period>/send", methods=("POST",))
@guards.staff_required(StaffRole.ADMINISTER)
@transaction(idempotent=True)
@blueprint.response(200, PilotSendingSchema)
def send_pilot_report(period: str) -> dict[str, Any]:
    """Send the last version of a period's report to the cluster once more, from its beginning."""
    session, moment = db.session(), now()
    try:
        sending = send_again(session, str(read_period(period)), now=moment)
    except NoSuchPeriod as error:
        raise Absent from error
    member = guards.current_staff().id
    audit.note(session, "pilot.sent-again", None, actor=Actor.STAFF, actor_id=member, now=moment, period=period)
    return shown_sending(session.get_one(PilotReport, sending.report), sending)


@blueprint.route("/staff/pilot/targets")
@guards.staff_required(StaffRole.WATCH)
@blueprint.response(200, page_of(TargetSchema))
@blueprint.arguments(TargetQuery, location="query")
def list_targets(wanted: dict[str, Any]) -> Response:
    """Targets, the last proposed first; approved or not, earlier ones too."""
    before = cursors.read_id(wanted["cursor"])
    rows = targets(db.session(), measure=wanted["measure"], before=before, limit=wanted["limit"] + 1)
    shown, more = cut(rows, wanted["limit"])
    return page(TargetSchema, [ShownTarget(target) for target in shown], shown[-1].id if more else None)


@blueprint.route("/staff/pilot/targets", methods=("POST",))
@guards.staff_required(StaffRole.MODERATE)
@transaction(idempotent=True)
@blueprint.response(201, TargetSchema)
@blueprint.arguments(NewTargetSchema)
def propose_pilot_target(said: dict[str, Any]) -> "ShownTarget":
    """Propose what a measure of class A or B is to reach, from a period on that has not begun."""
    return ShownTarget(propose_target(db.session(), **said, staff_id=guards.current_staff().id, now=now()))


@blueprint.route("/staff/pilot/targets/<uuid:target_id>/approve", methods=("POST",))
@guards.staff_required(StaffRole.ADMINISTER)
@transaction(idempotent=True)
@blueprint.response(200, TargetSchema)
def approve_pilot_target(target_id: uuid.UUID) -> "ShownTarget":
    """Approve a target that somebody else proposed; from then on nothing of it is ever changed."""
    return ShownTarget(approve_target(db.session(), target_id, staff_id=guards.current_staff().id, now=now()))


@blueprint.route("/staff/pilot/costs")
@guards.staff_required(StaffRole.WATCH)
@blueprint.response(200, page_of(CostSchema))
@blueprint.arguments(ListQuery, location="query")
def list_costs(wanted: dict[str, Any]) -> Response:
    """What the public paid for the pilot, the last entered first; what was replaced stays visible."""
    rows = costs(db.session(), before=cursors.read_id(wanted["cursor"]), limit=wanted["limit"] + 1)
    shown, more = cut(rows, wanted["limit"])
    return page(CostSchema, list(shown), shown[-1].id if more else None)


@blueprint.route("/staff/pilot/costs", methods=("POST",))
@guards.staff_required(StaffRole.ADMINISTER)
@transaction(idempotent=True)
@blueprint.response(201, CostSchema)
@blueprint.arguments(NewCostSchema)
def enter_pilot_cost(said: dict[str, Any]) -> PilotCost:
    """Enter what was paid from a day to another, with its source; a correction takes the place of another."""
    cents = said.pop("amount")
    return enter_cost(db.session(), **said, cents=cents, staff_id=guards.current_staff().id, now=now())


class ShownTarget:
    """A target with what its measure is counted in, and how it is known."""

    def __init__(self, target: PilotTarget) -> None:
        self._target = target
        self.unit, self.evidence = BY_KEY[target.measure].unit, BY_KEY[target.measure].evidence

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)


def shown_report(report: PilotReport, language: str) -> dict[str, Any]:
    """A report as everybody reads it, with its measures in a language; of the tables' exact rows, only the seal."""
    period = read_period(report.period)
    return {
        "period": report.period,
        "frequency": period.frequency,
        "first_day": period.first,
        "last_day": period.last,
        **report.sealed(),
        "measures": [
            {**each, "unit": Unit(each["unit"]), "evidence": Evidence(each["evidence"])}
            for each in defined(report.content["figures"], language)
        ],
        "figures": report.content["figures"],
    }


def shown_sending(report: PilotReport, sending: PilotSending) -> dict[str, Any]:
    """How far a report has come."""
    return {
        "period": report.period,
        "version": report.version,
        "state": sending.state,
        "taken": sending.taken,
        "figures": len(report.content["figures"]),
        "attempts": sending.attempts,
        "next_at": sending.next_at,
        "status": sending.status,
        "answer": sending.answer,
        "delivered_at": sending.delivered_at,
    }
