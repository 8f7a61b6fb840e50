"""What courtesy remembers is forgotten once no rule asks for it any more."""

import datetime as dt
from collections.abc import Iterable
from typing import Final

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from citylife.clock import local_date
from citylife.courtesy.tables import BudgetSlot, DigestLine
from citylife.forgetting import forget_some
from citylife.ledger.tables import OF_HERS, Message

SLOTS_KEPT: Final = dt.timedelta(days=7)
"""After the Monday of their week: the day after, it is over in every time zone."""
LINES_KEPT: Final = dt.timedelta(days=7)


def forget_slots(session: Session, of: Iterable[ColumnElement[bool]] = (), *, now: dt.datetime, most: int) -> int:
    """Delete the slots of weeks that are over, at most `most`; how many."""
    return forget_some(session, BudgetSlot, *of, BudgetSlot.week_of < local_date(now - SLOTS_KEPT), most=most)


def forget_lines(session: Session, of: Iterable[ColumnElement[bool]] = (), *, now: dt.datetime, most: int) -> int:
    """Delete what a digest of a week ago has said, or should have said, at most `most`; how many."""
    old = select(Message.id).where(Message.kind.in_(OF_HERS), Message.created_at < now - LINES_KEPT)
    said = and_(DigestLine.due_at.is_(None), DigestLine.digest_id.in_(old))
    return forget_some(session, DigestLine, *of, or_(said, DigestLine.due_at < now - LINES_KEPT), most=most)
