"""A clock that jumps by three hours, a worker's or the whole machine's: nothing goes twice, and nothing stays held."""

import datetime as dt
import random
import time
from collections import Counter

import pytest
from sqlalchemy import Engine, insert, select, update

from citylife import timetable
from citylife.clock import utc_now
from citylife.database import engine_for, reading, writing
from citylife.doorbell import ThreadDoorbell
from citylife.ledger.tables import Delivery, DeliveryState
from citylife.offers import Offer, OfferStatus
from citylife.shared_clock import SharedClock
from notifications import timekeeper
from notifications.dispatcher import Dispatcher
from notifications.webpush_recording import RecordingSender
from tests import builders

pytestmark = [pytest.mark.long, pytest.mark.soak]

THREE_HOURS = dt.timedelta(hours=3)
JUMPS = [pytest.param(THREE_HOURS, id="forth"), pytest.param(-THREE_HOURS, id="back")]
PATIENCE = 60
ACCEPTED = DeliveryState.ACCEPTED


class Hand:
    """A clock whose hands may be moved."""

    def __init__(self) -> None:
        self.moved = dt.timedelta(0)

    def __call__(self) -> dt.datetime:
        return utc_now() + self.moved


class Desk:
    """A worker's dispatcher, going by the clock that real workers share, with a sender that holds what it is given."""

    def __init__(self, engine: Engine, hand: Hand, *, lease: float = 60) -> None:
        self.sender, self.bell = RecordingSender(), ThreadDoorbell()
        self.sender.holding = True
        self.clock = SharedClock(engine, hand)
        self.clock()
        self.dispatcher = Dispatcher(
            engine,
            self.sender,
            base_url="https://town.example",
            bell=self.bell,
            clock=self.clock,
            lease=dt.timedelta(seconds=lease),
            dice=random.Random(1),
            steady=self.clock.steady,
        )

    def works(self, rounds: int = 6) -> int:
        """Some rounds, each with a look and a sweep; how many messages it has sent or holds, all in all."""
        for _ in range(rounds):
            self.bell.ring()
            self.dispatcher._sweep_at = 0.0
            self.dispatcher.turn()
        return len(self.sender.envelopes)


def followers(engine: Engine, count: int, *, status: OfferStatus = OfferStatus.LIVE) -> Offer:
    """An offer of a shop with that many followers, whom it is to reach now."""
    with writing(engine).begin() as session:
        shop = builders.a_shop(session, now=utc_now())
        for _ in range(count):
            citizen = builders.a_citizen(session, now=utc_now())
            builders.a_device(session, citizen, now=utc_now())
            builders.a_follow(session, citizen, shop, now=utc_now())
        builders.at_any_hour(session)
        return builders.an_offer(session, shop, now=utc_now(), status=status)


def rows(engine: Engine) -> list[Delivery]:
    with reading(engine)() as session:
        return list(session.scalars(select(Delivery)))


def states(engine: Engine) -> Counter[DeliveryState]:
    return Counter(row.state for row in rows(engine))


def hands_of(engine: Engine) -> tuple[Hand, Hand]:
    """Two workers' clocks: one machine's on SQLite, one each on PostgreSQL."""
    mine = Hand()
    return mine, mine if engine.dialect.name == "sqlite" else Hand()


@pytest.mark.parametrize("jump", JUMPS)
def test_what_a_worker_holds_is_not_sent_by_another_whose_clock_jumps(engine: Engine, jump: dt.timedelta) -> None:
    mine, hers = hands_of(engine)
    holds, jumps = Desk(engine, mine), Desk(engine, hers)
    followers(engine, 5)
    assert holds.works() == 5
    hers.moved = jump
    assert jumps.works() == 0
    assert states(engine) == {DeliveryState.CLAIMED: 5}
    holds.sender.holding = False
    holds.works()
    assert states(engine) == {ACCEPTED: 5}
    assert (jumps.works(), len(holds.sender.envelopes)) == (0, 5)


@pytest.mark.parametrize("jump", JUMPS)
def test_what_a_worker_with_a_wrong_clock_held_when_it_died_is_sent_after_one_lease(
    engine: Engine, jump: dt.timedelta
) -> None:
    mine, hers = hands_of(engine)
    followers(engine, 5)
    survives, dies = Desk(engine, mine, lease=1), Desk(engine, hers, lease=1)
    if engine.dialect.name == "sqlite":
        assert dies.works() == 5
        mine.moved = jump  # the machine's clock, once the worker is dead
    else:
        hers.moved = jump
        assert dies.works() == 5
    survives.sender.holding = False
    until = time.monotonic() + PATIENCE
    while states(engine) != {ACCEPTED: 5} and time.monotonic() < until:
        survives.works(1)
        time.sleep(0.05)
    assert states(engine) == {ACCEPTED: 5}
    assert len(survives.sender.envelopes) == 5


def test_a_worker_whose_clock_is_fast_starts_no_offer_before_its_time(postgres_url: str) -> None:
    engine = engine_for(postgres_url)
    offer = followers(engine, 1, status=OfferStatus.SCHEDULED)
    hand = Hand()
    hand.moved = THREE_HOURS
    assert Desk(engine, hand).works() == 0
    with reading(engine)() as session:
        assert session.get_one(Offer, offer.id).status is OfferStatus.SCHEDULED
    engine.dispose()


def test_the_only_clock_of_a_machine_is_heeded_and_that_it_was_moved_is_known(sqlite_url: str) -> None:
    engine, hand = engine_for(sqlite_url), Hand()
    clock = SharedClock(engine, hand)
    clock()
    assert clock.steady() > 60
    hand.moved = THREE_HOURS
    assert abs((clock() - hand()).total_seconds()) < 2
    assert clock.steady() < 60
    engine.dispose()


@pytest.mark.parametrize("jump", JUMPS)
def test_what_the_timetable_has_is_done_once_whenever_it_was_claimed(engine: Engine, jump: dt.timedelta) -> None:
    offer = followers(engine, 1, status=OfferStatus.SCHEDULED)
    due = utc_now() + dt.timedelta(hours=2, minutes=1)
    with writing(engine).begin() as session:
        (late,) = timetable.claim_due(session, now=due + max(jump, dt.timedelta(0)))
    sessions = writing(engine)
    if jump < dt.timedelta(0):
        assert timekeeper.keep_time(sessions, now=due + jump) == 0, "not before its time"
        due += timetable.LEASE + dt.timedelta(seconds=1)
    assert timekeeper.keep_time(sessions, now=due) == 1
    assert timekeeper.keep_time(sessions, now=due) == 0
    with writing(engine).begin() as session:
        assert not timetable.finish(session, late), "whoever held it does nothing any more"
        assert session.get_one(Offer, offer.id).status is OfferStatus.LIVE


@pytest.mark.parametrize("lost", ["the claim too", "the settlement alone"])
def test_what_a_crash_of_the_database_undid_is_settled_again_and_not_sent_again(engine: Engine, lost: str) -> None:
    """What is settled does not wait for the disk: a crash may bring the rows back as they were a moment before."""
    followers(engine, 5)
    desk = Desk(engine, Hand())
    kept = rows(engine)
    desk.dispatcher._expander.expand(utc_now, refused=False)
    before = rows(engine) if lost == "the claim too" else kept
    desk.works()
    if lost == "the settlement alone":
        before = rows(engine)
    desk.sender.holding = False
    desk.works()
    assert states(engine) == {ACCEPTED: 5}
    with writing(engine).begin() as session:  # the crash, and the recovery
        for row in before:
            here = (Delivery.citizen_id == row.citizen_id, Delivery.message_id == row.message_id)
            columns = ("state", "status", "next_at", "accepted_at", "attempts", "fence", "lease_until")
            session.execute(update(Delivery).where(*here).values({name: getattr(row, name) for name in columns}))
    assert len(before) == 5
    assert ACCEPTED not in states(engine)
    desk.dispatcher._doubt()  # what a failing statement leads to
    desk.works()
    assert states(engine) == {ACCEPTED: 5}
    assert len(desk.sender.envelopes) == 5


def test_settling_again_takes_nothing_out_of_anothers_hands(engine: Engine) -> None:
    followers(engine, 1)
    first, second = Desk(engine, Hand()), Desk(engine, Hand())
    first.sender.holding = False
    first.works()
    (row,) = rows(engine)
    values = {column.key: getattr(row, column.key) for column in Delivery.__table__.columns}
    with writing(engine).begin() as session:
        session.delete(session.merge(row))
        session.flush()
        session.execute(insert(Delivery).values({**values, "state": DeliveryState.WAITING, "attempts": 0}))
    assert second.works() == 1
    first.dispatcher._doubt()
    first.works()
    assert states(engine) == {DeliveryState.CLAIMED: 1}
    second.sender.holding = False
    second.works()
    assert states(engine) == {ACCEPTED: 1}
