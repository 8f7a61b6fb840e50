"""What is near, through the API: nearest first with true distances, and cursors that hold no coordinate in a URL."""

import datetime as dt
import re
from urllib.parse import unquote

import orjson
import pytest
from pyproj import Geod
from sqlalchemy import event, select, text
from werkzeug.test import EnvironBuilder

from blueprints.api.around import QUERY, read_plain
from blueprints.application import TimedRequest
from citylife import around
from citylife.database import new_id
from citylife.geography import cell_at, centre_of, communes, written_cell
from citylife.ledger.statements import Statement
from citylife.neighbourhood import Neighbourhood
from citylife.offers import Offer, OfferStatus
from citylife.shops import Shop, ShopStatus
from citylife.shops.directory import shop_by_id
from citylife.shops.tables import ShopStand
from schemas.around import MOST_OFFERS, NearShopSchema
from schemas.shops import OpeningSchema
from tests.builders import BETHUNE, GRAND_PLACE, NOW, an_offer

GEOD = Geod(ellps="WGS84")
CELL = cell_at(*GRAND_PLACE)
POSITION = {"latitude": GRAND_PLACE[0], "longitude": GRAND_PLACE[1]}


def moved(point, azimuth, metres):
    longitude, latitude, _ = GEOD.fwd(point[1], point[0], azimuth, metres)
    return latitude, longitude


def a_street(town, centre=GRAND_PLACE, *, metres=(900, 100, 400), **facts):
    """Shops so many metres north of a point, each with an offer named after its distance."""
    shops = {}
    for away in metres:
        shop = town.shop(f"À {away} m", position=moved(centre, 0, away), insee_code=None, **facts)
        with town.sessions.begin() as session:
            an_offer(session, shop_by_id(session, shop.id), title=f"Offre à {away} m", now=town.clock())
        shops[away] = shop
    return shops


def nearby(town, **body):
    return town.client.post("/api/v1/nearby", json=body)


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


SHOP_A = "WHERE slug = 'a-100-m-bethune'"
OFFERS_OF_A = f"WHERE shop_id = (SELECT id FROM shops {SHOP_A})"
STAND_OF_A = (
    "INSERT INTO shop_stands (shop_id, weekday, label, insee_code, latitude, longitude, hours) "
    f"SELECT id, 1, 'Marché', '{BETHUNE}', latitude + 0.002, longitude, 'Tu 08:00-13:00' FROM shops {SHOP_A}"
)
CHANGES = (
    *(
        f"UPDATE shops SET {change} {SHOP_A}"
        for change in (
            "name = 'Autre'",
            "street = 'Autre rue'",
            "postal_code = '62000'",
            "category = 'books'",
            "opening_hours = 'Mo-Su 00:00-24:00'",
            "fictional = true",
            "insee_code = '62400'",
            "latitude = latitude + 0.003",
            "longitude = longitude + 0.07",
            "longitude = longitude - 0.07",
            "status = 'suspended'",
            "status = 'listed'",
            "unproved = true",
            "unproved = false",
        )
    ),
    STAND_OF_A,
    f"UPDATE shop_stands SET hours = 'Tu 08:00-19:00' {OFFERS_OF_A}",
    f"UPDATE shop_stands SET longitude = longitude + 0.01 {OFFERS_OF_A}",
    f"UPDATE shop_stands SET weekday = 2 {OFFERS_OF_A}",
    f"UPDATE shop_stands SET weekday = 1 {OFFERS_OF_A}",
    f"UPDATE shops SET name = 'Encore' {SHOP_A}",
    f"UPDATE offers SET piece = replace(piece, 'Offre', 'Prix') {OFFERS_OF_A}",
    f"UPDATE offers SET status = 'sold-out' {OFFERS_OF_A}",
    f"UPDATE offers SET status = 'live' {OFFERS_OF_A}",
    f"DELETE FROM shop_stands {OFFERS_OF_A}",
    "UPDATE offers SET ends_at = (SELECT max(updated_at) FROM offers)",
)

OF_AN_OFFER = {"title": "Neuve", "first_saved_at": NOW, "updated_at": NOW, "ends_at": NOW + dt.timedelta(hours=2)}


def test_whatever_changes_and_whoever_changes_it_the_next_answer_says_so(town, app, monkeypatch):
    a_street(town, open_until="19:00")

    def near(known=None):
        with monkeypatch.context() as patch:
            if known is None:
                patch.setattr(Neighbourhood, "within", lambda *_args, **_named: None)
            return nearby(town, position=POSITION, radius=1_500).data

    before = near("known")
    assert before == near()
    for change in CHANGES:
        with town.sessions.begin() as session:
            session.execute(text(change))
        after = near("known")
        assert after != before, change
        assert after == near(), change
        before = after
    with town.sessions.begin() as session:
        shop = session.scalars(select(Shop).where(Shop.name == "À 400 m")).one()
        session.add(
            Offer(id=new_id(), shop_id=shop.id, piece='{"title":"Neuve"}', status=OfferStatus.LIVE, **OF_AN_OFFER)
        )
    assert b"Neuve" in near("known")
    with town.sessions.begin() as session:
        session.execute(text("DELETE FROM offers WHERE title = 'Neuve'"))
    assert near("known") == near() == before


def test_what_only_time_changes_is_said_too(town, clock):
    a_street(town, metres=(100,), open_until="19:00")
    (item,) = nearby(town, position=POSITION).json["items"]
    assert item["offers"] != []
    clock.forward(hours=24)
    (item,) = nearby(town, position=POSITION).json["items"]
    assert item["offers"] == [], "ended, though nothing has ended it yet"


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


PLAIN = [
    {"position": POSITION},
    {"position": POSITION, "radius": 2_000},
    {"position": POSITION, "radius": 0, "limit": 1},
    {"position": {"latitude": -90.0, "longitude": 180.0}, "radius": 20_000, "limit": 100},
]
LEFT_TO_THE_SCHEMA = [
    b"",
    b"{}",
    b"[]",
    b"null",
    b'{"position": null}',
    b'{"position": [50.5, 2.6]}',
    b'{"position": {"latitude": 50.5}}',
    b'{"position": {"latitude": 50.5, "longitude": 2.6, "accuracy": 3}}',
    b'{"position": {"latitude": 50.5, "longitude": 2.6, "latitude": 50.6}}',
    b'{"position": {"latitude": 50.5, "longitude": 2.6}, "position": {"latitude": 50.5, "longitude": 2.6}}',
    b'{"position": {"latitude": "50.5", "longitude": 2.6}}',
    b'{"position": {"latitude": true, "longitude": 2.6}}',
    b'{"position": {"latitude": 90.1, "longitude": 2.6}}',
    b'{"position": {"latitude": 50.5, "longitude": -180.1}}',
    b'{"position": {"latitude": 50.5, "longitude": NaN}}',
    b'{"position": {"latitude": 50.5, "longitude": 2.6}, "radius": 20001}',
    b'{"position": {"latitude": 50.5, "longitude": 2.6}, "radius": true}',
    b'{"position": {"latitude": 50.5, "longitude": 2.6}, "radius": 5.0}',
    b'{"position": {"latitude": 50.5, "longitude": 2.6}, "limit": 0}',
    b'{"position": {"latitude": 50.5, "longitude": 2.6}, "limit": 101}',
    b'{"position": {"latitude": 50.5, "longitude": 2.6}, "open_now": true}',
    b'{"position": {"latitude": 50.5, "longitude": 2.6}, "cell": "871949d45ffffff"}',
    b'{"position": {"latitude": 50.5, "longitude": 2.6}',
]


def a_request(body, **options):
    return TimedRequest(
        EnvironBuilder(method="POST", data=body, **{"content_type": "application/json", **options}).get_environ()
    )


@pytest.mark.parametrize("body", PLAIN, ids=str)
def test_the_usual_question_is_read_as_the_schema_reads_it(body):
    assert read_plain(a_request(orjson.dumps(body))) == QUERY.load(body)


@pytest.mark.parametrize("body", LEFT_TO_THE_SCHEMA, ids=str)
def test_any_other_question_is_left_to_the_schema(body):
    assert read_plain(a_request(body)) is None


def test_a_body_of_another_type_is_left_to_the_schema():
    assert read_plain(a_request(orjson.dumps(PLAIN[0]), content_type="text/plain")) is None


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
    path, seen, links = f"/api/v1/offers?cell={written_cell(CELL)}&limit=2", [], []
    while path:
        answer = town.client.get(path)
        seen += [item["distance"] for item in answer.json["items"]]
        link = re.search("<([^>]+)>", answer.headers.get("Link", ""))
        path = link and link[1]
        links += [unquote(path)] if path else []

    assert seen == [100, 200, 300, 400, 500]
    assert len(links) == 2
    assert not any(re.search(r"\d+\.\d{3}", link) for link in links)


def test_offers_with_a_distance_are_otherwise_the_stored_pieces(town):
    a_street(town, metres=(100,))
    (plain,) = town.client.get("/api/v1/offers").json["items"]
    (around,) = town.client.get(f"/api/v1/offers?cell={written_cell(CELL)}").json["items"]

    assert {name: value for name, value in around.items() if name != "distance"} == plain
    assert isinstance(around["distance"], int)


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
    path, seen, links = f"/api/v1/shops?cell={written_cell(CELL)}&limit=2", [], []
    while path:
        answer = town.client.get(path)
        seen += [item["distance"] for item in answer.json["items"]]
        link = re.search("<([^>]+)>", answer.headers.get("Link", ""))
        path = link and link[1]
        links += [unquote(path)] if path else []

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
