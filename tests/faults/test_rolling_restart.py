"""Two web processes behind a balancer are restarted in turn under load: no request fails, no offer is lost.

Once behind the plainest balancer, and once behind nginx as docs/running.md sets it up.
"""

import datetime as dt
import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife import migrations
from citylife.clock import utc_now
from citylife.database import engine_for, writing
from citylife.keys import new_vapid_key
from citylife.offers import Offer, OfferStatus
from tests import builders
from tests.conftest import a_postgres_database
from tests.doubles.balancer import Balancer
from tests.nginx import NAME, UPSTREAMS, Nginx
from tests.processes import CitylifeProcess, free_port

READERS, WRITERS, ROUNDS = 16, 4, 4
LEAST = 50
"""Requests that a restart must meet, so that it proves something."""


@dataclass(frozen=True)
class Town:
    """A town on a PostgreSQL database of its own, and who calls in it."""

    database: str
    sessions: sessionmaker[Session]
    citizen: str
    merchant: str
    shop_id: str


@pytest.fixture
def town() -> Iterator[Town]:
    """One shop, its merchant with a key, and a citizen."""
    with a_postgres_database() as url:
        engine = engine_for(url)
        migrations.upgrade(engine)
        sessions = writing(engine)
        with sessions.begin() as session:
            owner = builders.a_merchant(session, now=utc_now())
            shop = builders.a_shop(session, merchant=owner, now=utc_now())
            _, citizen = builders.a_citizen_with_token(session, now=utc_now())
            merchant = builders.a_key(session, owner, now=utc_now())[1]
            shop_id = str(shop.id)
        yield Town(url, sessions, citizen, merchant, shop_id)
        engine.dispose()


class Load:
    """Callers who never pause: some read a feed, some draft and publish offers. Nobody asks a second time."""

    def __init__(self, url: str, host: str, town: Town) -> None:
        self.url, self.host, self.town = url, host, town
        self.answered: Counter[str] = Counter()
        self.failed: list[str] = []
        self.published: list[str] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._repeat, args=(self._read,)) for _ in range(READERS)]
        self._threads += [threading.Thread(target=self._repeat, args=(self._publish,)) for _ in range(WRITERS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(90)

    @property
    def total(self) -> int:
        return sum(self.answered.values())

    def _repeat(self, what: Any) -> None:
        while not self._over.is_set():
            try:
                what()
            except (OSError, http.client.HTTPException, AssertionError, ValueError) as error:
                self.failed.append(f"{what.__name__}: {error!r}")

    def _read(self) -> None:
        self._ask("GET", "/api/v1/me/feed", self.town.citizen, None, 200)

    def _publish(self) -> None:
        ends_at = (utc_now() + dt.timedelta(days=2)).isoformat()
        draft = {"title": "Croissants", "ends_at": ends_at}
        key = self.town.merchant
        made = self._ask("POST", f"/api/v1/merchant/shops/{self.town.shop_id}/offers", key, draft, 201)
        self._ask("POST", f"/api/v1/merchant/offers/{made['id']}/publish", key, None, 200)
        self.published.append(made["id"])

    def _ask(self, method: str, path: str, token: str, body: Any, wanted: int) -> Any:
        place = urlsplit(self.url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
        try:
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Connection": "close"}
            sent = None if body is None else json.dumps(body)
            connection.request(method, path, sent, {**headers, "Host": self.host})
            answer = connection.getresponse()
            said = answer.read()
        finally:
            connection.close()
        if answer.status != wanted:
            raise AssertionError(f"{answer.status}: {said[:200]!r}")
        self.answered[method] += 1
        return json.loads(said)


@dataclass(frozen=True)
class Served:
    """A web process and the port it has to itself."""

    process: CitylifeProcess
    port: int

    def wait_until_ready(self) -> None:
        """As a balancer asks, by an address and not by a name."""
        self.process.wait_for_http(f"http://127.0.0.1:{self.port}/readyz")

    def restart(self) -> None:
        """Stop politely, start again, until it is ready."""
        assert self.process.stop() == 0, self.process.tail()
        self.process.start()
        self.wait_until_ready()


@pytest.fixture
def serving(town: Town, tmp_path: Path) -> Iterator[Callable[..., list[Served]]]:
    """Starts two web processes on the town's database, with whatever more settings."""
    stack = ExitStack()

    def start(**more: str) -> list[Served]:
        settings = {
            "CITYLIFE_INSTANCE": str(tmp_path / "instance"),
            "CITYLIFE_DATABASE_URL": town.database,
            "CITYLIFE_SECRET_KEY": "s" * 43,
            "CITYLIFE_VAPID_PRIVATE_KEY": new_vapid_key(),
            "CITYLIFE_SMTP_URL": "smtp://127.0.0.1:9",
            "CITYLIFE_LIMITS": "*=1000000",
            "CITYLIFE_LOG_LEVEL": "WARNING",
            **more,
        }
        servers = []
        for port in (free_port(), free_port()):
            words = ("serve", "--port", str(port), "--no-worker")
            process = CitylifeProcess(*words, settings=settings, log=tmp_path / f"{port}.log")
            servers.append(Served(stack.enter_context(process), port))
        for server in servers:
            server.wait_until_ready()
        return servers

    with stack:
        yield start


def restart_in_turn(servers: Sequence[Served], load: Load) -> list[int]:
    """Restart each server under load, one after the other, several times; the requests that each restart met."""
    met = []
    load.start()
    try:
        for _ in range(ROUNDS):
            for server in servers:
                before = load.total
                server.restart()
                until = time.monotonic() + 60
                while load.total < before + LEAST and not load.failed and time.monotonic() < until:
                    time.sleep(0.05)
                met.append(load.total - before)
    finally:
        load.stop()
    return met


def lost(town: Town, load: Load) -> set[str]:
    """The offers that were said to be published, and are not there."""
    with town.sessions() as session:
        live = {str(one) for one in session.scalars(select(Offer.id).where(Offer.status == OfferStatus.LIVE))}
    return set(load.published) - live


@pytest.mark.long
def test_a_rolling_restart_under_load_loses_no_request(town: Town, serving: Callable[..., list[Served]]):
    servers = serving()
    with Balancer([server.port for server in servers]) as balancer:
        load = Load(balancer.url, "localhost", town)
        met = restart_in_turn(servers, load)

    assert Counter(load.failed) == {}
    assert min(met) >= LEAST
    assert balancer.refused > 0, "no restart was ever met"
    assert lost(town, load) == set()
    assert len(load.published) > ROUNDS


@pytest.mark.long
def test_a_rolling_restart_behind_nginx_as_the_guide_sets_it_up_loses_no_request(
    town: Town, serving: Callable[..., list[Served]], tmp_path: Path
):
    guides = [int(port) for address, port, _ in UPSTREAMS if address == "127.0.0.1"]
    servers = serving(CITYLIFE_BASE_URL=f"https://{NAME}", CITYLIFE_TRUSTED_PROXIES="1")
    ports = dict(zip(guides, (server.port for server in servers), strict=True))
    with Nginx(tmp_path / "nginx", ports) as nginx:
        load = Load(nginx.url, NAME, town)
        met = restart_in_turn(servers, load)

    assert Counter(load.failed) == {}, nginx.said
    assert min(met) >= LEAST
    assert nginx.refused > 0, "no restart was ever met"
    assert lost(town, load) == set()
    assert len(load.published) > ROUNDS
