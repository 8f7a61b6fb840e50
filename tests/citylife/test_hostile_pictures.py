"""Sixty pictures that somebody might send to hurt: each is refused, or drawn anew, harmless, in bounded memory."""

import contextlib
import io
import sys
import threading
import time
from pathlib import Path
from typing import Self

import psutil
import pytest
from PIL import Image

from citylife.errors import Refusal
from citylife.photos import Darkroom, DarkroomFull, Developed, PhotoTooLarge, PhotoTooSmall, PhotoUnreadable, Picture
from citylife.photos.developing import LARGE, MEMORY, PROGRAM, SMALL, unpacked
from tests.hostile_pictures import EITHER, HARMLESS, JPEG, MARK, REFUSED
from tests.pictures import a_drawing, saved

DARKROOM = Darkroom()


class Watched:
    """Watches the memory of the darkrooms that this process starts; until it is one, a fork is as large as this."""

    def __enter__(self) -> Self:
        self.peak, self._over = 0, threading.Event()
        self._eye = threading.Thread(target=self._watch)
        self._eye.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._eye.join()

    def _watch(self) -> None:
        me = psutil.Process()
        while not self._over.wait(0.005):
            for child in me.children():
                try:
                    if str(PROGRAM) in child.cmdline():
                        self.peak = max(self.peak, child.memory_info().rss)
                except psutil.Error:
                    continue


def look_at(picture: Picture, bounds: tuple[int, int]) -> Image.Image:
    """A developed picture is WebP to its last byte, and says nothing but its points."""
    longest, most = bounds
    content = picture.content
    assert len(content) <= most
    assert content[:4] == b"RIFF"
    assert int.from_bytes(content[4:8], "little") + 8 == len(content), "nothing stands behind its end"
    assert content[12:16] == b"VP8 ", "no extended header: no metadata, no animation, no alpha"
    assert b"script" not in content
    image = Image.open(io.BytesIO(content))
    assert image.size == (picture.width, picture.height)
    assert max(image.size) <= longest
    assert not image.getexif()
    assert set(image.info) <= {"loop", "background", "timestamp", "duration"}
    return image.convert("RGB")


def test_there_are_sixty_of_them():
    assert len(REFUSED) + len(EITHER) + len(HARMLESS) >= 60


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_photo_is_refused_and_why_is_said(name):
    make, why = REFUSED[name]
    with pytest.raises(Refusal) as refused, Watched() as watched:
        DARKROOM.develop(make())
    assert type(refused.value) is why
    assert watched.peak < MEMORY


@pytest.mark.long
@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_one_is_drawn_anew_without_what_came_along(name):
    raw = HARMLESS[name]()
    with Watched() as watched:
        developed = DARKROOM.develop(raw)
    look_at(developed.large, LARGE)
    look_at(developed.small, SMALL)
    assert watched.peak < MEMORY


@pytest.mark.parametrize("name", EITHER)
def test_what_might_be_one_hurts_nobody(name):
    raw = EITHER[name]()
    with Watched() as watched, contextlib.suppress(PhotoUnreadable, PhotoTooLarge, PhotoTooSmall):
        look_at(DARKROOM.develop(raw).large, LARGE)
    assert watched.peak < MEMORY


def test_a_large_picture_is_watched_while_it_is_developed():
    with Watched() as watched:
        DARKROOM.develop(saved(a_drawing(4000, 4000), "PNG"))
    assert 4000 * 4000 < watched.peak < MEMORY


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_stands_upright_however_the_telephone_was_held(orientation):
    turned = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]
    drawing = a_drawing(800, 600)
    held = drawing if turned is None else drawing.transpose(Image.Transpose(turned))
    exif = Image.Exif()
    exif[0x0112] = orientation

    image = look_at(DARKROOM.develop(saved(held, exif=exif)).large, LARGE)

    assert image.size == (800, 600)
    light, dark = image.getpixel((40, 40)), image.getpixel((760, 40))
    assert isinstance(light, tuple)
    assert isinstance(dark, tuple)
    assert (light[2] > 200, dark[2] > 100) == (True, False)


def test_sixteen_bits_of_grey_stay_grey_and_what_one_sees_through_is_white():
    grey = Image.new("I;16", (300, 300), 0x8000)
    assert abs(look_at(DARKROOM.develop(saved(grey, "PNG")).small, SMALL).getpixel((9, 9))[0] - 128) < 4
    clear = Image.new("RGBA", (300, 300), (0, 0, 0, 0))
    assert look_at(DARKROOM.develop(saved(clear, "PNG")).small, SMALL).getpixel((9, 9))[0] > 250


def a_program(folder: Path, words: str) -> Path:
    path = folder / "program.py"
    path.write_text(words)
    return path


@pytest.mark.parametrize(
    "words",
    [
        "import sys; sys.stdin.buffer.read(); sys.stdout.write('x' * 50_000_000)",
        "import time; time.sleep(600)",
        "raise SystemExit(1)",
        "print('{\"pictures\": [[9, 9, 4], [9, 9, 4]]}'); print('abcdabcd')",
        "print('[]')",
        "print('{\"pictures\": [[[], 9, 4], [9, 9, 4]]}')",
    ],
)
def test_a_darkroom_that_was_taken_over_gets_nothing_past_us(tmp_path, words):
    before = psutil.Process().memory_info().rss
    with pytest.raises(PhotoUnreadable):
        Darkroom(seconds=2, program=a_program(tmp_path, words)).develop(JPEG)
    assert psutil.Process().memory_info().rss - before < 20_000_000
    assert psutil.Process().children() == []


def test_it_finds_nothing_of_ours_in_its_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("CITYLIFE_SECRET_KEY", "never")
    program = a_program(tmp_path, f"import os; open({str(tmp_path / 'seen')!r}, 'w').write(repr(dict(os.environ)))")
    with pytest.raises(PhotoUnreadable):
        Darkroom(program=program).develop(JPEG)
    assert "CITYLIFE" not in (tmp_path / "seen").read_text()


TAKEN_OVER = """
import json, pathlib, resource, sys, time
sys.path.insert(0, {folder!r})
import darkroom
develops, said = darkroom.developed, json.loads(sys.argv[1])
said["cpu_seconds"] = 1
sys.argv[1] = json.dumps(said)
def developed(raw, bounds):
    {deed}
    return develops(raw, bounds)
darkroom.developed = developed
darkroom.main()
"""
"""The darkroom itself, but for a deed that a picture brought it to do before it is developed after all."""


def develop_after(folder: Path, deed: str) -> Developed:
    return Darkroom(program=a_program(folder, TAKEN_OVER.format(folder=str(PROGRAM.parent), deed=deed))).develop(JPEG)


def test_what_a_picture_does_within_the_bounds_is_let_be(tmp_path):
    assert develop_after(tmp_path, "bytearray(9_000_000), open('/dev/null')") == DARKROOM.develop(JPEG)


@pytest.mark.parametrize(
    ("deed", "why"),
    [
        ("bytearray(1_000_000_000)", PhotoTooLarge),
        ("held = [open('/dev/null') for _ in range(50)]", PhotoUnreadable),
        ("while time.process_time() < 5: pass", PhotoUnreadable),
        ("assert resource.getrlimit(resource.RLIMIT_CORE) != (0, 0)", PhotoUnreadable),
    ],
    ids=["a thousand million bytes", "fifty files", "more time than there is", "its memory left in a file"],
)
def test_what_a_picture_does_beyond_the_bounds_ends_it(tmp_path, deed, why):
    with pytest.raises(why):
        develop_after(tmp_path, deed)


def test_a_picture_writes_no_file(tmp_path):
    kept = tmp_path / "kept"
    with pytest.raises(PhotoUnreadable):
        develop_after(tmp_path, f"pathlib.Path({str(kept)!r}).write_text('x')")
    assert kept.read_bytes() == b"", "it may make one, and put nothing into it"


def test_few_are_developed_at_once_and_the_next_is_asked_to_come_back(tmp_path):
    gate = tmp_path / "gate"
    waits = f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.01)\nraise SystemExit(1)"
    room, refused = Darkroom(at_once=2, program=a_program(tmp_path, waits)), []

    def develop() -> None:
        try:
            room.develop(JPEG)
        except Refusal as refusal:
            refused.append(type(refusal))

    busy = [threading.Thread(target=develop) for _ in range(2)]
    for thread in busy:
        thread.start()
    while len(psutil.Process().children()) < 2:
        time.sleep(0.01)
    with pytest.raises(DarkroomFull) as full:
        room.develop(JPEG)
    assert full.value.headers["Retry-After"] == "5"
    gate.touch()
    for thread in busy:
        thread.join()
    assert refused == [PhotoUnreadable, PhotoUnreadable]
    with pytest.raises(PhotoUnreadable):
        room.develop(JPEG)


def test_what_it_writes_is_held_to_what_it_may_write():
    whole = DARKROOM.develop(JPEG)
    content = whole.large.content + whole.small.content
    sizes = [[part.width, part.height, len(part.content)] for part in (whole.large, whole.small)]
    line = f'{{"pictures": {sizes}}}\n'.encode()
    assert unpacked(line + content) == whole
    with pytest.raises(PhotoUnreadable):
        unpacked(line + content + MARK)
    with pytest.raises(PhotoUnreadable):
        unpacked(line + content[:-1])
    assert sys.platform == "linux", "the limits are Linux's"
