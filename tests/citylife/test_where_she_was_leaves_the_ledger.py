"""After a week the ledger no longer tells where anybody was: from a copy of it no former place can be rebuilt."""

import datetime as dt
import uuid
from collections import Counter

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen
from citylife.audience.near_me_now import tell_near
from citylife.consent import Purpose
from citylife.courtesy.tables import DigestLine
from citylife.database import Base
from citylife.follows import Level, unfollow
from citylife.ledger import claims, digests, expansion, settlement, sums
from citylife.ledger.lanes import open_lanes
from citylife.ledger.messages import UNDO
from citylife.ledger.settlement import Settlement
from citylife.ledger.tables import Decision, Delivery, DeliveryState, Message, Reason
from citylife.offers import OfferStatus, sold_out
from citylife.places import area_of_point, forget_places_of
from citylife.purge import purge_everything
from citylife.shops import Shop
from citylife.undoing import undo_unfollow
from tests import builders
from tests.builders import GRAND_PLACE, NOW

Sessions = sessionmaker[Session]
DAY = dt.timedelta(days=1)
NIGHT = NOW + dt.timedelta(hours=12)
"""In everybody's quiet hours."""
LILLERS = (50.5633, 2.4806)
"""A dozen kilometres from the Grand-Place."""
WAYS = (
    "nearby",
    "nearby and out of budget",
    "discovery",
    "discovery and out of budget",
    "discovery and out of budget, followed since",
    "a tap",
    "nearby, normal since",
    "nearby and out of budget, normal since",
    "nearby and out of budget, left and taken up at normal",
    "nearby, normal since, sold out since",
    "discovery, followed since, sold out since",
    "a tap, at night and at any level",
    "a tap, at night and at any level, sold out since",
)


def somebody(session: Session, shop: Shop, way: str, position: tuple[float, float]) -> Citizen:
    """A citizen with a place, who hears of the shop, or not, because of it."""
    citizen = builders.a_citizen(session)
    builders.a_device(session, citizen)
    builders.consent(session, citizen, Purpose.LOCATION)
    if way.startswith("nearby"):
        builders.a_follow(session, citizen, shop, Level.NEARBY)
    elif "at any level" in way:
        builders.a_follow(session, citizen, shop)
    elif way == "a tap":
        builders.a_follow(session, citizen, shop, Level.NEARBY)
        citizen.daily_budget = 0
    else:
        citizen.discover_nearby = True
    if "out of budget" in way:
        citizen.daily_budget = 0
    builders.a_place(session, citizen, position=position)
    session.flush()
    return citizen


def change_since(session: Session, citizen: Citizen, shop: Shop, way: str) -> None:
    """What she does a day after she was decided for, or not."""
    if "left and taken up" in way:
        unfollow(session, citizen.id, shop.id, now=NOW + DAY)
        undo_unfollow(session, citizen.id, shop, Level.NORMAL, now=NOW + DAY + dt.timedelta(seconds=9))
    elif "since" in way:
        builders.a_follow(session, citizen, shop, now=NOW + DAY)


def expand(sessions: Sessions, *, now: dt.datetime) -> None:
    while True:
        with sessions.begin() as session:
            if expansion.expand_page(session, now=now) is None:
                return


def settle(sessions: Sessions, *, now: dt.datetime) -> None:
    """Send whatever may leave now, and let every push service accept it."""
    with sessions.begin() as session:
        for lane in open_lanes(session, now=now):
            taken = claims.claim(session, lane, now=now).to_send
            settlement.settle(session, [Settlement(one, DeliveryState.ACCEPTED, 201) for one in taken], now=now)


def digest(sessions: Sessions) -> dt.datetime:
    """Tell what was put aside, at its hour; when that is, if anything was."""
    with sessions.begin() as session:
        due = session.scalar(select(func.max(DigestLine.due_at))) or NOW
        digests.take_up(session, now=due)
    settle(sessions, now=due)
    return due


def purge(sessions: Sessions, *, now: dt.datetime) -> None:
    for _ in purge_everything(sessions, now=now):
        pass


def rows_about(session: Session, citizen: uuid.UUID) -> Counter[str]:
    """How many rows each table keeps of her."""
    found = Counter[str]()
    for name, table in Base.metadata.tables.items():
        if "citizen_id" in table.c:
            counted = select(func.count()).select_from(table).where(table.c.citizen_id == citizen)
            found[name] = session.scalar(counted) or 0
    return +found


def fates(session: Session, message: uuid.UUID) -> Counter[str]:
    """What became of a message: the rows that are still there, and the numbers of those that left."""
    there = Counter[str](sums.forgotten_of(session, message))
    for reason in session.scalars(select(Decision.reason).where(Decision.message_id == message)):
        there[reason.value] += 1
    for state in session.scalars(select(Delivery.state).where(Delivery.message_id == message)):
        there[state.value] += 1
    return there


@pytest.mark.parametrize("way", WAYS)
def test_eight_days_later_nothing_tells_who_was_near_from_who_was_not(sessions: Sessions, way: str):
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        near, far = (somebody(session, shop, way, position).id for position in (GRAND_PLACE, LILLERS))
        begun = NIGHT if "at night" in way else NOW
        offer = builders.an_offer(session, shop, now=begun, ends_at=NOW + 5 * DAY)
    expand(sessions, now=begun)
    if way.startswith("a tap"):
        with sessions.begin() as session:
            for citizen, position in ((near, GRAND_PLACE), (far, LILLERS)):
                tell_near(session, session.get_one(Citizen, citizen), area_of_point(*position), now=begun)
    settle(sessions, now=begun)
    last = NOW + DAY if begun is NIGHT else digest(sessions)
    settle(sessions, now=last)
    with sessions.begin() as session:
        reasons = session.scalars(select(Decision.reason)).all()
        assert reasons, "somebody was decided for"
        assert (Reason.DIGEST in reasons) == ("out of budget" in way)
        for citizen in (near, far):
            change_since(session, session.get_one(Citizen, citizen), session.merge(shop), way)
    if way.endswith("sold out since"):
        with sessions.begin() as session:
            sold_out(session, session.merge(offer), now=NOW + DAY)
        last = NOW + DAY + UNDO
        expand(sessions, now=last)
        settle(sessions, now=last)
        with sessions() as session:
            replaced = session.scalars(select(Decision.citizen_id).where(Decision.reason == Reason.REPLACES)).all()
            assert len(replaced) == 1
    with sessions.begin() as session:
        assert rows_about(session, near) != rows_about(session, far)
        for citizen in (near, far):
            forget_places_of(session, citizen)

    purge(sessions, now=last + 8 * DAY)

    with sessions() as session:
        assert rows_about(session, near) == rows_about(session, far)
        assert session.scalars(select(Decision)).all() == session.scalars(select(Delivery)).all() == []


def test_all_that_left_was_counted_once_by_message_and_fate_and_still_is_after_a_quarter(sessions: Sessions):
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        for way in ("nearby", "nearby and out of budget", "discovery"):
            for position in (GRAND_PLACE, LILLERS):
                somebody(session, shop, way, position)
        for _ in range(2):
            builders.a_follower(session, shop)
        offer = builders.an_offer(session, shop, ends_at=NOW + 5 * DAY)
    expand(sessions, now=NOW)
    settle(sessions, now=NOW)
    with sessions() as session:
        message = session.scalars(select(Message.id).where(Message.offer_id == offer.id)).one()
        all_there_was = fates(session, message)
    assert {"nearby", "not-near", "discovery", "follows", "day-spent", "accepted"} == set(all_there_was)

    for later in (8 * DAY, 9 * DAY, 92 * DAY, 93 * DAY):
        purge(sessions, now=NOW + later)
        with sessions() as session:
            assert fates(session, message) == all_there_was, later
            kept = set(session.scalars(select(Decision.reason)))
            assert kept == ({Reason.FOLLOWS} if later < sums.KEPT_FOR else set()), later


def test_a_week_is_a_week_and_who_follows_whatever_is_near_keeps_her_quarter(sessions: Sessions):
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        citizen = somebody(session, shop, "nearby", GRAND_PLACE)
        normal = builders.a_follower(session, shop, Level.NEARBY, now=NOW - DAY)
        builders.a_follow(session, normal, shop, Level.NORMAL)
        builders.an_offer(session, shop, status=OfferStatus.LIVE, ends_at=NOW + 5 * DAY)
    expand(sessions, now=NOW)
    settle(sessions, now=NOW)
    purge(sessions, now=NOW + sums.PLACE_KEPT_FOR)
    with sessions() as session:
        assert set(session.scalars(select(Decision.citizen_id))) == {citizen.id, normal.id}
        assert set(session.scalars(select(Delivery.citizen_id))) == {citizen.id, normal.id}
    purge(sessions, now=NOW + sums.PLACE_KEPT_FOR + dt.timedelta(seconds=1))
    with sessions() as session:
        assert set(session.scalars(select(Decision.citizen_id))) == {normal.id}
        assert set(session.scalars(select(Delivery.citizen_id))) == {normal.id}
