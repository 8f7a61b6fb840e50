"""What the house asks of whatever sends its pushes: envelopes in, outcomes out, nothing of HTTP between.

`PushSender` is the contract; `notifications.webpush_curl` keeps it over HTTP/2, `notifications.webpush_recording` in
memory for tests. Neither touches the database, and neither decides anything: what an answer means for a delivery and
its device is read by the dispatcher.
"""

import re
from collections.abc import Hashable
from dataclasses import dataclass
from enum import Enum, StrEnum
from http import HTTPStatus
from typing import Final, Protocol


class Urgency(StrEnum):
    """How much of the phone's battery a message is worth (RFC 8030, 5.3)."""

    VERY_LOW = "very-low"
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class Answer(Enum):
    """What an answer of a push service means for the delivery, the device and the origin."""

    ACCEPTED = "accepted"
    """Delivered to the push service: settled."""
    GONE = "gone"
    """The device is gone: remove it, if its endpoint is still this one."""
    REFUSED = "refused"
    """Our message is wrong: settle as refused, alarm, keep the device."""
    KEY_WRONG = "key wrong"
    """Our key is wrong: stop that origin, alarm, delete nothing."""
    SLOW_DOWN = "slow down"
    """Wait `retry_after`, that origin only."""
    RETRY = "retry"
    """Nothing is known of its fate: again, later, until the offer ends."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message for one device, composed and not yet encrypted."""

    key: Hashable
    """Opaque to the sender; given back with the outcome."""
    endpoint: str
    p256dh: bytes
    """The device's public key: 65 bytes, an uncompressed point on P-256."""
    auth: bytes
    """The device's authentication secret: 16 bytes."""
    plaintext: bytes
    """At most 3,993 bytes."""
    ttl: int
    """Seconds for which the push service may keep the message."""
    topic: str
    """At most 32 base64url characters: what it replaces while still waiting at the push service; empty: nothing."""
    urgency: Urgency = Urgency.NORMAL
    push_key: int = 1
    """The number of our key that the subscription was made with: no other may sign for it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one envelope."""

    key: Hashable
    answer: Answer
    origin: str
    """`https://host` of the push service; empty where the endpoint was refused."""
    status: int | None = None
    """The HTTP status; None where there was none."""
    retry_after: float | None = None
    """Seconds the service asked us to wait; None where it asked nothing."""
    detail: str = ""
    """A few words for the log; never the endpoint's path."""


class HeadersRefused(ValueError):
    """An envelope says something that no header can carry."""


TOPIC: Final = re.compile(r"[A-Za-z0-9_-]{0,32}")


def check_headers(envelope: Envelope) -> None:
    """See that the topic and the TTL can stand in a request.

    Raises:
        HeadersRefused: they cannot (RFC 8030, 5.2 and 5.4).
    """
    if not TOPIC.fullmatch(envelope.topic):
        raise HeadersRefused(f"topic not of at most 32 base64url characters: {envelope.topic[:40]!r}")
    if envelope.ttl < 0:
        raise HeadersRefused(f"ttl below zero: {envelope.ttl}")


class PushSender(Protocol):
    """Sends envelopes. Single-threaded: one thread submits, turns and closes.

    Every envelope submitted comes back in exactly one outcome, unless the sender is closed before. An envelope that
    cannot be sent (endpoint not allowed, keys wrong, message too long) is not an exception: it comes back REFUSED, and
    nothing is dialled for it.
    """

    @property
    def in_flight(self) -> int:
        """How many envelopes were submitted and have not come back."""
        ...

    def in_flight_to(self, origin: str) -> int:
        """How many of them go to `origin` (`https://host`): what lets a slow origin be held back alone."""
        ...

    def submit(self, envelope: Envelope) -> None:
        """Take an envelope. It leaves at once where its origin has room, else when an earlier one comes back."""
        ...

    def turn(self, timeout: float) -> list[Outcome]:
        """Drive the exchanges and give back what completed: at once when something has, after `timeout` seconds else.

        Returns at once, with nothing, when nothing is in flight.
        """
        ...

    def close(self) -> None:
        """Drop what is in flight without an outcome, and let the connections go."""
        ...


_MEANINGS: Final[dict[int, Answer]] = {
    HTTPStatus.OK: Answer.ACCEPTED,
    HTTPStatus.CREATED: Answer.ACCEPTED,
    HTTPStatus.ACCEPTED: Answer.ACCEPTED,
    HTTPStatus.NO_CONTENT: Answer.ACCEPTED,
    HTTPStatus.NOT_FOUND: Answer.GONE,
    HTTPStatus.GONE: Answer.GONE,
    HTTPStatus.BAD_REQUEST: Answer.REFUSED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Answer.REFUSED,
    HTTPStatus.UNAUTHORIZED: Answer.KEY_WRONG,
    HTTPStatus.FORBIDDEN: Answer.KEY_WRONG,
    HTTPStatus.TOO_MANY_REQUESTS: Answer.SLOW_DOWN,
}
_REDIRECTS: Final = range(300, 400)


def meaning_of(status: int) -> Answer:
    """What an HTTP status means: a redirect is never followed, and what nobody foresaw is tried again."""
    return _MEANINGS.get(status, Answer.REFUSED if status in _REDIRECTS else Answer.RETRY)
