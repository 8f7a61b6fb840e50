"""Partitions: on PostgreSQL, the four tables that grow with citizens can be cut by a hash of her, and made whole again.

It is the operator's choice, not a step of the schema's history: tables keep their names, columns, keys and indexes, and
nothing but the planner knows. The partitions live in a schema of their own, so that nobody who looks at the tables
meets them. One bucket of citizens lies whole in one partition, by which a claim touches that one alone.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Engine, text

from citylife.buckets import BUCKET_IN_SQL, BUCKETS

TABLES: Final = ("follows", "devices", "decisions", "deliveries")
"""What is cut: the tables whose rows grow with citizens and what they are told, each keyed by citizen first."""
WITH_BUCKET: Final = ("devices", "deliveries")
"""Those of them that hold the bucket of their citizen."""
SCHEMA: Final = "citylife_partitions"
COUNTS: Final = (4, 8, 16)
"""Into how many partitions: each number divides `BUCKETS`."""
PAGE: Final = 20_000
"""Citizens whose rows are moved by one statement, so that progress can be told."""
PATIENCE: Final = "30s"
"""How long the tables are waited for, where others hold them."""
ROWS_WORTH: Final = 50_000_000
"""Beyond so many rows one table is worth cutting, whatever its server (see docs/partitions.md)."""


class NotAsWished(ValueError):
    """The tables are cut already, or whole already: nothing was changed."""


Moved = Callable[[int], object]
"""Is told of every page how many rows were moved."""


@dataclass(frozen=True, slots=True)
class Size:
    """A table: rows (an estimate of the server's), bytes with indexes, and into how many partitions it is cut."""

    name: str
    rows: int
    bytes: int
    partitions: int


@dataclass(frozen=True, slots=True)
class Weighed:
    """The tables, and how many bytes the server says it can keep in memory (`effective_cache_size`)."""

    sizes: tuple[Size, ...]
    memory: int

    @property
    def too_large(self) -> bool:
        """Whether the four tables no longer fit in what the server keeps in memory."""
        return sum(size.bytes for size in self.sizes) > self.memory

    @property
    def too_many(self) -> bool:
        """Whether one table has more rows than one vacuum should go through."""
        return any(size.rows > ROWS_WORTH for size in self.sizes)

    @property
    def cut(self) -> bool:
        """Whether they are cut already."""
        return all(size.partitions for size in self.sizes)


_WEIGH: Final = text("""
    SELECT t.relname,
        coalesce(nullif(t.reltuples, -1), 0) AS rows,
        coalesce((SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = t.oid),
            pg_total_relation_size(t.oid)) AS bytes,
        (SELECT count(*) FROM pg_inherits WHERE inhparent = t.oid) AS partitions
    FROM pg_class t WHERE t.oid = to_regclass(:name)
""")
_MEMORY: Final = text("SELECT pg_size_bytes(current_setting('effective_cache_size'))")
_CONSTRAINTS: Final = text("""
    SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE conrelid = to_regclass(:name) AND contype IN ('p', 'u', 'f', 'c') ORDER BY contype = 'f', conname
""")
_INDEXES: Final = text("""
    SELECT replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ') FROM pg_index i
    WHERE i.indrelid = to_regclass(:name) AND NOT EXISTS (
        SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.conrelid = i.indrelid
    )
    ORDER BY i.indexrelid
""")
_COLUMNS: Final = text("""
    SELECT attname FROM pg_attribute
    WHERE attrelid = to_regclass(:name) AND attnum > 0 AND NOT attisdropped ORDER BY attnum
""")
_GRANTS: Final = text("""
    SELECT format('GRANT %s ON %I TO %s', a.privilege_type, t.relname,
        CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END)
    FROM pg_class t, aclexplode(t.relacl) a WHERE t.oid = to_regclass(:name) AND a.grantee <> t.relowner
""")
_EDGES: Final = text("""
    SELECT id FROM (SELECT id, row_number() OVER (ORDER BY id) AS number FROM citizens) AS numbered
    WHERE number % :page = 0 ORDER BY id
""")


def weigh(connection: Connection) -> Weighed:
    """How large the tables are, as PostgreSQL knows it without counting."""
    rows = [connection.execute(_WEIGH, {"name": name}).one() for name in TABLES]
    return Weighed(
        tuple(Size(name, int(count), int(size), int(partitions)) for name, count, size, partitions in rows),
        int(connection.scalar(_MEMORY) or 0),
    )


def rows_to_move(connection: Connection) -> int:
    """How many rows the four tables hold, counted."""
    return sum(int(connection.scalar(text(f"SELECT count(*) FROM {name}")) or 0) for name in TABLES)


def cut(engine: Engine, count: int, *, moved: Moved = lambda _: None) -> None:
    """Cut the tables into `count` partitions each, in one transaction: all of it, or nothing.

    Whoever reads or writes them waits until it is done. Citizens are given the bucket of today's hash.

    Raises:
        ValueError: `count` is none of `COUNTS`.
        NotAsWished: they are cut already.
        sqlalchemy.exc.OperationalError: others held the tables for `PATIENCE`.
    """
    if count not in COUNTS:
        raise ValueError(count)
    with engine.begin() as connection:
        _take(connection)
        if weigh(connection).cut:
            raise NotAsWished
        hers = BUCKET_IN_SQL.format(id="id")
        connection.execute(text(f"UPDATE citizens SET bucket = {hers} WHERE bucket <> {hers}"))
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
        for name in TABLES:
            _make_anew(connection, name, count, moved)


def make_whole(engine: Engine, *, moved: Moved = lambda _: None) -> None:
    """Put the tables together again, in one transaction: all of it, or nothing.

    Raises:
        NotAsWished: they are whole already.
        sqlalchemy.exc.OperationalError: others held the tables for `PATIENCE`.
    """
    with engine.begin() as connection:
        _take(connection)
        if not weigh(connection).cut:
            raise NotAsWished
        for name in TABLES:
            _make_anew(connection, name, 0, moved)
        connection.execute(text(f"DROP SCHEMA {SCHEMA}"))


def partition_names(name: str, count: int) -> list[str]:
    """The partitions of a table, in the order of their remainders."""
    return [f"{SCHEMA}.{name}_{number:02}" for number in range(count)]


def _take(connection: Connection) -> None:
    """Wait for everybody who is at the tables, and let nobody else in."""
    connection.execute(text(f"SET LOCAL lock_timeout = '{PATIENCE}'"))
    connection.execute(text(f"LOCK TABLE citizens, {', '.join(TABLES)} IN ACCESS EXCLUSIVE MODE"))
    connection.execute(text("SET LOCAL lock_timeout = 0"))


def _make_anew(connection: Connection, name: str, count: int, moved: Moved) -> None:
    """Make a table anew under its name, cut or whole, with its rows, keys, indexes and grants as they were."""
    columns = _read(connection, _COLUMNS, name)
    constraints = connection.execute(_CONSTRAINTS, {"name": name}).all()
    indexes, grants = _read(connection, _INDEXES, name), _read(connection, _GRANTS, name)
    before = f"{name}_before"
    connection.execute(text(f"ALTER TABLE {name} RENAME TO {before}"))
    cutting = " PARTITION BY HASH (citizen_id)" if count else ""
    connection.execute(text(f"CREATE TABLE {name} (LIKE {before} INCLUDING DEFAULTS){cutting}"))
    for remainder, partition in enumerate(partition_names(name, count)):
        held = f"FOR VALUES WITH (MODULUS {count}, REMAINDER {remainder})"
        connection.execute(text(f"CREATE TABLE {partition} PARTITION OF {name} {held}"))
        if name in WITH_BUCKET:
            buckets = ", ".join(str(bucket) for bucket in range(remainder, BUCKETS, count))
            checked = f"ADD CONSTRAINT ck_{name}_buckets CHECK (bucket IN ({buckets}))"
            connection.execute(text(f"ALTER TABLE {partition} {checked}"))
    _move(connection, before, name, columns, moved)
    connection.execute(text(f"DROP TABLE {before}"))
    for constraint, definition in constraints:
        connection.execute(text(f"ALTER TABLE {name} ADD CONSTRAINT {constraint} {definition}"))
    for statement in (*indexes, *grants, f"ANALYZE {name}"):
        connection.exec_driver_sql(statement)


def _move(connection: Connection, before: str, name: str, columns: Sequence[str], moved: Moved) -> None:
    """Copy every row, some thousands of citizens at a time."""
    hers = BUCKET_IN_SQL.format(id="citizen_id")
    wanted = ", ".join(hers if column == "bucket" else column for column in columns)
    copy = f"INSERT INTO {name} ({', '.join(columns)}) SELECT {wanted} FROM {before}"
    for where, values in _pages(connection):
        moved(connection.execute(text(f"{copy} WHERE {where} ORDER BY citizen_id"), values).rowcount)


def _pages(connection: Connection) -> Iterator[tuple[str, dict[str, Any]]]:
    lower = None
    for edge in [*connection.scalars(_EDGES, {"page": PAGE}), None]:
        sides = ["citizen_id > :lower"] * (lower is not None) + ["citizen_id <= :upper"] * (edge is not None)
        yield " AND ".join(sides) or "true", {"lower": lower, "upper": edge}
        lower = edge


def _read(connection: Connection, statement: Any, name: str) -> list[str]:
    return list(connection.scalars(statement, {"name": name}))
