"""The territory: its 100 communes (INSEE, IGN), their cells, and the distances between points.

Positions are degrees WGS 84, distances metres, cells H3 indexes of resolution 7 (about 4.5 km² here).
"""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Final

import h3
from sqlalchemy import BigInteger, ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from citylife.database import Base
from citylife.geodesics import ways

CELL_RESOLUTION: Final = 7
CELL_DIGITS: Final = 15
CELL_KM2: Final = 4.5
"""What a cell of resolution 7 covers here, square kilometres."""
DENSE_ENOUGH: Final = 1_000
"""People a cell must hold on average for a cell to be accepted as somebody's place."""
EARTH_RADIUS: Final = 6_371_008.8
"""Mean Earth radius R1, metres (IUGG)."""
SHOPS_REMEMBERED: Final = 1_024
"""Positions of shops, each with a radius, whose cells are kept in memory; 20 km around hold some 180 cells."""


class Commune(Base):
    """One of the 100 communes: legal population (INSEE), postal codes, centre and area (IGN)."""

    __tablename__ = "communes"

    insee_code: Mapped[str] = mapped_column(String(5), primary_key=True)
    siren: Mapped[str] = mapped_column(String(9))
    name: Mapped[str] = mapped_column(String(80))
    population: Mapped[int]
    postal_codes: Mapped[list[str]]
    latitude: Mapped[float]
    longitude: Mapped[float]
    area_km2: Mapped[float]


class CommuneCell(Base):
    """A cell that touches a commune; a border cell touches several."""

    __tablename__ = "commune_cells"

    insee_code: Mapped[str] = mapped_column(String(5), ForeignKey("communes.insee_code"), primary_key=True)
    cell: Mapped[int] = mapped_column(BigInteger, primary_key=True, index=True)


@dataclass(frozen=True, slots=True)
class CommuneFacts:
    """What `citylife/data` knows of a commune, before and without any database."""

    insee_code: str
    siren: str
    name: str
    population: int
    postal_codes: tuple[str, ...]
    latitude: float
    longitude: float
    area_km2: float
    cells: frozenset[int]

    @property
    def people_per_cell(self) -> float:
        """How many of its people live on as much land as a cell covers, on average."""
        return self.population / self.area_km2 * CELL_KM2


@cache
def communes() -> Mapping[str, CommuneFacts]:
    """The 100 communes by INSEE code, in the order of their codes."""
    cells: dict[str, set[int]] = {}
    with files("citylife").joinpath("data", "commune-cells.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            cells.setdefault(row["insee_code"], set()).add(h3.str_to_int(row["h3_res7"]))
    with files("citylife").joinpath("data", "communes.csv").open(encoding="utf-8") as stream:
        return {
            row["insee_code"]: CommuneFacts(
                insee_code=row["insee_code"],
                siren=row["siren"],
                name=row["name"],
                population=int(row["population_municipale"]),
                postal_codes=tuple(row["postal_codes"].replace("|", " ").replace(";", " ").split()),
                latitude=float(row["latitude"]),
                longitude=float(row["longitude"]),
                area_km2=float(row["area_km2"]),
                cells=frozenset(cells[row["insee_code"]]),
            )
            for row in csv.DictReader(stream)
        }


def cell_at(latitude: float, longitude: float) -> int:
    """The cell of resolution 7 that holds the point."""
    return int(h3.str_to_int(h3.latlng_to_cell(latitude, longitude, CELL_RESOLUTION)))


def read_cell(text: str) -> int | None:
    """The cell of resolution 7 that a text names (15 hexadecimal digits); None when it names none."""
    if len(text) != CELL_DIGITS or not text.isascii() or not h3.is_valid_cell(text):
        return None
    return int(h3.str_to_int(text)) if h3.get_resolution(text) == CELL_RESOLUTION else None


def written_cell(cell: int) -> str:
    """A cell as it is written: 15 hexadecimal digits."""
    return str(h3.int_to_str(cell))


def centre_of(cell: int) -> tuple[float, float]:
    """The latitude and longitude of a cell's centre."""
    latitude, longitude = h3.cell_to_latlng(written_cell(cell))
    return float(latitude), float(longitude)


@cache
def communes_by_cell() -> Mapping[int, tuple[CommuneFacts, ...]]:
    """The communes that each cell of the territory touches, in the order of their codes."""
    found: dict[int, tuple[CommuneFacts, ...]] = {}
    for facts in communes().values():
        for cell in facts.cells:
            found[cell] = (*found.get(cell, ()), facts)
    return found


def commune_of(latitude: float, longitude: float) -> CommuneFacts | None:
    """The commune of a point: the nearest centre among those whose cells hold it; None outside the territory."""
    around = communes_by_cell().get(cell_at(latitude, longitude), ())
    return min(around, key=lambda facts: haversine(latitude, longitude, facts.latitude, facts.longitude), default=None)


def may_be_a_place(cell: int) -> bool:
    """Whether a cell may be kept as somebody's place: every commune that it touches is dense enough.

    The cell alone decides, not where in it somebody stands: otherwise a cell that only a corner of a dense commune
    touches would tell that she is in this corner.
    """
    around = communes_by_cell().get(cell, ())
    return bool(around) and all(facts.people_per_cell >= DENSE_ENOUGH for facts in around)


def near_cells(latitude: float, longitude: float, radius: float) -> frozenset[int]:
    """The cells of the territory whose nearest edge lies within `radius` metres of the point; its own cell always.

    Distances are geodesic (WGS 84), exact to a centimetre within 50 km.
    """
    return _near(latitude, longitude, radius)[0]


def near_communes(latitude: float, longitude: float, radius: float) -> frozenset[str]:
    """The INSEE codes of the communes that have a cell whose nearest edge lies within `radius` metres of the point."""
    return _near(latitude, longitude, radius)[1]


@lru_cache(maxsize=SHOPS_REMEMBERED)
def _near(latitude: float, longitude: float, radius: float) -> tuple[frozenset[int], frozenset[str]]:
    """The cells and the communes within the radius."""
    cells = frozenset(_cells_away(latitude, longitude, radius))
    around = communes_by_cell()
    return cells, frozenset(facts.insee_code for cell in cells for facts in around[cell])


def areas_away(latitude: float, longitude: float, radius: float) -> Mapping[int | str, float]:
    """How far from the point the nearest edge of each area within `radius` metres lies, in metres; 0 for its own.

    An area is a cell, or a commune by its INSEE code: what `near_cells` and `near_communes` take of them for a smaller
    radius is exactly what lies within that radius here.
    """
    cells = _cells_away(latitude, longitude, radius)
    found: dict[int | str, float] = {}
    around = communes_by_cell()
    for cell, away in cells.items():
        found[cell] = away
        for facts in around[cell]:
            found[facts.insee_code] = min(away, found.get(facts.insee_code, math.inf))
    return found


def _cells_away(latitude: float, longitude: float, radius: float) -> dict[int, float]:
    """The cells of the territory within the radius, and the metres to each.

    Rings of cells are looked at outwards until one lies wholly beyond the radius: the shortest way to a cell leads
    through every ring before its own, so nothing farther out can be near.
    """
    centre = written_cell(cell_at(latitude, longitude))
    found: dict[int, float] = {}
    ring = 0
    while within := _within(latitude, longitude, radius, [str(cell) for cell in h3.grid_ring(centre, ring)]):
        found.update(within)
        ring += 1
    around = communes_by_cell()
    return {cell: away for cell, away in found.items() if cell in around}


def _within(latitude: float, longitude: float, radius: float, cells: Sequence[str]) -> dict[int, float]:
    """Those of the cells that lie within the radius, and the metres to each; its own cell is no metre away.

    Corners are placed by azimuth and geodesic distance from the point, where edges of cells are straight to less than a
    millimetre at 20 km.
    """
    corners = [h3.cell_to_boundary(cell) for cell in cells]
    around = ways(latitude, longitude, [point for outline in corners for point in outline])
    placed = ((away * math.sin(azimuth), away * math.cos(azimuth)) for away, azimuth in around)
    own = written_cell(cell_at(latitude, longitude))
    metres = {
        cell: _distance_to_outline([next(placed) for _ in outline])
        for cell, outline in zip(cells, corners, strict=True)
    }
    metres.update({cell: 0.0 for cell in cells if cell == own})
    return {int(h3.str_to_int(cell)): distance for cell, distance in metres.items() if distance <= radius}


def _distance_to_outline(outline: Sequence[tuple[float, float]]) -> float:
    """Metres from the origin of a plane to the nearest point of a closed outline."""
    nearest = math.inf
    for (x, y), (next_x, next_y) in zip(outline, (*outline[1:], outline[0]), strict=True):
        dx, dy = next_x - x, next_y - y
        along = min(1.0, max(0.0, -(x * dx + y * dy) / (dx * dx + dy * dy)))
        nearest = min(nearest, math.hypot(x + along * dx, y + along * dy))
    return nearest


def haversine(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Metres between two points on a sphere: for sorting, never for showing (it errs by up to 0.5 %)."""
    phi, other_phi = math.radians(latitude), math.radians(other_latitude)
    half_dphi, half_dlambda = (other_phi - phi) / 2, math.radians(other_longitude - longitude) / 2
    chord = math.sin(half_dphi) ** 2 + math.cos(phi) * math.cos(other_phi) * math.sin(half_dlambda) ** 2
    return 2 * EARTH_RADIUS * math.asin(math.sqrt(chord))


def store_communes(session: Session) -> None:
    """Write the 100 communes and their cells into the database; a second time changes nothing."""
    for facts in communes().values():
        session.merge(
            Commune(
                insee_code=facts.insee_code,
                siren=facts.siren,
                name=facts.name,
                population=facts.population,
                postal_codes=list(facts.postal_codes),
                latitude=facts.latitude,
                longitude=facts.longitude,
                area_km2=facts.area_km2,
            )
        )
    session.flush()
    known = {(cell.insee_code, cell.cell) for cell in session.scalars(select(CommuneCell))}
    wanted = {(facts.insee_code, cell) for facts in communes().values() for cell in facts.cells}
    session.add_all(CommuneCell(insee_code=insee_code, cell=cell) for insee_code, cell in sorted(wanted - known))
    session.flush()
