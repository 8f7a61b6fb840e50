"""kill -9 of web, workers, broker and database while a town goes on: nothing acknowledged is lost, and little repeats.

The servers are the test's own. PostgreSQL keeps every setting it comes with, so what it acknowledged is on its disk.
What is killed, and after how many deliveries, follows from the seed; a kill that hit nothing in flight is not counted.
"""

import contextlib
import itertools
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
import psutil
import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from citylife import migrations
from citylife.database import engine_for, reading
from citylife.ledger.tables import Delivery, DeliveryState
from notifications.dispatcher import SETTLE_ROWS
from tests.doubles.push_service import FCM, PushService, answers, base64url
from tests.faults.breaking import Asking, Heard, Keeper, Kill, Publisher
from tests.faults.test_killed_processes import a_shop_with_followers, settings_for, states
from tests.processes import CitylifeProcess, free_port
from tests.servers import OwnPostgres, OwnRabbit

ROUND: Final = ("worker", "database", "web", "worker", "broker", "worker", "web", "broker, disk wiped")
"""What a seed shuffles, again and again."""
PATIENCE: Final = 240.0
BOTH: Final = 0.5
"""How often both workers are killed at once: what is sent next is sent by new ones."""
TRIES: Final = 4
"""How often a kill that hit nothing is tried again, for each kill wanted."""


@dataclass
class Shattered:
    """What a campaign of one seed came to."""

    seed: int
    kills: list[Kill] = field(default_factory=list)
    deliveries: int = 0
    expected: int = 0
    repeats: int = 0
    allowed: int = 0
    late: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    broken: int = 0

    @property
    def counted(self) -> list[Kill]:
        return [kill for kill in self.kills if kill.counted]

    def line(self) -> str:
        by_target = Counter(kill.target for kill in self.counted)
        return (
            f"seed {self.seed}: {len(self.counted)} kills counted of {len(self.kills)} fired ({dict(by_target)}), "
            f"{self.expected} deliveries expected, 0 lost, {self.repeats} repeated "
            f"({100 * self.repeats / self.expected:.2f} %, at most {self.allowed} were in flight); "
            f"settled {self.late:.0f} s after the last publication; "
            f"{self.broken} requests without answer, answers {dict(sorted(self.statuses.items()))}"
        )


class Battered:
    """A town with two workers and a web process on servers of its own, and the hand that kills them."""

    def __init__(self, folder: Path, seed: int, *, kills: int, deliveries: int, shops: int, followers: int) -> None:
        self.folder, self.dice = folder, random.Random(seed)
        self.found = Shattered(seed)
        self._size, self._wanted = (shops, followers, deliveries), kills
        self._spread = deliveries // kills
        self._begun = time.monotonic()

    @contextlib.contextmanager
    def standing(self) -> Iterator[None]:
        """Everything is there and works."""
        shops, followers, _ = self._size
        with ExitStack() as ends:
            self.postgres = ends.enter_context(OwnPostgres())
            self.rabbit = ends.enter_context(OwnRabbit())
            self.service = ends.enter_context(PushService())
            self.service.behave(FCM, answers(201))
            url = self.postgres.new_database()
            self.engine = engine_for(url.replace("postgresql:", "postgresql+psycopg:"))
            ends.callback(self.engine.dispose)
            migrations.upgrade(self.engine)
            self.scenes = [a_shop_with_followers(self.engine, self.service, followers) for _ in range(shops)]
            port = free_port()
            self.base = f"http://127.0.0.1:{port}"
            settings = settings_for(self.engine, self.service, self.folder / "instance", port) | {
                "CITYLIFE_LIMITS": "*=1000000",
                "CITYLIFE_BROKER_URL": self.rabbit.url,
                "CITYLIFE_SECRET_KEY": "s" * 43,
                "CITYLIFE_VAPID_PRIVATE_KEY": base64url(bytes(range(1, 33))),
            }
            words = {"web": ("serve", "--port", str(port), "--no-worker"), "worker 1": ("work",), "worker 2": ("work",)}
            processes = {
                name: CitylifeProcess(*each, settings=settings, log=self.folder / f"{name}.log")
                for name, each in words.items()
            }
            self.keeper = ends.enter_context(Keeper(processes))
            processes["web"].wait_for_http(f"{self.base}/readyz", timeout=120)
            self.heard = Heard()
            in_turn = random.Random(self.found.seed)
            plan = (in_turn.choice(self.scenes) for _ in itertools.count())
            self.publisher = Publisher(self.base, self.heard, plan, self._enough)
            ends.callback(self.publisher.close)
            readers = ends.enter_context(httpx.Client(base_url=self.base, trust_env=False, timeout=20))
            reading_on = Asking(lambda: self._read(readers), pause=0.01)
            self.publishing = Asking(self.publisher.publish_next, pause=0.05)
            ends.enter_context(reading_on)
            ends.enter_context(self.publishing)
            yield

    def _enough(self, offers: int) -> bool:
        return offers * self._size[1] >= self._size[2] and len(self.found.counted) >= self._wanted

    def _read(self, api: httpx.Client) -> bool:
        self.heard.ask(api, "GET", "/api/v1/shops?limit=5")
        return True

    def is_up(self) -> bool:
        """Whether the database answers, the broker does, the web does and both workers live."""
        try:
            ready = httpx.get(f"{self.base}/readyz", timeout=5, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False
        return ready and self.rabbit.answers() and all(each.running for each in self.keeper.processes.values())

    def break_things(self) -> None:
        """Kill until that many have hit something, at moments that the seed draws, while offers are published."""
        plan: list[str] = []
        kills = self._wanted
        while len(self.found.counted) < kills:
            assert len(self.found.kills) < TRIES * kills, [kill.line() for kill in self.found.kills]
            if not plan:
                plan = list(ROUND)
                self.dice.shuffle(plan)
            self._wait_for(self.is_up, "everything is up again")
            assert self.publishing.running, self.publishing.failure
            more = len(self.service.deliveries) + self.dice.randrange(1, self._spread)
            assert self.service.wait_for(lambda more=more: len(self.service.deliveries) >= more, PATIENCE), self.tails()
            kill = self._kill(plan.pop())
            self.found.kills.append(kill)
            print(kill.line(), flush=True)

    def _kill(self, target: str) -> Kill:
        seconds, delivered = time.monotonic() - self._begun, len(self.service.deliveries)
        rows = requests = 0
        processes = 1
        if target == "worker":
            first, second = self.dice.sample(("worker 1", "worker 2"), 2)
            self.keeper.kill(first)
            if self.dice.random() < BOTH:
                self.keeper.kill(second)
                processes = 2
            rows = self._left_behind()
            self.found.allowed += rows
        elif target == "web":
            cut = self.heard.cut
            self._wait_for(lambda: self.heard.asking > 0, "somebody asks")
            asking = self.heard.asking
            self.keeper.kill("web")
            time.sleep(0.2)
            requests = min(asking, self.heard.cut - cut)
        elif target == "database":
            rows, requests = len(self._held()), self.heard.asking
            processes = self.postgres.kill()
            time.sleep(self.dice.random() * 2)
            self.postgres.start()
            self.found.allowed += SETTLE_ROWS
        else:
            rows = len(self._held()) + self._waiting()
            requests = lines_to(self.rabbit.port) if rows else 0  # with nothing to ring for, it is hit idle
            processes = self.rabbit.kill()
            if target != "broker":
                self.rabbit.wipe()
            self.rabbit.start()
        return Kill(target, seconds, delivered, rows, requests, processes)

    def _held(self) -> set[tuple[object, ...]]:
        with reading(self.engine)() as session:
            wanted = select(Delivery.fence, Delivery.citizen_id, Delivery.message_id)
            return {tuple(row) for row in session.execute(wanted.where(Delivery.state == DeliveryState.CLAIMED))}

    def _waiting(self) -> int:
        with reading(self.engine)() as session:
            wanted = select(func.count()).where(Delivery.state == DeliveryState.WAITING)
            return session.scalar(wanted) or 0

    def _left_behind(self) -> int:
        """How many rows the dead held: those that the living settle go in a moment, the others wait for their lease."""
        held = self._held()
        for _ in range(8):
            time.sleep(0.25)
            held &= self._held()
        return len(held)

    def _wait_for(self, condition, what: str, timeout: float = PATIENCE) -> None:
        until = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < until, f"not within {timeout} s: {what}; {self.tails()}"
            time.sleep(0.002)

    def settle(self) -> None:
        """Wait until every acknowledged offer has reached every phone and the ledger has nothing left to do."""
        assert self.publishing.finish(PATIENCE), "the offers are not all published"
        begun = time.monotonic()
        expected = len(self.publisher.acknowledged) * self._size[1]

        def done() -> bool:
            try:
                return states(self.engine) == {DeliveryState.ACCEPTED: expected}
            except DBAPIError:
                return False

        until = time.monotonic() + PATIENCE
        while not done() and time.monotonic() < until:
            time.sleep(0.2)
        self.found.late = time.monotonic() - begun
        assert states(self.engine) == {DeliveryState.ACCEPTED: expected}, self.tails()
        self._judge(expected)

    def _judge(self, expected: int) -> None:
        told = Counter((one.endpoint, one.topic) for one in self.service.deliveries)
        per_phone = Counter(endpoint for endpoint, _ in told)
        published = Counter(id(scene) for scene, _ in self.publisher.acknowledged)
        lost = [phone for scene in self.scenes for phone in scene.phones if per_phone[phone] != published[id(scene)]]
        assert lost == []
        assert len({offer for _, offer in self.publisher.acknowledged}) == len(self.publisher.acknowledged)
        found, heard = self.found, self.heard
        found.expected, found.deliveries = expected, len(self.service.deliveries)
        found.repeats = found.deliveries - len(told)
        found.statuses, found.broken = heard.statuses, heard.broken
        assert self.service.refusals == []
        assert heard.strange == []
        assert found.repeats <= found.allowed

    def tails(self) -> str:
        return "\n".join(process.tail()[-800:] for process in self.keeper.processes.values())


def lines_to(port: int) -> int:
    """How many connections stand to a port of loopback."""
    return sum(
        bool(line.raddr) and line.raddr.port == port and line.status == "ESTABLISHED"
        for line in psutil.net_connections("tcp")
    )


def campaign(folder: Path, seed: int, *, kills: int, deliveries: int, shops: int, followers: int) -> Shattered:
    town = Battered(folder, seed, kills=kills, deliveries=deliveries, shops=shops, followers=followers)
    with town.standing():
        town.break_things()
        town.settle()
    print(town.found.line(), flush=True)
    return town.found


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [2026])
def test_a_few_kills_lose_nothing_and_repeat_no_more_than_was_in_flight(tmp_path: Path, seed: int) -> None:
    found = campaign(tmp_path, seed, kills=8, deliveries=3000, shops=60, followers=10)
    assert found.expected >= 3000
    assert len(found.counted) >= 8


@pytest.mark.soak
def test_two_hundred_kills_lose_nothing_and_repeat_two_in_a_thousand_at_most(tmp_path: Path) -> None:
    all_found = []
    for seed in range(1, 22):
        folder = tmp_path / str(seed)
        folder.mkdir()
        all_found.append(campaign(folder, seed, kills=10, deliveries=8000, shops=200, followers=5))
    kills = [kill for found in all_found for kill in found.counted]
    expected, repeats = sum(found.expected for found in all_found), sum(found.repeats for found in all_found)
    print("\n".join(found.line() for found in all_found))
    print(f"{Counter(kill.target for kill in kills)}: {len(kills)} kills, {expected} deliveries, {repeats} repeats")
    assert len(kills) >= 200
    assert expected >= 100_000
    assert repeats <= expected * 0.002
