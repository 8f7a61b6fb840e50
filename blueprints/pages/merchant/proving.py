"""The code of the letter that was posted to a claimed shop: its owner types it on its page; staff then decide."""

import uuid

from flask import Response, make_response, redirect, request, url_for

from blueprints import guards
from blueprints.house import now
from blueprints.pages.language import page_locale
from blueprints.pages.merchant.asking import by_our_form, merchant_here
from blueprints.pages.merchant.shops import shop_page
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.errors import Refusal
from citylife.shops import Shop
from citylife.shops.possession import CodeWrong, enter_code
from citylife.wording import say


@by_our_form
@merchant_here
@transaction()
def enter(shop_id: uuid.UUID) -> Response:
    """Enter the code; a wrong one is counted, and said beside the field."""
    shop = guards.my_shop(shop_id, owner=True)
    refusal = _refusal(shop, request.form.get("code", "")[:40])
    if refusal is not None:
        return shop_page(shop, refusal.status, code_problem=say(refusal.detail, page_locale()))
    return make_response(redirect(url_for("merchant.read_shop", shop_id=shop_id, said="code"), 303))


def _refusal(shop: Shop, typed: str) -> Refusal | None:
    """Why the code was not taken; None where it was. A wrong one is no exception, so that the try stays counted."""
    try:
        trial = enter_code(db.session(), shop, typed, now=now(), actor_id=guards.merchant_id())
    except Refusal as refusal:
        return refusal
    return CodeWrong(pointer="/code", left=trial.left) if trial.entered_at is None else None
