"""Tombstones: who was erased, written outside the database, so that no backup brings anybody back.

A tombstone is a line of a file: under which key it was made, when, the HMAC of the citizen's id under the instance's
secret, and the receipt she was given. The id itself is nowhere, and the HMAC is of no use without the secret and an id
to try: it only tells, of a citizen that a backup holds, that she has left since.
"""

import datetime as dt
import fcntl
import hashlib
import hmac
import os
import platform
import re
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from citylife.keys import open_folder

_LINE: Final = re.compile(
    r"1 (?P<key>[0-9a-f]{8}) (?P<when>\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z) (?P<mark>[0-9a-f]{64}) "
    r"(?P<receipt>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})",
    re.ASCII,
)
_MOMENT: Final = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Tombstone:
    """One erasure: the key it was made under, when (UTC, to the second), the mark, and the receipt's number."""

    key: str
    when: dt.datetime
    mark: str
    receipt: uuid.UUID


class Tombstones:
    """The tombstones of one instance: a file a host and month, only ever appended to."""

    def __init__(self, folder: Path, secret: str) -> None:
        self._folder = folder
        self._key = hmac.digest(secret.encode(), b"citylife tombstones", "sha256")
        self._key_name = hashlib.sha256(self._key).hexdigest()[:8]

    def bury(self, citizen_id: uuid.UUID, receipt: uuid.UUID, *, now: dt.datetime) -> None:
        """Append a tombstone, and return once it is on the disk; call it last, before the erasure commits.

        Raises:
            OSError: it cannot be written; then the erasure must not be acknowledged.
        """
        when = now.astimezone(dt.UTC).strftime(_MOMENT)
        line = f"1 {self._key_name} {when} {self.mark_of(citizen_id)} {receipt}\n".encode()
        open_folder(self._folder)
        path = self._file(when)
        new = not path.exists()
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)  # until it is closed: one writer of this host at a time
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                line = b"\n" + line  # a power cut left half a line: it stays by itself
            while line:
                line = line[os.write(descriptor, line) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if new:
            _sync_folder(self._folder)

    def rehearse(self, *, now: dt.datetime) -> None:
        """See that a tombstone could be written now, and leave nothing.

        Raises:
            OSError: it could not; then no erasure may be asked of this process.
        """
        open_folder(self._folder)
        tempfile.TemporaryFile(dir=self._folder).close()
        path = self._file(now.astimezone(dt.UTC).strftime(_MOMENT))
        if path.exists():
            os.close(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC))

    def _file(self, when: str) -> Path:
        """The file of this host for the month of a moment."""
        host = re.sub(r"[^A-Za-z0-9.-]", "-", platform.node()) or "host"
        return self._folder / f"{host}-{when[:7]}.txt"

    def mark_of(self, citizen_id: uuid.UUID) -> str:
        """What stands for a citizen in the files."""
        return hmac.digest(self._key, citizen_id.bytes, "sha256").hex()

    def read(self, also: Iterable[Path] = ()) -> list[Tombstone]:
        """Every tombstone of the folder, whatever its key, and of the folders in `also` (other hosts'); none twice.

        Raises:
            OSError: a file cannot be read.
        """
        found = {stone for folder in (self._folder, *also) for stone in _stones_in(folder)}
        return sorted(found, key=lambda stone: (stone.when, stone.mark, stone.receipt))

    def is_ours(self, stone: Tombstone) -> bool:
        """Whether a tombstone was made under this instance's secret: no other can be recognised."""
        return stone.key == self._key_name


def _stones_in(folder: Path) -> Iterator[Tombstone]:
    for path in sorted(folder.glob("*.txt")):
        for line in path.read_text(encoding="ascii", errors="replace").splitlines():
            read = _LINE.fullmatch(line)
            if read is not None:
                when = dt.datetime.strptime(read["when"], _MOMENT).replace(tzinfo=dt.UTC)
                yield Tombstone(read["key"], when, read["mark"], uuid.UUID(read["receipt"]))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
