"""Pictures that somebody might send to hurt, by what they are: each is made when it is wanted."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Final

from PIL import Image, PngImagePlugin

from citylife.errors import Refusal
from citylife.photos import MOST_BYTES, PhotoTooHeavy, PhotoTooLarge, PhotoTooSmall, PhotoUnreadable
from tests.pictures import a_drawing, saved

MARK: Final = b"<script>alert('Rue du Secret 12')</script>"
"""What must be nowhere in a developed picture."""
GPS: Final = Image.Exif()
GPS[0x0112] = 6
GPS[0x010E] = MARK.decode()
GPS[0x8825] = {1: "N", 2: (50.0, 31.0, 48.0), 3: "E", 4: (2.0, 38.0, 25.0)}
UNREADABLE, LARGE_ONE, SMALL_ONE = PhotoUnreadable, PhotoTooLarge, PhotoTooSmall


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width: int, height: int, content: bytes, *more: bytes, depth: int = 8, colour: int = 2) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + chunk(b"IDAT", content) + chunk(b"IEND", b"")


def jpeg_of(width: int, height: int) -> bytes:
    """A JPEG whose header says another size than its content has."""
    whole = bytearray(saved(a_drawing()))
    at = whole.index(b"\xff\xc0") + 5
    whole[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(whole)


def webp_of(width: int, height: int) -> bytes:
    """A WebP whose canvas is as large as it likes to say."""
    small = saved(a_drawing(), "WEBP", lossless=True)
    head = b"VP8X" + struct.pack("<II", 10, 0) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBP" + head + small[12:]
    return b"RIFF" + struct.pack("<I", len(body)) + body


def zipped(content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("page.html", content)
    return stream.getvalue()


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    bands = [Image.effect_noise((width, height), 90) for _ in range(3)]
    return Image.merge("RGB", bands).convert(mode)


def frames(form: str, count: int = 12) -> bytes:
    first, *others = (a_drawing(colour=colour) for colour in ("sienna", "navy", "teal") * (count // 3))
    return saved(first, form, save_all=True, append_images=others, duration=40)


def texts(many: int, size: int) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    for number in range(many):
        info.add_text(f"Comment{number}", MARK.decode() + "x" * size, zip=True)
    return info


def flipped(raw: bytes, every: int) -> bytes:
    damaged = bytearray(raw)
    for at in range(200, len(damaged), every):
        damaged[at] ^= 0x55
    return bytes(damaged)


JPEG, PNG, WEBP = saved(a_drawing()), saved(a_drawing(), "PNG"), saved(a_drawing(), "WEBP")
ROWS = zlib.compress(b"\0" * 30_000_000, 9)
LONG = a_drawing(900, 300)
Hostile = Callable[[], bytes]

REFUSED: dict[str, tuple[Hostile, type[Refusal]]] = {
    "nothing": (lambda: b"", UNREADABLE),
    "one byte": (lambda: b"\xff", UNREADABLE),
    "zeros": (lambda: bytes(100_000), UNREADABLE),
    "the head of a jpeg alone": (lambda: b"\xff\xd8\xff\xe0", UNREADABLE),
    "the head of a png alone": (lambda: b"\x89PNG\r\n\x1a\n", UNREADABLE),
    "the head of a webp alone": (lambda: b"RIFF\xff\xff\xff\xffWEBP", UNREADABLE),
    "a page": (lambda: b"<!doctype html>" + MARK, UNREADABLE),
    "a drawing in svg": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg">' + MARK + b"</svg>", UNREADABLE),
    "entities in svg": (lambda: b'<!DOCTYPE s [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><svg>&b;</svg>', UNREADABLE),
    "a pdf": (lambda: b"%PDF-1.7\n" + MARK, UNREADABLE),
    "a zip": (lambda: zipped(MARK), UNREADABLE),
    "a zip bomb": (lambda: zipped(bytes(50_000_000)), UNREADABLE),
    "a program": (lambda: b"\x7fELF" + bytes(4000), UNREADABLE),
    "postscript": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) (r) file", UNREADABLE),
    "a gif": (lambda: saved(a_drawing(), "GIF"), UNREADABLE),
    "a bitmap": (lambda: saved(a_drawing(), "BMP"), UNREADABLE),
    "a tiff": (lambda: saved(a_drawing(), "TIFF"), UNREADABLE),
    "an icon": (lambda: saved(a_drawing(256, 256), "ICO"), UNREADABLE),
    "a jpeg 2000": (lambda: b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(200), UNREADABLE),
    "a page that says jpeg": (lambda: b"\xff\xd8\xff\xe0" + MARK * 50, UNREADABLE),
    "a jpeg cut in its head": (lambda: JPEG[:150], UNREADABLE),
    "a jpeg cut in the middle": (lambda: JPEG[: len(JPEG) // 2], UNREADABLE),
    "a png cut in the middle": (lambda: PNG[: len(PNG) // 2], UNREADABLE),
    "a webp cut in the middle": (lambda: WEBP[: len(WEBP) // 2], UNREADABLE),
    "a webp with holes": (lambda: flipped(WEBP, 12), UNREADABLE),
    "a png without rows": (lambda: png(400, 300, zlib.compress(b"")), UNREADABLE),
    "a png of no width": (lambda: png(0, 300, ROWS), UNREADABLE),
    "a png of an unknown depth": (lambda: png(400, 300, ROWS, depth=13), UNREADABLE),
    "a bomb of text in a png": (
        lambda: png(400, 300, ROWS, chunk(b"zTXt", b"c\0\0" + zlib.compress(bytes(200_000_000), 9))),
        UNREADABLE,
    ),
    "a png of a hundred million points": (lambda: png(10_000, 10_000, ROWS), LARGE_ONE),
    "a png as wide as can be said": (lambda: png(2**31 - 1, 2**31 - 1, ROWS), LARGE_ONE),
    "a png a little too large": (lambda: png(4_001, 4_000, ROWS), LARGE_ONE),
    "a jpeg of a hundred million points": (lambda: saved(Image.new("L", (10_000, 10_000)), quality=20), LARGE_ONE),
    "a jpeg as wide as can be said": (lambda: jpeg_of(65_535, 65_535), LARGE_ONE),
    "a strip": (lambda: saved(a_drawing(4_000, 201)), SMALL_ONE),
    "a line": (lambda: png(1_000_000, 1, ROWS), SMALL_ONE),
    "a point": (lambda: saved(Image.new("RGB", (1, 1)), "PNG"), SMALL_ONE),
    "a thumbnail": (lambda: saved(a_drawing(199, 199)), SMALL_ONE),
    "more bytes than are taken": (lambda: JPEG + bytes(MOST_BYTES), PhotoTooHeavy),
}
EITHER: dict[str, Hostile] = {
    "a webp as large as can be said": lambda: webp_of(16_384, 16_384),
    "a jpeg that says more rows than it has": lambda: jpeg_of(400, 20_000 // 16),
    "a png whose sums are wrong": lambda: flipped(PNG, 40),
    "a jpeg with holes": lambda: flipped(JPEG, 97),
    "a png of many rows and no bytes": lambda: png(4_000, 4_000, ROWS),
    "a progressive jpeg of forty million points": lambda: saved(
        Image.new("RGB", (8_000, 5_000), "sienna"), progressive=True, subsampling=0
    ),
}
HARMLESS: dict[str, Hostile] = {
    "where it was taken": lambda: saved(a_drawing(), exif=GPS, comment=MARK),
    "where it was taken, in a png": lambda: saved(a_drawing(), "PNG", exif=GPS, pnginfo=texts(3, 10)),
    "where it was taken, in a webp": lambda: saved(a_drawing(), "WEBP", exif=GPS.tobytes(), xmp=MARK),
    "a broken exif": lambda: saved(a_drawing(), exif=b"Exif\0\0MM\0*" + b"\xff" * 200),
    "a profile of nonsense": lambda: saved(a_drawing(), icc_profile=MARK * 100),
    "a page behind a jpeg": lambda: JPEG + MARK,
    "a zip behind a jpeg": lambda: JPEG + zipped(MARK),
    "a page behind a png": lambda: PNG + MARK,
    "a chunk of a page in a png": lambda: PNG[:33] + chunk(b"htMl", MARK) + PNG[33:],
    "an animated png": lambda: frames("PNG"),
    "an animated webp": lambda: frames("WEBP"),
    "four inks": lambda: saved(a_drawing(mode="CMYK")),
    "a palette one sees through": lambda: saved(a_drawing(mode="P"), "PNG", transparency=0),
    "sixteen bits of grey": lambda: saved(a_drawing(mode="L").convert("I;16"), "PNG"),
    "black and white": lambda: saved(a_drawing(mode="1"), "PNG"),
    "grey one sees through": lambda: saved(a_drawing(mode="LA"), "PNG"),
    "a webp one sees through": lambda: saved(a_drawing(mode="RGBA"), "WEBP"),
    "noise that hardly shrinks": lambda: saved(noise(2_000, 1_500), quality=60),
    "a large webp": lambda: saved(Image.new("RGB", (4_000, 4_000), "navy"), "WEBP"),
    "a large png one sees through": lambda: saved(Image.new("RGBA", (4_000, 4_000), (0, 0, 90, 128)), "PNG"),
}
