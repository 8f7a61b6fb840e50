"""The doorbell between machines, on a real RabbitMQ: heard at once, never in the way, and back by itself."""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pika
import pytest
from structlog.testing import capture_logs

from citylife.doorbell import BothDoorbells, Doorbell, SilentDoorbell, ThreadDoorbell
from citylife.settings import BrokerQueue, Settings
from notifications.broker import SPACING_SECONDS, BrokerDoorbell, BrokerListener, broker_of
from notifications.rabbitmq import MOST_RINGS, HintBroker
from tests.doubles.relay import Relay

PATIENCE = 60.0


def eventually(condition: Callable[[], object]) -> bool:
    until = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


class Hearing:
    """A bell that counts what it was rung, as a worker's own would be."""

    state = ThreadDoorbell.state

    def __init__(self) -> None:
        self.heard = 0

    def ring(self) -> None:
        self.heard += 1


@contextmanager
def ringing(url: str, queue: BrokerQueue = BrokerQueue.CLASSIC) -> Iterator[BrokerDoorbell]:
    bell = BrokerDoorbell(HintBroker(url, queue))
    try:
        yield bell
    finally:
        bell.stop()


def listening(url: str, queue: BrokerQueue = BrokerQueue.CLASSIC) -> AbstractContextManager[Hearing]:
    return listening_at(HintBroker(url, queue))


@contextmanager
def listening_at(broker: HintBroker | None) -> Iterator[Hearing]:
    """Somebody who listens; the broker has been reached, and the ring for that is not counted."""
    assert broker is not None
    hearing, stop = Hearing(), threading.Event()
    listener = BrokerListener(broker, hearing)
    thread = threading.Thread(target=listener.run, args=(stop,))
    thread.start()
    try:
        assert eventually(lambda: listener.state.reachable and hearing.heard)
        hearing.heard = 0
        yield hearing
    finally:
        stop.set()
        thread.join(PATIENCE)
        assert not thread.is_alive()


@contextmanager
def channel(url: str) -> Iterator[pika.adapters.blocking_connection.BlockingChannel]:
    connection = pika.BlockingConnection(pika.URLParameters(url))
    try:
        yield connection.channel()
    finally:
        connection.close()


def relayed(url: str, relay: Relay) -> str:
    """The same virtual host, by way of the relay."""
    user, _, rest = url.partition("@")
    return f"{user}@127.0.0.1:{relay.port}/{rest.partition('/')[2]}"


def relay_to(url: str) -> Relay:
    parameters = pika.URLParameters(url)
    return Relay(parameters.host, parameters.port)


@pytest.fixture(params=list(BrokerQueue), ids=lambda queue: queue.value)
def queue(request: pytest.FixtureRequest) -> BrokerQueue:
    return request.param


@pytest.fixture
def fresh_url(broker_url: str) -> Iterator[str]:
    """The test broker without a queue of ours, before and after."""
    names = [HintBroker(broker_url, queue).queue_name for queue in BrokerQueue]
    forget(broker_url, *names)
    yield broker_url
    forget(broker_url, *names)


def forget(url: str, *names: str) -> None:
    with channel(url) as our:
        for name in names:
            our.queue_delete(name)


@contextmanager
def a_doorbell(kind: str, url: str) -> Iterator[Doorbell]:
    """One doorbell of each kind, and of those that reach a broker, one for each way a broker can be."""
    if kind == "silent":
        yield SilentDoorbell()
    elif kind == "thread":
        yield ThreadDoorbell()
    elif kind == "both":
        yield BothDoorbells(ThreadDoorbell(), SilentDoorbell())
    elif kind == "rabbitmq":
        with ringing(url) as bell:
            yield bell
    else:
        with relay_to(url) as relay:
            away = relayed(url, relay)
            relay.fall_silent() if kind == "hanging" else relay.go_away()
            with ringing(away) as bell:
                yield bell


@pytest.mark.long
@pytest.mark.parametrize("kind", ["silent", "thread", "both", "rabbitmq", "refusing", "hanging"])
def test_every_doorbell_is_rung_by_many_without_a_word_and_is_quiet_once_stopped(kind, broker_url):
    failures: list[BaseException] = []
    with a_doorbell(kind, broker_url) as bell:

        def ring() -> None:
            try:
                for _ in range(50):
                    bell.ring()
            except BaseException as failure:  # noqa: BLE001 - a thread's failure is this test's
                failures.append(failure)

        threads = [threading.Thread(target=ring) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()
        assert bell.state.kind in {"none", "thread", "rabbitmq"}
        assert bell.state.reachable in {None, True, False}
    bell.ring()
    assert failures == []
    assert not [thread for thread in threading.enumerate() if thread.name == "citylife-doorbell"]


def test_a_ring_wakes_who_listens(fresh_url, queue):
    with listening(fresh_url, queue) as hearing, ringing(fresh_url, queue) as bell:
        bell.ring()
        assert eventually(lambda: hearing.heard == 1)
        bell.ring()
        assert eventually(lambda: hearing.heard == 2)
        assert bell.state.reachable is True


def test_a_ring_is_for_one_of_those_who_listen(fresh_url):
    with listening(fresh_url) as one, listening(fresh_url) as other, ringing(fresh_url) as bell:
        for rung in range(1, 7):
            bell.ring()
            assert eventually(lambda rung=rung: one.heard + other.heard == rung)
        assert one.heard == other.heard == 3


def test_however_often_it_is_rung_a_process_rings_the_broker_seldom(fresh_url):
    with listening(fresh_url) as hearing:
        begun = time.monotonic()
        with ringing(fresh_url) as bell:
            while time.monotonic() < begun + 1:
                bell.ring()
                time.sleep(0.001)
            assert eventually(lambda: hearing.heard >= 2)
        took = time.monotonic() - begun
    assert hearing.heard <= took / SPACING_SECONDS + 2


def test_what_nobody_hears_is_bounded_short_lived_and_stored_nowhere(fresh_url, queue):
    broker = HintBroker(fresh_url, queue)
    try:
        for _ in range(MOST_RINGS + 20):
            broker.ring()
        with channel(fresh_url) as our:
            kept = our.queue_declare(broker.queue_name, passive=True).method.message_count
            assert kept <= MOST_RINGS
            _, properties, body = our.basic_get(broker.queue_name)
        for other in (f"{broker.queue_name}.DQ", f"{broker.queue_name}.XQ"):
            with channel(fresh_url) as our, pytest.raises(pika.exceptions.ChannelClosedByBroker, match="NOT_FOUND"):
                our.queue_declare(other, passive=True)
        said = json.loads(body)
        assert (said["args"], said["kwargs"]) == ([], {})
        assert properties.delivery_mode == 1
    finally:
        broker.hang_up()


def test_nothing_is_left_for_later_in_the_broker(fresh_url):
    broker = HintBroker(fresh_url, BrokerQueue.CLASSIC)
    with pytest.raises(NotImplementedError):
        broker.enqueue(None, delay=1000)


@pytest.mark.long
@pytest.mark.parametrize("silent", [False, True], ids=["refusing", "silent"])
def test_a_broker_that_was_away_is_found_again_and_both_are_said_once(fresh_url, silent):
    with relay_to(fresh_url) as relay, capture_logs() as lines:
        url = relayed(fresh_url, relay)
        with listening(url) as hearing, ringing(url) as bell:
            bell.ring()
            assert eventually(lambda: hearing.heard == 1)
            relay.go_away()
            if silent:
                relay.come_back()
                relay.fall_silent()
            for _ in range(3):
                bell.ring()
            assert eventually(lambda: bell.state.reachable is False)
            attempts = relay.accepted
            assert eventually(lambda: not silent or relay.accepted > attempts + 1)
            hearing.heard = 0
            relay.speak_again() if silent else relay.come_back()
            assert eventually(lambda: bell.state.reachable and hearing.heard)
            before = hearing.heard
            bell.ring()
            assert eventually(lambda: hearing.heard > before)
    for side in ("ringing", "listening"):
        said = [line["event"] for line in lines if line.get("side") == side]
        assert said == ["doorbell.connected", "doorbell.broker_away", "doorbell.broker_back"], side
    assert "guest" not in str(lines)


@pytest.mark.long
def test_queues_that_a_broker_has_lost_are_made_again(fresh_url, queue):
    name = HintBroker(fresh_url, queue).queue_name
    with listening(fresh_url, queue) as hearing, ringing(fresh_url, queue) as bell:
        bell.ring()
        assert eventually(lambda: hearing.heard == 1)
        with channel(fresh_url) as our:
            our.queue_delete(name)
        hearing.heard = 0
        assert eventually(lambda: hearing.heard)  # it listens again, and looks
        before = hearing.heard
        bell.ring()
        assert eventually(lambda: hearing.heard > before)


def test_a_ring_makes_the_queue_again_when_nobody_listens(fresh_url):
    broker = HintBroker(fresh_url, BrokerQueue.CLASSIC)
    try:
        broker.ring()
        with channel(fresh_url) as our:
            our.queue_delete(broker.queue_name)
            broker.ring()
            assert our.queue_declare(broker.queue_name, passive=True).method.message_count == 1
    finally:
        broker.hang_up()


def test_what_was_rung_while_the_broker_was_away_is_rung_when_it_is_back(fresh_url):
    with relay_to(fresh_url) as relay, listening(fresh_url) as hearing:
        relay.go_away()
        with ringing(relayed(fresh_url, relay)) as bell:
            bell.ring()
            assert eventually(lambda: bell.state.reachable is False)
            assert hearing.heard == 0
            relay.come_back()
            assert eventually(lambda: hearing.heard == 1)


def test_a_stopping_process_still_rings_what_was_rung(fresh_url):
    with listening(fresh_url) as hearing:
        with ringing(fresh_url) as bell:
            bell.ring()
        assert eventually(lambda: hearing.heard == 1)


def test_a_wrong_password_is_said_without_it(fresh_url):
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    wrong = fresh_url.replace("guest:guest@", "guest:not-the-password@")
    with capture_logs() as lines, ringing(wrong) as bell:
        bell.ring()
        assert eventually(lambda: bell.state.reachable is False)
    [away] = [line for line in lines if line["event"] == "doorbell.broker_away"]
    assert "ccess" in away["error"] or "uthentication" in away["error"]
    assert "not-the-password" not in str(lines)


def test_without_a_broker_there_is_none():
    assert broker_of(Settings()) is None
