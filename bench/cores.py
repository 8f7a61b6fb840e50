"""Which core runs what: the application has core 0 for itself, everything else core 1."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import psutil
import psycopg
from sqlalchemy.engine import make_url

APPLICATION: Final = 0
REST: Final = 1
ROOT: Final = Path(__file__).parent.parent
PATIENCE: Final = 60.0
"""Seconds a server may take to start or to stop."""


def stay_on(core: int) -> None:
    """Keep this process, and what it starts from now on, on one core; nothing happens where there is only one."""
    if core in os.sched_getaffinity(0) or core < (os.cpu_count() or 1):
        os.sched_setaffinity(0, {core})


@contextlib.contextmanager
def running(
    command: Sequence[str], environment: Mapping[str, str], *, core: int | None, log: Path
) -> Iterator[subprocess.Popen]:
    """A process of ours on one core, on whichever is free where `core` is None; stopped at the end."""
    mine = os.sched_getaffinity(0)
    if core is None:
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
    else:
        stay_on(core)
    try:
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, env={**os.environ, **environment}, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT
            )
    finally:
        os.sched_setaffinity(0, mine)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen, log: Path) -> None:
    """Wait until somebody listens on the port; say what the process wrote when it dies first."""
    limit = time.monotonic() + PATIENCE
    while time.monotonic() < limit:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.05)
    raise SystemExit(f"Nothing listens on port {port}:\n{log.read_text()[-2000:]}")


def processor_seconds(port: int) -> float:
    """Seconds of the processor that a server started here on a port has taken until now, its children's with it."""
    servers = [each for each in psutil.Process().children() if f"--port={port}" in each.cmdline()]
    times = [each.cpu_times() for server in servers for each in (server, *server.children(recursive=True))]
    return float(sum(one.user + one.system for one in times))


def put_backends_aside(url: str) -> bool:
    """Move the PostgreSQL backends that serve our database to core 1; False where we may not, and they float."""
    address = make_url(url)
    with psycopg.connect(address.set(drivername="postgresql").render_as_string(hide_password=False)) as connection:
        rows = connection.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()").fetchall()
    try:
        for (pid,) in rows:
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(pid, {REST})
    except PermissionError:
        return False
    return True
