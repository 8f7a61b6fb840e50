"""Kept answers: what was answered to a POST with an Idempotency-Key, so that a repeat gets the same.

Keyed by the caller and her key. An answer that carried a secret is not kept, only the fact that it was given.
The answer is written in the transaction of what it answers: a crash leaves both, or neither.
"""

import datetime as dt
import hashlib
import uuid
from collections.abc import Mapping
from enum import Enum
from typing import Any, ClassVar, Final

from sqlalchemy import Index, LargeBinary, SmallInteger, String, delete, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from citylife.database import Base, Choice
from citylife.errors import Refusal
from citylife.forgetting import BATCH, forget_some
from citylife.upserts import insert_unless_there

KEPT_FOR: Final = dt.timedelta(days=1)
"""How long a key is remembered."""


class AnswerState(Enum):
    """Whether the first request is still at work, answered, or answered with a secret."""

    IN_PROGRESS = "in-progress"
    KEPT = "kept"
    SECRET = "secret"  # noqa: S105 - a state, not a secret


class KeptAnswer(Base):
    """The first answer to a key."""

    __tablename__ = "kept_answers"
    __table_args__ = (Index("ix_kept_answers_begun_at", "begun_at"),)

    caller: Mapped[str] = mapped_column(String(80), primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary(32))
    state: Mapped[AnswerState] = mapped_column(Choice(AnswerState), default=AnswerState.IN_PROGRESS)
    status: Mapped[int | None] = mapped_column(SmallInteger)
    headers: Mapped[dict[str, Any] | None]
    body: Mapped[bytes | None]
    begun_at: Mapped[dt.datetime]


class KeyReused(Refusal):
    """The key was first used with another request."""

    slug: ClassVar[str] = "idempotency-key-reused"
    status: ClassVar[int] = 422
    title: ClassVar[str] = "Clé d’idempotence déjà utilisée"
    sentence: ClassVar[str] = "Cette clé d’idempotence a déjà servi à une autre demande. Prenez-en une nouvelle."


class AnswerInProgress(Refusal):
    """The first request with this key is still at work."""

    slug: ClassVar[str] = "in-progress"
    status: ClassVar[int] = 409
    title: ClassVar[str] = "Demande en cours"
    sentence: ClassVar[str] = "La première demande portant cette clé est encore en cours. Réessayez dans un instant."
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "1"}


class AlreadyAnswered(Refusal):
    """The first answer carried a secret, which is not kept."""

    slug: ClassVar[str] = "already-answered"
    status: ClassVar[int] = 409
    title: ClassVar[str] = "Déjà répondu"
    sentence: ClassVar[str] = "Cette demande a déjà reçu sa réponse. Elle contenait un secret, qui n’est pas conservé."


def caller_of_citizen(citizen_id: uuid.UUID) -> str:
    """By what a citizen's keys are kept apart from other callers'."""
    return f"citizen:{citizen_id}"


def begin_answer(session: Session, caller: str, key: str, fingerprint: bytes, *, now: dt.datetime) -> KeptAnswer | None:
    """Take the key for this transaction; None when the request is ours to answer, else the answer to repeat.

    `fingerprint` is a SHA-256 of the request. On SQLite writers queue, so a second request waits for the first and
    repeats its answer; on PostgreSQL it is told that the first is at work.

    Raises:
        KeyReused: the key was first used with another request.
        AlreadyAnswered: the answer carried a secret.
        AnswerInProgress: the first request has not committed yet.
    """
    if session.get_bind().dialect.name == "postgresql":
        lane = int.from_bytes(hashlib.sha256(f"{caller} {key}".encode()).digest()[:8], signed=True)
        if not session.scalar(text("SELECT pg_try_advisory_xact_lock(:lane)"), {"lane": lane}):
            raise AnswerInProgress
    session.execute(
        delete(KeptAnswer).where(
            KeptAnswer.caller == caller, KeptAnswer.key == key, KeptAnswer.begun_at <= now - KEPT_FOR
        )
    )
    kept = session.scalar(select(KeptAnswer).where(KeptAnswer.caller == caller, KeptAnswer.key == key))
    if kept is not None:
        if kept.fingerprint != fingerprint:
            raise KeyReused
        if kept.state is AnswerState.SECRET:
            raise AlreadyAnswered
        if kept.state is AnswerState.IN_PROGRESS:
            raise AnswerInProgress
        return kept
    taken = insert_unless_there(
        session,
        KeptAnswer,
        caller=caller,
        key=key,
        fingerprint=fingerprint,
        state=AnswerState.IN_PROGRESS,
        begun_at=now,
    )
    if not taken:
        raise AnswerInProgress
    return None


def is_answered(session: Session, caller: str, key: str, *, now: dt.datetime) -> bool:
    """Whether the key is remembered, so that `begin_answer` would not give it; nothing is taken."""
    wanted = KeptAnswer.caller == caller, KeptAnswer.key == key, KeptAnswer.begun_at > now - KEPT_FOR
    return session.scalar(select(KeptAnswer.key).where(*wanted)) is not None


def keep_answer(
    session: Session, caller: str, key: str, *, status: int, headers: Mapping[str, str], body: bytes, secret: bool
) -> None:
    """Write the answer beside what it answers; of one that carried a secret, only the fact."""
    kept = session.get_one(KeptAnswer, (caller, key))
    kept.state = AnswerState.SECRET if secret else AnswerState.KEPT
    kept.status = status
    if not secret:
        kept.headers = dict(headers)
        kept.body = body


def forget_answers(session: Session, *, now: dt.datetime, most: int = BATCH) -> int:
    """Forget keys that are remembered no longer, at most `most`; how many."""
    return forget_some(session, KeptAnswer, KeptAnswer.begun_at <= now - KEPT_FOR, most=most)
