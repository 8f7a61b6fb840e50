"""How a table is written down: a line of JSON a row, in the order of its key, the same bytes from either database.

A shape travels with the rows it describes, so that a backup can be read after the tables have changed.
"""

import base64
import datetime as dt
import hashlib
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy import Connection, MetaData
from sqlalchemy.types import TypeDecorator, TypeEngine

from citylife.database import Identifier, UtcDateTime

PAGE: Final = 5_000
"""Rows that are fetched, or written, together."""
HEAVY_PAGE: Final = 50
"""The same of rows that hold a file each."""


class Kind(Enum):
    """What a column holds, whatever the database calls it."""

    TEXT = "text"
    WHOLE = "whole"
    NUMBER = "number"
    FLAG = "flag"
    ID = "id"
    BYTES = "bytes"
    MOMENT = "moment"
    DATE = "date"
    TIME = "time"
    JSON = "json"
    FILE = "file"


TYPES: Final[Mapping[Kind, TypeEngine[Any]]] = {
    Kind.TEXT: sa.Text(),
    Kind.WHOLE: sa.BigInteger(),
    Kind.NUMBER: sa.Double(),
    Kind.FLAG: sa.Boolean(),
    Kind.ID: Identifier(),
    Kind.BYTES: sa.LargeBinary(),
    Kind.FILE: sa.LargeBinary(),
    Kind.MOMENT: UtcDateTime(),
    Kind.DATE: sa.Date(),
    Kind.TIME: sa.Time(),
    Kind.JSON: sa.JSON(none_as_null=True),
}
_KINDS: Final[tuple[tuple[type[TypeEngine[Any]], Kind], ...]] = (
    (UtcDateTime, Kind.MOMENT),
    (Identifier, Kind.ID),
    (sa.JSON, Kind.JSON),
    (sa.Boolean, Kind.FLAG),
    (sa.Integer, Kind.WHOLE),
    (sa.Float, Kind.NUMBER),
    (sa.LargeBinary, Kind.BYTES),
    (sa.String, Kind.TEXT),
    (sa.Date, Kind.DATE),
    (sa.Time, Kind.TIME),
)
_DECODERS: Final[Mapping[Kind, Callable[[Any], Any]]] = {
    Kind.ID: uuid.UUID,
    Kind.BYTES: lambda written: base64.b64decode(written, validate=True),
    Kind.FILE: lambda written: base64.b64decode(written, validate=True),
    Kind.MOMENT: dt.datetime.fromisoformat,
    Kind.DATE: dt.date.fromisoformat,
    Kind.TIME: dt.time.fromisoformat,
}


@dataclass(frozen=True, slots=True)
class Shape:
    """A table: its name, its columns with their kinds, the columns of its key."""

    name: str
    columns: tuple[tuple[str, Kind], ...]
    key: tuple[str, ...]

    @property
    def table(self) -> sa.TableClause:
        """The table, as SQLAlchemy is told of it."""
        return sa.table(self.name, *(sa.column(name, TYPES[kind]) for name, kind in self.columns))

    def decoded(self, row: Sequence[Any]) -> dict[str, Any]:
        """A row as SQLAlchemy takes it, from what is written.

        Raises:
            ValueError: a value is none of its kind.
        """
        return {
            name: value if value is None or kind not in _DECODERS else _DECODERS[kind](value)
            for (name, kind), value in zip(self.columns, row, strict=True)
        }

    @property
    def page(self) -> int:
        """How many rows are in memory together."""
        return HEAVY_PAGE if any(kind is Kind.FILE for _, kind in self.columns) else PAGE

    @property
    def written_bytes(self) -> tuple[int, ...]:
        """Which columns hold bytes."""
        return tuple(place for place, (_, kind) in enumerate(self.columns) if kind in {Kind.BYTES, Kind.FILE})


@dataclass(frozen=True, slots=True)
class Sum:
    """What a table held: how many rows, and the SHA-256 of its lines."""

    rows: int
    sha256: str


def kind_of(column: sa.Column[Any]) -> Kind:
    """The kind of a column.

    Raises:
        TypeError: its type has none yet.
    """
    kind: TypeEngine[Any] = column.type
    while True:
        for known, found in _KINDS:
            if isinstance(kind, known):
                return Kind.FILE if isinstance(kind, sa.LargeBinary) and kind.length is None else found
        if not isinstance(kind, TypeDecorator):
            raise TypeError(f"{column.table.name}.{column.name}: {column.type!r} has no kind in a backup")
        kind = kind.impl_instance


def shapes_of(metadata: MetaData) -> list[Shape]:
    """The shape of every table, those that others refer to first; what the database works out by itself is left out."""
    return [
        Shape(
            table.name,
            tuple((column.name, kind_of(column)) for column in table.c if column.computed is None),
            tuple(column.name for column in table.primary_key),
        )
        for table in metadata.sorted_tables
    ]


def lines_of(connection: Connection, shape: Shape) -> Iterator[bytes]:
    """The rows of a table, each a line of JSON, in the order of the key, a page of them in memory at once."""
    table = shape.table
    order: list[sa.ColumnElement[Any]] = [table.c[name] for name in shape.key or table.c.keys()]
    if connection.dialect.name == "postgresql":  # SQLite compares bytes; a locale would not
        order = [column.collate("C") if isinstance(column.type, sa.Text) else column for column in order]
    wanted = sa.select(table).order_by(*order).execution_options(yield_per=shape.page)
    in_bytes = shape.written_bytes
    for page in connection.execute(wanted).partitions():
        for row in page:
            if in_bytes:
                values = list(row)
                for place in in_bytes:
                    if values[place] is not None:
                        values[place] = base64.b64encode(values[place]).decode()
                yield orjson.dumps(values) + b"\n"
            else:
                yield orjson.dumps(tuple(row)) + b"\n"


def summed(lines: Iterable[bytes]) -> Sum:
    """How many lines there are, and their SHA-256."""
    rows, digest = 0, hashlib.sha256()
    for line in lines:
        rows += 1
        digest.update(line)
    return Sum(rows, digest.hexdigest())


def sums_of(connection: Connection, shapes: Iterable[Shape]) -> dict[str, Sum]:
    """What every table holds: equal sums are equal rows, on whichever database."""
    return {shape.name: summed(lines_of(connection, shape)) for shape in shapes}
