"""Ten thousand followers at a push service that misbehaves to three in ten: every row ends right, and the web answers.

Each of the thirty in a hundred is met with one of the ways a service is known to fail; some mend, some never do.
"""

import random
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import httpx
import pytest
from sqlalchemy import Engine, func, select

from citylife.accounts.citizens import create_citizen
from citylife.clock import utc_now
from citylife.database import engine_for, reading, writing
from citylife.devices import Device
from citylife.follows import Level, follow
from citylife.ledger.tables import Delivery, DeliveryState
from citylife.shops import Shop
from tests.doubles.push_service import DRIPS, RESETS, RESETS_THE_STREAM, SILENT, Behaviour, PushService, answers
from tests.faults.breaking import Asking
from tests.faults.test_killed_processes import Scene, a_shop_with_followers, publish, settings_for
from tests.processes import CitylifeProcess, free_port

ACCEPTED, GONE, REFUSED = DeliveryState.ACCEPTED, DeliveryState.GONE, DeliveryState.REFUSED
WAYS: Final[Mapping[str, tuple[tuple[Behaviour, ...], DeliveryState]]] = {
    "410": ((answers(410),), GONE),
    "404": ((answers(404),), GONE),
    "400": ((answers(400),), REFUSED),
    "413": ((answers(413),), REFUSED),
    "302": ((answers(302, location="https://127.0.0.1/"),), REFUSED),
    "500, then mends": ((answers(500), answers(201)), ACCEPTED),
    "503 twice, then mends": ((answers(503), answers(503), answers(201)), ACCEPTED),
    "reset, then mends": ((RESETS, answers(201)), ACCEPTED),
    "stream reset, then mends": ((RESETS_THE_STREAM, answers(201)), ACCEPTED),
    "silence, then mends": ((SILENT, answers(201)), ACCEPTED),
    "a drip, then mends": ((DRIPS, answers(201)), ACCEPTED),
}
PATIENCE: Final = 900.0
WANTED_SECONDS: Final = 0.1
"""The slowest answer of the web but one in a hundred, with the worker in a process apart."""


def misbehave(service: PushService, scene: Scene, seed: int) -> dict[str, DeliveryState]:
    """Let the service misbehave to three phones in ten; what each phone's row must come to."""
    dice = random.Random(seed)
    ends = dict.fromkeys(scene.phones, ACCEPTED)
    for endpoint in dice.sample(sorted(ends), len(ends) * 3 // 10):
        behaviours, ends[endpoint] = WAYS[dice.choice(sorted(WAYS))]
        service.behave(endpoint, *behaviours)
    return ends


def rows(engine: Engine) -> Counter[DeliveryState]:
    with reading(engine)() as session:
        return Counter(dict(session.execute(select(Delivery.state, func.count()).group_by(Delivery.state)).all()))


def assert_every_row(engine: Engine, ends: Mapping[str, DeliveryState]) -> None:
    """Each device that is still there has the row it should, and those that are gone are exactly those told gone."""
    with reading(engine)() as session:
        found = dict(
            session.execute(
                select(Device.endpoint, Delivery.state).join(
                    Delivery, (Delivery.citizen_id == Device.citizen_id) & (Delivery.device_id == Device.id)
                )
            ).all()
        )
        devices = set(session.scalars(select(Device.endpoint)))
    assert found == {endpoint: state for endpoint, state in ends.items() if state is not GONE}
    assert devices & set(ends) == set(found)
    assert rows(engine) == Counter(ends.values())


def crowd(engine: Engine, folder: Path, followers: int, *, apart: bool) -> float:
    """Publish once to that many, and ask the web all the while; the seconds of the slowest answer but one in 100."""
    folder.mkdir()
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    with PushService() as service:
        scene = a_shop_with_followers(engine, service, followers)
        ends = misbehave(service, scene, 2026)
        with writing(engine).begin() as session:
            citizen, token = create_citizen(session, locale="fr", now=utc_now())
            follow(session, citizen.id, session.get_one(Shop, scene.shop_id), Level.NORMAL, now=utc_now())
        settings = settings_for(engine, service, folder / "instance", port) | {
            "CITYLIFE_LIMITS": "*=1000000",
            "CITYLIFE_PUSH_SECONDS": "2",
        }
        words = ("serve", "--port", str(port), "--no-worker" if apart else "--worker")
        web = CitylifeProcess(*words, settings=settings, log=folder / "web.log")
        work = CitylifeProcess("work", settings=settings, log=folder / "work.log")
        times: list[float] = []
        api = httpx.Client(base_url=base, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=30)

        def ask() -> bool:
            path = ("/api/v1/me/feed", "/api/v1/shops?limit=20", "/api/v1/me/follows")[len(times) % 3]
            begun = time.perf_counter()
            answer = api.get(path)
            times.append(time.perf_counter() - begun)
            assert answer.status_code == 200, answer.text
            return True

        with api, web:
            web.wait_for_http(f"{base}/readyz", timeout=90)
            if apart:
                work.start()
            try:
                begun = time.monotonic()
                publish(base, scene)
                wanted = Counter(ends.values())
                with Asking(ask, pause=0.02):
                    while rows(engine) != wanted and time.monotonic() - begun < PATIENCE:
                        time.sleep(0.2)
                seconds = time.monotonic() - begun
            finally:
                work.kill()
        assert_every_row(engine, ends)
        repeats = service.repeats  # answers that were lost with a connection
    hundredths = statistics.quantiles(times, n=100)
    where = "worker apart" if apart else "worker in the web process"
    print(
        f"{engine.dialect.name}, {followers} followers, {where}: settled in {seconds:.0f} s, "
        f"{ {state.value: count for state, count in wanted.items()} }, {repeats} sent again for a lost answer; "
        f"{len(times)} requests, p50 {1000 * hundredths[49]:.1f} ms, p99 {1000 * hundredths[98]:.1f} ms"
    )
    return hundredths[98]


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    """PostgreSQL alone: what is shown is the sender's and the worker's part."""
    engine = engine_for(postgres_url)
    yield engine
    engine.dispose()


@pytest.mark.long
@pytest.mark.timeout(240)
def test_every_row_of_a_few_hundred_ends_right(engine: Engine, tmp_path: Path) -> None:
    crowd(engine, tmp_path / "crowd", 400, apart=True)


@pytest.mark.soak
@pytest.mark.parametrize("apart", [True, False], ids=["apart", "in the web process"])
def test_every_row_of_ten_thousand_ends_right_while_the_web_answers(
    engine: Engine, tmp_path: Path, *, apart: bool
) -> None:
    slow = crowd(engine, tmp_path / "crowd", 10_000, apart=apart)
    assert not apart or slow < WANTED_SECONDS
