"""How tests send: envelopes for a double's subscriptions, and everything that comes back."""

import socket
import threading
import time
from collections.abc import Hashable, Iterable
from typing import Any, Final, Self

from cryptography.hazmat.primitives.asymmetric import ec

from citylife.clock import Clock, utc_now
from notifications.vapid import VapidSigner
from notifications.webpush import Envelope, Outcome, PushSender
from notifications.webpush_curl import CurlSender, SenderLimits
from tests.doubles.push_process import RemoteSubscription
from tests.doubles.push_service import PushService, Subscription

CONTACT: Final = "mailto:contact@citylife.example"
TOPIC: Final = "AZrXyzAZrXyzAZrXyzAZrX"


def a_signer(*, contact: str = CONTACT, clock: Clock = utc_now) -> VapidSigner:
    """A signer with a key of its own."""
    return VapidSigner(ec.generate_private_key(ec.SECP256R1()), contact, clock=clock)


def a_sender(service: PushService, *, signer: VapidSigner | None = None, **limits: Any) -> CurlSender:
    """The real sender, led to a service on loopback."""
    return CurlSender(
        signer or a_signer(),
        connect_to=service.address,
        ca_file=service.ca_file,
        limits=SenderLimits(**limits),
    )


def an_envelope(
    subscription: Subscription | RemoteSubscription,
    *,
    key: Hashable = None,
    plaintext: bytes = b'{"web_push": 8030}',
    **fields: Any,
) -> Envelope:
    """A message for a subscription; its key is the endpoint unless it is given."""
    fields = {"ttl": 3600, "topic": TOPIC, **fields}
    endpoint = fields.pop("endpoint", subscription.endpoint)
    return Envelope(
        key=endpoint if key is None else key,
        endpoint=endpoint,
        p256dh=fields.pop("p256dh", subscription.p256dh),
        auth=fields.pop("auth", subscription.auth),
        plaintext=plaintext,
        **fields,
    )


def send_all(sender: PushSender, envelopes: Iterable[Envelope], *, within: float = 60.0) -> dict[Hashable, Outcome]:
    """Submit envelopes and turn until every one has come back, by key."""
    for envelope in envelopes:
        sender.submit(envelope)
    until = time.monotonic() + within
    back: dict[Hashable, Outcome] = {}
    while sender.in_flight:
        assert time.monotonic() < until, f"{sender.in_flight} envelopes have not come back"
        for outcome in sender.turn(0.5):
            assert outcome.key not in back, f"{outcome} came back twice"
            back[outcome.key] = outcome
    return back


class Listener:
    """A port on loopback that counts who connects, and says nothing."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self.connections = 0
        self.port: int = self._socket.getsockname()[1]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(60)
        self._socket.close()

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"127.0.0.1:{self.port}"

    def _accept(self) -> None:
        while True:
            try:
                connection, _peer = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()
