"""The team of a shop: its members see it, its owners take people in by e-mail, and let them go."""

import uuid
from typing import Any, Final

from flask import Response

from blueprints import conditions, guards, teams
from blueprints.api.contract import ApiBlueprint
from blueprints.api.lists import page
from blueprints.transactions import transaction
from citylife.accounts.merchants import Membership, Merchant
from schemas.accounts import InvitationSchema, MemberSchema
from schemas.lists import page_of

blueprint: Final = ApiBlueprint("merchant-team", "Who runs a shop together")


@blueprint.route("/merchant/shops/<uuid:shop_id>/team")
@guards.merchant_session_required
@blueprint.response(200, page_of(MemberSchema))
def list_team(shop_id: uuid.UUID) -> Response:
    """Who runs a shop of yours; its owners also see who was invited and has not come yet. Always one page."""
    _, _, seen = teams.team_seen(shop_id)
    return page(MemberSchema, [shown_member(*row) for row in seen], None)


@blueprint.route("/merchant/shops/<uuid:shop_id>/team", methods=("POST",))
@guards.merchant_session_required
@transaction(idempotent=True, rings=True)
@blueprint.response(201, MemberSchema)
@blueprint.arguments(InvitationSchema)
def invite_member(wanted: dict[str, Any], shop_id: uuid.UUID) -> Response:
    """Take somebody into the team, or change her role; she gets a letter. Owners only."""
    shop = guards.my_shop(shop_id, owner=True)
    body = MemberSchema().dump(shown_member(*teams.take_in(shop, wanted["email"], wanted["role"])))
    return conditions.answer(conditions.json_bytes(body), 201)


@blueprint.route("/merchant/shops/<uuid:shop_id>/team/<uuid:member_id>", methods=("DELETE",))
@guards.merchant_session_required
@transaction()
@blueprint.response(204)
def let_member_go(shop_id: uuid.UUID, member_id: uuid.UUID) -> None:
    """End somebody's place in the team at once; your own, or as an owner anybody's. A shop keeps an owner."""
    teams.let_go(shop_id, member_id)


def shown_member(member: Membership, merchant: Merchant) -> dict[str, Any]:
    """A member as her team reads her, by the id of her place: the merchant's own would tell since when we know her."""
    return {
        "id": member.id,
        "email": merchant.email,
        "role": member.role,
        "since": member.begun_at,
        "pending": member.pending,
    }
