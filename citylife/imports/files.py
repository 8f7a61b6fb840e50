"""Files: which kind one is, told by what it holds rather than by its name, and verified whole before it is read."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import BinaryIO, Final

from citylife.imports.openstreetmap import read_features, verify_features
from citylife.imports.rows import NOT_UTF_8, FileRefused, Row
from citylife.imports.sirene import read_establishments, verify_establishments
from citylife.wording import Sentence

_UTF_8_MARK: Final = b"\xef\xbb\xbf"
_UTF_16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")


class Kind(Enum):
    """Where a file comes from, as it is said to people."""

    OPENSTREETMAP = "OpenStreetMap"
    SIRENE = "SIRENE"


@dataclass(frozen=True, slots=True)
class Source:
    """A file that can be read to its end: its kind, how many rows it holds, and the rows, once."""

    kind: Kind
    count: int
    rows: Iterator[Row]


_READERS: Final[dict[Kind, tuple[Callable[[BinaryIO], int], Callable[[BinaryIO], Iterator[Row]]]]] = {
    Kind.OPENSTREETMAP: (verify_features, read_features),
    Kind.SIRENE: (verify_establishments, read_establishments),
}


def open_source(stream: BinaryIO) -> Source:
    """Read the file once to know that it is whole, then stand at its beginning; memory does not grow with it.

    Raises:
        FileRefused: empty, of no known kind, or broken; nothing can be taken from it.
    """
    start = stream.read(4096)
    if start.startswith(_UTF_16_MARKS):
        raise FileRefused(NOT_UTF_8)
    offset = len(_UTF_8_MARK) if start.startswith(_UTF_8_MARK) else 0
    said = start[offset:].lstrip()
    if not said:
        raise FileRefused(Sentence("Ce fichier est vide."))
    kind = Kind.OPENSTREETMAP if said.startswith((b"{", b"[")) else Kind.SIRENE
    verify, read = _READERS[kind]
    stream.seek(offset)
    count = verify(stream)
    stream.seek(offset)
    return Source(kind, count, read(stream))
