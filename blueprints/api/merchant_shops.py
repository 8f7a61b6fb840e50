"""A merchant's shops: claim one, read it, change it without losing a colleague's change."""

import uuid
from collections.abc import Iterable
from typing import Any, Final

from flask import Response

from blueprints import conditions, cursors, guards, problems
from blueprints.api.contract import ApiBlueprint, conditional
from blueprints.api.lists import cut, page
from blueprints.claims import counted_claim
from blueprints.house import house, now
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.accounts.merchants import Scope
from citylife.changes import UNSET, Unset
from citylife.demand import may_know_followers
from citylife.photos import Photo, front_with, fronts_for_team
from citylife.shops import Shop, ShopStand
from citylife.shops.changes import ShopChanges, Stand, change_shop, set_stands
from citylife.shops.claims import claim_listed_shop, claim_shop
from citylife.shops.directory import shops_of, stands_of
from citylife.shops.possession import CodeWrong, enter_code
from citylife.shops.preparing import hours_said, preparations_of
from schemas.lists import ListQuery, page_of
from schemas.shops import ClaimSchema, ListedClaimSchema, MerchantShopSchema, ShopChangesSchema
from schemas.staff import EnteredCodeSchema, PossessionSchema

blueprint: Final = ApiBlueprint("merchant-shops", "The shops a merchant runs")


class RunShop:
    """A shop as those who run it read it, with what they prepare, where it stands on which weekday, and its photo."""

    def __init__(self, shop: Shop, stands: list[ShopStand], photo: Photo | None, hours: str | None) -> None:
        self._shop, self.stands, self.opening_hours = shop, stands, hours
        self.photo_id = None if photo is None else photo.id

    def __getattr__(self, name: str) -> Any:
        return getattr(self._shop, name)


def run_shops(shops: Iterable[Shop]) -> list[RunShop]:
    """Shops as those who run them read them."""
    several = list(shops)
    ids = [shop.id for shop in several]
    stands, photos = stands_of(db.session(), ids), fronts_for_team(db.session(), several)
    claims = preparations_of(db.session(), several)
    hours = {
        shop.id: hours_said(claims[shop.id], shop) if shop.id in claims else shop.opening_hours for shop in several
    }
    return [RunShop(shop, stands[shop.id], photos.get(shop.id), hours[shop.id]) for shop in several]


def shop_bytes(shop: Shop) -> bytes:
    """A shop as its merchant reads it: what its ETag is the digest of."""
    return conditions.json_bytes(MerchantShopSchema().dump(run_shops([shop])[0]))


@blueprint.route("/merchant/shops")
@guards.merchant_required(Scope.READ)
@blueprint.response(200, page_of(MerchantShopSchema))
@blueprint.arguments(ListQuery, location="query")
def list_my_shops(wanted: dict[str, Any]) -> Response:
    """The shops you run."""
    after = cursors.read_id(wanted["cursor"])
    shops = [shop for shop in shops_of(db.session(), guards.merchant_id()) if after is None or shop.id > after]
    shown, more = cut(shops, wanted["limit"])
    return page(MerchantShopSchema, run_shops(shown), shown[-1].id if more else None)


@blueprint.route("/merchant/shops", methods=("POST",))
@guards.merchant_required(Scope.SHOP)
@transaction(idempotent=True)
@blueprint.response(201, MerchantShopSchema)
@blueprint.arguments(ClaimSchema)
def claim_my_shop(claim: dict[str, Any]) -> Response:
    """Say that a shop is yours; staff verify it. A shop already in the directory is matched, not made again."""
    shop = counted_claim(lambda: claim_shop(db.session(), guards.current_merchant(), **claim, now=now()))
    headers = {"Location": f"/api/v1/merchant/shops/{shop.id}"}
    return conditions.answer(shop_bytes(shop), 201, headers=headers)


@blueprint.route("/merchant/shops/<uuid:shop_id>/claim", methods=("POST",))
@guards.merchant_required(Scope.SHOP)
@transaction(idempotent=True)
@blueprint.response(201, MerchantShopSchema)
@blueprint.arguments(ListedClaimSchema)
def claim_listed(claim: dict[str, Any], shop_id: uuid.UUID) -> Response:
    """Say that a shop of the directory, found by `/shops`, is yours; staff verify it."""
    shop = counted_claim(
        lambda: claim_listed_shop(db.session(), guards.current_merchant(), shop_id, **claim, now=now())
    )
    headers = {"Location": f"/api/v1/merchant/shops/{shop.id}"}
    return conditions.answer(shop_bytes(shop), 201, headers=headers)


@blueprint.route("/merchant/shops/<uuid:shop_id>")
@guards.merchant_required(Scope.READ)
@blueprint.response(200, MerchantShopSchema)
def read_my_shop(shop_id: uuid.UUID) -> RunShop:
    """A shop you run. Read it as a form opens: where many follow it, its audience is then ready to be asked for."""
    shop = guards.my_shop(shop_id)
    if may_know_followers(shop):
        house().previews.opened(db.session(), shop)
    return run_shops([shop])[0]


@blueprint.route("/merchant/shops/<uuid:shop_id>", methods=("PATCH",))
@guards.merchant_required(Scope.SHOP)
@transaction()
@blueprint.response(200, MerchantShopSchema)
@blueprint.arguments(ShopChangesSchema)
@conditional
def change_my_shop(changes: dict[str, Any], shop_id: uuid.UUID) -> RunShop:
    """Change a shop; If-Match says of which state. While it is only claimed, its hours and photo alone may be prepared.

    `stands` are a market trader's places, one a weekday. `photo_id` is the photo of its page, one that was sent before
    (`/photos`), or null for none.
    """
    shop = guards.my_shop(shop_id, owner=True)
    conditions.must_match(shop_bytes(shop))
    stands, photo_id = changes.pop("stands", None), changes.pop("photo_id", UNSET)
    session, moment, who = db.session(), now(), guards.merchant_id()
    change_shop(session, shop, ShopChanges(**changes), expected_version=shop.version, now=moment, actor_id=who)
    if stands is not None:
        wanted = [Stand(**stand) for stand in stands]
        set_stands(session, shop, wanted, expected_version=shop.version, now=moment, actor_id=who)
    if not isinstance(photo_id, Unset):
        front_with(session, shop, photo_id, expected_version=shop.version, now=moment, actor_id=who)
    return run_shops([shop])[0]


@blueprint.route("/merchant/shops/<uuid:shop_id>/prove", methods=("POST",))
@guards.merchant_required(Scope.SHOP)
@transaction(idempotent=True)
@blueprint.response(200, PossessionSchema)
@blueprint.arguments(EnteredCodeSchema)
def prove_possession(said: dict[str, Any], shop_id: uuid.UUID) -> Response | dict[str, Any]:
    """Enter the code of the letter posted to a shop you claim; staff then decide. Five wrong tries spend it."""
    shop = guards.my_shop(shop_id, owner=True)
    trial = enter_code(db.session(), shop, said["code"], now=now(), actor_id=guards.merchant_id())
    if trial.entered_at is None:  # answered, not raised: the try is counted
        return problems.refused(CodeWrong(pointer="/code", left=trial.left))
    return {"shop_id": shop.id, "entered_at": trial.entered_at}
