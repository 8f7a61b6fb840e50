"""Indexes of tables that are filled from empty: taken away before, and made again just as they were.

An index that is made after its rows is sorted once, instead of kept in order a row at a time. What a foreign key rests
on stays, and so does an index of some rows only: PostgreSQL spells its condition in other words each time it is made.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final

import psycopg
from psycopg import sql

from bench.lanes import in_lanes

SORTING: Final = "1GB"
"""Memory in which an index is sorted."""
_INDEXES: Final = """
    SELECT i.relname, t.relname, pg_get_indexdef(x.indexrelid), c.conname, pg_get_constraintdef(c.oid)
    FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
    LEFT JOIN pg_constraint c ON c.conindid = x.indexrelid AND c.contype IN ('p', 'u')
    WHERE t.oid = to_regclass(%s) AND x.indpred IS NULL
      AND NOT EXISTS (SELECT 1 FROM pg_constraint f WHERE f.contype = 'f' AND f.conindid = x.indexrelid)
    ORDER BY i.relname
"""
_RULES: Final = """
    SELECT pg_get_indexdef(x.indexrelid) FROM pg_index x WHERE x.indrelid = to_regclass(%(table)s) AND x.indisvalid
    UNION ALL
    SELECT c.conname || ' ' || pg_get_constraintdef(c.oid) FROM pg_constraint c
    WHERE c.conrelid = to_regclass(%(table)s)
    ORDER BY 1
"""

Connect = Callable[[], psycopg.Connection[Any]]


@contextlib.contextmanager
def made_late(connect: Connect, tables: Sequence[str]) -> Iterator[None]:
    """Leave out the indexes of empty tables while they are filled; afterwards two tables are made whole at a time.

    The first take longest, where that is known. Each is vacuumed once it is whole.

    Raises:
        RuntimeError: a table has other indexes or rules than before.
    """
    with connect() as connection:
        before = {table: rules_of(connection, table) for table in tables}
        again = {table: list(_left_out(connection, table)) for table in tables}
    try:
        yield
    finally:
        in_lanes([partial(_made, connect, table, again[table]) for table in tables])
    with connect() as connection:
        for table in tables:
            if rules_of(connection, table) != before[table]:
                raise RuntimeError(f"{table} is not as it was before it was filled")


def rules_of(connection: psycopg.Connection[Any], table: str) -> list[str]:
    """The indexes, keys and rules of a table, as PostgreSQL spells them."""
    return [row[0] for row in connection.execute(_RULES, {"table": table})]


def _left_out(connection: psycopg.Connection[Any], table: str) -> Iterator[str]:
    """Drop what can be made later; how each is made again."""
    for index, of, definition, constraint, rule in connection.execute(_INDEXES, (table,)).fetchall():
        if constraint is None:
            connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(index)))
            yield definition
            continue
        names = {"table": sql.Identifier(of), "constraint": sql.Identifier(constraint)}
        connection.execute(sql.SQL("ALTER TABLE {table} DROP CONSTRAINT {constraint}").format(**names))
        again = sql.SQL("ALTER TABLE {table} ADD CONSTRAINT {constraint} ").format(**names)
        yield again.as_string(connection) + rule


def _made(connect: Connect, table: str, statements: Sequence[str]) -> None:
    with connect() as connection:
        connection.execute(sql.SQL("SET maintenance_work_mem = {}").format(SORTING))
        for statement in statements:
            connection.execute(statement.encode())
        connection.execute(sql.SQL("VACUUM ANALYZE {}").format(sql.Identifier(table)))
