"""Servers of a test's own, PostgreSQL and RabbitMQ: started on free ports, killed with -9, started again, removed.

They share nothing with the machine's own servers: folders, ports, node name, cookie and, for RabbitMQ, the port mapper
are theirs alone. What must be durable is: PostgreSQL keeps its own default settings, `fsync` and all.
"""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Self

import psutil
import psycopg

from tests.doubles.certificates import Certificates
from tests.needs import needs_own_postgres, needs_own_rabbitmq
from tests.processes import free_port

POSTGRES_USER: Final = "postgres"
"""Whom PostgreSQL runs as where the tests run as root, whom it refuses."""
START_SECONDS: Final = 120.0
"""How long a server may take to answer on a busy machine, recovery included."""
AMQP: Final = b"AMQP\x00\x00\x09\x01"


class Server:
    """A server and whatever it starts, in a folder of its own; use it as a context manager."""

    name = "server"

    def __init__(self, folder: Path | None = None) -> None:
        """Keep everything in a new folder, or in `folder`, whose disk is then the only one it has."""
        self.folder = Path(tempfile.mkdtemp(prefix=f"citylife-{self.name}-", dir=folder))
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.prepare()
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        self.remove()

    def prepare(self) -> None:
        """Whatever is done once, before the first start."""

    def command(self) -> list[str]:
        """The command that serves until it is ended."""
        raise NotImplementedError

    def answers(self) -> bool:
        """Whether the server does its work."""
        raise NotImplementedError

    def options(self) -> dict[str, Any]:
        """Whom it runs as, and its environment."""
        return {}

    @property
    def running(self) -> bool:
        """Whether it was started and lives."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it, or start it again, and wait until it answers; one that gives up is started again meanwhile."""
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if not self.running:
                self.launch()
            if self.answers():
                return
            time.sleep(0.1)
        raise AssertionError(f"{self.name} does not answer: {self.tail()}")

    def launch(self) -> None:
        """Start the process and wait for nothing."""
        with (self.folder / "log").open("ab") as output:
            self._process = subprocess.Popen(
                self.command(),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **self.options(),
            )

    def kill(self) -> int:
        """Kill -9 of the server and of every process it has started, at once; how many that were."""
        if self._process is None:
            return 0
        process, self._process = self._process, None
        victims = family(process.pid)
        for victim in victims:
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.kill()
        process.wait(30)
        psutil.wait_procs(victims, timeout=30)
        return len(victims)

    def remove(self) -> None:
        """End it, and leave nothing."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def tail(self) -> str:
        """The last words of its log."""
        log = self.folder / "log"
        return log.read_text(errors="replace")[-3000:] if log.exists() else ""


def family(pid: int) -> list[psutil.Process]:
    """A process and all of its descendants, the first stopped so that it starts no others meanwhile."""
    try:
        parent = psutil.Process(pid)
        parent.send_signal(signal.SIGSTOP)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


class OwnPostgres(Server):
    """A PostgreSQL with the settings it comes with, but for where it listens."""

    name = "postgres"

    def __init__(self, folder: Path | None = None, *, settings: Mapping[str, str] | None = None) -> None:
        """Serve from a new folder, or one in `folder`; `settings` are PostgreSQL's own, by name."""
        self._programs = needs_own_postgres()
        super().__init__(folder)
        self._settings = dict(settings or {})
        self._data = self.folder / "data"

    def options(self) -> dict[str, Any]:
        """An ordinary user: PostgreSQL refuses root."""
        if os.geteuid() != 0:
            return {}
        user = pwd.getpwnam(POSTGRES_USER)
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}

    def prepare(self) -> None:
        """Make the cluster."""
        if "user" in (whom := self.options()):
            os.chown(self.folder, whom["user"], whom["group"])
        subprocess.run(
            [
                self._programs / "initdb",
                "--pgdata",
                self._data,
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ],
            cwd="/",
            check=True,
            capture_output=True,
            **whom,
        )

    def command(self) -> list[str]:
        """Loopback alone, no socket in the file system."""
        settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", **self._settings}
        told = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [str(self._programs / "postgres"), "-D", str(self._data), "-p", str(self.port), *told]

    def answers(self) -> bool:
        """Whether a statement is answered: recovery is over."""
        try:
            with psycopg.connect(self.url("postgres"), connect_timeout=5) as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def demote(self) -> None:
        """Kill it, and start it again as a standby that waits for a primary: it reads, and writes nothing."""
        self.kill()
        (self._data / "standby.signal").touch()
        self.start()

    def url(self, database: str) -> str:
        """The URL of one of its databases, as libpq and Citylife's settings read it."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """The URL of a new, empty database."""
        name = f"town_{secrets.token_hex(4)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)


class OwnRabbit(Server):
    """A RabbitMQ with a node name, a cookie and a port mapper of its own."""

    name = "rabbitmq"

    def __init__(self, folder: Path | None = None, *, certificates: Certificates | None = None) -> None:
        """Serve from a new folder, or one in `folder`; with `certificates` by TLS too, on a port of its own."""
        self._server = needs_own_rabbitmq()
        super().__init__(folder)
        self._disk = self.folder / "mnesia"
        self._mapper_port, self._distribution_port = free_port(), free_port()
        self._node = f"citylife-{secrets.token_hex(4)}@localhost"
        self._mapper: subprocess.Popen[bytes] | None = None
        self.tls_port = free_port()
        (self.folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\nlog.console = true\nlog.file = false\n"
            "disk_free_limit.absolute = 10MB\n" + (self._by_tls(certificates) if certificates is not None else "")
        )
        (self.folder / "enabled_plugins").write_text("[].\n")
        (self.folder / "rabbitmq-env.conf").touch()

    def _by_tls(self, certificates: Certificates) -> str:
        return (
            f"listeners.ssl.1 = 127.0.0.1:{self.tls_port}\n"
            f"ssl_options.cacertfile = {certificates.ca_file}\n"
            f"ssl_options.certfile = {certificates.chain_file}\n"
            f"ssl_options.keyfile = {certificates.key_file}\n"
            "ssl_options.verify = verify_none\n"
        )

    @property
    def url(self) -> str:
        """Where its clients connect."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}"

    def options(self) -> dict[str, Any]:
        """Everything that could meet the machine's own node is set."""
        return {
            "env": {
                "PATH": os.environ["PATH"],
                "HOME": str(self.folder),
                "ERL_EPMD_PORT": str(self._mapper_port),
                "ERL_EPMD_ADDRESS": "127.0.0.1",
                "ERL_FLAGS": "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}",
                "RABBITMQ_NODENAME": self._node,
                "RABBITMQ_NODE_PORT": str(self.port),
                "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
                "RABBITMQ_DIST_PORT": str(self._distribution_port),
                "RABBITMQ_BASE": str(self.folder),
                "RABBITMQ_MNESIA_BASE": str(self._disk),
                "RABBITMQ_LOG_BASE": str(self.folder / "logs"),
                "RABBITMQ_CONF_ENV_FILE": str(self.folder / "rabbitmq-env.conf"),
                "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
                "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.folder / "advanced.config"),
                "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            }
        }

    def prepare(self) -> None:
        """Start the port mapper that Erlang's nodes find each other by."""
        self._mapper = subprocess.Popen(
            ["epmd", "-port", str(self._mapper_port), "-address", "127.0.0.1"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def command(self) -> list[str]:
        """The server in the foreground."""
        return [str(self._server)]

    def answers(self) -> bool:
        """Whether it speaks AMQP."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as line:
                line.sendall(AMQP)
                return line.recv(1) == b"\x01"  # the method frame of Connection.Start
        except OSError:
            return False

    def wipe(self) -> None:
        """Forget everything a dead server had on its disk."""
        shutil.rmtree(self._disk)

    def remove(self) -> None:
        """End the port mapper too."""
        if self._mapper is not None:
            self._mapper.kill()
            self._mapper.wait(10)
        super().remove()


@contextlib.contextmanager
def a_small_disk(megabytes: int) -> Iterator[Path]:
    """A disk of that size and no more, in memory, where anybody may write; gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="citylife-disk-"))
    try:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0777", "citylife-test", str(folder)], check=True
        )
        try:
            yield folder
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
    finally:
        folder.rmdir()
