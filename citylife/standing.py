"""What waits anywhere, and for how long: a few seeks and counts over what is unsettled, never over what is done.

Each statement reads a partial index of what waits, so that its cost follows the backlog and not the town.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from citylife.clock import Clock
from citylife.database import reading
from citylife.ledger import reading as ledger
from citylife.ledger.gate import sending_refused
from citylife.ledger.reading import LedgerHealth
from citylife.ledger.statements import Statement, moment, stored
from citylife.ledger.stops import all_sending_stopped

EXPANDING: Final = Statement(
    "SELECT count(*), min(release_at) FROM messages WHERE state = 'expanding' AND release_at <= :now"
)
LETTERS: Final = Statement("SELECT count(*), min(next_at) FROM letters WHERE state = 'waiting' AND next_at <= :now")
LETTERS_LATER: Final = Statement("SELECT count(*) FROM letters WHERE state = 'waiting' AND next_at > :now")
OVERDUE: Final = Statement(
    "SELECT due_at FROM timetable WHERE due_at <= :now AND task NOT IN ('pilot-days', 'pilot-reports') "
    "ORDER BY due_at LIMIT 1"
)
"""Of what the dispatcher does: what the pilot counts may take an hour, and holds up no offer."""
SHOPS_STOPPED: Final = Statement("SELECT count(*) FROM sending_stops WHERE lifted_at IS NULL AND shop_id IS NOT NULL")
STATEMENTS: Final[Mapping[str, Statement]] = {
    "expanding": EXPANDING,
    "letters": LETTERS,
    "letters later": LETTERS_LATER,
    "overdue": OVERDUE,
    "shops stopped": SHOPS_STOPPED,
    **ledger.STATEMENTS,
}
"""Every statement of a scrape, for whoever wants to see how it is read."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many wait, and for how many seconds the first of them has."""

    count: int
    oldest: float


@dataclass(frozen=True, slots=True)
class Standing:
    """What waits: deliveries (`ledger`), messages that could be expanded, letters that could be sent, overdue tasks.

    And what holds it: the gate (`sending_refused`), a stop of all sending, how many shops are stopped by themselves.
    """

    ledger: LedgerHealth
    expanding: Backlog
    letters: Backlog
    letters_later: int
    timetable_lag: float
    sending_stopped: bool
    sending_refused: bool
    shops_stopped: int


def standing(session: Session, *, aipd_date: dt.date | None, now: dt.datetime) -> Standing:
    """How everything that waits is faring; `aipd_date` is when the impact assessment was done."""
    connection = session.connection()
    values = {"now": stored(connection, now)}

    def age(since: object) -> float:
        waited_since = moment(since)
        return 0.0 if waited_since is None else max((now - waited_since).total_seconds(), 0.0)

    expanding, released = EXPANDING.run(connection, values).one()
    letters, due = LETTERS.run(connection, values).one()
    return Standing(
        ledger=ledger.health(session, now=now),
        expanding=Backlog(int(expanding), age(released)),
        letters=Backlog(int(letters), age(due)),
        letters_later=int(LETTERS_LATER.run(connection, values).scalar() or 0),
        timetable_lag=age(OVERDUE.run(connection, values).scalar()),
        sending_stopped=all_sending_stopped(session),
        sending_refused=sending_refused(session, aipd_date),
        shops_stopped=int(SHOPS_STOPPED.run(connection).scalar() or 0),
    )


class StandingCollector(Collector):
    """The same as Prometheus' gauges, read when they are asked for; the same whoever of a town's processes answers."""

    def __init__(self, engine: Engine, clock: Clock, *, aipd_date: dt.date | None) -> None:
        self._sessions, self._clock, self._aipd_date = reading(engine), clock, aipd_date

    def collect(self) -> Iterator[Metric]:
        """The figures; none but `citylife_database_up` where the database does not answer."""
        try:
            with self._sessions() as session:
                found = standing(session, aipd_date=self._aipd_date, now=self._clock())
        except SQLAlchemyError:
            yield GaugeMetricFamily("citylife_database_up", "Whether the database answers", value=0)
            return
        yield GaugeMetricFamily("citylife_database_up", "Whether the database answers", value=1)
        for name, text, value in (
            ("messages_expanding", "Messages whose decisions are still being written", found.ledger.expanding),
            ("messages_lag_seconds", "Age of the oldest message that could be expanded", found.expanding.oldest),
            ("deliveries_lag_seconds", "Age of the oldest delivery that could have left", found.ledger.lag),
            ("letters_due", "Letters that could be sent now", found.letters.count),
            ("letters_later", "Letters that wait for another try", found.letters_later),
            ("letters_lag_seconds", "Age of the oldest letter that could have been sent", found.letters.oldest),
            ("timetable_lag_seconds", "How long the oldest task is overdue", found.timetable_lag),
            ("sending_stopped", "Whether staff stopped all sending", int(found.sending_stopped)),
            ("sending_refused", "Whether nothing may be sent: the AIPD has no date", int(found.sending_refused)),
            ("shops_stopped", "Shops whose sending staff stopped", found.shops_stopped),
        ):
            yield GaugeMetricFamily(f"citylife_{name}", text, value=value)
        yield from _by_origin(found.ledger, self._clock())


def _by_origin(found: LedgerHealth, now: dt.datetime) -> Iterator[Metric]:
    states = GaugeMetricFamily(
        "citylife_deliveries", "Deliveries not yet settled, by push service", labels=["origin", "state"]
    )
    lag = GaugeMetricFamily("citylife_origin_lag_seconds", "The lag of one push service", labels=["origin"])
    stopped = GaugeMetricFamily("citylife_origin_stopped", "Whether a push service is stopped", labels=["origin"])
    paused = GaugeMetricFamily("citylife_origin_paused", "Whether a push service asked to wait", labels=["origin"])
    for each in found.origins:
        states.add_metric([each.origin, "waiting"], each.waiting)
        states.add_metric([each.origin, "claimed"], each.claimed)
        lag.add_metric([each.origin], each.lag)
        stopped.add_metric([each.origin], each.stopped_at is not None)
        paused.add_metric([each.origin], each.paused_until is not None and each.paused_until > now)
    yield from (states, lag, stopped, paused)
