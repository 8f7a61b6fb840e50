"""Daily counters add up, by the day of Paris, whoever counts at the same moment."""

import datetime as dt

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from citylife.activity import MOST_VISITS, WHOLE, Counted, DailyCount, Visits, count
from citylife.database import new_id
from tests.builders import NOW
from tests.overlap import overlapping


def test_a_count_adds_up_by_day_kind_and_subject(session: Session):
    shop, other = new_id(), new_id()

    count(session, Counted.SHOP_PAGE_VISITS, shop, now=NOW)
    count(session, Counted.SHOP_PAGE_VISITS, shop, now=NOW, by=4)
    count(session, Counted.SHOP_PAGE_VISITS, other, now=NOW)
    count(session, Counted.OFFER_OPENED, shop, now=NOW)
    session.commit()

    assert rows(session) == {
        (NOW.date(), Counted.SHOP_PAGE_VISITS, shop): 5,
        (NOW.date(), Counted.SHOP_PAGE_VISITS, other): 1,
        (NOW.date(), Counted.OFFER_OPENED, shop): 1,
    }


def test_the_day_is_the_one_of_paris(session: Session):
    count(session, Counted.OPT_OUTS, WHOLE, now=dt.datetime(2026, 11, 24, 22, 59, tzinfo=dt.UTC))
    count(session, Counted.OPT_OUTS, WHOLE, now=dt.datetime(2026, 11, 24, 23, 1, tzinfo=dt.UTC))

    assert {day for day, _, _ in rows(session)} == {dt.date(2026, 11, 24), dt.date(2026, 11, 25)}


def test_two_counts_at_once_are_both_counted(sessions: sessionmaker[Session]):
    overlapping(
        sessions,
        lambda session: count(session, Counted.OPT_OUTS, WHOLE, now=NOW),
        lambda session: count(session, Counted.OPT_OUTS, WHOLE, now=NOW, by=2),
    )

    with sessions() as session:
        assert rows(session) == {(NOW.date(), Counted.OPT_OUTS, WHOLE): 3}


def rows(session: Session):
    return {(row.day, row.counted, row.subject): row.count for row in session.scalars(select(DailyCount))}


def test_visits_are_written_together_and_wait_while_the_database_is_away(sessions: sessionmaker[Session]):
    away = True

    def factory() -> Session:
        if away:
            raise OperationalError("", {}, Exception())
        return sessions()

    visits, shop = Visits(factory), new_id()  # type: ignore[arg-type]
    for _ in range(MOST_VISITS + 5):
        visits.note(shop, 1, NOW)
    visits.note(shop, 2, NOW)
    visits.note(shop, 1, NOW + dt.timedelta(days=1))
    with pytest.raises(OperationalError):
        visits.flush()
    away = False
    assert (visits.flush(), visits.flush()) == (MOST_VISITS + 2, 0)
    with sessions() as session:
        counts = session.scalars(select(DailyCount.count).order_by(DailyCount.day)).all()
    assert counts == [MOST_VISITS + 1, 1]
