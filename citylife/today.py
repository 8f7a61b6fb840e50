"""How the service stands today, for who watches over it: what is sent, what waits, and what is out of the ordinary.

Only totals are told. What is usual is the mean day of the four weeks before the last twenty-four hours, counted among
what is still there: who was erased since, or follows no longer, is not counted.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from citylife.activity import WHOLE, Counted, DailyCount
from citylife.appeals import Appeal, AppealOutcome
from citylife.clock import local_date
from citylife.ledger.statements import Statement, stored
from citylife.ledger.stops import current_stops
from citylife.ledger.tables import SendingStop
from citylife.pilot.freezing import latest_reports
from citylife.pilot.sending import PilotSending, sending_of
from citylife.pilot.tables import PilotReport
from citylife.reports import Report, ReportStatus
from citylife.shops.tables import Shop, ShopStatus
from citylife.standing import Standing, standing

DAY: Final = dt.timedelta(days=1)
USUAL_DAYS: Final = 28
TIMES: Final = 3
LEAST: Final = 20
"""A day is out of the ordinary at three times the usual, and at least twenty more than it."""
_RHYTHM: Final = """
    SELECT sum(CASE WHEN {at} >= :lately THEN 1 ELSE 0 END), count(*) FROM {table}
    WHERE {at} >= :since AND {at} <= :now
"""
CITIZENS: Final = Statement(_RHYTHM.format(table="citizens", at="created_at"))
FOLLOWS: Final = Statement(_RHYTHM.format(table="follows", at="begun_at"))


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How many in the last twenty-four hours, and on a usual day: told to nobody, but whether that is unusual."""

    lately: int
    usual: float

    @property
    def unusual(self) -> bool:
        """Whether that is worth a look: somebody may be stuffing the figures, or a poster works well."""
        return self.lately >= TIMES * self.usual and self.lately >= self.usual + LEAST


@dataclass(frozen=True, slots=True)
class Rhythms:
    """New citizens and new follows, as they were counted at a moment."""

    counted_at: dt.datetime
    citizens: Rhythm
    follows: Rhythm


@dataclass(frozen=True, slots=True)
class Today:
    """What is told of a day; `devices_lost` are those that their push service no longer knows, today and yesterday."""

    standing: Standing
    stops: Sequence[tuple[SendingStop, Shop | None]]
    devices_lost: tuple[int, int]
    shops_waiting: int
    reports_waiting: int
    appeals_waiting: int
    report: PilotReport | None
    report_sending: PilotSending | None


def today(session: Session, *, aipd_date: dt.date | None, now: dt.datetime) -> Today:
    """The state of this day. Its cost grows with what waits."""
    last = next(iter(latest_reports(session, most=1)), None)
    waiting = select(func.count()).select_from(Shop).where(Shop.status == ShopStatus.CLAIMED)
    reported = select(func.count()).select_from(Report).where(Report.status == ReportStatus.OPEN)
    appealed = select(func.count()).select_from(Appeal).where(Appeal.outcome == AppealOutcome.OPEN)
    return Today(
        standing=standing(session, aipd_date=aipd_date, now=now),
        stops=current_stops(session),
        devices_lost=_devices_lost(session, local_date(now)),
        shops_waiting=session.scalar(waiting) or 0,
        reports_waiting=session.scalar(reported) or 0,
        appeals_waiting=session.scalar(appealed) or 0,
        report=last,
        report_sending=None if last is None else sending_of(session, last),
    )


def rhythms(session: Session, *, now: dt.datetime) -> Rhythms:
    """What comes in a day and usually does. It looks at every citizen and follow once: seconds in a full town."""
    return Rhythms(now, _rhythm(session, CITIZENS, now=now), _rhythm(session, FOLLOWS, now=now))


def _rhythm(session: Session, statement: Statement, *, now: dt.datetime) -> Rhythm:
    connection = session.connection()
    moments = {"now": now, "lately": now - DAY, "since": now - (USUAL_DAYS + 1) * DAY}
    values = {name: stored(connection, moment) for name, moment in moments.items()}
    lately, every = statement.run(connection, values).one()
    lately = int(lately or 0)
    return Rhythm(lately, (int(every) - lately) / USUAL_DAYS)


def _devices_lost(session: Session, day: dt.date) -> tuple[int, int]:
    days = (day, day - DAY)
    rows = session.execute(
        select(DailyCount.day, DailyCount.count).where(
            DailyCount.day.in_(days), DailyCount.counted == Counted.DEVICES_GONE, DailyCount.subject == WHOLE
        )
    )
    found = {row[0]: int(row[1]) for row in rows}
    return found.get(days[0], 0), found.get(days[1], 0)
