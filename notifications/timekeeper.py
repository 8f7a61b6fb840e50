"""Runs the timetable: what is due is claimed by lease and done once, however many workers look."""

import datetime as dt
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from citylife import offers, purge, timetable
from citylife.activity import WHOLE
from citylife.courtesy import pace
from citylife.email_digest import writing
from citylife.merchant_mail import mondays
from citylife.merchant_mail.confirming import confirm_by_itself
from citylife.offers import coming_again
from citylife.timetable import Task

log = structlog.get_logger(__name__)

IDLE_SECONDS: Final = 0.05
"""How long deeds that plan themselves anew for now may follow one another, where nothing else waits for the worker."""

Deed = Callable[[Session, uuid.UUID, dt.datetime], None]


@dataclass(frozen=True, slots=True)
class ReadFirst:
    """What reads at length before it writes, on a session that keeps no writer waiting: `read` gives the deed."""

    sessions: sessionmaker[Session]
    read: Callable[[Session, uuid.UUID, dt.datetime], Deed]

    def deed(self, subject: uuid.UUID, now: dt.datetime) -> Deed:
        """What is left to do, in the transaction that writes."""
        with self.sessions() as session:
            return self.read(session, subject, now)


Work = Deed | ReadFirst


def _start_offer(session: Session, offer_id: uuid.UUID, now: dt.datetime, *, secret: str | None = None) -> None:
    """With the instance's `secret`, its letter is written to whoever scheduled it."""
    offer = offers.start_due(session, offer_id, now=now)
    if offer is not None and secret is not None:
        confirm_by_itself(session, offer, offer.id, secret=secret, now=now)


def _end_offer(session: Session, offer_id: uuid.UUID, now: dt.datetime) -> None:
    offers.end_due(session, offer_id, now=now)


def _recur(session: Session, series_id: uuid.UUID, now: dt.datetime, *, secret: str | None = None) -> None:
    """With the instance's `secret`, its letter is written to whoever began the recurring offer."""
    offer = coming_again.recur_due(session, series_id, now=now)
    if offer is not None and secret is not None:
        confirm_by_itself(session, offer, series_id, secret=secret, now=now)
    log.info("timetable.recurred", recurring=str(series_id), offer=None if offer is None else str(offer.id))


def _fall_silent(session: Session, shop_id: uuid.UUID, now: dt.datetime) -> None:
    coming_again.fall_silent(session, shop_id, now=now)


def _purge(session: Session, subject: uuid.UUID, now: dt.datetime) -> None:
    """One batch, and the next one at once; when the night's work is done, the next night."""
    batch = purge.purge_a_batch(session, now=now)
    timetable.plan(session, Task.PURGE, subject, purge.next_night(now) if batch is None else now)
    if batch is not None and batch.cursor is None:
        log.info("purge.done", kind=batch.name)


def _keep_rhythms(session: Session, subject: uuid.UUID, now: dt.datetime) -> None:
    """How often shops announce, every night; then what that makes for each citizen."""
    pace.keep_rhythms(session, now=now)
    timetable.plan(session, Task.PACES, WHOLE, now)
    timetable.plan(session, Task.RHYTHMS, subject, purge.next_night(now))


def _keep_paces(session: Session, after: uuid.UUID, now: dt.datetime) -> None:
    """A page of citizens, and the next one at once."""
    last = pace.keep_paces(session, after)
    if last is not None:
        timetable.plan(session, Task.PACES, last, now)


def _write_letters(session: Session, subject: uuid.UUID, now: dt.datetime) -> None:
    """The weekly letters of a page of citizens, and the next page at once; then whenever somebody is due."""
    page = writing.write_letters(session, now=now)
    if page.letters:
        log.info("email_digests.written", letters=page.letters)
    timetable.plan(session, Task.EMAIL_DIGESTS, subject, now if page.due else writing.next_look_at(session, now=now))


def _put_letters_off(session: Session, subject: uuid.UUID, now: dt.datetime) -> None:
    """Nobody may be written to yet: whoever is due stays so."""
    timetable.plan(session, Task.EMAIL_DIGESTS, subject, now + writing.LOOK_EVERY)


def _begin_monday(session: Session, subject: uuid.UUID, now: dt.datetime) -> None:
    """The first page of a Monday's letters at once, and the next Monday."""
    timetable.plan(session, Task.MONDAY_LETTERS, WHOLE, now)
    timetable.plan(session, Task.MONDAYS, subject, mondays.next_monday(now))


def _read_monday_letters(session: Session, after: uuid.UUID, now: dt.datetime, *, secret: str) -> Deed:
    """What a page of shops brought; its letters are left to write, and the next page comes at once.

    A shop that cannot be read has no letter this week: the others have theirs. Where the database is away the page is
    tried again.
    """
    shops, letters = mondays.shops_after(session, after), list[mondays.MondayLetter]()
    for shop_id in shops:
        try:
            letters += mondays.letters_of(session, shop_id, secret=secret, now=now)
        except DBAPIError:
            raise
        except Exception:
            log.exception("mondays.shop_failed", shop=str(shop_id))
    last = shops[-1] if len(shops) == mondays.PAGE else None

    def write(session: Session, _after: uuid.UUID, now: dt.datetime) -> None:
        mondays.write_letters(session, letters, now=now)
        if last is not None:
            timetable.plan(session, Task.MONDAY_LETTERS, last, now)

    return write


def letter_deeds(secret: str, reads: sessionmaker[Session]) -> Mapping[Task, Work]:
    """The deeds that write to merchants, with links signed with the instance's secret; `reads` keep nobody waiting."""
    return {
        Task.OFFER_STARTS: partial(_start_offer, secret=secret),
        Task.OFFER_RECURS: partial(_recur, secret=secret),
        Task.MONDAYS: _begin_monday,
        Task.MONDAY_LETTERS: ReadFirst(reads, partial(_read_monday_letters, secret=secret)),
    }


NOTHING_ELSE: Final[Mapping[Task, Work]] = {}
DEEDS: Final[Mapping[Task, Deed]] = {
    Task.OFFER_STARTS: _start_offer,
    Task.OFFER_ENDS: _end_offer,
    Task.OFFER_RECURS: _recur,
    Task.SHOP_SILENT: _fall_silent,
    Task.PURGE: _purge,
    Task.RHYTHMS: _keep_rhythms,
    Task.PACES: _keep_paces,
    Task.EMAIL_DIGESTS: _write_letters,
}
WHILE_REFUSED: Final[Mapping[Task, Deed]] = {**DEEDS, Task.EMAIL_DIGESTS: _put_letters_off}
"""The deeds while nothing may be sent to anybody (`citylife.ledger.gate`)."""


OF_OFFERS: Final = frozenset({Task.OFFER_STARTS, Task.OFFER_ENDS})
"""Tasks whose subject is an offer: their lines lead through its story."""
OF_CITIZENS: Final = frozenset({Task.PACES})
"""Tasks whose subject is a citizen: no line of theirs says which."""


def open_timetable(
    sessions: sessionmaker[Session], *, now: dt.datetime, besides: Mapping[Task, Work] = NOTHING_ELSE
) -> None:
    """Put there what is done every day or week, unless it is there: a new database has none, nor one restored.

    Of what is done `besides` only the part that comes again by itself.
    """
    with sessions.begin() as session:
        for task in (Task.PURGE, Task.RHYTHMS):
            timetable.plan_unless_there(session, task, WHOLE, purge.next_night(now))
        timetable.plan_unless_there(session, Task.EMAIL_DIGESTS, WHOLE, writing.next_look_at(session, now=now))
        if Task.MONDAYS in besides:
            timetable.plan_unless_there(session, Task.MONDAYS, WHOLE, mondays.next_monday(now))


def keep_time(
    sessions: sessionmaker[Session],
    *,
    now: dt.datetime,
    seconds: float = 0.0,
    refused: bool = False,
    besides: Mapping[Task, Work] = NOTHING_ELSE,
) -> int:
    """Do what is due now, each deed in a transaction of its own, after what it reads first; how many were done.

    A deed that plans itself anew for now, as a purge does batch after batch, goes on for `seconds`: none while there is
    something to send. While sending is `refused`, no citizen is written to. `besides` are deeds that need more than
    this. A deed that fails stays on the timetable and is tried again when its lease is over; the others go on.
    """
    until = time.monotonic() + seconds
    done = 0
    deeds = {**(WHILE_REFUSED if refused else DEEDS), **besides}
    while did := do_what_is_due(sessions, deeds, now=now):
        done += did
        if time.monotonic() >= until:
            break
    return done


def do_what_is_due(
    sessions: sessionmaker[Session],
    deeds: Mapping[Task, Work],
    *,
    now: dt.datetime,
    limit: int = 20,
    lease: dt.timedelta = timetable.LEASE,
) -> int:
    """Claim what is due of the tasks there are `deeds` for, and do it; how many were done. No other task is touched."""
    with sessions.begin() as session:
        found = timetable.something_due(session, now=now, tasks=deeds.keys(), lease=lease)
        claims = timetable.claim_due(session, now=now, limit=limit, tasks=deeds.keys(), lease=lease) if found else []
    done = 0
    for claim in claims:
        try:
            work = deeds[claim.task]
            deed = work.deed(claim.subject, now) if isinstance(work, ReadFirst) else work
            with sessions.begin() as session:
                ours = timetable.finish(session, claim)
                if ours:
                    deed(session, claim.subject, now)
            if ours:
                done += 1
                if claim.task in OF_OFFERS:
                    log.info("timetable.done", task=claim.task.value, offer=str(claim.subject))
        except Exception:
            subject = None if claim.task in OF_CITIZENS else str(claim.subject)
            log.exception("timetable.failed", task=claim.task.value, subject=subject)
    return done
