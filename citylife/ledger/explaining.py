"""What one row of the ledger tells a citizen: why she heard of an offer or not, and which setting would change it."""

import datetime as dt
from collections.abc import Sequence
from typing import Final

from citylife.ledger.reading import DecisionRow
from citylife.ledger.reasons import SETTINGS, UNPLACED, Setting, held_for_now, sentence_for, told_otherwise, what_became
from citylife.ledger.tables import Outcome, Reason
from citylife.wording import Sentence

AS_NORMAL: Final = frozenset({Reason.FOLLOWS, Reason.DRAWN})
"""Why a shop followed « nearby » tells somebody without a place, as one that is followed as usual."""


def explained(row: DecisionRow, *, now: dt.datetime) -> tuple[Sequence[Sentence], Setting | None]:
    """The reason, how she heard all the same, and the setting of hers that would change it; None where none would.

    What was sent and has reached no device of hers says so, and so does what a stop holds for now.
    """
    told, setting = [sentence_for(row.reason, row.shop_name or "", a_day=row.a_day)], SETTINGS[row.reason]
    if row.unplaced and row.reason in AS_NORMAL:
        told.append(Sentence(UNPLACED))
        setting = Setting.PLACES if setting is Setting.LEVEL else setting
    otherwise = told_otherwise(aside=row.aside, told_by=row.told_by)
    became = what_became([part.state for part in row.deliveries], until=row.until, now=now)
    if row.held_by is not None:
        now_held = held_for_now(row.held_by, row.shop_name or "")
        return ([*told, *now_held] if row.outcome is Outcome.SEND else now_held), None
    if otherwise is not None:
        told.append(otherwise)
    elif became is not None and row.outcome is Outcome.SEND:
        told.append(became[0])
        setting = became[1]
    return told, setting
