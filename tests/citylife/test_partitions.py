"""The large tables are cut and made whole again without losing a row; a citizen's rows and a claim stay in one part."""

import json
import re
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql
from sqlalchemy import Engine, func, insert, inspect, select, text
from sqlalchemy.exc import DBAPIError, OperationalError

from citylife import feed, migrations, partitions
from citylife.accounts.citizens import Citizen
from citylife.backup.archive import reading_from
from citylife.backup.restoring import Graves, restore
from citylife.backup.saving import save
from citylife.backup.shapes import shapes_of, sums_of
from citylife.buckets import BUCKET_IN_SQL, BUCKETS, bucket_of
from citylife.database import engine_for, new_id, writing
from citylife.devices import Device
from citylife.follows import Follow, Level
from citylife.ledger import claims, expansion, lanes, sums
from citylife.ledger.lanes import Lane, open_lanes
from citylife.ledger.statements import NIL, Statement
from citylife.ledger.tables import Delivery
from citylife.migrations import Schema
from citylife.partitions import COUNTS, SCHEMA, TABLES, NotAsWished, cut, make_whole, partition_names, weigh
from citylife.tombstones import Tombstones
from tests import builders
from tests.builders import NOW
from tests.citylife.test_migrations import differences
from tests.citylife.test_migrations_on_many_rows import fill
from tests.conftest import a_postgres_database

FOLLOWERS = 40


@pytest.fixture
def engine() -> Iterator[Engine]:
    """A migrated PostgreSQL database of this test alone, since its tables are made anew."""
    with a_postgres_database() as url:
        engine = engine_for(url)
        migrations.upgrade(engine)
        yield engine
        engine.dispose()


def everything(engine: Engine) -> dict[str, Any]:
    with engine.connect() as connection:
        return dict(sums_of(connection, shapes_of(migrations.metadata)))


def a_town(engine: Engine) -> uuid.UUID:
    """A shop with followers, one announcement of it expanded to them all; the shop's id."""
    with writing(engine).begin() as session:
        shop = builders.a_shop(session)
        for _ in range(FOLLOWERS):
            builders.a_follower(session, shop)
        builders.an_offer(session, shop)
        expansion.expand_page(session, now=NOW)
        return shop.id


def a_part_of(engine: Engine, citizen_id: uuid.UUID) -> int:
    """The number of the partition in which PostgreSQL itself has put a citizen's follows."""
    with engine.connect() as connection:
        found = select(text("tableoid::regclass::text")).select_from(Follow).where(Follow.citizen_id == citizen_id)
        return int(str(connection.scalar(found.limit(1))).rpartition("_")[2])


@pytest.mark.long
@pytest.mark.parametrize("count", COUNTS)
def test_cut_and_whole_again_every_row_is_as_it_was_and_so_is_the_schema(engine: Engine, count: int):
    a_town(engine)
    before = everything(engine)
    moved: list[int] = []

    cut(engine, count, moved=moved.append)

    assert everything(engine) == before
    with engine.connect() as connection:
        found = weigh(connection)
        assert {(size.name, size.partitions) for size in found.sizes} == {(name, count) for name in TABLES}
        assert sum(moved) == partitions.rows_to_move(connection) == 4 * FOLLOWERS
    assert migrations.schema_of(engine) is Schema.CURRENT
    assert differences(engine) == []
    assert set(inspect(engine).get_table_names()) == {*migrations.metadata.tables, "alembic_version"}
    names = {name.partition(".")[2] for table in TABLES for name in partition_names(table, count)}
    assert set(inspect(engine).get_table_names(schema=SCHEMA)) == names

    make_whole(engine)

    assert everything(engine) == before
    assert differences(engine) == []
    with engine.connect() as connection:
        assert not any(size.partitions for size in weigh(connection).sizes)
    assert SCHEMA not in inspect(engine).get_schema_names()


@pytest.mark.long
def test_a_hundred_thousand_rows_are_cut_migrated_down_and_up_and_made_whole(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(partitions, "PAGE", 3_000)
    fill(engine)
    before = everything(engine)
    assert sum(held.rows for held in before.values()) > 100_000
    cut(engine, 16)
    assert everything(engine) == before
    migrations.downgrade(engine, "0001")
    migrations.upgrade(engine)
    after = everything(engine)
    assert {name: after[name] for name in TABLES} == {name: before[name] for name in TABLES}
    assert differences(engine) == []
    with engine.connect() as connection:
        assert weigh(connection).cut, "later steps of the schema leave the tables cut"
    make_whole(engine)
    assert {name: held for name, held in everything(engine).items() if name in TABLES} == {
        name: before[name] for name in TABLES
    }


@pytest.mark.long
def test_going_down_to_nothing_and_up_again_makes_whole_tables(engine: Engine):
    a_town(engine)
    cut(engine, 4)
    migrations.downgrade(engine, "base")
    migrations.upgrade(engine)
    assert differences(engine) == []
    with engine.connect() as connection:
        assert not weigh(connection).cut
    cut(engine, 4)


@pytest.mark.long
def test_a_backup_of_tables_that_are_cut_is_restored_over_them_into_whole_ones(
    engine: Engine, tmp_path: Path, tombstones: Tombstones
):
    a_town(engine)
    cut(engine, 4)
    before = everything(engine)
    save(engine, tmp_path / "town.backup", now=NOW)

    with reading_from(tmp_path / "town.backup") as archive:
        restore(engine, archive, Graves(tombstones=tombstones), replacing=True, now=NOW)

    after = everything(engine)
    assert {name for name in before if before[name] != after[name]} <= {"audit_log"}
    assert differences(engine) == []
    with engine.connect() as connection:
        assert not weigh(connection).cut
    cut(engine, 4)
    assert everything(engine) == after


def test_cutting_is_all_or_nothing(engine: Engine):
    a_town(engine)
    before = everything(engine)

    class Killed(Exception):
        pass

    tables: list[int] = []

    def killed(rows: int) -> None:
        tables.append(rows)
        if len(tables) == len(TABLES):
            raise Killed

    with pytest.raises(Killed):
        cut(engine, 8, moved=killed)

    assert everything(engine) == before
    assert differences(engine) == []
    with engine.connect() as connection:
        assert not any(size.partitions for size in weigh(connection).sizes)


def test_twice_changes_nothing_and_says_so(engine: Engine):
    with pytest.raises(NotAsWished):
        make_whole(engine)
    cut(engine, 4)
    with pytest.raises(NotAsWished):
        cut(engine, 8)
    with pytest.raises(ValueError, match="5"):
        cut(engine, 5)


@pytest.mark.long
def test_grants_to_others_stay_and_there_are_no_triggers_to_lose(engine: Engine):
    with engine.begin() as connection:
        connection.execute(text("GRANT SELECT ON deliveries TO PUBLIC"))
    cut(engine, 4)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT relacl::text LIKE '%,=r/%' FROM pg_class WHERE relname = 'deliveries'"))
        triggers = "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = CAST(:name AS regclass)"
        for name in TABLES:
            assert connection.scalar(text(triggers), {"name": name}) == 0, "cutting does not carry triggers over yet"


@pytest.mark.long
def test_the_tables_are_not_waited_for_for_ever(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(partitions, "PATIENCE", "200ms")
    with engine.begin() as holder:
        holder.execute(text("SELECT 1 FROM deliveries"))
        with pytest.raises(OperationalError, match="lock timeout"):
            cut(engine, 4)
    cut(engine, 4)


@pytest.mark.long
def test_who_reads_meanwhile_waits_and_then_finds_everything(engine: Engine):
    shop_id = a_town(engine)
    begun, found = threading.Event(), []

    def read() -> None:
        begun.wait(60)
        with engine.connect() as connection:
            found.append(connection.scalar(select(func.count()).where(Follow.shop_id == shop_id)))

    reader = threading.Thread(target=read)
    reader.start()
    cut(engine, 4, moved=lambda _: begun.set())
    reader.join(60)
    assert found == [FOLLOWERS]


def test_the_bucket_of_a_citizen_is_the_partition_postgresql_puts_her_in(engine: Engine):
    cut(engine, BUCKETS)
    with writing(engine).begin() as session:
        shop = builders.a_shop(session)
        hers = [builders.a_follower(session, shop).id for _ in range(FOLLOWERS)]
    assert [bucket_of(citizen) for citizen in hers] == [a_part_of(engine, citizen) for citizen in hers]
    some = [uuid.uuid4() for _ in range(200)]
    with engine.connect() as connection:
        hashed = text(f"SELECT {BUCKET_IN_SQL.format(id='CAST(:id AS uuid)')}")
        assert [bucket_of(one) for one in some] == [connection.scalar(hashed, {"id": str(one)}) for one in some]
    assert set(map(bucket_of, some)) == set(range(BUCKETS))


@pytest.mark.long
def test_citizens_of_an_older_hash_are_given_their_bucket_when_the_tables_are_cut(engine: Engine):
    a_town(engine)
    with writing(engine).begin() as session:
        for table in ("citizens", "devices", "deliveries"):
            session.execute(text(f"UPDATE {table} SET bucket = (bucket + 1) % 16"))
    cut(engine, 8)
    with writing(engine).begin() as session:
        for wanted in (
            select(Citizen.id, Citizen.bucket),
            select(Device.citizen_id, Device.bucket),
            select(Delivery.citizen_id, Delivery.bucket),
        ):
            rows = session.execute(wanted).all()
            assert len(rows) == FOLLOWERS
            assert all(bucket_of(citizen) == bucket for citizen, bucket in rows)


def test_a_row_of_another_bucket_is_refused(engine: Engine):
    a_town(engine)
    cut(engine, 16)
    with pytest.raises(DBAPIError, match="ck_deliveries_buckets"), engine.begin() as connection:
        connection.execute(text("UPDATE deliveries SET bucket = (bucket + 1) % 16"))


# What a statement really touches is asked of EXPLAIN ANALYZE, on a plan made for any value, as the house makes them.


def touched(engine: Engine, statement: Statement, **values: Any) -> tuple[set[str], set[str]]:
    """Which partitions a statement really reads or writes, and by which indexes; what it did is rolled back."""
    names: list[str] = []

    def numbered(blank: re.Match[str]) -> str:
        names.append(blank[1])
        return f"${len(names)}"

    words = re.sub(r"%\((\w+)\)s", numbered, statement._texts["postgresql"])
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        driver.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        driver.execute("SET LOCAL enable_seqscan = off")  # so few rows would be read without any index
        driver.execute(f"PREPARE asked AS {words}")
        given = sql.SQL(", ").join(sql.Literal(values[name]) for name in names)
        explained = sql.SQL("EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE asked ({})").format(given)
        (answer,) = driver.execute(explained).fetchone()
        driver.execute("DEALLOCATE asked")
        connection.rollback()
    plan = answer if isinstance(answer, list) else json.loads(answer)
    nodes = [node for node in every_node(plan[0]["Plan"]) if node["Actual Loops"]]
    parts = {node["Relation Name"] for node in nodes if re.search(r"_\d\d$", node.get("Relation Name", ""))}
    return parts, {node["Index Name"] for node in nodes if "Index Name" in node}


def every_node(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from every_node(part)


@pytest.fixture
def parted(engine: Engine) -> Engine:
    """A small town on tables that are cut into sixteen."""
    a_town(engine)
    cut(engine, 16)
    return engine


@pytest.mark.long
def test_a_feed_reads_one_partition(parted: Engine):
    with parted.connect() as connection:
        citizen = connection.scalars(select(Follow.citizen_id).limit(1)).one()
    parts, _ = touched(parted, feed._PAGE, citizen=citizen, ends_at=NOW, offer=NIL, most=21)
    assert parts == {f"follows_{bucket_of(citizen):02}"}


@pytest.mark.long
def test_a_claim_reads_and_writes_the_partitions_of_its_bucket_alone(parted: Engine):
    with parted.connect() as connection:
        bucket, origin = connection.execute(select(Delivery.bucket, Delivery.origin_id).limit(1)).one()
    values = {"bucket": bucket, "origin": origin, "now": NOW, "most": 100, "fence": 7, "lease": NOW}
    parts, indexes = touched(parted, claims._CLAIMS_ON_POSTGRESQL[bucket], **values)
    assert parts == {f"{name}_{bucket:02}" for name in ("deliveries", "devices", "follows")}
    assert f"deliveries_{bucket:02}_bucket_origin_id_next_at_idx" in indexes
    with writing(parted).begin() as session:
        assert {lane.bucket for lane in open_lanes(session, now=NOW)} == set(session.scalars(select(Delivery.bucket)))
        assert claims.claim(session, Lane(bucket, origin, ""), now=NOW).rows > 0


@pytest.mark.long
def test_looking_for_open_lanes_seeks_each_bucket_in_its_own_partition(parted: Engine):
    parts, indexes = touched(parted, lanes._LANES, now=NOW)
    assert parts <= {f"deliveries_{bucket:02}" for bucket in range(BUCKETS)}
    assert indexes <= {"pk_origins", *(f"deliveries_{bucket:02}_bucket_origin_id_next_at_idx" for bucket in range(16))}
    with parted.connect() as connection:
        words = lanes._LANES._texts["postgresql"].replace("%(now)s", "now()")
        plan = json.dumps(connection.scalar(text(f"EXPLAIN (FORMAT JSON) {words}")))
    assert len(re.findall(r'"Relation Name": "deliveries_\d\d"', plan)) == BUCKETS, "one seek a lane, and no more"


@pytest.mark.long
def test_whether_others_wait_is_read_from_both_ends_of_each_lane(parted: Engine):
    parts, indexes = touched(parted, lanes._OTHERS, now=NOW, message=NIL)
    assert parts <= {f"deliveries_{bucket:02}" for bucket in range(BUCKETS)}
    assert indexes <= {"pk_origins", *(f"deliveries_{bucket:02}_bucket_origin_id_next_at_idx" for bucket in range(16))}


@pytest.mark.long
def test_a_fan_out_reads_every_partition_by_shop_and_citizen(parted: Engine):
    with parted.connect() as connection:
        shop = connection.scalars(select(Follow.shop_id).limit(1)).one()
    many(parted, shop)
    for statement in (expansion._UPPER, expansion._LAST):
        parts, indexes = touched(parted, statement, shop=shop, cursor=NIL, skip=20)
        assert parts == {f"follows_{number:02}" for number in range(16)}
        assert indexes == {f"follows_{number:02}_shop_id_citizen_id_level_idx" for number in range(16)}


def many(engine: Engine, shop: uuid.UUID) -> None:
    """Other shops' follows, so that an index is worth it."""
    with writing(engine).begin() as session:
        others = [builders.a_shop(session).id for _ in range(60)]
        citizens = [new_id() for _ in range(3_000)]
        session.execute(
            insert(Citizen),
            [{"id": one, "created_at": NOW, "bucket": bucket_of(one), "locale": "fr"} for one in citizens],
        )
        session.execute(
            insert(Follow),
            [
                {"citizen_id": one, "shop_id": other, "level": Level.NORMAL, "begun_at": NOW}
                for number, one in enumerate(citizens)
                for other in (*(others[(number * 7 + step) % 60] for step in range(5)), *[shop] * (number % 8 == 0))
            ],
        )
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("VACUUM (ANALYZE) follows"))


@pytest.mark.long
def test_old_rows_leave_tables_that_are_cut_in_small_batches_too(parted: Engine):
    later = NOW + sums.KEPT_FOR * 2
    with writing(parted).begin() as session:
        session.execute(text("UPDATE deliveries SET state = 'accepted', accepted_at = next_at"))
    left = []
    while True:
        with writing(parted).begin() as session:
            left.append(sums.forget_deliveries(session, now=later, most=15))
        if left[-1] < 15:
            break
    assert left == [15, 15, 10]


@pytest.mark.parametrize(
    ("rows", "size", "worth"), [(1, 1, False), (1, 5, True), (50_000_001, 1, True)], ids=["small", "large", "many"]
)
def test_cutting_is_worth_it_when_memory_is_short_or_rows_are_many(rows: int, size: int, worth: bool):
    found = partitions.Weighed((partitions.Size("follows", rows, size, 0),), memory=4)
    assert (found.too_large or found.too_many) is worth
