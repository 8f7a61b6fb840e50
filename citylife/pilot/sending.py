"""The report's way to the cluster: what was sent of it, what was answered, when it is tried again.

A report leaves in batches of ten entities, each under its own idempotency key, and every batch that was taken is noted
before the next leaves: a kill in between sends one batch twice, under the same key, to one effect. What fails is tried
again for days, later each time; what can never be taken waits for a hand.
"""

import datetime as dt
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Final

from sqlalchemy import BigInteger, ColumnElement, ForeignKey, Index, SmallInteger, String, or_, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from citylife.database import Base, Choice
from citylife.errors import Absent, Refusal
from citylife.invented.tables import invented_town
from citylife.pilot.entities import Entity, entities_of
from citylife.pilot.tables import PilotReport

BATCH: Final = 10
LEASE: Final = dt.timedelta(minutes=5)
"""How long a claimed batch may take before another worker may send it too."""
FIRST_WAIT: Final = dt.timedelta(minutes=1)
LONGEST_WAIT: Final = dt.timedelta(hours=6)
MOST_ATTEMPTS: Final = 65
"""In a row, without anything taken: the waits between them are two weeks in all."""
LONGEST_ANSWER: Final = 1_000
NEVER_TAKEN: Final = frozenset({400, 413, 414, 415, 422})
"""Statuses that the same request gets again however often it is sent."""


class SendingState(Enum):
    """Where a report stands on its way."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    REFUSED = "refused"


class PilotSending(Base):
    """A report's way: how many of its entities were taken, how often it was tried, and the last answer, in short."""

    __tablename__ = "pilot_sendings"
    __table_args__ = (
        Index(
            "ix_pilot_sendings_waiting",
            "next_at",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
    )

    report: Mapped[int] = mapped_column(ForeignKey("pilot_reports.number"), primary_key=True, autoincrement=False)
    state: Mapped[SendingState] = mapped_column(Choice(SendingState), default=SendingState.WAITING)
    taken: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    """In a row without anything taken."""
    resent: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    """How often it was sent again by hand: whoever remembers keys then meets new ones."""
    next_at: Mapped[dt.datetime]
    lease_until: Mapped[dt.datetime | None]
    fence: Mapped[int | None] = mapped_column(BigInteger)
    """The token of the claim that holds it until then."""
    status: Mapped[int | None] = mapped_column(SmallInteger)
    answer: Mapped[str] = mapped_column(String(LONGEST_ANSWER), default="")
    delivered_at: Mapped[dt.datetime | None]


class NotOnItsWay(Refusal):
    """The report is already waiting to be sent."""

    slug: ClassVar[str] = "report-on-its-way"
    title: ClassVar[str] = "Rapport déjà en route"
    sentence: ClassVar[str] = "Le rapport {period} attend déjà d’être envoyé."


class NotOfAnybody(Refusal):
    """The report counts an invented town, which the cluster never hears of."""

    slug: ClassVar[str] = "report-of-an-invented-town"
    title: ClassVar[str] = "Rapport d’une ville inventée"
    sentence: ClassVar[str] = "Cette ville est inventée : ses rapports ne partent pas au cluster."


@dataclass(frozen=True, slots=True)
class Batch:
    """Some entities of a report, under the key by which they are known however often they are sent."""

    report: int
    begins: int
    key: str
    entities: Sequence[Entity]
    fence: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What the cluster said: the status (None: it was not reached), whether all was taken, in how long to ask again."""

    status: int | None
    taken: bool
    words: str = ""
    wait: dt.timedelta | None = None

    @property
    def is_final(self) -> bool:
        """Whether the same request can never be taken."""
        return self.status in NEVER_TAKEN


def put_on_its_way(session: Session, report: PilotReport, *, now: dt.datetime) -> None:
    """Let a report that was just frozen wait to be sent; the versions before it no longer do.

    A batch of theirs that is in somebody's hands arrives first: the new one waits until it can be no more. What was
    counted of an invented town goes nowhere.
    """
    if invented_town(session):
        return
    begins = now
    former = select(PilotReport.number).where(PilotReport.period == report.period, PilotReport.number != report.number)
    for sending in session.scalars(
        select(PilotSending).where(PilotSending.report.in_(former), PilotSending.state == SendingState.WAITING)
    ):
        sending.state, sending.answer = SendingState.REFUSED, "superseded"
        begins = max(begins, sending.lease_until or now)
    session.add(PilotSending(report=report.number, next_at=begins))
    session.flush()


def something_to_send(session: Session, *, now: dt.datetime) -> bool:
    """Whether `claim_batch` would find anything: a look that takes no lock."""
    return session.scalar(select(PilotSending.report).where(*_due(now)).limit(1)) is not None


def claim_batch(session: Session, *, now: dt.datetime) -> Batch | None:
    """Claim the next batch of the first frozen report that is due and in nobody's hands; None where there is none.

    The caller commits before it sends.
    """
    sending = session.scalar(
        select(PilotSending).where(*_due(now)).order_by(PilotSending.report).limit(1).with_for_update(skip_locked=True)
    )
    if sending is None:
        return None
    sending.lease_until, sending.fence = now + LEASE, secrets.randbits(62)
    report = session.get_one(PilotReport, sending.report)
    entities = entities_of(report)[sending.taken : sending.taken + BATCH]
    again = f"-again{sending.resent}" if sending.resent else ""
    key = f"citylife-{report.period}-v{report.version}-{sending.taken}{again}"
    session.flush()
    return Batch(sending.report, sending.taken, key, entities, sending.fence)


def _due(now: dt.datetime) -> tuple[ColumnElement[bool], ...]:
    """Waiting, due, and in nobody's hands; a lease that no claim of now can have written is none."""
    free = or_(
        PilotSending.lease_until.is_(None), PilotSending.lease_until < now, PilotSending.lease_until > now + 2 * LEASE
    )
    return PilotSending.state == SendingState.WAITING, PilotSending.next_at <= now, free


def settle(session: Session, batch: Batch, answer: Answer, *, now: dt.datetime) -> PilotSending | None:
    """Note what was answered to a batch; None where it was claimed anew, or the report sent anew, meanwhile."""
    sending = session.get(PilotSending, batch.report, with_for_update=True, populate_existing=True)
    if sending is None or sending.state is not SendingState.WAITING or sending.fence != batch.fence:
        return None
    report = session.get_one(PilotReport, batch.report)
    sending.lease_until = sending.fence = None
    sending.status, sending.answer = answer.status, answer.words[:LONGEST_ANSWER]
    if answer.taken:
        sending.taken, sending.attempts, sending.next_at = batch.begins + len(batch.entities), 0, now
        if sending.taken >= len(report.content["figures"]):
            sending.state, sending.delivered_at = SendingState.DELIVERED, now
    elif answer.is_final or sending.attempts + 1 >= MOST_ATTEMPTS:
        sending.state = SendingState.REFUSED
    else:
        wait = min(FIRST_WAIT * 2 ** min(sending.attempts, 20), LONGEST_WAIT)
        sending.attempts += 1
        sending.next_at = now + max(wait, min(answer.wait or wait, LONGEST_WAIT))
    session.flush()
    return sending


def send_again(session: Session, period: str, *, now: dt.datetime) -> PilotSending:
    """Send the last version of a period's report once more, from its beginning.

    Raises:
        Absent: it was never frozen. NotOnItsWay: it is waiting already, and was not tried in vain. NotOfAnybody: the
            town was invented.
    """
    if invented_town(session):
        raise NotOfAnybody
    last = select(PilotReport).where(PilotReport.period == period).order_by(PilotReport.version.desc()).limit(1)
    report = session.scalar(last)
    if report is None:
        raise Absent
    sending = session.get(PilotSending, report.number, with_for_update=True)
    if sending is None:
        sending = PilotSending(report=report.number, next_at=now, resent=0)
        session.add(sending)
    elif sending.state is SendingState.WAITING and not sending.attempts:
        raise NotOnItsWay(period=period)
    sending.state, sending.taken, sending.attempts, sending.next_at = SendingState.WAITING, 0, 0, now
    sending.resent += 1
    sending.delivered_at = sending.lease_until = sending.fence = None
    session.flush()
    return sending


def sending_of(session: Session, report: PilotReport) -> PilotSending | None:
    """How far a report has come; None where it never was on its way."""
    return session.get(PilotSending, report.number)
