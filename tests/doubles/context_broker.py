"""An NGSI-LD broker on loopback that takes an upsert as Orion-LD or as Scorpio does, and nothing they would not take.

It checks path, headers, the array, each entity (against the Smart Data Models' schema too, where that is at hand), the
context and the signature; what breaks a rule is answered 400 and kept in `faults`. A batch is known by its key: sent
again with another content it is a fault, with the same it is taken once more, to no other effect. It can fail, wholly
or in part, for as many requests as it is told, and answer late, by drips, or without end.
"""

import datetime as dt
import json
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain, repeat
from typing import Any, Final

from jsonschema import Draft202012Validator
from standardwebhooks.webhooks import Webhook

from citylife.clock import Clock, utc_now
from tests.doubles.kpi_schema import kpi_schema, plain

PATH: Final = "/ngsi-ld/v1/entityOperations/upsert"
TOKEN: Final = "a-token-of-the-tests"
MOST: Final = 10
TOLERANCE: Final = dt.timedelta(minutes=5)
DRIP: Final = 0.05
"""Seconds between two bytes of a body that drips."""
URN: Final = re.compile(r"urn:ngsi-ld:KeyPerformanceIndicator:citylife:[a-z0-9-]+:[A-Za-z0-9-]+:\d{4}-W?\d{2}")
MEMBERS: Final = frozenset({"type", "value", "observedAt", "unitCode"})
"""What a Property of ours may have; anything else would be a sub-attribute."""
UNIT_CODE: Final = re.compile(r"[A-Z0-9]{2,3}")
"""As UN/CEFACT's common codes are written; of money there is none, and ISO 4217's would not say that it is in cents."""
MOMENT: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z")
ORION, SCORPIO = "orion-ld", "scorpio"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What one request meets instead: a status with headers and a body; entities that fail, by their place in it.

    `taken_first` says that the entities are kept all the same, and only the answer is lost or bad.
    """

    status: int = 503
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    failing: tuple[int, ...] = ()
    taken_first: bool = False
    seconds: float = 0.0
    """How long the answer takes, after what was taken is kept."""
    hang_up: bool = False
    drips: bool = False
    """The body comes a byte at a time, each within the patience for one piece and all of them not."""
    endless: bool = False
    """After the body, more of it for as long as somebody reads."""


@dataclass
class PlayedBroker:
    """What it holds, how often each batch came, and what was wrong with what came."""

    kind: str = ORION
    entities: dict[str, dict[str, Any]] = field(default_factory=dict)
    writes: Counter[str] = field(default_factory=Counter)
    keys: dict[str, bytes] = field(default_factory=dict)
    came: list[str] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    url: str = ""
    clock: Clock = utc_now
    schema: Draft202012Validator | None = None

    def fault_in(self, path: str, headers: Any, body: bytes) -> str | None:
        """The first rule that a request breaks."""
        key = headers.get("Idempotency-Key", "")
        rules = (
            (path == PATH, f"the path {path}"),
            (headers.get("Content-Type") == "application/ld+json", "the content type"),
            ("application/json" in headers.get("Accept", ""), "what is accepted"),
            ("Link" not in headers, "a context in a header beside one in the body"),
            (bool(key) and headers.get("webhook-id") == key, "the idempotency key"),
            (headers.get("Authorization") == f"Bearer {TOKEN}", "the token"),
            (self.keys.get(key, body) == body, f"another content under the key {key}"),
        )
        for holds, what in rules:
            if not holds:
                return what
        sent_at = dt.datetime.fromtimestamp(int(headers["webhook-timestamp"]), dt.UTC)
        if abs(self.clock() - sent_at) > TOLERANCE:
            return f"the moment of the signature, {sent_at}"
        if Webhook(TOKEN.encode()).sign(key, sent_at, body.decode()) != headers["webhook-signature"]:
            return "the signature"
        return self.fault_of_entities(json.loads(body))

    def fault_of_entities(self, entities: Any) -> str | None:
        """The first rule that what is to be upserted breaks."""
        if not isinstance(entities, list) or not 1 <= len(entities) <= MOST:
            return "an array of 1 to 10"
        for entity in entities:
            fault = self._fault_of_entity(entity)
            if fault is not None:
                return fault
        if len({entity["id"] for entity in entities}) != len(entities):
            return "an entity twice"
        return None

    def _fault_of_entity(self, entity: dict[str, Any]) -> str | None:
        if not URN.fullmatch(entity.get("id", "")) or entity.get("type") != "KeyPerformanceIndicator":
            return f"the id or the type of {entity.get('id')}"
        contexts = entity.get("@context")
        if not contexts or "ngsi-ld-core-context" not in contexts[-1]:
            return "the context"
        for name, attribute in entity.items():
            if name in {"id", "type", "@context"}:
                continue
            if not _is_a_property(attribute):
                return f"the attribute {name}"
        if self.schema is not None and not self.schema.is_valid(plain(entity)):
            return f"the schema, by {entity['id']}"
        return None

    def take(self, key: str, body: bytes, failing: tuple[int, ...]) -> tuple[list[str], list[str], bool]:
        """Keep the entities; which were taken, which failed, and whether any of them is new."""
        self.keys[key] = body
        taken, failed, new = [], [], False
        for place, entity in enumerate(json.loads(body)):
            if place in failing:
                failed.append(entity["id"])
                continue
            new |= entity["id"] not in self.entities
            if self.entities.get(entity["id"]) != entity:
                self.writes[entity["id"]] += 1
            self.entities[entity["id"]] = entity
            taken.append(entity["id"])
        return taken, failed, new

    def partly(self, taken: list[str], failed: list[str]) -> bytes:
        """What a 207 says, each in its own shape."""
        problem = {"type": "https://uri.etsi.org/ngsi-ld/errors/InternalError", "title": "Internal Error"}
        if self.kind == ORION:
            errors = [{"entityId": each, "error": {**problem, "detail": "no room", "status": 500}} for each in failed]
            return json.dumps({"success": taken, "errors": errors}).encode()
        parts: list[dict[str, Any]] = [{"id": each, "success": [{"status": 204}]} for each in taken]
        parts += [
            {"id": each, "failure": [{**problem, "detail": {"cause": "no room"}, "status": 500}]} for each in failed
        ]
        return json.dumps(parts).encode()


def _is_a_property(attribute: Any) -> bool:
    """Whether an attribute is a Property of ETSI GS CIM 009: a value, and beside it no member but its own."""
    if not isinstance(attribute, dict) or not {"type", "value"} <= attribute.keys() <= MEMBERS:
        return False
    unit, moment = attribute.get("unitCode", "C62"), attribute.get("observedAt", "2026-01-01T00:00:00Z")
    return (
        attribute["type"] == "Property"
        and attribute["value"] is not None
        and isinstance(unit, str)
        and UNIT_CODE.fullmatch(unit) is not None
        and isinstance(moment, str)
        and MOMENT.fullmatch(moment) is not None
    )


class Handler(BaseHTTPRequestHandler):
    """One request to the broker."""

    broker: PlayedBroker

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        key = self.headers.get("Idempotency-Key", "")
        self.broker.came.append(key)
        fault = self.broker.fault_in(self.path, self.headers, body)
        if fault is not None:
            self.broker.faults.append(fault)
            self._answer(400, json.dumps({"type": "BadRequestData", "title": fault, "status": 400}).encode())
            return
        trouble = self.broker.troubles.pop(0) if self.broker.troubles else None
        if trouble is None or trouble.failing or trouble.taken_first:
            taken, failed, new = self.broker.take(key, body, trouble.failing if trouble else ())
            if trouble is None:
                self._answer(*((201, json.dumps(taken).encode()) if new else (204, b"")))
                return
            if trouble.failing:
                self._answer(207, self.broker.partly(taken, failed))
                return
        time.sleep(trouble.seconds)
        if trouble.hang_up:
            self.close_connection = True
            return
        if trouble.drips or trouble.endless:
            self._trickle(trouble)
            return
        self._answer(trouble.status, trouble.body, trouble.headers)

    def _trickle(self, trouble: Trouble) -> None:
        self.send_response(trouble.status)
        self.end_headers()
        self.close_connection = True
        pieces = ([byte] for byte in trouble.body) if trouble.drips else [trouble.body]
        with suppress(ConnectionError):
            for piece in chain(pieces, repeat(b"." * 4096) if trouble.endless else ()):
                self.wfile.write(bytes(piece))
                self.wfile.flush()
                time.sleep(DRIP if trouble.drips else 0)

    def _answer(self, status: int, body: bytes, headers: tuple[tuple[str, str], ...] = ()) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def a_context_broker(kind: str = ORION) -> Iterator[PlayedBroker]:
    """The broker, served on a free port."""
    broker = PlayedBroker(kind, schema=kpi_schema() if "CITYLIFE_TEST_DATA" in os.environ else None)

    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Served", (Handler,), {"broker": broker}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    broker.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield broker
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
