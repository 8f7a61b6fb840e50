"""What tests plant among a period's numbers, to look for it wherever figures are told."""

import datetime as dt
import uuid
from typing import Final

from sqlalchemy.orm import Session

from citylife.pilot.periods import Period
from citylife.pilot.tables import PilotNumber
from citylife.pilot.targets import approve_target, propose_target

ARMS: Final = ("over-drawn", "over-not-drawn", "over-used-drawn", "over-used-not-drawn")
OFFERS: Final = ((1_000, 1_000, 70, 30), (900, 900, 80, 20), (800, 800, 70, 25))
"""Three offers of as many shops: decisions that drew and that did not, and the uses of each."""
MORE, LOW, HIGH = 54, 40, 70
"""What the three tell, by hand: per thousand, 40 × 500 + 66.7 × 450 + 56.25 × 400, over 1,350; and the bounds of it."""


def plant_effect(session: Session, day: dt.date) -> None:
    """Plant three offers that were over on a day, of which the drawn used more."""
    for number, offer in enumerate(OFFERS, 1):
        for arm, count in zip(ARMS, offer, strict=True):
            session.add(PilotNumber(day=day, shop_id=uuid.UUID(int=number), counted=arm, grade=0, count=count))


def plant_target(session: Session, measure: str, period: Period, value: int) -> None:
    """Plant a target that two of staff fixed before a period began."""
    before = period.begins - dt.timedelta(hours=1)
    target = propose_target(
        session, measure, since=str(period), value=value, reason="Assez", staff_id=uuid.UUID(int=1), now=before
    )
    approve_target(session, target.id, staff_id=uuid.UUID(int=2), now=before)
