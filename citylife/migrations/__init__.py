"""The schema's history (plain Alembic), and the one metadata that every table of the house has joined.

Alembic is loaded by what migrates, and by nothing that only asks whether the schema is the right one.
"""

from collections.abc import Callable
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Engine, MetaData, inspect, text
from sqlalchemy.orm import Session

from citylife import (
    activity,
    answers,
    appeals,
    audit,
    consent,
    devices,
    follows,
    geography,
    insiders,
    keyring,
    letters,
    limits,
    offers,
    photos,
    places,
    purge,
    redemptions,
    reports,
    search,
    shops,
    timetable,
)
from citylife.accounts import citizens, merchants, moving, sessions, sign_in, staff
from citylife.courtesy import tables as courtesy
from citylife.database import Base
from citylife.email_digest import tables as email_digest
from citylife.invented import tables as invented
from citylife.ledger import sums, tables
from citylife.pilot import sending as pilot_sending
from citylife.pilot import tables as pilot

if TYPE_CHECKING:
    from alembic.config import Config

HEAD: Final = "0048"
"""The revision this code was written for; a test holds it to be the last of the history."""
VERSION_TABLE: Final = "alembic_version"
OF_SQLITE: Final = frozenset({"near_changes"})
"""Tables that only SQLite has, filled by its own triggers: no model knows them, and no backup needs them."""
NOUNS: Final = (
    activity,
    answers,
    appeals,
    audit,
    citizens,
    consent,
    courtesy,
    devices,
    email_digest,
    follows,
    geography,
    insiders,
    invented,
    keyring,
    letters,
    limits,
    merchants,
    moving,
    offers,
    photos,
    pilot,
    pilot_sending,
    places,
    purge,
    redemptions,
    reports,
    sessions,
    search,
    shops,
    sign_in,
    staff,
    sums,
    tables,
    timetable,
)
"""Every module that brings tables; importing them fills `metadata`."""

metadata: Final[MetaData] = Base.metadata


class Schema(StrEnum):
    """How the database's schema stands to the one this code was written for."""

    CURRENT = "migrated"
    OLDER = "not-migrated"
    """Not ours yet: `citylife init` of this code brings it up, and until then nothing works on it."""
    NEWER = "newer"
    """Migrated by a later version. Migrations only add while older code runs, so this code goes on working on it."""


class RevisionUnknown(Exception):
    """The database has a revision that this code does not know: it comes from a later version."""

    def __init__(self, revision: str) -> None:
        self.revision = revision
        super().__init__(f"{revision} is no revision of this version")


def configuration(engine: Engine | None = None, *, connection: Connection | None = None) -> "Config":
    """Alembic's configuration for this engine, or for the transaction of this connection, without any file."""
    from alembic.config import Config  # noqa: PLC0415 - see the module

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes.update(engine=engine, connection=connection)
    return config


def _move(direction: str, database: Engine | Connection, revision: str) -> None:
    """Go up or down the history; on a connection, in its transaction.

    Raises:
        RevisionUnknown: the database comes from a later version.
    """
    from alembic import command  # noqa: PLC0415 - see the module

    if isinstance(database, Engine):
        with database.connect() as connection:
            see_known(connection)
        wanted = configuration(database)
    else:
        see_known(database)
        wanted = configuration(connection=database)
    go: Callable[[Any, str], None] = getattr(command, direction)
    go(wanted, revision)


def see_known(connection: Connection) -> None:
    """See that the database stands at a revision of this code, or at none yet.

    Raises:
        RevisionUnknown: it comes from a later version.
    """
    revision = revision_of(connection)
    if revision is not None and not knows(revision):
        raise RevisionUnknown(revision)


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the schema up to `revision`, and the communes up to date."""
    _move("upgrade", engine, revision)
    if revision == "head":
        with Session(engine.execution_options(writes=True)) as session, session.begin():
            geography.store_communes(session)


def upgrade_within(connection: Connection, revision: str = "head") -> None:
    """Bring the schema up to `revision`, and the communes up to date, in the transaction of this connection."""
    _move("upgrade", connection, revision)
    if revision == "head":
        with Session(connection) as session, session.begin():
            geography.store_communes(session)


def downgrade_within(connection: Connection, revision: str) -> None:
    """Take the schema back to `revision` in the transaction of this connection."""
    _move("downgrade", connection, revision)


def knows(revision: str) -> bool:
    """Whether a revision is one of this code's, so not one of a later version."""
    return revision in _revisions()


def downgrade(engine: Engine, revision: str) -> None:
    """Take the schema back to `revision` (`base` for none at all)."""
    _move("downgrade", engine, revision)


@cache
def _revisions() -> frozenset[str]:
    """Every revision of this code, by the names of its files: Alembic is not loaded for it."""
    return frozenset(path.stem.partition("_")[0] for path in (Path(__file__).parent / "versions").glob("*.py"))


def schema_of(engine: Engine) -> Schema:
    """How the database's schema stands to this code's; one whose revision we do not know is a later version's."""
    with engine.connect() as connection:
        revision = revision_of(connection)
    if revision == HEAD:
        return Schema.CURRENT
    return Schema.OLDER if revision is None or knows(revision) else Schema.NEWER


def revision_of(connection: Connection) -> str | None:
    """The revision the database stands at; None for one that was never set up."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))
    return found
