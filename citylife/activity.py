"""Daily counters: what happened to an offer or a shop on a day, as a number and nothing of who."""

import datetime as dt
import threading
import uuid
from collections import Counter
from enum import Enum
from typing import Final

from sqlalchemy import BigInteger, Date, bindparam, text
from sqlalchemy.orm import Mapped, Session, mapped_column, sessionmaker

from citylife.clock import local_date
from citylife.database import Base, Choice, Identifier
from citylife.ledger.statements import Statement, stored

WHOLE: Final = uuid.UUID(int=0)
"""The subject of what is counted for the whole of Citylife (the nil UUID)."""
SOON_AFTER: Final = dt.timedelta(days=1)
"""How long after a notification a loss counts as an opt-out."""
MOST_VISITS: Final = 50
"""How many visits of a day to one subject count from one place of the network: a whole café's, and no loop's."""
MOST_PLACES: Final = 20_000
"""How many places by subject are remembered at once; beyond, all of them begin anew."""


class Counted(Enum):
    """What is counted by day."""

    OFFER_OPENED = "offer-opened"
    SHOP_PAGE_VISITS = "shop-page-visits"
    DEVICES_GONE = "devices-gone"
    DEVICES_REMOVED = "devices-removed"
    TILL_USES = "till-uses"
    DECLARED_USES = "declared-uses"  # said by a shop, without a code: never summed with those of a till
    OPT_OUTS = "opt-outs"  # devices and follows lost within a day of a notification


class DailyCount(Base):
    """A number for a day (Europe/Paris) and a subject: an offer, a shop, or the nil UUID for the whole."""

    __tablename__ = "daily_counts"
    __table_args__ = ({"sqlite_with_rowid": False},)

    day: Mapped[dt.date] = mapped_column(Date, primary_key=True)
    counted: Mapped[Counted] = mapped_column(Choice(Counted), primary_key=True)
    subject: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger, default=0)


INTO_COUNTS: Final = "INSERT INTO daily_counts (day, counted, subject, count)"
COUNTED_UP: Final = "ON CONFLICT (day, counted, subject) DO UPDATE SET count = daily_counts.count + excluded.count"
"""Between the two stand the rows to count; after them, in a statement of its own, whatever it wants back."""
TOLD_SINCE: Final = "EXISTS (SELECT 1 FROM deliveries d WHERE d.citizen_id = :citizen AND d.accepted_at > :since)"
"""Whether a push service accepted a notification for her; to count as an opt-out, `since` is `SOON_AFTER` ago."""
_COUNT: Final = text(f"{INTO_COUNTS} VALUES (:day, :counted, :subject, :by) {COUNTED_UP} RETURNING count").bindparams(
    bindparam("day", type_=Date()),
    bindparam("counted", type_=Choice(Counted)),
    bindparam("subject", type_=Identifier()),
)
_TOLD: Final = Statement(f"SELECT 1 WHERE {TOLD_SINCE}")


def count(session: Session, counted: Counted, subject: uuid.UUID, *, now: dt.datetime, by: int = 1) -> int:
    """Add `by` to the day's number of a subject, however many count at the same moment; what it is now."""
    row = session.execute(_COUNT, {"day": local_date(now), "counted": counted, "subject": subject, "by": by}).one()
    return int(row[0])


class Visits:
    """Visits of pages, gathered from the web's threads and written together.

    What is gathered and not yet written is lost with the process: a measure then counts a little less, never more. Of a
    place of the network only a number is kept, in memory and for the day.
    """

    def __init__(self, factory: sessionmaker[Session]) -> None:
        self._factory = factory
        self._lock = threading.Lock()
        self._gathered: Counter[tuple[dt.date, uuid.UUID]] = Counter()
        self._day: dt.date | None = None
        self._places: Counter[tuple[int, uuid.UUID]] = Counter()

    def note(self, subject: uuid.UUID, place: int, moment: dt.datetime) -> None:
        """Somebody came to a page of the subject from a place; the `MOST_VISITS` first of a day count."""
        day = local_date(moment)
        with self._lock:
            if day != self._day or len(self._places) >= MOST_PLACES:
                self._day = day
                self._places.clear()
            self._places[place, subject] += 1
            if self._places[place, subject] <= MOST_VISITS:
                self._gathered[day, subject] += 1

    def flush(self) -> int:
        """Write what was gathered, in one transaction of its own; how many visits. Kept where the database fails."""
        with self._lock:
            gathered, self._gathered = self._gathered, Counter()
        if not gathered:
            return 0
        named = {"counted": Counted.SHOP_PAGE_VISITS}
        try:
            with self._factory() as session, session.begin():
                for (day, subject), by in sorted(gathered.items()):
                    session.execute(_COUNT, {**named, "day": day, "subject": subject, "by": by})
        except BaseException:
            with self._lock:
                self._gathered.update(gathered)
            raise
        return gathered.total()


def told_lately(session: Session, citizen_id: uuid.UUID, *, now: dt.datetime) -> bool:
    """Whether a push service accepted a notification for the citizen within the last day."""
    session.flush()
    connection = session.connection()
    values = {"citizen": stored(connection, citizen_id), "since": stored(connection, now - SOON_AFTER)}
    return _TOLD.run(connection, values).first() is not None
