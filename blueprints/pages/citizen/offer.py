"""An offer's own page: what a notification opens, and what is shared."""

import uuid

from flask import render_template, request, url_for

from blueprints.feeds.linked_data import block, offer_thing
from blueprints.house import house, now
from blueprints.pages.citizen.showing import show_offer, show_shop
from blueprints.pages.language import page_locale
from blueprints.storage import db
from citylife.offers import public_offer
from citylife.shops import shop_by_id
from citylife.shops.directory import stands_of


def read_offer(offer_id: uuid.UUID) -> str:
    """The offer: what, where, until when, or that it is over."""
    session, moment, locale = db.session(), now(), page_locale()
    offer = public_offer(session, offer_id)
    shop = shop_by_id(session, offer.shop_id)
    stands = stands_of(session, [shop.id])[shop.id]
    base_url = house().settings.base_url
    canonical = base_url + url_for("citizen.read_offer", offer_id=offer_id)
    shop_page = base_url + url_for("citizen.read_shop", slug=shop.slug)
    return render_template(
        "citizen/offer.html",
        offer=show_offer(offer, now=moment, locale=locale),
        shop=show_shop(shop, stands, now=moment, locale=locale),
        from_notification=request.args.get("from") == "notification",
        canonical=canonical,
        linked_data=block(offer_thing(offer, canonical, shop, shop_page, stands=stands, now=moment)),
    )
