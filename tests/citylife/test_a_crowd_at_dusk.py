"""Twenty thousand followers at one minute to eight, in three time zones: each at her hour, nobody twice."""

import datetime as dt
import hashlib
import uuid
from collections import Counter
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, func, insert, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen
from citylife.buckets import bucket_of
from citylife.courtesy.draw import new_seed
from citylife.courtesy.tables import BudgetSlot
from citylife.database import new_id, writing
from citylife.devices import Device, EndpointOwner, Origin
from citylife.follows import Follow, Level
from citylife.ledger import claims, expansion
from citylife.ledger.lanes import open_lanes
from citylife.ledger.statements import identifier
from citylife.ledger.tables import Decision, Delivery, DeliveryState, Outcome, Reason
from citylife.shops import Shop
from tests import builders

CROWD = 20_000
PARIS, REUNION, CAYENNE = ZONES = ("Europe/Paris", "Indian/Reunion", "America/Cayenne")
DUSK = dt.datetime(2026, 11, 24, 19, 59, tzinfo=ZoneInfo(PARIS)).astimezone(dt.UTC)
"""A Tuesday; it is 22:59 in Réunion and 15:59 in Cayenne."""
MINUTE = dt.timedelta(minutes=1)


def nine(zone: str) -> dt.datetime:
    """Nine o'clock there on the Wednesday."""
    return dt.datetime(2026, 11, 25, 9, 0, tzinfo=ZoneInfo(zone)).astimezone(dt.UTC)


def a_crowd(session: Session, shops: list[Shop]) -> dict[uuid.UUID, str]:
    """Citizens with usual settings and one phone, who follow each of the shops; their time zones."""
    origin = Origin(origin="https://updates.push.services.mozilla.com")
    session.add(origin)
    session.flush()
    citizens, follows, devices, owners = [], [], [], []
    point = builders.browser_keys()[1]
    for number in range(CROWD):
        citizen, device, zone = new_id(), new_id(), ZONES[number % 3]
        bucket = bucket_of(citizen)
        endpoint = f"{origin.origin}/wpush/v2/{citizen.hex}"
        digest = hashlib.sha256(endpoint.encode()).digest()
        citizens.append(
            {
                "id": citizen,
                "created_at": DUSK,
                "bucket": bucket,
                "time_zone": zone,
                "notifications_consented": True,
                "draw_seed": new_seed(),
            }
        )
        follows += [
            {"citizen_id": citizen, "shop_id": shop.id, "level": Level.NORMAL, "begun_at": DUSK} for shop in shops
        ]
        devices.append(
            {
                "citizen_id": citizen,
                "id": device,
                "bucket": bucket,
                "origin_id": origin.id,
                "endpoint": endpoint,
                "endpoint_sha256": digest,
                "p256dh": point.p256dh,
                "auth": point.auth,
                "registered_at": DUSK,
            }
        )
        owners.append({"endpoint_sha256": digest, "citizen_id": citizen, "device_id": device})
    for table, rows in ((Citizen, citizens), (Follow, follows), (Device, devices), (EndpointOwner, owners)):
        session.execute(insert(table), rows)
    return {row["id"]: row["time_zone"] for row in citizens}


def published(sessions: sessionmaker[Session], shop: Shop, *, now: dt.datetime) -> uuid.UUID:
    """Publish an offer of three days, and decide for everybody; the offer."""
    with sessions.begin() as session:
        offer = builders.an_offer(session, session.get_one(Shop, shop.id), now=now, ends_at=now + dt.timedelta(days=3))
    while True:
        with sessions.begin() as session:
            if expansion.expand_page(session, now=now) is None:
                return offer.id


def leaving(sessions: sessionmaker[Session], *, now: dt.datetime) -> Counter[tuple[uuid.UUID, uuid.UUID]]:
    """Claim all that may leave now: of which offer, to whom."""
    left: Counter[tuple[uuid.UUID, uuid.UUID]] = Counter()
    while True:
        with sessions.begin() as session:
            lanes = open_lanes(session, now=now)
        if not lanes:
            return left
        for lane in lanes:
            with sessions.begin() as session:
                taken = claims.claim(session, lane, now=now)
            left.update(
                (identifier(claimed.announced.offer_id), identifier(claimed.citizen_id)) for claimed in taken.to_send
            )


def analyse(engine: Engine) -> None:
    """Tell the planner now of rows that it would count within a minute or two."""
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("ANALYZE")


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_crowd_in_three_time_zones_is_told_each_at_her_hour_and_nobody_twice(engine: Engine) -> None:
    sessions = writing(engine)
    with sessions.begin() as session:
        shops = [builders.a_shop(session, now=DUSK) for _ in range(2)]
        zones = a_crowd(session, shops)
    size = Counter(zones.values())
    analyse(engine)
    before_eight = published(sessions, shops[0], now=DUSK)
    analyse(engine)

    heard: Counter[tuple[uuid.UUID, uuid.UUID]] = Counter()

    def left(now: dt.datetime) -> Counter[tuple[uuid.UUID, str]]:
        """How many are told of which offer now, by time zone."""
        now_left = leaving(sessions, now=now)
        heard.update(now_left)
        return Counter((offer, zones[citizen]) for offer, citizen in now_left)

    assert left(DUSK) == {(before_eight, PARIS): size[PARIS], (before_eight, CAYENNE): size[CAYENNE]}
    at_eight = published(sessions, shops[1], now=DUSK + MINUTE)
    assert left(DUSK + MINUTE) == {(at_eight, CAYENNE): size[CAYENNE]}
    assert left(nine(REUNION) - MINUTE) == {}
    assert left(nine(REUNION)) == {(offer, REUNION): size[REUNION] for offer in (before_eight, at_eight)}
    assert left(nine(PARIS) - MINUTE) == {}
    assert left(nine(PARIS)) == {(at_eight, PARIS): size[PARIS]}
    assert left(nine(CAYENNE) + MINUTE) == {}

    assert len(heard) == 2 * CROWD
    assert set(heard.values()) == {1}
    with sessions() as session:
        decided = session.execute(
            select(Decision.outcome, Decision.reason, func.count()).group_by(Decision.outcome, Decision.reason)
        )
        assert [tuple(row) for row in decided] == [(Outcome.SEND, Reason.FOLLOWS, 2 * CROWD)]
        states = session.execute(select(Delivery.state, func.count()).group_by(Delivery.state))
        assert [tuple(row) for row in states] == [(DeliveryState.CLAIMED, 2 * CROWD)]
        slots = session.execute(select(BudgetSlot.local_date, func.count()).group_by(BudgetSlot.local_date))
        assert {row[0].isoformat(): row[1] for row in slots} == {
            "2026-11-24": size[PARIS] + 2 * size[CAYENNE],
            "2026-11-25": size[PARIS] + 2 * size[REUNION],
        }
