"""The photo of a shop's page: shown, replaced or taken down by its owner; the former one can be put back for a week."""

import functools
import uuid
from collections.abc import Callable

from flask import Response, make_response, redirect, request, url_for

from blueprints import guards
from blueprints.house import now
from blueprints.pages.language import page_locale
from blueprints.pages.merchant.asking import by_our_form, merchant_here
from blueprints.pages.merchant.shops import shop_page
from blueprints.photographs import field_developed
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.errors import Refusal
from citylife.photos import Developed, PhotoUnknown, front_with, keep_photo
from citylife.shops import ShopStatus
from citylife.wording import Sentence, say

NONE_CHOSEN = Sentence("Choisissez d’abord une photo.")
UNPROCESSABLE = 422


def owner_here(view: Callable[[uuid.UUID], Response]) -> Callable[[uuid.UUID], Response]:
    """Answer what a page of ours sends for a merchant who owns the shop."""

    @functools.wraps(view)
    def guarded(shop_id: uuid.UUID) -> Response:
        guards.my_shop(shop_id, owner=True)
        return view(shop_id)

    return by_our_form(merchant_here(guarded))


@owner_here
def show_photo(shop_id: uuid.UUID) -> Response:
    """Show the photo that was sent on the page of the shop, in place of the one it shows."""
    try:
        developed = field_developed(shop_id)
    except Refusal as refusal:
        db.session().rollback()
        return _refused(shop_id, refusal.status, refusal.detail)
    if developed is None:
        return _refused(shop_id, UNPROCESSABLE, NONE_CHOSEN)
    return _shown(shop_id, developed)


@transaction()
def _shown(shop_id: uuid.UUID, developed: Developed) -> Response:
    def keep() -> uuid.UUID:
        return keep_photo(db.session(), guards.my_shop(shop_id), developed, now=now()).id

    return _front(shop_id, "photo-shown", keep)


@owner_here
@transaction()
def take_down(shop_id: uuid.UUID) -> Response:
    """Show no photo any more; the page that follows can put it back."""
    return _front(shop_id, "photo-removed", lambda: None)


@owner_here
@transaction()
def put_back(shop_id: uuid.UUID) -> Response:
    """Show a photo again that the page showed before."""

    def former() -> uuid.UUID:
        try:
            return uuid.UUID(request.form.get("photo", ""))
        except ValueError:
            raise PhotoUnknown from None

    return _front(shop_id, "photo-shown", former)


def _front(shop_id: uuid.UUID, said: str, which: Callable[[], uuid.UUID | None]) -> Response:
    """Back to the shop's page once it shows that photo, with the way back; the page with the reason where it cannot."""
    shop = guards.my_shop(shop_id, owner=True)
    try:
        who = guards.merchant_id()
        before = front_with(db.session(), shop, which(), expected_version=shop.version, now=now(), actor_id=who)
    except Refusal as refusal:
        db.session().rollback()
        return _refused(shop_id, refusal.status, refusal.detail)
    former = None if before is None or before.fronts else before.id
    if said == "photo-shown" and shop.status is ShopStatus.CLAIMED:
        said = "photo-prepared"
    back = url_for("merchant.read_shop", shop_id=shop_id, said=said, avant=former, _anchor="photo")
    return make_response(redirect(back, 303))


def _refused(shop_id: uuid.UUID, status: int, why: Sentence | str) -> Response:
    return shop_page(guards.my_shop(shop_id), status, photo_problem=say(why, page_locale()))
