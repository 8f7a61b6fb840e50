"""Two web processes behind a balancer are restarted in turn under load: no request fails, no offer is lost."""

import datetime as dt
import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
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
from tests.processes import CitylifeProcess, free_port

READERS, WRITERS, ROUNDS = 16, 4, 4
LEAST = 50
"""Requests that a restart must meet, so that it proves something."""


@pytest.fixture
def town() -> Iterator[tuple[str, sessionmaker[Session]]]:
    """A migrated PostgreSQL database of this test alone: its URL, and sessions on it."""
    with a_postgres_database() as url:
        engine = engine_for(url)
        migrations.upgrade(engine)
        yield url, writing(engine)
        engine.dispose()


class Load:
    """Callers who never pause: some read a feed, some draft and publish offers. Nobody asks a second time."""

    def __init__(self, url: str, citizen: str, merchant: str, shop_id: str) -> None:
        self.url, self.citizen, self.merchant, self.shop_id = url, citizen, merchant, shop_id
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
        self._ask("GET", "/api/v1/me/feed", self.citizen, None, 200)

    def _publish(self) -> None:
        ends_at = (utc_now() + dt.timedelta(days=2)).isoformat()
        draft = {"title": "Croissants", "ends_at": ends_at}
        made = self._ask("POST", f"/api/v1/merchant/shops/{self.shop_id}/offers", self.merchant, draft, 201)
        self._ask("POST", f"/api/v1/merchant/offers/{made['id']}/publish", self.merchant, None, 200)
        self.published.append(made["id"])

    def _ask(self, method: str, path: str, token: str, body: Any, wanted: int) -> Any:
        place = urlsplit(self.url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
        try:
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Connection": "close"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            said = answer.read()
        finally:
            connection.close()
        if answer.status != wanted:
            raise AssertionError(f"{answer.status}: {said[:200]!r}")
        self.answered[method] += 1
        return json.loads(said)


@pytest.mark.long
def test_a_rolling_restart_under_load_loses_no_request(town: tuple[str, sessionmaker[Session]], tmp_path: Path):
    database, sessions = town
    with sessions.begin() as session:
        owner = builders.a_merchant(session, now=utc_now())
        shop = builders.a_shop(session, merchant=owner, now=utc_now())
        _, citizen = builders.a_citizen_with_token(session, now=utc_now())
        merchant = builders.a_key(session, owner, now=utc_now())[1]
        shop_id = str(shop.id)
    settings = {
        "CITYLIFE_INSTANCE": str(tmp_path / "instance"),
        "CITYLIFE_DATABASE_URL": database,
        "CITYLIFE_SECRET_KEY": "s" * 43,
        "CITYLIFE_VAPID_PRIVATE_KEY": new_vapid_key(),
        "CITYLIFE_SMTP_URL": "smtp://127.0.0.1:9",
        "CITYLIFE_LIMITS": "*=1000000",
        "CITYLIFE_LOG_LEVEL": "WARNING",
    }
    ports = [free_port(), free_port()]
    servers = [
        CitylifeProcess("serve", "--port", str(port), "--no-worker", settings=settings, log=tmp_path / f"{port}.log")
        for port in ports
    ]
    with servers[0], servers[1], Balancer(ports) as balancer:
        for server, port in zip(servers, ports, strict=True):
            server.wait_for_http(f"http://localhost:{port}/readyz")
        load = Load(balancer.url, citizen, merchant, shop_id)
        load.start()
        try:
            met = []
            for _ in range(ROUNDS):
                for server, port in zip(servers, ports, strict=True):
                    before = load.total
                    assert server.stop() == 0, server.tail()
                    server.start().wait_for_http(f"http://localhost:{port}/readyz")
                    until = time.monotonic() + 60
                    while load.total < before + LEAST and not load.failed and time.monotonic() < until:
                        time.sleep(0.05)
                    met.append(load.total - before)
        finally:
            load.stop()

    assert load.failed == []
    assert min(met) >= LEAST
    assert balancer.refused > 0, "no restart was ever met"
    with sessions() as session:
        live = {str(one) for one in session.scalars(select(Offer.id).where(Offer.status == OfferStatus.LIVE))}
    assert set(load.published) == live & set(load.published)
    assert len(load.published) > ROUNDS
