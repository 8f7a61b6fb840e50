"""Requests that write at the same time share a transaction on PostgreSQL: each is kept, and suffers from no other."""

import datetime as dt
import random
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import hold
from citylife.courtesy.tables import ShopRhythm
from citylife.database import engine_for, writing
from citylife.errors import Absent
from citylife.following import Following
from citylife.follows import MOST_ALWAYS, Follow, Followed, Level, TooManyAlways, follow, keep_follow
from citylife.hot import MOST, MOST_WAITING, KeptConnections
from citylife.ledger.statements import Statement
from citylife.shops import Shop
from citylife.together import Together
from tests import builders
from tests.builders import NOW
from tests.overlap import HEAD_START

PATIENCE = 60
COUNT = Statement(
    """
    WITH asked AS (
            SELECT * FROM unnest(CAST(:subject AS uuid[]), CAST(:count AS integer[])) WITH ORDINALITY AS a(s, c, at)
        ), written AS (
            INSERT INTO daily_counts (day, counted, subject, count)
            SELECT DATE '2026-11-29', 'opt-outs', s, 12 / c FROM asked WHERE c > 0 RETURNING subject, count
        )
    SELECT at, w.count FROM asked JOIN written w ON w.subject = s
    """
)
WRITERS = "SELECT count(*) FROM daily_counts GROUP BY xmin ORDER BY 1"


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    engine = engine_for(postgres_url)
    yield engine
    engine.dispose()


@pytest.fixture
def sessions(engine: Engine) -> sessionmaker[Session]:
    return writing(engine)


class Held(KeptConnections):
    """Kept connections whose first writer waits until the others are there."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.begun, self.goes = threading.Event(), threading.Event()
        self.writes = 0

    def write(self, do, *, waits=True):
        self.writes += 1
        if self.writes == 1:
            self.begun.set()
            assert self.goes.wait(PATIENCE)
        return super().write(do, waits=waits)


@pytest.fixture
def kept(engine: Engine) -> Iterator[Held]:
    kept = Held(engine)
    yield kept
    kept.close()


def all_at_once(kept: Held, shared: Together, deeds: list[Callable[[], object]]) -> list[object]:
    """What each of some deeds gives or raises: the first is under way when the others come, and they wait for it."""

    def tried(deed: Callable[[], object]) -> object:
        try:
            return deed()
        except Exception as error:  # noqa: BLE001 - the test judges what it was
            return error

    with ThreadPoolExecutor(len(deeds)) as threads:
        first = threads.submit(tried, deeds[0])
        assert kept.begun.wait(PATIENCE)
        others: list[Future[object]] = []
        for number, deed in enumerate(deeds[1:], 1):
            others.append(threads.submit(tried, deed))
            wait_until(lambda number=number: len(shared._waiting) == number)
        kept.goes.set()
        return [each.result(PATIENCE) for each in (first, *others)]


def wait_until(is_so: Callable[[], bool]) -> None:
    until = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=PATIENCE)
    while not is_so():
        assert dt.datetime.now(dt.UTC) < until
        threading.Event().wait(0.002)


def counting(shared: Together, subject: int, count: int = 1, who: int | None = None) -> Callable[[], object]:
    values = {"subject": uuid.UUID(int=subject), "count": count}
    return lambda: shared.run(subject if who is None else who, values)


def transactions(sessions: sessionmaker[Session]) -> list[int]:
    """How many rows each of the transactions has written."""
    with sessions() as session:
        return list(session.scalars(text(WRITERS)))


def test_who_waits_goes_with_all_who_wait(kept, sessions):
    shared = Together(kept, (COUNT,))
    deeds = [counting(shared, subject, subject) for subject in (1, 2, 3, 4, 6)]
    assert all_at_once(kept, shared, deeds) == [(1, 12), (1, 6), (2, 4), (3, 3), (4, 2)]
    assert transactions(sessions) == [1, 4]
    assert kept.writes == 2


def test_who_is_alone_waits_for_nobody(kept, sessions):
    kept.goes.set()
    shared = Together(kept, (COUNT,))
    assert [counting(shared, subject)() for subject in (1, 2, 3)] == [(1, 12)] * 3
    assert transactions(sessions) == [1, 1, 1]
    assert not shared._under_way


def test_nobody_is_twice_in_a_transaction(kept, sessions):
    shared = Together(kept, (COUNT,))
    deeds = [counting(shared, 1), counting(shared, 2, who=7), counting(shared, 3, who=7), counting(shared, 4, who=8)]
    assert all_at_once(kept, shared, deeds) == [(1, 12), (1, 12), (1, 12), (2, 12)]
    assert transactions(sessions) == [1, 1, 2]


def test_who_has_no_row_is_answered_none(kept):
    shared = Together(kept, (COUNT,))
    deeds = [counting(shared, 1), counting(shared, 2, 0), counting(shared, 3)]
    assert all_at_once(kept, shared, deeds) == [(1, 12), None, (2, 12)]


def test_one_that_undoes_a_transaction_fails_by_itself(kept, sessions):
    kept.goes.set()
    shared = Together(kept, (COUNT,))
    counting(shared, 1)()
    kept.writes = 0
    kept.goes.clear()
    kept.begun.clear()
    deeds = [counting(shared, subject) for subject in (2, 3, 1, 4)]
    first, second, twice, fourth = all_at_once(kept, shared, deeds)
    assert [first, second, fourth] == [(1, 12)] * 3
    assert isinstance(twice, IntegrityError)
    assert transactions(sessions) == [1] * 4
    assert not shared._under_way


def test_what_is_not_known_to_be_undone_is_not_done_again(kept, sessions, monkeypatch):
    shared = Together(kept, (COUNT,))
    tried = []

    def breaks(self, do, **_):
        tried.append(do)
        return do(Broken())

    class Broken:
        def run_as_one(self, *_):
            driver = kept._engine.dialect.dbapi
            raise DBAPIError.instance(None, None, driver.OperationalError("the line is cut"), driver.Error)

    deeds = [counting(shared, subject) for subject in (1, 2, 3)]
    monkeypatch.setattr(KeptConnections, "write", breaks)
    failures = all_at_once(kept, shared, deeds)
    monkeypatch.undo()
    assert [type(each) for each in failures] == [OperationalError] * 3
    assert len(tried) == 2
    assert transactions(sessions) == []
    assert counting(shared, 4)() == (1, 12), "whoever comes later is served"


def test_of_many_threads_each_is_answered_what_it_asked(engine, sessions):
    kept = KeptConnections(engine)
    shared = Together(kept, (COUNT,))
    with ThreadPoolExecutor(24) as threads:
        asked = [1 + number % 12 for number in range(600)]
        deeds = [counting(shared, number, count) for number, count in enumerate(asked)]
        found = [each.result(PATIENCE) for each in [threads.submit(deed) for deed in deeds]]
    assert [row[1] for row in found] == [12 // count for count in asked]
    assert sum(transactions(sessions)) == 600
    assert not shared._under_way
    kept.close()


def test_a_process_keeps_a_few_connections_however_many_ask(engine):
    kept = KeptConnections(engine)
    slowly = "SELECT pg_backend_pid(), pg_sleep(0.02)"
    with ThreadPoolExecutor(16) as threads:
        asked = [
            threads.submit(kept.read, lambda connection: connection.exec_driver_sql(slowly, {}).first())
            for _ in range(48)
        ]
        found = {each.result(PATIENCE)[0] for each in asked}
    assert len(found) == MOST
    kept.close()


def test_those_who_wait_for_what_somebody_holds_leave_connections_for_her(engine, sessions):
    """Whoever holds a citizen may ask by a kept connection before she lets go, as a page does that writes."""
    kept = KeptConnections(engine)
    with sessions.begin() as session:
        citizen, shops = builders.a_citizen(session).id, [builders.a_shop(session).id for _ in range(8)]

    def wait_for_her(shop: uuid.UUID) -> Followed:
        return kept.write(lambda connection: keep_follow(connection, citizen, shop, Level.NORMAL, now=NOW))

    with ThreadPoolExecutor(9) as threads:
        with sessions.begin() as session:
            hold(session, citizen)
            waiting = [threads.submit(wait_for_her, shop) for shop in shops]
            wait_until(lambda: who_wait_for_a_lock(sessions) == MOST_WAITING)
            read = threads.submit(kept.read, lambda connection: connection.exec_driver_sql("SELECT 7", {}).first())
            found = read.result(PATIENCE)
        assert found == (7,)
        assert all(each.result(PATIENCE).new for each in waiting)
    kept.close()


def who_wait_for_a_lock(sessions: sessionmaker[Session]) -> int:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with sessions() as session:
        return session.scalar(text(waiting))


class Crowd:
    """Citizens with tokens, and shops, whose follows go together."""

    def __init__(self, kept: KeptConnections, sessions: sessionmaker[Session], citizens: int, shops: int) -> None:
        self.kept, self.sessions = kept, sessions
        self.following = Following(kept)
        with sessions.begin() as session:
            made = [builders.a_citizen_with_token(session) for _ in range(citizens)]
            self.tokens = [token for _, token in made]
            self.citizens = [citizen.id for citizen, _ in made]
            self.shops = [builders.a_shop(session).id for _ in range(shops)]

    def wants(self, citizen: int, shop: int, level: Level = Level.NORMAL, *, token: str | None = None):
        token = self.tokens[citizen] if token is None else token
        return lambda: self.following.keep(token, self.shops[shop], level, now=NOW)

    def all(self, *deeds: Callable[[], object]) -> list[object]:
        return all_at_once(self.kept, self.following._together, list(deeds))

    def follows(self) -> set[tuple[int, int, Level]]:
        with self.sessions() as session:
            rows = session.execute(select(Follow.citizen_id, Follow.shop_id, Follow.level)).all()
        return {(self.citizens.index(citizen), self.shops.index(shop), level) for citizen, shop, level in rows}

    def pace(self, citizen: int) -> int:
        with self.sessions() as session:
            return session.scalar(text("SELECT pace FROM citizens WHERE id = :id"), {"id": self.citizens[citizen]})


@pytest.fixture
def crowd(kept, sessions) -> Crowd:
    return Crowd(kept, sessions, citizens=5, shops=3)


def test_follows_of_several_are_one_transaction_and_each_is_answered_her_own(crowd):
    found = crowd.all(
        crowd.wants(0, 0), crowd.wants(1, 0), crowd.wants(2, 1, Level.NEARBY), crowd.wants(3, 2, Level.NONE)
    )
    assert [citizen for citizen, _ in found] == crowd.citizens[:4]
    assert [(each.shop_id, each.level, each.begun_at, each.new) for _, each in found] == [
        (crowd.shops[0], Level.NORMAL, NOW, True),
        (crowd.shops[0], Level.NORMAL, NOW, True),
        (crowd.shops[1], Level.NEARBY, NOW, True),
        (crowd.shops[2], Level.NONE, NOW, True),
    ]
    assert crowd.follows() == {(0, 0, Level.NORMAL), (1, 0, Level.NORMAL), (2, 1, Level.NEARBY), (3, 2, Level.NONE)}
    assert crowd.kept.writes == 2


def test_among_others_a_forged_token_writes_nothing(crowd):
    forged = crowd.tokens[2][:30] + "A" * (len(crowd.tokens[2]) - 30)
    found = crowd.all(crowd.wants(0, 0), crowd.wants(1, 0), crowd.wants(2, 0, token=forged), crowd.wants(3, 0))
    assert isinstance(found[2], Absent)
    assert crowd.follows() == {(0, 0, Level.NORMAL), (1, 0, Level.NORMAL), (3, 0, Level.NORMAL)}


def test_among_others_what_is_so_already_is_not_written(crowd):
    before, version = NOW - dt.timedelta(days=1), text("SELECT xmin FROM follows WHERE citizen_id = :id")
    with crowd.sessions.begin() as session:
        follow(session, crowd.citizens[2], session.get_one(Shop, crowd.shops[0]), Level.NORMAL, now=before)
    with crowd.sessions() as session:
        written = session.scalar(version, {"id": crowd.citizens[2]})
    found = crowd.all(crowd.wants(0, 0), crowd.wants(1, 0), crowd.wants(2, 0))
    assert (found[2][1].new, found[2][1].begun_at) == (False, before)
    with crowd.sessions() as session:
        assert session.scalar(version, {"id": crowd.citizens[2]}) == written
    assert len(crowd.follows()) == 3


def test_who_is_held_waits_and_lets_the_others_go(crowd):
    """Somebody writes for citizen 2 all the while: who shared her transaction is done, and she is once that ends."""
    done = {}

    def noted(number):
        done[number] = crowd.wants(number, 0)()

    threads = [threading.Thread(target=noted, args=(number,)) for number in range(4)]
    with crowd.sessions.begin() as session:
        hold(session, crowd.citizens[2])
        threads[0].start()
        assert crowd.kept.begun.wait(PATIENCE)
        for thread in threads[1:]:
            thread.start()
        wait_until(lambda: len(crowd.following._together._waiting) == 3)
        crowd.kept.goes.set()
        wait_until(lambda: set(done) == {0, 1, 3})
        threads[2].join(HEAD_START)
        assert 2 not in done
    for thread in threads:
        thread.join(PATIENCE)
    assert done[2][1].new
    assert crowd.follows() == {(number, 0, Level.NORMAL) for number in range(4)}


def test_two_follows_of_one_citizen_and_one_that_is_tapped_twice(crowd):
    found = crowd.all(crowd.wants(0, 0), crowd.wants(1, 0), crowd.wants(1, 1), crowd.wants(1, 0), crowd.wants(1, 2))
    assert [each.new for _, each in found] == [True, True, True, False, True]
    assert {follow for follow in crowd.follows() if follow[0] == 1} == {(1, shop, Level.NORMAL) for shop in range(3)}


def test_paces_follow_where_shops_announce(crowd):
    with crowd.sessions.begin() as session:
        session.add(ShopRhythm(shop_id=crowd.shops[0], weekly=1_500, computed_on=NOW.date()))
        session.add(ShopRhythm(shop_id=crowd.shops[1], weekly=250, computed_on=NOW.date()))
    crowd.all(crowd.wants(4, 2), crowd.wants(0, 0), crowd.wants(1, 1), crowd.wants(2, 2), crowd.wants(3, 0, Level.NONE))
    assert [crowd.pace(citizen) for citizen in range(5)] == [1_500, 250, 0, 0, 0]
    crowd.following.keep(crowd.tokens[0], crowd.shops[1], Level.NORMAL, now=NOW)
    crowd.following.keep(crowd.tokens[0], crowd.shops[0], Level.NONE, now=NOW)
    assert crowd.pace(0) == 250


def test_a_shop_that_is_none_and_a_citizen_who_was_erased_are_absent_among_others(crowd):
    with crowd.sessions.begin() as session:
        session.execute(text("DELETE FROM citizens WHERE id = :id"), {"id": crowd.citizens[2]})
    nowhere = lambda: crowd.following.keep(crowd.tokens[3], uuid.UUID(int=7), Level.NORMAL, now=NOW)  # noqa: E731
    found = crowd.all(crowd.wants(0, 0), crowd.wants(1, 0), crowd.wants(2, 0), nowhere)
    assert [type(each) for each in found[2:]] == [Absent, Absent]
    assert crowd.follows() == {(0, 0, Level.NORMAL), (1, 0, Level.NORMAL)}


def test_of_always_that_are_tapped_at_once_three_are_kept(crowd):
    with crowd.sessions.begin() as session:
        crowd.shops += [builders.a_shop(session).id for _ in range(5)]
    crowd.kept.goes.set()

    def tap(shop: int) -> bool:
        try:
            return crowd.wants(0, shop, Level.ALWAYS)()[1].new
        except TooManyAlways:
            return False

    with ThreadPoolExecutor(8) as threads:
        found = [each.result(PATIENCE) for each in [threads.submit(tap, shop) for shop in range(8)]]
    assert sorted(found) == [False] * 5 + [True] * 3
    with crowd.sessions() as session:
        assert session.scalar(select(func.count()).where(Follow.level == Level.ALWAYS)) == MOST_ALWAYS


def test_the_paces_of_some_are_found_by_their_keys(kept, sessions):
    """Also by a plan that knows none of them, among many citizens."""
    kept.goes.set()
    statement = Following(kept)._together._statements[1]
    with sessions.begin() as session:
        for _ in range(200):
            builders.a_citizen(session)
        session.execute(text("ANALYZE citizens"))
        plan = "\n".join(session.scalars(text("EXPLAIN " + statement.text("postgresql").replace("%%", "%"))))
    assert "Index Cond: (id = ANY" in plan


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_many_tap_at_once_stands_as_each_was_answered(engine, sessions, seed):
    """Every citizen taps for herself, one after the other; somebody else holds some of them now and then."""
    kept = KeptConnections(engine)
    crowd = Crowd(kept, sessions, citizens=24, shops=6)
    with sessions.begin() as session:
        for number, shop in enumerate(crowd.shops[:3]):
            session.add(ShopRhythm(shop_id=shop, weekly=100 * (number + 1), computed_on=NOW.date()))
    over = threading.Event()

    def hold_some() -> None:
        dice = random.Random(seed)
        while not over.wait(0.005):
            with sessions.begin() as session:
                hold(session, dice.choice(crowd.citizens))
                over.wait(0.01)

    def tap(citizen: int) -> dict[int, Level]:
        dice, stands = random.Random(1_000 * seed + citizen), {}
        for step in range(40):
            shop, level = dice.randrange(len(crowd.shops)), dice.choice([*Level, None])
            now = NOW + dt.timedelta(seconds=step)
            if level is None:
                crowd.following.end(crowd.tokens[citizen], crowd.shops[shop], now=now)
                stands.pop(shop, None)
                continue
            try:
                _, found = crowd.following.keep(crowd.tokens[citizen], crowd.shops[shop], level, now=now)
            except TooManyAlways:
                assert sum(each is Level.ALWAYS for other, each in stands.items() if other != shop) == MOST_ALWAYS
                continue
            assert (found.shop_id, found.level, found.new) == (crowd.shops[shop], level, shop not in stands)
            stands[shop] = level
        return stands

    with ThreadPoolExecutor(25) as threads:
        disturbing = threads.submit(hold_some)
        stands = [each.result(PATIENCE) for each in [threads.submit(tap, citizen) for citizen in range(24)]]
        over.set()
        disturbing.result(PATIENCE)
    assert crowd.follows() == {(who, shop, level) for who, hers in enumerate(stands) for shop, level in hers.items()}
    assert [crowd.pace(who) for who in range(24)] == [
        sum(100 * (shop + 1) for shop, level in hers.items() if shop < 3 and level in {Level.NORMAL, Level.NEARBY})
        for hers in stands
    ]
    kept.close()
