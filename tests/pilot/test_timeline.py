"""A timeline knows of sums of days what brute force knows."""

import datetime as dt
import itertools
import math

from hypothesis import given, settings
from hypothesis import strategies as st

from citylife.pilot.cells import Range
from citylife.pilot.timeline import Bound, Timeline

FIRST = dt.date(2027, 2, 1)
MANY = 8
"""More than any bound is of."""
DAYS = [FIRST + dt.timedelta(days=number) for number in range(4)]


@st.composite
def some_bounds(draw: st.DrawFn) -> list[Bound]:
    """Up to four sums of days between 1 and 4 February that are known; some of them disagree."""
    found = []
    for _ in range(draw(st.integers(1, 4))):
        first, end = sorted(draw(st.lists(st.sampled_from(DAYS), min_size=2, max_size=2, unique=True)))
        low = draw(st.integers(0, 4))
        found.append(Bound(first, end, Range(low, draw(st.sampled_from([low, low + 1, low + 3])))))
    return found


def agreeing(bounds: list[Bound]) -> list[tuple[int, ...]]:
    """Every way to fill three days with 0 to 8 events that agrees with the bounds."""
    return [
        counts
        for counts in itertools.product(range(MANY + 1), repeat=len(DAYS) - 1)
        if all(
            bound.within.low <= sum(counts[DAYS.index(bound.first) : DAYS.index(bound.end)]) <= bound.within.high
            for bound in bounds
        )
    ]


def believed(bounds: list[Bound]) -> list[Bound]:
    """Those that agree with the ones before them."""
    kept: list[Bound] = []
    for bound in bounds:
        if agreeing([*kept, bound]):
            kept.append(bound)
    return kept


def range_by_force(bounds: list[Bound], first: dt.date, end: dt.date) -> Range:
    sums = {sum(counts[DAYS.index(first) : DAYS.index(end)]) for counts in agreeing(bounds)}
    assert sums == set(range(min(sums), max(sums) + 1)), "each value between is possible too"
    return Range(min(sums), math.inf if max(sums) >= MANY else max(sums))


@settings(max_examples=60)
@given(some_bounds())
def test_ranges_are_what_all_ways_to_fill_the_days_leave(bounds):
    timeline = Timeline(DAYS, bounds)
    for first, end in itertools.combinations(DAYS, 2):
        found, by_force = timeline.range_of(first, end), range_by_force(believed(bounds), first, end)
        assert found.low == by_force.low
        assert found.high == by_force.high or (found.high >= MANY and math.isinf(by_force.high))


@given(some_bounds(), some_bounds())
def test_one_bound_more_is_the_same_as_having_had_it_from_the_first(bounds, others):
    more, timeline = others[0], Timeline(DAYS, bounds)
    anew = timeline.believing(more)
    for first, end in itertools.combinations(DAYS, 2):
        assert more.within.low <= anew.range_of(more.first, more.end).high
        if timeline.agrees(more):
            assert timeline.range_of(first, end, more) == anew.range_of(first, end)


def test_what_is_told_last_is_believed_where_bounds_disagree():
    earlier, later = Bound(DAYS[0], DAYS[1], Range(20, 24)), Bound(DAYS[0], DAYS[2], Range(11, 12))
    assert Timeline(DAYS, [later, earlier]).range_of(DAYS[0], DAYS[1]) == Range(0, 12)
    assert Timeline(DAYS, [earlier]).believing(later).range_of(DAYS[0], DAYS[1]) == Range(0, 12)
    assert Timeline(DAYS, [earlier, later]).range_of(DAYS[0], DAYS[2]) == Range(20, math.inf)
