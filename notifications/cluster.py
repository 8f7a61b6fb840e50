"""Delivers the pilot's reports to the cluster's NGSI-LD broker (Orion-LD, Scorpio, or the hub of another Citylife).

`POST {CITYLIFE_CLUSTER_URL}/ngsi-ld/v1/entityOperations/upsert`, `application/ld+json`, the context inside, no options.
Signed as Standard Webhooks say (HMAC-SHA256 of id, moment and body under the token), with the batch's key as its id, so
that whoever receives it twice knows it; the token itself goes along as a bearer's.
"""

import datetime as dt
import threading
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Final, Protocol

import orjson
import requests
import structlog
from sqlalchemy import Engine
from standardwebhooks.webhooks import Webhook

from citylife.clock import Clock, utc_now
from citylife.database import reading, writing
from citylife.pilot.sending import Answer, Batch, claim_batch, settle, something_to_send
from notifications.rounds import make_rounds

log = structlog.get_logger(__name__)

PATH: Final = "/ngsi-ld/v1/entityOperations/upsert"
SECONDS: Final = (5.0, 20.0)
"""To be reached, and between two pieces of its answer."""
LONGEST_ANSWER: Final = 64 * 1024
LOOK_EVERY: Final = 10.0
"""Seconds between two looks at what waits."""
PATIENCE: Final = 60.0
"""Seconds in which an answer has to be read."""
ALL_TAKEN: Final = frozenset({200, 201, 204})
SOME_TAKEN: Final = 207
"""Orion-LD says `{success, errors}`, Scorpio an array whose failed ones have `failure`."""


class Cluster(Protocol):
    """Whoever takes the pilot's reports."""

    def send(self, batch: Batch, *, now: dt.datetime) -> Answer:
        """Send a batch and say what was answered; never raises for what the network or the broker does."""
        ...


class HttpCluster:
    """The cluster's broker, by HTTP; nothing is sent to it without a token to sign it with."""

    def __init__(self, url: str, token: str) -> None:
        self._address, self._token = url.rstrip("/") + PATH, token
        self._seal = Webhook(token.encode())

    def send(self, batch: Batch, *, now: dt.datetime) -> Answer:
        """See `Cluster`."""
        body = orjson.dumps(list(batch.entities))
        try:
            with requests.post(
                self._address,
                data=body,
                headers=self._headers(batch, body, now),
                timeout=SECONDS,
                allow_redirects=False,
                stream=True,
            ) as answer:
                return _read(answer.status_code, answer.headers, _body(answer), now)
        except (requests.RequestException, OSError) as error:
            return Answer(None, taken=False, words=type(error).__name__)

    def _headers(self, batch: Batch, body: bytes, now: dt.datetime) -> dict[str, str]:
        moment = now.astimezone(dt.UTC)
        return {
            "Content-Type": "application/ld+json",
            "Accept": "application/json",
            "User-Agent": "Citylife",
            "Idempotency-Key": batch.key,
            "Authorization": f"Bearer {self._token}",
            "webhook-id": batch.key,
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": self._seal.sign(batch.key, moment, body.decode()),
        }


class Courier:
    """Takes reports to the cluster, a batch at a time, in a thread of its own; many may look at the same reports."""

    def __init__(
        self, engine: Engine, cluster: Cluster, *, clock: Clock = utc_now, look_every: float = LOOK_EVERY
    ) -> None:
        self._reads, self._writes, self._look_every = reading(engine), writing(engine), look_every
        self._cluster, self._clock = cluster, clock

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set; the batch in hand is settled first."""
        pause = self._look_every
        make_rounds(self.turn, stop, who="courier", log=log, rest=partial(stop.wait, pause), pause=pause)

    def turn(self) -> bool:
        """Send one batch; whether there was any."""
        now = self._clock()
        with self._reads() as session:
            if not something_to_send(session, now=now):
                return False
        with self._writes.begin() as session:
            batch = claim_batch(session, now=now)
        if batch is None:
            return False
        answer = self._cluster.send(batch, now=self._clock())
        with self._writes.begin() as session:
            sending = settle(session, batch, answer, now=self._clock())
            state = None if sending is None else sending.state.value
        if state is None:
            log.warning("pilot.sent_late", batch=batch.key)
        else:
            log.info("pilot.sent", batch=batch.key, status=answer.status, taken=answer.taken, report=state)
        return True


def _body(answer: requests.Response) -> bytes:
    """What was answered, no more than is read, and not for longer than there is patience."""
    until, said = time.monotonic() + PATIENCE, bytearray()
    for piece in answer.iter_content(1):
        said += piece
        if len(said) >= LONGEST_ANSWER or time.monotonic() > until:
            break
    return bytes(said)


def _read(status: int, headers: Mapping[str, str], body: bytes, now: dt.datetime) -> Answer:
    """What an answer means; words of it are kept for people to read."""
    words = "".join(each for each in body.decode("utf-8", "replace") if each.isprintable() or each == "\n").strip()
    if status in ALL_TAKEN:
        return Answer(status, taken=True)
    if status == SOME_TAKEN:
        failed = failures_in(body)
        told = words if failed is None else "; ".join(failed).replace("\0", "")
        return Answer(status, taken=failed == [], words=told)
    return Answer(status, taken=False, words=words, wait=_wait(headers.get("Retry-After", ""), now))


def failures_in(body: bytes) -> list[str] | None:
    """What a 207 says has failed, in either shape; None where it is in neither, and nothing is known."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if isinstance(said, dict) and isinstance(said.get("errors"), list):
        return [_failure(each) for each in said["errors"]]
    if isinstance(said, list) and all(isinstance(each, dict) for each in said):
        return [_failure(each) for each in said if each.get("failure")]
    return None


def _failure(each: Any) -> str:
    """An entity and its problem `{type, title, detail, status}`; the detail may be an object."""
    if not isinstance(each, dict):
        return str(each)
    problem = each.get("error") or each.get("failure") or {}
    if isinstance(problem, list):
        problem = problem[0] if problem else {}
    detail = problem.get("detail") or problem.get("title") or problem if isinstance(problem, dict) else problem
    name = each.get("entityId") or each.get("entity-id") or each.get("id") or "?"
    return f"{name}: {detail if isinstance(detail, str) else orjson.dumps(detail).decode()}"


def _wait(text: str, now: dt.datetime) -> dt.timedelta | None:
    """How long a Retry-After asks to wait: seconds, or until a date."""
    if text.isascii() and text.isdigit():
        return dt.timedelta(seconds=min(int(text), 10**7))
    try:
        return max(parsedate_to_datetime(text) - now, dt.timedelta(0))
    except (ValueError, TypeError):
        return None
