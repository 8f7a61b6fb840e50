"""A dispatcher whose database is away hears what becomes of what it has sent, and settles it first afterwards."""

import threading
import time

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import OperationalError

from citylife.ledger.tables import DeliveryState
from tests.faults.test_a_clock_that_is_moved import PATIENCE, Desk, Hand, followers, states


def waited(condition) -> bool:
    """Whether the condition comes to hold."""
    until = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def test_answers_are_heard_while_the_database_is_away_and_nothing_is_sent_twice(engine: Engine) -> None:
    away = threading.Event()

    def refuse(_connection: Connection) -> None:
        if away.is_set() and threading.current_thread() is thread:
            raise OperationalError("BEGIN", None, ConnectionError("away"))

    followers(engine, 5)
    desk, stop = Desk(engine, Hand()), threading.Event()
    thread = threading.Thread(target=desk.dispatcher.run, args=(stop,))
    assert desk.works() == 5
    event.listen(engine, "begin", refuse)
    away.set()
    thread.start()
    try:
        desk.sender.holding = False
        assert waited(lambda: desk.sender.in_flight == 0), "nobody listens to the push service"
        assert states(engine) == {DeliveryState.CLAIMED: 5}
        away.clear()
        assert waited(lambda: states(engine) == {DeliveryState.ACCEPTED: 5})
    finally:
        away.clear()
        stop.set()
        desk.bell.ring()
        thread.join(30)
        event.remove(engine, "begin", refuse)
    assert len(desk.sender.envelopes) == 5
