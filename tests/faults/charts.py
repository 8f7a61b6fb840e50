"""Charts of a long run: one panel a measure, one line a series, as a plain SVG file that any browser opens."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Final

WIDTH: Final = 900
HEIGHT: Final = 140
LEFT: Final = 90
GAP: Final = 44
COLOURS: Final = ("#1f4e79", "#b8461b", "#2e7d32", "#6a1b9a", "#455a64")

Series = Mapping[str, Sequence[float]]


def draw(path: Path, title: str, hours: Sequence[float], panels: Mapping[str, Series]) -> None:
    """Write the panels over the hours of a day, each from zero to its own highest value."""
    parts = [f'<text x="{LEFT}" y="20" font-size="15">{escape(title)}</text>']
    for number, (name, series) in enumerate(panels.items()):
        parts += _panel(name, series, hours, 50 + number * (HEIGHT + GAP))
    height = 50 + len(panels) * (HEIGHT + GAP)
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 20}" height="{height}" '
        f'font-family="sans-serif" font-size="11">\n<rect width="100%" height="100%" fill="#fff"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n",
        encoding="utf-8",
    )


def _panel(name: str, series: Series, hours: Sequence[float], top: int) -> list[str]:
    highest = max((value for values in series.values() for value in values), default=0.0) or 1.0
    first, last = min(hours), max(hours)
    bottom = top + HEIGHT
    parts = [
        f'<text x="{LEFT}" y="{top - 6}" font-weight="bold">{escape(name)}</text>',
        f'<path d="M{LEFT} {top}V{bottom}H{LEFT + WIDTH}" fill="none" stroke="#999"/>',
        f'<text x="{LEFT - 6}" y="{top + 8}" text-anchor="end">{highest:,.1f}</text>',
        f'<text x="{LEFT - 6}" y="{bottom}" text-anchor="end">0</text>',
        *(
            f'<text x="{_across(hour, first, last):.1f}" y="{bottom + 14}" text-anchor="middle">{hour} h</text>'
            for hour in range(0, 25, 3)
            if first <= hour <= last
        ),
    ]
    for number, (label, values) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        points = " ".join(
            f"{_across(hour, first, last):.1f},{bottom - HEIGHT * value / highest:.1f}"
            for hour, value in zip(hours, values, strict=True)
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        parts.append(f'<text x="{LEFT + 200 + 150 * number}" y="{top - 6}" fill="{colour}">{escape(label)}</text>')
    return parts


def _across(hour: float, first: float, last: float) -> float:
    return LEFT + WIDTH * (hour - first) / ((last - first) or 1.0)
