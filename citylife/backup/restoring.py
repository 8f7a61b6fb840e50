"""Restoring: a database filled from a backup in one transaction, whole or not at all, and nobody brought back.

The schema is made as it was when the backup was made, the rows are written and read back to be compared, the schema is
brought up to date, and whoever has a tombstone is erased again; only then is anything committed.
"""

import base64
import datetime as dt
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy import Connection, Engine, inspect
from sqlalchemy.orm import Session

from citylife import audit, migrations
from citylife.accounts.erasure import Replayed, replay
from citylife.accounts.sessions import end_every_session
from citylife.audit import Actor
from citylife.backup.archive import BackupRefused, Progress, Reader, damaged
from citylife.backup.saving import Begun, silent
from citylife.backup.shapes import Kind, Shape, lines_of, summed
from citylife.tombstones import Tombstones
from citylife.wording import Sentence

LIVED_IN: Final = ("citizens", "shops", "merchants", "staff", "offers", "audit_log")
"""A database with nothing in these is as `citylife init` leaves it."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restoration did: rows written, and what replaying the tombstones did."""

    rows: int
    replayed: Replayed


@dataclass(frozen=True, slots=True, kw_only=True)
class Graves:
    """Where tombstones are read: the instance's, folders of other hosts, and whether those of another key may wait."""

    tombstones: Tombstones
    also: tuple[Path, ...] = ()
    foreign_allowed: bool = False


def check(archive: Reader, *, begun: Begun = silent) -> None:
    """Hold a backup to its manifest, and to this version of Citylife, before anything is written.

    Raises:
        BackupRefused: it is damaged, or was made by a later version.
    """
    if not migrations.knows(archive.manifest.revision):
        raise BackupRefused(
            Sentence(
                "Cette sauvegarde vient d’une version plus récente de Citylife (schéma {revision}).",
                revision=archive.manifest.revision,
            )
        )
    archive.verify(begun(archive.manifest.rows))


def restore(
    engine: Engine,
    archive: Reader,
    graves: Graves,
    *,
    replacing: bool = False,
    now: dt.datetime,
    begun: Begun = silent,
) -> Restored:
    """Fill the database from a backup that was checked; with `replacing`, in place of what is in it.

    What was settled stays settled. What waited goes out if it is still worth sending, and what a worker held waits
    again once its lease is over, as after any crash. The audit log goes on from the backup's, and says so. Merchants
    and staff sign in again.

    Raises:
        BackupRefused: the database is lived in and not to be replaced, is no database of ours, holds other rows than
            the backup once they are written, or there are tombstones that this instance's key does not read.
    """
    with engine.execution_options(writes=True).begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        _make_room(connection, replacing=replacing)
        migrations.upgrade_within(connection, archive.manifest.revision)
        shapes = [shape for shape, _ in archive.manifest.tables]
        for shape in reversed(shapes):  # what migrations themselves wrote is in the backup
            connection.execute(sa.delete(shape.table))
        progress = begun(archive.manifest.rows)
        for shape in shapes:
            _load(connection, shape, archive.rows(shape), progress)
        for shape, held in archive.manifest.tables:
            if summed(lines_of(connection, shape)) != held:
                raise damaged(shape.name)
        migrations.upgrade_within(connection)
        _count_on(connection)
        with Session(connection) as session, session.begin():
            replayed = replay(session, graves.tombstones, also=graves.also)
            end_every_session(session, now=now)
            audit.note(
                session,
                "database.restored",
                None,
                actor=Actor.OPERATOR,
                now=now,
                made_at=archive.manifest.made_at.isoformat(),
                erased=replayed.erased,
            )
        if replayed.foreign and not graves.foreign_allowed:
            raise BackupRefused(
                Sentence(
                    "{count} pierres tombales ont été écrites avec une autre clé secrète : restaurez avec cette clé "
                    "(CITYLIFE_SECRET_KEY), sans quoi des personnes effacées reviendraient.",
                    count=replayed.foreign,
                )
            )
    return Restored(archive.manifest.rows, replayed)


def is_lived_in(connection: Connection) -> bool:
    """Whether the database holds anything that somebody would miss.

    Raises:
        BackupRefused: it has tables, and they are not ours.
    """
    there = set(inspect(connection).get_table_names())
    if there and "alembic_version" not in there:
        raise BackupRefused(Sentence("Cette base de données contient des tables qui ne sont pas de Citylife."))
    lived_in = (sa.select(sa.literal(1)).select_from(sa.table(name)).limit(1) for name in LIVED_IN if name in there)
    return any(connection.execute(wanted).first() is not None for wanted in lived_in)


def _make_room(connection: Connection, *, replacing: bool) -> None:
    if is_lived_in(connection) and not replacing:
        raise BackupRefused(
            Sentence("La base de données n’est pas vide : restaurez dans une base vide, ou ajoutez --force.")
        )
    if inspect(connection).get_table_names():
        migrations.downgrade_within(connection, "base")


def _load(connection: Connection, shape: Shape, rows: Iterator[list[Any]], progress: Progress) -> None:
    if connection.dialect.name == "postgresql":
        _copy(connection, shape, rows, progress)
        return
    for page in iter(lambda: list(itertools.islice(rows, shape.page)), []):
        connection.execute(sa.insert(shape.table), [shape.decoded(row) for row in page])
        progress(len(page))


def _copy(connection: Connection, shape: Shape, rows: Iterator[list[Any]], progress: Progress) -> None:
    """COPY takes ids, moments, dates and times as they are written; bytes and JSON are spelt for it."""
    from psycopg import sql  # noqa: PLC0415 - nine megabytes that nobody needs on SQLite

    driver: Any = connection.connection.driver_connection
    columns = sql.SQL(", ").join(sql.Identifier(name) for name, _ in shape.columns)
    command = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(shape.name), columns)
    spelt = [
        (place, kind) for place, (_, kind) in enumerate(shape.columns) if kind in {Kind.BYTES, Kind.FILE, Kind.JSON}
    ]
    with driver.cursor() as cursor, cursor.copy(command) as copy:
        number = 0
        for number, row in enumerate(rows, start=1):
            for place, kind in spelt:
                value = row[place]
                if value is not None:
                    row[place] = orjson.dumps(value).decode() if kind is Kind.JSON else base64.b64decode(value)
            copy.write_row(row)
            if number % shape.page == 0:
                progress(shape.page)
        progress(number % shape.page)


def _count_on(connection: Connection) -> None:
    """Let PostgreSQL's counters go on after the highest number that was restored."""
    if connection.dialect.name != "postgresql":
        return
    for table in migrations.metadata.sorted_tables:
        column = table.autoincrement_column
        if column is None:
            continue
        counter = connection.scalar(
            sa.text("SELECT pg_get_serial_sequence(:name, :column)"), {"name": table.name, "column": column.name}
        )
        highest = connection.scalar(sa.select(sa.func.max(column)))
        if counter is not None and highest is not None:
            connection.execute(sa.text("SELECT setval(:counter, :highest)"), {"counter": counter, "highest": highest})
