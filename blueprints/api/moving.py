"""Moving: a citizen's codes for another phone, and the one call by which that phone becomes hers."""

from typing import Any, Final

from flask import Response

from blueprints import conditions, guards, problems
from blueprints.api.contract import ApiBlueprint
from blueprints.arriving import PRINT_ANEW, arrive
from blueprints.house import house, now
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.accounts.moving import (
    make_recovery_code,
    make_transfer_code,
    recovery_since,
    revoke_recovery_code,
)
from citylife.wording import say
from schemas.moving import MovedSchema, MoveSchema, RecoveryCodeSchema, RecoverySchema, TransferCodeSchema

blueprint: Final = ApiBlueprint("moving", "Moving to another phone, and a printed code for the day it is lost")


@blueprint.route("/me/transfer", methods=("POST",))
@guards.citizen_required
@transaction(idempotent=True, secret=True)
@blueprint.response(201, TransferCodeSchema)
def open_transfer() -> Response:
    """Get a code to type on another phone: it works once, for ten minutes.

    Three may be open; one more ends the oldest.
    """
    code, expires_at = make_transfer_code(
        db.session(), guards.current_citizen(), secret=house().keys.secret_key, now=now()
    )
    return _secret(TransferCodeSchema().dump({"code": code, "expires_at": expires_at}))


@blueprint.route("/citizens/transfer", methods=("POST",))
@transaction(idempotent=True, secret=True)
@blueprint.response(201, MovedSchema)
@blueprint.arguments(MoveSchema)
def move_here(wanted: dict[str, Any]) -> Response:
    """Become, on this phone, the citizen who made the code; the code is spent.

    A wrong, used or expired code is answered alike, and only a few may be tried in an hour. Where our pages already had
    a citizen, she is left as she is, and this browser is hers no longer.
    """
    if wanted["cookie"]:
        guards.check_same_origin()
    moved = arrive(wanted["code"], wanted["old_phones"])
    shown: dict[str, Any] = {
        "id": moved.citizen.id,
        "used": moved.used,
        "recovery_stands": moved.recovery_stands,
        "advice": None if moved.recovery_stands else say(PRINT_ANEW, problems.locale()),
    }
    if not wanted["cookie"]:
        shown["token"] = moved.token
    response = _secret(MovedSchema().dump(shown))
    response.headers["Location"] = "/api/v1/me"
    if wanted["cookie"]:
        guards.set_citizen_cookie(response, moved.token)
    return response


@blueprint.route("/me/recovery")
@guards.citizen_required
@blueprint.response(200, RecoverySchema)
def read_recovery() -> dict[str, Any]:
    """Read whether a printed code of yours stands, and since when; the code itself is not kept."""
    since = recovery_since(db.session(), guards.current_citizen().id)
    return {"stands": since is not None, "made_at": since}


@blueprint.route("/me/recovery", methods=("POST",))
@guards.citizen_required
@transaction(idempotent=True, secret=True)
@blueprint.response(201, RecoveryCodeSchema)
def print_recovery() -> Response:
    """Get a code to print, for the day the phone is lost: it works once, and replaces the one before."""
    moment = now()
    code = make_recovery_code(db.session(), guards.current_citizen(), now=moment)
    return _secret(RecoveryCodeSchema().dump({"code": code, "made_at": moment}))


@blueprint.route("/me/recovery", methods=("DELETE",))
@guards.citizen_required
@transaction()
@blueprint.response(204)
def revoke_recovery() -> None:
    """Let your printed code work no longer."""
    revoke_recovery_code(db.session(), guards.current_citizen())


def _secret(shown: dict[str, Any]) -> Response:
    return conditions.answer(conditions.json_bytes(shown), 201, cache=conditions.NEVER)
