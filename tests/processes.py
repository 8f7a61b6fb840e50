"""Real `citylife` processes for the proofs: started with their own settings, stopped politely or by kill -9."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

CONSOLE = ("-c", "import wsgi; wsgi.main()")
"""What Python is told to run as `citylife`."""

AIPD_DATE = "2025-01-02"
"""When the impact assessment of the proofs was done: without one, nothing is sent for the shops of `tests.builders`."""


def free_port() -> int:
    """A TCP port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class CitylifeProcess:
    """One `citylife` command and whatever it starts, in a process group of its own; its output goes to `log`."""

    def __init__(
        self, *arguments: str, settings: Mapping[str, str], log: Path, program: Sequence[str] = CONSOLE
    ) -> None:
        self.arguments, self.settings, self.log, self.program = arguments, settings, log, program
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it; a second time starts it anew."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CITYLIFE_")}
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, *self.program, *self.arguments],
                env={**environment, "CITYLIFE_AIPD_DATE": AIPD_DATE, **self.settings},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                cwd=Path(__file__).parents[1],
            )
        return self

    @property
    def running(self) -> bool:
        """Whether it has been started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """Kill -9 of the whole group, at once."""
        self._signal(signal.SIGKILL)

    def stop(self, timeout: float = 60.0) -> int:
        """SIGTERM to the leader, and its exit status; a failure when it does not end in time."""
        if self._process is None:
            raise AssertionError("never started")
        if self.running:
            self._process.terminate()
        return self._process.wait(timeout)

    def tell_all(self, number: signal.Signals) -> None:
        """Send a signal to the whole group."""
        if self._process is not None and self._process.returncode is None:
            os.killpg(self._process.pid, number)

    def wait_for_http(self, url: str, timeout: float = 60.0) -> None:
        """Until `url` answers 200."""
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            if not self.running:
                raise AssertionError(f"{self.arguments} ended: {self.tail()}")
            try:
                with urllib.request.urlopen(url, timeout=5) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.05)
        raise AssertionError(f"{url} does not answer: {self.tail()}")

    def tail(self) -> str:
        """The last words of its output."""
        return self.log.read_text(errors="replace")[-3000:]

    def _signal(self, number: signal.Signals) -> None:
        self.tell_all(number)
        if self._process is not None:
            self._process.wait(60)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self.running:
                self.stop()
        except subprocess.TimeoutExpired:
            self.kill()
            if error is None:
                raise
