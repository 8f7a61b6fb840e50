"""The database away for a while: everybody is told so in her language, and once it is back nothing was ever wrong."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import psycopg
import pytest
from flask import Response
from sqlalchemy import Engine

from blueprints.storage import db
from citylife import migrations
from citylife.accounts import merchants
from citylife.accounts.citizens import create_citizen
from citylife.accounts.merchants import Role, Scope
from citylife.clock import utc_now
from citylife.database import engine_for, writing
from citylife.hot import KeptConnections
from citylife.ledger.tables import DeliveryState
from citylife.settings import Settings
from tests import builders
from tests.doubles.push_service import FCM, PushService, answers
from tests.faults.breaking import PROBLEM
from tests.faults.test_killed_processes import HOURS, LEASE, a_shop_with_followers, publish, settings_for, states
from tests.needs import POSTGRES_URL
from tests.processes import CitylifeProcess, free_port
from tests.servers import OwnPostgres
from wsgi import create_app

RETURN_SECONDS: Final = 60.0
"""Within which everything acknowledged is delivered once the database is back."""
FOLLOWERS: Final = 600
LEAK: Final = re.compile(r"Traceback|psycopg|sqlalchemy|127\.0\.0\.1|File \"|SELECT ", re.IGNORECASE)


@pytest.fixture(scope="module")
def postgres() -> Iterator[OwnPostgres]:
    with OwnPostgres() as server:
        yield server


@pytest.fixture
def engine(postgres: OwnPostgres) -> Iterator[Engine]:
    engine = engine_for(postgres.new_database().replace("postgresql:", "postgresql+psycopg:"))
    migrations.upgrade(engine)
    yield engine
    engine.dispose()


@dataclass
class Callers:
    """Who asks for what: each address that is tried, with the token that it is asked with."""

    base: str
    citizen: str
    merchant: str
    shop: str
    slug: str
    offer: str

    def requests(self) -> list[tuple[str, str, str, dict[str, object]]]:
        """Method, path, token and body: anonymous, citizen and merchant; API, pages and feeds; reads and writes."""
        follow = f"/api/v1/me/follows/{self.shop}"
        draft = {"kind": "offer", "title": "Tartes", "ends_at": (utc_now() + 6 * HOURS).isoformat()}
        return [
            ("GET", "/api/v1/shops", "", {}),
            ("GET", f"/api/v1/shops/{self.slug}", "", {}),
            ("GET", f"/api/v1/shops/{self.slug}/offers", "", {}),
            ("GET", f"/api/v1/offers/{self.offer}", "", {}),
            ("POST", "/api/v1/citizens", "", {"json": {"locale": "fr"}}),
            ("GET", "/api/v1/me/feed", self.citizen, {}),
            ("GET", "/api/v1/me", self.citizen, {}),
            ("PUT", follow, self.citizen, {"json": {"level": "normal"}}),
            ("DELETE", follow, self.citizen, {}),
            ("GET", "/api/v1/me/export", self.citizen, {}),
            ("GET", "/api/v1/merchant/shops", self.merchant, {}),
            ("POST", f"/api/v1/merchant/shops/{self.shop}/offers", self.merchant, {"json": draft}),
            ("POST", f"/api/v1/merchant/offers/{self.offer}/publish", self.merchant, {}),
            ("GET", f"/s/{self.slug}", "", {"page": True}),
            ("POST", f"/s/{self.slug}/follow", self.citizen, {"page": True}),
            ("GET", f"/o/{self.offer}", "", {"page": True}),
            ("POST", "/connexion", "", {"page": True, "data": {"email": "camille@example.org"}}),
            ("GET", f"/s/{self.slug}/offers.atom", "", {}),
            ("GET", f"/s/{self.slug}/offers.ics", "", {}),
        ]


@dataclass
class Answers:
    """What was said to each request of `Callers`."""

    told: dict[tuple[str, str], httpx.Response]

    def statuses(self) -> dict[tuple[str, str], int]:
        return {asked: answer.status_code for asked, answer in self.told.items()}


def ask_all(callers: Callers, language: str) -> Answers:
    told = {}
    anew = httpx.Limits(max_keepalive_connections=0)  # a kept connection may be closed by the server at any moment
    with httpx.Client(base_url=callers.base, trust_env=False, timeout=30, limits=anew) as api:
        for method, path, token, given in callers.requests():
            page = given.get("page", False)
            headers = {"Accept-Language": language, "Accept": "text/html" if page else "*/*"}
            if token:
                headers["Authorization"] = f"Bearer {token}"
            if page and method == "POST":
                headers |= {"Origin": callers.base, "Sec-Fetch-Site": "same-origin"}
            body = {name: given[name] for name in ("json", "data") if name in given}
            told[method, path] = api.request(method, path, headers=headers, **body)
    return Answers(told)


def assert_told_that_it_is_away(answers_given: Answers, language: str) -> None:
    sentence = {"fr": "momentanément indisponible", "en": "unavailable"}[language]
    for asked, answer in answers_given.told.items():
        assert answer.status_code == 503, (asked, answer.text[:300])
        assert answer.headers["Retry-After"].isdigit(), asked
        assert answer.headers["Cache-Control"] == "no-store", asked
        assert not LEAK.search(answer.text.replace(str(answer.url.host), "")), (asked, answer.text[:500])
        assert sentence in answer.text, (asked, answer.text[:500])
        if "text/html" not in answer.headers["Content-Type"]:
            assert answer.headers["Content-Type"] == PROBLEM, asked
            assert answer.json()["status"] == 503


def callers_of(engine: Engine, base: str) -> Callers:
    with writing(engine).begin() as session:
        _, token = create_citizen(session, locale="fr", now=utc_now())
        shop = builders.a_shop(session, now=utc_now())
        offer = builders.an_offer(session, shop, now=utc_now())
        merchant = builders.a_merchant(session, "autre@example.org")
        merchants.join_team(session, merchant, shop, Role.OWNER, now=utc_now())
        _, key = merchants.new_key(session, merchant, "caisse", [Scope.READ, Scope.OFFERS], now=utc_now())
        return Callers(base, token, key, str(shop.id), shop.slug, str(offer.id))


def away(postgres: OwnPostgres, engine: Engine, folder: Path, seconds: float) -> float:
    """Kill the database in the middle of a delivery, and bring it back; seconds from then to the last delivery."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    with PushService() as service:
        service.behave(FCM, answers(201, delay=0.05))
        scene = a_shop_with_followers(engine, service, FOLLOWERS)
        callers = callers_of(engine, base)
        settings = settings_for(engine, service, folder / "instance", port) | {"CITYLIFE_LIMITS": "*=1000000"}
        web = CitylifeProcess("serve", "--port", str(port), "--no-worker", settings=settings, log=folder / "web.log")
        work = CitylifeProcess("work", settings=settings, log=folder / "work.log")
        with web, work:
            web.wait_for_http(f"{base}/readyz", timeout=90)
            before = ask_all(callers, "fr").statuses()
            odd = {asked: status for asked, status in before.items() if status >= 404 and status != 409}
            assert odd == {}
            publish(base, scene)
            assert service.wait_for(lambda: len(service.deliveries) > 20, timeout=90)
            postgres.kill()
            gone = time.monotonic()
            while (left := seconds - (time.monotonic() - gone)) > 0:
                for language in ("fr", "en"):
                    assert_told_that_it_is_away(ask_all(callers, language), language)
                time.sleep(min(max(left, 0), 5))
            assert len(service.deliveries) < FOLLOWERS, "the database went away in the middle"
            postgres.start()
            back = time.monotonic()
            after = ask_all(callers, "en").statuses()
            assert 503 not in after.values(), after
            until = back + RETURN_SECONDS
            everybody = scene.phones.values()
            assert service.wait_for(lambda: all(phone.received for phone in everybody), until - time.monotonic())
            late = time.monotonic() - back
            while states(engine) != {DeliveryState.ACCEPTED: FOLLOWERS} and time.monotonic() < until:
                time.sleep(0.2)
            assert states(engine) == {DeliveryState.ACCEPTED: FOLLOWERS}
        print(f"away {seconds:.0f} s: all delivered {late:.1f} s after its return, {service.repeats} repeated")
        assert "Traceback" not in web.log.read_text()
        assert "Traceback" not in work.log.read_text()
        return late


@pytest.mark.long
@pytest.mark.timeout(300)
def test_connections_that_a_killed_database_closed_cost_no_error_once_it_is_back(
    postgres: OwnPostgres, engine: Engine
) -> None:
    kept = KeptConnections(engine)
    pooled = [engine.connect() for _ in range(5)]
    for connection in pooled:
        connection.close()
    assert kept.read(lambda connection: connection.exec_driver_sql("SELECT 1", {}).first()) == (1,)
    postgres.kill()
    postgres.start()
    for _ in range(10):
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT 1").scalar() == 1
    assert kept.read(lambda connection: connection.exec_driver_sql("SELECT 1", {}).first()) == (1,)
    kept.close()


@pytest.mark.long
@pytest.mark.timeout(400)
def test_a_database_away_for_ten_seconds_is_said_and_then_made_up_for(
    postgres: OwnPostgres, engine: Engine, tmp_path: Path
) -> None:
    away(postgres, engine, tmp_path, 10)


@pytest.mark.soak
def test_a_database_away_for_two_minutes_is_said_and_then_made_up_for(
    postgres: OwnPostgres, engine: Engine, tmp_path: Path
) -> None:
    assert LEASE < 120
    away(postgres, engine, tmp_path, 120)


def test_a_database_that_goes_away_once_the_answer_is_made_does_not_take_the_answer_with_it(
    postgres_url: str, tmp_path: Path
) -> None:
    app = create_app(Settings(instance=tmp_path, database_url=postgres_url))

    def cut_off(response: Response) -> Response:
        own = db.session().connection().exec_driver_sql("SELECT pg_backend_pid()").scalar()
        with psycopg.connect(POSTGRES_URL, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", (own,))
        return response

    app.after_request(cut_off)
    for _ in range(2):
        assert app.test_client().get("/api/v1/shops").status_code == 200
    app.extensions["citylife"].close()
