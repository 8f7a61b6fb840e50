"""Citizens: one tap makes one, asking for nothing; she reads and changes her settings, and erases herself."""

import uuid
from typing import Any, Final

from flask import Response

from blueprints import conditions, guards, problems
from blueprints.api.contract import ApiBlueprint
from blueprints.house import house, now
from blueprints.limits import count_from_here
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.accounts.citizens import NEW_FROM_A_NETWORK, Citizen, Wishes, change_wishes, create_citizen
from citylife.accounts.erasure import erase_citizen, receipt_of
from schemas.citizens import (
    CitizenSchema,
    CreatedCitizenSchema,
    ErasureReceiptSchema,
    NewCitizenSchema,
    WishesSchema,
)

blueprint: Final = ApiBlueprint("citizens", "Citizens: pseudonymous, without account, e-mail or password")


@blueprint.route("/citizens", methods=("POST",))
@transaction(idempotent=True, secret=True)
@blueprint.response(201, CreatedCitizenSchema)
@blueprint.arguments(NewCitizenSchema)
def become_citizen(wanted: dict[str, Any]) -> Response:
    """Become a citizen.

    Nothing is asked for. The token is said once; with `cookie` it goes into an HttpOnly cookie, which no script reads.
    """
    if wanted["cookie"]:
        guards.check_same_origin()
        known = guards.citizen_or_none()
        if known is not None:
            return conditions.answer(conditions.json_bytes({"id": known.id}), 200, cache=conditions.NEVER)
    count_from_here(*NEW_FROM_A_NETWORK)
    citizen, token = create_citizen(db.session(), locale=wanted["locale"] or problems.locale(), now=now())
    shown = {"id": citizen.id} if wanted["cookie"] else {"id": citizen.id, "token": token}
    response = conditions.answer(conditions.json_bytes(shown), 201, cache=conditions.NEVER)
    response.headers["Location"] = "/api/v1/me"
    if wanted["cookie"]:
        guards.set_citizen_cookie(response, token)
    return response


@blueprint.route("/me")
@guards.citizen_required
@blueprint.response(200, CitizenSchema)
def read_me() -> Citizen:
    """Read your settings."""
    return guards.current_citizen()


@blueprint.route("/me", methods=("PATCH",))
@guards.citizen_required
@transaction()
@blueprint.response(200, CitizenSchema)
@blueprint.arguments(WishesSchema)
def change_me(wishes: dict[str, Any]) -> Citizen:
    """Change your settings; If-Match is heeded where it is sent."""
    citizen = guards.current_citizen()
    conditions.must_match(conditions.json_bytes(CitizenSchema().dump(citizen)), required=False)
    return change_wishes(db.session(), citizen, Wishes(**wishes), now=now())


@blueprint.route("/me", methods=("DELETE",))
@guards.citizen_required
@transaction()
@blueprint.response(200, ErasureReceiptSchema)
def erase_me() -> Response:
    """Erase everything that is yours, at once and for good; the answer is a receipt."""
    receipt = erase_citizen(db.session(), guards.current_citizen(), tombstones=house().tombstones, now=now())
    response = conditions.answer(conditions.json_bytes(ErasureReceiptSchema().dump(receipt)), cache=conditions.NEVER)
    guards.clear_citizen_cookie(response)
    return response


@blueprint.route("/erasures/<uuid:receipt_id>")
@blueprint.response(200, ErasureReceiptSchema)
def read_erasure(receipt_id: uuid.UUID) -> Response:
    """Read a receipt of an erasure: that something was erased, and when; it says nothing of whom."""
    body = conditions.json_bytes(ErasureReceiptSchema().dump(receipt_of(db.session(), receipt_id)))
    return conditions.answer(body, cache=conditions.PUBLIC, vary="Accept-Encoding")
