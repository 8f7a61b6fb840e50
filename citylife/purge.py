"""The purge: what is not kept for ever leaves, every night, in small batches; docs/donnees.md says the same in words.

A night's work is on the timetable, so that it is done once however many workers there are. One batch is one short
transaction, which also notes how far it came: a kill repeats nothing, and the next worker goes on from there. A night
that nobody worked is made up for at once. Where there is little to forget a batch walks past many citizens: the night
of a large town, beside which sending goes on, is then some hundreds of batches and not thousands.
"""

import datetime as dt
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from sqlalchemy import BigInteger, ColumnElement, Date, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column, sessionmaker

from citylife import answers, appeals, letters, limits, places, redemptions, reports
from citylife.accounts import citizens, moving, passkeys, sessions, sign_in
from citylife.accounts.citizens import Citizen, CitizenDay
from citylife.clock import PARIS, local_date
from citylife.courtesy import leaving
from citylife.courtesy.tables import BudgetSlot, DigestLine
from citylife.database import Base
from citylife.email_digest import tables as email_digest
from citylife.forgetting import BATCH
from citylife.ledger import sums
from citylife.ledger.tables import Decision, Delivery
from citylife.offers import coming_again
from citylife.photos import forgetting as photo_forgetting

AT: Final = dt.time(3, 30)
"""When a night's purge begins, in Paris: citizens sleep, and no change of the clock ever skips or repeats it."""
CITIZENS: Final = 500
"""Whose rows are looked at by one statement: a quarter of their deliveries is some thirty thousand, read in order."""
BATCH_SECONDS: Final = 0.02
"""For how long a batch goes on to the next citizens: a writer on SQLite waits for it, and nobody notices so little."""
_FIRST: Final = uuid.UUID(int=0)
_LAST: Final = uuid.UUID(int=(1 << 128) - 1)


class Purge(Base):
    """How far the purge of one kind of rows has come: the citizen it has reached, the day it last ended (Paris)."""

    __tablename__ = "purges"

    name: Mapped[str] = mapped_column(String(24), primary_key=True)
    cursor: Mapped[uuid.UUID | None]
    ended_on: Mapped[dt.date | None] = mapped_column(Date)
    forgotten: Mapped[int] = mapped_column(BigInteger, default=0)


@dataclass(frozen=True, slots=True)
class Batch:
    """What one batch did: of which kind, how many rows left, where it goes on; `cursor` None when the kind is done."""

    name: str
    forgotten: int
    cursor: uuid.UUID | None


class Forget(Protocol):
    """Forgets rows that are kept no longer, at most `most`; how many."""

    def __call__(self, session: Session, *, now: dt.datetime, most: int) -> int:
        """Fewer than `most` means that no more are to be had now."""
        ...


class ForgetOf(Protocol):
    """The same, among the rows of some citizens."""

    def __call__(self, session: Session, of: Iterable[ColumnElement[bool]], *, now: dt.datetime, most: int) -> int:
        """Fewer than `most` means that these citizens have no more."""
        ...


Step = Callable[[Session, uuid.UUID, dt.datetime, int], tuple[int, uuid.UUID | None]]


@dataclass(frozen=True, slots=True)
class Retention:
    """How long rows of a table are kept after what the document names; `step` takes one batch of them from a cursor."""

    name: str
    kept: dt.timedelta
    step: Step


def _whole(forget: Forget) -> Step:
    """A table whose old rows are few, or found by an index of their age."""

    def step(session: Session, cursor: uuid.UUID, now: dt.datetime, most: int) -> tuple[int, uuid.UUID | None]:
        forgotten = forget(session, now=now, most=most)
        return forgotten, None if forgotten < most else cursor

    return step


def _by_citizen(model: type[CitizenDay | Decision | Delivery | BudgetSlot | DigestLine], forget: ForgetOf) -> Step:
    """A table that is walked along its primary key, citizen after citizen: no index of age has to be kept for it."""

    def step(session: Session, cursor: uuid.UUID, now: dt.datetime, most: int) -> tuple[int, uuid.UUID | None]:
        following = select(Citizen.id).where(Citizen.id > cursor).order_by(Citizen.id)
        upper = session.scalar(following.limit(1).offset(CITIZENS - 1))
        page = model.citizen_id > cursor, model.citizen_id <= (upper or _LAST)
        forgotten = forget(session, page, now=now, most=most)
        return forgotten, cursor if forgotten == most else upper

    return step


RETENTIONS: Final = (
    Retention("deliveries", sums.KEPT_FOR, _by_citizen(Delivery, sums.forget_deliveries)),
    Retention("decisions", sums.KEPT_FOR, _by_citizen(Decision, sums.forget_decisions)),
    Retention("budget_slots", leaving.SLOTS_KEPT, _by_citizen(BudgetSlot, leaving.forget_slots)),
    Retention("digest_lines", leaving.LINES_KEPT, _by_citizen(DigestLine, leaving.forget_lines)),
    Retention("citizen_days", citizens.KEPT_DAYS, _by_citizen(CitizenDay, citizens.forget_days)),
    Retention("kept_answers", answers.KEPT_FOR, _whole(answers.forget_answers)),
    Retention("moving_codes", dt.timedelta(0), _whole(moving.forget_codes)),
    Retention("code_tries", dt.timedelta(hours=1), _whole(moving.forget_tries)),
    Retention("account_sessions", sessions.KEPT_FOR, _whole(sessions.forget_sessions)),
    Retention("sign_ins", sign_in.KEPT_FOR, _whole(sign_in.forget_sign_ins)),
    Retention("passkey_challenges", dt.timedelta(0), _whole(passkeys.forget_challenges)),
    Retention("letters", letters.KEPT_FOR, _whole(letters.forget_letters)),
    Retention("email_digests", email_digest.UNCONFIRMED_FOR, _whole(email_digest.forget_unconfirmed)),
    Retention("places", dt.timedelta(0), _whole(places.forget_lapsed_places)),
    Retention("till_takings", redemptions.TAKING_KEPT, _whole(redemptions.forget_takings)),
    Retention("till_codes", redemptions.CODE_KEPT, _whole(redemptions.forget_codes)),
    Retention("occurrences", coming_again.OCCURRENCES_KEPT, _whole(coming_again.forget_occurrences)),
    Retention("recurring_offers", coming_again.ENDED_KEPT, _whole(coming_again.forget_recurring)),
    Retention("photos", photo_forgetting.KEPT_UNUSED, _whole(photo_forgetting.forget_photos)),
    Retention("paces", dt.timedelta(0), _whole(limits.forget_paces)),
    Retention("reports", reports.DETAILS_KEPT, _whole(reports.forget_details)),
    Retention("appeals", appeals.WORDS_KEPT, _whole(appeals.forget_words)),
)
"""Everything that leaves, in this order: deliveries before the decisions they belong to."""


def purge_a_batch(session: Session, *, now: dt.datetime, most: int = BATCH) -> Batch | None:
    """Take the next batch of today's purge, and note how far that came; None when today's is done."""
    today = local_date(now)
    noted = {one.name: one for one in session.scalars(select(Purge))}
    for retention in RETENTIONS:
        so_far = noted.get(retention.name)
        if so_far is None:
            so_far = Purge(name=retention.name, forgotten=0)
            session.add(so_far)
        if so_far.cursor is None:
            if so_far.ended_on == today:
                continue
            so_far.forgotten = 0
        forgotten, cursor = _walk(session, retention, so_far.cursor or _FIRST, now, most)
        so_far.forgotten += forgotten
        so_far.cursor = cursor
        if cursor is None:
            so_far.ended_on = today
        session.flush()
        return Batch(retention.name, forgotten, cursor)
    return None


def _walk(
    session: Session, retention: Retention, cursor: uuid.UUID, now: dt.datetime, most: int
) -> tuple[int, uuid.UUID | None]:
    """Step after step, until `most` rows have left, the batch's time is over, or nothing of this kind is to be had."""
    until = time.monotonic() + BATCH_SECONDS
    forgotten, further = retention.step(session, cursor, now, most)
    while further is not None and forgotten < most and time.monotonic() < until:
        more, further = retention.step(session, further, now, most - forgotten)
        forgotten += more
    return forgotten, further


def purge_everything(factory: sessionmaker[Session], *, now: dt.datetime, most: int = BATCH) -> Iterator[Batch]:
    """Purge now, whatever the timetable says, each batch in a transaction of its own; tells of every batch."""
    for retention in RETENTIONS:
        cursor: uuid.UUID | None = _FIRST
        while cursor is not None:
            with factory.begin() as session:
                forgotten, cursor = _walk(session, retention, cursor, now, most)
            yield Batch(retention.name, forgotten, cursor)


def next_night(now: dt.datetime) -> dt.datetime:
    """When the next purge begins: half past three in Paris, strictly after `now`."""
    tonight = dt.datetime.combine(local_date(now), AT, PARIS).astimezone(dt.UTC)
    if tonight > now:
        return tonight
    return dt.datetime.combine(local_date(now) + dt.timedelta(days=1), AT, PARIS).astimezone(dt.UTC)
