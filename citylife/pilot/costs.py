"""What the public pays for the pilot, as staff enter it with its source: amounts between two days.

An amount is spread evenly over its days, so that a yearly budget tells of each week. It is public, and no secret; what
is told with it are only figures that are told anyway.
"""

import datetime as dt
import uuid
from collections.abc import Sequence
from fractions import Fraction
from typing import ClassVar, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from citylife import audit
from citylife.audit import Actor
from citylife.database import new_id
from citylife.errors import Absent, Invalid
from citylife.pilot.periods import Period
from citylife.pilot.tables import LONGEST_REASON, PilotCost
from citylife.text import check_line

LONGEST: Final = dt.timedelta(days=3_660)
MOST: Final = 10**11
"""Cents."""


class CostRefused(Invalid):
    """A cost that ends before it begins, lasts longer than ten years, or is too large."""

    slug: ClassVar[str] = "cost-refused"
    title: ClassVar[str] = "Dépense refusée"
    sentence: ClassVar[str] = "Une dépense va d’un premier jour à un dernier, dix ans plus tard au plus."


def enter_cost(
    session: Session,
    *,
    first: dt.date,
    last: dt.date,
    cents: int,
    source: str,
    replaces: uuid.UUID | None = None,
    staff_id: uuid.UUID,
    now: dt.datetime,
) -> PilotCost:
    """Enter what was paid from a day to another; one that `replaces` another counts in its place.

    Raises:
        CostRefused: see there.
        Absent: there is none to replace, or another replaces it already.
        TextRefused: the source is no line of at most `LONGEST_REASON` characters.
    """
    if not dt.timedelta(0) <= last - first <= LONGEST or not 0 <= cents <= MOST:
        raise CostRefused(pointer="/last")
    if replaces is not None:
        _hold(session, replaces, now)
    cost = PilotCost(
        id=new_id(),
        first=first,
        last=last,
        cents=cents,
        source=check_line(source, pointer="/source", most=LONGEST_REASON),
        replaces=replaces,
        entered_by=staff_id,
        entered_at=now,
    )
    session.add(cost)
    said = {"first": first.isoformat(), "last": last.isoformat(), "cents": cents}
    audit.note(session, "pilot.cost-entered", cost.id, actor=Actor.STAFF, actor_id=staff_id, now=now, **said)
    session.flush()
    return cost


def costs(session: Session, *, before: uuid.UUID | None = None, limit: int = 100) -> Sequence[PilotCost]:
    """What was entered, the last first; also what was replaced since."""
    wanted = select(PilotCost).order_by(PilotCost.id.desc()).limit(limit)
    return session.scalars(wanted if before is None else wanted.where(PilotCost.id < before)).all()


def standing_cost(session: Session, cost_id: uuid.UUID) -> PilotCost:
    """A cost that nothing has replaced.

    Raises:
        Absent: there is none, or another replaces it.
    """
    cost = session.get(PilotCost, cost_id)
    if cost is None or replaced_among(session, [cost]):
        raise Absent
    return cost


def replaced_among(session: Session, some: Sequence[PilotCost]) -> set[uuid.UUID]:
    """Which of some costs others have replaced, however long after."""
    wanted = select(PilotCost.replaces).where(PilotCost.replaces.in_([cost.id for cost in some]))
    return {replaced for replaced in session.scalars(wanted) if replaced is not None}


def cost_of(session: Session, period: Period, *, as_of: dt.datetime) -> int | None:
    """Cents of a period, from what was entered by a moment; None where nothing tells of any of its days."""
    found = costs_of(session, period, as_of=as_of)
    parts = (Fraction(cost.cents * _common(cost, period), (cost.last - cost.first).days + 1) for cost in found)
    return round(sum(parts, Fraction(0))) if found else None


def costs_of(session: Session, period: Period, *, as_of: dt.datetime) -> list[PilotCost]:
    """What was entered by a moment and counts for a period, the first entered first; what was replaced does not."""
    return [cost for cost in _standing(session, as_of) if _common(cost, period) > 0]


def _hold(session: Session, cost_id: uuid.UUID, now: dt.datetime) -> None:
    """Go on only with a cost that counts; of two who would replace it at once, the second waits here, and then sees.

    Raises:
        Absent: there is none, or another replaces it already.
    """
    session.execute(select(PilotCost.id).where(PilotCost.id == cost_id).with_for_update())
    if cost_id not in {cost.id for cost in _standing(session, now)}:
        raise Absent


def _common(cost: PilotCost, period: Period) -> int:
    return (min(cost.last, period.last) - max(cost.first, period.first)).days + 1


def _standing(session: Session, as_of: dt.datetime) -> list[PilotCost]:
    entered = session.scalars(select(PilotCost).where(PilotCost.entered_at <= as_of).order_by(PilotCost.id)).all()
    replaced = {cost.replaces for cost in entered}
    return [cost for cost in entered if cost.id not in replaced]
