"""The file of a backup: a zip of one member a table, and a manifest that says what each must hold.

A file appears under its name only once it is whole and on the disk, readable by its owner alone. Reading trusts
nothing: every member is held to its count and its SHA-256 before anything is done with it. That guards against
accidents; against somebody who rewrites the file and its manifest, only the place it is kept in does.
"""

import datetime as dt
import hashlib
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from citylife.backup.shapes import Kind, Shape, Sum
from citylife.wording import Sentence

FORMAT: Final = "citylife-backup"
VERSION: Final = 1
MANIFEST: Final = "manifest.json"
LARGEST_MANIFEST: Final = 1_000_000
TOLD_EVERY: Final = 1_000
"""Rows between two words about progress."""
UNREADABLE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    KeyError,
    ValueError,
    TypeError,
    NotImplementedError,
    RuntimeError,
    OSError,
)
"""What reading a damaged file raises."""

Progress = Callable[[int], None]
"""Is told how many rows were done since it was last told."""


class BackupRefused(Exception):
    """A backup cannot be made, or cannot be restored; `sentence` says why."""

    def __init__(self, sentence: Sentence) -> None:
        self.sentence = sentence
        super().__init__(str(sentence))


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds: when it was made, of which revision of the schema, each table's shape and sum, the keys."""

    made_at: dt.datetime
    revision: str
    database: str
    tables: tuple[tuple[Shape, Sum], ...]
    keys: Mapping[str, str]

    @property
    def rows(self) -> int:
        """How many rows in all."""
        return sum(held.rows for _, held in self.tables)

    def written(self) -> bytes:
        """The manifest as it stands in the file."""
        tables = [
            {
                "name": shape.name,
                "columns": [[name, kind.value] for name, kind in shape.columns],
                "key": shape.key,
                "rows": held.rows,
                "sha256": held.sha256,
            }
            for shape, held in self.tables
        ]
        return orjson.dumps(
            {
                "format": FORMAT,
                "version": VERSION,
                "made_at": self.made_at,
                "schema": self.revision,
                "database": self.database,
                "tables": tables,
                "keys": self.keys,
            },
            option=orjson.OPT_INDENT_2,
        )


class Writer:
    """An archive being written."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def table(self, name: str, lines: Iterator[bytes], progress: Progress) -> Sum:
        """Write the rows of a table; what was written."""
        rows, told, digest = 0, 0, hashlib.sha256()
        with self._archive.open(_member(name), "w", force_zip64=True) as stream:
            for line in lines:
                stream.write(line)
                digest.update(line)
                rows += 1
                if rows - told >= TOLD_EVERY:
                    progress(rows - told)
                    told = rows
        progress(rows - told)
        return Sum(rows, digest.hexdigest())

    def key(self, name: str, content: bytes) -> str:
        """Write a key of the instance; its SHA-256."""
        self._archive.writestr(f"keys/{name}", content)
        return hashlib.sha256(content).hexdigest()

    def manifest(self, manifest: Manifest) -> None:
        """Write what the archive holds, last."""
        self._archive.writestr(MANIFEST, manifest.written())


@contextmanager
def writing_to(path: Path) -> Iterator[Writer]:
    """An archive to write; it takes its name at the end of the block, and leaves nothing when the block fails.

    Raises:
        BackupRefused: there is a file of that name, which is never overwritten.
        OSError: the folder cannot be written to, or is full.
    """
    if path.exists():
        raise BackupRefused(Sentence("« {path} » existe déjà : une sauvegarde n’en écrase pas une autre.", path=path))
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mkstemp gives 0600
    try:
        with os.fdopen(descriptor, "wb") as stream:
            with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
                yield Writer(archive)
            stream.flush()
            os.fsync(stream.fileno())
        os.link(draft, path)
    except FileExistsError as taken:
        raise BackupRefused(
            Sentence("« {path} » existe déjà : une sauvegarde n’en écrase pas une autre.", path=path)
        ) from taken
    finally:
        Path(draft).unlink()


class Reader:
    """An archive whose manifest could be read."""

    def __init__(self, archive: zipfile.ZipFile, manifest: Manifest) -> None:
        self._archive, self.manifest = archive, manifest

    def rows(self, shape: Shape) -> Iterator[list[Any]]:
        """The rows of a table, as they are written."""
        for line in self.lines(shape):
            yield orjson.loads(line)

    def lines(self, shape: Shape) -> Iterator[bytes]:
        """The lines of a table."""
        with self._archive.open(_member(shape.name)) as stream:
            yield from stream

    def key(self, name: str) -> bytes:
        """A key of the instance."""
        return self._archive.read(f"keys/{name}")

    def verify(self, progress: Progress) -> None:
        """Read everything once, and hold it to the manifest: counts, SHA-256, and every value's kind.

        Raises:
            BackupRefused: something is missing, damaged, or not announced.
        """
        wanted = {MANIFEST, *(f"keys/{name}" for name in self.manifest.keys)}
        wanted |= {_member(shape.name) for shape, _ in self.manifest.tables}
        if sorted(self._archive.namelist()) != sorted(wanted):
            raise BackupRefused(Sentence("La sauvegarde n’a pas les parties que son manifeste annonce."))
        for shape, held in self.manifest.tables:
            try:
                self._verify_table(shape, held, progress)
            except UNREADABLE as fault:
                raise damaged(shape.name) from fault
        for name, sha256 in self.manifest.keys.items():
            try:
                found = hashlib.sha256(self.key(name)).hexdigest()
            except UNREADABLE as fault:
                raise damaged(name) from fault
            if found != sha256:
                raise damaged(name)

    def _verify_table(self, shape: Shape, held: Sum, progress: Progress) -> None:
        rows, digest = 0, hashlib.sha256()
        for line in self.lines(shape):
            digest.update(line)
            shape.decoded(orjson.loads(line))
            rows += 1
            if rows % TOLD_EVERY == 0:
                progress(TOLD_EVERY)
        progress(rows % TOLD_EVERY)
        if Sum(rows, digest.hexdigest()) != held:
            raise damaged(shape.name)


@contextmanager
def reading_from(path: Path) -> Iterator[Reader]:
    """An archive to read.

    Raises:
        BackupRefused: it is no backup of ours, is cut short, or its manifest is damaged.
        OSError: there is no such file, or it cannot be read.
    """
    with path.open("rb") as stream:
        try:
            archive = zipfile.ZipFile(stream)
            if archive.getinfo(MANIFEST).file_size > LARGEST_MANIFEST:
                raise ValueError("a manifest of this size")
            manifest = _manifest(orjson.loads(archive.read(MANIFEST)))
        except UNREADABLE as fault:
            sentence = Sentence("« {path} » n’est pas une sauvegarde de Citylife, ou elle est tronquée.", path=path)
            raise BackupRefused(sentence) from fault
        with archive:
            yield Reader(archive, manifest)


def damaged(name: str) -> BackupRefused:
    """The refusal for a part that is not what the manifest says."""
    return BackupRefused(
        Sentence("La partie « {name} » de la sauvegarde est abîmée : rien n’a été restauré.", name=name)
    )


def _manifest(read: Any) -> Manifest:
    if read["format"] != FORMAT or read["version"] != VERSION:
        raise ValueError("another format")
    tables = tuple(
        (
            Shape(
                str(table["name"]),
                tuple((str(name), Kind(kind)) for name, kind in table["columns"]),
                tuple(str(name) for name in table["key"]),
            ),
            Sum(int(table["rows"]), str(table["sha256"])),
        )
        for table in read["tables"]
    )
    made_at = dt.datetime.fromisoformat(read["made_at"])
    return Manifest(made_at, str(read["schema"]), str(read["database"]), tables, dict(read["keys"]))


def _member(table: str) -> str:
    return f"tables/{table}.jsonl"
