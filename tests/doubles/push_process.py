"""The push service double in a process of its own, which outlives whatever is killed around it.

`python -m tests.doubles.push_process --log FILE` prints one JSON line (where it listens), takes its orders as JSON over
HTTP on loopback, appends every message it takes to FILE before it acknowledges it, and ends when its standard input
does. `PushProcess` starts one and speaks to it.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from tests.doubles.push_service import FCM, Behaviour, Delivery, PushService, base64url
from tests.doubles.push_wire import Manner, Reply, Request, WireProtocol

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = 5000
"""Most subscriptions or deliveries in one answer."""


def as_json(delivery: Delivery) -> dict[str, Any]:
    """A delivery as the log of a service in a process of its own writes it."""
    return {
        "endpoint": delivery.endpoint,
        "host": delivery.host,
        "topic": delivery.topic,
        "urgency": delivery.urgency,
        "ttl": delivery.ttl,
        "message": delivery.message.decode("utf-8", "replace"),
        "repeated": delivery.repeated,
    }


def behaviours_of(descriptions: Iterable[Mapping[str, Any]]) -> list[Behaviour]:
    """Behaviours from JSON: the fields of `Behaviour`, those absent at their default."""
    return [
        Behaviour(
            **{
                **description,
                "manner": Manner(description.get("manner", Manner.ANSWER)),
                "headers": tuple((str(name), str(value)) for name, value in description.get("headers", ())),
            }
        )
        for description in descriptions
    ]


def described(behaviour: Behaviour) -> dict[str, Any]:
    """A behaviour as JSON."""
    return {
        "status": behaviour.status,
        "manner": behaviour.manner.value,
        "headers": [list(pair) for pair in behaviour.headers],
        "body": behaviour.body,
        "delay": behaviour.delay,
        "pace": behaviour.pace,
        "taken": behaviour.taken,
    }


def log_to(path: Path) -> Callable[[Delivery], None]:
    """Append every delivery to a file, a JSON line each, before it is acknowledged."""
    stream = path.open("a", encoding="utf-8", buffering=1)

    def write(delivery: Delivery) -> None:
        stream.write(json.dumps(as_json(delivery)) + "\n")

    return write


class Control:
    """What the process is told and asked, one method a path."""

    def __init__(self, service: PushService) -> None:
        self._service = service
        self._by_endpoint: dict[str, Any] = {}

    def answer(self, request: Request) -> Reply:
        """Answer `POST /name` with a JSON object of arguments."""
        order = getattr(self, f"do_{request.path.strip('/')}", None)
        if order is None:
            return Reply(404)
        return Reply(200, body=json.dumps(order(**json.loads(request.body or b"{}"))).encode())

    def do_subscribe(self, host: str, count: int, application_key: str | None) -> list[dict[str, str]]:
        key = bytes.fromhex(application_key) if application_key else None
        made = [self._service.subscribe(host, application_key=key) for _ in range(min(count, PAGE))]
        self._by_endpoint.update({each.endpoint: each for each in made})
        return [{"endpoint": each.endpoint, "p256dh": each.p256dh.hex(), "auth": each.auth.hex()} for each in made]

    def do_unsubscribe(self, endpoint: str) -> None:
        self._service.unsubscribe(self._by_endpoint[endpoint])

    def do_behave(self, target: str, behaviours: list[dict[str, Any]]) -> None:
        self._service.behave(target, *behaviours_of(behaviours))

    def do_count(self) -> dict[str, Any]:
        service = self._service
        return {
            "connections": service.connections,
            "requests": service.requests,
            "deliveries": len(service.deliveries),
            "repeats": service.repeats,
            "statuses": {str(status): count for status, count in service.statuses.items()},
            "refusals": [f"{verdict.status}: {verdict.explanation}" for verdict in service.refusals[:20]],
        }

    def do_deliveries(self, start: int) -> list[dict[str, Any]]:
        return [as_json(delivery) for delivery in self._service.deliveries[start : start + PAGE]]


@dataclass(frozen=True, slots=True)
class RemoteSubscription:
    """A subscription at a service in another process."""

    endpoint: str
    p256dh: bytes
    auth: bytes

    @property
    def keys(self) -> dict[str, str]:
        """The keys as `PushSubscription.toJSON()` writes them."""
        return {"p256dh": base64url(self.p256dh), "auth": base64url(self.auth)}


class PushProcess:
    """A service in a process of its own, and how it is spoken to."""

    def __init__(self, log: Path, *, port: int = 0) -> None:
        """Append what is taken to `log`."""
        self._command = [sys.executable, "-m", "tests.doubles.push_process", "--log", str(log), "--port", str(port)]
        self._process: subprocess.Popen[str] | None = None
        self._control = ""
        self.address = ""
        self.ca_file = ""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        told = json.loads(self._process.stdout.readline())
        self.address, self.ca_file, self._control = told["address"], told["ca_file"], told["control"]
        return self

    def __exit__(self, *_exception: object) -> None:
        assert self._process is not None
        self._process.communicate(timeout=60)

    @property
    def pid(self) -> int:
        """The process, to be pinned to a core."""
        assert self._process is not None
        return self._process.pid

    def _order(self, name: str, **arguments: Any) -> Any:
        request = urllib.request.Request(
            f"http://{self._control}/{name}", data=json.dumps(arguments).encode(), method="POST"
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def subscribe_many(
        self, count: int, host: str = FCM, *, application_key: bytes | None = None
    ) -> list[RemoteSubscription]:
        """Subscribe `count` browsers at `host`."""
        made: list[RemoteSubscription] = []
        key = application_key.hex() if application_key else None
        while len(made) < count:
            page = self._order("subscribe", host=host, count=count - len(made), application_key=key)
            made += [
                RemoteSubscription(each["endpoint"], bytes.fromhex(each["p256dh"]), bytes.fromhex(each["auth"]))
                for each in page
            ]
        return made

    def unsubscribe(self, endpoint: str) -> None:
        """From now on this endpoint answers 410."""
        self._order("unsubscribe", endpoint=endpoint)

    def behave(self, target: str, *behaviours: Behaviour) -> None:
        """Answer requests to an endpoint or a host in these ways, in turn; the last one stays."""
        self._order("behave", target=target, behaviours=[described(each) for each in behaviours])

    def count(self) -> dict[str, Any]:
        """Connections, requests, deliveries, repeats, statuses, and the first refusals of the checks."""
        counted: dict[str, Any] = self._order("count")
        return counted

    def deliveries(self) -> list[dict[str, Any]]:
        """Every message taken, in order."""
        found: list[dict[str, Any]] = []
        while page := self._order("deliveries", start=len(found)):
            found += page
        return found


async def _listen(control: Control) -> tuple[asyncio.Server, int]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: WireProtocol(control.answer, loop), "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description="A strict push service on loopback.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path, required=True)
    arguments = parser.parse_args()
    with PushService(port=arguments.port, on_delivery=log_to(arguments.log)) as service:
        loop = asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, name="control", daemon=True).start()
        _server, port = asyncio.run_coroutine_threadsafe(_listen(Control(service)), loop).result(60)
        where = {"address": service.address, "ca_file": service.ca_file, "control": f"127.0.0.1:{port}"}
        print(json.dumps(where), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
