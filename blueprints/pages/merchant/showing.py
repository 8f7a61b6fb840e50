"""What a merchant reads of her shops and offers: where each stands, until when, at what price, in her language."""

import contextlib
import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any, Final

from blueprints.house import house
from blueprints.pages.contact import Contact, contact_of
from blueprints.photographs import shown_photo
from blueprints.storage import db
from citylife.accounts.merchants import Role
from citylife.courtesy.rules import announcements_a_day
from citylife.ledger.messages import announcements_of_the_day
from citylife.ledger.sending import Sending, sending_now
from citylife.moments import at_words, until_words
from citylife.offers import UNDO, Offer, OfferStatus
from citylife.photos import fronts_for_team, photos_of
from citylife.prices import price_words, prior_words
from citylife.redemptions import gives_codes
from citylife.shops import Shop, ShopStatus, is_public
from citylife.shops.directory import shop_of_team
from citylife.wording import Sentence, say

STANDING: Final = {
    ShopStatus.VERIFIED: Sentence("Vérifié"),
    ShopStatus.CLAIMED: Sentence("En cours de vérification"),
    ShopStatus.SUSPENDED: Sentence("Suspendu"),
    ShopStatus.LISTED: Sentence("Pas encore revendiqué"),
    ShopStatus.CLOSED: Sentence("Fermé"),
}
MEANING: Final = {
    ShopStatus.CLAIMED: Sentence(
        "L’équipe vérifie que ce commerce est le vôtre. En attendant, préparez vos horaires, une photo et vos "
        "brouillons : votre équipe seule les voit."
    ),
    ShopStatus.SUSPENDED: Sentence("Votre page n’est plus visible et rien ne peut être publié."),
}
OPEN: Final = frozenset({ShopStatus.LISTED, ShopStatus.CLAIMED, ShopStatus.VERIFIED})
"""Where its team says what its hours and its photo are; of a claimed shop, what they will be."""
CLOSINGS: Final = {
    OfferStatus.SOLD_OUT: Sentence("Tout est parti, {moment}"),
    OfferStatus.WITHDRAWN: Sentence("Retirée {moment}"),
}


@dataclass(frozen=True, slots=True)
class ShownShop:
    """A shop and where it stands; `changeable`: what its hours and photo are may be said.

    `meaning` and `reason` are empty where there is nothing more to say.
    """

    id: uuid.UUID
    name: str
    slug: str
    standing: str
    meaning: str
    reason: str
    contact: Contact | None
    verified: bool
    changeable: bool
    public: bool


@dataclass(frozen=True, slots=True)
class ShownOffer:
    """An offer in a list of its team: `when` says until when, or when it begins or ended; `undo` while it is young.

    `begun` says that it has been live, so that there is something to count; `usable` that a use of it may be declared.
    """

    id: uuid.UUID
    title: str
    when: str
    price: str
    prior: str
    reason: str
    undo: bool
    begun: bool
    usable: bool


@dataclass(frozen=True, slots=True)
class ShownPhoto:
    """The photo of a shop's page as `PhotoSchema` says it, if any; the former one, while it can be put back.

    `changeable` for an owner, unless the shop is suspended or gone.
    """

    now: dict[str, Any] | None
    before: dict[str, Any] | None
    changeable: bool


@dataclass(frozen=True, slots=True)
class ShownLimits:
    """How many announcements of today are left and how many a shop has a day; whom to ask where staff hold them."""

    left: int
    most: int
    contact: Contact | None


def show_limits(shop: Shop, *, now: dt.datetime) -> ShownLimits:
    """What a merchant may know of the limits of the day before she meets them."""
    session = db.session()
    most = announcements_a_day(session, shop.id)
    made = announcements_of_the_day(session, shop.id, now=now)
    stopped = sending_now(session, house().settings.aipd_date, shop) in {Sending.STOPPED, Sending.SHOP_STOPPED}
    contact = contact_of(house().settings.public_contact) if stopped else None
    return ShownLimits(left=max(0, most - made), most=most, contact=contact)


def show_photo(shop: Shop, merchant_id: uuid.UUID, *, before: str) -> ShownPhoto:
    """The photo of a shop for its team; `before` names the one that was just taken down, as an address says it."""
    session = db.session()
    photo = fronts_for_team(session, [shop]).get(shop.id)
    former = None
    with contextlib.suppress(ValueError):
        former = photos_of(session, [uuid.UUID(before)]).get(uuid.UUID(before))
    back = former is not None and former.shop_id == shop.id and former is not photo and not former.fronts
    place = shop_of_team(session, merchant_id, shop.id)[1]
    return ShownPhoto(
        now=None if photo is None else shown_photo(photo),
        before=shown_photo(former) if former is not None and back else None,
        changeable=place.role is Role.OWNER and shop.status in OPEN,
    )


def show_shop(shop: Shop, locale: str) -> ShownShop:
    """The shop in the words of `locale`, with whom to ask where it is held."""
    held = shop.status is not ShopStatus.VERIFIED
    return ShownShop(
        id=shop.id,
        name=shop.name,
        slug=shop.slug,
        standing=say(STANDING[shop.status], locale),
        meaning=say(MEANING[shop.status], locale) if shop.status in MEANING else "",
        reason=(shop.suspended_reason or "") if shop.status is ShopStatus.SUSPENDED else "",
        contact=contact_of(house().settings.public_contact) if held else None,
        verified=not held,
        changeable=shop.status in OPEN,
        public=is_public(shop),
    )


def show_offer(offer: Offer, *, now: dt.datetime, locale: str) -> ShownOffer:
    """The offer in the words of `locale`."""
    return ShownOffer(
        id=offer.id,
        title=offer.title,
        when=_when(offer, now=now, locale=locale),
        price=price_words(offer.price, locale),
        prior=prior_words(offer, locale),
        reason=offer.withdrawn_reason or "",
        undo=may_undo(offer, now=now),
        begun=offer.live_from is not None,
        usable=gives_codes(offer, now=now),
    )


def may_undo(offer: Offer, *, now: dt.datetime) -> bool:
    """Whether « tout est parti » can still be taken back."""
    closed = offer.closed_at if offer.status is OfferStatus.SOLD_OUT else None
    return closed is not None and now - closed <= UNDO and offer.ends_at > now


def _when(offer: Offer, *, now: dt.datetime, locale: str) -> str:
    if offer.status is OfferStatus.SCHEDULED and offer.starts_at is not None:
        return say(Sentence("Paraît {moment}", moment=at_words(offer.starts_at, now=now, locale=locale)), locale)
    if offer.status in CLOSINGS:
        moment = at_words(offer.closed_at or offer.ends_at, now=now, locale=locale)
        return say(CLOSINGS[offer.status].format(moment=moment), locale)
    if offer.status is OfferStatus.ENDED or offer.ends_at <= now:
        moment = at_words(offer.ends_at, now=now, locale=locale)
        return say(Sentence("Terminée {moment}", moment=moment), locale)
    return until_words(offer.ends_at, now=now, locale=locale)
