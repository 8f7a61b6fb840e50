"""The timetable: what is due at a moment, claimed by lease, so that it happens once however many workers there are."""

import datetime as dt
import secrets
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from typing import Final

from sqlalchemy import BigInteger, Index, String, and_, bindparam, delete, or_, select, text, type_coerce, update
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.sql import ColumnElement

from citylife.database import Base, Choice, Identifier, UtcDateTime
from citylife.upserts import insert_unless_there

LEASE: Final = dt.timedelta(seconds=60)
"""How long a claimed task may take before another worker may claim it."""


class Task(Enum):
    """What can be due."""

    OFFER_STARTS = "offer-starts"
    OFFER_ENDS = "offer-ends"
    OFFER_RECURS = "offer-recurs"  # its subject is the recurring offer
    SHOP_SILENT = "shop-silent"  # the shop was suspended
    PURGE = "purge"  # every night; its subject is the nil UUID
    RHYTHMS = "rhythms"  # every night too: how often shops announce
    MONDAYS = "mondays"  # every week: its subject is the nil UUID
    MONDAY_LETTERS = "monday-letters"  # by pages: its subject is the shop it has come to
    PILOT_DAYS = "pilot-days"  # every night, before the purge: the day before is counted
    PILOT_REPORTS = "pilot-reports"  # every morning: whatever period is over is frozen
    EMAIL_DIGESTS = "email-digests"  # weekly letters: whoever is due, by pages
    PACES = "paces"  # after it, by pages: its subject is the citizen it has come to


EVERY_TASK: Final = frozenset(Task)


class Due(Base):
    """One thing due about one subject; `fence` is the token of the claim that holds it until `lease_until`."""

    __tablename__ = "timetable"
    __table_args__ = (Index("ix_timetable_due_at", "due_at"),)

    task: Mapped[Task] = mapped_column(Choice(Task), primary_key=True)
    subject: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    due_at: Mapped[dt.datetime]
    lease_until: Mapped[dt.datetime | None]
    fence: Mapped[int | None] = mapped_column(BigInteger)


@dataclass(frozen=True, slots=True)
class Claim:
    """A due task in the hands of one worker."""

    task: Task
    subject: uuid.UUID
    fence: int


_PLAN: Final = text(
    "INSERT INTO timetable (task, subject, due_at) VALUES (:task, :subject, :due_at) "
    "ON CONFLICT (task, subject) DO UPDATE SET due_at = excluded.due_at, lease_until = NULL, fence = NULL"
).bindparams(
    bindparam("task", type_=Choice(Task)),
    bindparam("subject", type_=Identifier()),
    bindparam("due_at", type_=UtcDateTime()),
)


def plan(session: Session, task: Task, subject: uuid.UUID, due_at: dt.datetime) -> None:
    """Put a task on the timetable, or move it: a subject has each task once."""
    session.execute(_PLAN, {"task": task, "subject": subject, "due_at": due_at})


def plan_unless_there(session: Session, task: Task, subject: uuid.UUID, due_at: dt.datetime) -> bool:
    """Put a task on the timetable unless it is there already, whenever it is due; whether it was put there."""
    return insert_unless_there(session, Due, task=task, subject=subject, due_at=due_at)


def cancel(session: Session, task: Task, subject: uuid.UUID) -> None:
    """Take a task off the timetable, if it is there."""
    session.execute(delete(Due).where(Due.task == task, Due.subject == subject))


def _ours(tasks: Collection[Task]) -> ColumnElement[bool]:
    """One of some tasks; of a task that only a later version knows nothing is read.

    Of an expression, so that SQLite goes on to look by when things are due, and not by what they are.
    """
    return type_coerce(Due.task, String).concat("").in_(sorted(task.value for task in tasks))


def _claimable(tasks: Collection[Task], lease: dt.timedelta, now: dt.datetime) -> ColumnElement[bool]:
    """Due and in nobody's hands; a lease that no claim of now can have written dates from before a clock was set back.

    So whoever claims a task has to do it under the same `lease` as all others who do.
    """
    free = or_(Due.lease_until.is_(None), Due.lease_until < now, Due.lease_until > now + 2 * lease)
    return and_(Due.due_at <= now, _ours(tasks), free)


def something_due(
    session: Session, *, now: dt.datetime, tasks: Collection[Task] = EVERY_TASK, lease: dt.timedelta = LEASE
) -> bool:
    """Whether `claim_due` would find anything: a look that takes no lock."""
    return session.scalar(select(Due.task).where(_claimable(tasks, lease, now)).limit(1)) is not None


def claim_due(
    session: Session,
    *,
    now: dt.datetime,
    limit: int = 20,
    tasks: Collection[Task] = EVERY_TASK,
    lease: dt.timedelta = LEASE,
) -> list[Claim]:
    """Claim those of some tasks that are due and in nobody's hands, the longest due first.

    The caller commits before it works.
    """
    rows = session.execute(
        select(Due.task, Due.subject)
        .where(_claimable(tasks, lease, now))
        .order_by(Due.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    claims = [Claim(row.task, row.subject, secrets.randbits(62)) for row in rows]
    for claim in claims:
        session.execute(
            update(Due)
            .where(Due.task == claim.task, Due.subject == claim.subject)
            .values(lease_until=now + lease, fence=claim.fence)
        )
    return claims


def finish(session: Session, claim: Claim) -> bool:
    """Take a done task off, in the transaction that did it; False when it was moved or claimed anew meanwhile."""
    done = session.execute(
        delete(Due)
        .where(Due.task == claim.task, Due.subject == claim.subject, Due.fence == claim.fence)
        .returning(Due.subject)
    )
    return done.first() is not None


def next_due(session: Session) -> dt.datetime | None:
    """When the next task that is known here is due; None when there is none."""
    return session.scalar(select(Due.due_at).where(_ours(EVERY_TASK)).order_by(Due.due_at).limit(1))
