"""Statistical secrecy: what may be told of true figures, so that nobody is told by it, now or with what comes later.

Whatever is small itself is hidden (`citylife.pilot.cells`). Then more is hidden, smallest first, until nothing that is
hidden can be computed from all that was ever told (`citylife.pilot.knowledge`). What was told before stays told, so
what is new gives way. What gives way is chosen by figures as they would be told, never by true ones: which one is
hidden says nothing of what a small one is. What is protected and what is not: ADR 54.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from citylife.pilot.cells import (
    AGGLOMERATION,
    FEWEST_PERSONS,
    LEAST_BASE_OF_A_RATIO,
    About,
    Cell,
    Figure,
    Hidden,
    Kind,
    Quantile,
    Range,
    Ratio,
    Sum,
    dominates,
    fewest,
    is_small,
    meant_by,
    meant_by_ratio,
    rounded,
    told_ratio,
    why_hidden,
)
from citylife.pilot.knowledge import FlowKnowledge, Record, StockKnowledge, beliefs_of, knowledge_of
from citylife.pilot.parted import ComingParts
from citylife.pilot.periods import Frequency, Period

_Key = tuple[str, str, Period]


def protect(
    true: Iterable[Cell | Ratio | Quantile], earlier: Iterable[Figure] = (), sums: Iterable[Sum] = ()
) -> list[Figure]:
    """What is told of true figures, in their order; each has a value, or the reason why it has none.

    `earlier` is everything that was ever told, each version of each period, in the order in which it was told. A period
    that is in it is told anew, in its next version, and what one version hid stays hidden. All cells of a measure and
    a period come in one call; of several periods, those that come first are told first. The counts that are parts of a
    sum come with it.

    Raises:
        ValueError: a figure about merchants or like money does not say whose it is, an area is told by the week, or a
            sum lacks a part.
    """
    wanted = list(true)
    telling = _Telling(earlier, [each for each in wanted if isinstance(each, Ratio)])
    sums = list(sums)
    totals = {each.total_key for each in sums}
    together: defaultdict[tuple[str, Period], list[Cell]] = defaultdict(list)
    for each in wanted:
        if isinstance(each, Cell) and each.key not in totals:
            together[each.key, each.period].append(each)
    for cells in together.values():
        telling.tell_counts(cells)
    for family in sums:
        for each in wanted:
            if isinstance(each, Cell) and each.key == family.total_key:
                telling.tell_sum(each, family)
    for each in wanted:
        if isinstance(each, Ratio):
            telling.tell_ratio(each)
        elif isinstance(each, Quantile):
            telling.tell_quantile(each)
    return [telling.told[each.key, each.territory, each.period] for each in wanted]


class _Telling:
    """One telling of figures, after all the earlier ones."""

    def __init__(self, earlier: Iterable[Figure], ratios: Iterable[Ratio]) -> None:
        self.told: dict[_Key, Figure] = {}
        self._ever: defaultdict[str, list[Figure]] = defaultdict(list)
        self._hid: set[_Key] = set()
        self._last: defaultdict[Period, int] = defaultdict(int)
        self._ratios = [each for each in ratios if each.kind is Kind.FLOW and each.about is About.CITIZENS]
        for figure in earlier:
            self._ever[figure.key].append(figure)
            self._last[figure.period] = max(self._last[figure.period], figure.version)
            if figure.value is None:
                self._hid.add((figure.key, figure.territory, figure.period))

    def tell_counts(self, cells: Sequence[Cell]) -> None:
        """Tell a measure's counts of a period, the agglomeration's and the areas'."""
        key, period, about = cells[0].key, cells[0].period, cells[0].about
        if period.frequency is Frequency.WEEKLY and any(cell.territory != AGGLOMERATION for cell in cells):
            raise ValueError(f"{key}: areas are told by the month")
        small = {cell.territory for cell in cells if is_small(cell)}
        hidden = small | {cell.territory for cell in cells if (key, cell.territory, period) in self._hid}
        records = [_record(each, about) for each in self._ever[key]]
        known = self._knowledge(cells[0].kind, about, records, period)
        values = {cell.territory: rounded(cell.value) for cell in cells}
        parted = [
            ComingParts(records, self._records_of(ratio, key), period, self._version(period))
            for ratio in self._ratios
            if (ratio.base_key, ratio.period) == (key, period)
        ]

        def betrays(untold: Collection[str]) -> bool:
            told = {where: None if where in untold else meant_by(value, about) for where, value in values.items()}
            return (
                _stands_out(cells, untold)
                or any(each.betrays(told, small if about is About.CITIZENS else ()) for each in known)
                or any(each.betrays(told) for each in parted)
            )

        for where in hidden | _giving_way(values, hidden, betrays):
            self._tell(key, where, period, None, why_hidden(about))
        for where, value in values.items():
            if (key, where, period) not in self.told:
                self._tell(key, where, period, value)

    def tell_sum(self, cell: Cell, family: Sum) -> None:
        """Tell a sum as that of its parts as they are told: it says nothing that they do not say."""
        try:
            parts = [self.told[key, cell.territory, cell.period].value for key in family.part_keys]
        except KeyError as error:
            raise ValueError(f"{cell.key}: a part is missing") from error
        values = [part for part in parts if part is not None]
        hidden = len(values) < len(parts) or (cell.key, cell.territory, cell.period) in self._hid
        value = None if hidden else sum(values)
        self._tell(cell.key, cell.territory, cell.period, value, why_hidden(cell.about))

    def tell_ratio(self, ratio: Ratio) -> None:
        """Tell a ratio where its numerator, what is beside it and its base allow; the base as it is told.

        By its true base, that a ratio is told would say more of the base than the base as told does.
        """
        least = min(ratio.numerator, ratio.denominator - ratio.numerator)
        small = least < fewest(ratio.about) or rounded(ratio.denominator) < LEAST_BASE_OF_A_RATIO
        value = None
        if not small and (ratio.key, ratio.territory, ratio.period) not in self._hid:
            value = told_ratio(ratio.numerator, ratio.denominator, ratio.per)
            if ratio.base_key is not None and self._ratio_betrays(ratio, ratio.base_key, value):
                value = None
        self._tell(ratio.key, ratio.territory, ratio.period, value, why_hidden(ratio.about))

    def tell_quantile(self, quantile: Quantile) -> None:
        """Tell a quantile that enough observations lie on either side of, however few the count of them may mean.

        That it is told says nothing of that count which the count as told does not; where it is withheld, so is this.
        """
        base = quantile.base
        if quantile.base_key is not None:
            told = self.told[quantile.base_key, quantile.territory, quantile.period].value
            base = 0 if told is None else min(base, meant_by(told, quantile.about).low)
        beyond = base * min(quantile.percent, 100 - quantile.percent)
        few = beyond < 100 * FEWEST_PERSONS or (quantile.key, quantile.territory, quantile.period) in self._hid
        reason = why_hidden(quantile.about) if few else Hidden.TOO_FEW_TO_CONCLUDE
        self._tell(quantile.key, quantile.territory, quantile.period, None if few else quantile.value, reason)

    def _ratio_betrays(self, ratio: Ratio, base_key: str, value: int) -> bool:
        """Whether what a ratio is made of could be computed where it is not told, if this one were.

        A ratio whose base is not told is not told either.
        """
        here, bases = ratio.period, self._ever[base_key]
        told = {(each.period, each.version): each.value for each in bases if each.territory == ratio.territory}
        now = told.get((here, self._version(here)))
        if now is None:
            return True
        if ratio.kind is not Kind.FLOW:
            return False
        meant = meant_by_ratio(value, now, ratio.per, ratio.about)
        sides = self._records_of(ratio, base_key)
        if any(
            known.betrays({ratio.territory: within})
            for side, within in zip(sides, meant, strict=True)
            for known in self._knowledge(Kind.FLOW, ratio.about, side, here)
        ):
            return True
        if ratio.about is not About.CITIZENS:
            return False
        records = [_record(each, ratio.about) for each in bases]
        return ComingParts(records, sides, here, self._version(here)).betrays({}, meant)

    def _records_of(self, ratio: Ratio, base_key: str) -> tuple[list[Record], list[Record]]:
        """What was told of a ratio's part, and of the rest beside it."""
        told = {
            (each.period, each.version): each.value
            for each in self._ever[base_key]
            if each.territory == ratio.territory
        }
        records: tuple[list[Record], list[Record]] = ([], [])
        for each in self._ever[ratio.key]:
            base = told.get((each.period, each.version))
            both: tuple[Range | None, Range | None] = (None, None)
            if each.value is not None and base is not None:
                both = meant_by_ratio(each.value, base, ratio.per, ratio.about)
            for side, within in zip(records, both, strict=True):
                side.append(Record(each.territory, each.period, each.version, within))
        return records

    def _knowledge(
        self, kind: Kind, about: About, records: Sequence[Record], period: Period
    ) -> list[FlowKnowledge | StockKnowledge]:
        """What is known in each way of believing."""
        return [knowledge_of(kind, about, records, belief, period) for belief in beliefs_of(records, period)]

    def _version(self, period: Period) -> int:
        return self._last[period] + 1

    def _tell(
        self, key: str, territory: str, period: Period, value: float | None, reason: Hidden | None = None
    ) -> None:
        figure = Figure(
            key=key,
            territory=territory,
            period=period,
            version=self._version(period),
            value=value,
            reason=reason if value is None else None,
        )
        self.told[key, territory, period] = figure
        self._ever[key].append(figure)


def _record(figure: Figure, about: About) -> Record:
    within = None if figure.value is None else meant_by(figure.value, about)
    return Record(figure.territory, figure.period, figure.version, within)


def _giving_way(
    values: Mapping[str, int], hidden: Collection[str], betrays: Callable[[Collection[str]], bool]
) -> set[str]:
    """The territories to be hidden for the sake of others: smallest first, until nothing is betrayed any more.

    Then those that turn out to have been hidden for nothing are told all the same, largest first. Where even silence
    does not help (an erratum took away what others were safe by), nothing is told.
    """
    given: list[str] = []
    waiting = sorted(values.keys() - set(hidden), key=lambda where: (values[where], where))
    while betrays({*hidden, *given}) and waiting:
        given.append(waiting.pop(0))
    for where in reversed(given[:-1]):
        if not betrays({*hidden, *given} - {where}):
            given.remove(where)
    return set(given)


def _stands_out(cells: Sequence[Cell], untold: Collection[str]) -> bool:
    """Whether what the areas that are not told add up to is one shop's, or nearly, where the total is told.

    They are the total less the areas that are told; of merchants and money, there are at least two of them.
    """
    hidden = [cell for cell in cells if cell.territory in untold]
    if not hidden or cells[0].about is About.CITIZENS or AGGLOMERATION in {cell.territory for cell in hidden}:
        return False
    units, largest = sum(cell.units or 0 for cell in hidden), max(cell.largest or 0 for cell in hidden)
    return len(hidden) == 1 or units < fewest(cells[0].about) or dominates(largest, sum(cell.value for cell in hidden))
