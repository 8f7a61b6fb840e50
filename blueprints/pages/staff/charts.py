"""Drawings of the pilot's figures by ReportLab, the same on a page (SVG) and on paper (PDF); told by shape, not colour.

A point that is told is a filled disc on a line, its interval an upright line through it with a bar at each end; one
that is withheld is a hollow square on the axis, without a line. A target is a dashed line. On a map, a disc's area is
as its figure. The words beside say all of it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any, Final

from babel.numbers import format_decimal

WIDTH, HEIGHT, NARROW = 640, 260, 320
LEFT, RIGHT, BOTTOM, TOP = 64, 16, 44, 16
SIDE: Final = 6
DASH: Final = 10
WHISKER: Final = 1.3
FONT: Final = "Helvetica"
LARGEST_DISC: Final = 26
SMALL: Final = 8.5
"""The size of words on a map."""
STEPS: Final = 4
ROUND: Final = (1, 2, 5, 10)
A_LABEL: Final = 60
"""As wide as a label under a curve may be."""


@dataclass(frozen=True, slots=True)
class Point:
    """A period of a curve: what stands under it, its told value (None: withheld), its target where it has one.

    `apart` where it does not follow the point before it at once: no line leads there.
    """

    label: str
    value: float | None
    target: float | None = None
    apart: bool = False
    low: float | None = None
    high: float | None = None
    """The bounds of its interval, where it has one."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A territory on a map: where, what it is called, its told value (None: withheld)."""

    name: str
    latitude: float
    longitude: float
    value: float | None


@dataclass(frozen=True, slots=True)
class Box:
    """A part of a drawing."""

    left: float
    bottom: float
    right: float
    top: float

    def common(self, other: "Box") -> float:
        """How much of it another covers."""
        across = min(self.right, other.right) - max(self.left, other.left)
        up = min(self.top, other.top) - max(self.bottom, other.bottom)
        return max(across, 0) * max(up, 0)


def curve(points: Sequence[Point], locale: str, *, width: int = WIDTH) -> Any:
    """The drawing of a measure over its periods; the axis begins at nought, or below where a value does."""
    from reportlab.graphics import shapes  # noqa: PLC0415 - few requests need it

    drawing = shapes.Drawing(width, HEIGHT)
    drawing.add(shapes.Rect(0, 0, width, HEIGHT, fillColor=_white(), strokeColor=None))
    told = ((point.value, point.target, point.low, point.high) for point in points)
    known = [value for each in told for value in each if value is not None]
    least, most, step = _axis(min([0, *known]), max([0, *known]))
    across, up = (width - LEFT - RIGHT) / max(len(points), 1), (HEIGHT - BOTTOM - TOP) / (most - least)

    def height(value: float) -> float:
        return BOTTOM + (value - least) * up

    for number in range(round((most - least) / step) + 1):
        value = least + number * step
        drawing.add(shapes.Line(LEFT, height(value), width - RIGHT, height(value), strokeWidth=0.4))
        drawing.add(_words(LEFT - 8, height(value) - 4, axis_words(value, locale), "end"))
    middles = [LEFT + across * (number + 0.5) for number in range(len(points))]
    every = math.ceil(A_LABEL * len(points) / (width - LEFT - RIGHT))
    before: tuple[float, float] | None = None
    for number, (x, point) in enumerate(zip(middles, points, strict=True)):
        if number % every == 0:
            drawing.add(_words(x, BOTTOM - 22, point.label, "middle"))
        if point.target is not None:
            y = height(point.target)
            for dash in range(round(across / DASH)):
                left = x - across / 2 + dash * DASH
                drawing.add(shapes.Line(left, y, left + DASH * 0.6, y, strokeWidth=1.6))
        if point.value is None:
            drawing.add(
                shapes.Rect(x - SIDE / 2, height(0) - SIDE / 2, SIDE, SIDE, fillColor=_white(), strokeWidth=1.2)
            )
            before = None
            continue
        here = (x, height(point.value))
        for line in _whisker(x, [height(bound) for bound in (point.low, point.high) if bound is not None]):
            drawing.add(line)
        if before is not None and not point.apart:
            drawing.add(shapes.Line(*before, *here, strokeWidth=2))
        drawing.add(shapes.Circle(*here, 4, fillColor=_black(), strokeColor=_black()))
        before = here
    return drawing


def _whisker(x: float, bounds: Sequence[float]) -> list[Any]:
    """An upright line between the bounds of an interval, and a bar at each; nothing without bounds."""
    from reportlab.graphics import shapes  # noqa: PLC0415 - few requests need it

    bars = [(x - SIDE, y, x + SIDE, y) for y in bounds]
    upright = [(x, least, x, most) for least, most in pairwise(bounds)]
    return [shapes.Line(*ends, strokeWidth=WHISKER) for ends in (*bars, *upright)]


def axis_words(value: float, locale: str) -> str:
    """A number of an axis as the locale writes it, with spaces that the font has."""
    return str(format_decimal(value, locale=locale)).replace("\N{NARROW NO-BREAK SPACE}", "\N{NO-BREAK SPACE}")


def territory(spots: Sequence[Spot], locale: str) -> Any:
    """The drawing of a territory with a disc at the centre of each area, north above; a withheld one is a square.

    Beside each stands what it is called and, where it is told, its figure.
    """
    from reportlab.graphics import shapes  # noqa: PLC0415 - few requests need it

    side, margin = WIDTH, LARGEST_DISC + 30
    south, north = (bound(spot.latitude for spot in spots) for bound in (min, max))
    west, east = (bound(spot.longitude for spot in spots) for bound in (min, max))
    narrow = math.cos(math.radians((south + north) / 2))
    scale = (side - 2 * margin) / max((east - west) * narrow, 1e-6)
    tall = (north - south) * scale + 2 * margin
    drawing = shapes.Drawing(side, tall)
    drawing.add(shapes.Rect(0, 0, side, tall, fillColor=_white(), strokeColor=_black(), strokeWidth=0.5))
    largest = max((spot.value or 0 for spot in spots), default=0) or 1
    symbols: list[tuple[Spot, Box]] = []
    for spot in sorted(spots, key=lambda spot: -(spot.value or 0)):
        x, y = margin + (spot.longitude - west) * narrow * scale, margin + (spot.latitude - south) * scale
        if spot.value is None:
            drawing.add(shapes.Rect(x - 4, y - 4, 8, 8, fillColor=_white(), strokeWidth=1.2))
            radius = 5.0
        else:
            radius = max(LARGEST_DISC * math.sqrt(max(spot.value, 0) / largest), 1.5)
            drawing.add(shapes.Circle(x, y, radius, fillColor=_grey(), strokeColor=_black(), strokeWidth=1))
        symbols.append((spot, Box(x - radius, y - radius, x + radius, y + radius)))
    taken = [symbol for _, symbol in symbols]
    for spot, symbol in symbols:
        label = spot.name if spot.value is None else f"{spot.name}\N{NO-BREAK SPACE}: {axis_words(spot.value, locale)}"
        box = _room_for(label, symbol, taken)
        taken.append(box)
        drawing.add(_words(box.left, box.bottom + 2, label, "start", size=SMALL))
    return drawing


def _room_for(label: str, symbol: Box, taken: Sequence[Box]) -> Box:
    """Where a label stands: below its spot, above, right or left of it, wherever it covers least of what is there."""
    from reportlab.pdfbase.pdfmetrics import stringWidth  # noqa: PLC0415 - few requests need it

    wide, tall, gap = stringWidth(label, FONT, SMALL), SMALL + 1, 2
    x, y = (symbol.left + symbol.right) / 2, (symbol.bottom + symbol.top) / 2
    middle = min(max(x - wide / 2, gap), WIDTH - gap - wide)
    corners = (
        (middle, symbol.bottom - gap - tall),
        (middle, symbol.top + gap),
        (symbol.right + gap, y - tall / 2),
        (symbol.left - gap - wide, y - tall / 2),
    )
    boxes = [Box(left, bottom, left + wide, bottom + tall) for left, bottom in corners]
    within = [box for box in boxes if box.left >= 0 and box.right <= WIDTH]
    return min(within, key=lambda box: sum(box.common(other) for other in taken))


def svg(drawing: Any, title: str) -> bytes:
    """A drawing as an SVG to be shown as a picture; it bears its title."""
    from reportlab.graphics import renderSVG  # noqa: PLC0415 - few requests need it

    written: str = renderSVG.drawToString(drawing)
    return written.replace("<title>...</title>", f"<title>{escape(title)}</title>").encode()


def _axis(least: float, most: float) -> tuple[float, float, float]:
    """From where to where an axis goes, and in which round steps."""
    span = max(most - least, 1)
    power = 10 ** math.floor(math.log10(span / STEPS))
    step = max(next(each * power for each in ROUND if each * power * STEPS >= span), 1)
    return math.floor(least / step) * step, max(math.ceil(most / step), 1) * step, step


def _words(x: float, y: float, words: str, anchor: str, *, size: float = 11) -> Any:
    from reportlab.graphics import shapes  # noqa: PLC0415 - few requests need it

    return shapes.String(x, y, words, fontName=FONT, fontSize=size, textAnchor=anchor, fillColor=_black())


def _white() -> Any:
    return _colour(1)


def _grey() -> Any:
    return _colour(0.72)


def _black() -> Any:
    return _colour(0)


def _colour(light: float) -> Any:
    from reportlab.lib.colors import Color  # noqa: PLC0415 - few requests need it

    return Color(light, light, light)
