"""An instance of Citylife in a folder of its own, driven through the real console script, in real processes."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

CONSOLE: Final = Path(sys.executable).with_name("citylife")
PATIENCE: Final = 180.0


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str


@dataclass
class Instance:
    """A folder, the settings it runs with, and what its server printed last."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    key: str = ""

    def environment(self) -> dict[str, str]:
        """The environment of its processes: nothing of ours that begins with CITYLIFE_."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CITYLIFE_")}
        return {**kept, "LC_ALL": "fr_FR.UTF-8", "CITYLIFE_INSTANCE": str(self.folder), **self.settings}

    def call(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        return subprocess.run(
            [CONSOLE, *arguments],
            cwd=self.folder.parent,
            env={**self.environment(), **settings},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )

    def start(self, *arguments: str, **settings: str) -> subprocess.Popen[bytes]:
        """Start a command that stays; what it says goes to `printed`."""
        with self._said.open("wb") as said:
            return subprocess.Popen(
                [CONSOLE, *arguments],
                cwd=self.folder.parent,
                env={**self.environment(), "PYTHONUNBUFFERED": "1", **settings},
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def printed(self) -> str:
        """What the last started command has said so far."""
        return self._said.read_text(encoding="utf-8")

    @contextmanager
    def serving(self, *arguments: str, **settings: str) -> Iterator[str]:
        """Serve on a free port until the block ends; the base URL. The stop must be a graceful one."""
        port = free_port()
        server = self.start("serve", "--port", str(port), *arguments, **settings)
        try:
            wait_for(f"http://localhost:{port}/healthz", server)
            yield f"http://localhost:{port}"
            server.send_signal(signal.SIGTERM)
            assert server.wait(PATIENCE) == 0, self.printed()
        finally:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait()

    @property
    def _said(self) -> Path:
        return self.folder.with_suffix(".out")


def server_at(base_url: str) -> psutil.Process:
    """The process of ours that serves there; its children are the web processes."""
    asked = ["--port", base_url.rpartition(":")[2]]
    (server,) = [each for each in psutil.Process().children() if contains(each.cmdline(), asked)]
    return server


def contains(words: list[str], part: list[str]) -> bool:
    """Whether words follow one another in a command."""
    return any(words[at : at + len(part)] == part for at in range(len(words)))


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    """Return once `url` answers 200.

    Raises:
        AssertionError: the process ended, or three minutes passed.
    """
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        assert process.poll() is None, f"the server ended with {process.returncode}"
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
    raise AssertionError(f"{url} never answered")


def eventually(true: Callable[[], bool]) -> bool:
    """Whether it came true within half a minute."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if true():
            return True
        time.sleep(0.05)
    return False


def fetched(
    url: str, body: object = None, headers: dict[str, str] | None = None, method: str | None = None
) -> tuple[int, str]:
    """The status and the text of an answer, whatever the status."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **(headers or {})}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()
    except (urllib.error.URLError, ConnectionError):
        return 0, ""
