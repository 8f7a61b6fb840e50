"""What is known of a measure: all that was ever told of it, and what anybody can compute of the rest.

A count that is not told is looked at in the range that is left for it, also one of a period that will only be told
later: it may turn out small, and what was told cannot be taken back. Attackers are thought of in two ways: as believing
everything that was ever told, as far as it agrees, and as believing only the last version of each period.
"""

import datetime as dt
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from citylife.pilot.cells import AGGLOMERATION, FEWEST_PERSONS, About, Kind, Range, keeps_secret
from citylife.pilot.periods import Frequency, Period, month_of, week_of
from citylife.pilot.timeline import Bound, Timeline

UNKNOWN: Final = Range()
SMALL: Final = Range(0, FEWEST_PERSONS - 1)
LARGE: Final = Range(FEWEST_PERSONS)
Cells = Mapping[str, Range | None]
"""What is told by territory; nothing where it is hidden."""


class Belief(Enum):
    """What an attacker believes."""

    EVERYTHING = "everything"
    LAST_VERSIONS = "last-versions"


@dataclass(frozen=True, slots=True)
class Record:
    """What one version of a period told of a territory; nothing where it was hidden."""

    territory: str
    period: Period
    version: int
    within: Range | None


def beliefs_of(records: Iterable[Record], coming: Period) -> Iterable[Belief]:
    """The ways of believing; as long as no period has two versions, they are one."""
    again = any(record.version > 1 or record.period == coming for record in records)
    return Belief if again else (Belief.EVERYTHING,)


def knowledge_of(
    kind: Kind, about: About, records: Sequence[Record], belief: Belief, period: Period
) -> "FlowKnowledge | StockKnowledge":
    """What is known of a measure beside a period's coming version, from its records in the order they were told."""
    believed = list(believed_of(records, belief, period))
    return (
        FlowKnowledge(believed, period, about) if kind is Kind.FLOW else StockKnowledge(believed, period, about, kind)
    )


def believed_of(records: Sequence[Record], belief: Belief, overtaken: Period | None = None) -> Iterator[Record]:
    """The records that are believed, those told last first; of what is overtaken, the last version is not the last."""
    last: dict[Period, int] = {}
    for record in records:
        last[record.period] = max(record.version, last.get(record.period, 0))
    for record in reversed(records):
        if belief is Belief.EVERYTHING or (record.version == last[record.period] and record.period != overtaken):
            yield record


def told_of(records: Iterable[Record]) -> dict[Period, dict[str, Range | None]]:
    """What is known of each cell: what was told last of it, narrowed by what was told before where that agrees."""
    told: dict[Period, dict[str, Range | None]] = {}
    for record in records:
        cells = told.setdefault(record.period, {})
        cells[record.territory] = _both(cells.get(record.territory), record.within)
    return told


def _both(later: Range | None, earlier: Range | None) -> Range | None:
    if later is None or earlier is None:
        return later or earlier
    return (later & earlier) or later


class FlowKnowledge:
    """Of a measure whose days add up: months and weeks share a timeline, and areas add up to their month."""

    def __init__(self, records: Sequence[Record], period: Period, about: About) -> None:
        self._told = told_of(records)
        self._period, self._about = period, about
        self._before = self._told.pop(period, {})
        bounds = bounds_of(self._told, records)
        periods = calendar_of({period, *self._told})
        self._timeline = Timeline((day for each in periods for day in (each.first, each.end)), bounds)
        self._open = [
            each for each in periods if each != period and self._told.get(each, {}).get(AGGLOMERATION) is None
        ]
        self._parted = [(each, areas) for each, cells in self._told.items() if None in (areas := _areas(cells))]

    def betrays(self, told: Cells, small: Collection[str] = ()) -> bool:
        """Whether a count that is not told would no longer be secret, if this were told of the period.

        `small` are the territories whose counts are hidden for themselves: whoever knows the rules may guess which.
        """
        now = {territory: _both(within, self._before.get(territory)) for territory, within in told.items()}
        timeline, more = self._timeline, _bound(self._period, now)
        if more is not None and not timeline.agrees(more):
            timeline, more = timeline.believing(more), None
        hidden = self._open if now.get(AGGLOMERATION) else [*self._open, self._period]
        if not all(keeps_secret(timeline.range_of(each.first, each.end, more), self._about) for each in hidden):
            return True
        whole = timeline.range_of(self._period.first, self._period.end, more)
        if not _areas_keep(whole, _areas(now), self._about) or not _small_keep(whole, now, small, adds=True):
            return True
        if self._about is About.CITIZENS and not self._weeks_keep(whole):
            return True
        return not all(
            _areas_keep(timeline.range_of(month.first, month.end, more), areas, self._about)
            for month, areas in self._parted
        )

    def _weeks_keep(self, whole: Range) -> bool:
        """Whether the weeks that touch a month stay secret of who takes every silent one for a small one.

        The last may only be told after the month, and may be small too.
        """
        if self._period.frequency is Frequency.WEEKLY:
            return True
        weeks = [each for each in calendar_of({self._period}) if each.frequency is Frequency.WEEKLY]
        silent = [week for week in weeks if week in self._told and self._told[week].get(AGGLOMERATION) is None]
        return not silent or whole.low - (sum(self._guessed(week).high for week in weeks) - SMALL.high) <= 0

    def _guessed(self, week: Period) -> Range:
        """What a week is taken for: what was told of it; small, where it is silent or comes after what is told now."""
        if week not in self._told and week.end <= self._period.end:
            return UNKNOWN
        return self._told.get(week, {}).get(AGGLOMERATION) or SMALL


class StockKnowledge:
    """Of distinct persons, or of what stood at an end: periods do not add up, but parts are no more than the whole.

    Shops lie in one area each, so that theirs add up to the whole; persons may count in several.
    """

    def __init__(self, records: Iterable[Record], period: Period, about: About, kind: Kind) -> None:
        self._told = told_of(records)
        self._period, self._about, self._stock = period, about, kind is Kind.STOCK
        self._adds = about is not About.CITIZENS
        self._before = self._told.pop(period, {})

    def betrays(self, told: Cells, small: Collection[str] = ()) -> bool:
        """Whether a count that is not told would no longer be secret, if this were told of the period.

        `small` are the territories whose counts are hidden for themselves: whoever knows the rules may guess which.
        """
        now = {territory: _both(within, self._before.get(territory)) for territory, within in told.items()}
        known: dict[Period, Cells] = {**self._told, self._period: now}
        month = self._month()
        if month is None:
            return False
        cells = known.get(month, {})
        areas, weeks = _areas(cells), [known.get(week, {}).get(AGGLOMERATION) for week in self._weeks(month)]
        whole = self._whole(cells.get(AGGLOMERATION), areas, weeks)
        if not _areas_keep(whole, areas, self._about, adds=self._adds):
            return True
        if month == self._period and not _small_keep(whole, now, small, adds=self._adds):
            return True
        if self._hidden(month, known) and not keeps_secret(whole, self._about):
            return True
        week = whole if self._stock else Range(0, whole.high)
        hidden = any(self._hidden(each, known) for each in self._weeks(month))
        return hidden and not keeps_secret(week, self._about)

    def _hidden(self, period: Period, known: Mapping[Period, Cells]) -> bool:
        """Whether a period is hidden, or not told yet; what will be told of the same day is the same, and no secret."""
        if period not in known and self._stock:
            return False
        return known.get(period, {}).get(AGGLOMERATION) is None

    def _whole(self, told: Range | None, areas: Sequence[Range | None], weeks: Sequence[Range | None]) -> Range:
        """What the month's count for the agglomeration can be."""
        whole = told or UNKNOWN
        for week in weeks:
            if week is not None:
                whole = (whole & (week if self._stock else Range(week.low))) or whole
        lows, highs = _lows_and_highs(areas)
        least = lows if self._adds else max((area.low for area in areas if area is not None), default=0)
        return (whole & Range(least, highs if areas and None not in areas else math.inf)) or whole

    def _month(self) -> Period | None:
        """The month that the period has to do with: itself, the one it lies in, or the one it ends with."""
        month = month_of(self._period.last)
        if self._period == month:
            return month
        related = self._period.end == month.end if self._stock else self._period.first >= month.first
        return month if related else None

    def _weeks(self, month: Period) -> list[Period]:
        """The weeks that lie in a month; for what stands at an end, the one that ends with it."""
        weeks = [each for each in calendar_of({month}) if each.frequency is Frequency.WEEKLY and each.end <= month.end]
        return [week for week in weeks if (week.end == month.end if self._stock else week.first >= month.first)]


def calendar_of(periods: Iterable[Period]) -> list[Period]:
    """Every week and every month that touches the time from the first of the periods to the last."""
    both = list(periods)
    first, last = min(each.first for each in both), max(each.last for each in both)
    return [*_run(week_of(first), last), *_run(month_of(first), last)]


def _run(period: Period, last: dt.date) -> Iterator[Period]:
    while period.first <= last:
        yield period
        period = period.next


def _areas(cells: Cells) -> list[Range | None]:
    return [within for territory, within in cells.items() if territory != AGGLOMERATION]


def _lows_and_highs(areas: Iterable[Range | None]) -> tuple[int, float]:
    """The sums of the least and of the most that told areas can be."""
    told = [area for area in areas if area is not None]
    return sum(area.low for area in told), sum(area.high for area in told)


def bounds_of(told: Mapping[Period, Cells], records: Iterable[Record]) -> list[Bound]:
    """What is known of days from what was told of periods, that first of which something was told last."""
    by_last_told = dict.fromkeys(record.period for record in records if record.within)
    return [bound for period in by_last_told if period in told for bound in _bounds(period, told[period])]


def _bounds(period: Period, cells: Cells) -> list[Bound]:
    """What a period's cells say of its days: the total as it was told, and the total that its areas add up to."""
    bounds = []
    if (whole := cells.get(AGGLOMERATION)) is not None:
        bounds.append(Bound(period.first, period.end, whole))
    areas = _areas(cells)
    lows, highs = _lows_and_highs(areas)
    if lows:
        bounds.append(Bound(period.first, period.end, Range(lows, math.inf if None in areas else highs)))
    return bounds


def _bound(period: Period, cells: Cells) -> Bound | None:
    """The same in one; where areas do not add up to the total that is told, the total."""
    bounds = _bounds(period, cells)
    if not bounds:
        return None
    both = bounds[0].within & bounds[-1].within
    return Bound(period.first, period.end, both or bounds[0].within)


def _areas_keep(whole: Range, areas: Sequence[Range | None], about: About, *, adds: bool = True) -> bool:
    """Whether the areas that are not told stay secret, where the whole lies in a range.

    Each can be as much as the told ones leave. As long as there are two, each can be nothing.
    """
    if None not in areas:
        return True
    lows, highs = _lows_and_highs(areas)
    least = max(0, int(whole.low - highs)) if areas.count(None) == 1 else 0
    left = Range(least, whole.high - lows if adds else whole.high)
    return not left or keeps_secret(left, about)


def _small_keep(whole: Range, cells: Cells, small: Collection[str], *, adds: bool) -> bool:
    """Whether small areas stay secret of who can tell them from those that are hidden for their sake.

    She knows that the former are no more than ten, and the latter more. Once nothing is told, she cannot tell.
    """
    if not small or all(within is None for within in cells.values()):
        return True
    known = [
        within or (SMALL if territory in small else LARGE)
        for territory, within in cells.items()
        if territory != AGGLOMERATION
    ]
    lows, highs = _lows_and_highs(known)
    return whole.low - (highs - SMALL.high) <= 0 and whole.high - (lows if adds else 0) >= SMALL.high
