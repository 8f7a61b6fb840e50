"""An offer's own page: what a notification opens, what is shared, and « j’en profite »: a code for the till."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Final

from flask import Response, make_response, redirect, render_template, request, url_for
from markupsafe import Markup

from blueprints.feeds.linked_data import block, offer_thing
from blueprints.guards import check_same_origin, citizen_or_none
from blueprints.house import house, now
from blueprints.pages.arrival import arrived
from blueprints.pages.citizen.becoming import known_or_new, remembered
from blueprints.pages.citizen.showing import show_offer, show_shop
from blueprints.pages.language import page_locale
from blueprints.pages.marks import mark
from blueprints.photographs import image_of, shown_photo
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.moments import at_words
from citylife.offers import Offer, public_offer
from citylife.photos import photos_of
from citylife.redemptions import gives_codes, held_code, take_code
from citylife.shops import shop_by_id
from citylife.shops.directory import stands_of

TILL_AREA: Final = "code"
"""The part of the page that changes when she takes a code, and where her browser returns to."""


@dataclass(frozen=True, slots=True)
class ShownCode:
    """A citizen's code as her page shows it: in two groups, as a QR code, and when it was used, in words (or empty)."""

    code: str
    mark: Markup
    used: str


def read_offer(offer_id: uuid.UUID) -> str | Response:
    """The offer: what, where, until when, or that it is over."""
    session, moment, locale = db.session(), now(), page_locale()
    offer = public_offer(session, offer_id)
    shop = shop_by_id(session, offer.shop_id)
    if (onward := arrived(shop.id)) is not None:
        return onward
    stands = stands_of(session, [shop.id])[shop.id]
    base_url = house().settings.base_url
    photo = None if offer.photo_id is None else photos_of(session, [offer.photo_id]).get(offer.photo_id)
    canonical = base_url + url_for("citizen.read_offer", offer_id=offer_id)
    shop_page = base_url + url_for("citizen.read_shop", slug=shop.slug)
    return render_template(
        "citizen/offer.html",
        offer=show_offer(offer, now=moment, locale=locale),
        shop=show_shop(shop, stands, now=moment, locale=locale),
        gives_codes=gives_codes(offer, now=moment),
        till=_held(offer, now=moment, locale=locale),
        from_notification=request.args.get("from") == "notification",
        photo=None if photo is None else shown_photo(photo),
        canonical=canonical,
        linked_data=block(
            offer_thing(offer, canonical, shop, shop_page, stands=stands, image=image_of(photo, base_url), now=moment)
        ),
    )


@transaction()
def take_till_code(offer_id: uuid.UUID) -> Response:
    """« J’en profite »: give her a code for the till, once; whoever is not known yet becomes a citizen."""
    check_same_origin()
    session, moment = db.session(), now()
    offer = public_offer(session, offer_id)
    citizen, token = known_or_new()
    take_code(session, citizen, offer, secret=house().keys.secret_key, now=moment)
    back = url_for("citizen.read_offer", offer_id=offer_id, _anchor=TILL_AREA)
    return remembered(make_response(redirect(back, 303)), token)


def _held(offer: Offer, *, now: dt.datetime, locale: str) -> ShownCode | None:
    """Her code for the offer, where she took one."""
    citizen = citizen_or_none()
    if citizen is None:
        return None
    held = held_code(db.session(), citizen.id, offer.id, secret=house().keys.secret_key)
    if held is None:
        return None
    used = "" if held.used_at is None else at_words(held.used_at, now=now, locale=locale)
    return ShownCode(held.shown, mark(held.code), used)
