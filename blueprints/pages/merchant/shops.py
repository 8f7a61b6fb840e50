"""« Mon commerce »: where each shop stands, and its offers: live, to come, drafts, over lately."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Final

from flask import Response, make_response, redirect, render_template, request, url_for
from sqlalchemy import func, select

from blueprints import guards
from blueprints.house import house, now
from blueprints.pages.contact import contact_of
from blueprints.pages.language import page_locale
from blueprints.pages.merchant.asking import merchant_here
from blueprints.pages.merchant.coming_again import recurring_shown
from blueprints.pages.merchant.showing import may_undo, show_limits, show_offer, show_photo, show_shop
from blueprints.storage import db
from citylife.accounts.merchants import Role
from citylife.categories import BY_KEY, Policy
from citylife.database import new_id
from citylife.demand import may_know_followers
from citylife.follows import Follow
from citylife.ledger.sending import TOLD, sending_now
from citylife.offers import Offer, OfferStatus, every_offer_of_shop
from citylife.shops import Shop, ShopStatus
from citylife.shops.decided import refused_claims
from citylife.shops.directory import shop_of_team, shops_of
from citylife.shops.possession import TRIES, pending_claims
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
    "recurring": Sentence("C’est noté : cette annonce reviendra d’elle-même chaque semaine."),
    "recurring-changed": Sentence("Enregistré : cela vaut à partir de la prochaine fois."),
    "recurring-stopped": Sentence("Arrêtée : cette annonce ne revient plus."),
    "skipped": Sentence("C’est noté : cette annonce ne vient pas la prochaine fois."),
    "skip-undone": Sentence("C’est noté : elle revient bien la prochaine fois."),
    "declared": Sentence("C’est compté : une utilisation sans code, comme déclarée."),
    "undeclared": Sentence("C’est annulé : cette utilisation n’est plus comptée."),
    "kept": Sentence("Gardée en brouillon : personne d’autre que votre équipe ne la voit."),
    "corrected": Sentence("Corrigée : la page de l’offre dit déjà la nouvelle version."),
    "photo-shown": Sentence("Votre page montre cette photo."),
    "photo-removed": Sentence("Votre page ne montre plus de photo."),
    "photo-prepared": Sentence("Votre page montrera cette photo une fois votre commerce vérifié."),
    "claimed": Sentence("Votre demande est enregistrée\N{NO-BREAK SPACE}: l’équipe la vérifie."),
    "code": Sentence("Le code est le bon\N{NO-BREAK SPACE}: l’équipe n’a plus qu’à décider."),
    "hours": Sentence("Les horaires sont enregistrés."),
    "hours-prepared": Sentence("Les horaires sont enregistrés : votre page les dira une fois votre commerce vérifié."),
    "already": Sentence("Ce formulaire avait déjà été envoyé : rien n’a été fait deux fois."),
}
ARRIVED: Final = frozenset({"published", "scheduled", "recurring", "kept", "already", "corrected"})
"""What is said of a form that was received."""
OF_PHOTOS: Final = tuple(SAID[name] for name in ("photo-shown", "photo-prepared", "photo-removed"))
"""What is said where the photo stands, at the end of the page."""
FOLLOWERS_ONLY: Final = Sentence(
    "Pour cette catégorie de commerces, seuls ceux qui vous suivent déjà sont prévenus : rien n’est proposé à d’autres."
)
WHY_PAGE_ONLY: Final = {
    "wine": Sentence(
        "La publicité pour l’alcool est encadrée par la loi (Code de la santé publique, article L3323-2) : rien n’est "
        "envoyé sur les téléphones. Votre page, vos annonces qu’on y lit et votre affiche restent."
    ),
    "pharmacy": Sentence(
        "Ce qu’on achète en pharmacie touche à la santé : rien n’est envoyé sur les téléphones. Votre page, vos "
        "annonces qu’on y lit et votre affiche restent."
    ),
}
"""Why nothing is sent for a trade that has a page alone, and what it has."""


@merchant_here
def read_shops() -> Response:
    """Her shops, and why a claim was refused lately; the one shop she has at once; how to claim one."""
    shops = shops_of(db.session(), guards.merchant_id())
    refused = refused_claims(db.session(), guards.merchant_id(), now=now())
    if len(shops) == 1 and not refused:
        return make_response(redirect(url_for("merchant.read_shop", shop_id=shops[0].id), 303))
    shown = [show_shop(shop, page_locale()) for shop in shops]
    contact = contact_of(house().settings.public_contact)
    return make_response(render_template("merchant/shops.html", shops=shown, refused=refused, contact=contact))


@merchant_here
def read_shop(shop_id: uuid.UUID) -> Response:
    """A shop and its offers, and what was just done; whom an offer would reach is asked for beside it."""
    shop = guards.my_shop(shop_id)
    if may_know_followers(shop):
        house().previews.opened(db.session(), shop)
    return shop_page(shop, said=SAID.get(request.args.get("said", "")))


def shop_page(
    shop: Shop,
    status: int = OK,
    *,
    said: Sentence | None = None,
    problem: str | None = None,
    photo_problem: str | None = None,
    code_problem: str | None = None,
) -> Response:
    """The page of a shop, after something that was done, or was refused; what is wrong with a part stands there."""
    locale, moment = page_locale(), now()
    lists = {
        name: [show_offer(offer, now=moment, locale=locale) for offer in offers]
        for name, offers in _offers(shop, now=moment).items()
    }
    page = render_template(
        "merchant/shop.html",
        shop=show_shop(shop, locale),
        lists=lists,
        recurring=recurring_shown(shop, now=moment, locale=locale),
        followers=_followers(shop),
        limits=show_limits(shop, now=moment),
        photo=show_photo(shop, guards.merchant_id(), before=request.args.get("avant", "")),
        photo_problem=photo_problem,
        photo_said=said in OF_PHOTOS,
        told=_told(shop, locale),
        owned=_owned(shop),
        claimed=shop.status is ShopStatus.CLAIMED,
        code=_code(shop, now=moment),
        code_problem=code_problem,
        several=len(shops_of(db.session(), guards.merchant_id())) > 1,
        said=said,
        declared=_declared() if said is SAID["declared"] else None,
        key=new_id(),
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
    over += [offer for status in OVER for offer in read[status] if offer not in young and not _never_seen(offer)]
    over.sort(key=lambda offer: offer.closed_at or offer.ends_at, reverse=True)
    return {
        "live": sorted(live, key=lambda offer: offer.ends_at),
        "young": young,
        "scheduled": sorted(read[OfferStatus.SCHEDULED], key=lambda offer: offer.starts_at or offer.ends_at),
        "drafts": read[OfferStatus.DRAFT],
        "over": [offer for offer in over if (offer.closed_at or offer.ends_at) > now - LATELY][:MOST_OVER],
    }


def _declared() -> tuple[uuid.UUID, str] | None:
    """The offer of which a use was just declared and what takes it back, as the address says them."""
    try:
        return uuid.UUID(request.args.get("offre", "")), request.args.get("annuler", "")
    except ValueError:
        return None


def _never_seen(offer: Offer) -> bool:
    """Whether it is a draft that was given up: nobody but the team has ever seen it, nor was to."""
    return offer.status is OfferStatus.WITHDRAWN and offer.live_from is None and offer.starts_at is None


def _followers(shop: Shop) -> int | None:
    """How many follow it; None while it is only claimed."""
    if not may_know_followers(shop):
        return None
    return db.session().scalar(select(func.count()).where(Follow.shop_id == shop.id)) or 0


def _owned(shop: Shop) -> bool:
    """Whether she is an owner of the shop, and may change what is said of it."""
    _, place = shop_of_team(db.session(), guards.merchant_id(), shop.id)
    return place.role is Role.OWNER


def _code(shop: Shop, *, now: dt.datetime) -> str:
    """Where the letter with the code stands: `posted`, `entered`, `over`, or nowhere."""
    claim = pending_claims(db.session(), [shop.id]).get(shop.id)
    if claim is None or claim.code is None:
        return ""
    if claim.code.entered_at is not None:
        return "entered"
    return "over" if claim.code.failed >= TRIES or claim.code.expires_at <= now else "posted"


def _told(shop: Shop, locale: str) -> list[str]:
    """What holds the announcements of the shop, and what its trade allows."""
    sending = sending_now(db.session(), house().settings.aipd_date, shop)
    told = [say(Sentence(TOLD[sending]), locale)] if sending in TOLD else []
    if shop.category in WHY_PAGE_ONLY:
        told.append(say(WHY_PAGE_ONLY[shop.category], locale))
    if BY_KEY[shop.category].policy is Policy.SENSITIVE:
        told.append(say(FOLLOWERS_ONLY, locale))
    return told
