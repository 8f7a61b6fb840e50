"""« Mon commerce »: where each shop stands, and its offers: live, to come, drafts, over lately."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any, Final

from flask import Response, make_response, redirect, render_template, request, url_for
from sqlalchemy import func, select

from blueprints import guards
from blueprints.house import house, now
from blueprints.pages.contact import contact_of
from blueprints.pages.language import page_locale
from blueprints.pages.merchant.asking import merchant_here
from blueprints.pages.merchant.showing import may_undo, show_offer, show_photo, show_shop
from blueprints.storage import db
from citylife.accounts.merchants import Role
from citylife.categories import BY_KEY, Policy
from citylife.courtesy.rules import announcements_a_day
from citylife.follows import Follow
from citylife.ledger.messages import announcements_of_the_day
from citylife.ledger.sending import TOLD, sending_now
from citylife.offers import Offer, OfferStatus, every_offer_of_shop
from citylife.shops import Shop
from citylife.shops.directory import shop_of_team, shops_of
from citylife.wording import Sentence, say

OK: Final = 200
MOST: Final = 50
"""Offers of one state that the page shows."""
MOST_OVER: Final = 10
LATELY: Final = dt.timedelta(days=30)
OVER: Final = (OfferStatus.ENDED, OfferStatus.SOLD_OUT, OfferStatus.WITHDRAWN)
SAID: Final = {
    "sold-out": Sentence("C’est noté : tout est parti."),
    "undone": Sentence("L’offre est de nouveau en cours."),
    "withdrawn": Sentence("L’offre est retirée."),
    "published": Sentence("Publiée."),
    "scheduled": Sentence("Programmée : l’offre paraîtra d’elle-même."),
    "kept": Sentence("Gardée en brouillon : personne d’autre que votre équipe ne la voit."),
    "corrected": Sentence("Corrigée : la page de l’offre dit déjà la nouvelle version."),
    "photo-shown": Sentence("Votre page montre cette photo."),
    "photo-removed": Sentence("Votre page ne montre plus de photo."),
    "hours": Sentence("Les horaires sont enregistrés."),
    "already": Sentence("Ce formulaire avait déjà été envoyé : rien n’a été fait deux fois."),
}
ARRIVED: Final = frozenset({"published", "scheduled", "kept", "already", "corrected"})
"""What is said of a form that was received."""
OF_PHOTOS: Final = (SAID["photo-shown"], SAID["photo-removed"])
"""What is said where the photo stands, at the end of the page."""
FOLLOWERS_ONLY: Final = Sentence(
    "Pour cette catégorie de commerces, seuls ceux qui vous suivent déjà sont prévenus : rien n’est proposé à d’autres."
)


@merchant_here
def read_shops() -> Response:
    """Her shops; the one she has at once; how to claim one where she has none."""
    shops = shops_of(db.session(), guards.merchant_id())
    if len(shops) == 1:
        return make_response(redirect(url_for("merchant.read_shop", shop_id=shops[0].id), 303))
    shown = [show_shop(shop, page_locale()) for shop in shops]
    contact = contact_of(house().settings.public_contact)
    return make_response(render_template("merchant/shops.html", shops=shown, contact=contact))


@merchant_here
def read_shop(shop_id: uuid.UUID) -> Response:
    """A shop and its offers, and what was just done."""
    return shop_page(guards.my_shop(shop_id), said=SAID.get(request.args.get("said", "")))


def shop_page(
    shop: Shop,
    status: int = OK,
    *,
    said: Sentence | None = None,
    problem: str | None = None,
    photo_problem: str | None = None,
) -> Response:
    """The page of a shop, after something that was done, or was refused; what is wrong with a photo stands there."""
    locale, moment = page_locale(), now()
    lists = {
        name: [show_offer(offer, now=moment, locale=locale) for offer in offers]
        for name, offers in _offers(shop, now=moment).items()
    }
    page = render_template(
        "merchant/shop.html",
        shop=show_shop(shop, locale),
        lists=lists,
        facts=_facts(shop, now=moment),
        photo=show_photo(shop, guards.merchant_id(), before=request.args.get("avant", "")),
        photo_problem=photo_problem,
        photo_said=said in OF_PHOTOS,
        told=_told(shop, locale),
        owned=_owned(shop),
        several=len(shops_of(db.session(), guards.merchant_id())) > 1,
        said=said,
        arrived=request.args.get("said") in ARRIVED,
        problem=problem,
    )
    return make_response(page, status)


def _offers(shop: Shop, *, now: dt.datetime) -> dict[str, Sequence[Offer]]:
    """The offers by where they stand: what may still be taken back stands with what is live."""
    read = {status: every_offer_of_shop(db.session(), shop.id, status=status, limit=MOST) for status in OfferStatus}
    live = [offer for offer in read[OfferStatus.LIVE] if offer.ends_at > now]
    young = [offer for offer in read[OfferStatus.SOLD_OUT] if may_undo(offer, now=now)]
    over = [offer for offer in read[OfferStatus.LIVE] if offer.ends_at <= now]
    over += [offer for status in OVER for offer in read[status] if offer not in young]
    over.sort(key=lambda offer: offer.closed_at or offer.ends_at, reverse=True)
    return {
        "live": sorted(live, key=lambda offer: offer.ends_at),
        "young": young,
        "scheduled": sorted(read[OfferStatus.SCHEDULED], key=lambda offer: offer.starts_at or offer.ends_at),
        "drafts": read[OfferStatus.DRAFT],
        "over": [offer for offer in over if (offer.closed_at or offer.ends_at) > now - LATELY][:MOST_OVER],
    }


def _facts(shop: Shop, *, now: dt.datetime) -> dict[str, Any]:
    """How many follow the shop, and how many announcements of today they may still be told of."""
    session = db.session()
    most = announcements_a_day(session, shop.id)
    made = announcements_of_the_day(session, shop.id, now=now)
    followers = session.scalar(select(func.count()).where(Follow.shop_id == shop.id)) or 0
    return {"followers": followers, "most": most, "left": max(0, most - made)}


def _owned(shop: Shop) -> bool:
    """Whether she is an owner of the shop, and may change what is said of it."""
    _, place = shop_of_team(db.session(), guards.merchant_id(), shop.id)
    return place.role is Role.OWNER


def _told(shop: Shop, locale: str) -> list[str]:
    """What holds the announcements of the shop, and what its trade allows."""
    sending = sending_now(db.session(), house().settings.aipd_date, shop)
    told = [say(Sentence(TOLD[sending]), locale)] if sending in TOLD else []
    if BY_KEY[shop.category].policy is Policy.SENSITIVE:
        told.append(say(FOLLOWERS_ONLY, locale))
    return told
