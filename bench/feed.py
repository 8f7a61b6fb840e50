"""The feed under load beside a bare Flask hello on the same server: granian, one blocking thread, one core.

The two are measured in turn several times in one run, and the medians held against each other. The application has
every habit on: token, ETag, security headers, the log of requests, problem handling. Each answer is seen to be a
success; that they hold twenty offers is seen before the measure begins.
"""

import contextlib
import random
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import orjson

from bench import cores, load
from bench.figures import Figure, median
from bench.town import Town

ROUNDS: Final = 5
SECONDS: Final = 2.0
OFFERS: Final = 20
CALLERS: Final = 2_000
FLOORS: Final = {"sqlite": 0.33, "postgresql": 0.14}
"""The least the feed may reach of a bare hello's requests a second."""


class Measured:
    """What one server did in several rounds of load: answers a second by the watch, and by its processor's time."""

    def __init__(
        self, port: int, requests: list[bytes], *, status: bytes = b"200", connections: int = load.CONNECTIONS
    ) -> None:
        self.port, self.requests, self.status, self.connections = port, requests, status, connections
        self.answered = 0
        self.rates: list[load.Rate] = []
        self._by_processor: list[float] = []

    def ask(self, seconds: float) -> load.Rate:
        """Ask for a while, from where it ended the last time: a follow is then a new one, whatever was asked before."""
        rate = load.measure(self.port, self.requests, seconds, connections=self.connections, status=self.status)
        self.answered += rate.answers
        done = rate.answers % len(self.requests)
        self.requests = self.requests[done:] + self.requests[:done]
        return rate

    def round(self, seconds: float) -> None:
        """Ask for a while, and note how fast it went."""
        before = cores.processor_seconds(self.port)
        rate = self.ask(seconds)
        self.rates.append(rate)
        self._by_processor.append(rate.answers / (cores.processor_seconds(self.port) - before))

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return median([rate.per_second for rate in self.rates])

    @property
    def per_processor_second(self) -> float:
        """Answers in a second of the processor's time, which says more where the server waits for who asks."""
        return median(self._by_processor)


@contextlib.contextmanager
def served(factory: str, environment: Mapping[str, str], *, threads: int = 1) -> Iterator[int]:
    """Serve an application as `citylife serve` does, on core 0; the port."""
    port = cores.free_port()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "server.log"
        command = [
            str(cores.ROOT / ".venv/bin/granian"),
            "--interface=wsgi",
            "--factory",
            factory,
            "--host=127.0.0.1",
            f"--port={port}",
            "--workers=1",
            f"--blocking-threads={threads}",
            "--log-level=warning",
        ]
        environment = {"CITYLIFE_INSTANCE": folder, **environment}
        with cores.running(command, environment, core=cores.APPLICATION, log=log) as process:
            cores.wait_for(port, process, log)
            yield port


def feed_requests(town: Town) -> list[bytes]:
    """The requests of many citizens, each with her own token."""
    tokens = random.Random(1).sample(town.tokens, min(CALLERS, len(town.tokens)))
    return [load.request("/api/v1/me/feed", {"Authorization": f"Bearer {token}"}) for token in tokens]


def measure(town: Town, *, rounds: int = ROUNDS, seconds: float = SECONDS, threads: int = 1) -> list[Figure]:
    """Requests a second of the feed, held against hello's in the same run."""
    database = "sqlite" if town.url.startswith("sqlite") else "postgresql"
    requests = feed_requests(town)
    settings = {"CITYLIFE_DATABASE_URL": town.url, "CITYLIFE_LIMITS": "*=1000000"}
    with served("bench.hello:create_app", {}) as bare, served("wsgi:create_app", settings, threads=threads) as ours:
        length = check_answers(ours, requests)
        load.measure(ours, requests, seconds)
        if database == "postgresql" and not cores.put_backends_aside(town.url):
            print("  PostgreSQL's backends could not be moved to core 1: they float")
        hello, feed = Measured(bare, [load.request("/")]), Measured(ours, requests)
        for _ in range(rounds):
            hello.round(seconds)
            feed.round(seconds)
    label = f"feed of 20 offers, {database}, {town.name}" + (f", {threads} threads" if threads > 1 else "")
    return [
        Figure.against(label, feed.per_second, "requests/s", hello.per_second),
        Figure.against(
            f"{label}: of its processor", feed.per_processor_second, "requests/s", hello.per_processor_second
        ),
        Figure(f"{label}: an answer", length, "bytes"),
    ]


def check_answers(port: int, requests: list[bytes]) -> float:
    """See that callers really get a page of twenty offers, and how long an answer is."""
    lengths = []
    for wanted in requests[:50]:
        head, _, body = load.ask(port, wanted).partition(b"\r\n\r\n")
        page = orjson.loads(body)
        if b" 200 " not in head.split(b"\r\n", 1)[0] or len(page["items"]) != OFFERS or b"etag:" not in head.lower():
            raise SystemExit(f"The feed does not answer twenty offers: {head.decode()}\n{body[:300].decode()}")
        lengths.append(len(body))
    return median(lengths)
