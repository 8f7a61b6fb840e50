"""What is restored is what was saved, on either database; whoever lives there already is replaced only if asked."""

import uuid
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine, func, inspect, select
from sqlalchemy.orm import Session

from citylife import audit, migrations
from citylife.accounts.citizens import Citizen, ErasureReceipt
from citylife.accounts.sessions import Account, AccountKind, open_session, session_of
from citylife.audit import Actor, AuditEntry
from citylife.backup.archive import BackupRefused, Manifest, writing_to
from citylife.backup.restoring import Graves
from citylife.backup.shapes import Shape, lines_of, shapes_of
from citylife.database import engine_for, writing
from citylife.devices import origin_id
from citylife.migrations import Schema
from tests import builders
from tests.builders import NOW
from tests.citylife.backup.conftest import a_life, restored, saved, sums, tables, without_audit


def test_everything_comes_back_the_same_on_either_database(engine: Engine, target: Engine, file: Path, graves: Graves):
    with writing(engine).begin() as session:
        citizen_id = a_life(session)
    manifest = saved(engine, file)
    done = restored(target, file, graves)
    assert done.rows == manifest.rows == sum(held.rows for held in sums(engine).values())
    assert sums(engine) == {shape.name: held for shape, held in manifest.tables}
    assert without_audit(target) == without_audit(engine)
    assert migrations.schema_of(target) is Schema.CURRENT
    highest = select(func.max(AuditEntry.id))
    with writing(target).begin() as session:
        assert session.get_one(Citizen, citizen_id).notifications_consented
        before = session.scalar(highest)
        audit.note(session, "shop.verified", None, actor=Actor.STAFF, now=NOW)
        origin_id(session, "https://another.example")
    with Session(target) as session:
        assert session.scalar(highest) == before + 1, "numbers go on after the highest"
        acts = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
        assert acts[-2:] == ["database.restored", "shop.verified"]
        assert audit.walk(session) == audit.Walk(len(acts), audit.walk(session).head), "the chain of seals holds"
        assert session.scalar(select(AuditEntry.detail).where(AuditEntry.action == "offer.published").limit(1))


def test_a_session_that_was_ended_since_does_not_stand_again(
    source: Engine, target: Engine, file: Path, graves: Graves
):
    with writing(source).begin() as session:
        account = Account(AccountKind.MERCHANT, builders.a_merchant(session).id)
        _, token = open_session(session, account, now=NOW)
        assert session_of(session, token, now=NOW) is not None
    saved(source, file)
    restored(target, file, graves)
    with Session(target) as session:
        assert session_of(session, token, now=NOW) is None


def test_what_is_append_only_is_so_again(source: Engine, target: Engine, file: Path, graves: Graves):
    with writing(source).begin() as session:
        a_life(session)
    saved(source, file)
    restored(target, file, graves)
    with target.begin() as connection, pytest.raises(sa.exc.DBAPIError, match="append-only"):
        connection.execute(sa.text("DELETE FROM audit_log"))


def test_a_backup_of_an_earlier_version_is_brought_up_to_date(target: Engine, file: Path, graves: Graves, tmp_path):
    with engine_for(f"sqlite:///{tmp_path / 'old.db'}").execution_options(writes=True).begin() as old:
        migrations.upgrade_within(old, "0001")
        there = inspect(old)
        shapes = [
            Shape(shape.name, tuple(pair for pair in shape.columns if pair[0] in named), shape.key)
            for shape in shapes_of(migrations.metadata)
            if shape.name in there.get_table_names()
            and (named := {column["name"] for column in there.get_columns(shape.name)})
        ]
        receipt = ErasureReceipt.__table__
        old.execute(sa.insert(receipt).values(id=uuid.UUID(int=7), erased_at=NOW))
        with writing_to(file) as archive:
            held = [(shape, archive.table(shape.name, lines_of(old, shape), lambda _: None)) for shape in shapes]
            archive.manifest(Manifest(NOW, "0001", "sqlite", tuple(held), {}))
        old.engine.dispose()
    restored(target, file, graves)
    assert migrations.schema_of(target) is Schema.CURRENT
    assert set(tables(target)) - migrations.OF_SQLITE == {*migrations.metadata.tables, "alembic_version"}
    with Session(target) as session:
        assert session.scalars(select(ErasureReceipt.id)).all() == [uuid.UUID(int=7)]


def test_a_database_somebody_lives_in_is_replaced_only_when_that_is_asked(
    whole: bytes, target: Engine, file: Path, graves: Graves
):
    migrations.upgrade(target)
    restored(target, file, graves)  # as `citylife init` leaves it: nobody lives there
    with writing(target).begin() as session:
        newcomer = builders.a_citizen(session).id
    before = sums(target)
    with pytest.raises(BackupRefused, match="vide"):
        restored(target, file, graves)
    assert sums(target) == before
    restored(target, file, graves, replacing=True)
    with Session(target) as session:
        assert session.get(Citizen, newcomer) is None
        assert session.scalar(select(func.count()).select_from(Citizen)) == 1


def test_somebody_else_s_tables_are_never_touched(whole: bytes, target: Engine, file: Path, graves: Graves):
    with target.begin() as connection:
        connection.execute(sa.text("CREATE TABLE theirs (id integer)"))
    with pytest.raises(BackupRefused, match="pas de Citylife"):
        restored(target, file, graves, replacing=True)
    assert tables(target) == ["theirs"]


def test_a_restoration_that_fails_in_the_middle_leaves_what_was_there(
    whole: bytes, target: Engine, file: Path, graves: Graves
):
    migrations.upgrade(target)
    with writing(target).begin() as session:
        builders.a_citizen(session)
    before = sums(target)

    def begun(_rows: int):
        def progress(_done: int) -> None:
            raise OSError(5, "Input/output error")

        return progress

    with pytest.raises(OSError, match="Input/output"):
        restored(target, file, graves, replacing=True, begun=begun)
    assert sums(target) == before
