"""What courtesy remembers: the slots of budgets, what is put aside for a digest, and how often shops announce."""

import datetime as dt
import uuid

from sqlalchemy import Date, ForeignKey, Index, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from citylife.database import Base, Identifier


class BudgetSlot(Base):
    """A notification counted against a citizen's budgets: of the week that begins on `week_of`, and of `local_date`.

    Two messages decided at the same moment want the same `slot` of her week: one gets it, the other is decided anew.
    A day lies in one week, so that the day's budget needs no row of its own.
    """

    __tablename__ = "budget_slots"
    __table_args__ = ({"sqlite_with_rowid": False},)

    citizen_id: Mapped[uuid.UUID] = mapped_column(
        Identifier(), ForeignKey("citizens.id", ondelete="CASCADE"), primary_key=True
    )
    week_of: Mapped[dt.date] = mapped_column(Date, primary_key=True)
    slot: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    local_date: Mapped[dt.date] = mapped_column(Date)
    message_id: Mapped[uuid.UUID] = mapped_column(Identifier(), ForeignKey("messages.id"))


class DigestLine(Base):
    """An announcement put aside for a citizen's digest; `digest_id` is the digest that has taken it up.

    Or the « near me now » that told her of it before.
    """

    __tablename__ = "digest_lines"
    __table_args__ = (Index("ix_digest_lines_due_at", "due_at"), {"sqlite_with_rowid": False})

    citizen_id: Mapped[uuid.UUID] = mapped_column(
        Identifier(), ForeignKey("citizens.id", ondelete="CASCADE"), primary_key=True
    )
    message_id: Mapped[uuid.UUID] = mapped_column(Identifier(), ForeignKey("messages.id"), primary_key=True)
    due_at: Mapped[dt.datetime | None]
    """When her digest is due; none once a digest has taken the line up."""
    digest_id: Mapped[uuid.UUID | None] = mapped_column(Identifier(), ForeignKey("messages.id"))


class ShopRhythm(Base):
    """How often a shop announces, in thousandths of an announcement a week, over the last four weeks."""

    __tablename__ = "shop_rhythms"
    __table_args__ = ({"sqlite_with_rowid": False},)

    shop_id: Mapped[uuid.UUID] = mapped_column(Identifier(), ForeignKey("shops.id"), primary_key=True)
    weekly: Mapped[int]
    computed_on: Mapped[dt.date] = mapped_column(Date)


class AnnouncementCourse(Base):
    """At which minutes of the week shops announced, in the last four weeks, all of them together.

    One row; `counts` are minutes from Monday 0:00 in Paris, each with how many: `540:12 545:8`.
    """

    __tablename__ = "announcement_courses"

    computed_on: Mapped[dt.date] = mapped_column(Date, primary_key=True)
    counts: Mapped[str]


class SendingRule(Base):
    """What the cluster sets: how many announcements a shop may make a day; for one shop, or (none) for all."""

    __tablename__ = "sending_rules"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    shop_id: Mapped[uuid.UUID | None] = mapped_column(Identifier(), ForeignKey("shops.id"), unique=True)
    announcements_a_day: Mapped[int] = mapped_column(SmallInteger)
    reason: Mapped[str]
    set_at: Mapped[dt.datetime]


class FormerSendingRule(Base):
    """What the cluster had set until `ended_at`: why somebody was not told is said by the rule of that moment."""

    __tablename__ = "former_sending_rules"
    __table_args__ = (Index("ix_former_sending_rules_shop", "shop_id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    shop_id: Mapped[uuid.UUID | None] = mapped_column(Identifier(), ForeignKey("shops.id"))
    announcements_a_day: Mapped[int] = mapped_column(SmallInteger)
    reason: Mapped[str]
    set_at: Mapped[dt.datetime]
    ended_at: Mapped[dt.datetime]
