"""The town that the benches and the long proofs draw by lot fits the schema of today, on both databases."""

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, func, select, text

from bench import drawing
from bench.crowd import teach
from bench.drawing import CrowdedDraw
from bench.late import made_late, rules_of
from bench.town import LATE, build_town
from blueprints.pieces import piece_of
from citylife.accounts.citizens import Citizen, CitizenToken
from citylife.database import Base, engine_for, reading
from citylife.devices import Device
from citylife.follows import Follow
from citylife.hot import speaks_for
from citylife.offers import Offer
from citylife.search import SearchEntry, SearchGram, fill
from citylife.shops import Shop
from tests.builders import NOW
from tests.conftest import Brooms

SMALL = 0.0005


def test_a_small_town_is_loaded_whole(engine: Engine) -> None:
    town = build_town(engine, SMALL)

    with engine.connect() as connection:
        counts = [connection.scalar(select(func.count()).select_from(model)) for model in (Shop, Offer, Citizen)]
        unproved = connection.scalars(select(Shop.unproved)).all()
    assert counts == [town.shops + 1, town.offers, town.citizens]
    assert not any(unproved)


@pytest.mark.usefixtures("few_known")
def test_whoever_calls_follows_twenty_shops_and_everybody_else_as_many_as_wanted(engine: Engine) -> None:
    town = build_town(engine, 0.002, follows=2)

    with engine.connect() as connection:
        callers = {speaks_for(connection, token) for token in town.tokens}
        followed = Counter(connection.scalars(select(Follow.citizen_id)))
        shops = Counter(connection.scalars(select(Follow.shop_id)))
        citizens = set(connection.scalars(select(Citizen.id)))
    assert len(callers) == 20
    assert {citizen: followed[citizen] for citizen in citizens} == {
        citizen: 20 if citizen in callers else 2 for citizen in citizens
    }
    assert shops[uuid.UUID(town.fan_out_shop)] == town.followers == 30
    assert uuid.UUID(town.quiet_shop) not in shops


def test_what_is_written_of_an_offer_is_what_the_house_would_write(engine: Engine) -> None:
    build_town(engine, 0.002)

    with reading(engine)() as session:
        offers = session.execute(select(Offer, Shop).join(Shop, Shop.id == Offer.shop_id)).all()
        assert offers
        for offer, shop in offers:
            assert offer.piece == piece_of(offer, shop)


def test_its_shops_and_offers_are_found_by_the_words_the_house_would_write(engine: Engine) -> None:
    build_town(engine, SMALL)
    tables = SearchEntry.__table__, SearchGram.__table__

    with engine.execution_options(writes=True).begin() as connection:
        drawn = [sorted(connection.execute(select(table)).all(), key=repr) for table in tables]
        fill(connection)
        anew = [sorted(connection.execute(select(table)).all(), key=repr) for table in tables]
    assert all(drawn)
    assert drawn == anew


@pytest.fixture
def on_postgresql(postgres_url: str) -> Iterator[Engine]:
    """PostgreSQL alone, where the server draws the citizens."""
    engine = engine_for(postgres_url)
    yield engine
    engine.dispose()


@pytest.fixture
def few_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not everybody of a small town hears of the fan-out, or calls."""
    monkeypatch.setattr(drawing, "FOLLOWERS", 30)
    monkeypatch.setattr(drawing, "CALLERS", 20)


@pytest.mark.usefixtures("few_known")
def test_citizens_drawn_by_the_server_are_those_of_the_draw(on_postgresql: Engine) -> None:
    town = build_town(on_postgresql, SMALL, now=NOW)

    with reading(on_postgresql)() as session:
        citizens = session.scalars(select(Citizen)).all()
        hearing = set(session.scalars(select(Follow.citizen_id).where(Follow.shop_id == uuid.UUID(town.fan_out_shop))))
        phones = set(session.scalars(select(Device.citizen_id)))
    draw = CrowdedDraw(SMALL, 62, NOW)
    for citizen in citizens:
        assert {name: as_drawn(getattr(citizen, name)) for name in draw.citizen(bytes(16))} == draw.citizen(
            citizen.id.bytes, hears=citizen.id in hearing
        )
    assert len(hearing) == 30
    assert phones == hearing
    assert all(dt.timedelta(0) <= NOW - citizen.created_at <= dt.timedelta(days=400) for citizen in citizens)


@pytest.mark.usefixtures("few_known")
def test_rows_lie_in_the_order_in_which_citizens_came(on_postgresql: Engine) -> None:
    build_town(on_postgresql, 0.002)

    with on_postgresql.connect() as connection:
        for model, key in ((Citizen, Citizen.id), (CitizenToken, CitizenToken.citizen_id), (Follow, Follow.citizen_id)):
            lying = connection.scalars(
                select(key).select_from(model).order_by(text(f"{model.__tablename__}.ctid"))
            ).all()
            assert len(lying) >= 560
            assert lying == sorted(lying)


@pytest.mark.usefixtures("few_known")
def test_the_same_seed_and_moment_give_the_same_crowd(on_postgresql: Engine, brooms: Brooms) -> None:
    crowds = []
    for seed in (5, 5, 6):
        build_town(on_postgresql, SMALL, seed, now=NOW)
        with on_postgresql.connect() as connection:
            crowds.append({tuple(row) for row in connection.execute(select(Follow.__table__))})
        brooms.sweep(on_postgresql.url.render_as_string(hide_password=False))
    assert crowds[0] == crowds[1]
    assert not crowds[0] & crowds[2]


def test_shops_are_drawn_by_one_over_their_rank(on_postgresql: Engine) -> None:
    drawn, shops = 20_000, 50
    with plainly(on_postgresql) as connection:
        teach(connection)
        ranks = Counter(
            rank
            for (rank,) in connection.execute(
                "SELECT unnest(pg_temp.ranks(md5(n::text)::uuid, 1, %s, false)) FROM generate_series(1, %s) AS n",
                (shops, drawn),
            )
        )
    whole = sum(1 / rank for rank in range(1, shops + 1))
    assert set(ranks) <= set(range(1, shops + 1))
    for rank in range(1, shops + 1):
        wanted = drawn / rank / whole
        assert ranks[rank] == pytest.approx(wanted, abs=4 * wanted**0.5)


@pytest.mark.usefixtures("few_known")
def test_nothing_refers_to_what_is_not_there(on_postgresql: Engine) -> None:
    build_town(on_postgresql, SMALL)

    with plainly(on_postgresql) as connection:
        keys = connection.execute(
            "SELECT conrelid::regclass::text, confrelid::regclass::text, a.attname, b.attname "
            "FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = conkey[1] "
            "JOIN pg_attribute b ON b.attrelid = confrelid AND b.attnum = confkey[1] "
            "WHERE contype = 'f' AND cardinality(conkey) = 1"
        ).fetchall()
        assert ("follows", "citizens", "citizen_id", "id") in keys
        for table, other, column, key in keys:
            lost = connection.execute(
                f"SELECT count(*) FROM {table} t WHERE t.{column} IS NOT NULL "
                f"AND NOT EXISTS (SELECT 1 FROM {other} o WHERE o.{key} = t.{column})"
            ).fetchone()
            assert lost == (0,), (table, column)


@pytest.mark.usefixtures("few_known")
def test_a_loaded_town_has_the_schema_of_the_migrations(on_postgresql: Engine) -> None:
    with plainly(on_postgresql) as connection:
        before = {table: rules_of(connection, table) for table in Base.metadata.tables}

    build_town(on_postgresql, SMALL)

    with plainly(on_postgresql) as connection:
        assert {table: rules_of(connection, table) for table in Base.metadata.tables} == before
    assert sum(map(len, before.values())) > 100


def test_indexes_are_left_out_while_rows_come_but_not_what_a_foreign_key_rests_on(on_postgresql: Engine) -> None:
    with plainly(on_postgresql) as connection, made_late(lambda: plainly(on_postgresql), LATE):
        assert rules_of(connection, "follows") == [
            "fk_follows_citizen_id FOREIGN KEY (citizen_id) REFERENCES citizens(id) ON DELETE CASCADE",
            "fk_follows_shop_id FOREIGN KEY (shop_id) REFERENCES shops(id)",
        ]
        assert "pk_shops PRIMARY KEY (id)" in rules_of(connection, "shops")


def test_tables_that_are_not_as_they_were_are_told(on_postgresql: Engine) -> None:
    with (
        plainly(on_postgresql) as connection,
        pytest.raises(RuntimeError, match="follows is not as it was"),
        made_late(lambda: plainly(on_postgresql), LATE),
    ):
        connection.execute("ALTER TABLE follows ADD CONSTRAINT stray CHECK (true)")
    with plainly(on_postgresql) as connection:
        connection.execute("ALTER TABLE follows DROP CONSTRAINT stray")


def plainly(engine: Engine) -> psycopg.Connection[Any]:
    """A connection of the driver's own."""
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(url, autocommit=True)


def as_drawn(value: Any) -> Any:
    """A value as the draw tells it."""
    if isinstance(value, uuid.UUID):
        return value.bytes
    if isinstance(value, dt.datetime):
        return drawing.moment(value)
    if isinstance(value, dt.time):
        return value.isoformat("microseconds")
    return int(value) if isinstance(value, bool) else value
