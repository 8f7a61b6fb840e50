"""A stage for the whole of it: a copy of a town, `citylife serve` with its worker on core 0, and a sink on core 1."""

import contextlib
import datetime as dt
import secrets
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
import psutil
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url

from bench import cores, load
from bench.sender import Sink, a_sink
from bench.town import Town, server
from citylife.database import engine_for
from citylife.keys import new_vapid_key

LOOK: Final = 0.001
"""Seconds between two looks at the ledger."""
PATIENCE: Final = 120.0


@dataclass(frozen=True, slots=True)
class Published:
    """One offer published: when (seconds since the request left), and of which message."""

    answered: float
    began: float
    offer_id: uuid.UUID


class Stage:
    """A running application, seen from outside: by HTTP, and by what stands in its ledger."""

    def __init__(self, town: Town, url: str, port: int, process: psutil.Process, sink: Sink) -> None:
        self.town = town
        self.port = port
        self.process = process
        self.sink = sink
        self.workers: list[psutil.Process] = []
        """`citylife work`, each in a process of its own."""
        self._url = url
        self.engine: Engine = engine_for(url)
        self._on_sqlite = self.engine.dialect.name == "sqlite"

    def call(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """POST as the merchant of the fan-out's shop; what was answered."""
        headers = {"Authorization": f"Bearer {self.town.merchant_key}", "Content-Type": "application/json"}
        headers["Idempotency-Key"] = str(uuid.uuid4())
        answer = load.ask(self.port, load.request(path, headers, method="POST", body=orjson.dumps(body)))
        head, _, content = answer.partition(b"\r\n\r\n")
        if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201")):
            raise load.WrongAnswer(answer[:600].decode(errors="replace"))
        found: dict[str, Any] = orjson.loads(content)
        return found

    def publish(self) -> Published:
        """Keep a draft, then publish it; only the second is timed."""
        ends_at = (dt.datetime.now(dt.UTC) + dt.timedelta(days=1)).isoformat()
        draft = {"kind": "offer", "title": "Pains du soir à moitié prix", "ends_at": ends_at}
        offer = self.call(f"/api/v1/merchant/shops/{self.town.fan_out_shop}/offers", draft)
        began = time.time()
        self.call(f"/api/v1/merchant/offers/{offer['id']}/publish", {})
        return Published(answered=time.time() - began, began=began, offer_id=uuid.UUID(offer["id"]))

    def seconds_until_written(self, published: Published) -> float:
        """Wait until the last delivery of the message is written; seconds since it was asked to be published."""
        while self.one("SELECT state FROM messages WHERE offer_id = :offer", published) != "expanded":
            self._rest(published)
        return time.time() - published.began

    def seconds_until_accepted(self, published: Published, deliveries: int) -> tuple[float, float]:
        """Wait until every delivery is accepted; when the first and the last were settled.

        A push has left, and was answered, before it is settled: the first is a little earlier than is said here.
        """
        counted = (
            "SELECT count(*) FROM deliveries d JOIN messages m ON m.id = d.message_id "
            "WHERE m.offer_id = :offer AND d.state = 'accepted'"
        )
        while self.one(counted, published) < deliveries:
            self._rest(published, 0.1)
        ends = (
            "SELECT {}(accepted_at) FROM deliveries d JOIN messages m ON m.id = d.message_id WHERE m.offer_id = :offer"
        )
        first, last = (_seconds(self.one(ends.format(which), published)) for which in ("min", "max"))
        return first - published.began, last - published.began

    def put_database_aside(self) -> None:
        """Move PostgreSQL's backends of the application to core 1, once it has opened its connections."""
        if not self._on_sqlite and not cores.put_backends_aside(self._url):
            print("  PostgreSQL's backends could not be moved to core 1: they float")

    def one(self, statement: str, published: Published | None = None) -> Any:
        """One value of the database."""
        values: dict[str, Any] = {}
        if published is not None:
            values["offer"] = published.offer_id.bytes if self._on_sqlite else published.offer_id
        with self.engine.connect() as connection:
            return connection.execute(text(statement), values).scalar()

    def backends(self) -> list[int]:
        """The processes of PostgreSQL that serve this stage, the bench's own left out."""
        wanted = (
            "SELECT pid FROM pg_stat_activity "
            "WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        with self.engine.connect() as connection:
            return list(connection.execute(text(wanted)).scalars())

    def web_process(self) -> psutil.Process:
        """The child of the server that answers and works."""
        children = self.process.children()
        return max(children, key=lambda child: child.memory_info().rss) if children else self.process

    def _rest(self, published: Published, seconds: float = LOOK) -> None:
        if time.time() - published.began > PATIENCE:
            raise SystemExit("The ledger stands still: see the log of the stage")
        time.sleep(seconds)


@contextlib.contextmanager
def staged(
    town: Town,
    folder: Path,
    *,
    workers: int = 0,
    broker: str = "",
    core: int | None = cores.APPLICATION,
    in_place: bool = False,
) -> Iterator[Stage]:
    """Serve a copy of the town as `citylife serve` does, with the worker in the web process.

    With `workers`, so many `citylife work` on the same core instead; rung through `broker` where one is given. Without
    a `core`, everything runs where there is room. `in_place`, the town itself is written to: it has no room for two.
    """
    rest = None if core is None else cores.REST
    town_to_serve = contextlib.nullcontext(town.url) if in_place else copied(town, folder)
    with town_to_serve as url, a_sink(folder, core=rest) as sink:
        port, log = cores.free_port(), folder / "serve.log"
        environment = {
            "CITYLIFE_INSTANCE": str(folder / "instance"),
            "CITYLIFE_DATABASE_URL": url,
            "CITYLIFE_PUSH_CONNECT_TO": f"127.0.0.1:{sink.port}",
            "CITYLIFE_PUSH_CA": str(sink.certificates.ca_file),
            "CITYLIFE_CONTACT": "mailto:bench@citylife.example",
            "CITYLIFE_AIPD_DATE": "2025-01-02",
            "CITYLIFE_LIMITS": "*=1000000",
        }
        if broker:  # several hosts share their keys by setting
            environment |= {
                "CITYLIFE_BROKER_URL": broker,
                "CITYLIFE_SECRET_KEY": secrets.token_urlsafe(32),
                "CITYLIFE_VAPID_PRIVATE_KEY": new_vapid_key(),
            }
        citylife = str(cores.ROOT / ".venv/bin/citylife")
        command = [citylife, "serve", "--port", str(port), *(["--no-worker"] if workers else [])]
        with contextlib.ExitStack() as stack:
            process = stack.enter_context(cores.running(command, environment, core=core, log=log))
            cores.wait_for(port, process, log)
            stage = Stage(town, url, port, psutil.Process(process.pid), sink)
            for number in range(workers):
                work, output = [citylife, "work"], folder / f"work-{number}.log"
                worker = stack.enter_context(cores.running(work, environment, core=core, log=output))
                stage.workers.append(psutil.Process(worker.pid))
            stack.callback(stage.engine.dispose)
            yield stage


@contextlib.contextmanager
def copied(town: Town, folder: Path) -> Iterator[str]:
    """A copy that may be written to, gone at the end."""
    address = make_url(town.url)
    if address.get_backend_name() == "sqlite":
        copy = folder / "stage.db"
        shutil.copyfile(str(address.database), copy)
        yield f"sqlite:///{copy}"
        return
    name = f"{address.database}_stage"
    with server() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE {address.database}")
        try:
            yield address.set(database=name).render_as_string(hide_password=False)
        finally:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _seconds(value: dt.datetime | str) -> float:
    moment = dt.datetime.fromisoformat(value).replace(tzinfo=dt.UTC) if isinstance(value, str) else value
    return moment.timestamp()
