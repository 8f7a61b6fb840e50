"""What the pilot keeps of its measures: numbers of days, of whole periods, and what was frozen of them.

None of it says who. A number of a day or of a period stays as it was counted, whatever leaves the ledger afterwards; a
report is appended and never changed (a trigger refuses), and names the hash of the one frozen before it.
"""

import datetime as dt
import uuid
from typing import Any, Final

from sqlalchemy import BigInteger, CheckConstraint, Date, Index, LargeBinary, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from citylife.database import Base

LONGEST_REASON: Final = 300
"""Characters of why there is an erratum."""


class PilotNumber(Base):
    """A number of a day (Europe/Paris) and a shop; the nil UUID where it is of no one shop.

    `grade` parts what `counted` counts: whole seconds of a delay, and zero where there is nothing to part.
    """

    __tablename__ = "pilot_numbers"
    __table_args__ = ({"sqlite_with_rowid": False},)

    day: Mapped[dt.date] = mapped_column(Date, primary_key=True)
    counted: Mapped[str] = mapped_column(String(24), primary_key=True)
    shop_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    grade: Mapped[int] = mapped_column(SmallInteger, primary_key=True, default=0)
    count: Mapped[int] = mapped_column(BigInteger)


class PilotDay(Base):
    """A day whose numbers were counted; `rows` is the sum of them all, in which a delivery may be three times."""

    __tablename__ = "pilot_days"

    day: Mapped[dt.date] = mapped_column(Date, primary_key=True)
    closed_at: Mapped[dt.datetime]
    rows: Mapped[int] = mapped_column(BigInteger)


class PilotStock(Base):
    """What only the end of a period tells: distinct persons, shops as they stood; by territory.

    `territory` is `agglomeration` or an area's code.
    """

    __tablename__ = "pilot_stocks"
    __table_args__ = ({"sqlite_with_rowid": False},)

    period: Mapped[str] = mapped_column(String(8), primary_key=True)
    counted: Mapped[str] = mapped_column(String(24), primary_key=True)
    territory: Mapped[str] = mapped_column(String(16), primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)


class PilotReport(Base):
    """A period as it was frozen: `content` is the canonical JSON of its figures, sealed to the report frozen before.

    Version 1 is the first; an erratum is the next one, and says why.
    """

    __tablename__ = "pilot_reports"
    __table_args__ = (Index("ix_pilot_reports_period", "period", "version", unique=True),)

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """From 1 on, in the order in which reports were frozen."""
    period: Mapped[str] = mapped_column(String(8))
    version: Mapped[int] = mapped_column(SmallInteger)
    frozen_at: Mapped[dt.datetime]
    revision: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(String(LONGEST_REASON), default="")
    rows: Mapped[dict[str, Any]]
    content: Mapped[dict[str, Any]]
    previous: Mapped[bytes] = mapped_column(LargeBinary(32))
    sha256: Mapped[bytes] = mapped_column(LargeBinary(32))

    def sealed(self) -> dict[str, Any]:
        """By what anybody can see that it is this report and no other: its place, its moment, both seals."""
        return {
            "number": self.number,
            "version": self.version,
            "frozen_at": self.frozen_at,
            "revision": self.revision,
            "reason": self.reason,
            "previous": self.previous.hex(),
            "sha256": self.sha256.hex(),
        }


class PilotTarget(Base):
    """What a measure of the agglomeration is to reach from a period on, as one of staff proposed and another approved.

    Once approved it is never changed nor removed (a trigger refuses): a later one, for periods still to begin, follows.
    """

    __tablename__ = "pilot_targets"
    __table_args__ = (
        Index("ix_pilot_targets_measure", "measure", "version", unique=True),
        CheckConstraint("approved_by <> proposed_by", name="two_persons"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    measure: Mapped[str] = mapped_column(String(24))
    version: Mapped[int] = mapped_column(SmallInteger)
    """From 1 on, by measure, in the order in which they were proposed."""
    since: Mapped[str] = mapped_column(String(8))
    """The first period it holds for; a week's is for weeks, a month's for months."""
    value: Mapped[int] = mapped_column(BigInteger)
    """In the measure's unit."""
    reason: Mapped[str] = mapped_column(String(LONGEST_REASON))
    proposed_by: Mapped[uuid.UUID]
    proposed_at: Mapped[dt.datetime]
    approved_by: Mapped[uuid.UUID | None]
    approved_at: Mapped[dt.datetime | None]


class PilotCost(Base):
    """What the public paid for the pilot between two days, both among them; appended, never changed.

    One that replaces another counts in its place; with nought, it takes it back.
    """

    __tablename__ = "pilot_costs"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    first: Mapped[dt.date] = mapped_column(Date)
    last: Mapped[dt.date] = mapped_column(Date)
    cents: Mapped[int] = mapped_column(BigInteger)
    source: Mapped[str] = mapped_column(String(LONGEST_REASON))
    """Where the amount can be read: a deliberation, an invoice."""
    replaces: Mapped[uuid.UUID | None]
    entered_by: Mapped[uuid.UUID]
    entered_at: Mapped[dt.datetime]
