"""Towns whose counts are small enough to betray somebody, and their figures told period by period."""

import datetime as dt
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from citylife.pilot.cells import AGGLOMERATION, About, Cell, Figure, Kind, Ratio
from citylife.pilot.periods import Frequency, Period, month_of, week_of
from citylife.pilot.secrecy import protect

KEY = "new-follows"
RATIO = "nearby-share"
EVENTS_A_DAY = ((0.0, 0.1, 0.3), (0.2, 0.4, 0.6), (0.1, 0.5, 1.0), (0.1, 0.4, 3.0), (0.3, 2.0))
"""Of which each area of a town has one: from nearly nothing to what is nearly always told."""
PARTS = (0.05, 0.2, 0.5, 0.5, 0.8, 0.95)
"""What part of a town's events may be of the kind that its ratio is of."""


@dataclass
class SmallTown:
    """Events by area and day; the days are whole weeks."""

    days: list[dt.date]
    events: dict[tuple[str, dt.date], int]

    @property
    def areas(self) -> list[str]:
        return sorted({area for area, _ in self.events})

    @property
    def periods(self) -> list[Period]:
        """The weeks and months that it knows every day of, by when they end."""
        known = set(self.days)
        touched = {week_of(day) for day in self.days} | {month_of(day) for day in self.days}
        return sorted((each for each in touched if known.issuperset(each.days())), key=lambda each: (each.end, each))

    def cells(self, period: Period) -> list[Cell]:
        counted = {area: sum(self.events[area, day] for day in period.days()) for area in self.areas}
        return [
            a_count(territory, period, value)
            for territory, value in ((AGGLOMERATION, sum(counted.values())), *counted.items())
            if territory == AGGLOMERATION or period.frequency is Frequency.MONTHLY
        ]


def a_count(territory: str, period: Period, value: int, kind: Kind = Kind.FLOW) -> Cell:
    return Cell(key=KEY, territory=territory, period=period, value=value, about=About.CITIZENS, kind=kind)


def a_ratio_of(part: int, base: Cell) -> Ratio:
    return Ratio(
        key=RATIO,
        period=base.period,
        numerator=part,
        denominator=base.value,
        about=base.about,
        kind=base.kind,
        base_key=base.key,
    )


def a_small_town(chance: random.Random, times: int = 1) -> SmallTown:
    """Two to four areas, nine to fourteen weeks, so that a month at least is whole; so many times as many events."""
    first = week_of(dt.date(2026, 9, 1) + dt.timedelta(days=chance.randrange(300))).first
    days = [first + dt.timedelta(days=number) for number in range(7 * chance.randint(9, 14))]
    rates = chance.choice(EVENTS_A_DAY)
    events = {}
    for area in [f"Z{number:02}" for number in range(1, chance.randint(2, 4) + 1)]:
        rate = chance.choice(rates)
        events |= {(area, day): times * sum(chance.random() < rate / 8 for _ in range(8)) for day in days}
    return SmallTown(days, events)


def told_in_disorder(town: SmallTown, chance: random.Random) -> list[Figure]:
    """Everything told of a town: weeks and months in any order, and errata of some after events that came late."""
    periods = town.periods
    if chance.random() < 0.7:
        chance.shuffle(periods)
    told: list[Figure] = []
    for period in periods:
        told += protect(town.cells(period), told)
        if chance.random() < 0.2:
            told += protect(_late(town, chance.choice(told).period, chance), told)
    return told


def told_with_ratios(town: SmallTown, chance: random.Random) -> list[Figure]:
    """The same of a town and of a ratio that its events are the base of."""
    share = chance.choice(PARTS)
    parts = {each: sum(chance.random() < share for _ in range(count)) for each, count in town.events.items()}
    periods = town.periods
    if chance.random() < 0.7:
        chance.shuffle(periods)
    told: list[Figure] = []

    def tell(period: Period, cells: list[Cell]) -> None:
        part = sum(parts[area, day] for area in town.areas for day in period.days())
        told.extend(protect([*cells, a_ratio_of(part, cells[0])], told))

    for period in periods:
        tell(period, town.cells(period))
        if chance.random() < 0.2:
            late = chance.choice(told).period
            before = dict(town.events)
            cells = _late(town, late, chance)
            for each, count in town.events.items():
                parts[each] += sum(chance.random() < share for _ in range(count - before[each]))
            tell(late, cells)
    return told


def _late(town: SmallTown, period: Period, chance: random.Random) -> list[Cell]:
    """The counts of a period once more, after up to three events that came late."""
    for _ in range(chance.randint(0, 3)):
        town.events[chance.choice(town.areas), chance.choice(list(period.days()))] += 1
    return town.cells(period)


def persons(chance: random.Random, kind: Kind) -> Iterator[tuple[Period, list[Cell]]]:
    """The counts of distinct persons of February 2027, which is four whole weeks, and of its weeks, in any order."""
    month = month_of(dt.date(2027, 2, 1))
    weeks = [week_of(dt.date(2027, 2, day)) for day in ((28,) if kind is Kind.STOCK else (1, 8, 15, 22))]
    areas = [f"Z{number:02}" for number in range(1, chance.randint(2, 3) + 1)]
    popular = {area: chance.choice((1, 1, 2, 6)) for area in areas}
    seen = []
    for _ in range(chance.randint(5, 60)):
        where = {area for area in areas if chance.randrange(8) < popular[area]} or {chance.choice(areas)}
        seen.append((where, {week for week in weeks if kind is Kind.STOCK or chance.random() < 0.5}))
    counts = [(week, [a_count(AGGLOMERATION, week, sum(week in when for _, when in seen), kind)]) for week in weeks]
    by_area = [a_count(area, month, sum(area in where for where, _ in seen), kind) for area in areas]
    counts.append((month, [a_count(AGGLOMERATION, month, len(seen), kind), *by_area]))
    chance.shuffle(counts)
    yield from counts


def values_of(figures: Sequence[Figure]) -> dict[str, float | None]:
    """What is told, by territory."""
    return {figure.territory: figure.value for figure in figures}
