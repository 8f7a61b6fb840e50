"""What is around a point equals measuring every shop: at borders of boxes and cells, at the radius, and in ties."""

import datetime as dt
import itertools
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import h3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod
from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from citylife import around
from citylife.around import (
    FARTHEST,
    FIRST_BOX,
    SHOWN,
    Asked,
    Nearest,
    Spot,
    live_pieces_of,
    offers_around,
    plane_at,
    shops_around,
)
from citylife.database import engine_for
from citylife.geodesics import distances
from citylife.geography import centre_of, communes, communes_by_cell, written_cell
from citylife.neighbourhood import Neighbourhood
from citylife.offers import Offer, OfferKind, OfferStatus
from citylife.shops import Shop, ShopStand, ShopStatus
from tests import builders
from tests.builders import BETHUNE, GRAND_PLACE, NOW

GEOD = Geod(ellps="WGS84")
HERE = GRAND_PLACE
TUESDAY = 1
CELLS = sorted(communes_by_cell())
KNOWN = Neighbourhood()
"""One for all examples, whose shops come and go."""
LATER = NOW + dt.timedelta(hours=8)
Point = tuple[float, float]


def moved(point: Point, azimuth: float, metres: float) -> Point:
    """The point so many metres away, geodesic."""
    longitude, latitude, _ = GEOD.fwd(point[1], point[0], azimuth, metres)
    return latitude, longitude


def metres(one: Point, other: Point) -> float:
    (away,) = distances(*one, [other])  # its own test measures it with Geod
    return away


def numbered(number: int, kind: int = 0) -> uuid.UUID:
    return uuid.UUID(int=(0x01936F00_0000_7000_8000_000000000000 | kind << 32) + number)


def put(session: Session, points: Sequence[Point], **facts: Any) -> list[uuid.UUID]:
    """Shops at these points, in one statement; their ids in the order of the points."""
    common = {
        "status": ShopStatus.VERIFIED,
        "category": "bakery",
        "insee_code": BETHUNE,
        "description": "",
        "street": "",
        "postal_code": "",
        "fictional": False,
        "created_at": NOW,
        "updated_at": NOW,
        "version": 1,
        **facts,
    }
    rows = [
        {
            "id": numbered(number),
            "slug": f"shop-{number}",
            "name": f"Shop {number}",
            "latitude": at[0],
            "longitude": at[1],
            **common,
        }
        for number, at in enumerate(points)
    ]
    if rows:
        session.execute(insert(Shop), rows)
    return [row["id"] for row in rows]


def offer_everywhere(session: Session, shop_ids: Sequence[uuid.UUID], *, each: int = 1) -> dict[uuid.UUID, uuid.UUID]:
    """Live offers of these shops; the shop of each."""
    shops = {numbered(number, 1): shop_id for number, shop_id in enumerate(shop_ids * each)}
    if shops:
        session.execute(insert(Offer), [an_offer_row(offer_id, shop_id) for offer_id, shop_id in shops.items()])
    return shops


def an_offer_row(offer_id: uuid.UUID, shop_id: uuid.UUID, **said: Any) -> dict[str, Any]:
    return {
        "id": offer_id,
        "shop_id": shop_id,
        "kind": OfferKind.OFFER,
        "status": OfferStatus.LIVE,
        "title": "Pains",
        "description": "",
        "reduction": False,
        "perishable": False,
        "radius": 5000,
        "ends_at": LATER,
        "first_saved_at": NOW,
        "live_from": NOW,
        "updated_at": NOW,
        "version": 1,
        "piece": f'{{"id":"{offer_id}"}}',
        **said,
    }


def paged(read: Any, session: Session, asked: Asked, **more: Any) -> Iterator[Nearest]:
    """Every page, each begun where the last one ended."""
    after: Spot | None = None
    while True:
        page = read(
            session.connection(),
            Asked(**{name: getattr(asked, name) for name in asked.__slots__ if name != "after"}, after=after),
            now=NOW,
            **more,
        )
        yield page
        after = page.last
        if after is None:
            return


def everything(read: Any, session: Session, asked: Asked, **more: Any) -> list[tuple[float, uuid.UUID]]:
    return [(near.distance, near.thing_id) for page in paged(read, session, asked, **more) for near in page.things]


@st.composite
def centres(draw: st.DrawFn) -> Point:
    """A point of the territory: the middle, a corner or an edge of a cell."""
    cell = draw(st.sampled_from(CELLS))
    corners = h3.cell_to_boundary(written_cell(cell))
    one, other = draw(st.sampled_from(corners)), centre_of(cell)
    share = draw(st.sampled_from((0.0, 1e-9, 0.5, 1.0)))
    return one[0] + share * (other[0] - one[0]), one[1] + share * (other[1] - one[1])


RADII = (0, 1, 249, 300, 301, 1_000, 2_000, 5_000, 19_999, 20_000)
BORDERS = (0.0, FIRST_BOX, FIRST_BOX * 2, FIRST_BOX * 4, FIRST_BOX * 16, 5_000.0, 19_999.9, 20_000.0)


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Point, int, list[Point]]:
    """Where one asks, how far, and shops hard by borders of boxes and the radius, at equal distances, in one spot."""
    here, radius = draw(centres()), draw(st.sampled_from(RADII))
    away = st.one_of(
        st.sampled_from((*BORDERS, float(radius))),
        st.sampled_from((radius - 0.001, radius + 0.001, FIRST_BOX - 0.001, FIRST_BOX + 0.001)).map(abs),
        st.floats(0, 26_000),
        st.floats(0, 300),
    )
    towards = st.one_of(st.sampled_from((0.0, 45.0, 90.0, 135.0, 180.0, 270.0, 315.0)), st.floats(0, 360))
    points = [moved(here, draw(towards), draw(away)) for _ in range(draw(st.integers(0, 30)))]
    if points:
        points += [points[0]] * draw(st.integers(0, 12))
    return here, radius, points


@settings(max_examples=60)
@given(scenes(), st.integers(1, 12))
def test_shops_around_equal_every_shop_measured(session: Session, scene, limit: int):
    here, radius, points = scene
    ids = put(session, points)

    asked = Asked(latitude=here[0], longitude=here[1], radius=radius, limit=limit)
    found = everything(shops_around, session, asked)
    known = everything(shops_around, session, asked, known=KNOWN)
    session.rollback()

    wanted = sorted((metres(here, at), shop_id) for at, shop_id in zip(points, ids, strict=True))
    wanted = [(distance, shop_id) for distance, shop_id in wanted if distance <= radius]
    assert [shop_id for _, shop_id in found] == [shop_id for _, shop_id in wanted]
    assert [distance for distance, _ in found] == pytest.approx([distance for distance, _ in wanted], abs=1e-6)
    assert known == found


@settings(max_examples=30)
@given(scenes(), st.integers(1, 12), st.integers(1, 3))
def test_offers_around_equal_every_offer_measured(session: Session, scene, limit: int, each: int):
    here, radius, points = scene
    ids = put(session, points)
    at = dict(zip(ids, points, strict=True))
    offers = offer_everywhere(session, ids, each=each)

    found = everything(offers_around, session, Asked(latitude=here[0], longitude=here[1], radius=radius, limit=limit))
    session.rollback()

    wanted = sorted((metres(here, at[shop_id]), offer_id) for offer_id, shop_id in offers.items())
    assert [offer_id for _, offer_id in found] == [offer_id for distance, offer_id in wanted if distance <= radius]


@given(st.floats(42, 51.5), st.floats(0, 360), st.floats(0, FARTHEST))
def test_a_plane_errs_by_less_than_is_allowed_for(latitude: float, azimuth: float, away: float):
    plane = plane_at(latitude)
    there = moved((latitude, 2.5), azimuth, away)

    flat = (((there[0] - latitude) * plane.north) ** 2 + ((there[1] - 2.5) * plane.east) ** 2) ** 0.5

    assert away * (1 - plane.slack) - 1e-6 <= flat <= away * (1 + plane.slack) + 1e-6
    assert plane.slack < 0.006


def test_nothing_around_is_an_empty_page(session: Session):
    assert shops_around(session.connection(), Asked(latitude=HERE[0], longitude=HERE[1]), now=NOW) == Nearest([], None)


@pytest.mark.parametrize("latitude", [-90, 89.9, 90])
def test_at_a_pole_there_is_nothing(session: Session, latitude: float):
    put(session, [HERE])
    assert shops_around(session.connection(), Asked(latitude=latitude, longitude=0), now=NOW).things == []


def test_many_shops_in_one_spot_come_by_their_ids_and_none_twice(session: Session):
    ids = put(session, [moved(HERE, 30, 700)] * 100)

    found = everything(shops_around, session, Asked(latitude=HERE[0], longitude=HERE[1], limit=7))

    assert [shop_id for _, shop_id in found] == sorted(ids)


def test_only_public_shops_of_the_trade_and_the_commune_are_found(session: Session):
    shop = builders.a_shop(session, "Au Pain", category="bakery")
    builders.a_shop(session, "Fermé", status=ShopStatus.SUSPENDED)
    books = builders.a_shop(session, "Aux Livres", category="books")
    listed = builders.a_shop(session, "Inscrit", category="bakery", status=ShopStatus.LISTED)
    gone = builders.a_shop(session, "Tabac", category="bakery")
    session.execute(text("UPDATE shops SET category = 'tobacco' WHERE slug = :slug"), {"slug": gone.slug})

    def found(**more: Any) -> set[uuid.UUID]:
        return {i for _, i in everything(shops_around, session, Asked(latitude=HERE[0], longitude=HERE[1], **more))}

    assert found() == {shop.id, books.id, listed.id}
    assert found(category="bakery") == {shop.id, listed.id}
    assert found(category="bakery", insee_code="62048") == set()
    assert found(insee_code=BETHUNE) == {shop.id, books.id, listed.id}


def test_only_live_offers_are_found(session: Session):
    shop = builders.a_shop(session)
    live = builders.an_offer(session, shop)
    for status in OfferStatus:
        if status is not OfferStatus.LIVE:
            builders.an_offer(session, shop, status=status)
    session.execute(
        insert(Offer), [an_offer_row(numbered(7, 1), shop.id, ends_at=NOW)]
    )  # past its end, not yet ended by the timetable

    found = everything(offers_around, session, Asked(latitude=HERE[0], longitude=HERE[1]))

    assert [offer_id for _, offer_id in found] == [live.id]


def test_open_now_keeps_those_that_say_they_are_open(session: Session):
    open_one = builders.a_shop(session, opening_hours="Mo-Su 08:00-19:00")
    builders.a_shop(session, opening_hours="Mo-Su 19:00-23:00")
    builders.a_shop(session, opening_hours=None)
    offer = builders.an_offer(session, open_one)

    asked = Asked(latitude=HERE[0], longitude=HERE[1], open_now=True)

    assert [i for _, i in everything(shops_around, session, asked)] == [open_one.id]
    assert [i for _, i in everything(offers_around, session, asked)] == [offer.id]


def test_pages_of_open_shops_skip_and_repeat_none(session: Session, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(around, "MOST_LOOKED_AT", 5)
    points = [moved(HERE, 10 * number, 40 * number) for number in range(40)]
    ids = put(session, points, opening_hours="Mo-Su 08:00-19:00")
    closed = ids[::3]
    for shop_id in closed:
        session.get_one(Shop, shop_id).opening_hours = "Mo-Su 19:00-23:00"
    session.flush()

    found = everything(shops_around, session, Asked(latitude=HERE[0], longitude=HERE[1], open_now=True, limit=4))

    assert [i for _, i in found] == [shop_id for shop_id in ids if shop_id not in closed]


def test_a_market_trader_is_where_he_stands_on_this_weekday(session: Session):
    (trader,) = put(session, [HERE], opening_hours="Mo-Su 08:00-19:00")
    there = moved(HERE, 90, 12_000)
    session.add_all(
        ShopStand(
            shop_id=trader,
            weekday=day,
            label="Marché",
            insee_code=BETHUNE,
            latitude=there[0],
            longitude=there[1],
            hours="Tu 14:00-18:00",
        )
        for day in (TUESDAY, TUESDAY + 1)
    )
    session.flush()
    offers = offer_everywhere(session, [trader])

    def found(at: Point, *, day: int = 0, **more: Any) -> list[tuple[uuid.UUID, int]]:
        page = shops_around(
            session.connection(),
            Asked(latitude=at[0], longitude=at[1], radius=1_000, **more),
            now=NOW + dt.timedelta(days=day),
        )
        return [(near.thing_id, round(near.distance)) for near in page.things]

    assert found(HERE) == []
    assert found(there) == [(trader, 0)]
    assert found(there, open_now=True) == []
    assert found(HERE, day=3) == [(trader, 0)]
    assert found(there, day=3) == []
    assert everything(offers_around, session, Asked(latitude=there[0], longitude=there[1])) == [
        (0.0, next(iter(offers)))
    ]


def test_a_page_of_twenty_among_thousands_is_the_nearest_twenty(session: Session):
    places = list(communes().values())
    points = [
        moved((places[number % 100].latitude, places[number % 100].longitude), number * 7 % 360, number * 13 % 4_000)
        for number in range(3_000)
    ]
    ids = put(session, points)

    for here in (HERE, (50.48, 2.45), (50.66, 2.9)):
        page = shops_around(session.connection(), Asked(latitude=here[0], longitude=here[1], radius=20_000), now=NOW)
        wanted = sorted((metres(here, at), shop_id) for at, shop_id in zip(points, ids, strict=True))[:20]
        assert [near.thing_id for near in page.things] == [shop_id for _, shop_id in wanted]


def test_facts_and_pieces_are_those_of_what_was_found(session: Session):
    ids = put(session, [moved(HERE, 0, 100 * (5 - number)) for number in range(5)])
    offers = offer_everywhere(session, ids, each=2)
    connection, asked = session.connection(), Asked(latitude=HERE[0], longitude=HERE[1])

    shops = shops_around(connection, asked, now=NOW).things
    told = [(near.thing_id, dict(zip(SHOWN, near.found.told, strict=True))) for near in shops]
    assert [shop_id for shop_id, _ in told] == list(reversed(ids))
    assert [facts["slug"] for _, facts in told] == [f"shop-{number}" for number in reversed(range(5))]
    assert {facts["status"] for _, facts in told} == {"verified"}

    found = offers_around(connection, asked, now=NOW).things
    assert [near.found.told[0] for near in found] == [f'{{"id":"{near.thing_id}"}}'.encode() for near in found]
    assert len(found) == 10

    by_shop = live_pieces_of(connection, [near.found for near in shops], now=NOW)
    for near in shops:
        hers = sorted(str(offer) for offer, shop in offers.items() if shop == near.thing_id)
        assert by_shop[near.found.key].pieces == [f'{{"id":"{offer}"}}'.encode() for offer in hers]


def test_the_statements_walk_their_indexes_on_sqlite(sqlite_url: str):
    engine = engine_for(sqlite_url)
    seen: list[str] = []
    connection = engine.connect()
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.set_trace_callback(seen.append)
    offers_around(connection, Asked(latitude=HERE[0], longitude=HERE[1]), now=NOW)
    shops_around(connection, Asked(latitude=HERE[0], longitude=HERE[1]), now=NOW)
    driver.set_trace_callback(None)
    plans = [
        " ".join(str(row[3]) for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}"))
        for statement in seen
        if statement.lstrip().startswith("SELECT")
    ]
    assert len(plans) >= 2
    for plan in plans:
        assert "ix_shops_band (band=? AND longitude>? AND longitude<?)" in plan
        assert "ix_shop_stands_position (weekday=? AND latitude>? AND latitude<?)" in plan
        assert "SCAN s" not in plan
        assert "SCAN o" not in plan
    assert any("ix_offers_live (shop_id=? AND ends_at>?)" in plan for plan in plans)
    connection.close()
    engine.dispose()


def test_points_of_the_tests_are_where_they_should_be():
    for azimuth, away in itertools.product((0, 45, 301), (0.5, 250, 20_000)):
        assert metres(HERE, moved(HERE, azimuth, away)) == pytest.approx(away, abs=1e-5)
