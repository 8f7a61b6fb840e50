"""How often something may be done in a while, counted in the database, so that every process counts together.

The generic cell rate algorithm (ITU-T I.371): one row a limit and subject holds the moment by which all that was done
would have been done at an even pace. A refused attempt changes nothing, so that whoever waits gets through.
"""

import datetime as dt
import hashlib
import hmac
from dataclasses import dataclass
from typing import ClassVar, Final

from sqlalchemy import BigInteger, Index, LargeBinary, String, bindparam, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from citylife.database import Base
from citylife.errors import Refusal
from citylife.forgetting import BATCH, forget_some

MICROSECOND: Final = dt.timedelta(microseconds=1)
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Pace(Base):
    """How far somebody is ahead of an even pace under one limit; `ahead_until` in microseconds since 1970."""

    __tablename__ = "paces"
    __table_args__ = (Index("ix_paces_ahead_until", "ahead_until"), {"sqlite_with_rowid": False})

    limit_name: Mapped[str] = mapped_column(String(40), primary_key=True)
    subject: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    ahead_until: Mapped[int] = mapped_column(BigInteger)


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` times in `window`, and as many at once; `name` keeps its counters apart from other limits'."""

    name: str
    most: int
    window: dt.timedelta

    @property
    def step(self) -> int:
        """How long one attempt weighs, in microseconds."""
        return self.window // MICROSECOND // self.most


@dataclass(frozen=True, slots=True)
class Room:
    """What is left under a limit: so many attempts now, and how long until there are as many as ever."""

    limit: Limit
    remaining: int
    reset: dt.timedelta


class TooFast(Refusal):
    """Somebody does something too often; `retry_after` is when one more would be let through."""

    slug: ClassVar[str] = "too-many-requests"
    status: ClassVar[int] = 429
    title: ClassVar[str] = "Trop de demandes"
    sentence: ClassVar[str] = "Trop de demandes en peu de temps. Réessayez plus tard."

    def __init__(self, room: Room, retry_after: dt.timedelta) -> None:
        self.room = room
        self.retry_after = retry_after
        super().__init__()


_TAKE: Final = text(
    "INSERT INTO paces (limit_name, subject, ahead_until) VALUES (:name, :subject, :now + :step) "
    "ON CONFLICT (limit_name, subject) DO UPDATE SET ahead_until = "
    "CASE WHEN paces.ahead_until > :now THEN paces.ahead_until ELSE :now END + :step "
    "WHERE paces.ahead_until <= :now + :window - :step "
    "RETURNING ahead_until"
).bindparams(
    bindparam("subject", type_=LargeBinary()),
    *(bindparam(name, type_=BigInteger()) for name in ("now", "step", "window")),
)


def subject_of(key: str, limit: Limit, subject: str) -> bytes:
    """What a counter knows somebody by: a keyed digest, so that addresses cannot be guessed back from the table."""
    return hmac.digest(key.encode(), f"{limit.name}\n{subject}".encode(), hashlib.sha256)


def take(session: Session, limit: Limit, subject: bytes, *, now: dt.datetime) -> Room:
    """Count one attempt of a subject (see `subject_of`); one statement, however many count at once.

    Raises:
        TooFast: there is no room; nothing was counted.
    """
    moment = (now - _EPOCH) // MICROSECOND
    window = limit.step * limit.most
    values = {"name": limit.name, "subject": subject, "now": moment, "step": limit.step, "window": window}
    ahead = session.scalar(_TAKE, values)
    if ahead is not None:
        return _room(limit, ahead - moment)
    weight = _weight(session, limit, subject, moment)
    raise TooFast(_room(limit, weight), (weight + limit.step - window) * MICROSECOND)


def look(session: Session, limit: Limit, subject: bytes, *, now: dt.datetime) -> None:
    """Go on only where one more attempt would be let through; nothing is counted.

    Raises:
        TooFast: there is no room.
    """
    weight = _weight(session, limit, subject, (now - _EPOCH) // MICROSECOND)
    over = weight + limit.step - limit.step * limit.most
    if over > 0:
        raise TooFast(_room(limit, weight), over * MICROSECOND)


def room_of(session: Session, limit: Limit, subject: bytes, *, now: dt.datetime) -> Room:
    """What a subject has left, to be told before it is used; nothing is counted."""
    return _room(limit, _weight(session, limit, subject, (now - _EPOCH) // MICROSECOND))


def forget_paces(session: Session, *, now: dt.datetime, most: int = BATCH) -> int:
    """Delete counters that limit nothing any more, at most `most`; how many."""
    return forget_some(session, Pace, Pace.ahead_until <= (now - _EPOCH) // MICROSECOND, most=most)


def _weight(session: Session, limit: Limit, subject: bytes, moment: int) -> int:
    """How far ahead of an even pace a subject is, in microseconds."""
    ahead = session.scalar(select(Pace.ahead_until).where(Pace.limit_name == limit.name, Pace.subject == subject))
    return (ahead or moment) - moment


def _room(limit: Limit, weight: int) -> Room:
    return Room(limit, max(0, limit.most - -(-weight // limit.step)), max(0, weight) * MICROSECOND)
