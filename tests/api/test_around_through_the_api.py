"""What is near, through the API: nearest first with true distances, and no position in anything that is logged."""

import datetime as dt

import orjson
import pytest
from sqlalchemy import event

from citylife import around
from citylife.geography import centre_of, communes, written_cell
from citylife.ledger.statements import Statement
from citylife.shops import ShopStatus
from citylife.shops.directory import shop_by_id
from schemas.around import MOST_OFFERS, NearShopSchema
from schemas.shops import OpeningSchema
from tests.api.street import CELL, POSITION, a_street, nearby
from tests.builders import BETHUNE, an_offer


def test_shops_and_their_offers_come_nearest_first_with_true_distances(town):
    a_street(town)

    answer = nearby(town, position=POSITION)

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    said = [(item["distance"], item["shop"]["name"], item["offers"][0]["title"]) for item in answer.json["items"]]
    assert said == [(away, f"À {away} m", f"Offre à {away} m") for away in (100, 400, 900)]
    assert answer.json["next_cursor"] is None


@pytest.mark.parametrize(
    ("body", "centre"),
    [
        ({"cell": written_cell(CELL)}, centre_of(CELL)),
        ({"insee_code": BETHUNE}, (communes()[BETHUNE].latitude, communes()[BETHUNE].longitude)),
    ],
    ids=["cell", "commune"],
)
def test_a_cell_and_a_commune_stand_for_their_centres(town, body, centre):
    a_street(town, centre, metres=(300, 200))

    assert [item["distance"] for item in nearby(town, **body).json["items"]] == [200, 300]


def test_radius_trade_and_hours_narrow_what_is_near(town):
    a_street(town, metres=(100, 4_990), category="bakery", open_until="19:00")
    a_street(town, metres=(200, 5_010), category="books")

    def found(**body):
        return [item["distance"] for item in nearby(town, position=POSITION, **body).json["items"]]

    assert found() == [100, 200, 4_990]
    assert found(radius=20_000) == [100, 200, 4_990, 5_010]
    assert found(radius=150) == [100]
    assert found(radius=0) == []
    assert found(category="books") == [200]
    assert found(open_now=True) == [100, 4_990]


def test_pages_go_on_by_a_cursor_in_the_body(town):
    a_street(town, metres=(500, 100, 300, 200, 400))
    seen, cursor = [], None
    for _ in range(3):
        answer = nearby(town, position=POSITION, limit=2, cursor=cursor)
        assert "Link" not in answer.headers
        seen += [item["distance"] for item in answer.json["items"]]
        cursor = answer.json["next_cursor"]

    assert seen == [100, 200, 300, 400, 500]
    assert cursor is None


def test_a_shop_says_itself_as_its_schemas_would(town, clock):
    shop = town.shop(open_until="19:00")
    item = nearby(town, position=POSITION).json["items"][0]

    facts = {name: getattr(shop, name) for name in NearShopSchema().fields if hasattr(shop, name)}
    opening = {"is_open": True, "next_change": dt.datetime(2026, 11, 24, 18, tzinfo=dt.UTC), "comment": ""}
    wanted = {**facts, "commune": {"insee_code": BETHUNE, "name": "Béthune"}, "opening": opening}
    assert item["shop"] == orjson.loads(orjson.dumps(NearShopSchema().dump(wanted)))
    assert item["shop"]["opening"] == OpeningSchema().dump(opening)
    clock.forward(hours=12)
    assert nearby(town, position=POSITION).json["items"][0]["shop"]["opening"]["is_open"] is False


def test_of_a_shop_with_many_offers_the_first_ten_to_end_are_said(town):
    shop = town.shop()
    with town.sessions.begin() as session:
        shop = shop_by_id(session, shop.id)
        for hours in range(12, 0, -1):
            an_offer(
                session, shop, title=f"{hours} h", ends_at=town.clock() + dt.timedelta(hours=hours), now=town.clock()
            )

    said = [offer["title"] for offer in nearby(town, position=POSITION).json["items"][0]["offers"]]

    assert said == [f"{hours} h" for hours in range(1, MOST_OFFERS + 1)]


def test_a_suspended_shop_is_not_near(town):
    town.shop(status=ShopStatus.SUSPENDED)
    assert nearby(town, position=POSITION).json["items"] == []


def test_nothing_is_written_and_no_transaction_begun(town, app):
    a_street(town)
    before, begun = town.counts(), []
    engine = app.extensions["citylife"].engine
    event.listen(engine, "begin", begun.append)

    nearby(town, position=POSITION)

    assert begun == []
    assert town.counts() == before


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"position": POSITION, "cell": written_cell(CELL)}, ""),
        ({"position": {"latitude": 91.25, "longitude": 2.5}}, "/position/latitude"),
        ({"insee_code": "75056"}, "/insee_code"),
        ({"position": POSITION, "radius": 20_001}, "/radius"),
        ({"position": POSITION, "cursor": "bm90IG91cnM"}, "/cursor"),
        ({"position": POSITION, "lat": 1}, "/lat"),
    ],
    ids=["nowhere", "two", "no-earth", "abroad", "too-far", "cursor", "unknown"],
)
def test_what_is_no_question_is_refused(town, body, pointer):
    answer = nearby(town, **body)

    assert answer.status_code == 422
    assert pointer in [error["pointer"] for error in answer.json["errors"]]
    assert "91.25" not in answer.text


def test_a_failure_is_logged_without_where_it_was_asked(town, monkeypatch, capsys):
    def fail(latitude, longitude, _points):
        raise ValueError(f"no way from {latitude}, {longitude}")

    town.shop()
    town.app.config["PROPAGATE_EXCEPTIONS"] = False
    monkeypatch.setattr(around, "distances", fail)
    answer = nearby(town, position={"latitude": 50.5301723, "longitude": 2.6403791})

    assert answer.status_code == 500
    said = capsys.readouterr()
    assert "ValueError" in said.out + said.err
    assert not any(digits in said.out + said.err + answer.text for digits in ("50.530", "2.640"))


def test_a_database_that_fails_is_logged_without_where_it_was_asked(town, monkeypatch, capsys):
    broken = Statement("SELECT no_such_column, :latitude FROM shops")
    monkeypatch.setattr(around, "_SHOPS", broken)
    answer = nearby(town, position={"latitude": 50.5301723, "longitude": 2.6403791})

    assert answer.status_code in {500, 503}
    said = capsys.readouterr()
    assert not any(digits in said.out + said.err + answer.text for digits in ("50.530", "2.640"))
