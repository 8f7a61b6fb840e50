"""Codes of the till: a citizen takes one for an offer, and the shop marks it used."""

import uuid
from typing import Any, Final

from flask import Response

from blueprints import conditions, guards
from blueprints.api.contract import ApiBlueprint
from blueprints.house import house, now
from blueprints.redeeming import redeem_typed
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.accounts.merchants import Scope
from citylife.offers import public_offer
from citylife.redemptions import take_code
from schemas.redemptions import RedemptionSchema, TillCodeSchema, TypedCodeSchema

blueprint: Final = ApiBlueprint("redemptions", "Codes of the till: taken by a citizen, used once at the shop")


@blueprint.route("/me/offers/<uuid:offer_id>/till-code", methods=("POST",))
@guards.citizen_required
@transaction(idempotent=True, secret=True)
@blueprint.response(201, TillCodeSchema)
def take_till_code(offer_id: uuid.UUID) -> Response:
    """Take your code for a live offer; asked again, it is the same one, and says whether it was used.

    Neither the shop nor anybody else learns whose it is.
    """
    offer = public_offer(db.session(), offer_id)
    held = take_code(db.session(), guards.current_citizen(), offer, secret=house().keys.secret_key, now=now())
    shown = {"code": held.shown, "offer_id": offer.id, "expires_at": offer.ends_at, "used_at": held.used_at}
    body = conditions.json_bytes(TillCodeSchema().dump(shown))
    return conditions.answer(body, 201, cache=conditions.NEVER)


@blueprint.route("/merchant/redemptions", methods=("POST",))
@guards.merchant_required(Scope.OFFERS)
@transaction(idempotent=True)
@blueprint.response(201, RedemptionSchema)
@blueprint.arguments(TypedCodeSchema)
def redeem_code(typed: dict[str, Any]) -> dict[str, Any]:
    """Mark the code that a customer shows as used: once, while its offer lives, and only at a shop you run.

    A code that nobody took, or for another's shop, is answered alike; few of these may be typed in an hour.
    """
    done = redeem_typed(guards.merchant_id(), typed["code"])
    return {
        "offer_id": done.offer.id,
        "offer_title": done.offer.title,
        "shop_id": done.shop.id,
        "shop_name": done.shop.name,
        "used_at": done.used_at,
    }
