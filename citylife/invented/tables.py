"""The mark of a database in which everything is invented: its shops stay fictional, and its pilot counts them.

Who looks at a page of it reads that it is invented; its reports say so, and never leave for the cluster.
"""

import datetime as dt
from typing import Final

from sqlalchemy import SmallInteger, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from citylife.database import Base

ONLY: Final = 1
COUNTS: Final = "(NOT s.fictional OR EXISTS (SELECT 1 FROM invented_towns))"
"""Whether the pilot counts the shop of a row `s`."""


class InventedTown(Base):
    """Of which town the database holds the invented lives; there is one row, or none."""

    __tablename__ = "invented_towns"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False, default=ONLY)
    seed: Mapped[int]
    scale: Mapped[float]
    """How many times the real one."""
    drawn_at: Mapped[dt.datetime]


def invented_town(session: Session) -> InventedTown | None:
    """The town that was invented into this database; None where people live."""
    return session.scalar(select(InventedTown).limit(1))
