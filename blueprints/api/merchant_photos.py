"""A merchant's photos: sent as they are, kept developed, shown once her shop or an offer refers to one."""

import uuid
from typing import Any, Final

from blueprints import guards
from blueprints.api.contract import ApiBlueprint
from blueprints.house import now
from blueprints.photographs import developed_first, shown_photo
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.accounts.merchants import Scope
from citylife.photos import Developed, keep_photo
from schemas.photos import PhotoSchema

blueprint: Final = ApiBlueprint("merchant-photos", "Photos of shops and of their offers")


@blueprint.route("/merchant/shops/<uuid:shop_id>/photos", methods=("POST",))
@guards.merchant_required(Scope.OFFERS)
@developed_first
@transaction(idempotent=True)
@blueprint.response(201, PhotoSchema)
def add_my_photo(shop_id: uuid.UUID, *, developed: Developed) -> dict[str, Any]:
    """Send a JPEG, PNG or WebP picture; it is drawn anew, upright, smaller, without its position or other metadata.

    Nothing shows it until the shop (`photo_id` of its changes) or an offer (`photo_id` of its draft) refers to it; what
    nothing refers to is forgotten after a week.
    """
    shop = guards.my_shop(shop_id)
    return shown_photo(keep_photo(db.session(), shop, developed, now=now()))
