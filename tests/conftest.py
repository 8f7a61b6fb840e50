"""Fixtures: a fresh, migrated database for every test, on SQLite and on PostgreSQL; and a moment that stands still."""

import datetime as dt
import gc
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg import sql
from sqlalchemy import Engine
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session, sessionmaker

from citylife import migrations
from citylife.database import engine_for, reading, writing
from citylife.tombstones import Tombstones
from tests.builders import NOW
from tests.needs import needs_postgres, needs_rabbitmq
from tests.swift_applications import make_applications_swiftly

settings.register_profile(
    "house", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.load_profile("house")
make_applications_swiftly()

DRAWN = {"pages", "feeds"}
"""Folders of tests that look at what is drawn."""
SLOW = {"faults", "fuzz", "journeys", "pilot"}
"""Folders with tests of minutes."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave to the slow proofs, on PostgreSQL, what draws pages and feeds of what the domain's own tests read there.

    And begin with the slowest files, so that none of them is waited for alone at the end. A slow proof that a real
    browser failed is tried once more, and told as such: where a machine is full, browsers stumble, too.
    """
    for item in items:
        if item.path.parent.name in DRAWN and "postgresql" in item.name.partition("[")[2]:
            item.add_marker(pytest.mark.long)
        if item.get_closest_marker("long") and drives_a_browser(item):
            item.add_marker(pytest.mark.flaky(reruns=1))
    items.sort(key=lambda item: item.path.parent.name not in SLOW)


def drives_a_browser(item: pytest.Item) -> bool:
    """Whether a test is of a module that drives a real Chromium or Firefox."""
    return isinstance(item, pytest.Function) and any(
        getattr(value, "__module__", "").startswith(("tests.browser", "playwright"))
        for value in vars(item.module).values()
        if isinstance(value, type)
    )


def pytest_collection_finish() -> None:
    """Look for garbage among what is new, and seldom: what was imported and collected stays to the end."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


@pytest.fixture
def now() -> dt.datetime:
    """A Tuesday, 10:00 in Paris."""
    return NOW


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    engine = engine_for(f"sqlite:///{path}")
    migrations.upgrade(engine)
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def postgres_database() -> Iterator[str]:
    """A migrated PostgreSQL database for this run of pytest; its SQLAlchemy URL."""
    with a_postgres_database() as url:
        engine = engine_for(url)
        migrations.upgrade(engine)
        engine.dispose()
        yield url


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The URL of a fresh, migrated SQLite database."""
    path = tmp_path / "citylife.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


class Brooms:
    """Empty databases again and again, each by one connection, and by a new one where a test has cut it off."""

    def __init__(self) -> None:
        self._connections: dict[str, psycopg.Connection] = {}

    def sweep(self, url: str) -> None:
        try:
            sweep(self._connection(url))
        except psycopg.OperationalError:
            self._connections.pop(url).close()
            sweep(self._connection(url))

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()

    def _connection(self, url: str) -> psycopg.Connection:
        if url not in self._connections:
            self._connections[url] = psycopg.connect(_plain(url))
        return self._connections[url]


@pytest.fixture(scope="session")
def brooms() -> Iterator[Brooms]:
    """What empties this run's PostgreSQL databases: some tests have one that is cut into partitions."""
    with closing(Brooms()) as brooms:
        yield brooms


@pytest.fixture
def postgres_url(postgres_database: str, brooms: Brooms) -> Iterator[str]:
    """The URL of a migrated PostgreSQL database with nothing in it but the communes; emptied again after the test."""
    yield postgres_database
    brooms.sweep(postgres_database)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a fresh, migrated database: the test runs once on each kind."""
    return str(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url"))


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine of the house on a fresh, migrated database of each kind."""
    engine = engine_for(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def sessions(engine: Engine) -> sessionmaker[Session]:
    """Sessions that may write."""
    return writing(engine)


@pytest.fixture
def readers(engine: Engine) -> sessionmaker[Session]:
    """Sessions that only read: what they see was committed."""
    return reading(engine)


@pytest.fixture
def session(sessions: sessionmaker[Session]) -> Iterator[Session]:
    """A session that may write; on SQLite it holds the only pen from its first statement until it commits."""
    with sessions() as session:
        yield session


@pytest.fixture(scope="session")
def broker_url() -> Iterator[str]:
    """The URL of a virtual host of RabbitMQ that is this run's own, dropped afterwards."""
    with a_virtual_host() as url:
        yield url


@pytest.fixture
def tombstones(tmp_path: Path) -> Tombstones:
    """Where erasures are written down outside the database."""
    return Tombstones(tmp_path / "tombstones", "s" * 43)


@contextmanager
def a_postgres_database() -> Iterator[str]:
    """An empty database of its own on the test server, dropped afterwards; its SQLAlchemy URL."""
    server = needs_postgres()
    name = sql.Identifier(f"citylife_test_{os.getpid()}_{secrets.token_hex(4)}")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        # What a test proves does not hang on the disk of the test server.
        connection.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(name))
    try:
        url = make_url(server).set(drivername="postgresql+psycopg", database=name.as_string().strip('"'))
        yield url.render_as_string(hide_password=False)
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database with nothing in it at all, of each kind."""
    with ExitStack() as stack:
        sqlite = f"sqlite:///{tmp_path / 'empty.db'}"
        engine = engine_for(sqlite if request.param == "sqlite" else stack.enter_context(a_postgres_database()))
        yield engine
        engine.dispose()


@contextmanager
def a_virtual_host() -> Iterator[str]:
    """A virtual host of its own on the test broker, dropped afterwards with all its queues; its AMQP URL."""
    server = needs_rabbitmq()
    name = f"citylife-test-{os.getpid()}-{secrets.token_hex(4)}"
    user = make_url(server).username or "guest"
    rabbitmqctl("add_vhost", name)
    try:
        rabbitmqctl("set_permissions", "-p", name, user, ".*", ".*", ".*")
        yield f"{server}/{name}"
    finally:
        rabbitmqctl("delete_vhost", name)


def rabbitmqctl(*words: str) -> None:
    """Ask something of the test broker's keeper."""
    subprocess.run(["rabbitmqctl", "--quiet", *words], check=True, capture_output=True, timeout=60)


def empty(url: str) -> None:
    """Delete every row but the communes, as fast as a few rows allow; what a test left connected is cut off."""
    with psycopg.connect(_plain(url)) as connection:
        sweep(connection)


def sweep(connection: psycopg.Connection) -> None:
    """Empty the database of a connection, and commit."""
    kept = {"communes", "commune_cells"}
    deletions = (
        sql.SQL("DELETE FROM {}").format(sql.Identifier(table.name))
        for table in migrations.metadata.sorted_tables
        if table.name not in kept
    )
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    connection.execute("SET LOCAL session_replication_role = replica")  # neither foreign keys nor append-only
    connection.execute(sql.SQL("; ").join(deletions))
    connection.commit()


def _plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
