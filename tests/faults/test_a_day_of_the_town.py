"""A whole day of the town in some minutes: everything announced is settled, and nothing grows without reason.

The rhythm of the day is compressed, not the clock: offers are published by the hour as shops do, citizens read and
follow, and what is due at half past three (the purge, over rows a quarter old) and at six in the evening (digests) is
made due when the day comes to it. PostgreSQL is the test's own. What is sampled lands in `artefacts/`, as a table and
as a picture.
"""

import bisect
import csv
import datetime as dt
import itertools
import random
import secrets
import statistics
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
import psutil
import psycopg
import pytest
from sqlalchemy import Engine, func, select, text, update
from sqlalchemy.engine import make_url

from bench.drawing import CITIZENS
from bench.sender import a_sink
from bench.town import Town, build_town
from citylife import migrations, timetable
from citylife.accounts.citizens import CitizenDay
from citylife.accounts.merchants import Membership, Merchant, Role
from citylife.activity import WHOLE
from citylife.clock import utc_now
from citylife.courtesy.tables import DigestLine
from citylife.database import engine_for, new_id, reading, writing
from citylife.follows import Follow
from citylife.keys import new_vapid_key
from citylife.ledger.reading import lag
from citylife.ledger.sums import KEPT_FOR, LedgerSum
from citylife.ledger.tables import Decision, Delivery, DeliveryState, Message, MessageKind, MessageState, Outcome
from citylife.timetable import Task
from tests.faults.breaking import Asking, Heard
from tests.faults.charts import draw
from tests.processes import CitylifeProcess, free_port
from tests.servers import OwnPostgres

ARTEFACTS: Final = Path(__file__).parents[2] / "artefacts"
SEED: Final = 62
MEBIBYTE: Final = 1 << 20
RHYTHM: Final = (0, 0, 0, 0, 0, 0, 1, 3, 8, 14, 16, 12, 6, 6, 9, 10, 12, 14, 10, 5, 2, 1, 0, 0)
"""How many offers of a hundred and some are published in each hour of a day."""
NIGHT: Final = 3.5
EVENING: Final = 18.0
OLD_ROWS: Final = 500
"""Citizens with a delivery, a decision and an active day that are kept no longer when the day begins."""
SETTLING: Final = 900.0
"""Seconds in which everything has to be settled once the day is over: a deadline, not a pace."""
GROWTH: Final = 1.3
SLACK: Final = 30.0
"""MiB that a process may hold more in its last quarter than in its second, beside three tenths."""
ROW_BYTES: Final = 500
"""What a row may take of the disk with its indexes, its dead selves, and slots and messages beside it."""
NAME: Final = "a day of the town"
SETTINGS: Final = {"autovacuum": "on", "shared_buffers": "1GB", "max_wal_size": "4GB"}
"""The server's, as the guide wants them: whether it vacuums by itself is part of what grows."""


@dataclass
class Samples:
    """What was seen, one row a look."""

    hours: list[float] = field(default_factory=list)
    lag: list[float] = field(default_factory=list)
    database: list[float] = field(default_factory=list)
    connections: list[int] = field(default_factory=list)
    memory: dict[str, list[float]] = field(default_factory=dict)

    def write(self, name: str, title: str) -> None:
        """The table and the picture."""
        ARTEFACTS.mkdir(exist_ok=True)
        with (ARTEFACTS / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            memory = [f"{process} (MiB)" for process in self.memory]
            table.writerow(["hour", "lag (s)", "database (MiB)", "connections", *memory])
            table.writerows(
                zip(self.hours, self.lag, self.database, self.connections, *self.memory.values(), strict=True)
            )
        panels = {
            "Lag of the ledger, seconds": {"lag": self.lag},
            "Memory of each process, MiB": self.memory,
            "Database, MiB": {"database": self.database},
            "Connections to the database": {"connections": [float(each) for each in self.connections]},
        }
        draw(ARTEFACTS / f"{name}.svg", title, self.hours, panels)


class Watcher(threading.Thread):
    """Looks at everything every so often, by one connection of its own, which it does not count."""

    def __init__(self, engine: Engine, processes: dict[str, CitylifeProcess], day: "Day", pause: float) -> None:
        super().__init__(name="watcher")
        self._engine, self._processes, self._day, self._pause = engine, processes, day, pause
        self._over = threading.Event()
        self.samples = Samples(memory={name: [] for name in processes})

    def run(self) -> None:
        url = make_url(self._engine.url).set(drivername="postgresql").difference_update_query(["application_name"])
        with psycopg.connect(
            url.render_as_string(hide_password=False), application_name=NAME, autocommit=True
        ) as server:
            while not self._over.wait(self._pause):
                self._look(server)

    def finish(self) -> Samples:
        """Stop looking; what was seen."""
        self._over.set()
        self.join()
        return self.samples

    def _look(self, server: psycopg.Connection) -> None:
        row = server.execute(
            "SELECT pg_database_size(current_database()), (SELECT count(*) FROM pg_stat_activity WHERE "
            "datname = current_database() AND backend_type = 'client backend' AND application_name <> %s)",
            (NAME,),
        ).fetchone()
        assert row is not None
        with reading(self._engine)() as session:
            seconds = lag(session, now=utc_now())
        samples = self.samples
        samples.hours.append(round(self._day.hour(), 3))
        samples.lag.append(round(seconds, 2))
        samples.database.append(round(row[0] / MEBIBYTE, 1))
        samples.connections.append(row[1])
        for name, process in self._processes.items():
            samples.memory[name].append(round(resident(process), 1))


class Day:
    """The compressed day: which hour it is, and when each offer is published."""

    def __init__(self, seconds: float, offers: int) -> None:
        dice = random.Random(SEED)
        self._seconds = seconds
        self._began = time.monotonic()
        weights = list(itertools.accumulate(RHYTHM))
        hours = (bisect.bisect_right(weights, dice.random() * weights[-1]) for _ in range(offers))
        self.moments = sorted(hour + dice.random() for hour in hours)

    def begin(self) -> None:
        """It is midnight."""
        self._began = time.monotonic()

    def hour(self) -> float:
        """The hour now; beyond 24 once the day is over."""
        return (time.monotonic() - self._began) / self._seconds * 24

    def wait_until(self, hour: float) -> None:
        """Sleep until that hour."""
        time.sleep(max(self._began + hour / 24 * self._seconds - time.monotonic(), 0))


def resident(process: CitylifeProcess) -> float:
    """MiB resident of a command and of what it started."""
    assert process._process is not None
    leader = psutil.Process(process._process.pid)
    return sum(each.memory_info().rss for each in [leader, *leader.children(recursive=True)]) / MEBIBYTE


def everybody_has_a_phone(engine: Engine) -> None:
    """Each citizen agreed to notifications, may be told now, and has one phone with a real key."""
    endpoint = "'https://updates.push.services.mozilla.com/wpush/v2/' || c.id"
    with engine.begin() as connection:
        for statement in (
            """UPDATE citizens SET notifications_consented = true, quiet_from = '00:00', quiet_until = '00:00',
                quiet_sundays = false, weekly_budget = 5, daily_budget = 2""",
            f"""INSERT INTO devices (citizen_id, id, bucket, origin_id, endpoint, endpoint_sha256, p256dh, auth,
                registered_at, push_key)
            SELECT c.id, gen_random_uuid(), c.bucket, 1, {endpoint}, sha256(convert_to({endpoint}, 'UTF8')),
                k.p256dh, k.auth, now(), 1
            FROM citizens c CROSS JOIN (SELECT p256dh, auth FROM devices LIMIT 1) AS k
            WHERE NOT EXISTS (SELECT 1 FROM devices d WHERE d.citizen_id = c.id)""",
            """INSERT INTO endpoints (endpoint_sha256, citizen_id, device_id)
            SELECT endpoint_sha256, citizen_id, id FROM devices ON CONFLICT DO NOTHING""",
            "ANALYZE",
        ):
            connection.execute(text(statement))


def old_rows(engine: Engine, town: Town) -> None:
    """What the night has to purge: an announcement of four months ago, settled long since, and old active days."""
    long_ago = utc_now() - KEPT_FOR - dt.timedelta(days=30)
    message = Message(
        id=new_id(),
        kind=MessageKind.ANNOUNCEMENT,
        state=MessageState.EXPANDED,
        shop_id=uuid.UUID(town.fan_out_shop),
        created_at=long_ago,
        release_at=long_ago,
        expires_at=long_ago + dt.timedelta(days=1),
        decided=OLD_ROWS,
    )
    values = {"message": message.id, "then": long_ago, "most": OLD_ROWS}
    some = "FROM devices ORDER BY citizen_id LIMIT :most"
    with writing(engine).begin() as session:
        session.add(message)
        session.flush()
        for statement in (
            f"""INSERT INTO decisions (citizen_id, message_id, outcome, reason, decided_at)
            SELECT citizen_id, :message, 'send', 'follows', :then {some}""",
            f"""INSERT INTO deliveries
                (citizen_id, message_id, device_id, bucket, origin_id, state, attempts, next_at, accepted_at)
            SELECT citizen_id, :message, id, bucket, origin_id, 'accepted', 1, :then, :then {some}""",
            f"INSERT INTO citizen_days (citizen_id, day) SELECT citizen_id, CAST(:then AS date) {some}",
        ):
            session.execute(text(statement), values)


def owner_of_all(engine: Engine, town: Town) -> list[uuid.UUID]:
    """Let the town's one merchant run every shop that somebody follows; which they are."""
    with writing(engine).begin() as session:
        merchant = session.scalars(select(Merchant)).one()
        followed = list(session.scalars(select(Follow.shop_id).distinct().order_by(Follow.shop_id)))
        session.add_all(
            Membership(id=new_id(), shop_id=shop, merchant_id=merchant.id, role=Role.OWNER, begun_at=utc_now())
            for shop in followed
            if str(shop) != town.fan_out_shop
        )
    return followed


class Merchants:
    """Publish an offer at each moment of the day; remember the shop of each that was acknowledged."""

    def __init__(self, base: str, town: Town, shops: list[uuid.UUID], day: Day) -> None:
        headers = {"Authorization": f"Bearer {town.merchant_key}"}
        self._api = httpx.Client(base_url=base, headers=headers, trust_env=False, timeout=60)
        self._dice, self._shops, self._day = random.Random(SEED + 1), shops, day
        self._moments = iter(day.moments)
        self.acknowledged: dict[uuid.UUID, uuid.UUID] = {}

    def publish_next(self) -> bool:
        moment = next(self._moments, None)
        if moment is None:
            return False
        self._day.wait_until(moment)
        shop = self._dice.choice(self._shops)
        ends_at = (utc_now() + dt.timedelta(days=2)).isoformat()
        draft = {"kind": "offer", "title": f"Offre de {moment:.2f} h", "ends_at": ends_at}
        made = self._api.post(f"/api/v1/merchant/shops/{shop}/offers", json=draft)
        assert made.status_code == 201, made.text
        offer = made.json()["id"]
        published = self._api.post(f"/api/v1/merchant/offers/{offer}/publish")
        assert published.status_code == 200, published.text
        self.acknowledged[uuid.UUID(offer)] = shop
        return True

    def close(self) -> None:
        self._api.close()


class Citizens:
    """Read feeds, and follow a shop and leave it again, one citizen after the other."""

    def __init__(self, base: str, town: Town) -> None:
        self._api = httpx.Client(base_url=base, trust_env=False, timeout=60)
        self._dice, self._town = random.Random(SEED + 2), town
        self.heard = Heard()

    def act(self) -> bool:
        headers = {"Authorization": f"Bearer {self._dice.choice(self._town.tokens)}"}
        self.heard.ask(self._api, "GET", "/api/v1/me/feed", headers=headers)
        if self._dice.random() < 0.2:
            path = f"/api/v1/me/follows/{self._town.quiet_shop}"
            self.heard.ask(self._api, "PUT", path, headers=headers, json={"level": "normal"})
            self.heard.ask(self._api, "DELETE", path, headers=headers)
        return True

    def close(self) -> None:
        self._api.close()


def eventually(condition: Callable[[], bool], seconds: float = SETTLING) -> bool:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.2)
    return True


def make_due(engine: Engine, *tasks: Task) -> None:
    """The night has come for these."""
    with writing(engine).begin() as session:
        for task in tasks:
            timetable.plan(session, task, WHOLE, utc_now())


def purged(engine: Engine) -> bool:
    """Whether what was a quarter old has left, and is in the sums."""
    old = utc_now() - KEPT_FOR
    with reading(engine)() as session:
        left = (
            session.scalar(select(func.count()).select_from(Decision).where(Decision.decided_at < old)),
            session.scalar(select(func.count()).select_from(Delivery).where(Delivery.next_at < old)),
            session.scalar(select(func.count()).select_from(CitizenDay).where(CitizenDay.day < old.date())),
        )
        sums = session.scalar(select(func.coalesce(func.sum(LedgerSum.count), 0)))
    return left == (0, 0, 0) and sums == 2 * OLD_ROWS


def settled(engine: Engine) -> bool:
    """Whether nothing is left to expand, to take up for a digest, or to send."""
    with reading(engine)() as session:
        open_states = Delivery.state.in_([DeliveryState.WAITING, DeliveryState.CLAIMED])
        return (
            session.scalar(select(Message.id).where(Message.state == MessageState.EXPANDING).limit(1)) is None
            and session.scalar(select(DigestLine.citizen_id).where(DigestLine.due_at <= utc_now()).limit(1)) is None
            and session.scalar(select(Delivery.citizen_id).where(open_states).limit(1)) is None
        )


def assert_everything_was_settled(engine: Engine, acknowledged: dict[uuid.UUID, uuid.UUID]) -> str:
    """Each acknowledged offer was decided for each follower of its shop, and what was to be sent was accepted."""
    with reading(engine)() as session:
        decided = dict(
            session.execute(
                select(Message.offer_id, Message.decided).where(
                    Message.kind == MessageKind.ANNOUNCEMENT, Message.offer_id.is_not(None)
                )
            ).all()
        )
        followers = dict(session.execute(select(Follow.shop_id, func.count()).group_by(Follow.shop_id)).all())
        to_send = select(func.count()).select_from(Decision).where(Decision.outcome == Outcome.SEND)
        sent = session.scalar(to_send)
        states = dict(session.execute(select(Delivery.state, func.count()).group_by(Delivery.state)).all())
        digests = session.scalar(
            select(func.coalesce(func.sum(Message.decided), 0)).where(Message.kind == MessageKind.DIGEST)
        )
    assert decided == {offer: followers[shop] for offer, shop in acknowledged.items()}
    assert states == {DeliveryState.ACCEPTED: sent}, "each has one phone"
    assert digests
    return f"{len(acknowledged)} offers, {sum(decided.values())} decisions, {sent} deliveries ({digests} of digests)"


def quarters(values: list[float]) -> tuple[list[float], list[float]]:
    """The second quarter and the last."""
    quarter = len(values) // 4
    return values[quarter : 2 * quarter], values[-quarter:]


def rows_of_the_day(engine: Engine) -> int:
    """What the day has left: decisions, deliveries, and lines put aside for a digest."""
    with reading(engine)() as session:
        return sum(
            session.scalar(select(func.count()).select_from(each)) or 0 for each in (Decision, Delivery, DigestLine)
        )


def assert_nothing_grew(samples: Samples, rows: int) -> None:
    """Connections stay as they are once everybody has come, processes hold what they held, and rows take their room."""
    assert len(samples.hours) >= 16
    assert (samples.database[-1] - samples.database[0]) * MEBIBYTE <= ROW_BYTES * rows, (samples.database, rows)
    early, late = quarters([float(each) for each in samples.connections])
    assert max(late) <= max(early) + 2, samples.connections
    for name, values in samples.memory.items():
        early, late = quarters(values)
        assert statistics.median(late) <= GROWTH * statistics.median(early) + SLACK, (name, values)


def a_day(folder: Path, broker: str, *, citizens: int, offers: int, seconds: float, workers: int) -> str:
    """Build a town of that many citizens and let a day of it pass in so many seconds; a line with what happened."""
    with OwnPostgres(settings=SETTINGS) as server, a_sink(folder, core=None) as sink:
        url = server.new_database()
        engine = engine_for(make_url(url).update_query_dict({"application_name": NAME}))
        migrations.upgrade(engine)
        town = build_town(engine, citizens / CITIZENS, SEED)
        everybody_has_a_phone(engine)
        old_rows(engine, town)
        shops = owner_of_all(engine, town)
        port = free_port()
        base = f"http://127.0.0.1:{port}"
        settings = {
            "CITYLIFE_INSTANCE": str(folder / "instance"),
            "CITYLIFE_DATABASE_URL": url,
            "CITYLIFE_BROKER_URL": broker,
            "CITYLIFE_SECRET_KEY": secrets.token_urlsafe(32),
            "CITYLIFE_VAPID_PRIVATE_KEY": new_vapid_key(),
            "CITYLIFE_BASE_URL": f"http://localhost:{port}",
            "CITYLIFE_CONTACT": "mailto:pilot@citylife.example",
            "CITYLIFE_PUSH_CONNECT_TO": f"127.0.0.1:{sink.port}",
            "CITYLIFE_PUSH_CA": str(sink.certificates.ca_file),
            "CITYLIFE_LIMITS": "*=1000000",
        }
        web = CitylifeProcess("serve", "--port", str(port), "--no-worker", settings=settings, log=folder / "web.log")
        processes = {"web": web} | {
            f"worker {number + 1}": CitylifeProcess("work", settings=settings, log=folder / f"work-{number}.log")
            for number in range(workers)
        }
        day = Day(seconds, offers)
        merchants, people = Merchants(base, town, shops, day), Citizens(base, town)
        watcher = Watcher(engine, processes, day, pause=seconds / 200)
        try:
            for process in processes.values():
                process.start()
            web.wait_for_http(f"{base}/readyz", timeout=120)
            day.begin()
            watcher.start()
            with Asking(merchants.publish_next, pause=0) as publishing, Asking(people.act, pause=seconds / 3000):
                day.wait_until(NIGHT)
                make_due(engine, Task.PURGE, Task.RHYTHMS)
                assert eventually(lambda: purged(engine)), "the night's purge came to no end"
                day.wait_until(EVENING)
                with writing(engine).begin() as session:
                    session.execute(update(DigestLine).where(DigestLine.due_at > utc_now()).values(due_at=utc_now()))
                assert publishing.finish(seconds + SETTLING)
                day.wait_until(24)
                assert eventually(lambda: settled(engine)), "not everything was settled"
                with reading(engine)() as session:
                    assert lag(session, now=utc_now()) == 0
                told = assert_everything_was_settled(engine, merchants.acknowledged)
                rows = rows_of_the_day(engine)
        finally:
            samples = watcher.finish() if watcher.ident is not None else watcher.samples
            name = f"day-of-the-town-{citizens}"
            samples.write(name, f"A day of {citizens:,} citizens and {offers:,} offers in {seconds:,.0f} seconds")
            for process in processes.values():
                process.kill()
            merchants.close()
            people.close()
            engine.dispose()
    assert len(merchants.acknowledged) == offers
    assert not people.heard.strange, people.heard.strange[:3]
    assert people.heard.broken == 0
    assert people.heard.statuses[200] > 0
    assert_nothing_grew(samples, rows)
    return (
        f"{told}; {sum(people.heard.statuses.values())} requests of citizens; lag at most {max(samples.lag):.1f} s, "
        f"{max(samples.connections)} connections, database {samples.database[0]} to {samples.database[-1]} MiB, "
        f"memory { {one: max(values) for one, values in samples.memory.items()} } MiB; see artefacts/{name}.svg"
    )


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_day_of_two_thousand_citizens_leaves_nothing_unsettled(broker_url: str, tmp_path: Path) -> None:
    print(a_day(tmp_path, broker_url, citizens=2_000, offers=30, seconds=24, workers=1))


@pytest.mark.soak
def test_a_day_of_the_full_town_leaves_nothing_unsettled(broker_url: str, tmp_path: Path) -> None:
    print(a_day(tmp_path, broker_url, citizens=CITIZENS, offers=2_000, seconds=1_800, workers=2))
