"""Freezing a period: its figures as they are told for ever, sealed to the report before.

A report holds what may be told and nothing else; the numbers it was made from stay in `pilot_numbers` and
`pilot_stocks`, and a salted hash of them in the seal, so that anybody who has a copy of the database finds the same
figures again (`citylife.pilot.verifying`).
"""

import datetime as dt
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Final

import orjson
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from citylife import audit
from citylife.accounts.citizens import Citizen, CitizenDay
from citylife.audit import Actor
from citylife.errors import Refusal
from citylife.follows import EndedFollow, Follow
from citylife.invented.tables import invented_town
from citylife.ledger.tables import Decision, Delivery
from citylife.offers.tables import Offer
from citylife.pilot.areas import AREAS_VERSION
from citylife.pilot.counting import Line, count_days, keep_lines
from citylife.pilot.figures import figures_of
from citylife.pilot.periods import Frequency, Period, read_period
from citylife.pilot.sending import put_on_its_way
from citylife.pilot.stocks import Stocks, keep_stock, stock_of, take_stock
from citylife.pilot.tables import LONGEST_REASON, PilotDay, PilotNumber, PilotReport
from citylife.pilot.targets import targets_of, with_targets
from citylife.pilot.telling import told
from citylife.shops.tables import Shop
from citylife.text import check_line

GENESIS: Final = bytes(32)
"""What the first report names as the hash of the one before."""
SALT: Final = "salt"
"""Beside the counts of rows, which are exact and told to nobody, so that the seal does not let them be guessed."""
NUMBERS: Final = "numbers"
"""Beside them: the hash of every number and stock that was kept of the period, under the same salt."""
COUNTED_TABLES: Final = (Citizen, CitizenDay, Follow, EndedFollow, Shop, Offer, Decision, Delivery)
"""Whose rows are counted beside a report, so that it can be told from which state it was taken."""


class NotOver(Refusal):
    """The period has not ended yet."""

    slug: ClassVar[str] = "period-not-over"
    title: ClassVar[str] = "Période en cours"
    sentence: ClassVar[str] = (
        "La période {period} n’est pas terminée : ses chiffres ne peuvent pas encore être arrêtés."
    )


class AlreadyFrozen(Refusal):
    """The period was frozen before, and no reason for an erratum is given."""

    slug: ClassVar[str] = "period-frozen"
    title: ClassVar[str] = "Période déjà arrêtée"
    sentence: ClassVar[str] = (
        "La période {period} est déjà arrêtée. Un rectificatif est une nouvelle version : il lui faut un motif."
    )


class NotCounted(Refusal):
    """A day of the period was never closed, and what is left of its rows by now is not what there was."""

    slug: ClassVar[str] = "period-not-counted"
    title: ClassVar[str] = "Jours non comptés"
    sentence: ClassVar[str] = (
        "La période {period} ne peut pas être arrêtée : chacun de ses jours doit avoir été compté avant, de nuit, "
        "et ce n’est pas le cas du {day}."
    )


@dataclass(frozen=True, slots=True)
class Counting:
    """What was counted of a period from the tables, before any of it is kept."""

    period: Period
    lines: dict[Line, int]
    stocks: Stocks
    rows: dict[str, int]


def count_period(session: Session, period: Period, *, now: dt.datetime) -> Counting:
    """Count a whole period from the tables; reads only, so that nobody has to wait for it.

    Raises:
        NotOver: it has not ended.
        NotCounted: a day of it was not closed by night; no reason makes up for that.
    """
    if now < period.ends:
        raise NotOver(period=str(period))
    closed = set(session.scalars(select(PilotDay.day).where(PilotDay.day.in_(list(period.days())))))
    missing = next((day for day in period.days() if day not in closed), None)
    if missing is not None:
        raise NotCounted(period=str(period), day=missing.isoformat())
    lines = count_days(session.connection(), list(period.days()))
    rows = {
        model.__tablename__: session.scalar(select(func.count()).select_from(model)) or 0 for model in COUNTED_TABLES
    }
    return Counting(period, lines, take_stock(session, period), rows)


def freeze(
    session: Session, counting: Counting, *, revision: str, reason: str = "", actor: Actor, now: dt.datetime
) -> PilotReport:
    """Keep what was counted, and append the report of it; a later one of the same period is an erratum, with a reason.

    Persons are counted once: an erratum keeps the stocks of the first report, since who left meanwhile is gone. Days
    of a frozen period are counted again by an erratum of one that holds them, and by nothing else. Where that changes a
    day, the other frozen periods that hold it have an erratum after it, for the same reason.

    Raises:
        AlreadyFrozen: it was frozen before, and no reason is given.
        TextRefused: the reason is no line of at most `LONGEST_REASON` characters.
    """
    period = counting.period
    if reason:
        reason = check_line(reason, pointer="/reason", most=LONGEST_REASON)
    former = reports_of(session, period)
    if former and not reason:
        raise AlreadyFrozen(period=str(period))
    changed = _changed_days(session, counting) if former else set[dt.date]()
    days = list(period.days()) if former else _open_days(session, period)
    keep_lines(session, {line: count for line, count in counting.lines.items() if line[0] in days}, days, now=now)
    if not former:
        keep_stock(session, period, counting.stocks)
    append = partial(_append, session, counting.rows, revision=revision, reason=reason, actor=actor, now=now)
    report = append(period)
    for other in _frozen_periods(session):
        if other != period and changed.intersection(other.days()):
            append(other)
    return report


def _append(
    session: Session,
    rows: Mapping[str, int],
    period: Period,
    *,
    revision: str,
    reason: str,
    actor: Actor,
    now: dt.datetime,
) -> PilotReport:
    """Append the report of what is kept of a period, sealed to the last one, and put it on its way."""
    last = session.scalar(select(PilotReport).order_by(PilotReport.number.desc()).limit(1).with_for_update())
    report = PilotReport(
        number=1 if last is None else last.number + 1,
        period=str(period),
        version=len(reports_of(session, period)) + 1,
        frozen_at=now,
        revision=revision,
        reason=reason,
        rows=_with_numbers(session, period, rows),
        content=content_of(session, period, before=None, as_of=now),
        previous=GENESIS if last is None else last.sha256,
    )
    report.sha256 = seal(report)
    session.add(report)
    session.flush()
    put_on_its_way(session, report, now=now)
    audit.note(
        session,
        "pilot.frozen",
        None,
        actor=actor,
        now=now,
        period=report.period,
        version=report.version,
        sha256=report.sha256.hex(),
    )
    session.flush()
    return report


def _with_numbers(session: Session, period: Period, rows: Mapping[str, int]) -> dict[str, Any]:
    """The counts of rows, a salt, and the hash of what is kept of the period."""
    said: dict[str, Any] = {**dict(sorted(rows.items())), SALT: secrets.token_hex(16)}
    return {**said, NUMBERS: hash_of_numbers(session, period, said)}


def hash_of_numbers(session: Session, period: Period, rows: Mapping[str, Any]) -> str:
    """The SHA-256 of every number and stock that is kept of a period, under the salt that stands beside its rows."""
    lines = sorted(kept_numbers(session, list(period.days())).items())
    said = {
        SALT: rows[SALT],
        "lines": [
            [day.isoformat(), counted, shop_id.hex, grade, count] for (day, counted, shop_id, grade), count in lines
        ],
        "stocks": [[*of, count] for of, count in sorted(stock_of(session, period).items())],
    }
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _open_days(session: Session, period: Period) -> list[dt.date]:
    """The days of a period that no frozen one holds: a month changes nothing of its frozen weeks."""
    frozen = {day for each in _frozen_periods(session) for day in each.days()}
    return [day for day in period.days() if day not in frozen]


def frozen_before(session: Session, period: Period) -> set[dt.date]:
    """The days of a frozen period that another one held already when it was frozen: of them nothing more was kept."""
    first = select(func.min(PilotReport.number)).where(PilotReport.period == str(period)).scalar_subquery()
    others = select(PilotReport.period).where(PilotReport.number < first, PilotReport.period != str(period)).distinct()
    held = {day for text in session.scalars(others) for day in read_period(text).days()}
    return held.intersection(period.days())


def _frozen_periods(session: Session) -> list[Period]:
    """Each frozen period once, the first to end first, and of two the longer one last."""
    found = [read_period(text) for text in session.scalars(select(PilotReport.period).distinct())]
    return sorted(found, key=lambda period: (period.end, -period.first.toordinal()))


def _changed_days(session: Session, counting: Counting) -> set[dt.date]:
    """The days of which keeping what was counted again makes a number larger."""
    kept = kept_numbers(session, list(counting.period.days()))
    return {line[0] for line, count in counting.lines.items() if count > kept.get(line, 0)}


def kept_numbers(session: Session, days: Sequence[dt.date]) -> dict[Line, int]:
    """The numbers that are kept of some days."""
    return {
        (row.day, row.counted, row.shop_id, row.grade): row.count
        for row in session.scalars(select(PilotNumber).where(PilotNumber.day.in_(days)))
    }


def content_of(session: Session, period: Period, *, before: int | None, as_of: dt.datetime) -> dict[str, Any]:
    """What may be told of a period, and its targets, given the reports frozen `before` a number (None: all).

    It says so where the town was invented, and is sealed with that.
    """
    earlier = select(PilotReport).order_by(PilotReport.number)
    if before is not None:
        earlier = earlier.where(PilotReport.number < before)
    figures = told(figures_of(session, period, as_of=as_of), session.scalars(earlier).all())
    said = {
        "period": str(period),
        "frequency": period.frequency.value,
        "from": period.first.isoformat(),
        "to": period.last.isoformat(),
        "areas": AREAS_VERSION,
        "figures": with_targets(figures, targets_of(session, period)),
    }
    return {**said, "invented": True} if invented_town(session) else said


def seal(report: PilotReport) -> bytes:
    """The SHA-256 of a report's canonical JSON and of the one before it."""
    said = {
        "number": report.number,
        "period": report.period,
        "version": report.version,
        "frozen_at": report.frozen_at.astimezone(dt.UTC).isoformat(timespec="microseconds"),
        "revision": report.revision,
        "reason": report.reason,
        "rows": report.rows,
        "content": report.content,
        "previous": report.previous.hex(),
    }
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).digest()


def reports_of(session: Session, period: Period) -> Sequence[PilotReport]:
    """Every version of a period's report, the first one first."""
    versions = select(PilotReport).where(PilotReport.period == str(period)).order_by(PilotReport.version)
    return session.scalars(versions).all()


def latest_reports(session: Session, *, most: int, before: int | None = None) -> Sequence[PilotReport]:
    """The last version of each frozen period, the last that was frozen first; of numbers `before` one, where given."""
    last = select(func.max(PilotReport.number)).group_by(PilotReport.period)
    if before is not None:
        last = last.having(func.max(PilotReport.number) < before)
    found = select(PilotReport).where(PilotReport.number.in_(last)).order_by(PilotReport.number.desc()).limit(most)
    return session.scalars(found).all()


def latest_of(
    session: Session, frequency: Frequency, *, most: int, until: Period | None = None
) -> Sequence[PilotReport]:
    """The last version of each of the last frozen weeks, or months (`until` one of them), the earliest first."""
    weekly = PilotReport.period.like("%-W%")
    last = (
        select(func.max(PilotReport.number))
        .where(weekly if frequency is Frequency.WEEKLY else ~weekly)
        .group_by(PilotReport.period)
        .order_by(PilotReport.period.desc())
        .limit(most)
    )
    if until is not None:
        last = last.where(PilotReport.period <= str(until))
    return session.scalars(select(PilotReport).where(PilotReport.number.in_(last)).order_by(PilotReport.period)).all()
