"""What is asked about an announcement: where the shop stands, how far its offer reaches, and with which seeds."""

import datetime as dt
import uuid

from sqlalchemy.orm import Session

from citylife.audience.judging import Question
from citylife.clock import local_date
from citylife.courtesy.draw import Seeds, seeds_of
from citylife.courtesy.rules import announcements_a_day
from citylife.geography import near_cells, near_communes
from citylife.ledger.messages import announcements_of_the_day
from citylife.ledger.tables import Message
from citylife.offers.tables import Offer
from citylife.shops.directory import stands_of
from citylife.shops.tables import Shop
from citylife.shops.whereabouts import whereabouts


def question_of(session: Session, message: Message, shop: Shop, offer: Offer, *, now: dt.datetime) -> Question:
    """What is asked about an announcement that is being expanded."""
    if message.draw_a is None or message.draw_b is None:  # it was proposed before there were draws
        seeds = seeds_of(shop.id, local_date(message.created_at), 0)
    else:
        seeds = Seeds(message.draw_a, message.draw_b)
    return _question(session, shop, offer.radius, message.expires_at, seeds, now=now, message_id=message.id)


def question_of_draft(session: Session, shop: Shop, *, radius: int, ends_at: dt.datetime, now: dt.datetime) -> Question:
    """What would be asked about an offer of this shop if it were published now; `radius` in metres."""
    seeds = seeds_of_draft(session, shop, now=now)
    return _question(session, shop, radius, ends_at, seeds, now=now, message_id=None)


def seeds_of_draft(session: Session, shop: Shop, *, now: dt.datetime) -> Seeds:
    """The seeds of the draw if the shop announced something now."""
    return seeds_of(shop.id, local_date(now), announcements_of_the_day(session, shop.id, now=now))


def place_of(session: Session, shop: Shop, now: dt.datetime) -> tuple[float, float]:
    """Where a shop is on the day of `now` in Paris, degrees WGS 84: a market trader's place is another each weekday."""
    where = whereabouts(shop, stands_of(session, [shop.id])[shop.id], local_date(now))
    return where.latitude, where.longitude


def _question(
    session: Session,
    shop: Shop,
    radius: int,
    ends_at: dt.datetime,
    seeds: Seeds,
    *,
    now: dt.datetime,
    message_id: uuid.UUID | None,
) -> Question:
    latitude, longitude = place_of(session, shop, now)
    return Question(
        shop_id=shop.id,
        ends_at=ends_at,
        seeds=seeds,
        now=now,
        cells=near_cells(latitude, longitude, radius),
        communes=near_communes(latitude, longitude, radius),
        message_id=message_id,
        a_day=announcements_a_day(session, shop.id),
    )
