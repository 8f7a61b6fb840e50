"""The point that stands for a GeoJSON geometry (RFC 7946): of a building its centroid, of a line the middle.

At the size of a building degrees are as good as a plane.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

Point = tuple[float, float]
DECIMALS: Final = 7
"""Of a degree: about a centimetre, and what OpenStreetMap keeps."""
_CORNERS: Final = 3


def middle(geometry: Any) -> Point | None:
    """Latitude and longitude of the point that stands for a geometry; None where there is none, or it is nonsense."""
    try:
        longitude, latitude = _middle(geometry)
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, ZeroDivisionError, OverflowError):
        return None
    if not (math.isfinite(latitude) and math.isfinite(longitude)):
        return None
    return round(latitude, DECIMALS), round(longitude, DECIMALS)


def _middle(geometry: Any) -> Point:
    coordinates = geometry["coordinates"]
    match geometry["type"]:
        case "Point":
            return _point(coordinates)
        case "MultiPoint":
            return _mean([_point(point) for point in coordinates])
        case "LineString":
            return _line_middle([_point(point) for point in coordinates])
        case "Polygon":
            return _centroid([coordinates[0]])
        case "MultiPolygon":
            return _centroid([polygon[0] for polygon in coordinates])
    raise ValueError(geometry["type"])


def _point(position: Any) -> Point:
    longitude, latitude = position[0], position[1]
    if any(isinstance(number, bool) or not isinstance(number, int | float) for number in (longitude, latitude)):
        raise TypeError(position)
    return float(longitude), float(latitude)


def _mean(points: Sequence[Point]) -> Point:
    return sum(point[0] for point in points) / len(points), sum(point[1] for point in points) / len(points)


def _line_middle(points: Sequence[Point]) -> Point:
    """The point halfway along a line; a closed one is taken for the outline of what it runs around."""
    if len(points) > _CORNERS and points[0] == points[-1]:
        return _centroid([points])
    lengths = [math.dist(start, end) for start, end in pairwise(points)]
    left = sum(lengths) / 2
    for (start, end), length in zip(pairwise(points), lengths, strict=True):
        if length and left <= length:
            return start[0] + (end[0] - start[0]) * left / length, start[1] + (end[1] - start[1]) * left / length
        left -= length
    return points[0]


def _centroid(rings: Sequence[Any]) -> Point:
    """The centroid of outer rings, each weighing its area (the shoelace formula); holes are left out of account."""
    outlines = [[_point(point) for point in ring] for ring in rings]
    corner = outlines[0][0]
    area = east = north = 0.0
    for outline in outlines:
        around = [(x - corner[0], y - corner[1]) for x, y in outline]
        crosses = [x * v - u * y for (x, y), (u, v) in zip(around, around[1:] + around[:1], strict=True)]
        sign = -1.0 if sum(crosses) < 0 else 1.0
        for (x, y), (u, v), cross in zip(around, around[1:] + around[:1], crosses, strict=True):
            area += sign * cross
            east += sign * cross * (x + u)
            north += sign * cross * (y + v)
    if not area:
        return _mean([point for outline in outlines for point in outline])
    return corner[0] + east / (3 * area), corner[1] + north / (3 * area)
