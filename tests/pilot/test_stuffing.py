"""Ten thousand citizens made by a script, who follow, come once and leave: no measure that may have a target moves."""

import datetime as dt

import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import CitizenDay, create_citizen
from citylife.database import engine_for, writing
from citylife.follows import Follow, Level, end_follow, keep_follow
from citylife.pilot.cells import Figure
from citylife.pilot.counting import keep_lines
from citylife.pilot.figures import figures_of
from citylife.pilot.measures import BY_KEY, Evidence
from citylife.pilot.periods import read_period
from citylife.pilot.stocks import keep_stock
from citylife.shops import Shop
from tests import builders
from tests.pilot.history import write_history

WEEK = read_period("2026-W48")
INVENTED = 10_000
LEAVING = 3


def measured(sessions: sessionmaker[Session]) -> dict[tuple[str, str], Figure]:
    """Every true figure of the week by measure and territory, as it would be counted now; nothing of it is kept."""
    with sessions() as session:
        counting = builders.a_counted_period(session, WEEK, now=WEEK.ends)
        keep_lines(session, counting.lines, list(WEEK.days()), now=WEEK.ends)
        keep_stock(session, WEEK, counting.stocks)
        found = {(each.key, each.territory): each for each in figures_of(session, WEEK, as_of=WEEK.ends)}
        session.rollback()
    return {of: each for of, each in found.items() if BY_KEY[of[0]].evidence is not Evidence.DECLARED}


@pytest.mark.long
def test_citizens_and_follows_made_by_a_script_move_no_measure_that_may_have_a_target(sqlite_url: str) -> None:
    sessions = writing(engine_for(sqlite_url))
    with sessions.begin() as session:
        write_history(session, seed=5, first=WEEK.begins, days=7, citizens=24, shops=6, offers=24)
    before = measured(sessions)
    assert len(before) > 20
    at = WEEK.begins + dt.timedelta(days=2)
    with sessions.begin() as session:
        shops = session.scalars(select(Shop.id).where(~Shop.fictional)).all()
        made = [create_citizen(session, locale="fr", now=at)[0].id for _ in range(INVENTED)]
        connection = session.connection()
        for number, citizen_id in enumerate(made):
            shop_id = shops[number % len(shops)]
            keep_follow(connection, citizen_id, shop_id, Level.NORMAL, now=at)
            if number % LEAVING == 0:
                end_follow(connection, citizen_id, shop_id, now=at + dt.timedelta(hours=1))
        session.execute(insert(CitizenDay), [{"citizen_id": each, "day": at.date()} for each in made])
    with sessions() as session:
        assert session.query(Follow).count() > INVENTED / 2
    assert measured(sessions) == before
