"""What is read in an export of OpenStreetMap: a shop's facts, or why it is none; and what no file can do to us."""

import io
import json
import math
import tracemalloc

import pytest

from citylife.categories import BY_KEY, CATEGORIES, Policy
from citylife.imports import FileRefused, Kind, open_source, rows
from citylife.imports import openstreetmap as osm
from citylife.imports.geometry import middle
from citylife.imports.rows import NO_NAME, NO_POSITION
from tests.builders import BETHUNE, GRAND_PLACE, a_siret
from tests.imported import a_collection, a_feature, row_of, rows_of


def read(**tags):
    return row_of(a_collection(a_feature(**tags)))


def test_a_shop_is_read_with_its_facts():
    siret = a_siret()
    row = read(
        addr__housenumber="12",
        addr__street="Rue de Lille",
        addr__postcode="62400",
        addr__city="Béthune",
        opening_hours="Mo-Sa 07:00-19:00",
        phone="+33 3 21 00 00 00; +33 3 21 00 00 01",
        contact__website="https://pain.example/",
        ref__FR__SIRET=siret,
    )
    assert (row.number, row.source, row.name, row.refusal, row.remarks) == (
        1,
        "osm:node/123",
        "Au Pain d’Hier",
        None,
        (),
    )
    assert row.position == GRAND_PLACE
    assert row.facts == {
        "source": "osm:node/123",
        "name": "Au Pain d’Hier",
        "category": "bakery",
        "street": "12 Rue de Lille",
        "postal_code": "62400",
        "insee_code": BETHUNE,
        "opening_hours": "Mo-Sa 07:00-19:00",
        "telephone": "+33 3 21 00 00 00",
        "website": "https://pain.example/",
        "siret": siret,
    }


@pytest.mark.parametrize(
    "tag", [tag for category in CATEGORIES for tag in category.tags if category.policy is not Policy.REFUSED]
)
def test_every_tag_of_the_short_list_is_a_trade(tag):
    key, _, value = tag.partition("=")
    row = read(**{"shop": None, key: value})
    assert row.refusal is None
    assert tag in BY_KEY[row.facts["category"]].tags


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"shop": "tobacco"}, rows.FORBIDDEN),
        ({"shop": "bakery;tobacco"}, rows.FORBIDDEN),
        ({"shop": "convenience", "amenity": "gambling"}, rows.FORBIDDEN),
        ({"shop": "vacant"}, osm.NO_TRADE),
        ({"shop": None}, osm.NO_TRADE),
        ({"shop": 12}, osm.NO_TRADE),
        ({"name": None}, NO_NAME),
        ({"name": "   "}, NO_NAME),
        ({"name": ["Pain"]}, NO_NAME),
        ({"addr__postcode": "59000"}, rows.FAR),
    ],
)
def test_what_is_no_shop_for_us_is_refused_with_its_reason(tags, reason):
    assert read(**tags).refusal == reason


@pytest.mark.parametrize(
    ("tags", "remark"),
    [
        ({"opening_hours": "de 9h à midi"}, osm.BAD_HOURS),
        ({"opening_hours": "x" * 501}, osm.BAD_HOURS),
        ({"phone": "appelez-moi"}, osm.BAD_TELEPHONE),
        ({"website": "javascript:alert(1)"}, osm.BAD_WEBSITE),
        ({"ref__FR__SIRET": "73282932000075"}, osm.BAD_SIRET),
        ({"addr__postcode": "6240"}, rows.BAD_POSTAL_CODE),
        ({"addr__street": "Rue\u202e de Lille"}, rows.BAD_STREET),
        ({"addr__street": "x" * 10_000}, rows.BAD_STREET),
    ],
)
def test_a_shop_is_taken_without_what_is_not_valid_in_it_and_that_is_said(tags, remark):
    row = read(**tags)
    assert (row.refusal, row.remarks) == (None, (remark,))
    assert not {"de 9h à midi", "appelez-moi", "javascript:alert(1)", "6240"} & {
        str(fact) for fact in row.facts.values()
    }


def test_a_chain_without_a_name_goes_by_its_brand():
    assert read(name=None, brand="Pain & Compagnie").name == "Pain & Compagnie"


@pytest.mark.parametrize(
    ("feature", "source"),
    [
        ({"id": "way/7"}, "osm:way/7"),
        ({"properties": {"@id": "relation/9"}}, "osm:relation/9"),
        ({"properties": {"type": "node", "id": 12}}, "osm:node/12"),
        ({"properties": {"@type": "way", "@id": 12}}, "osm:way/12"),
    ],
)
def test_an_object_is_known_by_its_number_wherever_it_stands(feature, source):
    properties = {"shop": "bakery", "name": "Pain", **feature.get("properties", {})}
    assert osm.row_of(1, {**a_feature(), "id": feature.get("id"), "properties": properties}).source == source


@pytest.mark.parametrize(
    "origin", ["", "node/0", "node/12345678901234567890", "node/1 ", "../1", "area/1", 12, None, {}]
)
def test_an_object_without_a_number_is_refused(origin):
    row = osm.row_of(1, {**a_feature(), "id": origin, "properties": {"shop": "bakery", "name": "Pain"}})
    assert (row.refusal, row.source) == (osm.NO_OBJECT, "")


def test_tags_may_stand_under_tags():
    properties = {"type": "node", "id": 5, "tags": {"shop": "bakery", "name": "Pain"}, "relations": [], "meta": {}}
    row = osm.row_of(1, {**a_feature(), "id": "node/5", "properties": properties})
    assert (row.refusal, row.facts["category"]) == (None, "bakery")


@pytest.mark.parametrize("feature", [None, 12, "shop", [], {}, {"properties": None}, {"properties": {"tags": 3}}])
def test_a_feature_that_is_none_is_refused(feature):
    assert row_of(a_collection(feature)).refusal == osm.NO_OBJECT


SQUARE = [[2.0, 50.0], [2.2, 50.0], [2.2, 50.2], [2.0, 50.2], [2.0, 50.0]]
SMALL = [[3.0, 51.0], [3.1, 51.0], [3.1, 51.1], [3.0, 51.1], [3.0, 51.0]]


@pytest.mark.parametrize(
    ("geometry", "point"),
    [
        ({"type": "Point", "coordinates": [2.64, 50.53]}, (50.53, 2.64)),
        ({"type": "Point", "coordinates": [2.64, 50.53, 12.0]}, (50.53, 2.64)),
        ({"type": "MultiPoint", "coordinates": [[2.0, 50.0], [2.2, 50.4]]}, (50.2, 2.1)),
        ({"type": "Polygon", "coordinates": [SQUARE]}, (50.1, 2.1)),
        ({"type": "Polygon", "coordinates": [SQUARE[::-1]]}, (50.1, 2.1)),
        ({"type": "Polygon", "coordinates": [SQUARE[:-1]]}, (50.1, 2.1)),
        ({"type": "MultiPolygon", "coordinates": [[SQUARE], [SMALL]]}, (50.29, 2.29)),
        ({"type": "MultiPolygon", "coordinates": [[SQUARE], [SMALL[::-1]]]}, (50.29, 2.29)),
        ({"type": "LineString", "coordinates": [[2.0, 50.0], [2.0, 50.1], [2.0, 50.4]]}, (50.2, 2.0)),
        ({"type": "LineString", "coordinates": SQUARE}, (50.1, 2.1)),
        ({"type": "Polygon", "coordinates": [[[2.0, 50.0], [2.2, 50.2], [2.0, 50.0]]]}, (50.066666667, 2.066666667)),
    ],
)
def test_the_point_of_a_geometry_is_in_its_middle(geometry, point):
    assert middle(geometry) == pytest.approx(point, abs=1e-6)


@pytest.mark.parametrize(
    "geometry",
    [
        None,
        12,
        {},
        {"type": "Point"},
        {"type": "Point", "coordinates": []},
        {"type": "Point", "coordinates": ["2.6", "50.5"]},
        {"type": "Point", "coordinates": [math.nan, 50.5]},
        {"type": "Point", "coordinates": [2.6, math.inf]},
        {"type": "Point", "coordinates": [True, False]},
        {"type": "Point", "coordinates": {"lat": 50}},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [[]]},
        {"type": "MultiPolygon", "coordinates": [[[[1e308, 1e308], [-1e308, 1e308], [1e308, -1e308]]]]},
        {"type": "GeometryCollection", "geometries": []},
        {"type": ["Point"], "coordinates": [2, 50]},
    ],
)
def test_a_geometry_that_is_nonsense_is_no_position(geometry):
    assert middle(geometry) is None
    assert osm.row_of(1, {**a_feature(), "geometry": geometry}).refusal == NO_POSITION


def test_a_shop_without_position_has_an_address_in_one_of_the_communes():
    feature = {**a_feature(addr__street="Rue de Lille", addr__housenumber="1", addr__city="BETHUNE"), "geometry": None}
    row = osm.row_of(1, feature)
    assert (row.refusal, row.position) == (None, None)
    assert row.address.words == "1 Rue de Lille Béthune"
    assert row.facts["insee_code"] == BETHUNE
    elsewhere = {**a_feature(addr__street="Rue de Lille", addr__city="Lens"), "geometry": None}
    assert osm.row_of(1, elsewhere).refusal == NO_POSITION


@pytest.mark.parametrize(
    "name",
    ["<script>alert(1)</script>", "'; DROP TABLE shops; --", "مخبز", "a\0b", "a\u202eb", "x" * 1_000_000],
)
def test_a_hostile_name_is_read_word_for_word_and_judged_later(name):
    assert read(name=name).name == name


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (b"", "vide"),
        (b" \n ", "vide"),
        (b"{", "JSON entier"),
        (a_collection(a_feature())[:-20], "JSON entier"),
        (a_collection(a_feature())[:-1], "JSON entier"),
        (a_collection(a_feature()) + b"{}", "JSON entier"),
        (a_collection(a_feature()).replace(b"node/123", b"\xff\xfe"), "JSON entier"),
        (b'{"type": "FeatureCollection", "features": [NaN]}', "JSON entier"),
        (b"[]", "FeatureCollection"),
        (b"{}", "FeatureCollection"),
        (b'{"type": "FeatureCollection"}', "FeatureCollection"),
        (b'{"type": "Feature", "features": []}', "FeatureCollection"),
        (b'{"type": "FeatureCollection", "features": {"a": 1}}', "FeatureCollection"),
        (b'{"version": 0.6, "elements": [{"type": "node"}]}', "FeatureCollection"),
        (json.dumps({"type": "FeatureCollection", "features": []}).encode("utf-16"), "UTF-8"),
    ],
)
def test_a_broken_file_is_refused_whole(file, why):
    with pytest.raises(FileRefused, match=why):
        open_source(io.BytesIO(file))


def test_the_kind_is_told_by_the_content():
    for mark in (b"", b"\xef\xbb\xbf", b"\n  "):
        source = open_source(io.BytesIO(mark + a_collection(a_feature(), a_feature("node/124"))))
        assert (source.kind, source.count) == (Kind.OPENSTREETMAP, 2)
        assert [row.source for row in source.rows] == ["osm:node/123", "osm:node/124"]


def test_what_stands_around_the_features_does_not_matter():
    file = json.dumps({"features": [a_feature()], "timestamp": "2026", "type": "FeatureCollection"}).encode()
    assert [row.number for row in rows_of(file)] == [1]


def test_deep_nesting_is_refused_before_it_costs_memory():
    deep = b'{"type": "FeatureCollection", "features": [' + b"[" * 50_000 + b"]" * 50_000 + b"]}"
    tracemalloc.start()
    try:
        with pytest.raises(FileRefused, match="imbriqué"):
            row_of(deep)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
    shallow = deep.replace(b"[" * 50_000, b"[" * 40).replace(b"]" * 50_000, b"]" * 40)
    assert row_of(shallow).refusal == osm.NO_OBJECT


def test_a_number_beyond_measure_is_no_json_for_us():
    with pytest.raises(FileRefused, match="JSON entier"):
        row_of(a_collection(a_feature()).replace(str(GRAND_PLACE[0]).encode(), b"1e999"))


def test_half_a_character_is_replaced():
    assert read(name="Pain \ud83d").name == "Pain ?"
