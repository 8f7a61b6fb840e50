"""Developing: a stranger's picture goes to the darkroom, another process, and comes back bounded, bare and drawn anew.

A picture costs a process of its own (a tenth of a second) and holds the caller meanwhile; few are developed at once,
and whoever comes when all are taken is asked to come back.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ClassVar, Final, cast

from citylife.errors import Invalid, Refusal

PROGRAM: Final = Path(__file__).with_name("darkroom.py")
MOST_BYTES: Final = 10 * 1024 * 1024
"""Of a picture as it is sent: what a telephone's camera makes, and room to spare."""
AT_ONCE: Final = 2
"""Pictures that one process has developed at the same time."""
SECONDS: Final = 20.0
"""After which a picture that is still being developed is given up, however little of the processor it had."""
MEMORY: Final = 448 * 1024 * 1024
"""Bytes of address space: what the largest pictures take to be read, and no more."""
CPU_SECONDS: Final = 10
MOST_POINTS: Final = 50_000_000
"""Of a JPEG, which is read at a fraction of its size; others are read whole."""
MOST_POINTS_WHOLE: Final = 16_000_000
LEAST_SIDE: Final = 200
FLATTEST: Final = 4
"""How many times its short side the long one may be."""
LARGE: Final = (1280, 150_000)
"""Points of the long side and bytes, at most: where there is room."""
SMALL: Final = (640, 32_000)
"""On a phone and in lists."""
MOST_WRITTEN: Final = LARGE[1] + SMALL[1] + 1_000
BOUNDS: Final = json.dumps(
    {
        "memory": MEMORY,
        "cpu_seconds": CPU_SECONDS,
        "most_points": MOST_POINTS,
        "most_points_whole": MOST_POINTS_WHOLE,
        "least_side": LEAST_SIDE,
        "flattest": FLATTEST,
        "sizes": (LARGE, SMALL),
    }
)
RIFF_HEAD: Final = 8
"""Bytes of a WebP before those that it counts (RFC 9649)."""


class PhotoUnreadable(Invalid):
    """It is no picture of ours to read: another format, cut short, or damaged."""

    slug = "photo-unreadable"
    title = "Photo illisible"
    sentence = "Cette photo ne peut pas être lue. Envoyez une photo JPEG, PNG ou WebP."


class PhotoTooLarge(Invalid):
    """It has more points than we read."""

    slug = "photo-too-large"
    title = "Photo trop grande"
    sentence = "Cette photo est trop grande : {most} millions de points au plus ({whole} en PNG ou WebP)."


class PhotoTooSmall(Invalid):
    """It has too few points to be looked at, or is a strip."""

    slug = "photo-too-small"
    title = "Photo trop petite"
    sentence = (
        "Cette photo est trop petite ou trop étroite : au moins {least} points de côté, et {flattest} fois plus longue "
        "que large au plus."
    )


class PhotoTooHeavy(Refusal):
    """More bytes than we take; they are not read."""

    slug = "too-large"
    status = 413
    title = "Demande trop volumineuse"
    sentence = "Cette photo est trop lourde : {most} Mo au plus."

    def __init__(self, *, pointer: str | None = None) -> None:
        super().__init__(pointer=pointer, most=MOST_BYTES // (1024 * 1024))


class DarkroomFull(Refusal):
    """As many pictures as this process may have developed at once are being developed."""

    slug: ClassVar[str] = "busy"
    status: ClassVar[int] = 503
    title: ClassVar[str] = "Trop de photos à la fois"
    sentence: ClassVar[str] = "D’autres photos sont en cours de préparation. Réessayez dans quelques secondes."
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "5"}


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture in WebP: its bytes, and its size in points."""

    width: int
    height: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Developed:
    """A picture at both its sizes."""

    large: Picture
    small: Picture


class Darkroom:
    """Develops pictures, few at once; `program` is what is run for each."""

    def __init__(self, *, at_once: int = AT_ONCE, seconds: float = SECONDS, program: Path = PROGRAM) -> None:
        self._places = threading.BoundedSemaphore(at_once)
        self._seconds = seconds
        self._program = program

    def develop(self, raw: bytes) -> Developed:
        """The picture at both sizes, upright, in WebP, without anything but its points.

        Raises:
            PhotoTooHeavy, PhotoUnreadable, PhotoTooLarge, PhotoTooSmall: it is not to be shown.
            DarkroomFull: too many are being developed.
        """
        if len(raw) > MOST_BYTES:
            raise PhotoTooHeavy
        if not self._places.acquire(blocking=False):
            raise DarkroomFull
        try:
            status, written = self._run(raw)
        finally:
            self._places.release()
        if status != 0:
            raise PhotoUnreadable
        return unpacked(written)

    def _run(self, raw: bytes) -> tuple[int, bytes]:
        """How the program ended, and what it wrote: never more than two pictures may have."""
        command = [sys.executable, "-I", str(self._program), BOUNDS]
        process = subprocess.Popen(  # noqa: S603 - our own program; the picture is its input
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"MALLOC_ARENA_MAX": "1"},
            cwd=os.sep,
        )
        clock = threading.Timer(self._seconds, process.kill)
        clock.daemon = True
        clock.start()
        into, out_of = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
        try:
            with contextlib.suppress(BrokenPipeError), into:  # it may have ended before it read
                into.write(raw)
            with out_of:
                written = out_of.read(MOST_WRITTEN)
            return process.wait(), written
        finally:
            clock.cancel()
            process.kill()
            process.wait()


def unpacked(written: bytes) -> Developed:
    """The two pictures that the darkroom wrote, held to what it may write: it read a stranger's bytes.

    Raises:
        PhotoTooLarge, PhotoTooSmall: what it said of the picture.
        PhotoUnreadable: it wrote something else than it should.
    """
    line, _, content = written.partition(b"\n")
    try:
        said = json.loads(line)
        if said.get("refused") == "too-large":
            raise PhotoTooLarge(most=MOST_POINTS // 1_000_000, whole=MOST_POINTS_WHOLE // 1_000_000)
        if said.get("refused") == "too-small":
            raise PhotoTooSmall(least=LEAST_SIDE, flattest=FLATTEST)
        (width, height, length), (small_width, small_height, small_length) = said["pictures"]
    except (ValueError, TypeError, KeyError, AttributeError) as fault:
        raise PhotoUnreadable from fault
    large = Picture(width, height, content[:length])
    small = Picture(small_width, small_height, content[length:])
    if not (_sound(large, *LARGE) and _sound(small, *SMALL) and len(small.content) == small_length):
        raise PhotoUnreadable
    return Developed(large, small)


def _sound(picture: Picture, longest: int, most: int) -> bool:
    """Whether it is a WebP of its very length, and not too large."""
    head, whole = picture.content[:RIFF_HEAD], len(picture.content)
    counted = int.from_bytes(head[4:], "little") + RIFF_HEAD
    return head.startswith(b"RIFF") and counted == whole <= most and 0 < max(picture.width, picture.height) <= longest
