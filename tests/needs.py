"""What a proof needs of its machine: on a desk it is skipped with its reason where absent, in CI it fails."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final, NoReturn

import pika
import psycopg
import pytest
from pika.exceptions import AMQPError

POSTGRES_URL: Final = os.environ.get("CITYLIFE_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
RABBITMQ_URL: Final = os.environ.get("CITYLIFE_TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672")


def missing(what: str) -> NoReturn:
    """Skip the running test because `what` is absent, or fail it where `CI=true` promises that everything is there."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(f"{what}; in CI nothing may be missing", pytrace=False)
    pytest.skip(what)


def needs_data(name: str) -> Path:
    """Return a file of public data that is not part of the project, in the folder that CITYLIFE_TEST_DATA names."""
    folder = os.environ.get("CITYLIFE_TEST_DATA")
    if not folder or not (Path(folder) / name).is_file():
        missing(f"CITYLIFE_TEST_DATA names no folder that holds {name}")
    return Path(folder) / name


def needs_firefox() -> Path:
    """Return the program of a real Firefox ESR, Debian's `firefox-esr`."""
    return _program("firefox-esr")


def needs_chromium() -> Path:
    """Return the program of a real Chromium, Debian's `chromium`."""
    return _program("chromium")


def needs_nginx() -> Path:
    """Return the program of nginx, to read our server block and to stand in front of our processes."""
    return _program("nginx")


def needs_systemd_analyze() -> Path:
    """Return the program that reads our units as systemd does; it needs no running systemd."""
    return _program("systemd-analyze", "systemd")


def needs_postgres() -> str:
    """Return the libpq URL of a PostgreSQL server that answers and lets this user create databases."""
    try:
        with psycopg.connect(POSTGRES_URL, connect_timeout=5) as connection:
            row = connection.execute(
                "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user",
            ).fetchone()
    except psycopg.OperationalError as error:
        missing(f"no PostgreSQL answers at {POSTGRES_URL}: {error}")
    if row != (True,):
        missing(f"the PostgreSQL user of {POSTGRES_URL} may not create databases")
    return POSTGRES_URL


def needs_own_postgres() -> Path:
    """Return the folder of the programs of a PostgreSQL server that a test can start for itself."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda each: int(each.parts[-3]))
    program = found[-1] if found else Path(shutil.which("initdb") or "")
    if not program.is_file():
        missing("PostgreSQL's initdb is not installed (apt-get install postgresql)")
    if os.geteuid() == 0 and "postgres" not in {user.pw_name for user in pwd.getpwall()}:
        missing("PostgreSQL refuses root, and there is no user postgres to run it")
    return program.parent


def needs_own_rabbitmq() -> Path:
    """Return the program of a RabbitMQ server that a test can start for itself, past any wrapper that changes user."""
    found = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server"))
    if not found or shutil.which("epmd") is None:
        missing("RabbitMQ is not installed (apt-get install rabbitmq-server)")
    return found[-1]


def needs_small_disks() -> None:
    """See that this user may mount a tmpfs of a size of her choice."""
    if os.geteuid() != 0:
        missing("only root may mount the small disk that is to be filled")
    with tempfile.TemporaryDirectory() as folder:
        tried = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m", "citylife-test", folder], capture_output=True, check=False
        )
        if tried.returncode != 0:
            missing(f"no tmpfs can be mounted: {tried.stderr.decode(errors='replace').strip()}")
        subprocess.run(["umount", folder], check=True)


def needs_rabbitmq() -> str:
    """Return the URL, without virtual host, of a RabbitMQ that answers and lets this user make virtual hosts."""
    where = RABBITMQ_URL.rpartition("@")[2]
    try:
        pika.BlockingConnection(pika.URLParameters(f"{RABBITMQ_URL}/%2F")).close()
    except (AMQPError, OSError) as error:
        missing(f"no RabbitMQ answers at {where}: {type(error).__name__}")
    asked = subprocess.run(
        [_program("rabbitmqctl"), "--quiet", "list_vhosts"], capture_output=True, text=True, check=False, timeout=60
    )
    if asked.returncode:
        missing(f"this user may not make virtual hosts on the RabbitMQ of {where}: {asked.stderr.strip()[:200]}")
    return RABBITMQ_URL


def _program(name: str, package: str = "") -> Path:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        missing(f"{name} is not installed (apt-get install {package or name})")
    return Path(found)
