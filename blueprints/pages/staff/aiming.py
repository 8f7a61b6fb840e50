"""« Objectifs »: proposed by one of staff and approved by another, before the first period they hold for begins."""

import re
import uuid
from typing import Any, Final

from flask import Response, make_response, redirect, render_template, request, url_for

from blueprints import guards
from blueprints.house import now
from blueprints.pages.language import page_locale
from blueprints.pages.staff.acting import Unconfirmed, confirmed
from blueprints.pages.staff.asking import console_form, console_page
from blueprints.pages.staff.measuring import shown_target
from blueprints.pages.staff.spending import read_cents
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.accounts.staff import StaffRole
from citylife.errors import Refusal
from citylife.pilot.measures import BY_KEY, MEASURES, Evidence, Unit
from citylife.pilot.targets import OwnTarget, TargetSettled, approve_target, propose_target, targets, waiting_targets
from citylife.pilot.words import UNIT_WORDS
from citylife.wording import say

WHOLE_NUMBER: Final = re.compile(r"\d{1,10}", re.ASCII)


@console_page(StaffRole.WATCH)
def read_targets() -> Response:
    """All of them, what waits for somebody else's approval first; and the form of a new one."""
    return _page()


@console_form(StaffRole.MODERATE)
@transaction()
def propose() -> Response:
    """Propose a target; what is wrong with it is said beside what was written."""
    written = {name: request.form.get(name, "").strip() for name in ("measure", "since", "value", "reason")}
    try:
        value = _value(written["measure"], written["value"])
        propose_target(
            db.session(),
            written["measure"],
            since=written["since"],
            value=value,
            reason=written["reason"],
            staff_id=guards.current_staff().id,
            now=now(),
        )
    except Refusal as refusal:
        return _page(refusal, written)
    return _back()


@console_form(StaffRole.ADMINISTER)
@transaction()
def approve(target_id: uuid.UUID) -> Response:
    """Approve what somebody else proposed; it cannot be taken back, and is confirmed."""
    try:
        confirmed()
        approve_target(db.session(), target_id, staff_id=guards.current_staff().id, now=now())
    except (OwnTarget, TargetSettled, Unconfirmed) as refusal:
        return _page(refusal)
    return _back()


def _value(key: str, text: str) -> int:
    """A value as people write it, in euros where the measure is of money; nought where it is none.

    Raises:
        CostRefused: it is no amount.
    """
    measure = BY_KEY.get(key)
    if measure is not None and measure.unit is Unit.CENTS:
        return read_cents(text)
    return int(text) if WHOLE_NUMBER.fullmatch(text) else 0


def _back() -> Response:
    return make_response(redirect(url_for("console.read_targets"), 303))


def _page(refusal: Refusal | None = None, written: dict[str, str] | None = None) -> Response:
    locale, moment, member = page_locale(), now(), guards.current_staff()
    waiting = waiting_targets(db.session(), now=moment)
    settled = [target for target in targets(db.session()) if target not in waiting]
    shown: dict[str, Any] = {
        "waiting": [shown_target(target, locale) for target in waiting],
        "settled": [shown_target(target, locale) for target in settled],
        "measures": [
            (measure.key, f"{say(measure.name, locale)} ({say(UNIT_WORDS[measure.unit], locale)})")
            for measure in MEASURES
            if measure.evidence is not Evidence.DECLARED
        ],
        "may_propose": member.role.may(StaffRole.MODERATE),
        "may_approve": member.role.may(StaffRole.ADMINISTER),
        "me": member.id,
        "problem": say(refusal.detail, locale) if refusal else "",
        "written": written or {},
    }
    return make_response(render_template("staff/targets.html", **shown), refusal.status if refusal else 200)
