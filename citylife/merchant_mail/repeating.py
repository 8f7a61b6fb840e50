"""An offer done again by the link of a Monday letter: shown first as it will be, then published by one tap, once.

It is a new offer, with the same words, price and photo, that lasts as the first one did. No reduction is carried over:
the lowest price of the last thirty days is another one by now (Code de la consommation, L112-1-1).
"""

import datetime as dt
import hashlib
import uuid
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from citylife.answers import begin_answer, is_answered, keep_answer
from citylife.clock import PARIS, local_date
from citylife.errors import NotYours, Refusal
from citylife.merchant_mail.links import Purpose, ids_of
from citylife.merchant_mail.mondays import week_id
from citylife.offers import OfferDraft, draft_offer, publish
from citylife.offers.reading import offer_of_team
from citylife.offers.tables import LONGEST, Offer, OfferStatus
from citylife.shops.tables import Shop

SHORTEST: Final = dt.timedelta(hours=2)
"""What is published later in the day than that before its end lasts until the next day."""


class AlreadyRepeated(Refusal):
    """Another tap, or somebody else of the team, has done it again already."""

    slug = "already-repeated"
    status = 409
    title = "Déjà refaite"
    sentence = "Cette offre est en ligne, ou a déjà été refaite il y a moins d’un jour."


@dataclass(frozen=True, slots=True)
class Again:
    """An offer that a link would do again, the shop, the merchant it was sent to, and what would be published."""

    offer: Offer
    shop: Shop
    merchant_id: uuid.UUID
    draft: OfferDraft


def again_of_link(session: Session, token: str, *, secret: str, now: dt.datetime) -> Again | None:
    """What a link would publish now; None where nobody was sent it, its week is over, or she has left the team."""
    ids = ids_of(Purpose.AGAIN, token, 3, secret=secret)
    if ids is None or ids[2] != week_id(now):
        return None
    try:
        offer, shop, _ = offer_of_team(session, ids[0], ids[1])
    except NotYours:
        return None
    return Again(offer, shop, ids[0], draft_again(offer, now=now))


def draft_again(offer: Offer, *, now: dt.datetime) -> OfferDraft:
    """What is published when an offer is done again now: its words, price and photo, no reduction, for as long.

    The photo of one that staff withdrew does not come back.
    """
    return OfferDraft(
        title=offer.title,
        ends_at=ends_again_at(offer, now=now),
        kind=offer.kind,
        description=offer.description,
        price=offer.price,
        perishable=offer.perishable,
        quantity=offer.quantity,
        radius=offer.radius,
        photo_id=offer.photo_id if offer.withdrawn_reason is None else None,
    )


def ends_again_at(offer: Offer, *, now: dt.datetime) -> dt.datetime:
    """At the hour it ended, as many days later as it lasted; a day later where that is in less than two hours."""
    ended = offer.ends_at.astimezone(PARIS)
    days = ended.date() - local_date(offer.live_from or offer.first_saved_at)
    day = local_date(now) + days
    ends_at = dt.datetime.combine(day, ended.time(), PARIS).astimezone(dt.UTC)
    if ends_at < now + SHORTEST:
        ends_at = dt.datetime.combine(day + dt.timedelta(days=1), ended.time(), PARIS).astimezone(dt.UTC)
    return min(ends_at, now + LONGEST)


def live_again(session: Session, again: Again, *, now: dt.datetime) -> Offer | None:
    """The offer of the same words that the shop has live now, if any."""
    same = Offer.shop_id == again.shop.id, Offer.status == OfferStatus.LIVE, Offer.title == again.offer.title
    return session.scalar(select(Offer).where(*same, Offer.ends_at > now).limit(1))


def repeated_lately(session: Session, again: Again, *, now: dt.datetime) -> bool:
    """Whether it was done again within a day, whatever has become of it: it is not done once more so soon."""
    return is_answered(session, *_key(again), now=now)


def repeat(session: Session, again: Again, *, now: dt.datetime) -> Offer:
    """Publish it anew in the name of whoever was sent the link; once a day, however often and by whomever it is tapped.

    Raises:
        AlreadyRepeated: the same is live, or was done again within a day. AnswerInProgress: it is being done.
        ShopNotVerified, ShopSuspended, OfferDates: as `publish`.
    """
    caller, key = _key(again)
    fingerprint = hashlib.sha256(again.offer.id.bytes).digest()
    done = begin_answer(session, caller, key, fingerprint, now=now) is not None
    if done or live_again(session, again, now=now) is not None:
        raise AlreadyRepeated
    offer = draft_offer(session, again.shop, again.draft, now=now)
    publish(session, again.shop, offer, now=now, actor_id=again.merchant_id)
    keep_answer(session, caller, key, status=201, headers={}, body=b"", secret=False)
    return offer


def _key(again: Again) -> tuple[str, str]:
    """The caller and the key under which it is remembered that the offer was done again."""
    return f"shop:{again.shop.id}", f"again:{again.offer.id}"
