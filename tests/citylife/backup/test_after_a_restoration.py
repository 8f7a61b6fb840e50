"""After a restoration nobody who was erased is back, and sending goes on where the backup left it."""

import datetime as dt
import uuid
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from citylife import migrations
from citylife.accounts.citizens import Citizen, ErasureReceipt, citizen_of
from citylife.accounts.erasure import Replayed, erase_citizen
from citylife.backup.archive import BackupRefused
from citylife.backup.restoring import Graves
from citylife.database import writing
from citylife.ledger.claims import LEASE, claim
from citylife.ledger.lanes import open_lanes
from citylife.ledger.settlement import Settlement, settle, sweep
from citylife.ledger.tables import Delivery, DeliveryState
from citylife.tombstones import Tombstones
from tests import builders
from tests.builders import NOW
from tests.citylife.backup.conftest import MINUTE, a_life, restored, saved, tables


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
