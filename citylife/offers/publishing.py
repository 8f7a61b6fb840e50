"""Publishing: an offer goes live, now or when its time has come, and its announcement is proposed to the ledger."""

import datetime as dt
import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from citylife import timetable
from citylife.audit import Actor, note
from citylife.categories import BY_KEY, Policy
from citylife.errors import NotYours, Refusal
from citylife.ledger.messages import propose_announcement, propose_page_only
from citylife.ledger.tables import Message
from citylife.offers.drafts import (
    FARTHEST_AHEAD,
    OfferClosed,
    OfferDates,
    check_dates,
    hold_offer,
    keep_version,
    let_photo_go,
    touch,
)
from citylife.offers.tables import LONGEST, Offer, OfferStatus
from citylife.shops.changes import may_speak
from citylife.shops.tables import Shop, ShopStatus
from citylife.timetable import Task
from citylife.wording import Sentence

LOOK_AGAIN = dt.timedelta(minutes=15)
"""How often a scheduled offer looks whether its suspended shop may speak again."""
ANNOUNCED = (Policy.ADMITTED, Policy.SENSITIVE)


class AlreadyLive(Refusal):
    """The offer was published already."""

    slug = "already-live"
    status = 409
    title = "Déjà en cours"
    sentence = "Cette offre est déjà publiée."


def publish(
    session: Session,
    shop: Shop,
    offer: Offer,
    *,
    now: dt.datetime,
    actor: Actor = Actor.MERCHANT,
    actor_id: uuid.UUID | None = None,
) -> Message | None:
    """Make a draft or a scheduled offer live at once, and propose its announcement.

    None where the trade may have a page and no notification (alcohol, pharmacy).

    Raises:
        NotYours: the offer is another shop's.
        ShopNotVerified, ShopSuspended: the shop may not speak.
        AlreadyLive: it is live. OfferClosed: it is over.
        OfferDates: its end has passed, or is more than fourteen days away.
    """
    may_publish(session, shop, offer)
    if offer.ends_at - now > LONGEST:
        raise OfferDates(
            Sentence("Une offre se publie au plus {most} jours avant sa fin.", most=LONGEST.days), pointer="/ends_at"
        )
    starts_at = offer.starts_at if offer.starts_at is not None and offer.starts_at > now else now
    check_dates(starts_at, offer.ends_at, now=now)
    return _go_live(session, shop, offer, now=now, actor=actor, actor_id=actor_id)


def schedule(
    session: Session,
    shop: Shop,
    offer: Offer,
    *,
    starts_at: dt.datetime,
    now: dt.datetime,
    actor: Actor = Actor.MERCHANT,
    actor_id: uuid.UUID | None = None,
    by_key: bool = False,
) -> Offer:
    """Publish a draft at a moment to come; scheduled again, the moment moves. `by_key`: a program asks, not a person.

    Raises:
        NotYours, ShopNotVerified, ShopSuspended, AlreadyLive, OfferClosed: as `publish`.
        OfferDates: the moment has passed or is more than a year away, or the end does not fit it.
    """
    may_publish(session, shop, offer)
    if not now < starts_at <= now + FARTHEST_AHEAD:
        raise OfferDates(Sentence("Une offre se programme à un moment à venir, dans l’année."), pointer="/starts_at")
    check_dates(starts_at, offer.ends_at, now=now)
    offer.starts_at = starts_at
    offer.status = OfferStatus.SCHEDULED
    touch(offer, now=now)
    timetable.plan(session, Task.OFFER_STARTS, offer.id, starts_at)
    note(session, "offer.scheduled", offer.id, actor=actor, actor_id=actor_id, now=now, by_key=by_key)
    session.flush()
    return offer


def start_due(session: Session, offer_id: uuid.UUID, *, now: dt.datetime) -> Offer | None:
    """Publish a scheduled offer whose time has come; the offer, or None where it is not, or not any more, to be.

    A moment that moved is planned again. While the shop is suspended the offer waits, until its end at most.
    """
    offer = session.get(Offer, offer_id)
    if offer is None:
        return None
    hold_offer(session, offer)
    if offer.status is not OfferStatus.SCHEDULED or offer.starts_at is None:
        return None
    if offer.starts_at > now:
        timetable.plan(session, Task.OFFER_STARTS, offer.id, offer.starts_at)
        return None
    if offer.ends_at <= now:
        offer.status, offer.closed_at = OfferStatus.ENDED, now
        touch(offer, now=now)
        let_photo_go(session, offer, now=now)
        note(session, "offer.ended", offer.id, actor=Actor.SYSTEM, now=now)
        session.flush()
        return None
    shop = session.scalars(select(Shop).where(Shop.id == offer.shop_id).execution_options(populate_existing=True)).one()
    if shop.status is not ShopStatus.VERIFIED:
        timetable.plan(session, Task.OFFER_STARTS, offer.id, min(now + LOOK_AGAIN, offer.ends_at))
        return None
    _go_live(session, shop, offer, now=now, actor=Actor.SYSTEM, actor_id=None)
    return offer


def may_publish(session: Session, shop: Shop, offer: Offer) -> None:
    """Hold the offer, and refuse what cannot become live.

    Raises:
        NotYours, ShopNotVerified, ShopSuspended, AlreadyLive, OfferClosed: as `publish`.
    """
    if offer.shop_id != shop.id:
        raise NotYours
    may_speak(shop)
    hold_offer(session, offer)
    if offer.status is OfferStatus.LIVE:
        raise AlreadyLive
    if offer.status not in {OfferStatus.DRAFT, OfferStatus.SCHEDULED}:
        raise OfferClosed


def _go_live(
    session: Session, shop: Shop, offer: Offer, *, now: dt.datetime, actor: Actor, actor_id: uuid.UUID | None
) -> Message | None:
    if offer.starts_at is None:
        offer.starts_at = now
    offer.status, offer.live_from = OfferStatus.LIVE, now
    touch(offer, now=now)
    keep_version(session, offer, now=now)
    timetable.cancel(session, Task.OFFER_STARTS, offer.id)
    timetable.plan(session, Task.OFFER_ENDS, offer.id, offer.ends_at)
    note(session, "offer.published", offer.id, actor=actor, actor_id=actor_id, now=now, version=offer.version)
    announced = BY_KEY[shop.category].policy in ANNOUNCED
    propose = propose_announcement if announced else propose_page_only
    message = propose(session, offer, now=now)
    session.flush()
    return message if announced else None
