"""What a citizen was told of although she does not follow its shop, because she asked to discover what is near."""

import datetime as dt
import uuid

from sqlalchemy import or_, select, text
from sqlalchemy.orm import Session

from citylife.accounts.citizens import Citizen
from citylife.courtesy.tables import DigestLine
from citylife.follows import Follow
from citylife.ledger.tables import Decision, Message, Outcome, Reason
from citylife.offers.tables import Offer
from citylife.shops import IS_PUBLIC, Shop


def discovered_offers(
    session: Session, citizen_id: uuid.UUID, *, limit: int, now: dt.datetime
) -> list[tuple[Offer, Shop]]:
    """At most `limit` live offers that a notification or a digest named to her, of shops she does not follow.

    The first to end comes first. There are none once she no longer asks to discover.
    """
    hers = select(Follow.shop_id).where(Follow.citizen_id == citizen_id)
    in_a_digest = select(DigestLine.message_id).where(
        DigestLine.citizen_id == citizen_id, DigestLine.digest_id.is_not(None)
    )
    by_itself = select(Decision.message_id).where(
        Decision.citizen_id == citizen_id, Decision.reason == Reason.DISCOVERY, Decision.outcome == Outcome.SEND
    )
    told = select(Message.offer_id).where(or_(Message.id.in_(in_a_digest), Message.id.in_(by_itself)))
    asks = select(Citizen.id).where(Citizen.id == citizen_id, Citizen.discover_nearby, Citizen.location_consented)
    statement = (
        select(Offer, Shop)
        .join(Shop, Shop.id == Offer.shop_id)
        .where(Offer.id.in_(told), Offer.shop_id.not_in(hers), text("offers.status = 'live'"), Offer.ends_at > now)
        .where(IS_PUBLIC, asks.exists())
        .order_by(Offer.ends_at, Offer.id)
        .limit(limit)
    )
    return [(row[0], row[1]) for row in session.execute(statement)]
