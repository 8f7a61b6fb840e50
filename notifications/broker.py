"""The doorbell between machines: a broker that carries « there is work » and never the work.

Whoever rings or listens does it in a thread of its own, so that a broker that refuses, hangs or is gone delays nobody;
it is tried again with back-off, and workers look at the ledger by themselves meanwhile.
"""

import random
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

import structlog

from citylife.doorbell import BellState, Doorbell
from citylife.settings import Settings

log = structlog.get_logger(__name__)

CONNECT_SECONDS: Final = 4.0
"""How long a broker may take to accept a connection and to greet us; one that only accepts is as good as gone."""
IDLE_SECONDS: Final = 5.0
"""How often the ringing thread answers heartbeats when nobody rings: at least twice within the time above."""
SPACING_SECONDS: Final = 0.05
"""Between two rings of one process; what is rung meanwhile is one ring."""
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 15.0
"""Seconds between two attempts to reach a broker that is away."""
FLUSH_SECONDS: Final = 2 * CONNECT_SECONDS
"""How long a stopping process waits for its last ring; with a broker that answers it is a matter of milliseconds."""


class Broker(Protocol):
    """A broker as it is used here; whatever it raises, it did not answer."""

    def ring(self) -> None:
        """Put one ring into the queue."""
        ...

    def rings(self) -> AbstractContextManager[Iterator[bool]]:
        """Listen: True for each ring, False now and then while there is none."""
        ...

    def keep_alive(self) -> None:
        """Connect this thread where it is not connected, and answer what the broker asked meanwhile."""
        ...

    def hang_up(self) -> None:
        """Close what this thread has open."""
        ...


class ListenerCancelled(Exception):
    """The broker ended our consumer, and that alone: its queue was deleted, or has moved to another node."""


class Reach:
    """Whether a broker is reached: says once that it went away and once that it is back, and how long to wait."""

    def __init__(self, side: str, dice: random.Random) -> None:
        self._side, self._dice, self._tries = side, dice, 0
        self.reachable: bool | None = None

    def reached(self) -> None:
        """The broker answered."""
        if self.reachable is None:
            log.info("doorbell.connected", side=self._side)
        elif not self.reachable:
            log.info("doorbell.broker_back", side=self._side, attempts=self._tries)
        self.reachable, self._tries = True, 0

    def missed(self, error: Exception) -> float:
        """The broker did not answer; how many seconds to wait before it is tried again."""
        if self.reachable is not False:
            log.warning("doorbell.broker_away", side=self._side, error=_said(error))
        self.reachable = False
        pause = min(FIRST_PAUSE * 2.0**self._tries, LONGEST_PAUSE)
        self._tries = min(self._tries + 1, 10)
        return pause * self._dice.uniform(0.7, 1.0)


class BrokerDoorbell:
    """Rings through a broker, from a thread that begins with the first ring: safe to make before a process forks.

    Rings that come while one is on its way, or while the broker is away, become one.
    """

    def __init__(self, broker: Broker, *, dice: random.Random | None = None) -> None:
        self._broker = broker
        self._reach = Reach("ringing", dice or random.Random())  # noqa: S311 - jitter, not a secret
        self._wake, self._pending, self._stopping = threading.Event(), threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def state(self) -> BellState:
        """RabbitMQ, and whether it answered when it was last tried."""
        return BellState("rabbitmq", self._reach.reachable)

    def ring(self) -> None:
        """Leave a ring to the thread."""
        self._pending.set()
        self._wake.set()
        self.start()

    def start(self) -> None:
        """Connect now rather than at the first ring. A fork has left its thread behind, and gets a new one."""
        if (self._thread is None or not self._thread.is_alive()) and not self._stopping.is_set():
            with self._lock:
                if self._thread is None or not self._thread.is_alive():
                    self._thread = threading.Thread(target=self._run, name="citylife-doorbell", daemon=True)
                    self._thread.start()

    def stop(self) -> None:
        """Ring what is still to be rung, if the broker answers, and end the thread; later rings say nothing."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(FLUSH_SECONDS)

    def _run(self) -> None:
        try:
            while self._turn():
                pass
        finally:
            self._broker.hang_up()

    def _turn(self) -> bool:
        """Ring, or keep the line; whether to go on."""
        rung = self._pending.is_set()
        try:
            if rung:
                self._pending.clear()  # before it is rung: who rings meanwhile is not forgotten
                self._broker.ring()
            elif not self._stopping.is_set():
                self._broker.keep_alive()
        except Exception as error:  # noqa: BLE001 - whatever a broker answers, the ledger has the work
            pause = self._reach.missed(error)
            if rung:
                self._pending.set()
            self._broker.hang_up()
            return not self._stopping.wait(pause)
        self._reach.reached()
        if rung:
            self._stopping.wait(SPACING_SECONDS)
        if not self._pending.is_set() and not self._stopping.is_set():
            self._wake.wait(IDLE_SECONDS)
            self._wake.clear()
        return self._pending.is_set() or not self._stopping.is_set()


class BrokerListener:
    """Rings a worker's own bell whenever the broker has a ring for it, and once whenever it is reached again."""

    def __init__(self, broker: Broker, bell: Doorbell, *, dice: random.Random | None = None) -> None:
        self._broker, self._bell = broker, bell
        self._reach = Reach("listening", dice or random.Random())  # noqa: S311 - jitter, not a secret

    @property
    def state(self) -> BellState:
        """RabbitMQ, and whether it answered when it was last tried."""
        return BellState("rabbitmq", self._reach.reachable)

    def run(self, stop: threading.Event) -> None:
        """Listen until `stop` is set."""
        while not stop.is_set():
            try:
                self._listen(stop)
            except Exception as error:  # noqa: BLE001 - whatever a broker answers, the worker looks by itself
                stop.wait(self._reach.missed(error))

    def _listen(self, stop: threading.Event) -> None:
        with self._broker.rings() as rings:
            for rung in rings:
                if self._reach.reachable is not True:
                    self._reach.reached()
                    self._bell.ring()
                if rung:
                    self._bell.ring()
                if stop.is_set():
                    return
        raise ListenerCancelled


def broker_of(settings: Settings) -> Broker | None:
    """The broker of the settings; None where none is set. Nothing is dialled yet."""
    if not settings.broker_url:
        return None
    from notifications.rabbitmq import HintBroker  # noqa: PLC0415 - see there

    return HintBroker(settings.broker_url, settings.broker_queue, ca_file=settings.broker_ca)


def _said(error: Exception) -> str:
    """What went wrong, without address or credential: the kind of error, and AMQP's own reason."""
    cause: Any = error
    while isinstance(getattr(cause, "message", None), Exception):  # Dramatiq wraps what pika raised
        cause = cause.message
    code, reason = getattr(cause, "reply_code", None), getattr(cause, "reply_text", None)
    return type(cause).__name__ + (f": {code} {reason}" if reason else "")
