"""A backup that is truncated, damaged, altered or of a later version is refused, and nothing is written."""

import random
import zipfile
from pathlib import Path

import orjson
import pytest
from sqlalchemy import Engine

from citylife.backup.archive import BackupRefused, reading_from
from citylife.backup.restoring import Graves, check
from citylife.backup.shapes import summed
from tests.citylife.backup.conftest import restored, tables


def test_a_truncated_backup_is_refused_and_nothing_is_written(
    whole: bytes, tmp_path: Path, empty: Engine, graves: Graves
):
    for length in [0, 1, 100, *range(0, len(whole), len(whole) // 40), len(whole) - 1]:
        cut = tmp_path / "cut.zip"
        cut.write_bytes(whole[:length])
        with pytest.raises(BackupRefused):
            restored(empty, cut, graves)
    assert tables(empty) == []


def test_a_damaged_backup_is_refused_and_nothing_is_written(
    whole: bytes, tmp_path: Path, empty: Engine, graves: Graves
):
    """A flipped bit is refused, or sits where it changes no row (a date within the zip's own headers)."""
    dice, refused, harmless = random.Random(2026), 0, 0
    with reading_from(tmp_path / "backup.zip") as archive:
        good = {shape.name: summed(archive.lines(shape)) for shape, _ in archive.manifest.tables}
    for _ in range(120):
        place = dice.randrange(len(whole))
        spoilt = tmp_path / "spoilt.zip"
        spoilt.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << dice.randrange(8))]) + whole[place + 1 :])
        try:
            with reading_from(spoilt) as archive:
                check(archive)
                assert {shape.name: summed(archive.lines(shape)) for shape, _ in archive.manifest.tables} == good
                harmless += 1
        except BackupRefused:
            refused += 1
    assert refused > 80, (refused, harmless)
    spoilt.write_bytes(whole[: len(whole) // 3] + b"\x00" * 200 + whole[len(whole) // 3 + 200 :])
    with pytest.raises(BackupRefused):
        restored(empty, spoilt, graves)
    assert tables(empty) == []


def rewritten(file: Path, into: Path, change) -> Path:
    """The archive with its parts changed and its checksums of zip right: what only our manifest can notice."""
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(into, "w") as new:
        parts = {name: old.read(name) for name in old.namelist()}
        change(parts)
        for name, content in parts.items():
            new.writestr(name, content)
    return into


@pytest.mark.parametrize(
    "change",
    [
        lambda parts: parts.update({"tables/citizens.jsonl": b""}),
        lambda parts: parts.update({"tables/citizens.jsonl": parts["tables/citizens.jsonl"].replace(b'"fr"', b'"en"')}),
        lambda parts: parts.pop("tables/follows.jsonl"),
        lambda parts: parts.update({"tables/strangers.jsonl": b"[1]\n"}),
        lambda parts: parts.update({"manifest.json": b"{}"}),
        lambda parts: parts.update({"manifest.json": parts["manifest.json"].replace(b'"version": 1', b'"version": 2')}),
        lambda parts: parts.update({"manifest.json": parts["manifest.json"].replace(b'"whole"', b'"number!"')}),
        lambda parts: parts.update({"manifest.json": parts["manifest.json"][:-5]}),
    ],
)
def test_what_the_manifest_does_not_announce_is_refused(
    whole: bytes, tmp_path: Path, empty: Engine, graves: Graves, change
):
    with pytest.raises(BackupRefused):
        restored(empty, rewritten(tmp_path / "backup.zip", tmp_path / "changed.zip", change), graves)
    assert tables(empty) == []


def test_a_value_that_is_none_of_its_kind_is_refused_before_anything_is_written(
    whole: bytes, tmp_path: Path, empty: Engine, graves: Graves
):
    def forge(parts: dict[str, bytes]) -> None:
        manifest = orjson.loads(parts["manifest.json"])
        lines = b'["not-a-uuid"]\n'
        (table,) = [table for table in manifest["tables"] if table["name"] == "erasure_receipts"]
        table.update(columns=[["id", "id"]], rows=1, sha256=summed([lines]).sha256)
        parts.update({"manifest.json": orjson.dumps(manifest), "tables/erasure_receipts.jsonl": lines})

    with pytest.raises(BackupRefused, match="erasure_receipts"):
        restored(empty, rewritten(tmp_path / "backup.zip", tmp_path / "changed.zip", forge), graves)
    assert tables(empty) == []


def test_a_backup_of_a_later_version_is_refused(whole: bytes, tmp_path: Path, empty: Engine, graves: Graves):
    def later(parts: dict[str, bytes]) -> None:
        parts["manifest.json"] = orjson.dumps({**orjson.loads(parts["manifest.json"]), "schema": "9999"})

    with pytest.raises(BackupRefused, match="plus récente"):
        restored(empty, rewritten(tmp_path / "backup.zip", tmp_path / "changed.zip", later), graves)
    assert tables(empty) == []
