"""Connections for the hottest requests: a few, kept open, spoken to in the driver's own words.

Taking a connection from the pool, opening a transaction and giving both back costs more than such a read itself
(measured: 140 µs of 180). A kept connection runs each statement by itself (autocommit), so it never holds a snapshot,
a lock or a transaction between two requests. It only reads, but for the statements that are handed to it as one
transaction (`run_in_turn`): PostgreSQL takes all of them in one message, from BEGIN to COMMIT.
"""

import contextlib
import select
import threading
import uuid
import weakref
from collections.abc import Callable, Mapping, Sequence
from queue import SimpleQueue
from typing import Any, Final, TypeVar, cast

from sqlalchemy import Connection, Dialect, Engine
from sqlalchemy.exc import DBAPIError, OperationalError

from citylife.accounts.citizens import read_token
from citylife.ledger.statements import Statement, numbered, stored

CACHE_KILOBYTES: Final = 8_000
"""Pages of SQLite's file that a kept connection holds: the upper levels of every index of a large town."""
MOST: Final = 4
"""Connections that a process keeps: with more, PostgreSQL's backends take each other's place in a processor's cache."""
MOST_WAITING: Final = 2
"""How many of them may wait for what somebody else holds: whoever holds it may need one herself."""
T = TypeVar("T")
_BEGIN: Final = "BEGIN READ WRITE"
_COMMIT: Final = "COMMIT"
_SPEAKS_FOR: Final = Statement("SELECT 1 FROM citizen_tokens WHERE citizen_id = :citizen AND digest = :digest")


class Rows:
    """The rows of a statement, asked for as from SQLAlchemy."""

    __slots__ = ("_cursor",)

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def all(self) -> list[Any]:
        """Every row."""
        rows: list[Any] = self._cursor.fetchall()
        return rows

    def first(self) -> Any:
        """The first row; None when there is none."""
        return self._cursor.fetchone()

    @property
    def rowcount(self) -> int:
        """How many rows were touched."""
        return int(self._cursor.rowcount)


class LoadedRows(Rows):
    """Rows that are all here already."""

    __slots__ = ("_rows",)

    def __init__(self, rows: list[Any]) -> None:
        self._rows = rows

    def all(self) -> list[Any]:
        """Every row."""
        return self._rows

    def first(self) -> Any:
        """The first row; None when there is none."""
        return self._rows[0] if self._rows else None


class DriverConnection:
    """A driver's connection that answers to the names a `Statement` calls."""

    __slots__ = ("_driver", "closed", "dialect")

    def __init__(self, driver: Any, dialect: Dialect) -> None:
        self._driver = driver
        self.dialect = dialect
        self.closed = False

    def exec_driver_sql(self, statement: str, parameters: Mapping[str, Any]) -> Rows:
        """Execute one statement by itself."""
        return Rows(self._driver.execute(statement, parameters))

    def run_as_one(self, statements: Sequence[Statement], values: Mapping[str, Any]) -> list[Sequence[Any]]:
        """Execute some statements in a transaction of their own, committed at the end; the rows of each.

        Where one fails the connection is closed, and the transaction gone with it.
        """
        try:
            return self._run_as_one(statements, values)
        except BaseException:
            self.close()
            raise

    def _run_as_one(self, statements: Sequence[Statement], values: Mapping[str, Any]) -> list[Sequence[Any]]:
        raise NotImplementedError

    def was_left(self) -> bool:
        """Whether the database has let go of the connection while nobody asked it anything."""
        return False

    def close(self) -> None:
        """Let the connection go."""
        self.closed = True
        with contextlib.suppress(*broken(self.dialect)):
            self._driver.close()


class SqliteConnection(DriverConnection):
    """One to SQLite, whose writers queue from BEGIN IMMEDIATE on."""

    __slots__ = ()

    def __init__(self, driver: Any, dialect: Dialect) -> None:
        super().__init__(driver, dialect)
        for pragma in ("query_only = ON", "synchronous = FULL", f"cache_size = -{CACHE_KILOBYTES}"):
            driver.execute(f"PRAGMA {pragma}")

    def was_left(self) -> bool:
        """Whether somebody has closed it."""
        try:
            return bool(self._driver.total_changes < 0)
        except broken(self.dialect):
            return True

    def _run_as_one(self, statements: Sequence[Statement], values: Mapping[str, Any]) -> list[Sequence[Any]]:
        execute = self._driver.execute
        execute("PRAGMA query_only = OFF")
        execute("BEGIN IMMEDIATE")
        found = [statement.run(cast("Connection", self), values).all() for statement in statements]
        execute("COMMIT")
        execute("PRAGMA query_only = ON")
        return found


class PostgresqlConnection(DriverConnection):
    """One to PostgreSQL, which takes a transaction in one go: BEGIN, its statements, COMMIT, and one answer to all.

    Each statement sees all that was committed before it began, so one that follows a lock has not looked too early.
    All are prepared by name, and left to libpq until their answer is whole: half the time of a cursor of psycopg's,
    which waits in Python. Values go as text, whose types the server knows; rows come in its binary format.
    """

    __slots__ = ("_adapter", "_ear", "_prepared", "_psycopg")

    def __init__(self, driver: Any, dialect: Dialect) -> None:
        super().__init__(driver, dialect)
        driver.autocommit = True
        driver.execute("SET default_transaction_read_only = on")
        self._psycopg = psycopg = loaded_psycopg()
        self._adapter = psycopg.adapt.Transformer(driver)
        self._prepared: dict[str, tuple[bytes, list[str]]] = {}
        self._ear = select.poll()
        self._ear.register(driver.fileno(), select.POLLIN)

    def exec_driver_sql(self, statement: str, parameters: Mapping[str, Any]) -> Rows:
        """Execute one statement by itself."""
        name, blanks = self._prepared.get(statement) or self._prepare(statement)
        values = self._dumped([parameters[blank] for blank in blanks])
        result = self._driver.pgconn.exec_prepared(name, values, None, self._psycopg.pq.Format.BINARY)
        return LoadedRows(self._rows_of(result))

    def was_left(self) -> bool:
        """Whether anything came unasked on a connection at rest: the server's farewell, or the end of the line."""
        return bool(self._ear.poll(0))

    def _run_as_one(self, statements: Sequence[Statement], values: Mapping[str, Any]) -> list[Sequence[Any]]:
        texts = (_BEGIN, *(statement.text("postgresql") for statement in statements), _COMMIT)
        prepared = [self._prepared.get(text) or self._prepare(text) for text in texts]
        dumped = dict(zip(values, self._dumped(list(values.values())), strict=True))
        server, binary = self._driver.pgconn, self._psycopg.pq.Format.BINARY
        server.enter_pipeline_mode()
        for name, blanks in prepared:
            server.send_query_prepared(name, [dumped[blank] for blank in blanks], None, binary)
        server.pipeline_sync()
        while server.flush():
            self._wait(select.POLLIN | select.POLLOUT)
        found = [self._rows_of(self._next_result()) for _ in prepared]
        self._next_result()
        server.exit_pipeline_mode()
        return list(found[1:-1])

    def _next_result(self) -> Any:
        """The whole answer to the next statement of a pipeline; other threads go on meanwhile."""
        server = self._driver.pgconn
        while True:
            while server.is_busy():
                self._wait(select.POLLIN)
            result = server.get_result()
            if result is not None:  # else the last statement's answer has just ended
                return result

    def _wait(self, for_what: int) -> None:
        """Until the server has sent something, or takes something more."""
        server = self._driver.pgconn
        if for_what & select.POLLOUT:
            self._ear.modify(server.socket, for_what)
            self._ear.poll()
            self._ear.modify(server.socket, select.POLLIN)
        else:
            self._ear.poll()
        server.consume_input()

    def _dumped(self, values: Sequence[Any]) -> Sequence[Any]:
        """Values as text, which the server reads as the types it wants."""
        dumped: Sequence[Any] = self._adapter.dump_sequence(values, [self._psycopg.adapt.PyFormat.TEXT] * len(values))
        return dumped

    def _prepare(self, statement: str) -> tuple[bytes, list[str]]:
        name, (text, blanks) = b"citylife_%d" % len(self._prepared), numbered(statement)
        self._rows_of(self._driver.pgconn.prepare(name, text.encode()))
        found = self._prepared[statement] = name, blanks
        return found

    def _rows_of(self, result: Any) -> list[Any]:
        """What the server answered, or the error that it is."""
        status = self._psycopg.pq.ExecStatus
        if result.status == status.TUPLES_OK:
            adapter = self._adapter
            adapter.set_pgresult(result)
            rows: list[Any] = adapter.load_rows(0, result.ntuples, tuple)
            adapter.set_pgresult(None)
            return rows
        if result.status == status.COMMAND_OK:
            return []
        if self._driver.pgconn.status != self._psycopg.pq.ConnStatus.OK:
            raise self._psycopg.OperationalError(result.get_error_message())
        raise self._psycopg.errors.error_from_result(result)


def broken(dialect: Dialect) -> tuple[type[Exception], ...]:
    """What the driver raises when a kept connection is of no use any more."""
    driver: Any = dialect.dbapi
    if dialect.name == "sqlite":
        return driver.OperationalError, driver.ProgrammingError
    return driver.OperationalError, driver.InterfaceError


def loaded_psycopg() -> Any:
    """The driver for PostgreSQL."""
    import psycopg  # noqa: PLC0415 - nine megabytes that nobody needs on SQLite

    return psycopg


class KeptConnections:
    """A few connections of the engine's own making, each taken for as long as somebody asks by it.

    Who comes when all are taken waits for one. The one that was used last goes first: it has its pages at hand.
    """

    def __init__(self, engine: Engine) -> None:
        self.dialect = engine.dialect.name
        self._engine = engine
        self._broken = broken(engine.dialect)
        self._room: SimpleQueue[None] = SimpleQueue()
        for _ in range(MOST):
            self._room.put(None)
        self._may_wait = threading.BoundedSemaphore(MOST_WAITING)
        self._pool = engine.pool.recreate()  # apart: whoever has a connection of the engine's may wait for one of ours
        self._free: list[DriverConnection] = []
        weakref.finalize(self, _close_all, self._free)

    def read(self, ask: Callable[[Connection], T]) -> T:
        """What `ask` reads by a kept connection, which can `exec_driver_sql` and no more.

        It may have broken since the last read, by a database that went away and came back: then `ask` is asked once
        more, by a new one. It only reads, so twice is as good as once.

        Raises:
            OperationalError: the database does not answer.
        """
        try:
            return self._by_one(self._at_hand, ask)
        except self._broken:
            pass
        try:
            return self._by_one(self._opened, ask)
        except self._broken as error:
            raise OperationalError(None, None, error) from error

    def write(self, do: Callable[[Connection], T], *, waits: bool = True) -> T:
        """What `do` finds and writes (`run_in_turn`) by a kept connection; it is committed when it returns.

        With `waits` it may wait for a row that somebody holds; connections are left for others meanwhile. It is not
        done again where it fails: whether it was committed is not known then. But a connection that the database has
        left since the last time is changed for a new one before anything is said.

        Raises:
            OperationalError: the database does not answer, or not in time.
            IntegrityError: two writers met where it allows one.
        """
        driver: Any = self._engine.dialect.dbapi
        try:
            with self._may_wait if waits else contextlib.nullcontext():
                return self._by_one(self._that_stands, do)
        except driver.Error as error:
            raise DBAPIError.instance(None, None, error, driver.Error) from error

    def _by_one(self, take: Callable[[], DriverConnection], ask: Callable[[Connection], T]) -> T:
        """What is asked by a connection of ours, once there is room for one more; a broken one is let go."""
        self._room.get()
        connection = None
        try:
            connection = take()
            return ask(cast("Connection", connection))
        except self._broken:
            if connection is not None:
                connection.close()
            raise
        finally:
            if connection is not None and not connection.closed:
                self._free.append(connection)
            if len(self._free) > MOST:  # one was opened anew while another was given back
                _close_one(self._free)
            self._room.put(None)

    def _at_hand(self) -> DriverConnection:
        try:
            return self._free.pop()
        except IndexError:
            return self._opened()

    def _that_stands(self) -> DriverConnection:
        connection = self._at_hand()
        if not connection.was_left():
            return connection
        connection.close()
        return self._opened()

    def close(self) -> None:
        """Let every connection go that nobody uses; who asks again opens a new one."""
        _close_all(self._free)

    def _opened(self) -> DriverConnection:
        pooled = self._pool.connect()
        driver: Any = pooled.driver_connection
        pooled.detach()
        kind = SqliteConnection if self._engine.dialect.name == "sqlite" else PostgresqlConnection
        return kind(driver, self._engine.dialect)


def _close_one(connections: list[DriverConnection]) -> None:
    with contextlib.suppress(IndexError):  # another thread has just taken it
        connections.pop().close()


def _close_all(connections: list[DriverConnection]) -> None:
    while connections:
        _close_one(connections)


def speaks_for(connection: Connection, token: str) -> uuid.UUID | None:
    """The citizen a token speaks for, as `citizen_of` knows her; None when it speaks for nobody."""
    read = read_token(token)
    if read is None:
        return None
    row = _SPEAKS_FOR.run(connection, {"citizen": stored(connection, read[0]), "digest": read[1]}).first()
    return None if row is None else read[0]
