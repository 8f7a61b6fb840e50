"""A shop's page, and the two buttons that work without any script: « Suivre », « Ne plus suivre »."""

from typing import Final

from flask import Response, make_response, redirect, render_template, url_for

from blueprints.feeds.linked_data import block, offer_thing, shop_thing
from blueprints.guards import check_reader, check_same_origin, citizen_or_none, current_citizen, standing_session
from blueprints.house import house, now
from blueprints.pages.arrival import arrived
from blueprints.pages.citizen.becoming import known_or_new, remembered, remembered_again
from blueprints.pages.citizen.opening import show_closures, show_days
from blueprints.pages.citizen.showing import show_offer, show_shop
from blueprints.pages.contact import contact_of, write_about
from blueprints.pages.language import page_locale
from blueprints.photographs import image_of, shown_photo
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.accounts.sessions import AccountKind
from citylife.consent import TEXTS, Purpose
from citylife.follows import Level, follow, follow_of, shop_to_leave, unfollow
from citylife.insiders import note_team
from citylife.offers import offers_of_shop
from citylife.photos import fronts_of
from citylife.shops import Shop, shop_by_slug
from citylife.shops.directory import stands_of

MOST_OFFERS: Final = 100
FOLLOW_AREA: Final = "suivre"
"""The part of the page that changes when she follows, and where her browser returns to."""


def read_shop(slug: str) -> str | Response:
    """The shop: who, where, open or not, its live offers, and following it."""
    session, moment, locale = db.session(), now(), page_locale()
    shop = shop_by_slug(session, slug)
    if (onward := arrived(shop.id)) is not None:
        return onward
    stands = stands_of(session, [shop.id])[shop.id]
    citizen = citizen_or_none()
    offers = offers_of_shop(session, shop.id, limit=MOST_OFFERS, now=moment)
    photo = fronts_of(session, [shop.id]).get(shop.id)
    consent = TEXTS[Purpose.NOTIFICATIONS]
    settings = house().settings
    contact, base_url = contact_of(settings.public_contact), settings.base_url
    canonical = base_url + url_for("citizen.read_shop", slug=slug)
    things = [
        offer_thing(
            offer,
            base_url + url_for("citizen.read_offer", offer_id=offer.id),
            shop,
            canonical,
            stands=stands,
            now=moment,
            whole=False,
        )
        for offer in offers
    ]
    return render_template(
        "citizen/shop.html",
        shop=show_shop(shop, stands, now=moment, locale=locale),
        days=() if stands else show_days(shop, now=moment, locale=locale),
        closures=show_closures(shop, stands, now=moment, locale=locale),
        offers=[show_offer(offer, now=moment, locale=locale) for offer in offers],
        follows=citizen is not None and follow_of(session, citizen.id, shop.id) is not None,
        consent=consent,
        contact=contact,
        mistake=url_for("public.read_legal_notice") if contact is None else write_about(contact, canonical),
        photo=None if photo is None else shown_photo(photo),
        canonical=canonical,
        linked_data=block(
            shop_thing(shop, canonical, things, stands=stands, image=image_of(photo, base_url), now=moment)
        ),
    )


@transaction(idempotent=True, renewed=remembered_again)
def follow_shop(slug: str) -> Response:
    """Follow the shop; whoever is not known yet becomes a citizen, asked for nothing.

    The service worker sends what she tapped without a network later, with a key: once, and only in her own name. The
    key is the one of her tap, so that nobody becomes two citizens where an answer is lost.
    """
    check_same_origin()
    check_reader()
    session, moment = db.session(), now()
    shop = shop_by_slug(session, slug)
    citizen, token = known_or_new()
    if follow_of(session, citizen.id, shop.id) is None:
        follow(session, citizen.id, shop, Level.NORMAL, now=moment)
    merchant = standing_session(AccountKind.MERCHANT)
    if merchant is not None:
        note_team(session, citizen.id, merchant.account.id)
    return remembered(_back_to(shop), token)


@transaction(idempotent=True)
def unfollow_shop(slug: str) -> Response:
    """Follow the shop no longer; also later, as `follow_shop`."""
    check_same_origin()
    check_reader()
    citizen = current_citizen()
    shop = shop_to_leave(db.session(), citizen.id, slug)
    unfollow(db.session(), citizen.id, shop.id, now=now())
    return _back_to(shop)


def _back_to(shop: Shop) -> Response:
    return make_response(redirect(url_for("citizen.read_shop", slug=shop.slug, _anchor=FOLLOW_AREA), 303))
