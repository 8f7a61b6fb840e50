"""Whoever was erased stays erased: what is written outside the database says so, and says nothing else."""

import datetime as dt
import os
import stat
import threading
import uuid

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from citylife.accounts.citizens import Citizen, ErasureReceipt
from citylife.accounts.erasure import Replayed, erase_citizen, receipt_of, replay
from citylife.activity import Counted, DailyCount
from citylife.answers import KeptAnswer, begin_answer, caller_of_citizen
from citylife.database import new_id
from citylife.errors import Absent
from citylife.tombstones import Tombstones
from tests import builders
from tests.builders import NOW


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "tombstones"


def written(folder) -> str:
    return "".join(path.read_text() for path in sorted(folder.iterdir()))


def test_an_erasure_leaves_a_tombstone_without_her_id(session: Session, tombstones, folder):
    citizen = builders.a_citizen(session)
    receipt = erase_citizen(session, citizen, tombstones=tombstones, now=NOW)
    (stone,) = tombstones.read()
    assert (stone.when, stone.receipt, stone.mark) == (NOW, receipt.id, tombstones.mark_of(citizen.id))
    assert tombstones.is_ours(stone)
    assert citizen.id.hex not in written(folder).replace("-", "")
    assert Tombstones(folder, "another" * 9).mark_of(citizen.id) != stone.mark, "without the secret it says nothing"


def test_only_its_owner_reads_the_folder_and_a_file_is_never_rewritten(tombstones, folder):
    tombstones.bury(new_id(), new_id(), now=NOW)
    before = written(folder)
    tombstones.bury(new_id(), new_id(), now=NOW)
    tombstones.bury(new_id(), new_id(), now=NOW + dt.timedelta(days=30))
    assert written(folder).startswith(before)
    assert len(list(folder.iterdir())) == 2, "a file a month: those no backup needs any more can go"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_a_tombstone_is_on_the_disk_before_it_counts(tombstones, folder, monkeypatch):
    synced = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino) or real(descriptor))
    tombstones.bury(new_id(), new_id(), now=NOW)
    (path,) = folder.iterdir()
    assert synced == [path.stat().st_ino, folder.stat().st_ino]


def test_an_erasure_whose_tombstone_cannot_be_written_is_not_done(session: Session, tmp_path):
    (tmp_path / "file").write_text("in the way")
    citizen = builders.a_citizen(session)
    session.commit()
    with pytest.raises(OSError, match="file"):
        erase_citizen(session, citizen, tombstones=Tombstones(tmp_path / "file" / "t", "s" * 43), now=NOW)
    session.rollback()
    assert session.get(Citizen, citizen.id) is not None


def test_whether_a_tombstone_could_be_written_is_tried_and_leaves_nothing(tombstones, folder, tmp_path):
    tombstones.rehearse(now=NOW)
    assert list(folder.iterdir()) == []
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    tombstones.bury(new_id(), new_id(), now=NOW)
    before = written(folder)
    tombstones.rehearse(now=NOW)
    assert written(folder) == before

    (path,) = folder.iterdir()
    path.unlink()
    path.mkdir()
    with pytest.raises(OSError, match=path.name):
        tombstones.rehearse(now=NOW)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        Tombstones(tmp_path / "file" / "t", "s" * 43).rehearse(now=NOW)


def test_half_a_line_left_by_a_power_cut_spoils_no_other(tombstones, folder):
    first, second = new_id(), new_id()
    tombstones.bury(first, new_id(), now=NOW)
    (path,) = folder.iterdir()
    with path.open("a") as stream:
        stream.write("1 0badc0de 2026-11-")
    tombstones.bury(second, new_id(), now=NOW)
    assert {stone.mark for stone in tombstones.read()} == {tombstones.mark_of(first), tombstones.mark_of(second)}


def test_many_threads_bury_without_a_line_lost(tombstones):
    ids = [new_id() for _ in range(80)]

    def bury(part):
        for citizen_id in part:
            tombstones.bury(citizen_id, new_id(), now=NOW)

    threads = [threading.Thread(target=bury, args=(ids[start::8],)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {stone.mark for stone in tombstones.read()} == {tombstones.mark_of(citizen_id) for citizen_id in ids}


def came_back(session: Session, citizen_id: uuid.UUID) -> Citizen:
    """The citizen of an old backup: the rows are there again."""
    shop = builders.a_shop(session)
    made = builders.a_citizen(session)
    citizen = Citizen(id=citizen_id, created_at=NOW, bucket=made.bucket, notifications_consented=True)
    session.add(citizen)
    session.flush()
    builders.a_device(session, citizen)
    builders.a_follow(session, citizen, shop)
    return citizen


def test_who_was_erased_since_the_backup_is_erased_again_and_keeps_her_receipt(session: Session, tombstones):
    gone, receipt = new_id(), new_id()
    tombstones.bury(gone, receipt, now=NOW)
    came_back(session, gone)
    stays = session.scalars(select(Citizen.id).where(Citizen.id != gone)).all()
    assert replay(session, tombstones) == Replayed(read=1, erased=1, foreign=0)
    session.commit()
    assert session.scalars(select(Citizen.id)).all() == stays
    assert receipt_of(session, receipt).erased_at == NOW
    assert session.execute(select(DailyCount.day, DailyCount.counted)).all() == [(NOW.date(), Counted.DEVICES_REMOVED)]
    assert replay(session, tombstones) == Replayed(read=1, erased=0, foreign=0)
    assert len(session.scalars(select(ErasureReceipt)).all()) == 1


def test_tombstones_of_other_hosts_count_and_those_of_another_secret_are_told(session: Session, tombstones, tmp_path):
    elsewhere = Tombstones(tmp_path / "host2", "s" * 43)
    stranger = Tombstones(tmp_path / "host3", "another" * 9)
    gone = [new_id(), new_id()]
    elsewhere.bury(gone[0], new_id(), now=NOW)
    stranger.bury(gone[1], new_id(), now=NOW)
    for citizen_id in gone:
        came_back(session, citizen_id)
    done = replay(session, tombstones, also=[tmp_path / "host2", tmp_path / "host3"])
    assert done == Replayed(read=2, erased=1, foreign=1)
    assert session.get(Citizen, gone[0]) is None
    assert session.get(Citizen, gone[1]) is not None


def test_without_tombstones_nothing_is_erased(session: Session, tombstones, folder):
    citizen = builders.a_citizen(session)
    assert replay(session, tombstones) == Replayed(0, 0, 0)
    folder.mkdir()
    (folder / "notes.txt").write_text("1 not a tombstone\n\n")
    assert tombstones.read() == []
    assert session.get(Citizen, citizen.id) is not None


def test_answers_kept_for_her_leave_with_her(session: Session, tombstones):
    citizen, other = builders.a_citizen(session), builders.a_citizen(session)
    for one in (citizen, other):
        begin_answer(session, caller_of_citizen(one.id), "key", b"f" * 32, now=NOW)
    erase_citizen(session, citizen, tombstones=tombstones, now=NOW)
    assert session.scalars(select(KeptAnswer.caller)).all() == [caller_of_citizen(other.id)]


def test_a_receipt_that_was_never_given_is_absent(session: Session):
    with pytest.raises(Absent):
        receipt_of(session, new_id())
