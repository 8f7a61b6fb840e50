"""The pages that the links of letters to merchants open, signed in or not. A GET never acts.

« Tout est parti » asks for a tap on a page of ours. Stopping letters takes a POST from anywhere (RFC 8058: a mail
program sends it, without a cookie); the secret in the address is all it needs, and all it can do.
"""

import uuid
from collections.abc import Callable
from typing import Any, Final

from flask import Blueprint, Response, make_response, redirect, render_template, url_for

from blueprints import guards
from blueprints.house import house, now
from blueprints.limits import count_of
from blueprints.pages import mail_links
from blueprints.pages.language import page_locale
from blueprints.pages.merchant.showing import show_offer, show_shop
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.accounts.merchants import WRITES
from citylife.errors import Refusal
from citylife.merchant_mail import mondays
from citylife.merchant_mail.confirming import SELL_OUT_PATH, STOP_PATH, offer_of_link, stop_confirmations_by_link
from citylife.offers import Offer, OfferStatus
from citylife.offers.closing import sold_out, undo_sold_out
from citylife.shops import Shop
from citylife.wording import Sentence, say

OK: Final = 200

NO_CONFIRMATIONS: Final = Sentence(
    "Touchez le bouton : plus aucun courriel ne suit vos annonces. "
    "Rien d’autre ne change ; « Mon compte » le remet quand vous voulez."
)
NO_MONDAYS: Final = Sentence(
    "Touchez le bouton : plus aucun courriel le lundi. "
    "Rien d’autre ne change ; « Mon compte » le remet quand vous voulez."
)

STOPPED: Final = Sentence(
    "Vous ne recevrez plus ce courriel ; un courriel déjà parti peut encore arriver. Pour le recevoir de nouveau : "
    "« Mon compte »."
)
SPENT: Final = Sentence("Il est incomplet, ou vous ne faites plus partie de l’équipe de ce commerce.")

blueprint: Final = Blueprint("merchant_mail", __name__, template_folder="templates")
blueprint.after_request(mail_links.keep_nothing)


@blueprint.route(f"{SELL_OUT_PATH}<token>")
def read_sell_out(token: str) -> Response:
    """The offer with a button; what was done, once it was."""
    found = offer_of_link(db.session(), token, secret=house().keys.secret_key)
    return mail_links.spent(SPENT, merchant=True) if found is None else _page(token, found[0], found[1])


@blueprint.route(f"{SELL_OUT_PATH}<token>", methods=["POST"])
@transaction(rings=True)
def sell_out(token: str) -> Response:
    """« Tout est parti », in the name of the merchant who was sent the link."""
    return _act(token, lambda offer, who: sold_out(db.session(), offer, now=now(), actor_id=who))


@blueprint.route(f"{SELL_OUT_PATH}<token>/annuler", methods=["POST"])
@transaction(rings=True)
def undo(token: str) -> Response:
    """Take it back within ten seconds, or say that it is too late."""
    return _act(token, lambda offer, who: undo_sold_out(db.session(), offer, now=now(), actor_id=who))


@blueprint.route(f"{STOP_PATH}<token>")
def read_stop(token: str) -> str:
    """A button; the page is the same for any link, also for one that stops nothing any more."""
    return mail_links.stopping(url_for("merchant_mail.stop", token=token), NO_CONFIRMATIONS)


@blueprint.route(f"{STOP_PATH}<token>", methods=["POST"])
@transaction()
def stop(token: str) -> Response:
    """Stop the letters that the link came with; however often it is sent."""
    stop_confirmations_by_link(db.session(), token, secret=house().keys.secret_key)
    return mail_links.stopped(STOPPED)


@blueprint.route(f"{mondays.STOP_PATH}<token>")
def read_stop_mondays(token: str) -> str:
    """The same for the letters of Mondays."""
    return mail_links.stopping(url_for("merchant_mail.stop_mondays", token=token), NO_MONDAYS)


@blueprint.route(f"{mondays.STOP_PATH}<token>", methods=["POST"])
@transaction()
def stop_mondays(token: str) -> Response:
    """Stop the letters of Mondays that the link came with; however often it is sent."""
    mondays.stop_mondays_by_link(db.session(), token, secret=house().keys.secret_key)
    return mail_links.stopped(STOPPED)


def _act(token: str, act: Callable[[Offer, uuid.UUID], Any]) -> Response:
    """Do it, and lead back to the page that says so; the page with the reason where it is refused."""
    guards.check_same_origin()
    found = offer_of_link(db.session(), token, secret=house().keys.secret_key)
    if found is None:
        return mail_links.spent(SPENT, merchant=True)
    offer, shop, merchant_id = found
    count_of(WRITES, str(merchant_id))
    try:
        act(offer, merchant_id)
    except Refusal as refusal:
        db.session().rollback()
        return _page(token, offer, shop, problem=say(refusal.detail, page_locale()), status=refusal.status)
    return make_response(redirect(url_for("merchant_mail.read_sell_out", token=token), 303))


def _page(token: str, offer: Offer, shop: Shop, *, problem: str | None = None, status: int = OK) -> Response:
    """The page of a link: it asks while the offer is live, says what was done, and then no longer serves."""
    moment, locale = now(), page_locale()
    live = offer.status is OfferStatus.LIVE and offer.ends_at > moment
    gone = offer.status is OfferStatus.SOLD_OUT
    page = render_template(
        "merchant_mail/sell_out.html",
        token=token,
        offer=show_offer(offer, now=moment, locale=locale),
        shop=show_shop(shop, locale),
        live=live,
        gone=gone,
        problem=problem,
    )
    return make_response(page, status if live or gone or problem else mail_links.GONE)
