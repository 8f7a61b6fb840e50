"""A backup holds everything, as it was at one moment, for its owner alone."""

import stat
import zipfile
from pathlib import Path

import orjson
import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from citylife import migrations
from citylife.accounts.citizens import Citizen
from citylife.backup.archive import BackupRefused
from citylife.backup.restoring import Graves
from citylife.backup.shapes import Kind, kind_of, shapes_of
from citylife.database import writing
from tests import builders
from tests.builders import NOW
from tests.citylife.backup.conftest import OWN_WORDS, a_life, restored, saved, sums, without_audit


def test_every_column_of_the_house_can_be_written_down():
    shapes = shapes_of(migrations.metadata)
    assert {shape.name for shape in shapes} == set(migrations.metadata.tables)
    assert {kind for shape in shapes for _, kind in shape.columns} == set(Kind)
    assert all(shape.key for shape in shapes)


def test_a_type_that_nobody_thought_of_is_noticed():
    table = sa.Table("t", sa.MetaData(), sa.Column("interval", sa.Interval(native=True)))
    with pytest.raises(TypeError, match=r"t\.interval"):
        kind_of(table.c.interval)


def test_a_backup_sees_one_moment_however_much_is_written_meanwhile(
    engine: Engine, sessions: sessionmaker[Session], empty: Engine, file: Path, graves: Graves
):
    with sessions.begin() as session:
        gone = a_life(session)
    before = sums(engine)

    def begun(_rows: int):
        def meanwhile(_done: int) -> None:
            with sessions.begin() as session:  # each time a table is told of: between the tables
                builders.a_citizen(session)
                if session.get(Citizen, gone) is not None:
                    session.delete(session.get_one(Citizen, gone))

        return meanwhile

    saved(engine, file, begun=begun)
    assert sums(engine) != before
    restored(empty, file, graves)
    assert without_audit(empty) == {name: held for name, held in before.items() if name not in OWN_WORDS}


def test_only_its_owner_reads_it_and_none_is_overwritten(engine: Engine, file: Path):
    saved(engine, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    content = file.read_bytes()
    with pytest.raises(BackupRefused, match="existe déjà"):
        saved(engine, file)
    assert file.read_bytes() == content
    assert [path.name for path in file.parent.glob("*backup.zip*")] == ["backup.zip"]


def test_a_backup_that_fails_leaves_nothing(engine: Engine, file: Path):
    def full(_rows: int):
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        saved(engine, file, begun=full)
    assert list(file.parent.glob("*backup.zip*")) == []


def test_the_manifest_says_what_is_there(engine: Engine, file: Path):
    with writing(engine).begin() as session:
        a_life(session)
    saved(engine, file, keys={"secret-key": b"s" * 43})
    with zipfile.ZipFile(file) as archive:
        manifest = orjson.loads(archive.read("manifest.json"))
        citizens = next(table for table in manifest["tables"] if table["name"] == "citizens")
        assert archive.read("tables/citizens.jsonl").count(b"\n") == citizens["rows"] == 1
    assert manifest["made_at"] == NOW.isoformat()
    assert (manifest["database"], list(manifest["keys"])) == (engine.dialect.name, ["secret-key"])
    assert ["id", "id"] in citizens["columns"]
