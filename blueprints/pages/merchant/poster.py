"""« Votre affiche » : how it will look, to print it on A4 or A5, and the sticker for a door or a till."""

import uuid
from typing import Final

from flask import Response, make_response, render_template

from blueprints import guards
from blueprints.house import house
from blueprints.pages import window
from blueprints.pages.contact import contact_of
from blueprints.pages.language import page_locale
from blueprints.pages.merchant.asking import merchant_here
from blueprints.pages.window import window_of
from citylife.shops import Shop
from citylife.shops.posters import NoPoster, check_has_poster
from citylife.wording import say

SVG: Final = "image/svg+xml"


@merchant_here
def read_poster(shop_id: uuid.UUID) -> Response:
    """A picture of the poster and what to print, or why the shop has none."""
    shop = guards.my_shop(shop_id)
    try:
        check_has_poster(shop)
    except NoPoster as refusal:
        contact = contact_of(house().settings.public_contact)
        why = say(refusal.detail, page_locale())
        return make_response(render_template("merchant/poster.html", shop=shop, why=why, contact=contact))
    page = render_template(
        "merchant/poster.html",
        shop=shop,
        why=None,
        address=window_of(shop).address,
        whole=window.written_whole(shop.name),
        invitation=window.INVITATION,
        steps=window.STEPS,
        promise=window.PROMISE,
    )
    return make_response(page)


@merchant_here
def read_picture(shop_id: uuid.UUID) -> Response:
    """The poster as a picture."""
    return Response(window.picture(window_of(_with_poster(shop_id))), content_type=SVG)


@merchant_here
def read_sticker(shop_id: uuid.UUID) -> Response:
    """The sticker, to be printed."""
    shop = _with_poster(shop_id)
    response = Response(window.sticker(window_of(shop)), content_type=SVG)
    response.headers["Content-Disposition"] = f"inline; filename=citylife-{shop.slug}.svg"
    return response


def _with_poster(shop_id: uuid.UUID) -> Shop:
    shop = guards.my_shop(shop_id)
    check_has_poster(shop)
    return shop
