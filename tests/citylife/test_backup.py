"""What is backed up comes back, whole or not at all, on either database; nobody who left comes back with it."""

import datetime as dt
import random
import shutil
import stat
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
import sqlalchemy as sa
from sqlalchemy import Engine, func, inspect, select
from sqlalchemy.orm import Session, sessionmaker

from citylife import audit, migrations
from citylife.accounts.citizens import Citizen, CitizenDay, ErasureReceipt, citizen_of
from citylife.accounts.erasure import Replayed, erase_citizen
from citylife.accounts.moving import make_recovery_code, make_transfer_code
from citylife.accounts.sessions import Account, AccountKind, open_session, session_of
from citylife.answers import begin_answer, keep_answer
from citylife.audit import Actor, AuditEntry
from citylife.backup.archive import BackupRefused, Manifest, reading_from, writing_to
from citylife.backup.restoring import Graves, Restored, check, restore
from citylife.backup.saving import save
from citylife.backup.shapes import Kind, Shape, Sum, kind_of, lines_of, shapes_of, summed, sums_of
from citylife.database import engine_for, writing
from citylife.devices import origin_id
from citylife.follows import unfollow
from citylife.ledger.claims import LEASE, claim
from citylife.ledger.lanes import open_lanes
from citylife.ledger.settlement import Settlement, settle, sweep
from citylife.ledger.tables import Delivery, DeliveryState
from citylife.tombstones import Tombstones
from tests import builders
from tests.builders import NOW
from tests.conftest import a_postgres_database

MINUTE = dt.timedelta(minutes=1)
OWN_WORDS = {"audit_log", "account_sessions"}
"""Where a restoration writes: that it happened, and that everybody signs in again."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "backup.zip"


@pytest.fixture
def graves(tombstones: Tombstones) -> Graves:
    return Graves(tombstones=tombstones)


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database with nothing in it at all, of each kind."""
    if request.param == "sqlite":
        engine = engine_for(f"sqlite:///{tmp_path / 'target.db'}")
        yield engine
        engine.dispose()
        return
    with a_postgres_database() as url:
        engine = engine_for(url)
        yield engine
        engine.dispose()


@pytest.fixture
def source(sqlite_template: Path, tmp_path: Path) -> Iterator[Engine]:
    """A migrated SQLite database, where it does not matter from which kind the backup was made."""
    shutil.copyfile(sqlite_template, tmp_path / "source.db")
    engine = engine_for(f"sqlite:///{tmp_path / 'source.db'}")
    yield engine
    engine.dispose()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Engine]:
    """A SQLite database with nothing in it, where the kind does not matter."""
    engine = engine_for(f"sqlite:///{tmp_path / 'empty.db'}")
    yield engine
    engine.dispose()


def a_life(session: Session) -> uuid.UUID:
    """A little of everything, in awkward values too; the id of a citizen."""
    shop = builders.a_shop(session, "Chez « Léon »\\ 🥖", open_until="19:00")
    left = builders.a_shop(session)
    offer = builders.an_offer(session, shop, description="Ligne 1\nLigne 2 \\N \\. fin", price=450)
    citizen = builders.a_follower(session, shop, devices=2)
    builders.a_follow(session, citizen, left)
    unfollow(session, citizen.id, left.id, now=NOW)
    builders.a_delivery(session, citizen, offer.id, accepted_at=NOW + dt.timedelta(microseconds=1))
    builders.a_key(session, builders.a_merchant(session))
    session.add(CitizenDay(citizen_id=citizen.id, day=NOW.date()))
    make_transfer_code(session, citizen, secret="s" * 43, now=NOW)
    make_recovery_code(session, citizen, now=NOW)
    begin_answer(session, "somebody", "one", b"f" * 32, now=NOW)
    begin_answer(session, "somebody", "Two", b"g" * 32, now=NOW)
    keep_answer(session, "somebody", "Two", status=201, headers={"ETag": '"x"'}, body=b"\x00\xff{}", secret=False)
    open_session(session, Account(AccountKind.MERCHANT, builders.a_merchant(session).id), now=NOW)
    audit.note(session, "offer.published", offer.id, actor=Actor.SYSTEM, now=NOW, price=4.5, word="é")
    session.flush()
    return citizen.id


def saved(engine: Engine, file: Path, **more) -> Manifest:
    return save(engine, file, now=NOW, **more)


def restored(target: Engine, file: Path, graves: Graves, **more) -> Restored:
    with reading_from(file) as archive:
        check(archive)
        return restore(target, archive, graves, now=NOW, **more)


def sums(engine: Engine) -> dict[str, Sum]:
    with engine.connect() as connection:
        return sums_of(connection, shapes_of(migrations.metadata))


def without_audit(engine: Engine) -> dict[str, Sum]:
    """The sums of every table but those that tell of the restoration itself."""
    return {name: held for name, held in sums(engine).items() if name not in OWN_WORDS}


def tables(engine: Engine) -> list[str]:
    return inspect(engine).get_table_names()


def test_every_column_of_the_house_can_be_written_down():
    shapes = shapes_of(migrations.metadata)
    assert {shape.name for shape in shapes} == set(migrations.metadata.tables)
    assert {kind for shape in shapes for _, kind in shape.columns} == set(Kind)
    assert all(shape.key for shape in shapes)


def test_a_type_that_nobody_thought_of_is_noticed():
    table = sa.Table("t", sa.MetaData(), sa.Column("interval", sa.Interval(native=True)))
    with pytest.raises(TypeError, match=r"t\.interval"):
        kind_of(table.c.interval)


def test_everything_comes_back_the_same_on_either_database(engine: Engine, target: Engine, file: Path, graves: Graves):
    with writing(engine).begin() as session:
        citizen_id = a_life(session)
    manifest = saved(engine, file)
    done = restored(target, file, graves)
    assert done.rows == manifest.rows == sum(held.rows for held in sums(engine).values())
    assert sums(engine) == {shape.name: held for shape, held in manifest.tables}
    assert without_audit(target) == without_audit(engine)
    assert migrations.is_current(target)
    highest = select(func.max(AuditEntry.id))
    with writing(target).begin() as session:
        assert session.get_one(Citizen, citizen_id).notifications_consented
        before = session.scalar(highest)
        audit.note(session, "shop.verified", None, actor=Actor.STAFF, now=NOW)
        origin_id(session, "https://another.example")
    with Session(target) as session:
        assert session.scalar(highest) == before + 1, "numbers go on after the highest"
        acts = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
        assert acts[-2:] == ["database.restored", "shop.verified"]
        assert audit.walk(session) == audit.Walk(len(acts), audit.walk(session).head), "the chain of seals holds"
        assert session.scalar(select(AuditEntry.detail).where(AuditEntry.action == "offer.published").limit(1))


def test_a_session_that_was_ended_since_does_not_stand_again(
    source: Engine, target: Engine, file: Path, graves: Graves
):
    with writing(source).begin() as session:
        account = Account(AccountKind.MERCHANT, builders.a_merchant(session).id)
        _, token = open_session(session, account, now=NOW)
        assert session_of(session, token, now=NOW) is not None
    saved(source, file)
    restored(target, file, graves)
    with Session(target) as session:
        assert session_of(session, token, now=NOW) is None


def test_what_is_append_only_is_so_again(source: Engine, target: Engine, file: Path, graves: Graves):
    with writing(source).begin() as session:
        a_life(session)
    saved(source, file)
    restored(target, file, graves)
    with target.begin() as connection, pytest.raises(sa.exc.DBAPIError, match="append-only"):
        connection.execute(sa.text("DELETE FROM audit_log"))


def test_a_backup_sees_one_moment_however_much_is_written_meanwhile(
    engine: Engine, sessions: sessionmaker[Session], empty: Engine, file: Path, graves: Graves
):
    with sessions.begin() as session:
        gone = a_life(session)
    before = sums(engine)

    def begun(_rows: int):
        def meanwhile(_done: int) -> None:
            with sessions.begin() as session:  # each time a table is told of: between the tables
                builders.a_citizen(session)
                if session.get(Citizen, gone) is not None:
                    session.delete(session.get_one(Citizen, gone))

        return meanwhile

    saved(engine, file, begun=begun)
    assert sums(engine) != before
    restored(empty, file, graves)
    assert without_audit(empty) == {name: held for name, held in before.items() if name not in OWN_WORDS}


def test_only_its_owner_reads_it_and_none_is_overwritten(engine: Engine, file: Path):
    saved(engine, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    content = file.read_bytes()
    with pytest.raises(BackupRefused, match="existe déjà"):
        saved(engine, file)
    assert file.read_bytes() == content
    assert [path.name for path in file.parent.glob("*backup.zip*")] == ["backup.zip"]


def test_a_backup_that_fails_leaves_nothing(engine: Engine, file: Path):
    def full(_rows: int):
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        saved(engine, file, begun=full)
    assert list(file.parent.glob("*backup.zip*")) == []


def test_the_manifest_says_what_is_there(engine: Engine, file: Path):
    with writing(engine).begin() as session:
        a_life(session)
    saved(engine, file, keys={"secret-key": b"s" * 43})
    with zipfile.ZipFile(file) as archive:
        manifest = orjson.loads(archive.read("manifest.json"))
        citizens = next(table for table in manifest["tables"] if table["name"] == "citizens")
        assert archive.read("tables/citizens.jsonl").count(b"\n") == citizens["rows"] == 1
    assert manifest["made_at"] == NOW.isoformat()
    assert (manifest["database"], list(manifest["keys"])) == (engine.dialect.name, ["secret-key"])
    assert ["id", "id"] in citizens["columns"]


@pytest.fixture
def whole(source: Engine, file: Path) -> bytes:
    """A good backup, as bytes."""
    with writing(source).begin() as session:
        a_life(session)
    saved(source, file)
    return file.read_bytes()


def test_a_truncated_backup_is_refused_and_nothing_is_written(
    whole: bytes, tmp_path: Path, empty: Engine, graves: Graves
):
    for length in [0, 1, 100, *range(0, len(whole), len(whole) // 40), len(whole) - 1]:
        cut = tmp_path / "cut.zip"
        cut.write_bytes(whole[:length])
        with pytest.raises(BackupRefused):
            restored(empty, cut, graves)
    assert tables(empty) == []


def test_a_damaged_backup_is_refused_and_nothing_is_written(
    whole: bytes, tmp_path: Path, empty: Engine, graves: Graves
):
    """A flipped bit is refused, or sits where it changes no row (a date within the zip's own headers)."""
    dice, refused, harmless = random.Random(2026), 0, 0
    with reading_from(tmp_path / "backup.zip") as archive:
        good = {shape.name: summed(archive.lines(shape)) for shape, _ in archive.manifest.tables}
    for _ in range(120):
        place = dice.randrange(len(whole))
        spoilt = tmp_path / "spoilt.zip"
        spoilt.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << dice.randrange(8))]) + whole[place + 1 :])
        try:
            with reading_from(spoilt) as archive:
                check(archive)
                assert {shape.name: summed(archive.lines(shape)) for shape, _ in archive.manifest.tables} == good
                harmless += 1
        except BackupRefused:
            refused += 1
    assert refused > 80, (refused, harmless)
    spoilt.write_bytes(whole[: len(whole) // 3] + b"\x00" * 200 + whole[len(whole) // 3 + 200 :])
    with pytest.raises(BackupRefused):
        restored(empty, spoilt, graves)
    assert tables(empty) == []


def rewritten(file: Path, into: Path, change) -> Path:
    """The archive with its parts changed and its checksums of zip right: what only our manifest can notice."""
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(into, "w") as new:
        parts = {name: old.read(name) for name in old.namelist()}
        change(parts)
        for name, content in parts.items():
            new.writestr(name, content)
    return into


@pytest.mark.parametrize(
    "change",
    [
        lambda parts: parts.update({"tables/citizens.jsonl": b""}),
        lambda parts: parts.update({"tables/citizens.jsonl": parts["tables/citizens.jsonl"].replace(b'"fr"', b'"en"')}),
        lambda parts: parts.pop("tables/follows.jsonl"),
        lambda parts: parts.update({"tables/strangers.jsonl": b"[1]\n"}),
        lambda parts: parts.update({"manifest.json": b"{}"}),
        lambda parts: parts.update({"manifest.json": parts["manifest.json"].replace(b'"version": 1', b'"version": 2')}),
        lambda parts: parts.update({"manifest.json": parts["manifest.json"].replace(b'"whole"', b'"number!"')}),
        lambda parts: parts.update({"manifest.json": parts["manifest.json"][:-5]}),
    ],
)
def test_what_the_manifest_does_not_announce_is_refused(
    whole: bytes, tmp_path: Path, empty: Engine, graves: Graves, change
):
    with pytest.raises(BackupRefused):
        restored(empty, rewritten(tmp_path / "backup.zip", tmp_path / "changed.zip", change), graves)
    assert tables(empty) == []


def test_a_value_that_is_none_of_its_kind_is_refused_before_anything_is_written(
    whole: bytes, tmp_path: Path, empty: Engine, graves: Graves
):
    def forge(parts: dict[str, bytes]) -> None:
        manifest = orjson.loads(parts["manifest.json"])
        lines = b'["not-a-uuid"]\n'
        (table,) = [table for table in manifest["tables"] if table["name"] == "erasure_receipts"]
        table.update(columns=[["id", "id"]], rows=1, sha256=summed([lines]).sha256)
        parts.update({"manifest.json": orjson.dumps(manifest), "tables/erasure_receipts.jsonl": lines})

    with pytest.raises(BackupRefused, match="erasure_receipts"):
        restored(empty, rewritten(tmp_path / "backup.zip", tmp_path / "changed.zip", forge), graves)
    assert tables(empty) == []


def test_a_backup_of_a_later_version_is_refused(whole: bytes, tmp_path: Path, empty: Engine, graves: Graves):
    def later(parts: dict[str, bytes]) -> None:
        parts["manifest.json"] = orjson.dumps({**orjson.loads(parts["manifest.json"]), "schema": "9999"})

    with pytest.raises(BackupRefused, match="plus récente"):
        restored(empty, rewritten(tmp_path / "backup.zip", tmp_path / "changed.zip", later), graves)
    assert tables(empty) == []


def test_a_backup_of_an_earlier_version_is_brought_up_to_date(target: Engine, file: Path, graves: Graves, tmp_path):
    with engine_for(f"sqlite:///{tmp_path / 'old.db'}").execution_options(writes=True).begin() as old:
        migrations.upgrade_within(old, "0001")
        there = inspect(old)
        shapes = [
            Shape(shape.name, tuple(pair for pair in shape.columns if pair[0] in named), shape.key)
            for shape in shapes_of(migrations.metadata)
            if shape.name in there.get_table_names()
            and (named := {column["name"] for column in there.get_columns(shape.name)})
        ]
        receipt = ErasureReceipt.__table__
        old.execute(sa.insert(receipt).values(id=uuid.UUID(int=7), erased_at=NOW))
        with writing_to(file) as archive:
            held = [(shape, archive.table(shape.name, lines_of(old, shape), lambda _: None)) for shape in shapes]
            archive.manifest(Manifest(NOW, "0001", "sqlite", tuple(held), {}))
        old.engine.dispose()
    restored(target, file, graves)
    assert migrations.is_current(target)
    assert set(tables(target)) - migrations.OF_SQLITE == {*migrations.metadata.tables, "alembic_version"}
    with Session(target) as session:
        assert session.scalars(select(ErasureReceipt.id)).all() == [uuid.UUID(int=7)]


def test_a_database_somebody_lives_in_is_replaced_only_when_that_is_asked(
    whole: bytes, target: Engine, file: Path, graves: Graves
):
    migrations.upgrade(target)
    restored(target, file, graves)  # as `citylife init` leaves it: nobody lives there
    with writing(target).begin() as session:
        newcomer = builders.a_citizen(session).id
    before = sums(target)
    with pytest.raises(BackupRefused, match="vide"):
        restored(target, file, graves)
    assert sums(target) == before
    restored(target, file, graves, replacing=True)
    with Session(target) as session:
        assert session.get(Citizen, newcomer) is None
        assert session.scalar(select(func.count()).select_from(Citizen)) == 1


def test_somebody_else_s_tables_are_never_touched(whole: bytes, target: Engine, file: Path, graves: Graves):
    with target.begin() as connection:
        connection.execute(sa.text("CREATE TABLE theirs (id integer)"))
    with pytest.raises(BackupRefused, match="pas de Citylife"):
        restored(target, file, graves, replacing=True)
    assert tables(target) == ["theirs"]


def test_a_restoration_that_fails_in_the_middle_leaves_what_was_there(
    whole: bytes, target: Engine, file: Path, graves: Graves
):
    migrations.upgrade(target)
    with writing(target).begin() as session:
        builders.a_citizen(session)
    before = sums(target)

    def begun(_rows: int):
        def progress(_done: int) -> None:
            raise OSError(5, "Input/output error")

        return progress

    with pytest.raises(OSError, match="Input/output"):
        restored(target, file, graves, replacing=True, begun=begun)
    assert sums(target) == before


def test_who_was_erased_since_the_backup_does_not_come_back(
    source: Engine, target: Engine, file: Path, tombstones: Tombstones
):
    with writing(source).begin() as session:
        gone, stays = a_life(session), builders.a_citizen(session).id
        token = builders.a_citizen_with_token(session)[1]
    saved(source, file)
    with writing(source).begin() as session:
        receipts = {
            erase_citizen(session, session.get_one(Citizen, one), tombstones=tombstones, now=NOW + MINUTE).id
            for one in (gone, citizen_of(session, token).id)
        }
    done = restored(target, file, Graves(tombstones=tombstones))
    assert done.replayed == Replayed(read=2, erased=2, foreign=0)
    with Session(target) as session:
        assert session.scalars(select(Citizen.id)).all() == [stays]
        assert citizen_of(session, token) is None
        assert set(session.scalars(select(ErasureReceipt.id))) == receipts
        for table in migrations.metadata.sorted_tables:
            if "citizen_id" in table.c:
                assert set(session.scalars(select(table.c.citizen_id))) <= {stays}, table.name


def test_tombstones_that_cannot_be_read_stop_the_restoration(
    whole: bytes, target: Engine, file: Path, tombstones: Tombstones, tmp_path: Path
):
    Tombstones(tmp_path / "tombstones", "another" * 9).bury(uuid.UUID(int=1), uuid.UUID(int=2), now=NOW)
    with pytest.raises(BackupRefused, match="autre clé"):
        restored(target, file, Graves(tombstones=tombstones))
    assert tables(target) == []
    done = restored(target, file, Graves(tombstones=tombstones, foreign_allowed=True))
    assert done.replayed == Replayed(read=1, erased=0, foreign=1)


def test_the_ledger_goes_on_where_the_backup_left_it(source: Engine, target: Engine, file: Path, graves: Graves):
    """One settled, one in a worker's hands, one waiting, one waiting for an offer that ends soon."""
    with writing(source).begin() as session:
        shop = builders.a_shop(session)
        long, short = (builders.an_offer(session, shop, ends_at=NOW + dt.timedelta(hours=h)) for h in (8, 1))
        settled, held, waits = (builders.a_follower(session, shop) for _ in range(3))
        for citizen in (settled, held):
            builders.a_delivery(session, citizen, long.id)
    with writing(source).begin() as session:
        taken = [one for lane in open_lanes(session, now=NOW) for one in claim(session, lane, now=NOW).to_send]
        mine = [one for one in taken if uuid_of(one.citizen_id) == settled.id]
        settle(session, [Settlement(one, DeliveryState.ACCEPTED, 201) for one in mine], now=NOW)
    with writing(source).begin() as session:
        citizen = session.get_one(Citizen, waits.id)
        for offer in (long, short):
            builders.a_delivery(session, citizen, offer.id)
    saved(source, file)
    restored(target, file, graves)
    assert claimed_of(target, NOW + LEASE / 2) == {waits.id: 2}
    with Session(target) as session:
        states = dict(
            session.execute(select(Delivery.citizen_id, Delivery.state).where(Delivery.citizen_id != waits.id)).all()
        )
    assert states == {settled.id: DeliveryState.ACCEPTED, held.id: DeliveryState.CLAIMED}


def test_what_is_no_longer_worth_sending_is_not_sent_after_a_restoration(
    source: Engine, target: Engine, file: Path, graves: Graves
):
    with writing(source).begin() as session:
        shop = builders.a_shop(session)
        long, short = (builders.an_offer(session, shop, ends_at=NOW + dt.timedelta(hours=h)) for h in (8, 1))
        held, waits = (builders.a_follower(session, shop) for _ in range(2))
        builders.a_delivery(session, held, long.id)
    with writing(source).begin() as session:
        assert [claim(session, lane, now=NOW) for lane in open_lanes(session, now=NOW)]
    with writing(source).begin() as session:
        builders.a_delivery(session, session.get_one(Citizen, waits.id), short.id)
    saved(source, file)
    restored(target, file, graves)
    assert claimed_of(target, NOW + 2 * 60 * MINUTE) == {held.id: 1}
    with Session(target) as session:
        states = dict(session.execute(select(Delivery.citizen_id, Delivery.state)).all())
    assert states == {held.id: DeliveryState.CLAIMED, waits.id: DeliveryState.EXPIRED}


def claimed_of(engine: Engine, now: dt.datetime) -> dict[uuid.UUID, int]:
    """What a worker would take to send at a moment, by citizen."""
    found: dict[uuid.UUID, int] = {}
    with writing(engine).begin() as session:
        sweep(session, now=now)
        for lane in open_lanes(session, now=now):
            for one in claim(session, lane, now=now).to_send:
                citizen_id = uuid_of(one.citizen_id)
                found[citizen_id] = found.get(citizen_id, 0) + 1
    return found


def uuid_of(value: uuid.UUID | bytes) -> uuid.UUID:
    return value if isinstance(value, uuid.UUID) else uuid.UUID(bytes=value)
