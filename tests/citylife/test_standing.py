"""What waits is counted and aged rightly, and a scrape reads only what waits, by an index, on both databases."""

import datetime as dt

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from citylife import timetable
from citylife.database import engine_for, new_id, reading
from citylife.ledger import expansion
from citylife.ledger.statements import stored
from citylife.ledger.stops import resume_sending, stop_sending
from citylife.letters import LetterKind, write_letter
from citylife.standing import STATEMENTS, StandingCollector, standing
from citylife.timetable import Task
from tests import builders
from tests.builders import NOW

LATER = NOW + dt.timedelta(minutes=5)
LARGE = ("deliveries", "decisions", "messages", "letters", "timetable")


def a_backlog(sessions: sessionmaker[Session]) -> None:
    """One message expanded to two deliveries, one still to expand, a letter, and an overdue task, all since NOW."""
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        for _ in range(2):
            builders.a_follower(session, shop)
        builders.an_offer(session, shop)
    with sessions.begin() as session:
        expansion.expand_page(session, now=NOW)
    with sessions.begin() as session:
        builders.an_offer(session, session.merge(shop))
        write_letter(
            session,
            LetterKind.SIGN_IN,
            "camille@ville.example",
            locale="fr",
            content={},
            expires_at=NOW + dt.timedelta(hours=1),
            now=NOW,
        )
        timetable.plan(session, Task.OFFER_ENDS, new_id(), NOW)
        timetable.plan(session, Task.PILOT_REPORTS, new_id(), NOW - dt.timedelta(hours=1))  # holds up no offer


def figures(engine: Engine, now: dt.datetime, aipd_date: dt.date | None = None) -> dict[str, float]:
    """What a scrape says, without labels where there is but one series."""
    return {
        sample.name + "".join(f"[{value}]" for value in sample.labels.values()): sample.value
        for family in StandingCollector(engine, lambda: now, aipd_date=aipd_date).collect()
        for sample in family.samples
    }


def test_what_waits_is_counted_with_the_age_of_the_oldest(engine: Engine, sessions: sessionmaker[Session]):
    a_backlog(sessions)
    said = figures(engine, LATER)
    origin = "https://updates.push.services.mozilla.com"
    wanted = {
        "citylife_database_up": 1,
        "citylife_messages_expanding": 1,
        "citylife_messages_lag_seconds": 300,
        "citylife_deliveries_lag_seconds": 300,
        f"citylife_origin_lag_seconds[{origin}]": 300,
        f"citylife_deliveries[{origin}][waiting]": 2,
        f"citylife_deliveries[{origin}][claimed]": 0,
        f"citylife_origin_stopped[{origin}]": 0,
        f"citylife_origin_paused[{origin}]": 0,
        "citylife_letters_due": 1,
        "citylife_letters_later": 0,
        "citylife_letters_lag_seconds": 300,
        "citylife_timetable_lag_seconds": 300,
        "citylife_sending_stopped": 0,
        "citylife_sending_refused": 1,
        "citylife_shops_stopped": 0,
    }
    assert said == wanted


def test_what_holds_everything_is_told_apart(engine: Engine, sessions: sessionmaker[Session]):
    names = ("citylife_sending_refused", "citylife_sending_stopped", "citylife_shops_stopped")

    def held(aipd_date: dt.date | None) -> list[float]:
        said = figures(engine, NOW, aipd_date)
        return [said[name] for name in names]

    with sessions.begin() as session:
        shops = [builders.a_shop(session) for _ in range(3)]
    assert (held(None), held(NOW.date())) == ([1, 0, 0], [0, 0, 0])
    with sessions.begin() as session:
        for shop in (None, *(session.merge(shop) for shop in shops[:2])):
            stop_sending(session, shop, reason="Emballement", now=NOW)
    assert held(NOW.date()) == [0, 1, 2]
    with sessions.begin() as session:
        for shop in (None, session.merge(shops[0])):
            resume_sending(session, shop, reason="Corrigé", now=NOW)
    assert held(NOW.date()) == [0, 0, 1]


def test_nothing_waits_in_an_empty_town(engine: Engine):
    assert set(figures(engine, NOW).values()) == {0, 1}
    assert figures(engine, NOW)["citylife_database_up"] == 1


def test_a_database_that_is_away_is_said_and_nothing_else():
    gone = engine_for("postgresql+psycopg://nobody@127.0.0.1:9/none")
    assert figures(gone, NOW) == {"citylife_database_up": 0}


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_statement_of_a_scrape_reads_by_an_index(engine: Engine, sessions: sessionmaker[Session], name: str):
    a_backlog(sessions)
    statement = STATEMENTS[name]
    with reading(engine)() as session:
        connection = session.connection()
        sqlite = connection.dialect.name == "sqlite"
        if not sqlite:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # the tables of a test are too small to matter
        asked = statement._texts[connection.dialect.name]
        values = {"now": stored(connection, LATER)} if "now" in asked else {}
        explain = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN"
        plan = [str(row[-1]) for row in connection.exec_driver_sql(f"{explain} {asked}", values)]
    walked = [
        line
        for line in plan
        for table in LARGE
        if f"Seq Scan on {table}" in line or (line.startswith(f"SCAN {table}") and "INDEX" not in line)
    ]
    assert walked == [], plan


def test_a_standing_is_the_same_from_a_session(engine: Engine, sessions: sessionmaker[Session]):
    a_backlog(sessions)
    with reading(engine)() as session:
        found = standing(session, aipd_date=None, now=LATER)
    assert (found.expanding.count, found.letters.count, found.ledger.waiting) == (1, 1, 2)
