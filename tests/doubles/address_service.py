"""An address service on loopback that speaks as the Base Adresse Nationale's does, and takes nothing it would not take.

It checks the path, the names and values of the query and the User-Agent; what breaks a rule is answered 400 and kept
in `faults`. It knows the addresses it is given, and can be slow, busy or broken for as many requests as it is told.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

PATH: Final = "/geocodage/search"
LONGEST: Final = 200
SHORTEST: Final = 3
MOST: Final = 20


@dataclass(frozen=True, slots=True)
class Known:
    """An address the service knows: degrees WGS 84, commune, how sure it is, and how precise."""

    latitude: float
    longitude: float
    insee_code: str
    score: float = 0.97
    kind: str = "housenumber"
    name: str = "12 Rue de Lille"
    postcode: str = "62400"
    label: str = ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What one request meets instead of its answer: a status, with headers; another body; a wait before."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    seconds: float = 0.0


@dataclass
class PlayedAddressService:
    """What it knows, what it was asked and when, and what was wrong with that."""

    known: dict[str, list[Known]] = field(default_factory=dict)
    troubles: list[Trouble] = field(default_factory=list)
    always: Trouble | None = None
    asked: list[str] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    url: str = ""

    def answer(self, target: str, agent: str) -> Trouble:
        """What a GET is answered."""
        parts = urlsplit(target)
        query = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True)
        self.moments.append(time.monotonic())
        self.asked.append(dict(query).get("q", ""))
        fault = self._fault(parts.path, query, agent)
        if fault is not None:
            self.faults.append(fault)
            return Trouble(400, body=json.dumps({"code": 400, "message": fault}).encode())
        trouble = self.troubles.pop(0) if self.troubles else self.always
        if trouble is not None and (trouble.body is not None or trouble.status != 200):
            return trouble
        found = self.known.get(dict(query)["q"], [])
        features = [_feature(dict(query)["q"], known) for known in found[: int(dict(query).get("limit", "5"))]]
        body = json.dumps({"type": "FeatureCollection", "features": features, "query": dict(query)["q"]}).encode()
        return Trouble(body=body, seconds=trouble.seconds if trouble is not None else 0.0)

    def _fault(self, path: str, query: list[tuple[str, str]], agent: str) -> str | None:  # noqa: PLR0911 - a rule each
        names = [name for name, _ in query]
        values = dict(query)
        if path != PATH:
            return f"path {path}"
        if len(set(names)) < len(names) or not {"q"} <= set(names) <= {"q", "limit", "lat", "lon"}:
            return f"query {names}"
        if not SHORTEST <= len(values["q"]) <= LONGEST or not values["q"][0].isalnum():
            return f"q of {len(values['q'])} characters"
        if not values.get("limit", "5").isdigit() or not 1 <= int(values.get("limit", "5")) <= MOST:
            return f"limit {values['limit']}"
        towards = [float(values[name]) for name in ("lat", "lon") if name in values]
        if len(towards) == 1 or any(abs(value) > most for value, most in zip(towards, (90, 180), strict=False)):
            return f"towards {towards}"
        if not re.fullmatch(r"Citylife \((?:mailto:|https://)\S+\)", agent):
            return f"User-Agent {agent!r}"
        return None


def _feature(query: str, known: Known) -> dict[str, Any]:
    """An answer in the service's own shape."""
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [known.longitude, known.latitude]},
        "properties": {
            "label": known.label or query,
            "name": known.name,
            "postcode": known.postcode,
            "housenumber": known.name.partition(" ")[0],
            "score": known.score,
            "id": f"{known.insee_code}_0001",
            "type": known.kind,
            "citycode": known.insee_code,
            "context": "62, Pas-de-Calais, Hauts-de-France",
        },
    }


@contextmanager
def an_address_service(**known: list[Known]) -> Iterator[PlayedAddressService]:
    """Listen on a free port of loopback until the block ends."""
    played = PlayedAddressService(known=dict(known))
    with listening(played.answer) as origin:
        played.url = f"{origin}/geocodage"
        yield played


@contextmanager
def listening(answer: Callable[[str, str], Trouble]) -> Iterator[str]:
    """Answer GETs on a free port of loopback, by their target and User-Agent, until the block ends; the origin."""
    ending = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            said = answer(self.path, self.headers.get("User-Agent", ""))
            ending.wait(said.seconds)
            body = said.body or b""
            try:
                self.send_response(said.status)
                self.send_header("Content-Type", "application/json; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                for name, value in said.headers:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                self.close_connection = True  # whoever asked has gone

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the interface
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        ending.set()
        server.shutdown()
        thread.join()
        server.server_close()
