"""The digest: what was put aside comes once, at her hour, or says nothing."""

import datetime as dt

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen
from citylife.courtesy.tables import BudgetSlot, DigestLine
from citylife.database import engine_for, writing
from citylife.follows import Follow, unfollow
from citylife.ledger import digests
from citylife.ledger.tables import Decision, MessageKind, Reason
from tests import builders
from tests.citylife.courtesy.conftest import DAY, HOUR, SIX, put_aside, rows, taken_up, told, wish
from tests.ledger_desk import claim_all


def test_a_digest_comes_at_her_hour_with_what_was_put_aside(sessions: sessionmaker[Session]) -> None:
    put_aside(sessions, "Pains", "Roses")
    assert taken_up(sessions, now=SIX - dt.timedelta(seconds=1)) == 0
    assert taken_up(sessions, now=SIX) == 1
    assert taken_up(sessions, now=SIX) == 0

    [claimed] = claim_all(sessions, now=SIX)
    assert claimed.announced.kind is MessageKind.DIGEST
    assert sorted(claimed.announced.lines) == [("Chez Pains", "Pains"), ("Chez Roses", "Roses")]
    assert rows(sessions, BudgetSlot) == []


def test_a_digest_of_which_nothing_is_left_is_silent(sessions: sessionmaker[Session]) -> None:
    put_aside(sessions, "Pains", lasts=4 * HOUR)
    assert taken_up(sessions, now=SIX) == 0
    assert claim_all(sessions, now=SIX) == rows(sessions, DigestLine) == []

    citizen = put_aside(sessions, "Roses")
    assert taken_up(sessions, now=SIX) == 1
    with sessions.begin() as session:
        [shop_id] = session.scalars(select(Follow.shop_id).where(Follow.citizen_id == citizen.id))
        unfollow(session, citizen.id, shop_id, now=SIX)
    assert claim_all(sessions, now=SIX) == []


def test_whoever_wants_no_digest_any_more_gets_none_and_nobody_gets_two_on_a_day(
    sessions: sessionmaker[Session],
) -> None:
    citizen = put_aside(sessions, "Pains")
    wish(sessions, citizen, digest=False)
    assert taken_up(sessions, now=SIX) == 0

    other = put_aside(sessions, "Roses")
    assert taken_up(sessions, now=SIX) == 1
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        builders.a_follow(session, session.get_one(Citizen, other.id), shop)
    wish(sessions, other, digest_at=dt.time(19))
    told(sessions, shop, now=SIX + HOUR / 2)
    assert taken_up(sessions, now=SIX + HOUR) == 0  # 19:00, and she has had one at 18:00
    assert taken_up(sessions, now=SIX + DAY + HOUR) == 1


def test_an_evening_of_many_is_taken_up_line_after_line_and_nobody_is_passed_over(
    sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "LINES", 3)
    citizens = [put_aside(sessions, *titles) for titles in (["Pains", "Roses", "Thés", "Vins"], ["Cafés"], ["Livres"])]
    assert taken_up(sessions, now=SIX) == 3
    with sessions() as session:
        told_of = select(Decision.citizen_id).where(Decision.reason == Reason.DIGEST)
        assert sorted(session.scalars(told_of)) == sorted(citizen.id for citizen in citizens)
    assert all(line.due_at is None and line.digest_id is not None for line in rows(sessions, DigestLine))


def test_a_page_of_several_time_zones_counts_each_of_its_own_day(sessions: sessionmaker[Session]) -> None:
    here, there = put_aside(sessions, "Pains"), put_aside(sessions, "Roses")
    with sessions.begin() as session:
        session.get_one(Citizen, there.id).time_zone = "Pacific/Noumea"
    assert taken_up(sessions, now=SIX) == 2
    with sessions() as session:
        days = dict(
            session.execute(
                select(Decision.citizen_id, Decision.local_date).where(Decision.reason == Reason.DIGEST)
            ).all()
        )
    assert days == {here.id: SIX.date(), there.id: SIX.date() + DAY}


@pytest.mark.long
def test_on_postgresql_a_page_reads_the_lines_of_its_citizens_alone_whatever_the_planner_believes(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engine_for(postgres_url)
    sessions = writing(engine)
    for number in range(3):
        put_aside(sessions, f"Pains {number}", f"Roses {number}")
    with sessions.begin() as session:
        session.execute(text("ANALYZE"))  # when nothing was due yet
        session.execute(update(DigestLine).values(due_at=SIX))
    asked: list[tuple[str, object]] = []
    run = digests.Statement.run
    monkeypatch.setattr(
        digests.Statement,
        "run",
        lambda self, connection, values=None: (
            asked.append((self.text("postgresql"), values)),
            run(self, connection, values),
        )[1],
    )
    with sessions.begin() as session:
        assert digests.take_up(session, now=SIX) is not None
        session.execute(text("SET LOCAL enable_seqscan = off"))
        of_a_page = [(said, values) for said, values in asked if "digest_lines" in said and "ANY" in said]
        plans = [
            str(session.connection().exec_driver_sql(f"EXPLAIN (FORMAT JSON) {said}", values).scalar())
            for said, values in of_a_page
        ]
    assert len(plans) >= 3
    assert not [plan for plan in plans if "ix_digest_lines_due_at" in plan]
    engine.dispose()
