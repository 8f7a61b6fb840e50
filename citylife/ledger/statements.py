"""Statements in the driver's own words: the ledger's SQL runs thousands of times a second, and skips the ORM for it.

Written once with `:name` blanks, rendered once a dialect. Values travel as the driver stores them: on SQLite a UUID is
its 16 bytes and a moment the text that sorts as time; on PostgreSQL both are native.
"""

import datetime as dt
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, CursorResult

DriverId: TypeAlias = uuid.UUID | bytes
"""An identifier as the driver has it: `uuid.UUID` on PostgreSQL, 16 bytes on SQLite."""
NIL: Final = uuid.UUID(int=0)
_BLANK: Final = re.compile(r"(?<![:\w]):([a-z_]+)")
_FILLED: Final = re.compile(r"%\(([a-z_]+)\)s")


class Statement:
    """One statement, the same on both databases or one text for each."""

    def __init__(self, sqlite: str, postgresql: str | None = None) -> None:
        self._texts = {
            "sqlite": sqlite,
            "postgresql": _BLANK.sub(r"%(\1)s", (postgresql or sqlite).replace("%", "%%")),
        }

    def text(self, dialect: str) -> str:
        """What its `dialect` executes, with the driver's blanks."""
        return self._texts[dialect]

    def run(self, connection: Connection, values: Mapping[str, Any] | None = None) -> Any:
        """Execute with `values` as the driver stores them (see `stored`); the cursor result has driver values too."""
        return connection.exec_driver_sql(self._texts[connection.dialect.name], dict(values or {}))

    def count(self, connection: Connection, values: Mapping[str, Any]) -> int:
        """Execute, and say how many rows it touched."""
        return int(self.run(connection, values).rowcount)

    def run_many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
        """Execute once a row, and say how many rows were touched in all."""
        result = connection.exec_driver_sql(self._texts[connection.dialect.name], [dict(row) for row in rows])
        return int(result.rowcount)


def numbered(text: str) -> tuple[str, list[str]]:
    """A text with psycopg's blanks as PREPARE takes it, and their names in their order."""
    names = list(dict.fromkeys(_FILLED.findall(text)))
    return _FILLED.sub(lambda blank: f"${names.index(blank[1]) + 1}", text).replace("%%", "%"), names


def run_in_turn(
    connection: Connection, statements: Sequence[Statement], values: Mapping[str, Any]
) -> list[Sequence[Any]]:
    """Execute one after the other, each with what it wants of `values`; the rows of each, if it gives any.

    They run in the transaction that the caller has begun. A kept connection (`citylife.hot`) is in none: they are one
    by themselves there, committed at the end.
    """
    run_as_one: Callable[..., list[Sequence[Any]]] | None = getattr(connection, "run_as_one", None)
    if run_as_one is not None:
        return run_as_one(statements, values)
    return [_rows(statement.run(connection, values)) for statement in statements]


def _rows(result: CursorResult[Any]) -> Sequence[Any]:
    return result.all() if result.returns_rows else ()


def stored(connection: Connection, value: Any) -> Any:
    """A UUID, a moment or a date as this connection's driver stores it; anything else as it is."""
    if connection.dialect.name != "sqlite":
        return value
    if isinstance(value, uuid.UUID):
        return value.bytes
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat(" ", "microseconds")[:26]
    if isinstance(value, dt.date):
        return value.isoformat()
    return value


def moment(value: Any) -> dt.datetime | None:
    """A moment out of the driver's value, aware, in UTC; None where there is none."""
    return None if value is None else given_moment(value)


def given_moment(value: dt.datetime | str) -> dt.datetime:
    """A moment out of the driver's value, aware, in UTC."""
    return value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(value).replace(tzinfo=dt.UTC)


def identifier(value: DriverId) -> uuid.UUID:
    """A UUID out of the driver's value."""
    return value if isinstance(value, uuid.UUID) else uuid.UUID(bytes=value)
