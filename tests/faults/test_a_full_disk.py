"""A disk with no room left: clear refusals, nothing half written, and all as before once there is room."""

import contextlib
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import pytest
from sqlalchemy import Engine, func, select

from citylife import migrations
from citylife.accounts.citizens import Citizen, create_citizen
from citylife.clock import utc_now
from citylife.database import engine_for, reading, writing
from citylife.ledger.tables import DeliveryState, Message
from citylife.offers import Offer, OfferStatus
from tests.doubles.push_service import PushService
from tests.faults.breaking import PROBLEM
from tests.faults.test_killed_processes import HOURS, Scene, a_shop_with_followers, settings_for, states
from tests.needs import needs_small_disks
from tests.processes import CitylifeProcess, free_port
from tests.servers import OwnPostgres, a_small_disk

pytestmark = [pytest.mark.long, pytest.mark.soak, pytest.mark.timeout(300)]
FOLLOWERS: Final = 30
PATIENCE: Final = 90.0
SENTENCE: Final = {"fr": "momentanément indisponible", "en": "unavailable"}


@dataclass
class Scarce:
    """A town whose database is on a small disk, and a ballast that fills it."""

    disk: Path
    engine: Engine
    service: PushService
    base: str
    scene: Scene
    postgres: OwnPostgres | None

    def fill(self) -> None:
        """Leave not one byte."""
        fill(self.disk)

    def make_room(self) -> None:
        """Take the ballast away; a server that gave up is started again, as whatever runs it would."""
        (self.disk / "ballast").unlink()
        if self.postgres is not None:
            self.postgres.start()

    def ask(self, method: str, path: str, token: str = "", language: str = "fr", **more: object) -> httpx.Response:
        headers = {"Accept-Language": language} | ({"Authorization": f"Bearer {token}"} if token else {})
        return httpx.request(method, self.base + path, headers=headers, timeout=60, trust_env=False, **more)

    def draft(self, title: str) -> httpx.Response:
        draft = {"kind": "offer", "title": title, "ends_at": (utc_now() + 6 * HOURS).isoformat()}
        return self.ask("POST", f"/api/v1/merchant/shops/{self.scene.shop_id}/offers", self.scene.token, json=draft)


@contextlib.contextmanager
def a_scarce_town(kind: str, folder: Path) -> Iterator[Scarce]:
    """The town in a process of its own, on a disk with little room to spare."""
    needs_small_disks()
    with contextlib.ExitStack() as ends:
        disk = ends.enter_context(a_small_disk(32 if kind == "sqlite" else 160))
        service = ends.enter_context(PushService())
        postgres = None
        if kind == "sqlite":
            url = f"sqlite:///{disk / 'town.db'}"
        else:
            settings = {"min_wal_size": "32MB", "max_wal_size": "64MB"}
            postgres = ends.enter_context(OwnPostgres(disk, settings=settings))
            url = postgres.new_database().replace("postgresql:", "postgresql+psycopg:")
        engine = engine_for(url)
        ends.callback(engine.dispose)
        migrations.upgrade(engine)
        scene = a_shop_with_followers(engine, service, FOLLOWERS)
        port = free_port()
        instance = disk / "instance" if kind == "sqlite" else folder / "instance"
        given = settings_for(engine, service, instance, port) | {"CITYLIFE_LIMITS": "*=1000000"}
        web = CitylifeProcess("serve", "--port", str(port), settings=given, log=folder / "web.log")
        town = Scarce(disk, engine, service, f"http://127.0.0.1:{port}", scene, postgres)
        with web:
            web.wait_for_http(f"{town.base}/readyz", timeout=90)
            yield town
        assert "Traceback" not in web.log.read_text(), web.tail()


def fill(disk: Path) -> None:
    """Leave not one byte on a disk."""
    for size in (65536, 512):
        with (disk / "ballast").open("ab", buffering=0) as ballast, contextlib.suppress(OSError):
            while True:
                ballast.write(b"\0" * size)


def refused_clearly(answer: httpx.Response, language: str) -> bool:
    """Whether this is the refusal that was promised; anything else fails, but for what was done after all."""
    if answer.status_code < 300:
        return False
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, PROBLEM), answer.text[:500]
    assert SENTENCE[language] in answer.json()["detail"]
    assert answer.headers["Retry-After"].isdigit()
    assert set(answer.json()) == {"type", "title", "status", "detail", "instance"}
    return True


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_full_disk_is_said_clearly_and_leaves_nothing_half_written(kind: str, tmp_path: Path) -> None:
    with a_scarce_town(kind, tmp_path) as town:
        made = town.draft("Tartes")
        assert made.status_code == 201
        offer = made.json()["id"]
        with writing(town.engine).begin() as session:
            citizen, token = create_citizen(session, locale="fr", now=utc_now())
        town.fill()
        refused = fill_up_until_refused(town)
        for language in ("fr", "en"):
            refused += refused_clearly(town.ask("POST", "/api/v1/citizens", language=language, json={}), language)
            refused += refused_clearly(
                town.ask("POST", f"/api/v1/merchant/offers/{offer}/publish", town.scene.token, language), language
            )
            refused += refused_clearly(town.ask("DELETE", "/api/v1/me", token, language), language)
        assert refused > 2, "the disk was never full"

        town.make_room()
        until = time.monotonic() + PATIENCE
        while town.ask("GET", "/readyz").status_code != 200 and time.monotonic() < until:
            time.sleep(0.2)
        assert town.draft("Après").status_code == 201
        assert_whole(town, offer)
        again = town.ask("POST", f"/api/v1/merchant/offers/{offer}/publish", town.scene.token)
        assert again.status_code in {200, 409}, again.text
        reached = town.service.wait_for(
            lambda: all(phone.received for phone in town.scene.phones.values()), timeout=PATIENCE
        )
        assert reached
        until = time.monotonic() + PATIENCE
        while states(town.engine) != {DeliveryState.ACCEPTED: FOLLOWERS} and time.monotonic() < until:
            time.sleep(0.2)
        assert states(town.engine) == {DeliveryState.ACCEPTED: FOLLOWERS}
        with reading(town.engine)() as session:
            there = session.get(Citizen, citizen.id) is not None
        assert town.ask("GET", "/api/v1/me", token).status_code == (200 if there else 401)
        print(f"{kind}: {refused} requests refused while the disk was full")


def test_who_leaves_while_there_is_no_room_for_her_tombstone_is_refused_and_stays(
    database_url: str, tmp_path: Path
) -> None:
    needs_small_disks()
    engine, port = engine_for(database_url), free_port()
    with writing(engine).begin() as session:
        _, token = create_citizen(session, locale="fr", now=utc_now())
    me, headers = f"http://127.0.0.1:{port}/api/v1/me", {"Authorization": f"Bearer {token}", "Accept-Language": "en"}
    with a_small_disk(1) as disk, PushService() as service:
        settings = settings_for(engine, service, tmp_path / "instance", port) | {"CITYLIFE_TOMBSTONES": str(disk / "t")}
        web = CitylifeProcess("serve", "--port", str(port), settings=settings, log=tmp_path / "web.log")
        with web:
            web.wait_for_http(f"http://127.0.0.1:{port}/readyz", timeout=90)
            fill(disk)
            assert refused_clearly(httpx.delete(me, headers=headers, timeout=60, trust_env=False), "en")
            assert httpx.get(me, headers=headers, timeout=60, trust_env=False).status_code == 200
            (disk / "ballast").unlink()
            assert httpx.delete(me, headers=headers, timeout=60, trust_env=False).status_code == 200
            assert httpx.get(me, headers=headers, timeout=60, trust_env=False).status_code == 401
        assert "Traceback" not in web.log.read_text()
    engine.dispose()


def fill_up_until_refused(town: Scarce) -> int:
    """Write until the pages that the database still had to spare are used up; 1 once it refuses, 0 if it never did."""
    long = "x" * 100
    for number in range(20_000):
        answer = town.draft(f"{number} {long}"[:80])
        if refused_clearly(answer, "fr"):
            return 1
    return 0


def assert_whole(town: Scarce, offer: str) -> None:
    """An offer is live and has its announcement, or neither."""
    with reading(town.engine)() as session:
        status = session.scalar(select(Offer.status).where(Offer.id == uuid.UUID(offer)))
        announced = session.scalar(select(func.count()).select_from(Message)) or 0
    assert (status is OfferStatus.LIVE) == (announced == 1), (status, announced)
    assert status in {OfferStatus.LIVE, OfferStatus.DRAFT}
