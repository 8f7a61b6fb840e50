"""Offers around a cell or a commune: nearest first, and no coordinate in a URL."""

import re

import pytest

from citylife.geography import centre_of, communes, written_cell
from citylife.shops import Shop
from tests.api.street import CELL, a_street, leafed_through, moved
from tests.builders import BETHUNE, an_offer


def offers(town, query):
    answer = town.client.get(f"/api/v1/offers?{query}")
    assert answer.status_code == 200, answer.text
    return [(item["distance"], item["title"]) for item in answer.json["items"]]


def test_offers_around_a_cell_come_nearest_first(town):
    a_street(town, centre_of(CELL))

    found = offers(town, f"cell={written_cell(CELL)}")

    assert found == [(away, f"Offre à {away} m") for away in (100, 400, 900)]
    assert offers(town, f"cell={written_cell(CELL)}&radius=400") == found[:2]
    assert offers(town, f"cell={written_cell(CELL)}&category=books") == []
    assert offers(town, f"cell={written_cell(CELL)}&open_now=true") == []


def test_offers_of_a_commune_are_its_own_unless_a_radius_is_given(town):
    centre = communes()[BETHUNE].latitude, communes()[BETHUNE].longitude
    a_street(town, centre, metres=(300, 100))
    near = town.shop("Voisine", position=moved(centre, 0, 2_500), insee_code=None)
    with town.sessions.begin() as session:
        near = session.get_one(Shop, near.id)
        near.insee_code = "62400"
        an_offer(session, near, title="D’à côté", now=town.clock())

    assert offers(town, f"commune={BETHUNE}") == [(100, "Offre à 100 m"), (300, "Offre à 300 m")]
    assert offers(town, f"commune={BETHUNE}&radius=3000")[-1] == (2_500, "D’à côté")
    assert offers(town, "commune=62400") == [(offers(town, "commune=62400")[0][0], "D’à côté")]


def test_offers_around_a_place_go_on_by_pages_whose_links_hold_no_coordinate(town):
    a_street(town, centre_of(CELL), metres=(500, 100, 300, 200, 400))
    seen, links = leafed_through(town, f"/api/v1/offers?cell={written_cell(CELL)}&limit=2")

    assert seen == [100, 200, 300, 400, 500]
    assert len(links) == 2
    assert not any(re.search(r"\d+\.\d{3}", link) for link in links)


def test_offers_with_a_distance_are_otherwise_the_stored_pieces(town):
    a_street(town, metres=(100,))
    (plain,) = town.client.get("/api/v1/offers").json["items"]
    (around,) = town.client.get(f"/api/v1/offers?cell={written_cell(CELL)}").json["items"]

    assert {name: value for name, value in around.items() if name != "distance"} == plain
    assert isinstance(around["distance"], int)


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        (f"cell={written_cell(CELL)}&commune={BETHUNE}", "/cell"),
        (f"cell={written_cell(CELL)}&q=pain", "/cell"),
        ("radius=500", "/radius"),
        (f"q=pain&commune={BETHUNE}&radius=500", "/radius"),
        ("open_now=true", "/open_now"),
        (f"cell={written_cell(CELL)}&radius=20001", "/radius"),
        ("cell=881949d451fffff", "/cell"),
        ("latitude=50.53&longitude=2.64", "/latitude"),
        ("commune=75056", "/commune"),
        (f"cell={written_cell(CELL)}&cursor=bm90IG91cnM", "/cursor"),
    ],
    ids=["two", "words", "no-place", "words-radius", "no-place-open", "far", "fine", "point", "abroad", "cursor"],
)
def test_places_in_a_url_are_coarse_and_go_with_what_they_can(town, query, pointer):
    answer = town.client.get(f"/api/v1/offers?{query}")

    assert answer.status_code == 422
    assert pointer in [error["pointer"] for error in answer.json["errors"]]
