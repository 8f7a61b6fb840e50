"""A worker: a dispatcher with its real sender, as a thread of the web process or as a process of its own.

Beside it, each in a thread of its own: a postman with its mailer, a surveyor who counts for the pilot, where a cluster
is set a courier, and where a broker is set, one who listens for its rings and one who rings on.
"""

import datetime as dt
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from typing import Final

import structlog
from cryptography.hazmat.primitives.asymmetric import ec
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from citylife import keyring
from citylife.clock import Clock, utc_now
from citylife.database import reading, writing
from citylife.doorbell import SilentDoorbell, ThreadDoorbell
from citylife.keys import Keys
from citylife.ledger.gate import sending_refused
from citylife.printed_mail import FOLDER
from citylife.revision import revision
from citylife.settings import Settings
from citylife.shared_clock import SharedClock
from citylife.standing import StandingCollector
from notifications.broker import CONNECT_SECONDS, FLUSH_SECONDS, BrokerDoorbell, BrokerListener, broker_of
from notifications.dispatcher import DATABASE_AWAY_SECONDS, DRAIN_SECONDS, Dispatcher
from notifications.mail import mailer_for
from notifications.measuring import Surveyor
from notifications.postman import Postman
from notifications.scraping import Scraping
from notifications.timekeeper import letter_deeds
from notifications.vapid import Signers, VapidSigner
from notifications.webpush import PushSender
from notifications.webpush_curl import CurlSender, SenderLimits

log = structlog.get_logger(__name__)

POSTMAN_SECONDS: Final = 5.0
"""How long a stopping worker waits for what the threads beside have in hand; after that it is left to its lease."""
LISTENER_SECONDS: Final = CONNECT_SECONDS + 1
JOIN_SECONDS: Final = DRAIN_SECONDS + POSTMAN_SECONDS + FLUSH_SECONDS + LISTENER_SECONDS


def sender_for(settings: Settings, signers: Signers) -> PushSender:
    """The sender that dials the push services, or, loudly, the one address that the settings redirect it to."""
    if settings.push_connect_to:
        log.warning("sender.redirected", every_push_goes_to=settings.push_connect_to)
    return CurlSender(
        signers,
        extra_hosts=settings.push_hosts,
        connect_to=settings.push_connect_to,
        ca_file=settings.push_ca,
        limits=SenderLimits(seconds_a_message=settings.push_seconds),
    )


class Worker:
    """Runs a dispatcher until it is stopped. The sender is made and closed by the thread that uses it."""

    def __init__(
        self, settings: Settings, keys: Keys, engine: Engine, *, bell: ThreadDoorbell, clock: Clock = utc_now
    ) -> None:
        self._settings, self._keys, self._engine, self._bell = settings, keys, engine, bell
        self._clock = SharedClock(engine, clock)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._broker = broker_of(settings)
        self._shows_itself = True

    def run(self) -> None:
        """Work in this thread until `ask_to_stop`; then settle what is in flight and return.

        Raises:
            OSError: the port that the settings give for the metrics is taken.
        """
        signers = self._signers()
        sender = sender_for(self._settings, signers)
        beside = [self._start_postman(), self._start_surveyor(), *self._start_courier()]
        listener = self._start_listener()
        rings_on = BrokerDoorbell(self._broker) if self._broker is not None else None
        try:
            dispatcher = Dispatcher(
                self._engine,
                sender,
                base_url=self._settings.base_url,
                bell=self._bell,
                clock=self._clock,
                lease=dt.timedelta(seconds=self._settings.lease_seconds),
                look_every=self._settings.look_seconds,
                rings_on=rings_on or SilentDoorbell(),
                steady=self._clock.steady,
                push_keys=signers.numbers,
                refuses=partial(sending_refused, aipd_date=self._settings.aipd_date),
                besides=letter_deeds(self._keys.secret_key, reading(self._engine)),
            )
            with ExitStack() as shown:
                if self._settings.metrics_port and self._shows_itself:
                    shown.enter_context(self._scraping(dispatcher))
                log.info("worker.started", looks_every=self._settings.look_seconds)
                dispatcher.run(self._stop)
        finally:
            sender.close()
            self.ask_to_stop()
            until = time.monotonic() + POSTMAN_SECONDS
            for thread in beside:
                thread.join(max(0.0, until - time.monotonic()))
            if rings_on is not None:
                rings_on.stop()
            if listener is not None:
                listener.join(LISTENER_SECONDS)

    def _scraping(self, dispatcher: Dispatcher) -> Scraping:
        registry = CollectorRegistry()
        registry.register(StandingCollector(self._engine, self._clock, aipd_date=self._settings.aipd_date))
        host, port = self._settings.metrics_host, self._settings.metrics_port
        return Scraping(host, port, registry=registry, seconds_since_turn=lambda: dispatcher.seconds_since_turn)

    def _signers(self) -> Signers:
        """A signer for each push key of this host, under the number the database knows it by; none when stopped.

        Raises:
            KeysDiffer: this host has other keys than the database was used with.
        """
        held: Mapping[int, ec.EllipticCurvePrivateKey] = {}
        while not held and not self._stop.is_set():
            try:
                with writing(self._engine).begin() as session:
                    held = keyring.agree(session, self._keys, now=self._clock())
            except DBAPIError as away:
                log.warning("worker.database_away", error=type(away.orig).__name__)
                self._stop.wait(DATABASE_AWAY_SECONDS)
        contact, clock = self._settings.contact, self._clock
        return Signers({number: VapidSigner(key, contact, clock=clock) for number, key in held.items()})

    def _start_postman(self) -> threading.Thread:
        bell = ThreadDoorbell()
        self._bell.rings_too = (bell,)
        postman = Postman(
            self._engine,
            mailer_for(self._settings),
            base_url=self._settings.base_url,
            bell=bell,
            clock=self._clock,
            printed=self._settings.instance / FOLDER,
            look_every=self._settings.look_seconds,
        )
        return self._started("citylife-postman", postman.run)

    def _start_surveyor(self) -> threading.Thread:
        surveyor = Surveyor(self._engine, revision=revision(self._settings), clock=self._clock)
        return self._started("citylife-surveyor", surveyor.run)

    def _start_courier(self) -> list[threading.Thread]:
        """None where there is no cluster."""
        if not self._settings.cluster_url:
            return []
        from notifications.cluster import Courier, HttpCluster  # noqa: PLC0415 - five megabytes for few installations

        cluster = HttpCluster(self._settings.cluster_url, self._settings.cluster_token)
        return [self._started("citylife-courier", Courier(self._engine, cluster, clock=self._clock).run)]

    def _start_listener(self) -> threading.Thread | None:
        if self._broker is None:
            return None
        return self._started("citylife-listener", BrokerListener(self._broker, self._bell).run)

    def _started(self, name: str, target: Callable[[threading.Event], None]) -> threading.Thread:
        thread = threading.Thread(target=target, args=(self._stop,), name=name, daemon=True)
        thread.start()
        return thread

    def ask_to_stop(self) -> None:
        """Let `run` come to its end; safe from a signal handler and from any thread."""
        self._stop.set()
        self._bell.ring()

    def start(self) -> None:
        """Work in a thread of this process, whose own metrics are the ones that show."""
        self._shows_itself = False
        self._thread = threading.Thread(target=self.run, name="citylife-worker")
        self._thread.start()

    def stop(self) -> None:
        """End the thread gracefully."""
        self.ask_to_stop()
        if self._thread is not None:
            self._thread.join(JOIN_SECONDS)
