"""What is done to an offer from the list: « tout est parti » and its undo, uses, withdrawing it, which asks first."""

import hashlib
import uuid
from collections.abc import Callable

from flask import Response, make_response, redirect, render_template, request, url_for

from blueprints import guards
from blueprints.house import house, now
from blueprints.pages.language import page_locale
from blueprints.pages.merchant.asking import by_our_form, merchant_here
from blueprints.pages.merchant.shops import shop_page
from blueprints.pages.merchant.showing import show_offer, show_shop
from blueprints.pages.merchant.taking_up import form_key
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.answers import begin_answer, keep_answer
from citylife.declared_uses import declare_use, undo_declared
from citylife.errors import Refusal
from citylife.offers import Offer
from citylife.offers.closing import sold_out, undo_sold_out, withdraw
from citylife.shops import Shop
from citylife.wording import say


@by_our_form
@merchant_here
@transaction(rings=True)
def sell_out(offer_id: uuid.UUID) -> Response:
    """« Tout est parti », by one tap; the page that follows can take it back for ten seconds."""
    offer, shop = guards.my_offer(offer_id)
    return _done(shop, "sold-out", lambda: sold_out(db.session(), offer, now=now(), actor_id=guards.merchant_id()))


@by_our_form
@merchant_here
@transaction(rings=True)
def undo(offer_id: uuid.UUID) -> Response:
    """Take « tout est parti » back, or say that it is too late."""
    offer, shop = guards.my_offer(offer_id)
    return _done(shop, "undone", lambda: undo_sold_out(db.session(), offer, now=now(), actor_id=guards.merchant_id()))


@merchant_here
def read_withdrawing(offer_id: uuid.UUID) -> Response:
    """What withdrawing does, before it is done."""
    offer, shop = guards.my_offer(offer_id)
    return make_response(_withdrawing(offer, shop))


@by_our_form
@merchant_here
@transaction(rings=True)
def take_away(offer_id: uuid.UUID) -> Response:
    """Withdraw an offer, once it was confirmed."""
    offer, shop = guards.my_offer(offer_id)
    return _done(shop, "withdrawn", lambda: withdraw(db.session(), offer, now=now(), actor_id=guards.merchant_id()))


@by_our_form
@merchant_here
@transaction()
def declare(offer_id: uuid.UUID) -> Response:
    """Count a use without a code, by one tap; the same form sent again counts nothing, and shows the same undo."""
    offer, shop = guards.my_offer(offer_id)
    session, key, shop_id = db.session(), f"declared:{form_key()}", shop.id
    try:
        kept = begin_answer(session, guards.caller(), key, hashlib.sha256(offer.id.bytes).digest(), now=now())
        if kept is not None and kept.headers:
            return make_response(redirect(kept.headers["Location"], 303))
        done = declare_use(session, offer, secret=house().keys.secret_key, now=now())
    except Refusal as refusal:
        session.rollback()
        return shop_page(guards.my_shop(shop_id), refusal.status, problem=say(refusal.detail, page_locale()))
    where = url_for("merchant.read_shop", shop_id=shop_id, said="declared", offre=offer.id, annuler=done.undo)
    keep_answer(session, guards.caller(), key, status=303, headers={"Location": where}, body=b"", secret=False)
    return make_response(redirect(where, 303))


@by_our_form
@merchant_here
@transaction()
def take_declared_back(offer_id: uuid.UUID) -> Response:
    """Take a declared use back, or say that it is too late."""
    offer, shop = guards.my_offer(offer_id)
    token, secret = request.form.get("annuler", ""), house().keys.secret_key
    return _done(shop, "undeclared", lambda: undo_declared(db.session(), offer, token, secret=secret, now=now()))


def _withdrawing(offer: Offer, shop: Shop) -> str:
    locale = page_locale()
    return render_template(
        "merchant/withdrawing.html", offer=show_offer(offer, now=now(), locale=locale), shop=show_shop(shop, locale)
    )


def _done(shop: Shop, said: str, act: Callable[[], object]) -> Response:
    """Back to the shop's page once it is done; the page with the reason where it is refused."""
    try:
        act()
    except Refusal as refusal:
        db.session().rollback()
        return shop_page(shop, refusal.status, problem=say(refusal.detail, page_locale()))
    return make_response(redirect(url_for("merchant.read_shop", shop_id=shop.id, said=said), 303))
