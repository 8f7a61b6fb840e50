"""An evening of announcements: what is told, decided, claimed and put aside, and what a citizen wishes."""

import datetime as dt
from collections import Counter

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen, Wishes, change_wishes
from citylife.ledger import digests, expansion
from citylife.ledger.tables import Decision, Message, Outcome, Reason
from citylife.shops import Shop
from tests import builders
from tests.builders import NOW

HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
EVENING = NOW + 10 * HOUR
"""20:00 in Paris, when quiet hours begin."""
MORNING = NOW + 23 * HOUR
"""09:00 in Paris on the next day, when they end."""
SIX = NOW + 8 * HOUR
"""18:00 in Paris, when digests come."""


def told(
    sessions: sessionmaker[Session], shop: Shop, *, now: dt.datetime = NOW, lasts: dt.timedelta = 3 * DAY, page: int = 3
) -> Message:
    """Publish an offer, and decide for everybody."""
    with sessions.begin() as session:
        shop = session.get_one(Shop, shop.id)
        offer = builders.an_offer(session, shop, now=now, ends_at=now + lasts)
        message = session.scalars(select(Message).where(Message.offer_id == offer.id)).one()
    decided(sessions, now=now, page=page)
    return message


def decided(sessions: sessionmaker[Session], *, now: dt.datetime = NOW, page: int = 3) -> bool:
    """Decide for everybody about everything; true, once it is done."""
    while True:
        with sessions.begin() as session:
            if expansion.expand_page(session, now=now, page=page) is None:
                return True


def reasons(sessions: sessionmaker[Session], message: Message) -> Counter[tuple[Outcome, Reason]]:
    with sessions() as session:
        rows = session.scalars(select(Decision).where(Decision.message_id == message.id))
        return Counter((row.outcome, row.reason) for row in rows)


def wish(sessions: sessionmaker[Session], citizen: Citizen, **wishes: object) -> None:
    with sessions.begin() as session:
        change_wishes(session, session.get_one(Citizen, citizen.id), Wishes(**wishes), now=NOW)  # type: ignore[arg-type]


def rows(sessions: sessionmaker[Session], table: type) -> list[object]:
    with sessions() as session:
        return list(session.scalars(select(table)))


def put_aside(sessions: sessionmaker[Session], *titles: str, lasts: dt.timedelta = DAY) -> Citizen:
    """A citizen without any budget, and an offer of another shop for each title: all of it goes into her digest."""
    with sessions.begin() as session:
        shops = [builders.a_shop(session, f"Chez {title}") for title in titles]
        citizen = builders.a_citizen(session)
        builders.a_device(session, citizen)
        citizen.daily_budget = 0
        for shop in shops:
            builders.a_follow(session, citizen, shop)
        for shop, title in zip(shops, titles, strict=True):
            builders.an_offer(session, shop, title=title, ends_at=NOW + lasts)
    decided(sessions)
    return citizen


def taken_up(sessions: sessionmaker[Session], *, now: dt.datetime) -> int:
    """Make every digest that is due; how many."""
    made = 0
    while True:
        with sessions.begin() as session:
            if not digests.something_due(session, now=now):
                return made
            page = digests.take_up(session, now=now, page=2)
            made += 0 if page is None else page.digests
