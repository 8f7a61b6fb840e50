"""Publication areas: each commune in one, none too small, each in one piece on the map."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from itertools import pairwise

import pytest

from citylife.geography import communes
from citylife.pilot.areas import AREAS_VERSION, LEAST_PEOPLE, area_of, areas
from tests.needs import needs_data


def neighbours() -> Mapping[str, set[str]]:
    """Which communes share a stretch of their outlines (IGN), by INSEE code."""
    outlines = needs_data("communes-cabbalr.geojson")
    along: defaultdict[frozenset[tuple[float, ...]], set[str]] = defaultdict(set)
    for feature in json.loads(outlines.read_text(encoding="utf-8"))["features"]:
        assert feature["geometry"]["type"] == "Polygon"
        for ring in feature["geometry"]["coordinates"]:
            for here, there in pairwise(tuple(point) for point in ring):
                along[frozenset((here, there))].add(feature["properties"]["code"])
    beside: defaultdict[str, set[str]] = defaultdict(set)
    for both in along.values():
        for commune in both:
            beside[commune] |= both - {commune}
    return beside


def test_each_commune_lies_in_exactly_one_area():
    merged = Counter(insee_code for area in areas().values() for insee_code in area.insee_codes)
    assert merged == Counter(communes().keys())
    for code, area in areas().items():
        assert area.code == code
        assert all(area_of(insee_code) == area for insee_code in area.insee_codes)


def test_an_area_holds_ten_thousand_people_at_least():
    assert LEAST_PEOPLE == 10_000
    assert min(area.population for area in areas().values()) >= 10_000
    assert sum(area.population for area in areas().values()) == sum(each.population for each in communes().values())


def test_one_can_walk_through_an_area_without_leaving_it():
    beside = neighbours()
    for area in areas().values():
        reached, ahead = {area.insee_codes[0]}, [area.insee_codes[0]]
        while ahead:
            found = beside[ahead.pop()] & set(area.insee_codes) - reached
            reached |= found
            ahead += found
        assert reached == set(area.insee_codes), area.name


def test_an_area_is_known_by_its_name_which_is_that_of_its_largest_commune():
    assert len({area.name for area in areas().values()}) == len(areas())
    for area in areas().values():
        largest = max((communes()[insee_code] for insee_code in area.insee_codes), key=lambda each: each.population)
        assert area.name.startswith(largest.name)
        assert (area.name == largest.name) == (len(area.insee_codes) == 1)


def test_bethune_and_bruay_are_areas_of_their_own_so_that_the_rest_can_be_told_apart():
    assert area_of("62119").insee_codes == ("62119",)
    assert area_of("62178").insee_codes == ("62178",)
    assert (AREAS_VERSION, len(areas())) == (1, 23)
    assert list(areas()) == [f"Z{number:02}" for number in range(1, 24)]


@pytest.mark.parametrize("insee_code", ["59350", ""])
def test_a_commune_from_elsewhere_lies_in_none(insee_code):
    with pytest.raises(KeyError):
        area_of(insee_code)
