"""Readiness: who is at work waits for no look at everybody, and is told what such a look says."""

import datetime as dt
import threading
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, update
from sqlalchemy import event as sql_events
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen
from citylife.audience import previews, readiness
from citylife.audience.foresight import Fate, Foreseen, foresee
from citylife.audience.previews import FRESH, REACHES
from citylife.audience.readiness import AHEAD, LATELY, MOST, Readiness
from citylife.follows import Level
from citylife.ledger.tables import Reason
from citylife.shops import Shop
from tests import builders
from tests.builders import NOW

Sessions = sessionmaker[Session]
SOON = 30.0
"""Seconds that a thread may take on a busy machine."""
ENDS = NOW + dt.timedelta(days=1)


class Time:
    """A clock and a steady one that move together, when they are told to."""

    seconds = 0.0

    def now(self) -> dt.datetime:
        return NOW + dt.timedelta(seconds=self.seconds)

    def steady(self) -> float:
        return self.seconds


@pytest.fixture
def passing() -> Time:
    return Time()


@pytest.fixture
def shop(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop of three followers, who are many here."""
    monkeypatch.setattr(readiness, "MANY", 3)
    return a_shop(sessions)


def a_shop(sessions: Sessions, followers: int = 3) -> Shop:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        for _ in range(followers):
            builders.a_follower(session, shop, Level.ALWAYS)
        return shop


@pytest.fixture
def ready(readers: Sessions, passing: Time, monkeypatch: pytest.MonkeyPatch) -> Readiness:
    """One whose thread does nothing: `get_ready` is called by the test."""
    monkeypatch.setattr(Readiness, "_run", lambda _: None)
    return Readiness(readers, passing.now, steady=passing.steady)


@pytest.fixture
def lively(readers: Sessions, passing: Time) -> Iterator[Readiness]:
    """One with its thread."""
    ready = Readiness(readers, passing.now, steady=passing.steady)
    yield ready
    ready.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that looks about all the time."""
    monkeypatch.setattr(readiness, "TURN", 0.01)


@pytest.fixture
def looks(engine: Engine) -> list[str]:
    """Which thread looked at every follower, each time."""
    threads: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "judged" in statement and "f.level FROM follows f" in statement:
            threads.append(threading.current_thread().name)

    sql_events.listen(engine, "before_cursor_execute", note)
    return threads


def opened(readers: Sessions, ready: Readiness, shop: Shop) -> None:
    with readers() as session:
        ready.opened(session, session.get_one(Shop, shop.id))


def ask(readers: Sessions, ready: Readiness, shop: Shop, now: dt.datetime, radius: int = 5_000) -> Foreseen:
    with readers() as session:
        return ready.foresee(session, session.get_one(Shop, shop.id), radius=radius, ends_at=ENDS, now=now)


def until(wanted: int, looks: list[str]) -> None:
    limit = time.monotonic() + SOON
    while len(looks) < wanted:
        assert time.monotonic() < limit, looks
        time.sleep(0.01)


def test_who_has_opened_her_shop_waits_for_no_look(
    readers: Sessions, ready: Readiness, passing: Time, shop: Shop, looks: list[str]
) -> None:
    opened(readers, ready, shop)
    waited = 0
    for second in range(0, 600, 2):  # a turn of the thread, then a question
        passing.seconds = second
        ready.get_ready()
        before = len(looks)
        ask(readers, ready, shop, passing.now(), radius=REACHES[second // 2 % 2])
        waited += len(looks) - before
    assert waited == 0
    assert len(looks) <= 2 * len(REACHES) * 11  # two looks a minute for each reach, and the minute to come


def test_she_is_told_what_a_look_says_and_of_what_citizens_change_within_a_minute(
    sessions: Sessions, readers: Sessions, ready: Readiness, passing: Time, shop: Shop
) -> None:
    opened(readers, ready, shop)
    answers = []
    for second in range(0, 180, 2):
        passing.seconds = second
        ready.get_ready()
        if second == 70:
            with sessions.begin() as session:
                session.execute(update(Citizen).values(notifications_consented=False))
        told = ask(readers, ready, shop, passing.now())
        with readers() as session:
            answers.append(told == foresee(session, shop, radius=5_000, ends_at=ENDS, now=passing.now()))
    assert all(answers[:35])
    assert all(answers[35 + int(FRESH) // 2 :])
    assert told.counts == {(Fate.HELD, Reason.NO_CONSENT): 3}


def test_what_the_shop_does_is_seen_at_once(
    sessions: Sessions, readers: Sessions, ready: Readiness, passing: Time, shop: Shop
) -> None:
    opened(readers, ready, shop)
    ready.get_ready()
    with sessions.begin() as session:
        builders.a_follower(session, session.get_one(Shop, shop.id), Level.NONE)
    told = ask(readers, ready, shop, passing.now())
    assert (told.followers, told.counts[Fate.HELD, Reason.LEVEL_NONE]) == (4, 1)


def test_a_start_to_come_is_kept_ready_until_it_has_come(
    readers: Sessions, ready: Readiness, passing: Time, shop: Shop, looks: list[str]
) -> None:
    start = NOW + dt.timedelta(minutes=3)
    ask(readers, ready, shop, start)
    for second in range(2, 180, 2):
        passing.seconds = second
        ready.get_ready()
        before = len(looks)
        ask(readers, ready, shop, start)
        assert len(looks) == before
    passing.seconds = 180 + FRESH
    before = len(looks)
    ready.get_ready()
    assert len(looks) == before


def test_nothing_is_asked_for_who_has_gone(
    readers: Sessions, ready: Readiness, passing: Time, shop: Shop, looks: list[str]
) -> None:
    opened(readers, ready, shop)
    passing.seconds = LATELY - 1
    ready.get_ready()
    asked = len(looks)
    assert asked == 2 * len(REACHES)  # this minute and the next
    passing.seconds = LATELY + FRESH
    ready.get_ready()
    assert len(looks) == asked


def test_whom_few_follow_asks_when_she_wants_to_know(
    sessions: Sessions, readers: Sessions, ready: Readiness, looks: list[str]
) -> None:
    shop = a_shop(sessions)
    opened(readers, ready, shop)
    ready.get_ready()
    assert looks == []
    ask(readers, ready, shop, NOW)
    ready.get_ready()
    assert len(looks) == 1


def test_of_many_at_work_those_who_asked_last_are_kept_ready(
    sessions: Sessions, readers: Sessions, ready: Readiness, shop: Shop, looks: list[str]
) -> None:
    opened(readers, ready, shop)
    for _ in range(MOST // len(REACHES)):
        opened(readers, ready, a_shop(sessions))
    ready.get_ready()
    before = len(looks)
    ask(readers, ready, shop, NOW)
    assert (before, len(looks)) == (MOST, MOST + 1)


def test_the_next_minute_is_asked_when_it_is_near(
    readers: Sessions, ready: Readiness, passing: Time, shop: Shop, looks: list[str]
) -> None:
    passing.seconds = 59 - AHEAD
    opened(readers, ready, shop)
    ready.get_ready()
    assert len(looks) == len(REACHES)
    passing.seconds = 60 - AHEAD
    ready.get_ready()
    assert len(looks) == 2 * len(REACHES)


def test_a_thread_asks_beside_who_is_at_work_and_ends_with_the_house(
    readers: Sessions, lively: Readiness, passing: Time, shop: Shop, looks: list[str]
) -> None:
    opened(readers, lively, shop)
    until(len(REACHES), looks)
    lively.close()
    ask(readers, lively, shop, passing.now())
    assert set(looks) == {"citylife-readiness"}
    opened(readers, lively, shop)  # it is closed: nothing begins any more
    assert "citylife-readiness" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.usefixtures("quick")
def test_a_thread_ends_when_nobody_is_at_work_and_another_begins_with_the_next(
    readers: Sessions, lively: Readiness, passing: Time, shop: Shop, looks: list[str]
) -> None:
    opened(readers, lively, shop)
    until(len(REACHES), looks)
    passing.seconds = LATELY
    limit = time.monotonic() + SOON
    while "citylife-readiness" in {thread.name for thread in threading.enumerate()}:
        assert time.monotonic() < limit
        time.sleep(0.01)
    opened(readers, lively, shop)
    until(2 * len(REACHES), looks)


@pytest.mark.usefixtures("quick")
def test_a_database_that_is_away_for_a_while_is_asked_again(
    readers: Sessions, lively: Readiness, shop: Shop, looks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare, away = lively.previews.prepare, [True, True]

    def once_it_is_back(*args: object, **asked: object) -> None:
        if away:
            away.pop()
            raise OperationalError("SELECT 1", {}, Exception("the server has hung up"))
        prepare(*args, **asked)  # type: ignore[arg-type]

    monkeypatch.setattr(lively.previews, "prepare", once_it_is_back)
    opened(readers, lively, shop)
    until(len(REACHES), looks)


def test_a_database_that_does_not_answer_keeps_no_house_from_closing(
    readers: Sessions, lively: Readiness, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, answered = threading.Event(), threading.Event()

    def without_end(*_args: object, **_asked: object) -> None:
        waiting.set()
        assert answered.wait(SOON)

    monkeypatch.setattr(lively.previews, "prepare", without_end)
    monkeypatch.setattr(readiness, "PATIENCE", 0.1)
    opened(readers, lively, shop)
    assert waiting.wait(SOON)
    lively.close()
    assert not answered.is_set()
    answered.set()


def test_the_same_question_under_way_is_waited_for(
    readers: Sessions, ready: Readiness, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups, begun, may_end, asked = previews._groups, threading.Event(), threading.Event(), []

    def slowly(*args: object, **options: object) -> object:
        asked.append(threading.current_thread().name)
        begun.set()
        assert may_end.wait(SOON)
        return groups(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(previews, "_groups", slowly)
    monkeypatch.setattr(previews, "PATIENCE", SOON)
    answers: list[Foreseen] = []
    both = [threading.Thread(target=lambda: answers.append(ask(readers, ready, shop, NOW))) for _ in range(2)]
    both[0].start()
    assert begun.wait(SOON)
    both[1].start()
    limit = time.monotonic() + 0.3
    while time.monotonic() < limit and len(asked) == 1:
        time.sleep(0.01)
    may_end.set()
    for thread in both:
        thread.join(SOON)
    assert len(asked) == 1
    assert answers[0] == answers[1]
    assert answers[0].followers == 3


def test_a_question_that_fails_holds_up_nobody_who_asks_the_same(
    readers: Sessions, ready: Readiness, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups, failing = previews._groups, [True]

    def first_in_vain(*args: object, **options: object) -> object:
        if failing:
            failing.pop()
            raise OperationalError("SELECT 1", {}, Exception("the server has hung up"))
        return groups(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(previews, "_groups", first_in_vain)
    monkeypatch.setattr(previews, "PATIENCE", 10 * SOON)
    with pytest.raises(OperationalError):
        ask(readers, ready, shop, NOW)
    assert ask(readers, ready, shop, NOW).followers == 3
