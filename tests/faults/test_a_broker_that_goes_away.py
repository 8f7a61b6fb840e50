"""The broker away for a while: nobody is refused anything, deliveries go on by looking, and the bell rings again."""

import re
import time
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import Engine

from citylife import migrations
from citylife.database import engine_for
from citylife.ledger.tables import DeliveryState
from tests.conftest import a_postgres_database
from tests.doubles.push_service import PushService, base64url
from tests.faults.test_killed_processes import a_shop_with_followers, publish, settings_for, states
from tests.processes import CitylifeProcess, free_port
from tests.servers import OwnRabbit

RETURN_SECONDS: Final = 60.0
FOLLOWERS: Final = 40
LOOK_SECONDS: Final = 3
BY_LOOKING: Final = 5 * LOOK_SECONDS
"""Seconds within which an offer has reached every phone where nobody rings: a look, and the sending after it."""


def away(engine: Engine, folder: Path, seconds: float) -> None:
    """Kill the broker, wipe its disk, publish all the while, and bring it back."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    with OwnRabbit() as rabbit, PushService() as service:
        scene = a_shop_with_followers(engine, service, FOLLOWERS)
        settings = settings_for(engine, service, folder / "instance", port) | {
            "CITYLIFE_LIMITS": "*=1000000",
            "CITYLIFE_BROKER_URL": rabbit.url,
            "CITYLIFE_LOOK_SECONDS": str(LOOK_SECONDS),
            "CITYLIFE_SECRET_KEY": "s" * 43,
            "CITYLIFE_VAPID_PRIVATE_KEY": base64url(bytes(range(1, 33))),
        }
        web = CitylifeProcess("serve", "--port", str(port), settings=settings, log=folder / "web.log")
        work = CitylifeProcess("work", settings=settings, log=folder / "work.log")
        told = 0
        latest = 0.0

        def tell() -> None:
            nonlocal told, latest
            publish(base, scene, f"Offre {told}")  # 200, whatever the broker does
            told += 1
            begun = time.monotonic()
            wanted = told * FOLLOWERS
            assert service.wait_for(lambda: len(service.deliveries) >= wanted, RETURN_SECONDS), (told, work.tail())
            latest = max(latest, time.monotonic() - begun)

        with web, work:
            web.wait_for_http(f"{base}/readyz", timeout=90)
            tell()
            rabbit.kill()
            rabbit.wipe()
            gone = time.monotonic()
            while time.monotonic() - gone < seconds:
                tell()
                time.sleep(min(seconds / 10, 10))
            longest_away, latest = latest, 0.0
            told_away = told
            rabbit.start()
            tell()
            until = time.monotonic() + RETURN_SECONDS
            while not connected_again(work.log) and time.monotonic() < until:
                time.sleep(0.2)
            assert connected_again(work.log), work.tail()
            tell()
        assert states(engine) == {DeliveryState.ACCEPTED: told * FOLLOWERS}
        assert all(len(phone.received) == told for phone in scene.phones.values())
        assert service.repeats == 0
        assert longest_away <= BY_LOOKING
        print(
            f"broker away {seconds:.0f} s: {told_away * FOLLOWERS} deliveries meanwhile, "
            f"the last of an offer {longest_away:.1f} s after its publication at most; afterwards {latest:.1f} s"
        )
        for log in (web.log, work.log):
            assert not re.search("Traceback", log.read_text()), log.read_text()[-3000:]


def connected_again(log: Path) -> bool:
    """Whether the listener has said that it hears the broker anew."""
    said = log.read_text()
    return said.rfind("doorbell.broker_back") > said.rfind("doorbell.broker_away")


@pytest.fixture
def engine():
    """A database on the machine's own server: it stays."""
    with a_postgres_database() as url:
        engine = engine_for(url)
        migrations.upgrade(engine)
        yield engine
        engine.dispose()


@pytest.mark.long
@pytest.mark.timeout(400)
def test_a_broker_away_for_twenty_seconds_refuses_nobody_and_holds_nothing_back(engine: Engine, tmp_path: Path) -> None:
    away(engine, tmp_path, 20)


@pytest.mark.soak
def test_a_broker_away_for_ten_minutes_refuses_nobody_and_holds_nothing_back(engine: Engine, tmp_path: Path) -> None:
    away(engine, tmp_path, 600)
