"""Cells, communes and what is near: the same as a geodesic brute force says, edges and corners of cells above all."""

import math

import h3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from citylife.geodesics import distances, ways
from citylife.geography import (
    cell_at,
    centre_of,
    commune_of,
    communes,
    communes_by_cell,
    may_be_a_place,
    near_cells,
    near_communes,
    read_cell,
    written_cell,
)
from tests.builders import BETHUNE, GRAND_PLACE

GEOD = Geod(ellps="WGS84")
CELLS = sorted(communes_by_cell())
STEPS = 24
STEP = 2 * 1_500 / STEPS
"""An edge is shorter than 1,500 m, so that no two samples of one lie farther apart than half of this many metres."""


def sampled_distance(cell: int, latitude: float, longitude: float) -> float:
    """Metres from a point to the outline of a cell, found by walking along it in small steps; 0 inside."""
    if cell_at(latitude, longitude) == cell:
        return 0.0
    corners = h3.cell_to_boundary(written_cell(cell))
    samples = []
    for (lat, lon), (next_lat, next_lon) in zip(corners, (*corners[1:], corners[0]), strict=True):
        samples.append((lon, lat))
        samples += GEOD.npts(lon, lat, next_lon, next_lat, STEPS)
    many = len(samples)
    away = GEOD.inv([longitude] * many, [latitude] * many, *map(list, zip(*samples, strict=True)))[2]
    return min(away)


@st.composite
def points(draw: st.DrawFn) -> tuple[float, float]:
    """Points of the territory: anywhere in a cell, or hard by a corner or an edge of one."""
    cell = draw(st.sampled_from(CELLS))
    corners = h3.cell_to_boundary(written_cell(cell))
    index = draw(st.integers(0, len(corners) - 1))
    first, second, middle = corners[index], corners[(index + 1) % len(corners)], centre_of(cell)
    along = draw(st.one_of(st.just(0.0), st.floats(0, 1)))
    towards = draw(st.one_of(st.sampled_from((-1e-6, 0.0, 1e-6)), st.floats(-0.5, 1)))
    edge = [a + along * (b - a) for a, b in zip(first, second, strict=True)]
    latitude, longitude = (e + towards * (m - e) for e, m in zip(edge, middle, strict=True))
    return latitude, longitude


@given(points(), st.one_of(st.sampled_from((0, 1, 500, 5_000, 20_000)), st.floats(0, 20_000)))
def test_near_cells_are_those_whose_nearest_edge_lies_within_the_radius(point, radius):
    near = near_cells(*point, radius)

    for cell in CELLS:
        away = sampled_distance(cell, *point) if abs(rough(cell, point) - radius) < 2_500 else rough(cell, point)
        # The nearest point of an edge lies at most half a step beside a sample.
        if away <= radius:
            assert cell in near
        elif math.sqrt(max(0.0, away**2 - (STEP / 2) ** 2)) > radius + 0.01:
            assert cell not in near


def rough(cell: int, point: tuple[float, float]) -> float:
    """Metres to the middle of a cell: its outline is nearer by less than 1,500 m."""
    return distances(*point, [centre_of(cell)])[0]


@given(points(), st.sampled_from(CELLS))
def test_a_radius_that_just_reaches_a_cell_takes_it_in_and_one_centimetre_less_does_not(point, cell):
    away = nearest_on_outline(cell, *point)
    if 0 < away <= 20_000:
        assert cell in near_cells(*point, away + 0.01)
        assert cell not in near_cells(*point, away - 0.01) or cell_at(*point) == cell


def nearest_on_outline(cell: int, latitude: float, longitude: float) -> float:
    """Metres to the outline, by ternary search along each edge."""
    if cell_at(latitude, longitude) == cell:
        return 0.0
    corners = h3.cell_to_boundary(written_cell(cell))
    best = math.inf
    for (lat, lon), (next_lat, next_lon) in zip(corners, (*corners[1:], corners[0]), strict=True):
        azimuth, _, length = GEOD.inv(lon, lat, next_lon, next_lat)

        def away(metres: float, lat=lat, lon=lon, azimuth=azimuth) -> float:
            there = GEOD.fwd(lon, lat, azimuth, metres)
            return GEOD.inv(longitude, latitude, there[0], there[1])[2]

        low, high = 0.0, length
        for _ in range(60):
            third = (high - low) / 3
            if away(low + third) < away(high - third):
                high -= third
            else:
                low += third
        best = min(best, away((low + high) / 2))
    return best


def test_its_own_cell_is_near_however_small_the_radius():
    assert near_cells(*GRAND_PLACE, 0) == {cell_at(*GRAND_PLACE)}


@pytest.mark.parametrize("radius", [0, 3_000, 20_000])
def test_near_communes_are_those_with_a_near_cell(radius):
    near = near_cells(*GRAND_PLACE, radius)

    assert near_communes(*GRAND_PLACE, radius) == {
        insee_code for insee_code, facts in communes().items() if facts.cells & near
    }
    assert BETHUNE in near_communes(*GRAND_PLACE, radius)


def test_far_from_the_territory_nothing_is_near():
    assert near_cells(48.8566, 2.3522, 20_000) == frozenset()
    assert near_communes(48.8566, 2.3522, 20_000) == frozenset()


def test_distances_are_geodesic():
    # Geod's own inverse against the direct problem: 1,234.5 m to the north-east of the Grand-Place.
    longitude, latitude, _ = GEOD.fwd(GRAND_PLACE[1], GRAND_PLACE[0], 45, 1_234.5)

    assert distances(*GRAND_PLACE, [(latitude, longitude), GRAND_PLACE]) == pytest.approx([1_234.5, 0.0], abs=1e-6)
    assert distances(*GRAND_PLACE, []) == []


@given(st.floats(41, 52), st.floats(-5, 10), st.floats(0, 360), st.floats(0, 50_000))
def test_ways_are_true_to_a_tenth_of_a_millimetre_at_fifty_kilometres(latitude, longitude, azimuth, metres):
    there_longitude, there_latitude, _ = GEOD.fwd(longitude, latitude, azimuth, metres)

    ((away, towards),) = ways(latitude, longitude, [(there_latitude, there_longitude)])

    assert away == pytest.approx(metres, abs=1.5e-4)
    beside = metres * math.remainder(towards - math.radians(azimuth), math.tau)
    assert beside == pytest.approx(0, abs=1.5e-4)


def test_fifty_seven_communes_are_dense_enough_on_average():
    assert sum(facts.people_per_cell >= 1_000 for facts in communes().values()) == 57


def test_a_cell_may_be_a_place_only_where_every_commune_it_touches_is_dense_enough():
    for cell, around in communes_by_cell().items():
        assert may_be_a_place(cell) == all(facts.people_per_cell >= 1_000 for facts in around)
    assert may_be_a_place(cell_at(*GRAND_PLACE))
    assert not may_be_a_place(cell_at(48.8566, 2.3522))


def test_a_point_is_in_the_nearest_of_the_communes_that_share_its_cell():
    commune = commune_of(*GRAND_PLACE)

    assert commune is not None
    assert commune.insee_code == BETHUNE
    assert commune_of(48.8566, 2.3522) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "béthune",
        "871949d45fffff",
        "871949d45ffffff0",
        "861949d47ffffff",
        "881949d451fffff",
        "g71949d45ffffff",
        "８" * 15,
    ],
)
def test_what_is_no_cell_of_resolution_7_is_none(text):
    assert read_cell(text) is None


def test_a_cell_is_written_as_it_is_read():
    cell = cell_at(*GRAND_PLACE)
    assert read_cell(written_cell(cell)) == cell
