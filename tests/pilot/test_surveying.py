"""The pilot's deeds have a thread of their own: once however many there are, and no notification waits for them."""

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session, sessionmaker

from citylife import timetable
from citylife.activity import WHOLE
from citylife.doorbell import ThreadDoorbell
from citylife.pilot.counting import close_days
from citylife.pilot.freezing import Counting
from citylife.pilot.periods import read_period
from citylife.pilot.tables import PilotDay, PilotReport
from citylife.timetable import Due, Task
from notifications import measuring
from notifications.dispatcher import Dispatcher
from notifications.measuring import COUNTING_LEASE, Surveyor
from notifications.webpush_recording import RecordingSender
from tests import builders
from tests.pilot.history import write_history

WEEK = read_period("2026-W48")
MORNING = WEEK.ends + dt.timedelta(hours=9)
SECOND = dt.timedelta(seconds=1)
PATIENCE = 60.0


@pytest.fixture
def town(sessions: sessionmaker[Session]) -> sessionmaker[Session]:
    """A week that is over and counted, and that nobody has frozen: the look at it is due."""
    with sessions.begin() as session:
        write_history(session, seed=5, first=WEEK.begins, days=7, citizens=12, shops=3, offers=6)
        close_days(session, list(WEEK.days()), now=WEEK.ends)
        timetable.plan(session, Task.PILOT_DAYS, WHOLE, MORNING + dt.timedelta(days=1))
        timetable.plan(session, Task.PILOT_REPORTS, WHOLE, MORNING - dt.timedelta(hours=1))
    return sessions


class SlowCounting:
    """Stands for `count_period`: comes to its end when it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.let_go, self.times = threading.Event(), threading.Event(), 0
        self._real = measuring.count_period
        monkeypatch.setattr(measuring, "count_period", self)

    def __call__(self, session: Session, *said, **more) -> Counting:
        self.times += 1
        self.begun.set()
        assert self.let_go.wait(PATIENCE)
        return self._real(session, *said, **more)


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> SlowCounting:
    return SlowCounting(monkeypatch)


def surveyor(engine: Engine, now: dt.datetime = MORNING) -> Surveyor:
    return Surveyor(engine, revision="abc", clock=lambda: now)


def reports(town: sessionmaker[Session]) -> int:
    with town() as session:
        return session.scalar(select(func.count()).select_from(PilotReport)) or 0


def test_what_takes_longer_than_a_deed_of_the_dispatcher_is_done_once(
    engine: Engine, town: sessionmaker[Session], counting: SlowCounting
) -> None:
    """Whoever looks later while it is counted finds it in the hands of the first."""
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(surveyor(engine).turn)
        assert counting.begun.wait(PATIENCE)
        for later in (SECOND, timetable.LEASE + SECOND, 3 * timetable.LEASE, COUNTING_LEASE):
            assert not surveyor(engine, MORNING + later).turn()
        counting.let_go.set()
        assert first.result()
    assert (counting.times, reports(town)) == (1, 1)


def test_two_at_once_freeze_once(engine: Engine, town: sessionmaker[Session]) -> None:
    begin = threading.Barrier(2)

    def work() -> bool:
        begin.wait()
        return surveyor(engine).turn()

    with ThreadPoolExecutor(2) as pool:
        done = [each.result() for each in [pool.submit(work) for _ in range(2)]]
    assert sorted(done) == [False, True]
    assert reports(town) == 1


def test_what_was_killed_is_done_once_its_lease_is_over(engine: Engine, town: sessionmaker[Session]) -> None:
    with town.begin() as session:
        [killed] = timetable.claim_due(session, now=MORNING, tasks={Task.PILOT_REPORTS}, lease=COUNTING_LEASE)
    assert not surveyor(engine, MORNING + COUNTING_LEASE).turn()
    assert surveyor(engine, MORNING + COUNTING_LEASE + SECOND).turn()
    assert reports(town) == 1
    with town.begin() as session:
        assert not timetable.finish(session, killed)


def test_no_announcement_waits_for_what_is_counted(
    engine: Engine, town: sessionmaker[Session], counting: SlowCounting
) -> None:
    with town.begin() as session:
        shop = builders.a_shop(session, now=MORNING)
        citizen = builders.a_citizen(session, now=MORNING)
        builders.a_device(session, citizen)
        builders.a_follow(session, citizen, shop, now=MORNING)
        builders.an_offer(session, shop, now=MORNING)
    sender, bell = RecordingSender(), ThreadDoorbell()
    dispatcher = Dispatcher(engine, sender, base_url="https://town.example", bell=bell, clock=lambda: MORNING)
    with ThreadPoolExecutor(1) as pool:
        freezing = pool.submit(surveyor(engine).turn)
        assert counting.begun.wait(PATIENCE)
        for _ in range(12):
            bell.ring()
            dispatcher.turn()
        sent = len(sender.envelopes)
        counting.let_go.set()
        assert freezing.result()
    assert sent == 1


def test_the_dispatcher_never_takes_what_is_the_pilots(engine: Engine, town: sessionmaker[Session]) -> None:
    dispatcher = Dispatcher(
        engine, RecordingSender(), base_url="https://town.example", bell=ThreadDoorbell(), clock=lambda: MORNING
    )
    for _ in range(3):
        dispatcher.turn()
    with town() as session:
        due = session.get(Due, (Task.PILOT_REPORTS, WHOLE))
        assert due is not None
        assert (due.due_at, due.fence) == (MORNING - dt.timedelta(hours=1), None)


def test_it_takes_nothing_of_the_dispatchers(engine: Engine, town: sessionmaker[Session]) -> None:
    with town.begin() as session:
        timetable.cancel(session, Task.PILOT_REPORTS, WHOLE)
        timetable.plan(session, Task.PURGE, WHOLE, MORNING - dt.timedelta(hours=2))
    assert not surveyor(engine).turn()
    with town() as session:
        due = session.get(Due, (Task.PURGE, WHOLE))
        assert due is not None
        assert due.fence is None


def test_a_period_whose_days_are_still_to_be_closed_waits_for_them_and_not_for_the_next_morning(
    engine: Engine, town: sessionmaker[Session]
) -> None:
    """Somebody else has the days in hand."""
    with town.begin() as session:
        last = session.get(PilotDay, WEEK.last)
        assert last is not None
        session.delete(last)
        timetable.plan(session, Task.PILOT_DAYS, WHOLE, MORNING - dt.timedelta(hours=2))
        assert timetable.claim_due(session, now=MORNING, tasks={Task.PILOT_DAYS}, lease=COUNTING_LEASE)
    assert surveyor(engine).turn()
    assert reports(town) == 0
    with town.begin() as session:
        due = session.get(Due, (Task.PILOT_REPORTS, WHOLE))
        assert due is not None
        assert due.due_at == MORNING + measuring.DAYS_FIRST
        close_days(session, [WEEK.last], now=MORNING)
    assert surveyor(engine, MORNING + measuring.DAYS_FIRST).turn()
    assert reports(town) == 1


def test_as_a_thread_it_does_what_is_due_and_comes_to_its_end(engine: Engine, town: sessionmaker[Session]) -> None:
    with town.begin() as session:
        timetable.plan(session, Task.PILOT_DAYS, WHOLE, MORNING - dt.timedelta(hours=1))
    stop = threading.Event()
    done = Surveyor(engine, revision="abc", clock=lambda: MORNING + dt.timedelta(days=1), look_every=0.01)
    thread = threading.Thread(target=done.run, args=(stop,))
    thread.start()
    for _ in range(3_000):
        if reports(town):
            break
        stop.wait(0.02)
    stop.set()
    thread.join(PATIENCE)
    assert (thread.is_alive(), reports(town)) == (False, 1)
    with town() as session:
        assert session.scalar(select(func.max(PilotDay.day))) == WEEK.next.first
