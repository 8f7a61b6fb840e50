"""The audit log: appended at commit, chained, never forked; what is altered, removed or slipped in is found."""

import datetime as dt

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session, sessionmaker

from citylife import audit, migrations
from citylife.audit import GENESIS, Actor, AuditEntry, Fault, Head, note, walk
from citylife.database import engine_for, new_id, writing
from citylife.shops.claims import hold_shop
from citylife.shops.tables import Shop
from tests import builders
from tests.builders import NOW
from tests.conftest import a_postgres_database
from tests.overlap import at_once

SUBJECT, OTHER = new_id(), new_id()
SEALED = "0003"
"""The revision that seals the log."""


def act(sessions: sessionmaker[Session], action: str, subject=SUBJECT, **detail) -> None:
    with sessions.begin() as session:
        note(session, action, subject, actor=Actor.SYSTEM, now=NOW, **detail)


def actions(sessions: sessionmaker[Session]) -> list[str]:
    with sessions() as session:
        return list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))


def tamper(engine: Engine, change: str) -> None:
    """Change the log as somebody could who owns the database: the triggers taken away first."""
    with engine.execution_options(writes=True).begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.execute(text("DROP TRIGGER IF EXISTS audit_log_no_update"))
            connection.execute(text("DROP TRIGGER IF EXISTS audit_log_no_delete"))
        else:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(change))


@pytest.fixture
def five(sessions: sessionmaker[Session]) -> Head:
    """A log of five entries; its head."""
    for number in range(1, 6):
        act(sessions, f"act.{number}", number=number, said=["é", {"b": 1, "a": None}], share=0.1)
    with sessions() as session:
        found = walk(session)
    assert found.head is not None
    return found.head


def test_each_entry_is_sealed_to_the_one_before_and_the_whole_holds(sessions, five) -> None:
    with sessions() as session:
        rows = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
        assert [row.previous for row in rows] == [GENESIS, *(row.sha256 for row in rows[:-1])]
        assert len({row.sha256 for row in rows}) == 5
        found = walk(session)
    assert (found.entries, found.fault, found.head) == (5, None, five)
    assert five == Head(5, rows[-1].sha256)


def test_an_empty_log_holds(sessions) -> None:
    with sessions() as session:
        assert walk(session) == audit.Walk(0, None)


@pytest.mark.parametrize(
    ("change", "fault", "number", "holding"),
    [
        ("UPDATE audit_log SET action = 'act.0' WHERE id = 3", Fault.ALTERED, 3, 2),
        ("UPDATE audit_log SET detail = '{}' WHERE id = 2", Fault.ALTERED, 2, 1),
        ("UPDATE audit_log SET actor = 'staff' WHERE id = 5", Fault.ALTERED, 5, 4),
        ("UPDATE audit_log SET at = '2026-11-24 09:00:01.000000' WHERE id = 4", Fault.ALTERED, 4, 3),
        ("UPDATE audit_log SET subject_id = NULL WHERE id = 1", Fault.ALTERED, 1, 0),
        ("DELETE FROM audit_log WHERE id = 3", Fault.UNLINKED, 4, 2),
        ("DELETE FROM audit_log WHERE id = 1", Fault.UNLINKED, 2, 0),
        ("UPDATE audit_log SET id = 9 WHERE id = 2", Fault.UNLINKED, 3, 1),
    ],
)
def test_what_is_changed_or_removed_is_found_at_the_first_break(
    engine, change, *, five, fault, number, holding
) -> None:
    tamper(engine, change)
    with Session(engine) as session:
        found = walk(session)
    assert (found.fault, found.broken_at, found.entries) == (fault, number, holding)


def test_an_entry_slipped_in_with_a_seal_of_its_own_is_found(engine, sessions, five) -> None:
    with sessions() as session:
        third = session.get_one(AuditEntry, 3)
        forged = AuditEntry(
            id=4, at=NOW, actor=Actor.STAFF, action="act.forged", detail={}, previous=third.sha256, subject_id=SUBJECT
        )
        forged.sha256 = audit.seal(forged)
    tamper(engine, "DELETE FROM audit_log WHERE id = 4")
    with sessions.begin() as session:
        session.add(forged)
    with sessions() as session:
        assert (walk(session).fault, walk(session).broken_at) == (Fault.UNLINKED, 5)


def test_only_a_head_noted_elsewhere_tells_that_the_end_was_cut_off_or_the_whole_rewritten(
    engine, sessions, five
) -> None:
    act(sessions, "act.6")
    with sessions() as session:
        assert walk(session, expected=five).fault is None
    tamper(engine, "DELETE FROM audit_log WHERE id >= 5")
    with sessions() as session:
        assert walk(session).fault is None
        cut = walk(session, expected=five)
    assert (cut.fault, cut.broken_at) == (Fault.HEAD_LOST, 5)
    act(sessions, "act.5", number=5)
    with sessions() as session:
        rewritten = walk(session, expected=five)
    assert (rewritten.fault, rewritten.broken_at) == (Fault.HEAD_LOST, 5)


def test_a_long_log_is_walked_by_pages(sessions, monkeypatch) -> None:
    monkeypatch.setattr(audit, "_PAGE", 3)
    for number in range(7):
        act(sessions, f"act.{number}")
    with sessions() as session:
        assert (walk(session).entries, walk(session).fault) == (7, None)


def test_nothing_is_noted_of_what_was_rolled_back_nor_of_what_was_given_up(sessions) -> None:
    with sessions() as session:
        note(session, "act.rolled-back", None, actor=Actor.SYSTEM, now=NOW)
        session.rollback()
        note(session, "act.closed", None, actor=Actor.SYSTEM, now=NOW)
        session.close()
        note(session, "act.kept", None, actor=Actor.SYSTEM, now=NOW)
        session.commit()
        session.commit()
    assert actions(sessions) == ["act.kept"]


def test_a_savepoint_takes_what_was_noted_within_it_along_or_back(sessions) -> None:
    with sessions.begin() as session:
        note(session, "act.before", None, actor=Actor.SYSTEM, now=NOW)
        with session.begin_nested():
            note(session, "act.released", None, actor=Actor.SYSTEM, now=NOW)
        undone = session.begin_nested()
        note(session, "act.undone", None, actor=Actor.SYSTEM, now=NOW)
        undone.rollback()
        note(session, "act.after", None, actor=Actor.SYSTEM, now=NOW)
    assert actions(sessions) == ["act.before", "act.released", "act.after"]


def test_many_writers_at_once_make_one_chain_without_a_fork(engine: Engine) -> None:
    sessions = writing(engine)

    def write(writer: int) -> None:
        for number in range(10):
            with sessions.begin() as session:
                note(session, f"act.{writer}", None, actor=Actor.SYSTEM, now=NOW, number=number)
                note(session, f"act.{writer}", None, actor=Actor.SYSTEM, now=NOW, number=number)

    at_once(write, workers=6)
    with sessions() as session:
        found = walk(session)
        assert (found.entries, found.fault) == (120, None)
        assert session.scalars(select(AuditEntry.id).order_by(AuditEntry.id)).all() == list(range(1, 121))


def test_who_has_noted_something_keeps_nobody_else_waiting_until_the_commit(postgres_url: str) -> None:
    engine = engine_for(postgres_url)
    sessions = writing(engine)
    with sessions.begin() as session:
        shop_id = builders.a_shop(session).id
    with sessions() as first:
        note(first, "act.first", None, actor=Actor.SYSTEM, now=NOW)
        first.flush()
        with sessions.begin() as second:
            second.execute(text("SET LOCAL lock_timeout = '5s'"))
            hold_shop(second, second.get_one(Shop, shop_id))
            note(second, "act.second", None, actor=Actor.SYSTEM, now=NOW)
        hold_shop(first, first.get_one(Shop, shop_id))
        first.commit()
    assert actions(sessions)[-2:] == ["act.second", "act.first"]
    engine.dispose()


def test_acts_are_read_the_latest_first_of_a_subject_or_a_kind(sessions) -> None:
    for action, subject in (("a", SUBJECT), ("b", SUBJECT), ("a", OTHER), ("a", SUBJECT)):
        act(sessions, action, subject)

    def numbers(**asked) -> list[int]:
        with sessions() as session:
            return [entry.id for entry in audit.entries(session, **{"limit": 10, **asked})]

    assert numbers() == [4, 3, 2, 1]
    assert numbers(limit=2) == [4, 3]
    assert numbers(before=3) == [2, 1]
    assert numbers(subject_id=SUBJECT) == [4, 2, 1]
    assert numbers(subject_id=SUBJECT, action="a", before=4) == [1]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_migration_chains_what_was_noted_before_it(kind: str, tmp_path) -> None:
    if kind == "sqlite":
        _chain_from_before(f"sqlite:///{tmp_path / 'old.db'}")
    else:
        with a_postgres_database() as url:
            _chain_from_before(url)


def _chain_from_before(url: str) -> None:
    engine = engine_for(url)
    before = str(ScriptDirectory.from_config(migrations.configuration(engine)).get_revision(SEALED).down_revision)
    migrations.upgrade(engine, before)
    insert = text(
        "INSERT INTO audit_log (at, actor, actor_id, action, subject_id, detail) "
        "VALUES (:at, 'merchant', :who, :action, :what, :detail)"
    )
    who = as_driven(engine)
    with engine.execution_options(writes=True).begin() as connection:
        for number in range(1, 4):
            at = NOW + dt.timedelta(seconds=number, microseconds=number)
            stored = at.strftime("%Y-%m-%d %H:%M:%S.%f") if engine.dialect.name == "sqlite" else at
            values = {
                "at": stored,
                "who": who,
                "action": f"old.{number}",
                "what": who,
                "detail": '{"z": 1, "é": [2.5]}',
            }
            connection.execute(insert, values)
    migrations.upgrade(engine)
    act(writing(engine), "new.4")
    with Session(engine) as session:
        found = walk(session)
        assert (found.entries, found.fault, found.head and found.head.number) == (4, None, 4)
    with pytest.raises(Exception, match="append-only"), engine.begin() as connection:
        connection.execute(text("UPDATE audit_log SET action = 'x'"))
    migrations.downgrade(engine, before)
    migrations.upgrade(engine)
    with Session(engine) as session:
        assert walk(session) == found
    engine.dispose()


def as_driven(engine: Engine):
    """A UUID as the driver takes it."""
    return SUBJECT.bytes if engine.dialect.name == "sqlite" else SUBJECT
