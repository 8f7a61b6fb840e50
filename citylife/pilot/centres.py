"""The share of active shops outside the two centres gives way to the areas that it would tell of.

Béthune and Bruay-la-Buissière are publication areas of their own, and a shop lies in one area: where the share is told
beside the count it is of, what the two areas add up to is known, and what all others do (ADR 67).
"""

from collections.abc import Mapping, Sequence
from typing import Final

from citylife.pilot.areas import area_of
from citylife.pilot.cells import (
    AGGLOMERATION,
    FEWEST_MERCHANTS,
    About,
    Cell,
    Figure,
    Range,
    keeps_secret,
    meant_by,
    meant_by_ratio,
)
from citylife.pilot.periods import Frequency, Period, month_of
from citylife.pilot.stocks import CENTRES

SHARE: Final = "active-outside-centres"
OF: Final = "active-merchants"


def share_betrays(share: Figure, cells: Sequence[Cell], told: Mapping[tuple[str, str], Figure]) -> bool:
    """Whether a share, if told, would tell of areas that are not; of the cells, those of the count it is of matter.

    A week that ends with its month always does: the month's areas are of the same day, and may be told later.
    """
    if share.period.frequency is Frequency.WEEKLY:
        return _ends_with_its_month(share.period)
    whole = told[OF, AGGLOMERATION].value
    if share.value is None or whole is None:
        return False
    centres = {area_of(insee_code).code for insee_code in CENTRES}
    outside, inside = meant_by_ratio(share.value, whole, 100, About.MERCHANTS)
    of_areas = [each for each in cells if each.key == OF and each.territory != AGGLOMERATION]
    return not (
        _keeps(outside, [each for each in of_areas if each.territory not in centres], told)
        and _keeps(inside, [each for each in of_areas if each.territory in centres], told)
    )


def _ends_with_its_month(week: Period) -> bool:
    return month_of(week.last).end == week.end


def _keeps(whole: Range, cells: Sequence[Cell], told: Mapping[tuple[str, str], Figure]) -> bool:
    """Whether the areas of a group that are not told stay secret where their total with the others lies in a range."""
    values = [told[OF, each.territory].value for each in cells]
    hidden = [each for each, value in zip(cells, values, strict=True) if value is None]
    if not hidden:
        return True
    left = whole.high - sum(meant_by(value, About.MERCHANTS).low for value in values if value is not None)
    shops = sum(each.value for each in hidden)
    return len(hidden) > 1 and shops >= FEWEST_MERCHANTS and keeps_secret(Range(0, left), About.MERCHANTS)
