"""Loads rows in sets into an empty database: executemany on SQLite, COPY on PostgreSQL.

Either in the transaction that the caller has begun, or table by table between `begin` and `end`, without guards.

Rows are dictionaries of what SQLite stores (16 bytes for a UUID, text for a moment); PostgreSQL is told the same in
its own spelling.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Connection, LargeBinary, Table
from sqlalchemy.schema import CreateIndex, DropIndex

from citylife.database import Identifier

BATCH: Final = 5_000
LATE: Final = frozenset({"ix_follows_shop"})
"""Indexes made after their rows: sorted once instead of kept in order a row at a time."""


class Loader:
    """Loads the tables of one empty database, one after the other."""

    def __init__(self, connection: Connection) -> None:
        self._dialect = connection.dialect
        self._on_sqlite = self._dialect.name == "sqlite"
        self._driver: Any = connection.connection.driver_connection

    def begin(self) -> None:
        """Leave out, while loading, what guards against mistakes and crashes."""
        if self._on_sqlite:
            self._run("PRAGMA foreign_keys = OFF", "PRAGMA synchronous = OFF", "PRAGMA cache_size = -512000")
        else:
            self._driver.autocommit = True
            self._run("SET session_replication_role = replica", "SET maintenance_work_mem = '512MB'")

    def end(self) -> None:
        """Put the guards back, gather statistics, and leave the database as after a night's rest."""
        if self._on_sqlite:
            self._run("ANALYZE", "PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA foreign_keys = ON")
        else:
            self._run("SET session_replication_role = DEFAULT", "VACUUM ANALYZE", "CHECKPOINT")
            self._driver.autocommit = False

    def fill(self, table: Table, rows: Iterable[dict[str, Any]]) -> None:
        """Load all rows of one table; they all have the same keys."""
        rows = iter(rows)
        first = next(rows, None)
        if first is None:
            return
        late = [index for index in table.indexes if index.name in LATE]
        self._run(*(str(DropIndex(index).compile(dialect=self._dialect)) for index in late))
        columns = list(first)
        values = (tuple(row.values()) for row in itertools.chain([first], rows))
        if self._on_sqlite:
            self._insert(table, columns, values)
        else:
            self._copy(table, columns, values)
        self._run(*(str(CreateIndex(index).compile(dialect=self._dialect)) for index in late))

    def _insert(self, table: Table, columns: Sequence[str], values: Iterator[tuple[Any, ...]]) -> None:
        blanks = ", ".join("?" * len(columns))
        alone = not self._driver.in_transaction
        if alone:
            self._run("BEGIN IMMEDIATE")
        self._driver.executemany(f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({blanks})", values)
        if alone:
            self._run("COMMIT")

    def _copy(self, table: Table, columns: Sequence[str], values: Iterator[tuple[Any, ...]]) -> None:
        writers = [_writer(table.columns[name].type) for name in columns]
        with self._driver.cursor().copy(f"COPY {table.name} ({', '.join(columns)}) FROM STDIN") as copy:
            while batch := list(itertools.islice(values, BATCH)):
                copy.write("".join(_line(row, writers) for row in batch))

    def _run(self, *statements: str) -> None:
        for statement in statements:
            self._driver.execute(statement)


def _writer(column_type: Any) -> Callable[[Any], str]:
    """How a value of the column is spelt in COPY's text."""
    if isinstance(column_type, Identifier):
        return bytes.hex
    if isinstance(column_type, LargeBinary):
        return lambda value: "\\\\x" + value.hex()
    return lambda value: value.replace("\\", "\\\\") if isinstance(value, str) else str(value)


def _line(row: Sequence[Any], writers: Sequence[Callable[[Any], str]]) -> str:
    cells = ("\\N" if value is None else write(value) for value, write in zip(row, writers, strict=True))
    return "\t".join(cells) + "\n"
