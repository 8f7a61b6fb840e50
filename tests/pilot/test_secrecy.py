"""What is told of true figures: thresholds, rounding, merchants, ratios, sums, errata; nothing hidden for nothing."""

import dataclasses
import datetime as dt
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citylife.pilot import timeline
from citylife.pilot.areas import areas
from citylife.pilot.cells import (
    AGGLOMERATION,
    About,
    Cell,
    Figure,
    Hidden,
    Kind,
    Quantile,
    Ratio,
    Sum,
    is_small,
    meant_by,
    meant_by_ratio,
    rounded,
    told_ratio,
)
from citylife.pilot.periods import Period, month_of, week_of
from citylife.pilot.secrecy import protect
from tests.pilot.small_towns import a_count, values_of

NOVEMBER = month_of(dt.date(2026, 11, 1))
WEEK = week_of(dt.date(2026, 11, 9))
COUNTS = st.integers(0, 5_000)


def the_only(*true: Cell | Ratio | Quantile) -> Figure:
    (figure,) = protect(true)
    return figure


def of_shops(territory: str, value: int, units: int, largest: int, about: About = About.MERCHANTS) -> Cell:
    return Cell(
        key="offers-published",
        territory=territory,
        period=NOVEMBER,
        value=value,
        about=about,
        kind=Kind.FLOW,
        units=units,
        largest=largest,
    )


def a_ratio(numerator: int, denominator: int, *, base_key: str | None = None, period: Period = NOVEMBER) -> Ratio:
    return Ratio(
        key="nearby-share",
        period=period,
        numerator=numerator,
        denominator=denominator,
        about=About.CITIZENS,
        kind=Kind.FLOW,
        base_key=base_key,
    )


@pytest.mark.parametrize(
    ("value", "told"),
    [(0, None), (1, None), (10, None), (11, 10), (12, 10), (13, 15), (17, 15), (18, 20), (1002, 1000)],
)
def test_a_count_of_persons_is_rounded_to_five_and_hidden_under_eleven_nought_too(value, told):
    figure = the_only(a_count(AGGLOMERATION, WEEK, value))
    assert figure.value == told
    assert figure.reason == (Hidden.STATISTICAL_SECRECY if told is None else None)


@given(st.integers(11, 10_000))
def test_what_a_told_count_means_holds_the_true_one(value):
    meant = meant_by(rounded(value), About.CITIZENS)
    assert meant.low <= value <= meant.high
    assert meant.low >= 11
    assert meant.high - meant.low <= 4


def test_a_figure_has_a_value_or_a_reason_never_both_nor_neither():
    for value, reason in ((None, None), (15, Hidden.STATISTICAL_SECRECY)):
        with pytest.raises(ValueError, match="reason"):
            Figure(key="k", territory=AGGLOMERATION, period=WEEK, version=1, value=value, reason=reason)


def test_the_reason_does_not_say_whether_a_count_is_small_or_hidden_for_anothers_sake():
    cells = [
        a_count(where, NOVEMBER, value) for where, value in ((AGGLOMERATION, 25), ("Z01", 12), ("Z02", 12), ("Z03", 1))
    ]
    told = protect(cells)
    hidden = [figure for figure in told if figure.value is None]
    assert {figure.territory for figure in hidden} > {"Z03"}
    assert {figure.reason for figure in hidden} == {Hidden.STATISTICAL_SECRECY}


def test_which_figures_give_way_says_nothing_of_how_small_the_small_ones_are():
    def pattern(small: int, others: tuple[int, int]) -> list[float | None]:
        counts = {AGGLOMERATION: small + sum(others), "Z01": others[0], "Z02": others[1], "Z03": small}
        return [figure.value for figure in protect(a_count(where, NOVEMBER, value) for where, value in counts.items())]

    alike: dict[int, set[tuple[float | None, ...]]] = {}
    for small in range(11):
        for others in ((13, 28), (15, 30), (17, 32)):
            alike.setdefault(rounded(small + sum(others)), set()).add(tuple(pattern(small, others)))
    assert all(len(patterns) == 1 for patterns in alike.values())


def test_an_erratum_is_a_new_version_and_tells_nothing_that_was_hidden_before():
    first = protect([a_count(AGGLOMERATION, WEEK, 10)])
    second = protect([a_count(AGGLOMERATION, WEEK, 400)], first)
    assert [(figure.version, figure.value) for figure in (*first, *second)] == [(1, None), (2, None)]
    told = protect([a_count(AGGLOMERATION, WEEK.next, 40)], first)
    assert protect([a_count(AGGLOMERATION, WEEK.next, 62)], [*first, *told])[0].value == 60


def test_an_erratum_that_hides_one_area_hides_another_from_whoever_believes_it():
    def counted(*values: int) -> list[Cell]:
        named = {AGGLOMERATION: sum(values), "Z01": values[0], "Z02": values[1], "Z03": values[2]}
        return [a_count(where, NOVEMBER, value) for where, value in named.items()]

    first = protect(counted(12, 12, 40))
    assert values_of(first) == {AGGLOMERATION: 65, "Z01": 10, "Z02": 10, "Z03": 40}
    second = values_of(protect(counted(12, 12, 1), first))
    assert second["Z03"] is None
    assert list(second.values()).count(None) > 1


def of_november(*values: int, earlier: Sequence[Figure] = ()) -> list[Figure]:
    """What is told of areas Z01, Z02… that add up to their month."""
    named = {AGGLOMERATION: sum(values), **{f"Z{number:02}": value for number, value in enumerate(values, 1)}}
    return protect([a_count(where, NOVEMBER, value) for where, value in named.items()], earlier)


def test_what_was_hidden_for_nothing_is_told_again():
    told = values_of(of_november(100, 12, 12, 1))
    assert told == {AGGLOMERATION: 125, "Z01": None, "Z02": 10, "Z03": 10, "Z04": None}


def test_a_total_is_hidden_that_would_tell_how_nearly_all_its_areas_have_ten():
    assert set(values_of(of_november(10, 10, 10, 10)).values()) == {None}
    assert values_of(of_november(3, 2, 4, 6))[AGGLOMERATION] == 15


def test_an_erratum_hides_all_that_was_hidden_besides_what_is_small_now():
    first, anew = of_november(100, 12, 12, 1), values_of(of_november(500, 300, 40, 1))
    again = values_of(of_november(500, 300, 40, 1, earlier=first))
    assert (values_of(first)["Z01"], anew["Z01"], again["Z01"]) == (None, 500, None)
    assert (anew["Z04"], again["Z04"]) == (None, None)


def of_february(*weekly: int, earlier: Sequence[Figure] = ()) -> list[Figure]:
    """What is told of the first weeks of February 2027, which has four whole weeks."""
    told = list(earlier)
    for number, value in enumerate(weekly):
        told += protect([a_count(AGGLOMERATION, week_of(dt.date(2027, 2, 1 + 7 * number)), value)], told)
    return told


@pytest.mark.parametrize(("weekly", "told"), [((10, 10, 10, 9), None), ((30, 30, 9, 10), None), ((3, 2, 4, 6), 15)])
def test_a_month_does_not_tell_how_nearly_all_its_silent_weeks_have_ten(weekly, told):
    month = a_count(AGGLOMERATION, month_of(dt.date(2027, 2, 1)), sum(weekly))
    assert protect([month], of_february(*weekly))[0].value == told


def test_the_areas_of_a_hidden_month_do_not_tell_it():
    february, weeks = month_of(dt.date(2027, 2, 1)), of_february(20, 0, 2, 2)
    cells = [a_count(where, february, value) for where, value in ((AGGLOMERATION, 24), ("Z01", 12), ("Z02", 12))]
    assert set(values_of(protect(cells, weeks)).values()) == {None}
    alone = [a_count(where, february, 24) for where in (AGGLOMERATION, "Z01")]
    assert set(values_of(protect(alone, weeks)).values()) == {None}


def test_a_week_gives_way_that_would_make_a_month_too_exact_for_its_small_area():
    february = month_of(dt.date(2027, 2, 1))
    counts = {AGGLOMERATION: 153, "Z01": 100, "Z02": 38, "Z03": 12, "Z04": 3}
    month = protect([a_count(where, february, value) for where, value in counts.items()])
    assert list(values_of(month).values()) == [155, 100, 40, 10, None]
    weeks = of_february(42, 42, 42, 27, earlier=month)[len(month) :]
    assert [figure.value for figure in weeks] == [40, 40, 40, None]


def test_whoever_believes_the_last_versions_alone_learns_no_more():
    weeks = of_february(20, 15, 20, 15)
    third = week_of(dt.date(2027, 2, 15))
    erratum = protect([a_count(AGGLOMERATION, third, 1)], weeks)
    (month,) = protect([a_count(AGGLOMERATION, month_of(third.first), 51)], [*weeks, *erratum])
    assert (erratum[0].version, erratum[0].value, month.value) == (2, None, None)


def test_areas_are_told_by_the_month_only():
    with pytest.raises(ValueError, match="by the month"):
        protect([a_count("Z01", WEEK, 40)])


@pytest.mark.parametrize(
    ("value", "units", "largest", "told"),
    [(40, 2, 20, None), (40, 3, 20, 40), (100, 9, 85, 100), (100, 9, 86, None), (0, 0, 0, None)],
)
def test_a_figure_of_merchants_wants_three_of_them_and_none_that_makes_up_nearly_all(value, units, largest, told):
    figure = the_only(of_shops(AGGLOMERATION, value, units, largest))
    assert figure.value == told
    assert figure.reason == (Hidden.FEW_MERCHANTS if told is None else None)


def test_what_is_like_money_wants_eleven_payers_and_none_that_makes_up_nearly_all():
    assert the_only(of_shops(AGGLOMERATION, 900, 10, 100, About.MONEY)).reason is Hidden.STATISTICAL_SECRECY
    assert the_only(of_shops(AGGLOMERATION, 900, 11, 800, About.MONEY)).value is None
    assert the_only(of_shops(AGGLOMERATION, 900, 11, 100, About.MONEY)).value == 900


def test_a_figure_of_merchants_says_how_many_there_are():
    with pytest.raises(ValueError, match="how many units"):
        is_small(dataclasses.replace(of_shops(AGGLOMERATION, 40, 3, 20), units=None))


@pytest.mark.parametrize("others", [((300, 9, 50), (200, 9, 50)), ((300, 9, 50), (12, 1, 12))])
def test_a_merchants_figure_is_not_the_total_less_the_other_areas(others):
    parts = {
        "Z01": (100, 1, 100),
        **{f"Z{number:02}": each for number, each in enumerate(others, 2)},
        "Z09": (400, 9, 90),
    }
    total = of_shops(AGGLOMERATION, sum(each[0] for each in parts.values()), 28, 100)
    told = values_of(protect([total, *(of_shops(where, *each) for where, each in parts.items())]))
    assert told["Z09"] == 400
    hidden = [parts[where] for where, value in told.items() if value is None]
    assert len(hidden) >= 2
    assert sum(units for _, units, _ in hidden) >= 3
    assert 100 * max(largest for *_, largest in hidden) <= 85 * sum(value for value, *_ in hidden)


def test_shops_add_up_over_areas_so_that_none_is_told_by_the_others():
    cells = [
        of_shops(where, value, value, 1) for where, value in ((AGGLOMERATION, 14), ("Z01", 7), ("Z02", 5), ("Z03", 2))
    ]
    told = values_of(protect([dataclasses.replace(cell, kind=Kind.STOCK) for cell in cells]))
    assert told["Z03"] is None
    assert list(told.values()).count(None) > 1


@pytest.mark.parametrize("kind", [Kind.FLOW, Kind.STOCK])
def test_small_shops_are_not_all_known_to_have_little(kind):
    parts = {"Z01": (1, 1, 1), "Z02": (1, 1, 1), "Z03": (1, 1, 1), "Z04": (39, 9, 9)}
    cells = [of_shops(AGGLOMERATION, 42, 12, 9), *(of_shops(where, *each) for where, each in parts.items())]
    told = values_of(protect([dataclasses.replace(cell, kind=kind) for cell in cells]))
    assert None in (told[AGGLOMERATION], told["Z04"])


def test_what_stood_at_the_end_of_a_month_does_not_tell_what_stood_at_the_end_of_its_last_week():
    february, week = month_of(dt.date(2027, 2, 1)), week_of(dt.date(2027, 2, 28))
    few, more = of_shops(AGGLOMERATION, 2, 2, 1), of_shops(AGGLOMERATION, 4, 4, 1)
    hidden = protect([dataclasses.replace(few, period=week, kind=Kind.STOCK)])
    assert protect([dataclasses.replace(more, period=february, kind=Kind.STOCK)])[0].value == 5
    assert protect([dataclasses.replace(more, period=february, kind=Kind.STOCK)], hidden)[0].value is None


@pytest.mark.parametrize(("numerator", "denominator"), [(10, 100), (90, 100), (11, 22), (0, 0)])
def test_a_ratio_of_few_or_of_nearly_all_is_not_told(numerator, denominator):
    assert the_only(a_ratio(numerator, denominator)).reason is Hidden.STATISTICAL_SECRECY


@given(st.data())
def test_a_ratio_says_no_more_of_its_numerator_than_its_own_rounding_would(data):
    numerator = data.draw(st.integers(11, 2_000))
    denominator = data.draw(st.integers(max(25, numerator + 11), 4_000))
    others = [value for value in range(numerator - 2, numerator + 3) if rounded(value) == rounded(numerator)]
    assert {told_ratio(value, denominator, 100) for value in others} == {told_ratio(numerator, denominator, 100)}
    told = told_ratio(numerator, denominator, 100)
    part, rest = meant_by_ratio(told, rounded(denominator), 100, About.CITIZENS)
    assert part.low <= numerator <= part.high
    assert rest.low <= denominator - numerator <= rest.high


def test_a_ratio_is_hidden_with_its_base():
    base = a_count(AGGLOMERATION, NOVEMBER, 100)
    hidden = protect([dataclasses.replace(base, value=3)])
    assert protect([base, a_ratio(40, 100, base_key=base.key)])[1].value == 40
    assert protect([base, a_ratio(40, 100, base_key=base.key)], hidden)[1].value is None


def test_a_ratio_of_a_month_does_not_tell_that_of_a_week_which_is_hidden():
    weeks = [week_of(dt.date(2027, 2, day)) for day in (1, 8, 15, 22)]
    told: list[Figure] = []
    for week, numerator in zip(weeks, (12, 12, 12, 1), strict=True):
        base = a_count(AGGLOMERATION, week, 50)
        told += protect([base, a_ratio(numerator, 50, base_key=base.key, period=week)], told)
    assert [figure.value for figure in told if figure.key == "nearby-share"] == [20, 20, 20, None]
    february = month_of(dt.date(2027, 2, 1))
    base = a_count(AGGLOMERATION, february, 200)
    assert protect([base, a_ratio(37, 200, base_key=base.key, period=february)])[1].value == 18
    assert protect([base, a_ratio(37, 200, base_key=base.key, period=february)], told)[1].value is None


@pytest.mark.parametrize(
    ("percent", "base", "told"), [(50, 21, False), (50, 22, True), (95, 219, False), (95, 220, True)]
)
def test_a_quantile_has_eleven_observations_on_either_side(percent, base, told):
    figure = the_only(Quantile(key="delay", period=WEEK, value=4.0, base=base, about=About.CITIZENS, percent=percent))
    assert figure.value == (4.0 if told else None)
    assert figure.reason == (None if told else Hidden.STATISTICAL_SECRECY)


def a_median(base: int, percent: int = 50, *earlier: Figure) -> list[float | None]:
    """What is told of a count, and of a quantile of what it counts."""
    cell = a_count(AGGLOMERATION, WEEK, base)
    delay = Quantile(
        key="delay", period=WEEK, value=4.0, base=base, about=About.CITIZENS, percent=percent, base_key=cell.key
    )
    return [figure.value for figure in protect([cell, delay], earlier)]


@pytest.mark.parametrize("base", [22, 26, 400])
def test_a_quantile_of_a_count_that_is_withheld_is_withheld_too(base):
    """It would say that the count is above twenty-two, and so how much is left for a small week beside it."""
    withheld = protect([a_count(AGGLOMERATION, WEEK, 3)])
    assert a_median(base, 50, *withheld) == [None, None]


@pytest.mark.parametrize("percent", [50, 95])
@pytest.mark.parametrize("told", [15, 20, 25, 215, 220, 225])
def test_whether_a_quantile_is_told_says_nothing_that_its_count_does_not(percent, told):
    meant = meant_by(told, About.CITIZENS)
    shown = {a_median(base, percent)[1] for base in range(meant.low, int(meant.high) + 1)}
    assert shown == {4.0 if told >= {50: 25, 95: 225}[percent] else None}


@pytest.mark.parametrize("told", [20, 25, 30])
def test_whether_a_ratio_is_told_says_nothing_that_its_base_does_not(told):
    def shown(base: int) -> bool:
        count = a_count(AGGLOMERATION, NOVEMBER, base)
        return protect([count, a_ratio(11, base, base_key=count.key)])[1].value is not None

    assert {shown(base) for base in range(told - 2, told + 3)} == {told >= 25}


def test_a_method_that_found_nothing_certain_says_so():
    figure = the_only(Quantile(key="effect", period=WEEK, value=None, base=900, about=About.CITIZENS))
    assert figure.reason is Hidden.TOO_FEW_TO_CONCLUDE


@given(COUNTS, COUNTS)
def test_a_sum_is_told_as_the_sum_of_its_parts_as_they_are_told_or_not_at_all(accepted, gone):
    named = {"accepted": accepted, "gone": gone, "tried": accepted + gone}
    cells = [dataclasses.replace(a_count(AGGLOMERATION, WEEK, value), key=key) for key, value in named.items()]
    told = {figure.key: figure.value for figure in protect(cells, (), [Sum("tried", ("accepted", "gone"))])}
    if told["accepted"] is None or told["gone"] is None:
        assert told["tried"] is None
    else:
        assert told["tried"] == told["accepted"] + told["gone"]


def test_a_sum_comes_with_its_parts():
    with pytest.raises(ValueError, match="a part is missing"):
        protect([a_count(AGGLOMERATION, WEEK, 40)], (), [Sum(a_count(AGGLOMERATION, WEEK, 40).key, ("gone",))])


def test_figures_come_in_the_order_of_what_they_tell_each_in_its_first_version():
    cells = [a_count(where, NOVEMBER, 50) for where in ("Z02", AGGLOMERATION, "Z01")]
    told = protect([a_ratio(40, 100), *cells])
    assert [(each.key, each.territory) for each in told[1:]] == [(each.key, each.territory) for each in cells]
    assert {each.version for each in told} == {1}


EVENTS_A_DAY = {"deliveries-accepted": 9_000, "opened": 900, "new-follows": 80, "till-uses": 40, "lost-follows": 20}
"""What a town of 20,000 citizens who follow something may see."""


def a_town_of_20_000(key: str, period: Period) -> list[Cell]:
    """A measure's counts of a period, by areas of their true populations, the same each time."""
    people = sum(area.population for area in areas().values())
    counted = dict.fromkeys(areas(), 0)
    for day in period.days():
        chance = random.Random(f"{key} {day}")
        for code, area in areas().items():
            usual = EVENTS_A_DAY[key] * area.population / people
            counted[code] += max(0, round(chance.gauss(usual, usual**0.5)))
    cells = [a_count(AGGLOMERATION, period, sum(counted.values()))]
    if period == month_of(period.first):
        cells += [a_count(code, period, value) for code, value in counted.items()]
    return [dataclasses.replace(cell, key=key) for cell in cells]


def a_quarter() -> list[Period]:
    day, last = dt.date(2026, 9, 1), dt.date(2026, 12, 1)
    weeks = [week_of(day + dt.timedelta(weeks=number)) for number in range(13)]
    months = [month_of(dt.date(2026, number, 1)) for number in (9, 10, 11)]
    return sorted((each for each in (*weeks, *months) if each.end <= last), key=lambda each: each.end)


def test_nothing_is_hidden_for_nothing_in_an_ordinary_town():
    told: list[Figure] = []
    large = 0
    for period in a_quarter():
        cells = [cell for key in EVENTS_A_DAY for cell in a_town_of_20_000(key, period)]
        large += sum(not is_small(cell) for cell in cells)
        told += protect(cells, told)
    shown = [figure.value for figure in told if figure.value is not None]
    assert len(shown) >= 0.8 * len(told)
    assert len(shown) >= 0.95 * large


def test_a_month_after_a_year_of_figures_asks_for_no_way_twice(monkeypatch):
    asked: list[int] = []
    shortest = timeline._shortest

    def counted(count: int, source: int, edges: list[tuple[int, int, float]]) -> list[float]:
        asked.append(source)
        return shortest(count, source, edges)

    week, year = week_of(dt.date(2026, 1, 5)), []
    while week.end <= dt.date(2026, 12, 28):
        year += [a_count(AGGLOMERATION, week, 70)]
        week = week.next
    months = [month_of(dt.date(2026, number, 1)) for number in range(2, 12)]
    year += [
        a_count(where, month, 300 if where == AGGLOMERATION else 13)
        for month in months
        for where in (AGGLOMERATION, *areas())
    ]
    told = [
        Figure(key=each.key, territory=each.territory, period=each.period, version=1, value=rounded(each.value))
        for each in year
    ]
    monkeypatch.setattr(timeline, "_shortest", counted)
    counts = dict.fromkeys(areas(), 13) | {"Z01": 9, "Z02": 3}
    december = [
        a_count(where, NOVEMBER.next, value)
        for where, value in ((AGGLOMERATION, sum(counts.values())), *counts.items())
    ]
    protect(december, told)
    assert 0 < len(asked) == len(set(asked)) < 70
