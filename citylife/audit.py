"""The audit log: who did what to what, appended and never changed (a trigger refuses), each entry sealed to the last.

An entry carries the SHA-256 of its content and of the entry before, so that what is altered, removed or slipped in
afterwards breaks the chain. Entries are written as the last thing before a commit: only there does a transaction wait
for the one that appends before it, so that the chain never forks, and no two transactions wait for each other.
"""

import datetime as dt
import hashlib
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import orjson
from sqlalchemy import Index, LargeBinary, String, event, select, text
from sqlalchemy.orm import Mapped, Session, SessionTransaction, mapped_column

from citylife.database import Base, BigKey, Choice

GENESIS: Final = bytes(32)
"""What the first entry names as the seal before it."""
_NOTED: Final = "citylife.audit.noted"
_TURN: Final = 0x6369_7479_6175_6469
"""By which number PostgreSQL's advisory lock knows the turn to append; any would do that nothing else uses."""
_PAGE: Final = 1_000


class Actor(Enum):
    """Whose act it was. Citizens are not audited: that would be a history of persons."""

    MERCHANT = "merchant"
    STAFF = "staff"
    SYSTEM = "system"
    OPERATOR = "operator"  # somebody at the console of the server


class AuditEntry(Base):
    """One act. `sha256` seals it and, through `previous`, every entry before it."""

    __tablename__ = "audit_log"
    __table_args__ = (
        Index("ix_audit_log_subject", "subject_id", "id"),
        Index("ix_audit_log_action", "action", "id"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    at: Mapped[dt.datetime]
    actor: Mapped[Actor] = mapped_column(Choice(Actor))
    actor_id: Mapped[uuid.UUID | None]
    action: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[uuid.UUID | None]
    detail: Mapped[dict[str, Any]]
    previous: Mapped[bytes] = mapped_column(LargeBinary(32))
    sha256: Mapped[bytes] = mapped_column(LargeBinary(32))


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry of the log at some moment: noted elsewhere, it vouches for everything before it."""

    number: int
    sha256: bytes

    def __str__(self) -> str:
        return f"{self.number}:{self.sha256.hex()}"


class Fault(Enum):
    """How the chain can be broken."""

    ALTERED = "altered"  # an entry does not hash to its own seal
    UNLINKED = "unlinked"  # an entry does not name the seal of the one before it: something was removed or slipped in
    HEAD_LOST = "head-lost"  # the entry that was noted elsewhere is not there, or is another


@dataclass(frozen=True, slots=True)
class Walk:
    """What a walk along the chain found: how many entries hold, the last of them, and the first break."""

    entries: int
    head: Head | None
    fault: Fault | None = None
    broken_at: int | None = None


def note(
    session: Session,
    action: str,
    subject_id: uuid.UUID | None,
    *,
    actor: Actor,
    actor_id: uuid.UUID | None = None,
    now: dt.datetime,
    **detail: Any,
) -> None:
    """Append one act, such as `offer.published`, when the transaction commits; `detail` must hold no personal data.

    Until then no query finds it, and a rollback, also to a savepoint, forgets it.
    """
    entry = AuditEntry(
        at=now,
        actor=actor,
        actor_id=actor_id,
        action=action,
        subject_id=subject_id,
        detail=orjson.loads(orjson.dumps(detail)),
    )
    standing = session.get_nested_transaction() or session.get_transaction() or session.begin()
    session.info.setdefault(_NOTED, []).append((standing, entry))


def entries(
    session: Session,
    *,
    subject_id: uuid.UUID | None = None,
    action: str | None = None,
    before: int | None = None,
    limit: int,
) -> Sequence[AuditEntry]:
    """Acts, the latest first, of one subject or one kind where asked; `before` is the number a page ended with."""
    statement = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    if subject_id is not None:
        statement = statement.where(AuditEntry.subject_id == subject_id)
    if action is not None:
        statement = statement.where(AuditEntry.action == action)
    if before is not None:
        statement = statement.where(AuditEntry.id < before)
    return session.scalars(statement).all()


def walk(session: Session, *, expected: Head | None = None) -> Walk:
    """Walk the whole chain from its beginning to its end or its first break; `expected` is a head noted earlier.

    Whoever may write to the database can also write a whole new chain: only a head that is kept elsewhere tells.
    """
    count, head, vouched = 0, None, expected is None
    for entry in _from_the_beginning(session):
        if entry.previous != (GENESIS if head is None else head.sha256):
            return Walk(count, head, Fault.UNLINKED, entry.id)
        if entry.sha256 != seal(entry):
            return Walk(count, head, Fault.ALTERED, entry.id)
        if expected is not None and entry.id == expected.number:
            if entry.sha256 != expected.sha256:
                return Walk(count, head, Fault.HEAD_LOST, entry.id)
            vouched = True
        count, head = count + 1, Head(entry.id, entry.sha256)
    if not vouched and expected is not None:
        return Walk(count, head, Fault.HEAD_LOST, expected.number)
    return Walk(count, head)


def seal(entry: AuditEntry) -> bytes:
    """The SHA-256 of the seal before and of the entry's content: its JSON, keys sorted, the moment in UTC."""
    content = {
        "id": entry.id,
        "at": entry.at.astimezone(dt.UTC).isoformat(timespec="microseconds"),
        "actor": entry.actor.value,
        "actor_id": entry.actor_id,
        "action": entry.action,
        "subject_id": entry.subject_id,
        "detail": entry.detail,
    }
    return hashlib.sha256(entry.previous + orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).digest()


def _from_the_beginning(session: Session) -> Iterator[AuditEntry]:
    last = None
    while True:
        page = select(AuditEntry).order_by(AuditEntry.id).limit(_PAGE).execution_options(populate_existing=True)
        rows = session.scalars(page if last is None else page.where(AuditEntry.id > last)).all()
        yield from rows
        if len(rows) < _PAGE:
            return
        last = rows[-1].id
        for row in rows:
            session.expunge(row)


@event.listens_for(Session, "before_commit")
def _append(session: Session) -> None:
    """Write what the transaction noted, after everything else it wrote, and in turn with other transactions."""
    noted = session.info.get(_NOTED)
    if not noted:
        return
    nested = session.get_nested_transaction()
    if nested is not None:  # a savepoint is released: what was noted within it is the outer transaction's now
        session.info[_NOTED] = [(nested.parent if one is nested else one, entry) for one, entry in noted]
        return
    session.flush()
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": _TURN})
    last = session.execute(select(AuditEntry.id, AuditEntry.sha256).order_by(AuditEntry.id.desc()).limit(1)).first()
    number, previous = (0, GENESIS) if last is None else (last[0], last[1])
    for _, entry in session.info.pop(_NOTED):
        number += 1
        entry.id, entry.previous = number, previous
        entry.sha256 = previous = seal(entry)
        session.add(entry)
    session.flush()


@event.listens_for(Session, "after_transaction_end")
def _forget(session: Session, ended: SessionTransaction) -> None:
    """Forget what was noted within a transaction that ended without a commit."""
    if noted := session.info.get(_NOTED):
        session.info[_NOTED] = [(standing, entry) for standing, entry in noted if standing is not ended]
