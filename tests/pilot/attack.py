"""An attacker with an integer solver: she knows everything that was ever told, and asks what the rest can be.

Nothing here is taken from how secrecy is kept. Unknown are the counts themselves: of each area between any two edges of
periods; or of persons, by the areas and the weeks that each was seen in. HiGHS says which values are possible.
"""

import datetime as dt
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import highspy

from citylife.pilot.cells import AGGLOMERATION, Figure, Kind
from citylife.pilot.periods import Frequency

SMALL = range(11)


@dataclass(frozen=True)
class Told:
    """The unknowns that a figure is the sum of, and between what it was told to be; nothing where it was not told."""

    name: str
    unknowns: tuple[int, ...]
    within: tuple[float, float] | None


@dataclass(frozen=True)
class Tie:
    """Unknowns that add up to what others add up to."""

    these: tuple[int, ...]
    those: tuple[int, ...]


class Solver:
    """Whole unknowns from 0 on, and rows that hold the sum of some of them between two numbers."""

    def __init__(self, count: int) -> None:
        self._highs = highspy.Highs()
        self._highs.silent()
        for number in range(count):
            self._highs.addVar(0, highspy.kHighsInf)
            self._highs.changeColIntegrality(number, highspy.HighsVarType.kInteger)

    def hold(self, unknowns: Sequence[int], low: float, high: float) -> None:
        self._highs.addRow(low, high, len(unknowns), list(unknowns), [1.0] * len(unknowns))

    def tie(self, tie: Tie) -> None:
        weights = [1.0] * len(tie.these) + [-1.0] * len(tie.those)
        self._highs.addRow(0, 0, len(weights), [*tie.these, *tie.those], weights)

    def forget_last(self) -> None:
        self._highs.deleteRows(1, [self._highs.getNumRow() - 1])

    def possible(self) -> bool:
        self._highs.run()
        status = self._highs.getModelStatus()
        assert status in {highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kInfeasible}, status
        return status == highspy.HighsModelStatus.kOptimal

    def can_be(self, unknowns: Sequence[int], low: int, high: int) -> bool:
        self.hold(unknowns, low, high)
        found = self.possible()
        self.forget_last()
        return found


def narrowed(figures: Iterable[Figure], kind: Kind, *, only_last: bool = False, thoroughly: bool = False) -> list[str]:
    """The counts of persons that were not told, and of which some but not all of 0 to 10 are possible.

    Believed is everything that was told (only the last version of each period, if she believes only that), the latest
    first; what disagrees with it is not. Thoroughly, each of 0 to 10 is tried, else the first and the last.
    """
    ever = _believed(figures, only_last=only_last)
    model = _of_days(ever) if kind is Kind.FLOW else _of_persons(ever, kind)
    return _narrowed(model, SMALL if thoroughly else (SMALL[0], SMALL[-1]))


def narrowed_parts(
    figures: Iterable[Figure],
    key: str,
    base_key: str,
    per: int,
    *,
    only_last: bool = False,
    thoroughly: bool = False,
) -> list[str]:
    """The same of a ratio's base and of what it is made of: the part, and the rest of the base beside it.

    `figures` are those of the ratio and of its base, in the order in which they were told. A told ratio is that of the
    part and the base as those would be told; both the part and the rest are then eleven at least. The two are the base
    of each time between two edges of periods.
    """
    ever = _believed(figures, only_last=only_last)
    bases = [figure for figure in ever if figure.key == base_key]
    unknowns = _days_and_areas(bases)
    whole = {(each.period, each.version): each.value for each in bases if each.territory == AGGLOMERATION}
    days = sorted({day for _, (day, _) in unknowns})
    parts, rests = ({day: len(unknowns) + 2 * at + side for at, day in enumerate(days)} for side in (0, 1))
    of_bases = iter(_of_days(bases))
    model = []
    for figure in ever:
        if figure.key == base_key:
            model.append(next(of_bases))
        if figure.key != key:
            continue
        base = whole[figure.period, figure.version]
        part = None if figure.value is None or base is None else _part_of(figure.value, int(base), per)
        rest = part and (max((base or 0) - 2 - part[1], 11), (base or 0) + 2 - part[0])
        for name, of_days, within in (("part", parts, part), ("rest", rests, rest)):
            these = tuple(number for day, number in of_days.items() if figure.period.first <= day < figure.period.end)
            model.append(Told(f"{name} of {key} {figure.period} v{figure.version}", these, within))
    ties = [
        Tie((parts[day], rests[day]), tuple(number for number, (when, _) in unknowns if when == day)) for day in days
    ]
    return _narrowed(model, SMALL if thoroughly else (SMALL[0], SMALL[-1]), ties)


def _believed(figures: Iterable[Figure], *, only_last: bool) -> list[Figure]:
    ever = list(figures)
    last = {figure.period: figure.version for figure in ever}
    return [figure for figure in ever if not only_last or figure.version == last[figure.period]]


def _part_of(ratio: float, base: int, per: int) -> tuple[float, float]:
    """Between what the part of a base lies, of which so many in `per` were told: it was rounded to five before."""
    could = [part for part in range(0, base + 5, 5) if (2 * per * part + base) // (2 * base) == ratio]
    return max(min(could) - 2, 11), max(could) + 2


def _narrowed(model: Sequence[Told], asked: Iterable[int], ties: Sequence[Tie] = ()) -> list[str]:
    solver, values = _believing(model, ties), list(asked)
    found = []
    for told in model:
        if told.within is None:
            impossible = [value for value in values if not solver.can_be(told.unknowns, value, value)]
            if impossible and solver.can_be(told.unknowns, SMALL[0], SMALL[-1]):
                found.append(f"{told.name}: never {impossible}")
    return found


def _believing(model: Sequence[Told], ties: Sequence[Tie]) -> Solver:
    """A solver that holds everything that was told; where that is impossible, what agrees with what was told later."""
    for one_by_one in (False, True):
        solver = Solver(1 + max(number for told in model for number in told.unknowns))
        for tie in ties:
            solver.tie(tie)
        for told in reversed(model):
            if told.within is not None:
                solver.hold(told.unknowns, *told.within)
                if one_by_one and not solver.possible():
                    solver.forget_last()
        if solver.possible():
            break
    return solver


def _named(figure: Figure) -> str:
    return f"{figure.territory} {figure.period} v{figure.version}"


def _meant(value: float | None) -> tuple[float, float] | None:
    """Between what a told count lies."""
    return None if value is None else (max(value - 2, 11), value + 2)


def _days_and_areas(figures: Sequence[Figure]) -> list[tuple[int, tuple[dt.date, str]]]:
    """An unknown for each area and each time between two edges of periods, which is named for its first day."""
    edges = sorted({edge for figure in figures for edge in (figure.period.first, figure.period.end)})
    areas = sorted({figure.territory for figure in figures} - {AGGLOMERATION}) or [AGGLOMERATION]
    return list(enumerate(itertools.product(edges[:-1], areas)))


def _of_days(figures: Sequence[Figure]) -> list[Told]:
    """A measure whose days add up."""
    unknowns = _days_and_areas(figures)
    return [
        Told(
            _named(figure),
            tuple(
                number
                for number, (day, area) in unknowns
                if figure.period.first <= day < figure.period.end and figure.territory in {AGGLOMERATION, area}
            ),
            _meant(figure.value),
        )
        for figure in figures
    ]


def _of_persons(figures: Sequence[Figure], kind: Kind) -> list[Told]:
    """Persons of one month: an unknown for each set of areas and of weeks that a person was seen in.

    Every person of the month was seen in some area. A week lies in the month; or it ends with it, and counts the same.
    """
    (month,) = {figure.period for figure in figures if figure.period.frequency is Frequency.MONTHLY}
    areas = sorted({figure.territory for figure in figures} - {AGGLOMERATION})
    weeks = sorted({figure.period for figure in figures} - {month})
    assert all(month.first <= week.first and week.end <= month.end for week in weeks)
    if kind is Kind.STOCK:
        assert {week.end for week in weeks} <= {month.end}
        weeks = []
    persons = list(enumerate(itertools.product(_subsets(areas)[1:], _subsets(weeks))))
    return [
        Told(
            _named(figure),
            tuple(
                number
                for number, (some, seen) in persons
                if figure.territory in {AGGLOMERATION, *some}
                and (figure.period in {month, *seen} or kind is Kind.STOCK)
            ),
            _meant(figure.value),
        )
        for figure in figures
    ]


def _subsets(whole: Sequence[object]) -> list[tuple[object, ...]]:
    """All of them, the empty one first."""
    return [some for size in range(len(whole) + 1) for some in itertools.combinations(whole, size)]
