"""The address a citizen gave for the digest by e-mail: it stands here alone, and leaves at once when she says so."""

import datetime as dt
import uuid
from typing import Final

from sqlalchemy import ForeignKey, Index, LargeBinary, String, delete, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from citylife.database import Base, Identifier
from citylife.forgetting import BATCH, forget_some
from citylife.letters import withhold_letter

UNCONFIRMED_FOR: Final = dt.timedelta(days=3)
"""How long an address waits for its owner's tap."""


class EmailDigest(Base):
    """Where a citizen wants her weekly letter; nothing but the request to confirm goes there before `confirmed_at`.

    `confirm_digest` is the SHA-256 of the secret in that request. `stop_token` is the secret of the link that stops the
    letters: it stands in each of them and is good for nothing else. `letter_id` is the last letter written.
    """

    __tablename__ = "email_digests"
    __table_args__ = (
        Index("ix_email_digests_due_at", "due_at"),
        Index(
            "ix_email_digests_unconfirmed",
            "asked_at",
            sqlite_where=text("confirmed_at IS NULL"),
            postgresql_where=text("confirmed_at IS NULL"),
        ),
    )

    citizen_id: Mapped[uuid.UUID] = mapped_column(
        Identifier(), ForeignKey("citizens.id", ondelete="CASCADE"), primary_key=True
    )
    email: Mapped[str] = mapped_column(String(254))
    asked_at: Mapped[dt.datetime]
    confirm_digest: Mapped[bytes | None] = mapped_column(LargeBinary(32), unique=True)
    confirmed_at: Mapped[dt.datetime | None]
    stop_token: Mapped[str] = mapped_column(String(43), unique=True)
    due_at: Mapped[dt.datetime | None]
    """When her next letter is due; none before she has confirmed."""
    written_at: Mapped[dt.datetime | None]
    """When the last one was written that told of something."""
    letter_id: Mapped[uuid.UUID | None] = mapped_column(Identifier())


def forget_address_of(session: Session, citizen_id: uuid.UUID, *, now: dt.datetime) -> None:
    """Forget the address of a citizen, and empty the letter that may be on its way there; without one, nothing."""
    forgotten = session.execute(
        delete(EmailDigest).where(EmailDigest.citizen_id == citizen_id).returning(EmailDigest.letter_id)
    ).first()
    if forgotten is not None and forgotten.letter_id is not None:
        withhold_letter(session, forgotten.letter_id, now=now)


def forget_unconfirmed(session: Session, *, now: dt.datetime, most: int = BATCH) -> int:
    """Delete the addresses that nobody has confirmed in three days, at most `most`; how many."""
    unconfirmed = EmailDigest.confirmed_at.is_(None), EmailDigest.asked_at <= now - UNCONFIRMED_FOR
    return forget_some(session, EmailDigest, *unconfirmed, most=most)
