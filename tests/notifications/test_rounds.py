"""What looks for work goes on whatever fails, rests where there is none, and stops when it is told to."""

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest
import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from citylife.doorbell import ThreadDoorbell
from notifications import dispatcher as dispatching
from notifications import postman as postmen
from notifications.cluster import Courier, HttpCluster
from notifications.dispatcher import Dispatcher
from notifications.mail import RecordingMailer
from notifications.measuring import Surveyor
from notifications.postman import Postman
from notifications.rounds import make_rounds
from notifications.webpush_recording import RecordingSender

log = structlog.get_logger(__name__)
FOREVER = 3600.0
PATIENCE = 60.0


def away() -> bool:
    raise OperationalError("SELECT secret FROM somebody", {"somebody": "Camille"}, ConnectionError("gone"))


def broken() -> bool:
    raise RuntimeError("broken")


class Script:
    """Turns of which each is told how it goes; after the last one it is time to stop."""

    def __init__(self, *turns: Callable[[], bool]) -> None:
        self.stop = threading.Event()
        self._turns: Iterator[Callable[[], bool]] = iter(turns)
        self._left = len(turns)
        self.told: list[str] = []

    def turn(self) -> bool:
        self.told.append("turn")
        self._left -= 1
        if not self._left:
            self.stop.set()
        return next(self._turns)()

    def rest(self) -> None:
        self.told.append("rest")


def busy() -> bool:
    return True


def idle() -> bool:
    return False


def test_turn_follows_turn_while_there_is_something_to_do():
    script = Script(busy, busy, busy)
    make_rounds(script.turn, script.stop, who="somebody", log=log, rest=script.rest, pause=FOREVER)
    assert script.told == ["turn", "turn", "turn"]


def test_it_rests_after_each_turn_that_found_nothing():
    script = Script(idle, busy, idle, busy)
    make_rounds(script.turn, script.stop, who="somebody", log=log, rest=script.rest, pause=FOREVER)
    assert script.told == ["turn", "rest", "turn", "turn", "rest", "turn"]


def test_told_to_stop_before_the_first_turn_it_takes_none():
    script = Script(busy)
    script.stop.set()
    make_rounds(script.turn, script.stop, who="somebody", log=log, rest=script.rest, pause=FOREVER)
    assert script.told == []


def test_told_to_stop_while_it_works_it_ends_the_turn_and_does_not_rest():
    script = Script(idle)
    make_rounds(script.turn, script.stop, who="somebody", log=log, rest=script.rest, pause=FOREVER)
    assert script.told == ["turn"]


@pytest.mark.parametrize("turn", [away, broken, idle])
def test_told_to_stop_while_it_waits_it_waits_no_longer(turn: Callable[[], bool]):
    stop, begun = threading.Event(), threading.Event()

    def noted() -> bool:
        begun.set()
        return turn()

    rest = partial(stop.wait, FOREVER)
    rounds = partial(make_rounds, noted, stop, who="somebody", log=log, rest=rest, pause=FOREVER)
    thread = threading.Thread(target=rounds, daemon=True)
    thread.start()
    assert begun.wait(PATIENCE)
    time.sleep(0.2)
    assert thread.is_alive(), "it did not wait"
    stop.set()
    thread.join(PATIENCE)
    assert not thread.is_alive()


def test_what_fails_is_said_and_tried_again_after_the_pause():
    script = Script(broken, away, busy)
    began = time.monotonic()
    with capture_logs() as said:
        make_rounds(script.turn, script.stop, who="somebody", log=log, rest=script.rest, pause=0.1)
    assert script.told == ["turn", "turn", "turn"]
    assert time.monotonic() - began >= 0.2
    assert [(each["event"], each["log_level"]) for each in said] == [
        ("somebody.failed", "error"),
        ("somebody.database_away", "warning"),
    ]


def test_of_a_database_that_is_away_the_kind_of_error_is_said_and_no_statement():
    script = Script(away)
    with capture_logs() as said:
        make_rounds(script.turn, script.stop, who="somebody", log=log, rest=script.rest, pause=FOREVER)
    assert said == [{"event": "somebody.database_away", "log_level": "warning", "error": "ConnectionError"}]


def test_what_is_done_while_the_database_is_away_comes_instead_of_the_pause_and_after_no_other_failure():
    script = Script(away, broken, busy)
    outlast = partial(script.told.append, "outlast")
    make_rounds(script.turn, script.stop, who="somebody", log=log, rest=script.rest, pause=0.001, while_away=outlast)
    assert script.told == ["turn", "outlast", "turn", "turn"]


@pytest.mark.parametrize("failing", [away, broken])
def test_a_rest_that_fails_ends_nothing(failing: Callable[[], bool]):
    script = Script(idle, busy)
    make_rounds(script.turn, script.stop, who="somebody", log=log, rest=failing, pause=0.001)
    assert script.told == ["turn", "turn"]


def a_courier(engine: Engine) -> Courier:
    return Courier(engine, HttpCluster("http://127.0.0.1:9", "a-token"), look_every=0.001)


def a_surveyor(engine: Engine) -> Surveyor:
    return Surveyor(engine, revision="abc", look_every=0.001)


def a_postman(engine: Engine) -> Postman:
    mailer = RecordingMailer(sender="Citylife <bonjour@citylife.example>")
    return Postman(engine, mailer, base_url="https://citylife.example", bell=ThreadDoorbell(), look_every=0.001)


def a_dispatcher(engine: Engine) -> Dispatcher:
    bell = ThreadDoorbell()
    return Dispatcher(engine, RecordingSender(), base_url="https://citylife.example", bell=bell, look_every=0.001)


@pytest.mark.parametrize("one", [a_courier, a_surveyor, a_postman, a_dispatcher])
def test_everyone_goes_on_after_a_failure_and_rests_and_stops(
    one: Callable[[Engine], Courier | Surveyor | Postman | Dispatcher], engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(postmen, "AWAY_SECONDS", 0.001)
    monkeypatch.setattr(dispatching, "DATABASE_AWAY_SECONDS", 0.001)
    worker, script = one(engine), Script(away, broken, idle, busy)
    monkeypatch.setattr(worker, "turn", script.turn)
    with capture_logs() as said:
        thread = threading.Thread(target=worker.run, args=(script.stop,), daemon=True)
        thread.start()
        thread.join(PATIENCE)
    assert not thread.is_alive()
    assert script.told == ["turn"] * 4
    who = one.__name__.removeprefix("a_")
    assert [each["event"] for each in said][:2] == [f"{who}.database_away", f"{who}.failed"]
