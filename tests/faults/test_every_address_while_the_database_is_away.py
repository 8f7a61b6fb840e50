"""Every address asked by everybody while the database is away, and again once it is back: told so, and never broken.

The town is the one of the authorisation matrix; whoever adds an address is asked here too.
"""

import itertools
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from sqlalchemy.engine import make_url
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from blueprints.problems import MIMETYPE
from citylife import database, migrations
from citylife.database import engine_for
from citylife.hot import DriverConnection, Rows
from tests.api.doors import EVERYBODY, Caller, Line, Side
from tests.api.matrix import TABLE
from tests.api.stage import Stage, a_stage
from tests.servers import OwnPostgres

READINGS: Final = [line for line in TABLE if line.verb == "GET"]
CHANGES: Final = [line for line in TABLE if line.verb != "GET"]
LEAK: Final = re.compile(r"Traceback|psycopg|sqlite|sqlalchemy|127\.0\.0\.1|\.py\b|SELECT |INSERT ", re.IGNORECASE)
SAID: Final = {"fr": "momentanément indisponible", "en": "unavailable"}
BROWSER: Final = "text/html,application/xhtml+xml,*/*;q=0.8"
TELLS_BY_ITSELF: Final = {"/readyz", "/metrics"}
"""What a machine watches us by: its own words for a database that is away."""


class Watched:
    """A stage that knows which requests needed the database."""

    def __init__(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stage = stage
        self.status = 0
        self._reads = 0
        execute = DriverConnection.exec_driver_sql

        def counted(connection: DriverConnection, *given: Any) -> Rows:
            self._reads += 1
            return execute(connection, *given)

        monkeypatch.setattr(DriverConnection, "exec_driver_sql", counted)

    def side(self, line: Line, caller: Caller) -> Side:
        """One side, hers where she has one: there is something to be shown."""
        sides = self.stage.sides(line)
        return caller.of if caller.of in sides else sides[0]

    def ask(self, line: Line, caller: Caller, **headers: str) -> TestResponse:
        self._reads = 0
        with self.stage.ask(line, line.verb, caller, self.side(line, caller), **headers) as answer:
            answer.get_data()
        self.status = answer.status_code
        return answer

    @property
    def needed_the_database(self) -> bool:
        """Whether the last request asked it anything."""
        return bool(self.stage.statements) or self._reads > 0

    def expected(self, line: Line, caller: Caller) -> int:
        return line.expected(caller, line.verb, self.side(line, caller))

    def somebody_let_in(self, line: Line) -> Caller:
        callers = (one for one in self.stage.callers if line.door.refuses(one, line.verb) is None)
        return next(one for one in callers if self.expected(line, one) < 400)

    def all(self, lines: list[Line]) -> Iterator[tuple[Line, Caller]]:
        return itertools.product(lines, self.stage.callers)


def fault(answer: TestResponse, *, language: str, page: bool) -> str:
    """What is wrong with how somebody is told that the database is away; empty where nothing is."""
    if answer.status_code != 503:
        return f"{answer.status_code} {answer.text[:200]}"
    if not answer.headers.get("Retry-After", "").isdigit() or answer.headers["Cache-Control"] != "no-store":
        return f"{dict(answer.headers)}"
    if LEAK.search(answer.text) or SAID[language] not in answer.text:
        return answer.text[:400]
    if page:
        return "" if answer.mimetype == "text/html" and "</html>" in answer.text else f"no page: {answer.mimetype}"
    return "" if answer.mimetype == MIMETYPE and answer.json["status"] == 503 else f"no problem: {answer.mimetype}"


def told(watched: Watched, line: Line, caller: Caller, *, needed: bool, language: str, accept: str) -> str:
    """Ask once while the database is away; what is wrong with the answer."""
    answer = watched.ask(line, caller, Accept_Language=language, Accept=accept)
    page = "html" in accept and not line.rule.startswith("/api/")
    expected = watched.expected(line, caller)
    if line.rule in TELLS_BY_ITSELF:
        wanted = 503 if line.rule == "/readyz" else 200
        wrong = "" if answer.status_code == wanted and not LEAK.search(answer.text) else answer.text[:400]
    elif answer.status_code == expected and not needed:
        wrong = ""
    else:
        wrong = fault(answer, language=language, page=page)
    return f"{line.address} by {caller}, {language}, {accept}: {wrong}" if wrong else ""


def everybody_told(watched: Watched, readings: dict[tuple[str, str], bool]) -> list[str]:
    """Ask everything, reading and writing; `readings` says which of those asked the database while it was there."""
    asked = []
    for line, caller in watched.all(READINGS):
        for language, accept in (("fr", BROWSER), ("en", BROWSER), ("fr", "*/*"), ("en", "application/json")):
            needed = readings[line.address, caller.name]
            asked.append(told(watched, line, caller, needed=needed, language=language, accept=accept))
    for line, caller in watched.all(CHANGES):
        needed = watched.expected(line, caller) < 300 or (line.door is EVERYBODY and line.rule.startswith("/api/"))
        for language, accept in (("fr", BROWSER), ("en", "*/*")):
            asked.append(told(watched, line, caller, needed=needed, language=language, accept=accept))
    return [each for each in asked if each]


def read_everything(watched: Watched) -> dict[tuple[str, str], bool]:
    """Ask every reading while the database is there: each is answered as the matrix says; which of them needed it."""
    found, wrong = {}, []
    for line, caller in watched.all(READINGS):
        answer = watched.ask(line, caller)
        found[line.address, caller.name] = watched.needed_the_database
        if answer.status_code != watched.expected(line, caller):
            wrong.append(f"{line.address} by {caller}: {answer.status_code}")
    assert wrong == []
    return found


@pytest.fixture(scope="module")
def postgres() -> Iterator[OwnPostgres]:
    with OwnPostgres() as server:
        yield server


@pytest.fixture
def watched(postgres: OwnPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    """The town of the matrix on a PostgreSQL that may be killed."""
    url = make_url(postgres.new_database()).set(drivername="postgresql+psycopg").render_as_string()
    engine = engine_for(url)
    migrations.upgrade(engine)
    engine.dispose()
    with closing(Stage(url, tmp_path)) as stage:
        yield Watched(stage, monkeypatch)


@pytest.fixture
def watched_file(sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    """The same in a file, which nobody waits long for."""
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.001)
    with closing(a_stage(tmp_path, sqlite_template)) as stage:
        yield Watched(stage, monkeypatch)


@pytest.fixture
def keeper(postgres: OwnPostgres) -> Iterator[psycopg.Connection]:
    """Somebody who looks after the PostgreSQL, from a database next to the town's."""
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        yield connection


def hang_up(keeper: psycopg.Connection, watched: Watched) -> None:
    """End every connection of the town at the server, as a server does that is started again."""
    town = watched.stage.house.engine.url.database
    keeper.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", (town,))


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Somebody else has the file for herself."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        yield


@pytest.mark.long
@pytest.mark.timeout(900)
def test_everybody_is_told_at_every_address_that_the_database_is_away_and_is_served_at_once_when_it_is_back(
    postgres: OwnPostgres, watched: Watched
) -> None:
    readings = read_everything(watched)
    assert 0 < sum(readings.values()) < len(readings)
    postgres.kill()
    try:
        with capture_logs() as logged:
            assert everybody_told(watched, readings) == []
    finally:
        postgres.start()
    assert {each["event"] for each in logged} == {"database-unavailable"}
    assert read_everything(watched) == readings


@pytest.mark.long
@pytest.mark.timeout(900)
def test_everybody_is_told_at_every_address_that_the_file_is_locked_and_is_served_at_once_when_it_is_free(
    watched_file: Watched,
) -> None:
    readings = read_everything(watched_file)
    watched_file.stage.house.close()
    assert watched_file.stage.file is not None
    with locked(watched_file.stage.file), capture_logs() as logged:
        assert everybody_told(watched_file, readings) == []
    assert {each["event"] for each in logged} == {"database-unavailable"}
    assert read_everything(watched_file) == readings


@pytest.mark.long
@pytest.mark.timeout(300)
def test_the_first_request_at_every_address_after_the_database_has_hung_up_is_served(
    watched: Watched, keeper: psycopg.Connection
) -> None:
    for line in (*READINGS, *CHANGES):
        caller = watched.somebody_let_in(line)
        watched.ask(READINGS[0], caller)
        hang_up(keeper, watched)
        answer = watched.ask(line, caller)
        assert answer.status_code < 500, (line.address, caller.name, answer.text[:300])
        assert answer.status_code == watched.expected(line, caller) or line in CHANGES, (line.address, caller.name)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_database_that_has_become_a_standby_is_read_and_a_change_is_told_to_come_back(
    postgres: OwnPostgres, watched: Watched
) -> None:
    postgres.demote()
    read_everything(watched)
    done, wrong = set(), []
    for line, accept in itertools.product(CHANGES, (BROWSER, "*/*")):
        fault = told(watched, line, watched.somebody_let_in(line), needed=False, language="fr", accept=accept)
        wrong += [fault] if fault else []
        done |= {line.address} if watched.status < 400 else set()
    assert wrong == []
    assert len(done) * 5 < len(CHANGES), "only what is sent as a change and has nothing to change is done"
