"""What ratios tell together with their bases: a base is of two parts, the one that is counted and the rest beside it.

What was told bounds the running totals of all three. That two add up to the third couples them, so that no shortest
way gives the range that is left; but where one is held still, bounds on another are again bounds on differences
(`citylife.pilot.timeline`). So examples are made of what the days may have been, and what is possible beside one of
them is possible. Something may be taken for betrayed that is not, never the other way round.
"""

import datetime as dt
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from citylife.pilot.cells import AGGLOMERATION, FEWEST_PERSONS, Range
from citylife.pilot.knowledge import Belief, Cells, Record, believed_of, bounds_of, calendar_of, told_of
from citylife.pilot.periods import Period
from citylife.pilot.timeline import Bound, Timeline


class Side(Enum):
    """Which of the three counts."""

    BASE = "base"
    PART = "part"
    REST = "rest"


@dataclass(frozen=True, slots=True)
class Untold:
    """A count that is not told."""

    side: Side
    period: Period


class ComingParts:
    """What is known of a base of persons and of its two parts, beside a period's coming version."""

    def __init__(
        self, bases: Sequence[Record], parts: tuple[Sequence[Record], Sequence[Record]], period: Period, version: int
    ) -> None:
        self._before = dict(zip(Side, (bases, *parts), strict=True))
        self._period, self._version = period, version
        self._silently: dict[Belief, set[Untold]] = {}

    def betrays(self, told: Cells, parts: tuple[Range | None, Range | None] = (None, None)) -> bool:
        """Whether a count that is not told would no longer be secret if this were told of the period, and is if not.

        `told` is what is told of the base by territory, `parts` what a told ratio says of the part and of the rest. As
        long as no ratio is told, all is known of a base that its own figures say.
        """
        if None in parts and not any(record.within for record in self._before[Side.PART]):
            return False
        coming = dict(zip(Side, (told, *({AGGLOMERATION: within} for within in parts)), strict=True))
        again = self._version > 1 or any(record.version > 1 for record in self._before[Side.BASE])
        for belief in Belief if again else (Belief.EVERYTHING,):
            found = self._betrayed(belief, coming)
            if found and not found <= self._betrayed_in_silence(belief):
                return True
        return False

    def _betrayed_in_silence(self, belief: Belief) -> set[Untold]:
        if belief not in self._silently:
            self._silently[belief] = self._betrayed(belief, {})
        return self._silently[belief]

    def _betrayed(self, belief: Belief, coming: Mapping[Side, Cells]) -> set[Untold]:
        records = {
            side: [
                *self._before[side],
                *(Record(where, self._period, self._version, within) for where, within in coming.get(side, {}).items()),
            ]
            for side in Side
        }
        return betrayed_by(records, belief)


def betrayed_by(records: Mapping[Side, Sequence[Record]], belief: Belief) -> set[Untold]:
    """What of persons is betrayed by all that was told, of bases, parts and rests, in the order it was told."""
    told: dict[Side, dict[Period, dict[str, Range | None]]] = {}
    bounds: dict[Side, list[Bound]] = {}
    for side in Side:
        believed = list(believed_of(records[side], belief))
        told[side] = told_of(believed)
        bounds[side] = bounds_of(told[side], believed)
    periods = calendar_of({period for each in told.values() for period in each})
    untold = (
        Untold(side, period)
        for period in periods
        for side in Side
        if told[side].get(period, {}).get(AGGLOMERATION) is None
    )
    return PartedKnowledge((day for each in periods for day in (each.first, each.end)), bounds).betrayed(untold)


class PartedKnowledge:
    """Of persons: what is known of a base, of its part and of the rest; of each, what is believed first comes first."""

    def __init__(self, days: Iterable[dt.date], told: Mapping[Side, Sequence[Bound]]) -> None:
        edges = list(days)
        self._told = {side: Timeline(edges, told[side]) for side in Side}
        self._days = self._told[Side.BASE].days

    def betrayed(self, asked: Iterable[Untold]) -> set[Untold]:
        """Those of which not each of 0 to 10 is shown to be possible, unless there are certainly more."""
        return {each for each in asked if not self._keeps(each)}

    def _keeps(self, untold: Untold) -> bool:
        most = self._outer(untold)
        if most.low >= FEWEST_PERSONS:
            return True
        if most.low > 0 or most.high < FEWEST_PERSONS - 1:
            return False
        missing = set(range(FEWEST_PERSONS))
        for example in self._examples(untold):
            for found in example.ranges(untold):
                missing = {value for value in missing if not found.low <= value <= found.high}
            if not missing:
                return True
        return False

    def _outer(self, untold: Untold) -> Range:
        """A range outside of which it certainly is not."""
        base, part, rest = (self._told[side].range_of(untold.period.first, untold.period.end) for side in Side)
        if untold.side is Side.BASE:
            return base & Range(part.low + rest.low, part.high + rest.high)
        this, other = (part, rest) if untold.side is Side.PART else (rest, part)
        return this & _less(base, other)

    def _examples(self, untold: Untold) -> Iterator["_Example"]:
        """What the days may have been; then again with as little in the period as is asked about, and as much."""
        if self._usual is not None:
            yield self._usual
        for many in (0, FEWEST_PERSONS - 1):
            wanted = Bound(untold.period.first, untold.period.end, Range(many, many))
            example = self._by_base(wanted) if untold.side is Side.BASE else self._by_part(untold.side, wanted)
            if example is not None:
                yield example

    @cached_property
    def _usual(self) -> "_Example | None":
        return self._by_base()

    def _by_base(self, *wanted: Bound) -> "_Example | None":
        """An example that begins with what the base may have been: at least what its parts have in all."""
        told, days = self._told, self._days
        whole = Timeline(days, [*wanted, *told[Side.BASE].believed, *self._sums])
        base = whole.an_example()
        part = _part_of(days, told, base)
        if part.disbelieved or not set(told[Side.BASE].believed) <= set(whole.believed):
            return None
        of_it = part.an_example()
        return _Example(days, told, of_it, [many - some for many, some in zip(base, of_it, strict=True)])

    def _by_part(self, side: Side, wanted: Bound) -> "_Example | None":
        """An example that begins with what one part may have been: no more than the base leaves beside the other."""
        told, days, other = self._told, self._days, Side.REST if side is Side.PART else Side.PART
        held = Timeline(days, [wanted, *told[side].believed, *self._left[side]])
        if not {wanted, *told[side].believed} <= set(held.believed):
            return None
        one = held.an_example()
        beside = _beside_a_part(days, told, other, one)
        if beside.disbelieved:
            return None
        parts = {side: one, other: beside.an_example()}
        return _Example(days, told, parts[Side.PART], parts[Side.REST])

    @cached_property
    def _sums(self) -> list[Bound]:
        """What a part and the rest beside it say of their base."""
        part, rest = self._told[Side.PART], self._told[Side.REST]
        found = []
        for edges in self._known(Side.PART, Side.REST):
            some, others = part.range_of(*edges), rest.range_of(*edges)
            found.append(Bound(*edges, Range(some.low + others.low, some.high + others.high)))
        return found

    @cached_property
    def _left(self) -> dict[Side, list[Bound]]:
        """What the base and one part say of the other."""
        base = self._told[Side.BASE]
        return {
            side: [Bound(*edges, _less(base.range_of(*edges), beside.range_of(*edges))) for edges in self._known(*Side)]
            for side, beside in ((Side.PART, self._told[Side.REST]), (Side.REST, self._told[Side.PART]))
        }

    def _known(self, *sides: Side) -> Iterable[tuple[dt.date, dt.date]]:
        """From when until when something is known, and from each edge to the next."""
        known = [(bound.first, bound.end) for side in sides for bound in self._told[side].believed]
        return dict.fromkeys([*known, *itertools.pairwise(self._days)])


@dataclass
class _Example:
    """Of the days between each edge and the next: how much the part and the rest may have been, as far as is known."""

    days: Sequence[dt.date]
    told: Mapping[Side, Timeline]
    part: Sequence[int]
    rest: Sequence[int]

    def ranges(self, untold: Untold) -> Iterator[Range]:
        """What a count can be where the rest, the part or the base is held still."""
        edges = untold.period.first, untold.period.end
        part, rest = (_sum(each, self.days, *edges) for each in (self.part, self.rest))
        if untold.side is Side.BASE:
            yield _more(self._part_beside_the_rest.range_of(*edges), rest)
            yield _more(self._rest_beside_the_part.range_of(*edges), part)
        elif untold.side is Side.PART:
            yield self._part_beside_the_rest.range_of(*edges)
            yield self._part_of_the_base.range_of(*edges)
        else:
            yield self._rest_beside_the_part.range_of(*edges)
            of_base = self._part_of_the_base.range_of(*edges)
            yield Range(part + rest - int(of_base.high), part + rest - of_base.low)

    @cached_property
    def _part_beside_the_rest(self) -> Timeline:
        return _beside_a_part(self.days, self.told, Side.PART, self.rest)

    @cached_property
    def _rest_beside_the_part(self) -> Timeline:
        return _beside_a_part(self.days, self.told, Side.REST, self.part)

    @cached_property
    def _part_of_the_base(self) -> Timeline:
        base = [some + others for some, others in zip(self.part, self.rest, strict=True)]
        return _part_of(self.days, self.told, base)


def _part_of(days: Sequence[dt.date], told: Mapping[Side, Timeline], base: Sequence[int]) -> Timeline:
    """What the part may be where the base is held still: no more than it, and what the rest leaves of it."""
    no_more = [Bound(*edges, Range(0, most)) for edges, most in zip(itertools.pairwise(days), base, strict=True)]
    beside = [
        Bound(bound.first, bound.end, _less(Range(many, many), bound.within))
        for bound in told[Side.REST].believed
        for many in [_sum(base, days, bound.first, bound.end)]
    ]
    return Timeline(days, [*no_more, *told[Side.PART].believed, *beside])


def _beside_a_part(
    days: Sequence[dt.date], told: Mapping[Side, Timeline], side: Side, other: Sequence[int]
) -> Timeline:
    """What one part may be where the other is held still."""
    left = [
        Bound(bound.first, bound.end, _more(bound.within, -_sum(other, days, bound.first, bound.end)))
        for bound in told[Side.BASE].believed
    ]
    return Timeline(days, [*told[side].believed, *left])


def _sum(counts: Sequence[int], days: Sequence[dt.date], first: dt.date, end: dt.date) -> int:
    return sum(count for count, day in zip(counts, days, strict=False) if first <= day < end)


def _less(whole: Range, other: Range) -> Range:
    """What is left of a whole beside another part of it."""
    return Range(0 if other.high == math.inf else max(0, whole.low - int(other.high)), whole.high - other.low)


def _more(within: Range, many: int) -> Range:
    return Range(max(0, within.low + many), within.high + many)
