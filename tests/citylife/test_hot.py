"""Kept connections: what is handed to one in turn is one transaction of its own, and it only reads otherwise."""

import datetime as dt
import threading
import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from citylife.activity import Counted, DailyCount
from citylife.database import engine_for, writing
from citylife.errors import Absent
from citylife.following import Following
from citylife.follows import (
    EndedFollow,
    Follow,
    Level,
    TooManyAlways,
    end_follow,
    follow,
    keep_follow,
)
from citylife.hot import KeptConnections
from citylife.ledger.statements import Statement, run_in_turn, stored
from citylife.shops import Shop
from tests import builders
from tests.builders import NOW
from tests.overlap import HEAD_START

LATER = NOW + dt.timedelta(hours=5)
COUNT = Statement("INSERT INTO daily_counts (day, counted, subject, count) VALUES (:day, 'opt-outs', :subject, 1)")
COUNTED = Statement("SELECT count FROM daily_counts WHERE subject = :subject")


@pytest.fixture
def kept(engine: Engine) -> Iterator[KeptConnections]:
    kept = KeptConnections(engine)
    yield kept
    kept.close()


@pytest.fixture
def pair(sessions: sessionmaker[Session]) -> tuple[uuid.UUID, uuid.UUID]:
    """A citizen and a shop."""
    with sessions.begin() as session:
        return builders.a_citizen(session).id, builders.a_shop(session).id


def counted(kept: KeptConnections, *statements: Statement) -> list[list[tuple[int, ...]]]:
    def do(connection):
        values = {"day": stored(connection, NOW.date()), "subject": stored(connection, uuid.UUID(int=1))}
        return [[tuple(row) for row in rows] for rows in run_in_turn(connection, statements, values)]

    return kept.write(do)


def how_many(sessions: sessionmaker[Session], table: type) -> int:
    with sessions() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_statements_run_in_turn_give_their_rows_and_are_committed_together(kept, sessions):
    assert counted(kept, COUNTED, COUNT, COUNTED) == [[], [], [(1,)]]
    assert how_many(sessions, DailyCount) == 1


def test_where_one_statement_fails_none_is_kept_and_the_next_request_is_served(kept, sessions):
    with pytest.raises(IntegrityError):
        counted(kept, COUNT, COUNT)
    assert how_many(sessions, DailyCount) == 0

    assert counted(kept, COUNT, COUNTED) == [[], [(1,)]]
    assert how_many(sessions, DailyCount) == 1


def test_between_two_transactions_it_only_reads(kept, sessions):
    counted(kept, COUNT)
    with pytest.raises(Exception, match=r"(?i)readonly|read-only"):
        kept.read(lambda connection: connection.exec_driver_sql("DELETE FROM daily_counts", {}))
    assert how_many(sessions, DailyCount) == 1


def test_what_writes_is_not_done_again_by_itself(kept):
    asked = []

    def do(connection):
        asked.append(connection)
        if len(asked) == 1:
            connection._driver.close()
        return run_in_turn(connection, (COUNTED,), {"subject": stored(connection, uuid.UUID(int=1))})

    with pytest.raises(Exception, match=r"(?i)closed") as failure:
        kept.write(do)
    assert len(asked) == 1
    assert isinstance(failure.value, OperationalError) or kept._engine.dialect.name == "sqlite"
    assert kept.write(do) == [[]]


def test_what_writes_takes_a_new_connection_where_the_database_has_left_the_old_one(postgres_url):
    engine = engine_for(postgres_url)
    kept, sessions = KeptConnections(engine), writing(engine)
    (server,) = kept.read(lambda connection: connection.exec_driver_sql("SELECT pg_backend_pid()", {}).first())
    with sessions.begin() as session:
        assert session.scalar(select(func.pg_terminate_backend(server, 5_000)))
    assert counted(kept, COUNT, COUNTED) == [[], [(1,)]]
    assert how_many(sessions, DailyCount) == 1
    kept.close()
    engine.dispose()


def test_a_follow_begins_changes_and_ends_by_a_kept_connection(kept, sessions, pair):
    citizen_id, shop_id = pair

    def keep(level, now):
        found = kept.write(lambda connection: keep_follow(connection, citizen_id, shop_id, level, now=now))
        return found.level, found.begun_at, found.new

    assert keep(Level.NORMAL, NOW) == (Level.NORMAL, NOW, True)
    assert keep(Level.NORMAL, LATER) == (Level.NORMAL, NOW, False)
    assert keep(Level.NEARBY, LATER) == (Level.NEARBY, NOW, False)
    with sessions() as session:
        assert session.execute(select(Follow.level, Follow.begun_at)).all() == [(Level.NEARBY, NOW)]

    def end():
        return kept.write(lambda connection: end_follow(connection, citizen_id, shop_id, now=LATER))

    assert (end(), end()) == (True, False)
    assert (how_many(sessions, Follow), how_many(sessions, EndedFollow)) == (0, 1)


@pytest.mark.parametrize("shown", [False, True])
def test_an_opt_out_is_counted_once_by_a_kept_connection(kept, sessions, *, shown):
    with sessions.begin() as session:
        citizen, token = builders.a_citizen_with_token(session)
        shop = builders.a_shop(session)
        citizen_id, shop_id = citizen.id, shop.id
        builders.a_device(session, citizen)
        builders.a_follow(session, citizen, shop)
        builders.a_delivery(session, citizen, builders.an_offer(session, shop).id, accepted_at=NOW)

    def end(connection):
        return end_follow(connection, citizen_id, shop_id, now=LATER)

    for _ in range(2):
        if shown:
            Following(kept).end(token, shop_id, now=LATER)
        else:
            kept.write(end)

    with sessions() as session:
        assert session.scalars(select(EndedFollow.ended_at)).all() == [LATER]
        counts = session.execute(select(DailyCount.counted, DailyCount.subject, DailyCount.count)).all()
    assert counts == [(Counted.OPT_OUTS, shop_id, 1)]


def test_what_is_the_same_already_is_not_written_at_all(kept, sessions, pair):
    citizen_id, shop_id = pair
    with sessions.begin() as session:
        follow(session, citizen_id, session.get_one(Shop, shop_id), Level.NORMAL, now=NOW)

    with sessions.begin() as session:  # whoever writes for her would wait for this one
        follow(session, citizen_id, session.get_one(Shop, shop_id), Level.NEARBY, now=NOW)
        found = kept.write(lambda connection: keep_follow(connection, citizen_id, shop_id, Level.NORMAL, now=LATER))
    assert (found.level, found.begun_at, found.new) == (Level.NORMAL, NOW, False)


def test_nobody_follows_who_was_erased_nor_a_shop_that_is_none(kept, pair):
    citizen_id, shop_id = pair
    nobody = uuid.UUID(int=7)
    for who, what in ((nobody, shop_id), (citizen_id, nobody)):
        with pytest.raises(Absent):
            kept.write(lambda connection, who=who, what=what: keep_follow(connection, who, what, Level.NONE, now=NOW))
    with pytest.raises(Absent):
        kept.write(lambda connection: end_follow(connection, nobody, shop_id, now=NOW))


@pytest.mark.parametrize("shown", [False, True])
def test_a_fourth_always_that_waits_for_the_third_is_refused(kept, sessions, *, shown):
    """The count is taken once the lock is had: sent in one message with it, it must not have looked before."""
    with sessions.begin() as session:
        citizen, token = builders.a_citizen_with_token(session)
        citizen_id, fourth = citizen.id, builders.a_shop(session).id
        shops = [builders.a_shop(session) for _ in range(3)]
        for shop in shops[:2]:
            follow(session, citizen_id, shop, Level.ALWAYS, now=NOW)
    outcome = []

    def keep():
        if shown:
            return Following(kept).keep(token, fourth, Level.ALWAYS, now=NOW)
        return kept.write(lambda connection: keep_follow(connection, citizen_id, fourth, Level.ALWAYS, now=NOW))

    def run():
        try:
            outcome.append(keep())
        except Exception as error:  # noqa: BLE001 - the test judges what it was
            outcome.append(error)

    thread = threading.Thread(target=run)
    with sessions.begin() as session:
        follow(session, citizen_id, session.merge(shops[2]), Level.ALWAYS, now=NOW)
        thread.start()
        thread.join(HEAD_START)
        assert outcome == [], "it waits"
    thread.join(60)

    assert [type(each) for each in outcome] == [TooManyAlways]
    with sessions() as session:
        assert session.scalar(select(func.count()).where(Follow.level == Level.ALWAYS)) == 3


def test_what_is_read_from_postgresql_is_prepared_once_and_a_failure_leaves_the_connection(postgres_url):
    engine = engine_for(postgres_url)
    kept = KeptConnections(engine)
    values = {"subject": uuid.UUID(int=1)}
    for _ in range(3):
        assert kept.read(lambda connection: COUNTED.run(connection, values).all()) == []
        with pytest.raises(Exception, match="division by zero") as failure:
            kept.read(lambda connection: connection.exec_driver_sql("SELECT 1 / %(n)s::int", {"n": 0}))
        assert failure.value.sqlstate == "22012"
    ask = "SELECT name, generic_plans + custom_plans FROM pg_prepared_statements WHERE statement LIKE 'SELECT count%%'"
    assert kept.read(lambda connection: connection.exec_driver_sql(ask, {}).all()) == [("citylife_0", 3)]
    kept.close()
    engine.dispose()
