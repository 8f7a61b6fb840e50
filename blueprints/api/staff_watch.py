"""What staff watch and hold: stops of sending, the audit log, and the shops that citizens wait for."""

import uuid
from typing import Any, Final

from flask import Response

from blueprints import conditions, cursors, guards, problems
from blueprints.api.contract import ApiBlueprint
from blueprints.api.lists import cut, page
from blueprints.documented import A_PAGE
from blueprints.house import now
from blueprints.pages.staff.letters import demand_letter
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife import audit
from citylife.accounts.staff import StaffRole
from citylife.audit import AuditEntry
from citylife.demand import LEAST_TOLD, Demand, Place, awaited, demand
from citylife.geography import communes
from citylife.ledger import stops
from citylife.ledger.tables import SendingStop
from citylife.shops import Shop
from citylife.shops.oversight import any_shop
from citylife.wording import Sentence, said_value, say
from schemas.lists import ListQuery, page_of
from schemas.staff import (
    AuditEntrySchema,
    AuditQuery,
    DemandSchema,
    SendingSchema,
    SendingStateSchema,
    StopSchema,
)

blueprint: Final = ApiBlueprint("staff-watch", "Sending, audit and demand, for staff of the cluster")
HTML: Final = "text/html; charset=utf-8"


def shown_stop(stop: SendingStop, shop: Shop | None) -> dict[str, Any]:
    """A stop with its shop."""
    return {
        "id": stop.id,
        "shop_id": stop.shop_id,
        "shop_slug": None if shop is None else shop.slug,
        "shop_name": None if shop is None else shop.name,
        "stopped_at": stop.stopped_at,
        "reason": stop.reason,
        "lifted_at": stop.lifted_at,
        "lifted_reason": stop.lifted_reason,
    }


def held_shop(shop_id: uuid.UUID | None) -> Shop | None:
    """The shop whose sending is meant; None is all sending, which only who administers may touch.

    Raises:
        RoleMissing: all sending is meant, and her role is too low.
        Absent: there is no such shop.
    """
    if shop_id is None:
        if not guards.current_staff().role.may(StaffRole.ADMINISTER):
            raise guards.RoleMissing
        return None
    return any_shop(db.session(), shop_id)


@blueprint.route("/staff/sending")
@guards.staff_required(StaffRole.WATCH)
@blueprint.response(200, SendingStateSchema)
def read_sending() -> dict[str, Any]:
    """What is stopped now, since when and why."""
    shown = [shown_stop(stop, shop) for stop, shop in stops.current_stops(db.session())]
    everything = next((stop for stop in shown if stop["shop_id"] is None), None)
    return {"everything": everything, "shops": [stop for stop in shown if stop["shop_id"] is not None]}


@blueprint.route("/staff/sending/stop", methods=("POST",))
@guards.staff_required(StaffRole.MODERATE)
@transaction(idempotent=True)
@blueprint.response(200, StopSchema)
@blueprint.arguments(SendingSchema)
def stop_all_or_a_shop(said: dict[str, Any]) -> dict[str, Any]:
    """Stop what a shop sends or, for who administers, all sending: at once, and nothing is lost."""
    shop = held_shop(said["shop_id"])
    member = guards.current_staff().id
    return shown_stop(stops.stop_sending(db.session(), shop, reason=said["reason"], now=now(), actor_id=member), shop)


@blueprint.route("/staff/sending/resume", methods=("POST",))
@guards.staff_required(StaffRole.MODERATE)
@transaction(idempotent=True, rings=True)
@blueprint.response(200, StopSchema)
@blueprint.arguments(SendingSchema)
def resume_all_or_a_shop(said: dict[str, Any]) -> dict[str, Any]:
    """Send again what a shop sends or, for who administers, all of it; what has not expired goes on."""
    shop = held_shop(said["shop_id"])
    member = guards.current_staff().id
    return shown_stop(stops.resume_sending(db.session(), shop, reason=said["reason"], now=now(), actor_id=member), shop)


@blueprint.route("/staff/audit")
@guards.staff_required(StaffRole.WATCH)
@blueprint.response(200, page_of(AuditEntrySchema))
@blueprint.arguments(AuditQuery, location="query")
def list_acts(wanted: dict[str, Any]) -> Response:
    """Who did what, the latest first: of one subject or, for who administers, of all of them."""
    if wanted["subject"] is None and not guards.current_staff().role.may(StaffRole.ADMINISTER):
        raise guards.RoleMissing
    rows = audit.entries(
        db.session(),
        subject_id=wanted["subject"],
        action=wanted["action"],
        before=cursors.read_number(wanted["cursor"]),
        limit=wanted["limit"] + 1,
    )
    shown, more = cut(rows, wanted["limit"])
    return page(AuditEntrySchema, [ShownAct(entry) for entry in shown], str(shown[-1].id) if more else None)


class ShownAct:
    """An act as staff read it: its seal in hexadecimal."""

    def __init__(self, entry: AuditEntry) -> None:
        self._entry = entry
        self.sha256 = entry.sha256.hex()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._entry, name)


@blueprint.route("/staff/demand")
@guards.staff_required(StaffRole.WATCH)
@blueprint.response(200, page_of(DemandSchema))
@blueprint.arguments(ListQuery, location="query")
def list_demand(wanted: dict[str, Any]) -> Response:
    """« On vous attend »: unclaimed shops by how many citizens wait for them; nothing is told under eleven."""
    rows = demand(db.session(), after=read_place(wanted["cursor"]), limit=wanted["limit"] + 1)
    shown, more = cut(rows, wanted["limit"])
    last = f"{shown[-1].waiting or 0}-{shown[-1].shop.id.hex}" if more else None
    language = problems.locale()
    vary = "Authorization, Cookie, Accept-Language"
    response = page(DemandSchema, [shown_demand(row, language) for row in shown], last, vary=vary)
    response.headers["Content-Language"] = language
    return response


def shown_demand(row: Demand, language: str) -> dict[str, Any]:
    """An awaited shop, with the number of people in words."""
    shop = row.shop
    said = say(Sentence("moins de {least}", least=LEAST_TOLD), language)
    return {
        "shop_id": shop.id,
        "slug": shop.slug,
        "name": shop.name,
        "category": shop.category,
        "commune": communes()[shop.insee_code],
        "waiting": row.waiting,
        "said": said if row.waiting is None else str(said_value(row.waiting, language)),
    }


@blueprint.route("/staff/demand/<uuid:awaited_id>/letter")
@guards.staff_required(StaffRole.WATCH)
@blueprint.response(200, A_PAGE, content_type="text/html", description="The letter, to print and to post")
def read_demand_letter(awaited_id: uuid.UUID) -> Response:
    """The letter to a shop that at least eleven citizens wait for, with a QR code by which to claim it."""
    row = awaited(db.session(), awaited_id)
    return conditions.answer(demand_letter(row.shop, row.waiting or 0).encode(), content_type=HTML)


def read_place(cursor: str | None) -> Place | None:
    """Where a page of the demand ended, in a cursor.

    Raises:
        CursorRefused: not one of ours.
    """
    word = cursors.read_word(cursor)
    if word is None:
        return None
    told, _, shop_id = word.partition("-")
    try:
        return Place(int(told), uuid.UUID(hex=shop_id))
    except ValueError:
        raise cursors.CursorRefused(pointer="/cursor") from None
