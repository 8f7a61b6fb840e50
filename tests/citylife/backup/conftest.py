"""A house with a little of everything in it, its backup, and databases to restore it into."""

import datetime as dt
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect
from sqlalchemy.orm import Session

from citylife import audit, migrations
from citylife.accounts.citizens import CitizenDay
from citylife.accounts.moving import make_recovery_code, make_transfer_code
from citylife.accounts.sessions import Account, AccountKind, open_session
from citylife.answers import begin_answer, keep_answer
from citylife.audit import Actor
from citylife.backup.archive import Manifest, reading_from
from citylife.backup.restoring import Graves, Restored, check, restore
from citylife.backup.saving import save
from citylife.backup.shapes import Sum, shapes_of, sums_of
from citylife.database import engine_for, writing
from citylife.follows import unfollow
from citylife.tombstones import Tombstones
from tests import builders
from tests.builders import NOW

MINUTE = dt.timedelta(minutes=1)
OWN_WORDS = {"audit_log", "account_sessions"}
"""Where a restoration writes: that it happened, and that everybody signs in again."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "backup.zip"


@pytest.fixture
def graves(tombstones: Tombstones) -> Graves:
    return Graves(tombstones=tombstones)


@pytest.fixture
def target(empty_engine: Engine) -> Engine:
    """A database with nothing in it at all, of each kind."""
    return empty_engine


@pytest.fixture
def source(sqlite_template: Path, tmp_path: Path) -> Iterator[Engine]:
    """A migrated SQLite database, where it does not matter from which kind the backup was made."""
    shutil.copyfile(sqlite_template, tmp_path / "source.db")
    engine = engine_for(f"sqlite:///{tmp_path / 'source.db'}")
    yield engine
    engine.dispose()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Engine]:
    """A SQLite database with nothing in it, where the kind does not matter."""
    engine = engine_for(f"sqlite:///{tmp_path / 'empty.db'}")
    yield engine
    engine.dispose()


def a_life(session: Session) -> uuid.UUID:
    """A little of everything, in awkward values too; the id of a citizen."""
    shop = builders.a_shop(session, "Chez « Léon »\\ 🥖", open_until="19:00")
    left = builders.a_shop(session)
    offer = builders.an_offer(session, shop, description="Ligne 1\nLigne 2 \\N \\. fin", price=450)
    citizen = builders.a_follower(session, shop, devices=2)
    builders.a_follow(session, citizen, left)
    unfollow(session, citizen.id, left.id, now=NOW)
    builders.a_delivery(session, citizen, offer.id, accepted_at=NOW + dt.timedelta(microseconds=1))
    builders.a_key(session, builders.a_merchant(session))
    session.add(CitizenDay(citizen_id=citizen.id, day=NOW.date()))
    make_transfer_code(session, citizen, secret="s" * 43, now=NOW)
    make_recovery_code(session, citizen, now=NOW)
    begin_answer(session, "somebody", "one", b"f" * 32, now=NOW)
    begin_answer(session, "somebody", "Two", b"g" * 32, now=NOW)
    keep_answer(session, "somebody", "Two", status=201, headers={"ETag": '"x"'}, body=b"\x00\xff{}", secret=False)
    open_session(session, Account(AccountKind.MERCHANT, builders.a_merchant(session).id), now=NOW)
    audit.note(session, "offer.published", offer.id, actor=Actor.SYSTEM, now=NOW, price=4.5, word="é")
    session.flush()
    return citizen.id


def saved(engine: Engine, file: Path, **more) -> Manifest:
    return save(engine, file, now=NOW, **more)


def restored(target: Engine, file: Path, graves: Graves, **more) -> Restored:
    with reading_from(file) as archive:
        check(archive)
        return restore(target, archive, graves, now=NOW, **more)


def sums(engine: Engine) -> dict[str, Sum]:
    with engine.connect() as connection:
        return sums_of(connection, shapes_of(migrations.metadata))


def without_audit(engine: Engine) -> dict[str, Sum]:
    """The sums of every table but those that tell of the restoration itself."""
    return {name: held for name, held in sums(engine).items() if name not in OWN_WORDS}


def tables(engine: Engine) -> list[str]:
    return inspect(engine).get_table_names()


@pytest.fixture
def whole(source: Engine, file: Path) -> bytes:
    """A good backup, as bytes."""
    with writing(source).begin() as session:
        a_life(session)
    saved(source, file)
    return file.read_bytes()
