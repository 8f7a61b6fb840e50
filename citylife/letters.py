"""Letters: mail as rows of the ledger, written with what causes them, sent by a worker, and emptied once sent.

A letter holds what its words are made of (a link, a code), not the words. Once it is sent, refused or too late, its
recipient and its content are erased; the row itself is forgotten after a month. A letter is sent at least once: a
worker that dies between sending and settling sends it again, under the same Message-ID.
"""

import datetime as dt
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Index,
    SmallInteger,
    String,
    literal_column,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.sql import ColumnElement

from citylife.database import Base, Choice, new_id
from citylife.forgetting import BATCH, empty_some, forget_some

LEASE: Final = dt.timedelta(minutes=5)
"""How long a claimed letter is in one worker's hands; far longer than a mail server may take to answer."""
BACK_OFF: Final = tuple(dt.timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 3600, 4 * 3600))
"""How long to wait after each failure; the last is repeated."""
MOST_ATTEMPTS: Final = 12
KEPT_FOR: Final = dt.timedelta(days=30)
"""How long the empty row of a letter is remembered."""


class LetterKind(Enum):
    """What a letter is for."""

    SIGN_IN = "sign-in"
    MERCHANT_INVITED = "merchant-invited"
    STAFF_INVITED = "staff-invited"
    CLAIM_ACCEPTED = "claim-accepted"
    CLAIM_REFUSED = "claim-refused"
    OFFER_WITHDRAWN = "offer-withdrawn"  # to the owners of its shop: why, and how to appeal
    APPEAL_DECIDED = "appeal-decided"
    PASSKEY_MADE = "passkey-made"
    COLLEAGUE_MADE_PASSKEY = "colleague-made-passkey"  # to who administers: somebody of the staff can come in now
    CAME_IN_BY_LETTER = "came-in-by-letter"  # to her colleagues: she has a passkey, and did not use it
    DIGEST_ASKED = "digest-asked"  # to confirm the address for the digest by e-mail
    DIGEST = "digest"
    PUBLISHED = "published"  # to the merchant who published an offer
    MONDAY = "monday"  # to the owners of a shop: what last week brought it


class LetterState(Enum):
    """Where a letter stands."""

    WAITING = "waiting"
    SENT = "sent"
    REFUSED = "refused"  # the mail server will never take it
    LATE = "late"  # what it says is no longer worth reading
    WITHHELD = "withheld"  # there is nobody to read it (any more); written so that nothing tells who is registered


class Letter(Base):
    """One letter to one person; `fence` is the token of the claim that holds it until `lease_until`."""

    __tablename__ = "letters"
    __table_args__ = (
        Index(
            "ix_letters_waiting",
            "next_at",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    kind: Mapped[LetterKind] = mapped_column(Choice(LetterKind))
    state: Mapped[LetterState] = mapped_column(Choice(LetterState), default=LetterState.WAITING)
    recipient: Mapped[str] = mapped_column(String(254))
    locale: Mapped[str] = mapped_column(String(5))
    content: Mapped[dict[str, Any]]
    written_at: Mapped[dt.datetime]
    expires_at: Mapped[dt.datetime]
    next_at: Mapped[dt.datetime]
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    lease_until: Mapped[dt.datetime | None]
    fence: Mapped[int | None] = mapped_column(BigInteger)
    settled_at: Mapped[dt.datetime | None]
    answer: Mapped[int | None] = mapped_column(SmallInteger)


@dataclass(frozen=True, slots=True)
class ClaimedLetter:
    """A letter in the hands of one worker; `fence` is the token of its claim."""

    id: uuid.UUID
    fence: int
    kind: LetterKind
    recipient: str
    locale: str
    content: Mapping[str, Any]
    attempts: int
    expires_at: dt.datetime


def write_letter(
    session: Session,
    kind: LetterKind,
    recipient: str | None,
    *,
    locale: str,
    content: Mapping[str, Any],
    expires_at: dt.datetime,
    now: dt.datetime,
) -> uuid.UUID:
    """Write a letter that goes out once this transaction has committed; its id.

    `recipient` None writes the row and sends nothing: the work is the same, whoever looks on.
    """
    withheld = recipient is None
    letter = Letter(
        id=new_id(),
        kind=kind,
        state=LetterState.WITHHELD if withheld else LetterState.WAITING,
        recipient=recipient or "",
        locale=locale,
        content={} if withheld else dict(content),
        written_at=now,
        expires_at=expires_at,
        next_at=now,
        settled_at=now if withheld else None,
    )
    session.add(letter)
    session.flush()
    return letter.id


def something_to_send(session: Session, *, now: dt.datetime) -> bool:
    """Whether `claim_letter` would find anything: a look that takes no lock."""
    return session.scalar(select(Letter.id).where(*_due(now)).limit(1)) is not None


def claim_letter(session: Session, *, now: dt.datetime) -> ClaimedLetter | None:
    """Take the letter that has waited longest, of several the one written first; None when there is none.

    The caller commits before it sends. A letter that came too late, or that was tried too often, is emptied instead.
    """
    while True:
        letter = session.scalar(
            select(Letter)
            .where(*_due(now))
            .order_by(Letter.next_at, Letter.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        if letter is None:
            return None
        if letter.expires_at <= now:
            _empty(letter, LetterState.LATE, now=now)
        elif letter.attempts >= MOST_ATTEMPTS:
            _empty(letter, LetterState.REFUSED, now=now)
        else:
            break
        session.flush()
    letter.fence, letter.lease_until, letter.attempts = secrets.randbits(62), now + LEASE, letter.attempts + 1
    session.flush()
    return ClaimedLetter(
        letter.id,
        letter.fence,
        letter.kind,
        letter.recipient,
        letter.locale,
        dict(letter.content),
        letter.attempts,
        letter.expires_at,
    )


def settle_letter(
    session: Session, claimed: ClaimedLetter, state: LetterState, *, answer: int | None = None, now: dt.datetime
) -> bool:
    """Write what became of a claimed letter and empty it; False when its claim was over and another has it.

    `answer` is the mail server's reply code. A letter that goes back to waiting is tried again later.
    """
    letter = session.scalar(
        select(Letter)
        .where(Letter.id == claimed.id, Letter.state == LetterState.WAITING, Letter.fence == claimed.fence)
        .with_for_update()
    )
    if letter is None:
        return False
    letter.answer = answer
    if state is LetterState.WAITING:
        letter.next_at = now + BACK_OFF[min(claimed.attempts, len(BACK_OFF)) - 1]
        letter.fence = letter.lease_until = None
        if letter.next_at >= letter.expires_at:
            _empty(letter, LetterState.LATE, now=now)
    else:
        _empty(letter, state, now=now)
    session.flush()
    return True


def withhold_letter(session: Session, letter_id: uuid.UUID, *, now: dt.datetime) -> None:
    """Empty a letter that still waits: whoever it was for does not want it any more. One on the wire is not held."""
    session.flush()
    session.execute(
        update(Letter)
        .where(Letter.id == letter_id, Letter.state == LetterState.WAITING)
        .values(state=LetterState.WITHHELD, recipient="", content={}, settled_at=now, fence=None, lease_until=None)
    )


def forget_letters(session: Session, *, now: dt.datetime, most: int = BATCH) -> int:
    """Empty what no worker came to send in time, and forget the rows settled more than thirty days ago; how many.

    At most `most` of either; fewer means that no more of either are to be had now.
    """
    late = Letter.state == LetterState.WAITING, Letter.expires_at <= now
    emptied = empty_some(
        session,
        Letter,
        *late,
        most=most,
        state=LetterState.LATE,
        recipient="",
        content={},
        settled_at=now,
        fence=None,
        lease_until=None,
    )
    if emptied == most:
        return emptied
    return forget_some(session, Letter, Letter.settled_at <= now - KEPT_FOR, most=most)


def _due(now: dt.datetime) -> tuple[ColumnElement[bool], ...]:
    set_back = Letter.lease_until > now + 2 * LEASE  # written before the clock was set back: no claim of now can
    free = or_(Letter.lease_until.is_(None), Letter.lease_until < now, set_back)
    return literal_column("state = 'waiting'", Boolean), Letter.next_at <= now, free  # as the partial index says it


def _empty(letter: Letter, state: LetterState, *, now: dt.datetime) -> None:
    letter.state, letter.settled_at = state, now
    letter.recipient, letter.content = "", {}
    letter.fence = letter.lease_until = None
