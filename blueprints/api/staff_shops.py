"""Shops, for staff: their claims and the proof of possession, verify, refuse, suspend, reinstate, close down."""

import uuid
from collections.abc import Callable
from typing import Any, Final

from flask import Response

from blueprints import conditions, cursors, guards
from blueprints.api.contract import ApiBlueprint
from blueprints.api.lists import cut, page
from blueprints.documented import A_PAGE
from blueprints.house import now
from blueprints.pages.staff.letters import code_letter
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.accounts.staff import StaffRole
from citylife.shops import Proof, Shop
from citylife.shops.claims import refuse_claim, reinstate_shop, suspend_shop
from citylife.shops.closing import close_down, closings_of, reopen
from citylife.shops.directory import stands_of
from citylife.shops.oversight import any_shop, claims_of, every_shop, suspensions_of
from citylife.shops.possession import (
    LIFETIME,
    Claim,
    Visit,
    check_is_read,
    pending_claims,
    post_code,
    verify_by_code,
    verify_by_visit,
)
from schemas.lists import page_of
from schemas.staff import (
    ReadClaimSchema,
    ReasonSchema,
    RefusalSchema,
    StaffShopHistorySchema,
    StaffShopQuery,
    StaffShopSchema,
    VerificationSchema,
)

blueprint: Final = ApiBlueprint("staff-shops", "Shops, for staff of the cluster")
HTML: Final = "text/html; charset=utf-8"


class OverseenShop:
    """A shop as staff see it: with the claim that waits for an answer and, where asked, all that was decided before."""

    def __init__(self, shop: Shop, claim: Claim | None, **history: Any) -> None:
        self._shop = shop
        self.claim = None if claim is None else _shown_claim(claim)
        self.__dict__.update(history)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._shop, name)


def _shown_claim(pending: Claim) -> dict[str, Any]:
    claim = pending.claim
    return {
        "id": claim.id,
        "siret": claim.siret,
        "rna": claim.rna,
        "claimed_at": claim.claimed_at,
        "merchant": pending.merchant,
        "code": pending.code,
    }


def with_history(shop: Shop) -> OverseenShop:
    """The shop, its pending claim, and what staff have decided about it."""
    session = db.session()
    claim = pending_claims(session, [shop.id]).get(shop.id)
    return OverseenShop(
        shop,
        claim,
        claims=claims_of(session, shop.id),
        suspensions=suspensions_of(session, shop.id),
        closings=closings_of(session, shop.id),
        stands=stands_of(session, [shop.id])[shop.id],
    )


def member_id() -> uuid.UUID:
    """Whose act it is, for the audit log."""
    return guards.current_staff().id


def _read_before(shop: Shop, said: dict[str, Any]) -> None:
    """Go on only where the claim that waits is the one that is named, if one is."""
    if "claim_id" in said:
        check_is_read(db.session(), shop, said["claim_id"])


def _decided(shop: Shop, said: dict[str, Any], act: Callable[..., object]) -> OverseenShop:
    """The shop and its history, once an act of the domain's was done to it that takes a reason."""
    act(db.session(), shop, reason=said["reason"], now=now(), actor_id=member_id())
    return with_history(shop)


@blueprint.route("/staff/shops")
@guards.staff_required(StaffRole.WATCH)
@blueprint.response(200, page_of(StaffShopSchema))
@blueprint.arguments(StaffShopQuery, location="query")
def list_all_shops(wanted: dict[str, Any]) -> Response:
    """Shops in every state, each with the claim that waits for an answer; `status=claimed` is the queue."""
    session, after = db.session(), cursors.read_id(wanted["cursor"])
    rows = every_shop(session, status=wanted["status"], after=after, limit=wanted["limit"] + 1)
    shown, more = cut(rows, wanted["limit"])
    claims = pending_claims(session, [shop.id for shop in shown])
    stands = stands_of(session, [shop.id for shop in shown])
    items = [OverseenShop(shop, claims.get(shop.id), stands=stands[shop.id]) for shop in shown]
    return page(StaffShopSchema, items, shown[-1].id if more else None)


@blueprint.route("/staff/shops/<uuid:shop_id>")
@guards.staff_required(StaffRole.WATCH)
@blueprint.response(200, StaffShopHistorySchema)
def read_any_shop(shop_id: uuid.UUID) -> OverseenShop:
    """A shop in any state, with what staff have decided about it."""
    return with_history(any_shop(db.session(), shop_id))


@blueprint.route("/staff/shops/<uuid:shop_id>/verify", methods=("POST",))
@guards.staff_required(StaffRole.MODERATE)
@transaction(idempotent=True, rings=True)
@blueprint.response(200, StaffShopHistorySchema)
@blueprint.arguments(VerificationSchema)
def verify_claim(said: dict[str, Any], shop_id: uuid.UUID) -> OverseenShop:
    """Accept the pending claim on a proof of possession: a visit, or a posted code that was entered."""
    session, shop = db.session(), any_shop(db.session(), shop_id)
    _read_before(shop, said)
    if said["proof"] == Proof.VISIT.value:
        visit = Visit(said["visit"]["date"], said["visit"]["seen_by"])
        verify_by_visit(session, shop, visit, now=now(), actor_id=member_id())
    else:
        verify_by_code(session, shop, now=now(), actor_id=member_id())
    return with_history(shop)


@blueprint.route("/staff/shops/<uuid:shop_id>/refuse", methods=("POST",))
@guards.staff_required(StaffRole.MODERATE)
@transaction(idempotent=True, rings=True)
@blueprint.response(200, StaffShopHistorySchema)
@blueprint.arguments(RefusalSchema)
def refuse_pending_claim(said: dict[str, Any], shop_id: uuid.UUID) -> OverseenShop:
    """Refuse the pending claim: the shop is nobody's, listed as before, or closed if only the claim spoke of it."""
    shop = any_shop(db.session(), shop_id)
    _read_before(shop, said)
    return _decided(shop, said, refuse_claim)


@blueprint.route("/staff/shops/<uuid:shop_id>/suspend", methods=("POST",))
@guards.staff_required(StaffRole.MODERATE)
@transaction(idempotent=True)
@blueprint.response(200, StaffShopHistorySchema)
@blueprint.arguments(ReasonSchema)
def suspend_any_shop(said: dict[str, Any], shop_id: uuid.UUID) -> OverseenShop:
    """Suspend a verified shop: it is absent for everyone but its team, and what waits is not sent."""
    return _decided(any_shop(db.session(), shop_id), said, suspend_shop)


@blueprint.route("/staff/shops/<uuid:shop_id>/reinstate", methods=("POST",))
@guards.staff_required(StaffRole.MODERATE)
@transaction(idempotent=True)
@blueprint.response(200, StaffShopHistorySchema)
@blueprint.arguments(ReasonSchema)
def reinstate_any_shop(said: dict[str, Any], shop_id: uuid.UUID) -> OverseenShop:
    """Lift a suspension."""
    return _decided(any_shop(db.session(), shop_id), said, reinstate_shop)


@blueprint.route("/staff/shops/<uuid:shop_id>/close", methods=("POST",))
@guards.staff_required(StaffRole.MODERATE)
@transaction(idempotent=True)
@blueprint.response(200, StaffShopHistorySchema)
@blueprint.arguments(ReasonSchema)
def close_listed_shop(said: dict[str, Any], shop_id: uuid.UUID) -> OverseenShop:
    """Say that a shop nobody has claimed no longer exists: its page answers 410, and no import brings it back."""
    return _decided(any_shop(db.session(), shop_id), said, close_down)


@blueprint.route("/staff/shops/<uuid:shop_id>/reopen", methods=("POST",))
@guards.staff_required(StaffRole.MODERATE)
@transaction(idempotent=True)
@blueprint.response(200, StaffShopHistorySchema)
@blueprint.arguments(ReasonSchema)
def reopen_closed_shop(said: dict[str, Any], shop_id: uuid.UUID) -> OverseenShop:
    """Take back that a shop no longer exists: it is listed again, with those who follow it."""
    return _decided(any_shop(db.session(), shop_id), said, reopen)


@blueprint.route("/staff/shops/<uuid:shop_id>/code", methods=("POST",))
@guards.staff_required(StaffRole.MODERATE)
@transaction(idempotent=True, secret=True)
@blueprint.response(201, A_PAGE, content_type="text/html", description="The letter, to print and to post")
@blueprint.arguments(ReadClaimSchema)
def post_shop_code(said: dict[str, Any], shop_id: uuid.UUID) -> Response:
    """Make a code for a claimed shop, and the letter that carries it: a page to print, and never shown again.

    A code made before is worth nothing from now on. The merchant enters it within sixty days, in five tries.
    """
    session, shop = db.session(), any_shop(db.session(), shop_id)
    _read_before(shop, said)
    code = post_code(session, shop, now=now(), actor_id=member_id())
    claimant = pending_claims(session, [shop.id])[shop.id].merchant
    letter = code_letter(shop, code, until=now() + LIFETIME, locale=claimant.locale)
    return conditions.answer(letter.encode(), 201, cache=conditions.NEVER, content_type=HTML)
