"""A sender that dials nobody: it keeps the envelopes it is given and answers what it was told to."""

from collections import deque
from collections.abc import Callable
from typing import Self

from citylife.endpoints import EndpointRefused, KeysRefused, check_endpoint
from notifications.encryption import MessageTooLong, encrypt
from notifications.webpush import Answer, Envelope, HeadersRefused, Outcome, check_headers

STATUSES = {
    Answer.ACCEPTED: 201,
    Answer.GONE: 410,
    Answer.REFUSED: 400,
    Answer.KEY_WRONG: 403,
    Answer.SLOW_DOWN: 429,
    Answer.RETRY: 503,
}


class RecordingSender:
    """A `PushSender` in memory, held to the same contract as the real one.

    It answers ACCEPTED unless told otherwise for an endpoint or an origin; while `holding`, nothing comes back.
    """

    def __init__(self, *, extra_hosts: tuple[str, ...] = ()) -> None:
        """Allow `extra_hosts` beside the known push services."""
        self.envelopes: list[Envelope] = []
        """Every envelope that would have been sent, in order."""
        self.holding = False
        self.closed = False
        self._extra_hosts = extra_hosts
        self._answers: dict[str, Callable[[Envelope], tuple[Answer, float | None]]] = {}
        self._pending: deque[Outcome] = deque()
        self._refused: deque[Outcome] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def answer(self, endpoint_or_origin: str, answer: Answer, *, retry_after: float | None = None) -> None:
        """From now on, answer this to an endpoint, or to every endpoint of an origin (`https://host`)."""
        self._answers[endpoint_or_origin] = lambda _envelope: (answer, retry_after)

    def answer_by(self, endpoint_or_origin: str, choose: Callable[[Envelope], Answer]) -> None:
        """From now on, let `choose` say the answer to each envelope for an endpoint or an origin."""
        self._answers[endpoint_or_origin] = lambda envelope: (choose(envelope), None)

    @property
    def in_flight(self) -> int:
        """How many envelopes were submitted and have not come back."""
        return len(self._pending) + len(self._refused)

    def in_flight_to(self, origin: str) -> int:
        """How many of them go to `origin`."""
        return sum(outcome.origin == origin for outcome in (*self._pending, *self._refused))

    def submit(self, envelope: Envelope) -> None:
        """Keep an envelope, unless it could not be sent."""
        try:
            origin = check_endpoint(envelope.endpoint, self._extra_hosts).origin
        except EndpointRefused:
            self._refused.append(Outcome(envelope.key, Answer.REFUSED, "", detail="endpoint not allowed"))
            return
        try:
            check_headers(envelope)
            encrypt(envelope.plaintext, envelope.p256dh, envelope.auth)
        except (MessageTooLong, HeadersRefused) as wrong:
            self._refused.append(Outcome(envelope.key, Answer.REFUSED, origin, detail=str(wrong)))
            return
        except KeysRefused:
            self._refused.append(Outcome(envelope.key, Answer.REFUSED, origin, detail="keys not usable"))
            return
        self.envelopes.append(envelope)
        told = self._answers.get(envelope.endpoint) or self._answers.get(origin)
        answer, retry_after = told(envelope) if told else (Answer.ACCEPTED, None)
        self._pending.append(Outcome(envelope.key, answer, origin, STATUSES[answer], retry_after))

    def turn(self, timeout: float) -> list[Outcome]:  # noqa: ARG002 - nothing here takes time
        """Give back what was refused, and, unless holding, everything submitted."""
        done = list(self._refused)
        self._refused.clear()
        if not self.holding:
            done.extend(self._pending)
            self._pending.clear()
        return done

    def close(self) -> None:
        """Drop what is in flight without an outcome."""
        self._pending.clear()
        self._refused.clear()
        self.closed = True
