"""A backup made while everybody follows, leaves and is notified, then restored.

What was settled stays settled, whoever was erased stays erased, and nobody hears again what was settled by then.
"""

import random
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine, select

from citylife import migrations
from citylife.accounts.citizens import Citizen, new_token
from citylife.backup.archive import reading_from
from citylife.backup.shapes import Shape
from citylife.clock import utc_now
from citylife.database import engine_for, reading, writing
from citylife.devices import Device
from citylife.ledger.tables import Delivery, DeliveryState
from tests.conftest import a_postgres_database
from tests.doubles.push_service import FCM, PushService, answers
from tests.faults.test_killed_processes import LEASE, Scene, a_shop_with_followers, publish, settings_for, states
from tests.processes import CONSOLE, CitylifeProcess, free_port

FOLLOWERS = 2_400
LEAVING = 900
PATIENCE = 60


@dataclass
class Crowd:
    """People who follow, unfollow and leave through the API, as fast as it lets them; who was told that she is gone."""

    base: str
    shop_id: uuid.UUID
    tokens: dict[uuid.UUID, str]
    erased: set[uuid.UUID] = field(default_factory=set)
    stopped: threading.Event = field(default_factory=threading.Event)

    def act(self) -> None:
        """Until told to stop: one leaves, another unfollows and follows again."""
        dice = random.Random(2026)
        leaving = sorted(self.tokens)
        with httpx.Client(base_url=self.base, trust_env=False, timeout=30) as api:
            while not self.stopped.wait(dice.random() / 10) and leaving:
                gone = leaving.pop(dice.randrange(len(leaving)))
                stays = dice.choice(leaving or [gone])
                if len(leaving) % 3 == 0:
                    for method in ("DELETE", "PUT"):
                        path = f"/api/v1/me/follows/{self.shop_id}"
                        api.request(method, path, headers={"Authorization": f"Bearer {self.tokens[stays]}"})
                answer = api.delete("/api/v1/me", headers={"Authorization": f"Bearer {self.tokens[gone]}"})
                if answer.status_code == 200:
                    self.erased.add(gone)


@contextmanager
def acting(crowd: Crowd) -> Iterator[None]:
    thread = threading.Thread(target=crowd.act)
    thread.start()
    try:
        yield
    finally:
        crowd.stopped.set()
        thread.join()


@contextmanager
def another_database(kind: str, folder: Path) -> Iterator[str]:
    """Where the backup is restored: nothing is there yet."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'restored.db'}"
    else:
        with a_postgres_database() as url:
            yield url


def command(settings: dict[str, str], *words: str) -> str:
    """Run one command to its end; what it printed."""
    done = subprocess.run([sys.executable, *CONSOLE, *words], env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows(file: Path, table: str) -> list[dict[str, object]]:
    with reading_from(file) as archive:
        shape: Shape = next(shape for shape, _ in archive.manifest.tables if shape.name == table)
        return [shape.decoded(row) for row in archive.rows(shape)]


def still_to_send(engine: Engine) -> int:
    found = states(engine)
    return found.get(DeliveryState.WAITING, 0) + found.get(DeliveryState.CLAIMED, 0)


def waited(condition, seconds: float = PATIENCE) -> bool:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


@dataclass(frozen=True)
class Held:
    """What a backup knows of the announcement: to whom it is settled, for whom it is open, and who is there."""

    settled: set[object]
    open: set[object]
    citizens: set[object]

    @classmethod
    def by(cls, file: Path) -> "Held":
        deliveries = rows(file, "deliveries")
        return cls(
            {row["citizen_id"] for row in deliveries if row["state"] == "accepted"},
            {row["citizen_id"] for row in deliveries if row["state"] in {"waiting", "claimed"}},
            {row["id"] for row in rows(file, "citizens")},
        )


def heard(scene: Scene, phones: dict[uuid.UUID, str]) -> dict[uuid.UUID, int]:
    """How many messages each citizen's phone was given."""
    return {citizen: len(scene.phones[endpoint].received) for citizen, endpoint in phones.items()}


def a_crowd(engine: Engine, scene: Scene, base: str) -> Crowd:
    """Some of the followers, with a token each to act by."""
    with writing(engine).begin() as session:
        some = session.scalars(select(Citizen).order_by(Citizen.id).limit(LEAVING)).all()
        tokens = {citizen.id: new_token(session, citizen, now=utc_now()) for citizen in some}
    return Crowd(base, scene.shop_id, tokens)


def busy(engine: Engine, scene: Scene, crowd: Crowd, settings: dict[str, str], folder: Path) -> None:
    """Announce, and while it is sent let the crowd act and three backups be made; then everything stops."""
    port = crowd.base.rpartition(":")[2]
    embedded = settings["CITYLIFE_DATABASE_URL"].startswith("sqlite")
    words = () if embedded else ("--no-worker",)
    web = CitylifeProcess("serve", "--port", port, *words, settings=settings, log=folder / "web.log")
    worker = CitylifeProcess("work", settings=settings, log=folder / "work.log")
    with web, nullcontext() if embedded else worker:
        web.wait_for_http(f"{crowd.base}/healthz")
        publish(crowd.base, scene)
        assert waited(lambda: states(engine).get(DeliveryState.ACCEPTED, 0) > FOLLOWERS // 24), states(engine)
        with acting(crowd):
            for number in (1, 2, 3):
                assert waited(lambda least=number * 12: len(crowd.erased) >= least)
                command(settings, "backup", str(folder / f"backup-{number}.zip"))
            enough = len(crowd.erased) + 30
            assert waited(lambda: len(crowd.erased) >= enough)


def assert_restored(restored: Engine, held: Held, erased: set[uuid.UUID]) -> None:
    with reading(restored)() as session:
        accepted = set(session.scalars(select(Delivery.citizen_id).where(Delivery.state == DeliveryState.ACCEPTED)))
        assert accepted == held.settled - erased, "everything settled stays settled"
        assert set(session.scalars(select(Citizen.id))) == held.citizens - erased, "whoever left stays gone"
        for table in migrations.metadata.sorted_tables:
            if "citizen_id" in table.c:
                back = set(session.scalars(select(table.c.citizen_id))) & erased
                assert not back, f"{table.name} brings somebody back"


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_restored_backup_sends_nothing_twice_and_brings_nobody_back(engine: Engine, tmp_path: Path) -> None:
    kind, port, file = engine.dialect.name, free_port(), tmp_path / "backup-2.zip"
    with PushService() as service, another_database(kind, tmp_path) as elsewhere:
        service.behave(FCM, answers(201, delay=3.0))
        scene = a_shop_with_followers(engine, service, FOLLOWERS)
        settings = settings_for(engine, service, tmp_path / "instance", port)
        with reading(engine)() as session:
            phones = dict(session.execute(select(Device.citizen_id, Device.endpoint)).all())
        crowd = a_crowd(engine, scene, f"http://localhost:{port}")
        busy(engine, scene, crowd, settings, tmp_path)
        before, held = heard(scene, phones), Held.by(file)
        left_since = crowd.erased & held.citizens
        assert min(len(held.settled), len(held.open)) > 50, "the backup was made while sending"
        assert len(left_since) > 20, "somebody left after the backup"
        assert crowd.erased - held.citizens, "somebody left before the backup"

        settings["CITYLIFE_DATABASE_URL"] = elsewhere
        command(settings, "restore", str(file))
        restored = engine_for(elsewhere)
        assert_restored(restored, held, crowd.erased)

        service.behave(FCM, answers(201))
        with CitylifeProcess("work", settings=settings, log=tmp_path / "again.log"):
            assert waited(lambda: still_to_send(restored) == 0, LEASE + PATIENCE), states(restored)
        restored.dispose()
        after = heard(scene, phones)
        again = {citizen for citizen in phones if after[citizen] > before[citizen]}
        repeats = {citizen for citizen in again if before[citizen]}
        assert not again & held.settled, "what was settled at the backup is sent to nobody again"
        assert not again & crowd.erased, "nobody who left hears anything"
        assert all(after[citizen] for citizen in held.open - crowd.erased), "nobody is forgotten"
        assert repeats <= held.open, "only what the backup could not know was sent again"
        print(
            f"{kind}: {len(held.settled)} settled and {len(held.open)} open in the backup, {len(left_since)} left "
            f"since, {len(repeats)} heard again what was settled after it"
        )
