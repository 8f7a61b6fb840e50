"""Saving: every table read in one snapshot, while others go on writing.

On PostgreSQL the snapshot is a REPEATABLE READ transaction; on SQLite a read transaction of the WAL, which unlike the
online backup of its pages never begins anew because somebody wrote.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, func, select

from citylife import migrations
from citylife.backup.archive import Manifest, Progress, writing_to
from citylife.backup.shapes import lines_of, shapes_of

Begun = Callable[[int], Progress]
"""Is told how many rows there are to do, and gives who is told of progress."""


def silent(_rows: int) -> Progress:
    """Nobody is told."""
    return lambda _done: None


def save(
    engine: Engine, path: Path, *, keys: Mapping[str, bytes] | None = None, now: dt.datetime, begun: Begun = silent
) -> Manifest:
    """Write everything that is in the tables at this moment into a new file, with `keys` where they are given.

    Raises:
        BackupRefused: there is a file of that name.
        OSError: it cannot be written.
    """
    with writing_to(path) as archive, snapshot(engine) as connection:
        shapes = shapes_of(migrations.metadata)
        progress = begun(sum(rows_of(connection, shape.name) for shape in shapes))
        tables = tuple((shape, archive.table(shape.name, lines_of(connection, shape), progress)) for shape in shapes)
        revision = migrations.revision_of(connection) or ""
        digests = {name: archive.key(name, content) for name, content in (keys or {}).items()}
        manifest = Manifest(now, revision, engine.dialect.name, tables, digests)
        archive.manifest(manifest)
    return manifest


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A connection that sees one moment of the database, however long it reads."""
    if engine.dialect.name == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with engine.connect() as connection, connection.begin():
        yield connection


def rows_of(connection: Connection, name: str) -> int:
    """How many rows a table has."""
    return connection.scalar(select(func.count()).select_from(migrations.metadata.tables[name])) or 0
