"""Shops around a cell or a commune: nearest first, where a trader stands today, and no coordinate in a URL."""

import re

import pytest

from citylife.geography import centre_of, communes, written_cell
from citylife.shops import ShopStatus
from citylife.shops.tables import ShopStand
from tests.api.street import CELL, a_street, leafed_through, moved
from tests.builders import BETHUNE, GRAND_PLACE


def shops(town, query):
    answer = town.client.get(f"/api/v1/shops?{query}")
    assert answer.status_code == 200, answer.text
    return [(item["distance"], item["name"]) for item in answer.json["items"]]


def test_shops_around_a_cell_come_nearest_first(town):
    centre = centre_of(CELL)
    a_street(town, centre, metres=(900, 100, 4_990), open_until="19:00")
    a_street(town, centre, metres=(400, 5_010), category="books")
    town.shop("Suspendue", position=centre, insee_code=None, status=ShopStatus.SUSPENDED)
    around = f"cell={written_cell(CELL)}"

    found = shops(town, around)

    assert found == [(away, f"À {away} m") for away in (100, 400, 900, 4_990)]
    assert shops(town, f"{around}&radius=400") == found[:2]
    assert shops(town, f"{around}&radius=20000")[-1] == (5_010, "À 5010 m")
    assert shops(town, f"{around}&radius=20000&category=books") == [(400, "À 400 m"), (5_010, "À 5010 m")]
    assert shops(town, f"{around}&open_now=true") == [found[0], found[2], found[3]]


def test_shops_of_a_commune_are_in_no_order_of_distance_unless_a_radius_is_given(town):
    centre = communes()[BETHUNE].latitude, communes()[BETHUNE].longitude
    a_street(town, centre, metres=(300, 100))
    own = town.client.get(f"/api/v1/shops?commune={BETHUNE}").json["items"]

    assert [item["name"] for item in own] == ["À 300 m", "À 100 m"]
    assert not any("distance" in item for item in own)
    assert shops(town, f"commune={BETHUNE}&radius=200") == [(100, "À 100 m")]


def test_shops_around_a_place_go_on_by_pages_whose_links_hold_no_coordinate(town):
    a_street(town, centre_of(CELL), metres=(500, 100, 300, 200, 400))
    seen, links = leafed_through(town, f"/api/v1/shops?cell={written_cell(CELL)}&limit=2")

    assert seen == [100, 200, 300, 400, 500]
    assert len(links) == 2
    assert not any(re.search(r"\d+\.\d{3}", link) for link in links)


def test_a_shop_with_a_distance_is_otherwise_what_anybody_reads_and_keeps_its_etag(town):
    shop = town.shop(open_until="19:00")
    path = f"/api/v1/shops?cell={written_cell(CELL)}"
    answer = town.client.get(path)
    (around,) = answer.json["items"]

    whole = town.client.get(f"/api/v1/shops/{shop.slug}").json
    assert around == {
        **{name: value for name, value in whole.items() if name not in {"stands", "photo"}},
        "distance": around["distance"],
    }
    assert isinstance(around["distance"], int)
    assert town.client.get(path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_a_market_trader_is_where_she_stands_on_this_weekday(town):
    shop = town.shop("Fromages de Cécile", position=moved(GRAND_PLACE, 180, 12_000), insee_code=None)
    with town.sessions.begin() as session:
        tuesday = ShopStand(
            shop_id=shop.id,
            weekday=1,
            label="Marché",
            insee_code=BETHUNE,
            latitude=GRAND_PLACE[0],
            longitude=GRAND_PLACE[1],
            hours="Tu 08:00-13:00",
        )
        session.add(tuesday)
    (around,) = town.client.get(f"/api/v1/shops?cell={written_cell(CELL)}").json["items"]

    assert (around["latitude"], around["longitude"]) == GRAND_PLACE
    assert around["opening"]["is_open"] is True
    (listed,) = town.client.get("/api/v1/shops?q=fromages&open_now=true").json["items"]
    assert listed["opening"] == town.client.get(f"/api/v1/shops/{shop.slug}").json["opening"] == around["opening"]
    town.clock.forward(days=1)
    assert town.client.get(f"/api/v1/shops?cell={written_cell(CELL)}").json["items"] == []


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        (f"cell={written_cell(CELL)}&commune={BETHUNE}", "/cell"),
        (f"cell={written_cell(CELL)}&q=pain", "/cell"),
        ("radius=500", "/radius"),
        (f"q=pain&commune={BETHUNE}&radius=500", "/radius"),
        (f"cell={written_cell(CELL)}&radius=20001", "/radius"),
        ("cell=881949d451fffff", "/cell"),
        ("cell=861949d47ffffff", "/cell"),
        ("cell=50.53,2.64", "/cell"),
        ("latitude=50.53&longitude=2.64", "/latitude"),
        ("commune=75056&radius=500", "/commune"),
        (f"cell={written_cell(CELL)}&cursor=bm90IG91cnM", "/cursor"),
    ],
    ids=["two", "words", "no-place", "words-radius", "far", "fine", "coarse", "pair", "point", "abroad", "cursor"],
)
def test_where_shops_are_sought_is_coarse_and_goes_with_what_it_can(town, query, pointer):
    answer = town.client.get(f"/api/v1/shops?{query}")

    assert answer.status_code == 422
    assert pointer in [error["pointer"] for error in answer.json["errors"]]
