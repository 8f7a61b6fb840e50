"""The darkroom: a program of its own that reads one picture from its input and writes it developed, or says why not.

It is run for one picture (`python -I darkroom.py`), without our environment and without a module of ours. What decodes
strangers' bytes is written in C: whatever it may be brought to do, it does here, in little memory and a few seconds.
What it writes is drawn anew from pixels alone: no EXIF, position, colour profile, comment, or byte behind the end.
"""

import io
import json
import resource
import struct
import sys
from dataclasses import dataclass
from typing import Final, NoReturn

from PIL import Image, ImageCms

FORMATS: Final = ("JPEG", "PNG", "WEBP")
QUALITIES: Final = (80, 68, 56, 44, 32)
SMALLER: Final = 0.8
ORIENTATION: Final = 0x0112
UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""How a picture of an EXIF orientation is set upright (TIFF 6.0, tag 274)."""
WHITE: Final = (255, 255, 255)


@dataclass(frozen=True)
class Bounds:
    """What the darkroom may use, takes and makes: `citylife.photos.developing` says what each is."""

    memory: int
    cpu_seconds: int
    most_points: int
    most_points_whole: int
    least_side: int
    flattest: int
    sizes: tuple[tuple[int, int], ...]


def confine(bounds: Bounds) -> None:
    """Let this process have no more than it needs, whatever happens to it, and never again."""
    for kind, most in (
        (resource.RLIMIT_AS, bounds.memory),
        (resource.RLIMIT_CPU, bounds.cpu_seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 16),
    ):
        resource.setrlimit(kind, (most, most))


def developed(raw: bytes, bounds: Bounds) -> list[tuple[Image.Image, bytes]]:
    """The picture in every size, the largest first, each with its bytes."""
    with Image.open(io.BytesIO(raw), formats=FORMATS) as image:
        check(image, bounds)
        orientation = upright(image)
        largest = bounds.sizes[0][0]
        image.draft(None, (largest, largest))
        profile = image.info.get("icc_profile")
        seen = fitted(opaque(image), largest)
    if orientation is not None:
        seen = seen.transpose(orientation)
    if isinstance(profile, bytes):
        seen = in_common_colours(seen, profile)
    return [written(fitted(seen, longest), most) for longest, most in bounds.sizes]


def check(image: Image.Image, bounds: Bounds) -> None:
    """Go on only with a picture of a sound size, which its header says before any of it is decoded."""
    width, height = image.size
    if width * height > (bounds.most_points if image.format in {"JPEG", "MPO"} else bounds.most_points_whole):
        refuse("too-large")
    if min(width, height) < bounds.least_side or max(width, height) > bounds.flattest * min(width, height):
        refuse("too-small")


def refuse(why: str) -> NoReturn:
    """Say why the picture is not developed, and end."""
    tell({"refused": why})
    sys.exit()


def tell(said: dict[str, object]) -> None:
    """Write a line of JSON; the bytes of the pictures follow it."""
    sys.stdout.buffer.write(json.dumps(said).encode() + b"\n")


def upright(image: Image.Image) -> Image.Transpose | None:
    """How the picture has to be turned, by its EXIF; one that cannot be read says nothing."""
    try:
        return UPRIGHT.get(image.getexif().get(ORIENTATION, 1))
    except (ValueError, SyntaxError, TypeError, struct.error, OSError):
        return None


def opaque(image: Image.Image) -> Image.Image:
    """The first picture of the file in red, green and blue, on white where one sees through."""
    if image.mode.startswith("I"):
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L").convert("RGB")
    if "A" not in image.mode and "a" not in image.mode and "transparency" not in image.info:
        return image.convert("RGB")
    seen = image.convert("RGBA")
    ground = Image.new("RGB", seen.size, WHITE)
    ground.paste(seen, mask=seen.getchannel("A"))
    return ground


def fitted(image: Image.Image, longest: int) -> Image.Image:
    """The picture with a long side of at most so many points."""
    share = longest / max(image.size)
    if share >= 1:
        return image
    size = max(1, round(image.width * share)), max(1, round(image.height * share))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def in_common_colours(image: Image.Image, profile: bytes) -> Image.Image:
    """The picture in sRGB, which everybody takes a picture without a profile for; as it is where the profile is bad."""
    try:
        there = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        found = ImageCms.profileToProfile(image, there, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return image
    return image if found is None else found


def written(image: Image.Image, most: int) -> tuple[Image.Image, bytes]:
    """The picture as WebP of at most so many bytes: less fine first, then smaller; only its points go along."""
    bare = Image.frombytes("RGB", image.size, image.tobytes())
    while True:
        for quality in QUALITIES:
            stream = io.BytesIO()
            bare.save(stream, "WEBP", quality=quality, method=4)
            if stream.tell() <= most:
                return bare, stream.getvalue()
        bare = fitted(bare, int(max(bare.size) * SMALLER))


def main() -> None:
    """Develop what comes in, within the bounds of the only argument; what cannot be read ends in a failure."""
    said = json.loads(sys.argv[1])
    bounds = Bounds(**{**said, "sizes": tuple(map(tuple, said["sizes"]))})
    confine(bounds)
    Image.MAX_IMAGE_PIXELS = None  # `check` looks at the size first
    try:
        pictures = developed(sys.stdin.buffer.read(), bounds)
    except MemoryError:
        refuse("too-large")
    tell({"pictures": [[*image.size, len(content)] for image, content in pictures]})
    for _, content in pictures:
        sys.stdout.buffer.write(content)


if __name__ == "__main__":
    main()
