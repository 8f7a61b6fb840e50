"""Verifying a frozen period: the chain of reports, what was kept of it, and the rows of a copy of the database.

Of each line of a day the larger number is kept, from the night it was closed until its week is frozen; the rows of a
copy are what was left by then. So fewer of what leaves by itself are no error, and are told apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from citylife.errors import Absent
from citylife.pilot.counting import count_days, count_left
from citylife.pilot.freezing import (
    GENESIS,
    NUMBERS,
    content_of,
    frozen_before,
    hash_of_numbers,
    kept_numbers,
    reports_of,
    seal,
)
from citylife.pilot.periods import Period
from citylife.pilot.stocks import stock_of, take_stock
from citylife.pilot.tables import PilotReport

LEAVING: Final = frozenset(
    {
        *("new-follows", "lost-follows", "opt-outs", "delay", "nearby-accepted", "digests-accepted"),
        *("deliveries-accepted", "deliveries-gone", "deliveries-refused", "held-for-quiet", "held-for-budget"),
        *("over-drawn", "over-not-drawn", "over-used-drawn", "over-used-not-drawn"),
        *("used-drawn", "used-not-drawn", "used-none"),
    }
)
"""The lines whose rows may leave after they were counted: by the purge, an erasure, the undoing of an unfollow, and
where a merchant signs in with the browser that follows her own shop. Nothing takes what was published or visited."""
COMING_LATE: Final = frozenset({"new-follows", "lost-follows", "nearby-accepted"})
"""The lines that may grow after their day was frozen: she shows signs of life, or sets a place, only later. So may, by
what has left the ledger by then, those of a shop's own team: what is left of them no longer says whose they were."""
PERSONS: Final = frozenset({"following-citizens", "active-citizens", "follows-per-citizen"})
"""The stocks that an erasure lessens: between counting and the copy, and before an erratum, which keeps the first."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Where what is found again is not what was kept: what, what stands there, what was found."""

    what: str
    kept: Any
    found: Any


@dataclass(frozen=True, slots=True)
class Recount:
    """What the rows of a copy tell otherwise: what contradicts what was kept, what has left since, what came late."""

    differences: list[Difference] = field(default_factory=list)
    left: list[Difference] = field(default_factory=list)
    late: list[Difference] = field(default_factory=list)


def verify(session: Session, period: Period) -> list[Difference]:
    """Whether the chain of reports holds, and the last report of a period says what was kept of it.

    Raises:
        Absent: the period was never frozen.
    """
    differences, previous = list[Difference](), GENESIS
    for report in session.scalars(select(PilotReport).order_by(PilotReport.number)):
        if report.previous != previous:
            differences.append(Difference(f"{report.period} v{report.version}: previous", report.previous, previous))
        if seal(report) != report.sha256:
            differences.append(Difference(f"{report.period} v{report.version}: sha256", report.sha256, seal(report)))
        previous = report.sha256
    versions = reports_of(session, period)
    if not versions:
        raise Absent
    last = versions[-1]
    if NUMBERS in last.rows:  # reports from before this was sealed have none
        found = hash_of_numbers(session, period, last.rows)
        if found != last.rows[NUMBERS]:
            differences.append(Difference(f"{period} v{last.version}: numbers", last.rows[NUMBERS], found))
    again = content_of(session, period, before=last.number, as_of=last.frozen_at)
    differences += _between(last.content["figures"], again["figures"])
    return differences


def verify_from_rows(session: Session, period: Period, copy: Session) -> Recount:
    """Whether what was kept of a period is what the rows of a database (a copy taken when it was frozen) tell."""
    recount = Recount()
    _compare_lines(session, period, copy, recount)
    _compare_stocks(session, period, copy, recount)
    return recount


def _compare_lines(session: Session, period: Period, copy: Session, recount: Recount) -> None:
    days = list(period.days())
    numbers, found = kept_numbers(session, days), count_days(copy.connection(), days)
    in_sums, closed = count_left(copy.connection(), days), frozen_before(session, period)
    for line in sorted({*found, *numbers}):
        difference = Difference(" ".join(map(str, line)), numbers.get(line, 0), found.get(line, 0))
        more = difference.found - difference.kept
        if more < 0 and line[1] in LEAVING:
            recount.left.append(difference)
        elif more > 0 and line[0] in closed and (line[1] in COMING_LATE or more <= in_sums.get(line, 0)):
            recount.late.append(difference)
        elif more:
            recount.differences.append(difference)


def _compare_stocks(session: Session, period: Period, copy: Session, recount: Recount) -> None:
    stocks, now = stock_of(session, period), take_stock(copy, period)
    for of in sorted({*stocks, *now}):
        difference = Difference(" ".join(of), stocks[of], now[of])
        if of[0] in PERSONS and now[of] < stocks[of]:
            recount.left.append(difference)
        elif stocks[of] != now[of]:
            recount.differences.append(difference)


def _between(kept: Sequence[dict[str, Any]], found: Sequence[dict[str, Any]]) -> list[Difference]:
    told, again = ({(each["key"], each["territory"]): each for each in some} for some in (kept, found))
    return [
        Difference(" ".join(of), told.get(of), again.get(of))
        for of in sorted({*told, *again})
        if told.get(of) != again.get(of)
    ]
