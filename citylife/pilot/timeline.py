"""What sums of days tell of each other: the exact range of any sum, from the ranges of others that are known.

Let C be the running total at each midnight: it never falls, and a known sum of the days from i until j says
low ≤ C(j) − C(i) ≤ high. Such bounds on differences are the edges of a graph; the largest C(b) − C(a) that agrees with
all of them is the shortest way from a to b, and whole where the bounds are (Bellman 1958; Cormen et al., « Difference
constraints and shortest paths »). So no solver is needed to know what an attacker with one can know.
"""

import datetime as dt
import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from citylife.pilot.cells import Range

_Edge = tuple[int, int, float]
BEYOND: Final = 100
"""How much more than all that is known an example may have where there is no end to what may be."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The sum of the days from `first` until `end` (not among them) lies in a range."""

    first: dt.date
    end: dt.date
    within: Range


class Timeline:
    """Running totals of which some differences are known; distances are worked out once, when they are asked for.

    Where bounds disagree (what was told later shows that something told earlier was wrong), the first given are
    believed, and of the others those that agree with them.
    """

    def __init__(self, days: Iterable[dt.date], bounds: Sequence[Bound]) -> None:
        self._bounds = tuple(bounds)
        self._days = sorted({*days, *(bound.first for bound in bounds), *(bound.end for bound in bounds)})
        self._number = {day: number for number, day in enumerate(self._days)}
        self._away: dict[int, list[float]] = {}
        self.disbelieved: tuple[Bound, ...] = ()
        self._edges = self._believed()

    @property
    def days(self) -> Sequence[dt.date]:
        """The edges of all periods, in their order."""
        return self._days

    @property
    def believed(self) -> list[Bound]:
        """The bounds that are believed, in their order."""
        return [bound for bound in self._bounds if bound not in self.disbelieved]

    def range_of(self, first: dt.date, end: dt.date, more: Bound | None = None) -> Range:
        """What the sum of the days from `first` until `end` can be, knowing one bound more that agrees with the others.

        All days are edges of periods that the timeline was made with.
        """
        here, there = self._number[first], self._number[end]
        return Range(-int(self._way(there, here, more)), self._way(here, there, more))

    def an_example(self) -> list[int]:
        """Sums of the days between each edge and the next that agree with every bound that is believed.

        They lie halfway between those that come as early and those that come as late as may be: where two running
        totals agree with bounds on differences, so does the one halfway, rounded down. What may be without end ends
        somewhere beyond all that is known.
        """
        ends = {edges: self.range_of(*edges) for edges in itertools.pairwise(self._days)}
        end = Range(0, BEYOND + max((bound.within.low for bound in self._bounds), default=0))
        endless = [Bound(*edges, end) for edges, within in ends.items() if within.high == math.inf]
        ended = Timeline(self._days, [*self.believed, *endless]) if endless else self
        spans = [ended.range_of(self._days[0], day) for day in self._days]
        halfway = [(span.low + int(span.high)) // 2 for span in spans]
        return [later - sooner for sooner, later in itertools.pairwise(halfway)]

    def agrees(self, bound: Bound) -> bool:
        """Whether a bound agrees with those that are believed."""
        return bool(self.range_of(bound.first, bound.end) & bound.within)

    def believing(self, bound: Bound) -> "Timeline":
        """The same with one more bound, which is believed before all others."""
        return Timeline(self._days, [bound, *self._bounds])

    def _way(self, source: int, target: int, more: Bound | None) -> float:
        """The shortest way: one that was there, or one that leads once over what is known more."""
        away = self._from(source)
        if more is None:
            return away[target]
        here, there = self._number[more.first], self._number[more.end]
        return min(
            away[target],
            away[here] + more.within.high + self._from(there)[target],
            away[there] - more.within.low + self._from(here)[target],
        )

    def _from(self, source: int) -> list[float]:
        if source not in self._away:
            self._away[source] = _shortest(len(self._days), source, self._edges)
        return self._away[source]

    def _edges_of(self, bound: Bound) -> list[_Edge]:
        here, there = self._number[bound.first], self._number[bound.end]
        upper = [] if math.isinf(bound.within.high) else [(here, there, bound.within.high)]
        return [*upper, (there, here, -bound.within.low)]

    def _believed(self) -> list[_Edge]:
        """The edges of all bounds where they agree, else of those that agree with the ones before them."""
        never_falls: list[_Edge] = [(number, number - 1, 0) for number in range(len(self._days) - 1, 0, -1)]
        known = [edge for bound in self._bounds for edge in self._edges_of(bound)]
        edges = _in_order([*never_falls, *known])
        if _agree(len(self._days), edges):
            return edges
        edges, disbelieved = never_falls, []
        for bound in self._bounds:
            here, there = self._number[bound.first], self._number[bound.end]
            most = _shortest(len(self._days), here, edges)[there]
            least = -_shortest(len(self._days), there, edges)[here]
            if least <= bound.within.high and bound.within.low <= most and bound.within:
                edges = _in_order([*edges, *self._edges_of(bound)])
            else:
                disbelieved.append(bound)
        self.disbelieved = tuple(disbelieved)
        return edges


def _in_order(edges: Iterable[_Edge]) -> list[_Edge]:
    """Forwards by where they begin, then backwards likewise, so that most ways are found in one or two rounds."""
    return sorted(edges, key=lambda edge: (edge[0] > edge[1], edge[0] if edge[0] < edge[1] else -edge[0]))


def _shortest(count: int, source: int, edges: Iterable[_Edge]) -> list[float]:
    """The shortest ways from a source; the edges have no cycle below zero."""
    away = [math.inf] * count
    away[source] = 0
    shorter = True
    while shorter:
        shorter = False
        for here, there, length in edges:
            if (way := away[here] + length) < away[there]:
                away[there] = way
                shorter = True
    return away


def _agree(count: int, edges: Sequence[_Edge]) -> bool:
    """Whether no cycle is below zero: then some running total agrees with every bound."""
    height = [0.0] * count
    for _ in range(count + 1):
        lower = False
        for here, there, length in edges:
            if (way := height[here] + length) < height[there]:
                height[there] = way
                lower = True
        if not lower:
            return True
    return False
