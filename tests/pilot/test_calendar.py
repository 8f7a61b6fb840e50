"""When the pilot counts: every night, once, before the purge; what a worker missed is made up for."""

import datetime as dt

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.activity import WHOLE
from citylife.pilot.calendar import MOST_MADE_UP, days_to_close, next_closing
from citylife.pilot.periods import A_DAY
from citylife.pilot.tables import PilotDay, PilotNumber
from citylife.purge import next_night
from citylife.timetable import Due, Task
from notifications.measuring import Surveyor
from tests import builders
from tests.builders import NOW


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("now", "closing"),
    [
        ("2026-11-28T02:14:59+00:00", "2026-11-28T02:15:00+00:00"),
        ("2026-11-28T02:15:00+00:00", "2026-11-29T02:15:00+00:00"),
        ("2026-03-28T12:00:00+00:00", "2026-03-29T01:15:00+00:00"),
        ("2026-10-24T12:00:00+00:00", "2026-10-25T02:15:00+00:00"),
    ],
)
def test_a_day_is_closed_once_a_night_also_when_the_clocks_change(now: str, closing: str) -> None:
    assert next_closing(at(now)) == at(closing)
    assert next_closing(at(now)) < next_night(next_closing(at(now)))


def test_what_a_worker_missed_is_made_up_for_once(engine: Engine, sessions: sessionmaker[Session]) -> None:
    now = [NOW]
    surveyor = Surveyor(engine, revision="r", clock=lambda: now[0])
    assert not surveyor.turn()
    with sessions.begin() as session:
        shop = builders.a_shop(session, now=NOW)
        builders.an_offer(session, shop, now=NOW)
    for later in (A_DAY, 4 * A_DAY):
        now[0] = NOW + later
        while surveyor.turn():
            pass
    with sessions() as session:
        closed = sorted(session.scalars(select(PilotDay.day)))
        assert closed == [NOW.date() + number * A_DAY for number in range(4)]
        [published] = session.scalars(select(PilotNumber).where(PilotNumber.counted == "published-offer"))
        assert (published.day, published.shop_id, published.count) == (NOW.date(), shop.id, 1)
        due = session.get(Due, (Task.PILOT_DAYS, WHOLE))
        assert due is not None
        assert due.due_at == next_closing(NOW + 4 * A_DAY)
        assert days_to_close(session, now=NOW + 4 * A_DAY) == []


def test_a_long_absence_makes_up_for_no_more_than_the_tables_hold(session: Session) -> None:
    session.add(PilotDay(day=NOW.date() - 200 * A_DAY, closed_at=NOW, rows=0))
    session.flush()
    days = days_to_close(session, now=NOW)
    assert (len(days), days[-1]) == (MOST_MADE_UP, NOW.date() - A_DAY)


def test_the_first_night_closes_yesterday_alone(session: Session) -> None:
    assert days_to_close(session, now=NOW) == [NOW.date() - A_DAY]
