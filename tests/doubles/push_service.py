"""A push service on loopback, as strict as the real ones, that answers in every way they are known to.

It goes by the real host names: whoever sends keeps the allow-list of production, and only its connections are led
here (`address`, `ca_file`). State is behind one lock; the API may be called from any thread.
"""

import asyncio
import base64
import email.utils
import hashlib
import itertools
import re
import secrets
import shutil
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric import ec

from tests.doubles.certificates import Certificates, make_certificates
from tests.doubles.push_checks import Undecipherable, Verdict, check_push_request, decrypt
from tests.doubles.push_wire import Manner, Reply, Request, WireProtocol, tls_context

FCM: Final = "fcm.googleapis.com"
MOZILLA: Final = "updates.push.services.mozilla.com"
APPLE: Final = "web.push.apple.com"
WINDOWS: Final = "wns2-par02p.notify.windows.com"
PATHS: Final = {FCM: "/fcm/send/", MOZILLA: "/wpush/v2/", APPLE: "/", WINDOWS: "/w/?token="}
TOKEN: Final = re.compile(r"[A-Za-z0-9_-]+$")
TAKEN: Final = frozenset({200, 201, 202, 204})
LOOK_SECONDS: Final = 0.1
"""How often a condition is looked at while nothing is asked."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a request that passes every check is answered; a message is taken by 200, 201, 202 and 204 alone.

    With `taken`, it is taken whatever the sender hears: the answer was lost on the way back.
    """

    status: int = 201
    manner: Manner = Manner.ANSWER
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    delay: float = 0.0
    pace: float = 1.0
    taken: bool = False

    @property
    def takes(self) -> bool:
        """Whether the message reaches the phone."""
        return self.taken or (self.status in TAKEN and self.manner in {Manner.ANSWER, Manner.DRIP_BODY})


ACCEPTS: Final = Behaviour()
SILENT: Final = Behaviour(manner=Manner.SILENCE)
DRIPS: Final = Behaviour(manner=Manner.DRIP)
DRIPS_ITS_BODY: Final = Behaviour(manner=Manner.DRIP_BODY)
TALKS_GARBAGE: Final = Behaviour(manner=Manner.GARBAGE)
RESETS: Final = Behaviour(manner=Manner.RESET)
RESETS_THE_STREAM: Final = Behaviour(manner=Manner.RESET_STREAM)


def answers(status: int, *, retry_after: str = "", location: str = "", body: str = "", delay: float = 0.0) -> Behaviour:
    """Answer a status, with the headers that go with it, after `delay` seconds."""
    headers = [("retry-after", retry_after)] if retry_after else []
    headers += [("location", location)] if location else []
    return Behaviour(status=status, headers=tuple(headers), body=body, delay=delay)


def slows_down(seconds: int, *, as_date: bool = False) -> Behaviour:
    """Answer 429 with a Retry-After in seconds, or as the date they lead to."""
    wait = email.utils.formatdate(time.time() + seconds, usegmt=True) if as_date else str(seconds)
    return answers(429, retry_after=wait)


@dataclass(slots=True)
class Subscription:
    """One browser's subscription, seen from the browser: its endpoint, its keys, and what it was shown."""

    endpoint: str
    host: str
    token: str
    p256dh: bytes
    auth: bytes
    private_key: ec.EllipticCurvePrivateKey = field(repr=False)
    application_key: bytes | None = None
    active: bool = True
    connected: bool = True
    received: list[bytes] = field(default_factory=list)
    """The messages the phone has been given, decrypted, in order."""
    waiting: dict[str, tuple[float, bytes]] = field(default_factory=dict)
    """What waits for a phone that is off: topic (or a number of its own) → when it lapses, message."""

    @property
    def keys(self) -> dict[str, str]:
        """The keys as `PushSubscription.toJSON()` writes them."""
        return {"p256dh": base64url(self.p256dh), "auth": base64url(self.auth)}


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message the service took, in the order it took them."""

    endpoint: str
    host: str
    topic: str
    urgency: str
    ttl: int
    message: bytes
    repeated: bool
    """Whether the same message under the same topic was taken before for the same subscription."""


def base64url(raw: bytes) -> str:
    """Unpadded base64url."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def new_subscription(host: str = FCM, *, application_key: bytes | None = None) -> Subscription:
    """Make the keys and the endpoint of a browser that subscribes at `host`."""
    private_key = ec.generate_private_key(ec.SECP256R1())
    point = private_key.public_key().public_numbers()
    token = secrets.token_urlsafe(32)
    return Subscription(
        endpoint=f"https://{host}{PATHS.get(host, '/push/')}{token}",
        host=host,
        token=token,
        p256dh=b"\x04" + point.x.to_bytes(32) + point.y.to_bytes(32),
        auth=secrets.token_bytes(16),
        private_key=private_key,
        application_key=application_key,
    )


class PushService:
    """The service, in a thread of its own; use it as a context manager or call `start` and `stop`."""

    def __init__(
        self,
        *,
        port: int = 0,
        protocols: tuple[str, ...] = ("h2", "http/1.1"),
        certificates: Certificates | None = None,
        clock: Callable[[], float] = time.time,
        on_delivery: Callable[[Delivery], None] | None = None,
    ) -> None:
        """Speak `protocols` on `port` (0: any); call `on_delivery` before a message taken is acknowledged."""
        self._folder = Path(tempfile.mkdtemp(prefix="push-service-"))
        self._certificates = certificates or make_certificates(self._folder)
        self._protocols = protocols
        self._clock = clock
        self._on_delivery = on_delivery
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._subscriptions: dict[str, Subscription] = {}
        self._behaviours: dict[str, list[Behaviour]] = {}
        self._taken: set[tuple[str, str, bytes]] = set()
        self._numbers = itertools.count()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="push-service", daemon=True)
        self._server: asyncio.Server | None = None
        self._wires: set[WireProtocol] = set()
        self.port = port
        self.connections = 0
        """TCP connections accepted, whatever became of them."""
        self.requests = 0
        self.statuses: Counter[int] = Counter()
        self.requests_to: Counter[str] = Counter()
        self.deliveries: list[Delivery] = []
        self.refusals: list[Verdict] = []
        """What the checks refused, with why: empty where the sender does its work."""
        self.headers: dict[str, list[Mapping[str, str]]] = defaultdict(list)
        """The headers of every request, by endpoint."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen on loopback."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(60)

    def stop(self) -> None:
        """Close every connection and end the thread."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
        self._loop.close()
        shutil.rmtree(self._folder)

    async def _listen(self) -> None:
        tls = tls_context(str(self._certificates.chain_file), str(self._certificates.key_file), self._protocols)
        self._server = await self._loop.create_server(self._accept, "127.0.0.1", self.port, ssl=tls, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]

    def _accept(self) -> WireProtocol:
        with self._lock:
            self.connections += 1
        wire = WireProtocol(self.answer, self._loop)
        self._wires.add(wire)
        return wire

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        for wire in self._wires:
            wire.rudely(Manner.RESET)
        for _ in range(200):
            await asyncio.sleep(0.05)
            if not any(wire.connected for wire in self._wires):
                break

    @property
    def address(self) -> str:
        """`host:port` to lead the sender's connections to."""
        return f"127.0.0.1:{self.port}"

    @property
    def ca_file(self) -> str:
        """The PEM file of the authority to trust."""
        return str(self._certificates.ca_file)

    # The browsers' side

    def subscribe(self, host: str = FCM, *, application_key: bytes | None = None) -> Subscription:
        """Subscribe a browser at `host`, for anybody's pushes or for those signed by `application_key` alone."""
        made = new_subscription(host, application_key=application_key)
        with self._lock:
            self._subscriptions[made.token] = made
        return made

    def unsubscribe(self, subscription: Subscription) -> None:
        """From now on its endpoint answers 410."""
        with self._lock:
            subscription.active = False

    def disconnect(self, subscription: Subscription) -> None:
        """Switch the phone off: messages wait, each until its TTL, and by Topic the last alone."""
        with self._lock:
            subscription.connected = False

    def connect(self, subscription: Subscription) -> None:
        """Switch the phone on: it is given what waited and has not lapsed."""
        with self._lock:
            subscription.connected = True
            now = self._clock()
            subscription.received += [message for lapses, message in subscription.waiting.values() if lapses > now]
            subscription.waiting.clear()

    # The test's side

    def behave(self, target: Subscription | str, *behaviours: Behaviour) -> None:
        """Answer requests to a subscription, an endpoint or a host in these ways, in turn; the last one stays."""
        name = target.endpoint if isinstance(target, Subscription) else target
        with self._lock:
            self._behaviours[name] = list(behaviours)

    def wait_for(self, condition: Callable[[], bool], timeout: float = 60.0) -> bool:
        """Wait until `condition` holds, looked at after every request and now and then between; whether it does."""
        until = time.monotonic() + timeout
        with self._changed:
            while not condition():
                if time.monotonic() >= until:
                    return False
                self._changed.wait(LOOK_SECONDS)
        return True

    @property
    def repeats(self) -> int:
        """How many of the messages taken had been taken before."""
        with self._lock:
            return sum(delivery.repeated for delivery in self.deliveries)

    # The sender's side

    def answer(self, request: Request) -> Reply:
        """Check a request and answer it."""
        with self._changed:
            self.requests += 1
            self.requests_to[request.host] += 1
            reply = self._answer(request)
            if reply.manner in {Manner.ANSWER, Manner.DRIP, Manner.DRIP_BODY}:
                self.statuses[reply.status] += 1
            self._changed.notify_all()
        return reply

    def _answer(self, request: Request) -> Reply:
        found = TOKEN.search(request.path)
        subscription = self._subscriptions.get(found[0]) if found else None
        if request.method != "POST":
            return self._refused(Verdict(405, f"{request.method} is not POST"))
        if subscription is None or subscription.host != request.host:
            return Reply(404, body=b"no such subscription")
        self.headers[subscription.endpoint].append(request.headers)
        if not subscription.active:
            return Reply(410, body=b"unsubscribed")
        now = self._clock()
        origin = f"https://{request.host}"
        key = subscription.application_key
        verdict = check_push_request(request.headers, request.body, origin, now, application_key=key)
        if verdict.status not in TAKEN:
            return self._refused(verdict)
        try:
            message = decrypt(request.body, subscription.private_key, subscription.auth)
        except Undecipherable as wrong:
            return self._refused(Verdict(400, f"the browser cannot read it: {wrong}"))
        behaviour = self._behaviour(subscription)
        if behaviour.takes:
            self._take(subscription, verdict, message, now)
        headers = behaviour.headers
        if behaviour.status in TAKEN:
            headers = (*headers, ("location", f"{origin}/m/{next(self._numbers)}"), ("ttl", str(verdict.ttl)))
        return Reply(
            behaviour.status, headers, behaviour.body.encode(), behaviour.manner, behaviour.delay, behaviour.pace
        )

    def _refused(self, verdict: Verdict) -> Reply:
        self.refusals.append(verdict)
        return Reply(verdict.status, body=verdict.explanation.encode())

    def _behaviour(self, subscription: Subscription) -> Behaviour:
        for name in (subscription.endpoint, subscription.host):
            told = self._behaviours.get(name)
            if told:
                return told.pop(0) if len(told) > 1 else told[0]
        return ACCEPTS

    def _take(self, subscription: Subscription, verdict: Verdict, message: bytes, now: float) -> None:
        mark = (subscription.token, verdict.topic, hashlib.sha256(message).digest())
        delivery = Delivery(
            endpoint=subscription.endpoint,
            host=subscription.host,
            topic=verdict.topic,
            urgency=verdict.urgency,
            ttl=verdict.ttl,
            message=message,
            repeated=mark in self._taken,
        )
        self._taken.add(mark)
        self.deliveries.append(delivery)
        if self._on_delivery is not None:
            self._on_delivery(delivery)
        if subscription.connected:
            subscription.received.append(message)
        elif verdict.ttl > 0:
            subscription.waiting[verdict.topic or f"#{next(self._numbers)}"] = (now + verdict.ttl, message)
