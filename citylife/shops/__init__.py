"""Shops: listed, claimed, verified, suspended, closed; their place, their hours, and who says they are hers."""

from citylife.shops.changes import (
    ShopChanges,
    ShopNotVerified,
    ShopSuspended,
    Stand,
    change_shop,
    may_speak,
    set_stands,
)
from citylife.shops.claims import claim_shop, refuse_claim, reinstate_shop, suspend_shop, verify_shop
from citylife.shops.closing import close_down, reopen
from citylife.shops.directory import PUBLIC, public_shops, shop_by_id, shop_by_slug, shop_of_team, shops_of
from citylife.shops.listing import Listing, list_shop, shop_by_source
from citylife.shops.tables import (
    ClaimStatus,
    PostedCode,
    Proof,
    Shop,
    ShopClaim,
    ShopClosing,
    ShopCommune,
    ShopStand,
    ShopStatus,
    ShopSuspension,
)

__all__ = [
    "PUBLIC",
    "ClaimStatus",
    "Listing",
    "PostedCode",
    "Proof",
    "Shop",
    "ShopChanges",
    "ShopClaim",
    "ShopClosing",
    "ShopCommune",
    "ShopNotVerified",
    "ShopStand",
    "ShopStatus",
    "ShopSuspended",
    "ShopSuspension",
    "Stand",
    "change_shop",
    "claim_shop",
    "close_down",
    "list_shop",
    "may_speak",
    "public_shops",
    "refuse_claim",
    "reinstate_shop",
    "reopen",
    "set_stands",
    "shop_by_id",
    "shop_by_slug",
    "shop_by_source",
    "shop_of_team",
    "shops_of",
    "suspend_shop",
    "verify_shop",
]
