"""Nothing that is hidden is narrowed by all that was ever told, says an attacker with an integer solver."""

import datetime as dt
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citylife.pilot import secrecy
from citylife.pilot.cells import AGGLOMERATION, Figure, Kind
from citylife.pilot.parted import ComingParts
from citylife.pilot.periods import month_of, week_of
from citylife.pilot.secrecy import protect
from tests.pilot.attack import narrowed, narrowed_parts
from tests.pilot.small_towns import (
    KEY,
    RATIO,
    a_count,
    a_ratio_of,
    a_small_town,
    persons,
    told_in_disorder,
    told_with_ratios,
    values_of,
)

NOVEMBER = month_of(dt.date(2026, 11, 1))
FEBRUARY = month_of(dt.date(2027, 2, 1))
"""It begins on a Monday and has four weeks."""
WEEKS = [week_of(dt.date(2027, 2, day)) for day in (1, 8, 15, 22)]


@pytest.fixture
def without_secondary(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is small itself is hidden."""
    monkeypatch.setattr(secrecy, "_giving_way", lambda _values, _hidden, _betrays: set())


@pytest.fixture
def without_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a ratio is made of is looked at by itself, and not beside its base."""
    monkeypatch.setattr(ComingParts, "betrays", lambda *_: False)


def of_november(**counts: int) -> list[Figure]:
    cells = [a_count(AGGLOMERATION, NOVEMBER, sum(counts.values()))]
    return protect([*cells, *(a_count(area, NOVEMBER, value) for area, value in counts.items())])


def of_february(*weekly: int, month_first: bool = False) -> list[Figure]:
    told: list[Figure] = []
    cells = [a_count(AGGLOMERATION, week, value) for week, value in zip(WEEKS, weekly, strict=True)]
    month = [a_count(AGGLOMERATION, FEBRUARY, sum(weekly))]
    for each in [month, *([cell] for cell in cells)] if month_first else [*([cell] for cell in cells), month]:
        told += protect(each, told)
    return told


def of_a_month_and_its_first_week() -> list[Figure]:
    """Half of sixty in the month, of which thirty are in a week of thirty-five: five there are not of that half."""
    told: list[Figure] = []
    for period, part, base in ((FEBRUARY, 30, 60), (WEEKS[0], 30, 35)):
        whole = a_count(AGGLOMERATION, period, base)
        told += protect([whole, a_ratio_of(part, whole)], told)
    return told


def parts_of_a_town(seed: int) -> list[str]:
    """What is narrowed of what the ratios of a town are made of."""
    chance = random.Random(seed)
    told = told_with_ratios(a_small_town(chance, times=3), chance)
    assert [figure.value for figure in told if figure.key == RATIO and figure.value is not None] != []
    return [found for last in (False, True) for found in narrowed_parts(told, RATIO, KEY, 100, only_last=last)]


def of_persons(chance: random.Random, kind: Kind) -> list[Figure]:
    told: list[Figure] = []
    for _, cells in persons(chance, kind):
        told += protect(cells, told)
    return told


def test_one_small_area_is_not_the_total_less_the_others():
    told = of_november(Z01=12, Z02=12, Z03=1)
    assert narrowed(told, Kind.FLOW, thoroughly=True) == []
    assert values_of(told)["Z03"] is None


def test_without_secondary_suppression_it_is(without_secondary):
    told = of_november(Z01=12, Z02=12, Z03=1)
    assert values_of(told) == {AGGLOMERATION: 25, "Z01": 10, "Z02": 10, "Z03": None}
    assert narrowed(told, Kind.FLOW, thoroughly=True) == ["Z03 2026-11 v1: never [6, 7, 8, 9, 10]"]


@pytest.mark.parametrize("month_first", [False, True])
def test_one_small_week_is_not_the_month_less_the_others(month_first):
    told = of_february(20, 13, 1, 14, month_first=month_first)
    assert narrowed(told, Kind.FLOW, thoroughly=True) == []


def test_what_comes_later_gives_way():
    weeks_first, month_first = of_february(20, 13, 1, 14), of_february(20, 13, 1, 14, month_first=True)
    assert [figure.value for figure in weeks_first] == [20, 15, None, 15, None]
    assert month_first[0].value == 50
    assert [figure.value for figure in month_first[1:]].count(None) > 1


@pytest.mark.parametrize("month_first", [False, True])
def test_without_secondary_suppression_a_week_is_told_by_its_month(without_secondary, month_first):
    assert narrowed(of_february(20, 13, 1, 14, month_first=month_first), Kind.FLOW) != []


def test_towns_told_in_disorder_betray_nobody():
    hidden = 0
    for seed in range(6):
        chance = random.Random(seed)
        told = told_in_disorder(a_small_town(chance), chance)
        assert narrowed(told, Kind.FLOW) == []
        assert narrowed(told, Kind.FLOW, only_last=True) == []
        hidden += [figure.value for figure in told].count(None)
    assert hidden > 20


def test_a_week_gives_way_whose_base_would_tell_how_many_its_hidden_ratio_is_of():
    told = of_a_month_and_its_first_week()
    assert [figure.value for figure in told] == [60, 50, None, None]
    assert narrowed_parts(told, RATIO, KEY, 100, thoroughly=True) == []


def test_a_ratio_that_is_looked_at_without_its_base_betrays(without_parts):
    told = of_a_month_and_its_first_week()
    assert [figure.value for figure in told] == [60, 50, 35, None]
    assert narrowed_parts(told, RATIO, KEY, 100, thoroughly=True) == ["rest of nearby-share 2027-W05 v1: never [0]"]


@pytest.mark.parametrize("seed", [5, 24])
def test_towns_with_ratios_betray_nobody(seed):
    assert parts_of_a_town(seed) == []


@pytest.mark.long
@pytest.mark.parametrize("seed", [6, 19, 101, 104, 107])
def test_more_towns_with_ratios_betray_nobody(seed):
    assert parts_of_a_town(seed) == []


@pytest.mark.long
@pytest.mark.parametrize("seed", [5, 6, 19, 24])
def test_towns_whose_ratios_are_looked_at_without_their_bases_betray_somebody(without_parts, seed):
    assert parts_of_a_town(seed) != []


@pytest.mark.parametrize("kind", [Kind.DISTINCT, Kind.STOCK])
def test_distinct_persons_are_not_betrayed(kind):
    for seed in range(8):
        assert narrowed(of_persons(random.Random(seed), kind), kind) == []


def test_without_secondary_suppression_distinct_persons_are(without_secondary):
    month = [a_count(AGGLOMERATION, NOVEMBER, 40, Kind.DISTINCT)]
    areas = [a_count(area, NOVEMBER, value, Kind.DISTINCT) for area, value in (("Z01", 15), ("Z02", 15), ("Z03", 10))]
    assert narrowed(protect([*month, *areas]), Kind.DISTINCT) == ["Z03 2026-11 v1: never [0]"]


@pytest.mark.long
@settings(max_examples=80, deadline=None)
@given(st.randoms(use_true_random=False))
def test_no_town_betrays_anybody(chance):
    told = told_in_disorder(a_small_town(chance), chance)
    assert narrowed(told, Kind.FLOW, thoroughly=True) == []
    assert narrowed(told, Kind.FLOW, only_last=True, thoroughly=True) == []


@pytest.mark.long
@settings(max_examples=200, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from([Kind.DISTINCT, Kind.STOCK]))
def test_no_month_of_persons_betrays_anybody(chance, kind):
    assert narrowed(of_persons(chance, kind), kind, thoroughly=True) == []


@pytest.mark.long
def test_without_secondary_suppression_many_towns_betray_somebody(without_secondary):
    betrayed = 0
    for seed in range(20):
        chance = random.Random(seed)
        betrayed += narrowed(told_in_disorder(a_small_town(chance), chance), Kind.FLOW) != []
    assert betrayed >= 5
