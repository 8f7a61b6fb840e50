"""What is left for a base and its two parts, told together."""

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from citylife.pilot.cells import Range
from citylife.pilot.parted import PartedKnowledge, Side, Untold
from citylife.pilot.periods import week_of
from citylife.pilot.timeline import Bound, Timeline

WEEK = week_of(dt.date(2027, 2, 1))
EDGES = [WEEK.first, WEEK.end]
ANYTHING = Range()


def known_of_a_week(base: Range, part: Range = ANYTHING, rest: Range = ANYTHING) -> set[Side]:
    """Which of the three are betrayed, where so much is known of a week."""
    told = {side: [Bound(WEEK.first, WEEK.end, within)] for side, within in zip(Side, (base, part, rest), strict=True)}
    return {each.side for each in PartedKnowledge(EDGES, told).betrayed(Untold(side, WEEK) for side in Side)}


def test_what_a_base_leaves_beside_one_part_tells_the_other():
    assert known_of_a_week(Range(33, 37)) == set()
    assert known_of_a_week(Range(33, 37), rest=Range(0, 33)) == set()
    assert known_of_a_week(Range(33, 37), rest=Range(0, 32)) == {Side.PART}
    assert known_of_a_week(Range(33, 37), rest=Range(25, 40)) == set()
    assert known_of_a_week(Range(33, 37), rest=Range(28, 40)) == {Side.PART}


def test_what_is_certainly_eleven_or_more_is_no_secret():
    assert known_of_a_week(Range(33, 37), rest=Range(0, 22)) == set()
    assert known_of_a_week(Range(33, 37), rest=Range(0, 23)) == {Side.PART}


def test_a_base_that_is_not_told_is_kept_beside_its_parts():
    assert known_of_a_week(ANYTHING) == set()
    assert known_of_a_week(ANYTHING, part=Range(0, 4), rest=Range(0, 5)) == {Side.BASE, Side.PART, Side.REST}
    assert known_of_a_week(ANYTHING, part=Range(0, 10), rest=Range(1, 20)) == {Side.BASE, Side.REST}


@given(st.lists(st.integers(0, 30), min_size=2, max_size=9), st.data())
def test_an_example_agrees_with_everything_that_is_known(counts, data):
    first = dt.date(2027, 2, 1)
    days = [first + dt.timedelta(days=number) for number in range(len(counts) + 1)]
    bounds = []
    for _ in range(data.draw(st.integers(0, 8))):
        begin = data.draw(st.integers(0, len(counts) - 1))
        end = data.draw(st.integers(begin + 1, len(counts)))
        truly = sum(counts[begin:end])
        low, high = truly - data.draw(st.integers(0, 5)), truly + data.draw(st.integers(0, 5) | st.just(float("inf")))
        bounds.append(Bound(days[begin], days[end], Range(max(0, low), high)))

    example = Timeline(days, bounds).an_example()

    assert len(example) == len(counts)
    assert min(example) >= 0
    for bound in bounds:
        found = sum(example[days.index(bound.first) : days.index(bound.end)])
        assert bound.within.low <= found <= bound.within.high
