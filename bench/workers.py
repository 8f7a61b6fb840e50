"""Deliveries a second with one, two and four `citylife work` on PostgreSQL, rung by RabbitMQ, and what holds them up.

Everything of the machine may run on every core, as in operation. In turn in one run, each number of workers publishes
to 20,000 phones; meanwhile the processor's time of every process that takes part is added up, and that of each core.
"""

import contextlib
import os
import secrets
import subprocess
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import psutil

from bench.figures import Figure, median
from bench.publish import Times
from bench.stage import Stage, staged
from bench.town import Town

COUNTS: Final = (1, 2, 4)
ROUNDS: Final = 3
OFFERS: Final = 2
FULL: Final = 0.9
"""A core, or a process of one thread, that works for so much of the time has no more to give."""
BROKER: Final = os.environ.get("CITYLIFE_TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672")
PATIENCE: Final = 60.0


def measure(town: Town, *, rounds: int = ROUNDS, offers: int = OFFERS) -> Iterator[Figure]:
    """The pace of each number of workers, beside one's; then who used how much of the cores, and what is at its end."""
    with contextlib.ExitStack() as stack:
        try:
            broker = stack.enter_context(a_virtual_host())
        except (OSError, subprocess.CalledProcessError) as why:
            print(f"  left out: this user can make no virtual host on a RabbitMQ of this machine ({why})")
            return
        rates: dict[int, list[float]] = defaultdict(list)
        shares: dict[int, list[Mapping[str, float]]] = defaultdict(list)
        for _ in range(rounds):
            for count in COUNTS:
                pace, used = _once(town, broker, count, offers)
                rates[count].append(pace)
                shares[count].append(used)
    one = median(rates[COUNTS[0]])
    for count in COUNTS:
        label = f"{count} worker{'s' if count > 1 else ''}"
        yield Figure.against(
            f"deliveries, {label}, PostgreSQL, RabbitMQ, {town.name}", median(rates[count]), "deliveries/s", one
        )
        used = {name: median([each[name] for each in shares[count]]) for name in sorted(shares[count][0])}
        for name, share in used.items():
            yield Figure(f"  {label}: {name}", share, "cores")
        print(f"  {label}: {saturated(used, psutil.cpu_count() or 1)}")


def saturated(used: Mapping[str, float], cores: int) -> str:
    """What has no more to give, in words: the machine's cores, one process of one thread, or nothing at all."""
    busy = sum(share for name, share in used.items() if name.startswith("core "))
    parts = {name: share for name, share in used.items() if not name.startswith("core ")}
    if busy >= FULL * cores:
        largest = sorted(parts, key=lambda name: parts[name], reverse=True)[:3]
        return f"the {cores} cores are full; most of them goes to {', '.join(f'{n} ({parts[n]:.2f})' for n in largest)}"
    full = [name for name in parts if "worker" in name and parts[name] >= FULL]
    if full:
        return f"{', '.join(full)}: a process of one thread that never rests, while cores have room"
    return f"nothing is full ({busy:.2f} of {cores} cores): they wait for each other, or for the disk"


@contextlib.contextmanager
def a_virtual_host() -> Iterator[str]:
    """A virtual host of the bench's own on the machine's RabbitMQ; its AMQP URL."""
    name = f"citylife-bench-{secrets.token_hex(4)}"
    user = BROKER.partition("://")[2].partition(":")[0]
    _ask_keeper("add_vhost", name)
    try:
        _ask_keeper("set_permissions", "-p", name, user, ".*", ".*", ".*")
        yield f"{BROKER}/{name}"
    finally:
        _ask_keeper("delete_vhost", name)


def _ask_keeper(*words: str) -> None:
    subprocess.run(["rabbitmqctl", "--quiet", *words], check=True, capture_output=True, timeout=60)


def _once(town: Town, broker: str, count: int, offers: int) -> tuple[float, dict[str, float]]:
    """So many workers: their pace, and the shares of the cores while they sent."""
    times = Times()
    with (
        tempfile.TemporaryDirectory(prefix="bench-workers-") as folder,
        staged(town, Path(folder), workers=count, broker=broker, core=None) as stage,
    ):
        _wait_until_listening(Path(folder), count)
        Times().publish(stage)
        watch = Watch(stage)
        for _ in range(offers):
            times.publish(stage)
        return median(times.rates), watch.shares()


def _wait_until_listening(folder: Path, count: int) -> None:
    """Wait until every worker is connected to the broker."""
    limit = time.monotonic() + PATIENCE
    logs = [folder / f"work-{number}.log" for number in range(count)]
    while not all('"side":"listening","event":"doorbell.connected"' in log.read_text() for log in logs):
        if time.monotonic() > limit:
            raise SystemExit(f"A worker does not reach the broker: {logs[0].read_text()[-1000:]}")
        time.sleep(0.1)


class Watch:
    """Adds up the processor's time of everything that takes part, from now on."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._began = time.monotonic()
        self._before = self._seconds()
        psutil.cpu_percent(percpu=True)

    def shares(self) -> dict[str, float]:
        """By who they are, how many cores they used since; and how busy each core was, with whatever else ran."""
        passed = time.monotonic() - self._began
        cores = psutil.cpu_percent(percpu=True)
        after = self._seconds()
        found = {name: max(after[name] - self._before[name], 0.0) / passed for name in after}
        found["others, who take no part"] = max(sum(cores) / 100 - sum(found.values()), 0.0)
        return found | {f"core {number}": percent / 100 for number, percent in enumerate(cores)}

    def _seconds(self) -> Counter[str]:
        stage = self._stage
        backends = set(stage.backends())
        used: Counter[str] = Counter()
        for number, worker in enumerate(stage.workers):
            used[f"worker {number + 1}"] = _of([worker])
        used["web"] = _of([stage.process, *stage.process.children(recursive=True)])
        used["sink"] = stage.sink.seconds_used()
        used["this bench"] = _of([psutil.Process()])
        by_name = defaultdict(list)
        for process in psutil.process_iter(["name"]):
            by_name[process.info["name"]].append(process)
        postgres = by_name["postgres"]
        used["PostgreSQL's backends"] = _of(process for process in postgres if process.pid in backends)
        used["the rest of PostgreSQL"] = _of(process for process in postgres if process.pid not in backends)
        used["broker"] = _of(by_name["beam.smp"])
        return used


def _of(processes: Iterable[psutil.Process]) -> float:
    """Seconds of the processor that they have used."""
    seconds = 0.0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            seconds += sum(process.cpu_times()[:2])
    return seconds
