"""What is near beside a bare Flask hello: the nearest twenty shops within 2 km, asked for by POST, on SQLite.

Once at 5,000 shops, as many as the territory has, and once at 1,200,000: the same town 240 times over, as far apart as
the country is wide, so that a street is as full as before and only the table is larger. Every shop of the first town
has two live offers on average; those of the others have none. PostGIS answers the same question from the same points
by its KNN index, where it installs.
"""

import datetime as dt
import random
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import orjson
import psycopg
from sqlalchemy import Table
from sqlalchemy.engine import make_url

from bench import load
from bench.drawing import moment
from bench.feed import ROUNDS, SECONDS, Measured, served
from bench.figures import Figure, median
from bench.searching import Timed, drawn_shops
from bench.town import SERVER, server
from citylife import migrations
from citylife.around import Asked, shops_around
from citylife.database import engine_for, new_id
from citylife.invented.loading import Loader
from citylife.neighbourhood import Neighbourhood
from citylife.offers import Offer
from citylife.shops import Shop

SHOPS: Final = 5_000
COPIES: Final = 240
OFFERS: Final = 10_000
NEAREST: Final = 20
RADIUS: Final = 2_000
QUESTIONS: Final = 500
COLUMNS: Final = 16
STEP: Final = (0.55, 0.75)
"""How far one town lies from the next, degrees of latitude and longitude: farther than any is wide."""
FIRST: Final = (-13, -9)
"""Where the copies begin, in steps from the true town."""
SPREAD: Final = 0.004
"""Of shops around the middle of their commune, degrees of latitude: most within 500 m."""
FLOOR: Final = 0.20
"""The least it may reach of a bare hello's requests a second."""
DEAREST: Final = 1.5
"""How many times the SQL at 5,000 shops it may take at 1,200,000."""


def drawn(now: dt.datetime) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The shops of one town, gathered around the middles of its communes, and their offers, as SQLite stores them."""
    rng = random.Random(20)
    shops = list(drawn_shops(SHOPS))
    for shop in shops:
        shop["latitude"] += rng.gauss(0, SPREAD)
        shop["longitude"] += rng.gauss(0, SPREAD * 1.6)
        shop["opening_hours"] = rng.choice(("Mo-Sa 08:00-19:00", "Tu-Su 07:00-13:00", "Mo-Fr 09:00-18:30; PH off"))
    return shops, [_offer(shop, number, now) for number, shop in enumerate(rng.choices(shops, k=OFFERS))]


def _offer(shop: dict[str, Any], number: int, now: dt.datetime) -> dict[str, Any]:
    offer_id, until = new_id(), now + dt.timedelta(days=3 + number % 11)
    said = {
        "id": str(offer_id),
        "kind": "offer",
        "title": f"Panier du jour n° {number}",
        "description": "Cueilli ou cuit ce matin, à venir chercher avant la fermeture.",
        "price": {"amount": "4.50", "currency": "EUR"},
        "prior_price": None,
        "reduction": False,
        "perishable": True,
        "quantity": 12,
        "starts_at": None,
        "ends_at": until.isoformat(),
        "sold_out_at": None,
        "shop": {"id": str(uuid.UUID(bytes=shop["id"])), "slug": shop["slug"], "name": shop["name"]},
    }
    return {
        "id": offer_id.bytes,
        "shop_id": shop["id"],
        "kind": "offer",
        "status": "live",
        "title": said["title"],
        "description": said["description"],
        "price": 450,
        "reduction": 0,
        "perishable": 1,
        "quantity": 12,
        "radius": 5_000,
        "ends_at": moment(until),
        "first_saved_at": moment(now),
        "live_from": moment(now),
        "updated_at": moment(now),
        "version": 1,
        "piece": orjson.dumps(said).decode(),
    }


def copied(shops: Sequence[dict[str, Any]], copies: int) -> Iterator[dict[str, Any]]:
    """The same town so many times, the first where it is, the others in rows and columns away from it."""
    yield from shops
    spots = ((row, column) for row in range(FIRST[0], 99) for column in range(FIRST[1], FIRST[1] + COLUMNS))
    apart = (spot for spot in spots if spot != (0, 0))
    for copy in range(1, copies):
        row, column = next(apart)
        for number, shop in enumerate(shops):
            yield {
                **shop,
                "id": new_id().bytes,
                "slug": f"copie-{copy}-{number}",
                "latitude": shop["latitude"] + row * STEP[0],
                "longitude": shop["longitude"] + column * STEP[1],
            }


def positions(shops: Sequence[dict[str, Any]]) -> list[tuple[float, float]]:
    """Where people ask: within a few hundred metres of shops drawn by lot."""
    rng = random.Random(21)
    return [
        (shop["latitude"] + rng.gauss(0, 0.002), shop["longitude"] + rng.gauss(0, 0.003))
        for shop in rng.choices(shops, k=QUESTIONS)
    ]


def measure(folder: Path) -> Iterator[Figure]:
    """Both towns in turn, each in a file of its own that is gone afterwards; then PostGIS."""
    folder.mkdir(parents=True, exist_ok=True)
    shops, offers = drawn(dt.datetime.now(dt.UTC))
    where = positions(shops)
    small: dict[str, float] = {}
    ours: dict[int, float] = {}
    for copies in (1, COPIES):
        path = folder / f"around-{copies}.db"
        _without(path)
        url = f"sqlite:///{path}"
        _built(url, copied(shops, copies), offers)
        label = f"nearest {NEAREST} within 2 km, sqlite, {SHOPS * copies:,} shops"
        yield from _beside_hello(label, url, where)
        for kind, known in (("", None), ("first to ask there, ", Neighbourhood)):
            sql, whole = _in_process(url, where, known)
            small.setdefault(kind, sql)
            ours.setdefault(copies, whole)
            yield Figure.against(f"{label}: {kind}SQL, median", sql, "µs", small[kind])
            yield Figure(f"{label}: {kind}in order by true distance, median", whole, "µs")
        _without(path)
    for copies in (1, COPIES):
        spots = [(shop["latitude"], shop["longitude"]) for shop in copied(shops, copies)]
        yield from _beside_postgis(spots, where, ours[copies])


def _built(url: str, shops: Iterator[dict[str, Any]], offers: list[dict[str, Any]]) -> None:
    engine = engine_for(url)
    migrations.upgrade(engine)
    with engine.connect() as connection:
        loader = Loader(connection)
        loader.begin()
        for model, rows in ((Shop, shops), (Offer, iter(offers))):
            table = model.__table__
            assert isinstance(table, Table)
            loader.fill(table, rows)
        loader.end()
    engine.dispose()


def _without(path: Path) -> None:
    for leftover in path.parent.glob(f"{path.name}*"):
        leftover.unlink()


def _beside_hello(label: str, url: str, where: Sequence[tuple[float, float]]) -> Iterator[Figure]:
    requests = [
        load.request(
            "/api/v1/nearby",
            {"Content-Type": "application/json"},
            method="POST",
            body=orjson.dumps(
                {"position": {"latitude": point[0], "longitude": point[1]}, "radius": RADIUS, "limit": NEAREST}
            ),
        )
        for point in where
    ]
    settings = {"CITYLIFE_DATABASE_URL": url, "CITYLIFE_LIMITS": "*=1000000"}
    with served("bench.hello:create_app", {}) as bare, served("wsgi:create_app", settings) as ours:
        found = check_answers(ours, requests)
        load.measure(ours, requests, SECONDS)
        hello, near = Measured(bare, [load.request("/")]), Measured(ours, requests)
        for _ in range(ROUNDS):
            hello.round(SECONDS)
            near.round(SECONDS)
    yield Figure.against(f"{label} (wanted: {FLOOR:.0%})", near.per_second, "requests/s", hello.per_second)
    yield Figure.against(
        f"{label}: of its processor", near.per_processor_second, "requests/s", hello.per_processor_second
    )
    yield Figure(f"{label}: shops in an answer", found, "shops")
    yield Figure(f"{label}: an answer takes", median([rate.latency for rate in near.rates]) * 1000, "ms")


def check_answers(port: int, requests: Sequence[bytes]) -> float:
    """See that callers get shops in the order of their distances; how many an answer has, in the middle."""
    counts = []
    for wanted in requests[:100]:
        head, _, body = load.ask(port, wanted).partition(b"\r\n\r\n")
        items = orjson.loads(body)["items"]
        away = [item["distance"] for item in items]
        if b" 200 " not in head.split(b"\r\n", 1)[0] or away != sorted(away) or max(away, default=0) > RADIUS:
            raise SystemExit(f"What is near is not answered rightly: {head.decode()}\n{body[:300].decode()}")
        counts.append(len(items))
    return median(counts)


def _in_process(
    url: str, where: Sequence[tuple[float, float]], known: type[Neighbourhood] | None
) -> tuple[float, float]:
    """Median microseconds of the SQL of one question, and of everything until the twenty are in order.

    The database finds the shops, or else a process that keeps them in memory and knows none yet.
    """
    engine, now = engine_for(url), dt.datetime.now(dt.UTC)
    sql, whole = [], []
    with engine.connect() as connection:
        timed: Any = Timed(connection)
        for _ in range(ROUNDS):
            for latitude, longitude in where:
                before = timed.seconds
                begun = time.perf_counter()
                asked = Asked(latitude=latitude, longitude=longitude, radius=RADIUS, limit=NEAREST)
                shops_around(timed, asked, now=now, known=known and known())
                whole.append((time.perf_counter() - begun) * 1e6)
                sql.append((timed.seconds - before) * 1e6)
    engine.dispose()
    return median(sql), median(whole)


def _beside_postgis(
    shops: Sequence[tuple[float, float]], where: Sequence[tuple[float, float]], ours: float
) -> Iterator[Figure]:
    """PostGIS's own nearest twenty from the same points, by its KNN index; nothing where it does not install.

    It is held against `ours`: the microseconds until SQLite's twenty are in order by true distance.
    """
    name = "citylife_bench_around"
    with server() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        cursor.execute(f"CREATE DATABASE {name}")
        url = make_url(SERVER).set(drivername="postgresql", database=name).render_as_string(hide_password=False)
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                yield from _knn(connection, shops, where, ours)
        except psycopg.errors.FeatureNotSupported:
            print("  PostGIS is left out: it is not installed on the server")
        finally:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _knn(
    connection: psycopg.Connection[Any],
    shops: Sequence[tuple[float, float]],
    where: Sequence[tuple[float, float]],
    ours: float,
) -> Iterator[Figure]:
    connection.execute("CREATE EXTENSION postgis")
    connection.execute("CREATE TABLE spots (id bigserial PRIMARY KEY, at geography(point) NOT NULL)")
    with connection.cursor().copy("COPY spots (at) FROM STDIN") as copy:
        for latitude, longitude in shops:
            copy.write_row((f"SRID=4326;POINT({longitude} {latitude})",))
    connection.execute("CREATE INDEX ON spots USING gist (at)")
    connection.execute("VACUUM ANALYZE spots")
    question = (
        "SELECT id, spots.at <-> here.at FROM spots, (SELECT ST_MakePoint(%s, %s)::geography AS at) AS here "
        "WHERE ST_DWithin(spots.at, here.at, %s) ORDER BY spots.at <-> here.at LIMIT %s"
    )
    times = []
    for _ in range(ROUNDS):
        for latitude, longitude in where:
            begun = time.perf_counter()
            connection.execute(question, (longitude, latitude, RADIUS, NEAREST)).fetchall()
            times.append((time.perf_counter() - begun) * 1e6)
    label = f"the same by PostGIS's KNN, {len(shops):,} shops: SQL, median"
    yield Figure.against(label, median(times), "µs", ours)
