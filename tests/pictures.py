"""Pictures that tests send: small drawings in any format, as plain bytes."""

import io
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

from PIL import Image, ImageDraw

from citylife.photos import Developed, Picture


def a_drawing(width: int = 400, height: int = 300, colour: str = "sienna", mode: str = "RGB") -> Image.Image:
    """A loaf on a table: the upper left corner is light, so that one sees how it was turned."""
    drawing = Image.new("RGB", (width, height), colour)
    draw = ImageDraw.Draw(drawing)
    draw.rectangle((0, 0, width // 2, height // 2), fill="ivory")
    draw.ellipse((width // 3, height // 3, width - 9, height - 9), fill="goldenrod", outline="black")
    return drawing.convert(mode)


def saved(image: Image.Image, form: str = "JPEG", **options: Any) -> bytes:
    """A picture as a file of a format."""
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


@cache
def a_developed_picture(colour: str = "sienna") -> Developed:
    """A picture as the darkroom gives it back, without having been there."""
    large, small = a_drawing(1200, 900, colour), a_drawing(640, 480, colour)
    return Developed(
        Picture(1200, 900, saved(large, "WEBP", quality=50)), Picture(640, 480, saved(small, "WEBP", quality=50))
    )


def developed_pictures(count: int) -> Iterator[Developed]:
    """So many different pictures: one, with a number behind it that no reader of pictures looks at."""
    one = a_developed_picture()
    for number in range(count):
        yield replace(one, large=replace(one.large, content=one.large.content + bytes([number])))
