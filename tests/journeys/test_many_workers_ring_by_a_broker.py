"""Several processes on PostgreSQL, rung through RabbitMQ: the work is shared, once; without the broker it is found."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from citylife.database import engine_for
from citylife.keys import new_vapid_key
from citylife.ledger.tables import DeliveryState
from tests.doubles.push_service import FCM, PushService, answers
from tests.faults.test_killed_processes import a_shop_with_followers, publish, settings_for, states
from tests.processes import CitylifeProcess, free_port

FOLLOWERS = 1_500
NEVER = "3600"
"""Seconds between two looks: whoever is not rung finds nothing while a test runs."""
PATIENCE = 90.0


@pytest.fixture
def on_postgresql(postgres_url: str):
    engine = engine_for(postgres_url)
    yield engine
    engine.dispose()


def settings_with(engine: Engine, service: PushService, folder: Path, port: int, **more: str) -> dict[str, str]:
    shared = {"CITYLIFE_SECRET_KEY": "s" * 43, "CITYLIFE_VAPID_PRIVATE_KEY": new_vapid_key()}
    return settings_for(engine, service, folder, port) | shared | more


def settled_by(worker: CitylifeProcess) -> int:
    """How many deliveries a worker that has stopped had settled, by its own last words."""
    return int(worker.tail().rpartition('"settled":')[2].partition(",")[0].rstrip("}\n"))


def eventually(condition: Callable[[], bool]) -> bool:
    until = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


def listens(worker: CitylifeProcess) -> bool:
    return eventually(lambda: '"side":"listening","event":"doorbell.connected"' in worker.tail())


def all_accepted(engine: Engine, followers: int) -> bool:
    return eventually(lambda: states(engine) == {DeliveryState.ACCEPTED: followers})


@pytest.mark.long
@pytest.mark.parametrize("queue", ["classic", "quorum"])
def test_two_workers_are_rung_and_share_what_was_published(on_postgresql, broker_url, tmp_path, queue):
    with PushService() as service:
        service.behave(FCM, answers(201, delay=0.2))
        scene = a_shop_with_followers(on_postgresql, service, FOLLOWERS)
        port = free_port()
        base = f"http://127.0.0.1:{port}"
        settings = settings_with(
            on_postgresql,
            service,
            tmp_path / "instance",
            port,
            CITYLIFE_BROKER_URL=broker_url,
            CITYLIFE_BROKER_QUEUE=queue,
            CITYLIFE_LOOK_SECONDS=NEVER,
        )
        one, other = (CitylifeProcess("work", settings=settings, log=tmp_path / f"{name}.log") for name in ("a", "b"))
        web = CitylifeProcess("serve", "--port", str(port), "--no-worker", settings=settings, log=tmp_path / "web.log")
        with web, one, other:
            web.wait_for_http(f"{base}/readyz")
            assert listens(one), one.tail()
            assert listens(other), other.tail()
            publish(base, scene)
            assert all_accepted(on_postgresql, FOLLOWERS), one.tail() + other.tail()
            assert (one.stop(), other.stop()) == (0, 0)
        assert min(settled_by(one), settled_by(other)) > 0, one.tail() + other.tail()
        assert settled_by(one) + settled_by(other) == FOLLOWERS
        assert service.repeats == 0
        assert {len(phone.received) for phone in scene.phones.values()} == {1}


@pytest.mark.long
def test_with_the_broker_unreachable_the_work_is_found(on_postgresql, tmp_path):
    with PushService() as service:
        scene = a_shop_with_followers(on_postgresql, service, 200)
        port = free_port()
        base = f"http://127.0.0.1:{port}"
        nobody = f"amqp://citylife:unsaid-password@127.0.0.1:{free_port()}"
        settings = settings_with(on_postgresql, service, tmp_path / "instance", port, CITYLIFE_BROKER_URL=nobody)
        worker = CitylifeProcess("work", settings=settings, log=tmp_path / "work.log")
        web = CitylifeProcess("serve", "--port", str(port), settings=settings, log=tmp_path / "web.log")
        with web, worker:
            web.wait_for_http(f"{base}/readyz")
            publish(base, scene)
            assert all_accepted(on_postgresql, 200), worker.tail()
            assert eventually(lambda: "doorbell.broker_away" in worker.tail() and "doorbell.broker_away" in web.tail())
            assert (web.stop(), worker.stop()) == (0, 0)
        assert service.repeats == 0
        said = web.tail() + worker.tail()
        assert said.count('"side":"listening"') == 1
        assert "unsaid-password" not in said
        assert '"event":"dispatcher.stopped"' not in web.tail()  # with a broker, the web process has no worker


@pytest.mark.long
@pytest.mark.parametrize("times", [1, 2], ids=["told-once", "told-twice"])
def test_dramatiqs_command_runs_a_worker_and_lets_it_settle(on_postgresql, broker_url, tmp_path, times):
    with PushService() as service:
        service.behave(FCM, answers(201, delay=0.3))
        scene = a_shop_with_followers(on_postgresql, service, 600)
        port = free_port()
        settings = settings_with(
            on_postgresql,
            service,
            tmp_path / "instance",
            port,
            CITYLIFE_BROKER_URL=broker_url,
            CITYLIFE_LOOK_SECONDS=NEVER,
        )
        words = ("wsgi:create_worker", "--processes", "1", "--threads", "1")
        worker = CitylifeProcess(*words, settings=settings, log=tmp_path / "work.log", program=("-m", "dramatiq"))
        web = CitylifeProcess("serve", "--port", str(port), settings=settings, log=tmp_path / "web.log")
        with web, worker:
            web.wait_for_http(f"http://127.0.0.1:{port}/readyz")
            assert listens(worker), worker.tail()
            publish(f"http://127.0.0.1:{port}", scene)
            assert service.wait_for(lambda: len(service.deliveries) > 50, timeout=PATIENCE), worker.tail()
            for _ in range(times - 1):  # as a supervisor does that tells a whole group of processes
                worker.tell_all(signal.SIGTERM)
            worker.stop()
        left = states(on_postgresql)
        assert DeliveryState.CLAIMED not in left, worker.tail()
        assert left[DeliveryState.ACCEPTED] == len(service.deliveries) == settled_by(worker)
        assert service.repeats == 0
