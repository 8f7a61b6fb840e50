"""The team of a shop: its owners see it, take people in by e-mail, and let them go."""

import uuid
from typing import Any, Final

from flask import Response

from blueprints import conditions, guards, problems
from blueprints.api.contract import ApiBlueprint
from blueprints.api.lists import page
from blueprints.house import now
from blueprints.limits import as_set, digest_of
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife import audit
from citylife.accounts.invitations import INVITATIONS, INVITATIONS_UNPROVED, invite_into_team
from citylife.accounts.merchants import Membership, Merchant, leave_team, member_of, team_of
from citylife.audit import Actor
from citylife.errors import Absent
from citylife.limits import take
from citylife.shops.tables import ShopStatus
from schemas.accounts import InvitationSchema, MemberSchema
from schemas.lists import page_of

blueprint: Final = ApiBlueprint("merchant-team", "Who runs a shop together")


@blueprint.route("/merchant/shops/<uuid:shop_id>/team")
@guards.merchant_session_required
@blueprint.response(200, page_of(MemberSchema))
def list_team(shop_id: uuid.UUID) -> Response:
    """Who runs a shop of yours; owners only, always one page."""
    shop = guards.my_shop(shop_id, owner=True)
    return page(MemberSchema, [shown_member(*row) for row in team_of(db.session(), shop.id)], None)


@blueprint.route("/merchant/shops/<uuid:shop_id>/team", methods=("POST",))
@guards.merchant_session_required
@transaction(idempotent=True, rings=True)
@blueprint.response(201, MemberSchema)
@blueprint.arguments(InvitationSchema)
def invite_member(wanted: dict[str, Any], shop_id: uuid.UUID) -> Response:
    """Take somebody into the team, or change her role; she gets a letter. Owners only."""
    session, owner, moment = db.session(), guards.merchant_id(), now()
    shop = guards.my_shop(shop_id, owner=True)
    limit = INVITATIONS_UNPROVED if shop.status is ShopStatus.CLAIMED else INVITATIONS
    take(session, as_set(limit), digest_of(limit, str(owner)), now=moment)
    merchant, member, _ = invite_into_team(
        session, wanted["email"], shop, wanted["role"], locale=problems.locale(), now=moment
    )
    audit.note(
        session,
        "team.joined",
        shop.id,
        actor=Actor.MERCHANT,
        actor_id=owner,
        now=moment,
        merchant=str(merchant.id),
        role=member.role.value,
    )
    body = MemberSchema().dump(shown_member(member, merchant))
    return conditions.answer(conditions.json_bytes(body), 201)


@blueprint.route("/merchant/shops/<uuid:shop_id>/team/<uuid:member_id>", methods=("DELETE",))
@guards.merchant_session_required
@transaction()
@blueprint.response(204)
def let_member_go(shop_id: uuid.UUID, member_id: uuid.UUID) -> None:
    """End somebody's place in the team at once, your own too; a shop keeps an owner. Owners only."""
    session, owner, moment = db.session(), guards.merchant_id(), now()
    shop = guards.my_shop(shop_id, owner=True)
    member = member_of(session, shop.id, member_id)
    if member is None or not leave_team(session, member.merchant_id, shop.id, now=moment):
        raise Absent
    left = str(member.merchant_id)
    audit.note(session, "team.left", shop.id, actor=Actor.MERCHANT, actor_id=owner, now=moment, merchant=left)


def shown_member(member: Membership, merchant: Merchant) -> dict[str, Any]:
    """A member as an owner reads her, by the id of her place: the merchant's own would tell since when we know her."""
    return {"id": member.id, "email": merchant.email, "role": member.role, "since": member.begun_at}
