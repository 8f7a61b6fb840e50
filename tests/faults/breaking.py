"""What breaks a town and keeps it running: a keeper who starts what has died, people who ask, and a record of kills."""

import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Self

import httpx
import orjson

from citylife.clock import utc_now
from tests.faults.test_killed_processes import HOURS, Scene
from tests.processes import CitylifeProcess

KEEPER_SECONDS: Final = 0.5
PROBLEM: Final = "application/problem+json"


class Keeper:
    """Starts every process again that has ended, as systemd would, until told to let go."""

    def __init__(self, processes: Mapping[str, CitylifeProcess]) -> None:
        self.processes = dict(processes)
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="keeper")

    def __enter__(self) -> Self:
        self._start_what_is_down()
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stop.set()
        self._thread.join()
        for process in self.processes.values():
            process.kill()

    def kill(self, name: str) -> None:
        """Kill -9 one of them; it is started again a moment later."""
        with self._lock:
            self.processes[name].kill()

    def _keep(self) -> None:
        while not self._stop.wait(KEEPER_SECONDS):
            self._start_what_is_down()

    def _start_what_is_down(self) -> None:
        with self._lock:
            for process in self.processes.values():
                if not process.running:
                    process.start()


@dataclass
class Heard:
    """What the web said to those who asked, and what it was asked when it broke."""

    statuses: Counter[int] = field(default_factory=Counter)
    strange: list[str] = field(default_factory=list)
    """Answers that are neither what was wanted nor a plain problem: there should be none."""
    asking: int = 0
    broken: int = 0
    """Requests that got no answer."""
    cut: int = 0
    """Those of them that were under way: somebody had taken the call."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, api: httpx.Client, method: str, path: str, **request: object) -> httpx.Response | None:
        """Ask once; None when no answer came. A failure must be a 503 that says so as a problem, and no more."""
        with self.lock:
            self.asking += 1
        try:
            answer = api.request(method, path, **request)
        except httpx.HTTPError as failure:
            with self.lock:
                self.broken += 1
                self.cut += not isinstance(failure, httpx.ConnectError)
            return None
        finally:
            with self.lock:
                self.asking -= 1
        with self.lock:
            self.statuses[answer.status_code] += 1
            if answer.status_code >= 400 and (fault := fault_of(answer)):
                self.strange.append(f"{method} {path}: {fault}")
        return answer


def fault_of(answer: httpx.Response) -> str:
    """What is wrong with a refusal while something is down; empty where it is as promised."""
    if answer.status_code != 503:
        return f"{answer.status_code} {answer.text[:300]}"
    said = answer.text
    if answer.headers["Content-Type"] != PROBLEM or set(orjson.loads(said)) - {
        "type",
        "title",
        "status",
        "detail",
        "instance",
    }:
        return f"no plain problem: {said[:300]}"
    if "Retry-After" not in answer.headers:
        return "no Retry-After"
    return ""


class Asking:
    """Somebody in a thread of her own who does `act` again and again, until told to stop or it is over."""

    def __init__(self, act: Callable[[], bool], *, pause: float) -> None:
        """`act` says whether there is more to do."""
        self._act, self._pause = act, pause
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.failure: Exception | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stop.set()
        self._thread.join()
        if self.failure is not None:
            raise self.failure

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def finish(self, timeout: float) -> bool:
        """Wait until there is nothing more to do; whether that came."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while self._act() and not self._stop.wait(self._pause):
                pass
        except Exception as failure:  # noqa: BLE001 - told by the thread that waits
            self.failure = failure


class Publisher:
    """Publishes offer after offer, each until it is acknowledged, and remembers which were."""

    def __init__(self, base: str, heard: Heard, scenes: Iterable[Scene], enough: Callable[[int], bool]) -> None:
        """`scenes` are the shops in the order they publish in; `enough` judges how many offers are."""
        self._heard, self._enough = heard, enough
        self._plan = iter(scenes)
        self._api = httpx.Client(base_url=base, trust_env=False, timeout=20)
        self.acknowledged: list[tuple[Scene, str]] = []
        """The shop and the id of every offer whose publication was answered 200."""

    def publish_next(self) -> bool:
        """One offer, from draft to acknowledged; whether there are more."""
        if self._enough(len(self.acknowledged)):
            return False
        scene = next(self._plan)
        draft = {
            "kind": "offer",
            "title": f"Deux baguettes pour une, {len(self.acknowledged)}",
            "ends_at": (utc_now() + 6 * HOURS).isoformat(),
        }
        made = self._until_done(scene, f"/api/v1/merchant/shops/{scene.shop_id}/offers", draft)
        offer = made.json()["id"]
        self._until_done(scene, f"/api/v1/merchant/offers/{offer}/publish", None)
        self.acknowledged.append((scene, offer))
        return True

    def _until_done(self, scene: Scene, path: str, body: Mapping[str, str] | None) -> httpx.Response:
        """The same request, under one Idempotency-Key, until it is answered."""
        headers = {"Authorization": f"Bearer {scene.token}", "Idempotency-Key": str(uuid.uuid4())}
        until = time.monotonic() + 240
        while time.monotonic() < until:
            answer = self._heard.ask(self._api, "POST", path, headers=headers, json=body)
            if answer is not None and answer.status_code < 300:
                return answer
            time.sleep(0.2)
        raise AssertionError(f"{path} was not answered within 240 s: {answer and answer.text}")

    def close(self) -> None:
        self._api.close()


@dataclass(frozen=True)
class Kill:
    """One kill -9: what it hit, and what was in flight. One that hit nothing is recorded, and not counted."""

    target: str
    seconds: float
    delivered: int
    rows: int
    requests: int
    processes: int

    @property
    def counted(self) -> bool:
        return self.rows + self.requests > 0

    def line(self) -> str:
        """As a row of the printed table."""
        counted = "" if self.counted else "  hit nothing, not counted"
        return (
            f"{self.seconds:7.1f} s  {self.target:<22} after {self.delivered:>6} deliveries, "
            f"{self.processes:>3} processes, {self.rows:>4} rows and {self.requests:>2} requests in flight{counted}"
        )
