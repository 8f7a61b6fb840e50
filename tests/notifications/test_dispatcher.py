"""The dispatcher: from what waits in the ledger to the right state of row, device and origin."""

import datetime as dt
import itertools
import random
import threading
from collections import Counter, deque

import orjson
import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from citylife import follows, offers, purge
from citylife.courtesy.rules import set_announcements_a_day
from citylife.database import writing
from citylife.devices import Device, Origin
from citylife.doorbell import ThreadDoorbell
from citylife.ledger.tables import Decision, Delivery, DeliveryState, Outcome, Reason
from citylife.offers import UNDO, Offer, OfferStatus
from notifications import dispatcher as dispatching
from notifications import timekeeper
from notifications.dispatcher import PER_ORIGIN, Dispatcher
from notifications.webpush import Answer, Urgency
from notifications.webpush_recording import RecordingSender
from tests import builders
from tests.builders import NOW

GOOGLE, MOZILLA = "fcm.googleapis.com", "updates.push.services.mozilla.com"


class Town:
    """A ledger, a clock that is set by hand, a recording sender and a dispatcher between them."""

    def __init__(self, engine: Engine, look_every: float = dispatching.LOOK_EVERY) -> None:
        self.now = NOW
        self.sessions: sessionmaker[Session] = writing(engine)
        self.sender = RecordingSender()
        self.bell = ThreadDoorbell()
        self.dispatcher = Dispatcher(
            engine,
            self.sender,
            base_url="https://town.example",
            bell=self.bell,
            clock=self.clock,
            dice=random.Random(1),
            look_every=look_every,
        )
        with self.sessions.begin() as session:
            self.shop = builders.a_shop(session, "Boulangerie du Beffroi")
            set_announcements_a_day(session, self.shop.id, 10, reason="Jour de marché", now=NOW)

    def clock(self) -> dt.datetime:
        return self.now

    def a_follower_at(self, host: str = MOZILLA) -> str:
        """A new follower with one phone at `host`; its endpoint."""
        with self.sessions.begin() as session:
            citizen = builders.a_citizen(session)
            endpoint = builders.an_endpoint(host)
            builders.a_device(session, citizen, endpoint)
            builders.a_follow(session, citizen, self.shop)
            return endpoint.url

    def publishes(self, **said) -> Offer:
        with self.sessions.begin() as session:
            return builders.an_offer(session, session.merge(self.shop), now=self.now, **said)

    def works(self, rounds: int = 12) -> None:
        """Some rounds of everything, each looking at the ledger anew."""
        for _ in range(rounds):
            self.bell.ring()
            self.dispatcher.turn()

    def rows(self) -> list[Delivery]:
        with self.sessions() as session:
            return list(session.scalars(select(Delivery)))

    def states(self) -> Counter[DeliveryState]:
        return Counter(row.state for row in self.rows())

    def devices(self) -> set[str]:
        with self.sessions() as session:
            return set(session.scalars(select(Device.endpoint)))

    def origin(self, host: str) -> Origin:
        with self.sessions() as session:
            return session.scalars(select(Origin).where(Origin.origin == f"https://{host}")).one()

    def texts(self) -> list[str]:
        return [orjson.loads(envelope.plaintext)["notification"]["body"] for envelope in self.sender.envelopes]


@pytest.fixture
def town(engine: Engine) -> Town:
    return Town(engine)


def test_an_announcement_reaches_every_phone_once_and_is_settled(town: Town) -> None:
    endpoints = {town.a_follower_at() for _ in range(5)}
    offer = town.publishes(title="Deux baguettes pour une")
    town.works()
    assert {envelope.endpoint for envelope in town.sender.envelopes} == endpoints
    assert len(town.sender.envelopes) == 5
    assert town.states() == {DeliveryState.ACCEPTED: 5}
    (row, *_) = town.rows()
    assert (row.accepted_at, row.status, row.fence, row.lease_until) == (NOW, 201, None, None)
    (envelope, *_) = town.sender.envelopes
    assert envelope.ttl == int((offer.ends_at - NOW).total_seconds())
    assert envelope.urgency is Urgency.NORMAL
    shown = orjson.loads(envelope.plaintext)["notification"]
    assert shown["tag"] == envelope.topic
    assert shown["navigate"] == f"https://town.example/o/{offer.id}?from=notification"
    assert "Boulangerie du Beffroi" in shown["title"]


@pytest.mark.parametrize(
    ("answer", "state", "device_stays"),
    [
        (Answer.ACCEPTED, DeliveryState.ACCEPTED, True),
        (Answer.GONE, DeliveryState.GONE, False),
        (Answer.REFUSED, DeliveryState.REFUSED, True),
        (Answer.KEY_WRONG, DeliveryState.WAITING, True),
        (Answer.SLOW_DOWN, DeliveryState.WAITING, True),
        (Answer.RETRY, DeliveryState.WAITING, True),
    ],
)
def test_each_answer_gives_its_row_and_device_their_state_and_delays_nobody_else(
    town: Town, answer: Answer, state: DeliveryState, *, device_stays: bool
) -> None:
    odd, other = town.a_follower_at(GOOGLE), town.a_follower_at(MOZILLA)
    town.sender.answer(odd, answer, retry_after=120.0 if answer is Answer.SLOW_DOWN else None)
    town.publishes()
    town.works()
    assert town.states() == Counter([state, DeliveryState.ACCEPTED])
    assert (odd in town.devices()) is device_stays
    assert other in town.devices()


def test_a_service_that_asks_us_to_wait_is_left_alone_for_that_long_and_then_told(town: Town) -> None:
    endpoint = town.a_follower_at(GOOGLE)
    town.sender.answer(endpoint, Answer.SLOW_DOWN, retry_after=120.0)
    town.publishes()
    town.works()
    assert len(town.sender.envelopes) == 1
    assert town.origin(GOOGLE).paused_until == NOW + dt.timedelta(seconds=120)
    town.a_follower_at(GOOGLE)
    town.publishes(title="Une autre")
    town.now = NOW + dt.timedelta(seconds=119)
    town.works()
    assert len(town.sender.envelopes) == 1
    town.now = NOW + dt.timedelta(seconds=120)
    town.sender.answer(endpoint, Answer.ACCEPTED)
    town.works()
    assert town.states() == {DeliveryState.ACCEPTED: 3}


def test_a_wrong_key_stops_the_origin_and_deletes_nothing_until_it_is_resumed(town: Town) -> None:
    endpoint = town.a_follower_at(GOOGLE)
    town.sender.answer(f"https://{GOOGLE}", Answer.KEY_WRONG)
    town.publishes()
    town.works()
    town.now += dt.timedelta(hours=1)
    town.works()
    assert len(town.sender.envelopes) == 1
    assert (town.origin(GOOGLE).stopped_status, town.devices()) == (403, {endpoint})
    with town.sessions.begin() as session:
        dispatching.settlement.resume_origin(session, town.origin(GOOGLE).id)
    town.sender.answer(f"https://{GOOGLE}", Answer.ACCEPTED)
    town.works()
    assert town.states() == {DeliveryState.ACCEPTED: 1}


def test_a_failing_service_is_tried_again_with_longer_waits_until_the_offer_ends(town: Town) -> None:
    town.sender.answer(town.a_follower_at(), Answer.RETRY)
    offer = town.publishes()
    tries: list[dt.datetime] = []
    while town.states()[DeliveryState.EXPIRED] == 0 and len(tries) < 200:
        before = len(town.sender.envelopes)
        town.works(4)
        if len(town.sender.envelopes) > before:
            tries.append(town.now)
        waiting = [row.next_at for row in town.rows() if row.state is DeliveryState.WAITING]
        town.now = max(waiting[0], town.now) if waiting else town.now + dt.timedelta(seconds=1)
    waits = [(after - before).total_seconds() for before, after in itertools.pairwise(tries)]
    assert waits[0] <= 2.0
    assert 300.0 <= waits[-1] <= 600.0
    assert max(waits) <= 600.0
    assert tries[-1] < offer.ends_at
    assert town.states() == {DeliveryState.EXPIRED: 1}


def test_a_sold_out_replaces_in_silence_after_ten_seconds(town: Town) -> None:
    town.a_follower_at()
    offer = town.publishes(title="Tartes")
    town.works()
    with town.sessions.begin() as session:
        offers.sold_out(session, session.get_one(Offer, offer.id), now=town.now)
    town.works()
    assert len(town.sender.envelopes) == 1
    town.now += UNDO
    town.works()
    first, replacement = town.sender.envelopes
    assert replacement.topic == first.topic
    assert orjson.loads(replacement.plaintext)["notification"]["silent"] is True
    assert town.texts()[1] == "Tout est parti\u00a0: Tartes"


def test_a_scheduled_offer_starts_is_announced_and_ends_by_the_timetable(town: Town) -> None:
    town.a_follower_at()
    with town.sessions.begin() as session:
        scheduled = builders.an_offer(session, session.merge(town.shop), status=OfferStatus.SCHEDULED)
    town.works()
    assert town.sender.envelopes == []
    town.now = scheduled.starts_at
    town.works()
    assert town.states() == {DeliveryState.ACCEPTED: 1}
    town.now = scheduled.ends_at
    town.works()
    with town.sessions() as session:
        assert session.get_one(Offer, scheduled.id).status is OfferStatus.ENDED


def test_an_unfollow_between_publishing_and_sending_is_honoured(town: Town) -> None:
    town.a_follower_at()
    town.publishes()
    town.bell.ring()
    town.dispatcher._expander.expand(town.clock, refused=False)
    with town.sessions.begin() as session:
        (citizen,) = session.scalars(select(Decision.citizen_id))
        follows.unfollow(session, citizen, town.shop.id, now=town.now)
    town.works()
    assert town.sender.envelopes == []
    with town.sessions() as session:
        decision = session.scalars(select(Decision)).one()
        assert (decision.outcome, decision.reason) == (Outcome.HELD, Reason.UNFOLLOWED)


def test_one_slow_origin_keeps_its_own_share_and_the_others_go_on(town: Town) -> None:
    for _ in range(3):
        town.a_follower_at(GOOGLE)
    town.sender.holding = True
    town.publishes()
    town.works()
    assert town.states() == {DeliveryState.CLAIMED: 3}
    assert town.sender.in_flight_to(f"https://{GOOGLE}") == 3
    assert PER_ORIGIN < dispatching.IN_HAND


@pytest.mark.parametrize(("phones", "written"), [(10, (1, 1)), (200, (dispatching.SETTLE_ROWS, 1))])
def test_a_few_in_hand_are_settled_as_they_are_heard_and_many_by_the_turn(
    town: Town, monkeypatch: pytest.MonkeyPatch, phones: int, written: tuple[int, int]
) -> None:
    """So that a kill repeats little where there is time, and nothing is slower where there is none."""
    monkeypatch.setattr(dispatching, "SETTLE_SOON", 0.0)
    monkeypatch.setattr(dispatching, "SETTLE_SECONDS", 3_600.0)
    heard, pending, turns = town.sender.turn, deque(), []

    def one_by_one(timeout: float) -> list:
        pending.extend(heard(timeout))
        return [pending.popleft()] if pending else []

    settle = town.dispatcher._settle
    monkeypatch.setattr(town.sender, "turn", one_by_one)
    monkeypatch.setattr(RecordingSender, "in_flight", property(lambda _: len(pending) + 1))
    monkeypatch.setattr(town.dispatcher, "_settle", lambda outcomes: (turns.append(len(outcomes)), settle(outcomes)))
    for _ in range(phones):
        town.a_follower_at()
    town.publishes()
    town.works(phones + 12)
    assert town.states() == {DeliveryState.ACCEPTED: phones}
    assert (max(turns), turns[-1]) == written


def test_stopping_settles_what_is_in_flight_and_claims_nothing_more(town: Town) -> None:
    for _ in range(3):
        town.a_follower_at()
    town.publishes()
    town.bell.ring()
    town.sender.holding = True
    for _ in range(4):
        town.bell.ring()
        town.dispatcher.turn()
    assert town.states() == {DeliveryState.CLAIMED: 3}
    town.sender.holding = False
    stop = threading.Event()
    stop.set()
    town.dispatcher.run(stop)
    assert town.states() == {DeliveryState.ACCEPTED: 3}


def test_a_database_that_goes_away_for_a_while_loses_nothing(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    town.a_follower_at()
    town.publishes()
    real = dispatching.settlement.settle
    failures = iter([True, True])

    def failing(session, settlements, *, now):
        if next(failures, False):
            raise OperationalError("UPDATE", {}, Exception("the database is away"))
        return real(session, settlements, now=now)

    monkeypatch.setattr(dispatching.settlement, "settle", failing)
    monkeypatch.setattr(dispatching, "DATABASE_AWAY_SECONDS", 0.01)
    stop = threading.Event()
    worker = threading.Thread(target=town.dispatcher.run, args=(stop,))
    worker.start()
    for _ in range(3_000):
        if town.states() == {DeliveryState.ACCEPTED: 1}:
            break
        town.bell.ring()
        stop.wait(0.02)
    stop.set()
    town.bell.ring()
    worker.join(60)
    assert town.states() == {DeliveryState.ACCEPTED: 1}
    assert len(town.sender.envelopes) == 1


def test_the_bell_wakes_an_idle_dispatcher_at_once(engine: Engine) -> None:
    town = Town(engine, look_every=3600.0)
    stop = threading.Event()
    worker = threading.Thread(target=town.dispatcher.run, args=(stop,))
    worker.start()
    town.a_follower_at()
    stop.wait(0.3)
    town.publishes()
    town.bell.ring()
    for _ in range(3_000):
        if town.sender.envelopes:
            break
        stop.wait(0.02)
    stop.set()
    town.bell.ring()
    worker.join(60)
    assert len(town.sender.envelopes) == 1


def test_sending_goes_on_while_old_rows_leave(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(24):
        town.a_follower_at(MOZILLA)
    town.publishes()
    town.works(rounds=60)
    assert town.states() == Counter({DeliveryState.ACCEPTED: 24})
    batch = purge.purge_a_batch
    monkeypatch.setattr(purge, "purge_a_batch", lambda session, *, now: batch(session, now=now, most=1))
    monkeypatch.setattr(timekeeper, "IDLE_SECONDS", 0.0)
    town.now += dt.timedelta(weeks=14)  # nobody worked for a quarter: all of it is to leave, one row a look
    town.publishes(ends_at=town.now + dt.timedelta(hours=8))

    def accepted() -> tuple[int, int]:
        """How many old rows are left, and how many new ones have gone out."""
        rows = [row for row in town.rows() if row.state is DeliveryState.ACCEPTED]
        new = sum(row.accepted_at == town.now for row in rows)
        return len(rows) - new, new

    town.works(rounds=10)
    old, sent = accepted()
    assert 24 > old >= 14, "at most one row left a look"
    assert sent > 0, "what is new did not wait for what is old to be gone"
    town.works(rounds=90)
    assert accepted() == (0, 24)


def test_a_night_that_is_not_over_waits_for_no_bell(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timekeeper, "IDLE_SECONDS", 0.0)
    town = Town(engine, look_every=3600.0)
    timekeeper.open_timetable(town.sessions, now=town.now)
    town.now += dt.timedelta(days=1)
    stop = threading.Event()
    worker = threading.Thread(target=town.dispatcher.run, args=(stop,))
    worker.start()

    def ended() -> set[str]:
        """What of the night's purge is done, a batch a look."""
        with town.sessions() as session:
            return set(session.scalars(select(purge.Purge.name).where(purge.Purge.ended_on.is_not(None))))

    for _ in range(1_200):
        if len(ended()) == len(purge.RETENTIONS):
            break
        stop.wait(0.05)
    stop.set()
    town.bell.ring()
    worker.join(60)
    assert ended() == {one.name for one in purge.RETENTIONS}


def test_memory_is_given_back_once_in_a_while_where_something_was_sent(town: Town, monkeypatch: pytest.MonkeyPatch):
    given, moment = [], [dispatching.time.monotonic()]
    monkeypatch.setattr(dispatching, "give_back", lambda: given.append(moment[0]))
    monkeypatch.setattr(dispatching.time, "monotonic", lambda: moment[0])
    moment[0] += dispatching.GIVE_BACK_EVERY + 1
    town.works()
    assert given == [], "nothing was sent"
    town.a_follower_at()
    town.publishes()
    town.works()
    assert town.states() == Counter({DeliveryState.ACCEPTED: 1})
    assert given == [moment[0]]
    moment[0] += dispatching.GIVE_BACK_EVERY + 1
    town.works()
    assert len(given) == 1, "nothing was sent since"


def test_memory_is_given_back_sooner_once_there_is_nothing_to_do(town: Town, monkeypatch: pytest.MonkeyPatch):
    given, stop = [], threading.Event()
    monkeypatch.setattr(dispatching, "GIVE_BACK_AT_REST", 0.0)
    monkeypatch.setattr(dispatching, "give_back", lambda: (given.append(town.states()), stop.set()))
    town.a_follower_at()
    town.publishes()
    town.now += dt.timedelta(minutes=1)
    town.dispatcher.run(stop)
    assert given == [Counter({DeliveryState.ACCEPTED: 1})]
