"""What is counted and what is told of it: true figures on one side, published ones on the other, and the bare rules.

The rules of one figure by itself are here (thresholds, dominance, rounding); what several figures tell together is
`citylife.pilot.secrecy`'s. Thresholds: 11 persons; 3 enterprises, none above 85 % (INSEE, « Guide du secret
statistique »); ADR 54 says why.
"""

import math
from dataclasses import dataclass
from enum import Enum
from typing import Final

from citylife.pilot.periods import Period

AGGLOMERATION: Final = "agglomeration"
"""The territory of all 100 communes; any other is an area's code."""
ROUNDED_TO: Final = 5
FEWEST_PERSONS: Final = 11
FEWEST_MERCHANTS: Final = 3
DOMINANT: Final = 85
"""Per cent of a total above which its largest part could be told from it."""
LEAST_BASE_OF_A_RATIO: Final = 25
"""As it is told; below it, a ratio of two rounded counts would err by more than ten in a hundred."""


class About(Enum):
    """Whose secret a figure keeps. What is like money keeps persons' threshold and enterprises' dominance."""

    CITIZENS = "citizens"
    MERCHANTS = "merchants"
    MONEY = "money"


class Kind(Enum):
    """How figures of a measure hang together."""

    FLOW = "flow"
    """Days add up to weeks and months, areas to the agglomeration."""
    DISTINCT = "distinct"
    """Persons seen in a period: a week within a month counts no more than the month, an area no more than all."""
    STOCK = "stock"
    """As it stood at the end of the period's last day; an area no more than all, all no more than the areas."""


class Hidden(Enum):
    """Why a figure is not told. The same word whether it is small itself or would betray one that is."""

    STATISTICAL_SECRECY = "statistical-secrecy"
    """Of persons."""
    FEW_MERCHANTS = "few-merchants"
    """Fewer than three shops, one that makes up nearly all of it, or a figure that would betray such a one."""
    TOO_FEW_TO_CONCLUDE = "too-few-to-conclude"
    """The method found nothing certain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A true count. `units` shops (or other payers) have a part in it, of which the largest is `largest`."""

    key: str
    territory: str
    period: Period
    value: int
    about: About
    kind: Kind
    units: int | None = None
    largest: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """A part of a whole of the agglomeration, told as so many in `per`; `base_key` is the whole's, where it is told."""

    key: str
    period: Period
    numerator: int
    denominator: int
    about: About
    kind: Kind
    base_key: str | None = None
    per: int = 100
    territory: str = AGGLOMERATION


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantile:
    """What `percent` of `base` observations do not exceed, 50 for a median; no value where the method has none.

    `base_key` is that of the count of what was observed, where it is told.
    """

    key: str
    period: Period
    value: float | None
    base: int
    about: About
    percent: int = 50
    base_key: str | None = None
    territory: str = AGGLOMERATION


@dataclass(frozen=True, slots=True)
class Sum:
    """A measure that is the sum of others: told as the sum of what is told of them, or not at all."""

    total_key: str
    part_keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What is told of a measure, a territory and a period, once and for ever: a value, or why there is none."""

    key: str
    territory: str
    period: Period
    version: int
    value: float | None = None
    reason: Hidden | None = None

    def __post_init__(self) -> None:
        if (self.value is None) == (self.reason is None):
            raise ValueError("a figure has a value, or the reason why it has none")


@dataclass(frozen=True, slots=True)
class Range:
    """Whole numbers from `low` to `high`, both among them; none where `low` is above."""

    low: int = 0
    high: float = math.inf

    def __and__(self, other: "Range") -> "Range":
        return Range(max(self.low, other.low), min(self.high, other.high))

    def __bool__(self) -> bool:
        return self.low <= self.high


def rounded(value: int) -> int:
    """A count as it is told: to the nearest 5."""
    return (value + ROUNDED_TO // 2) // ROUNDED_TO * ROUNDED_TO


def meant_by(told: float, about: About) -> Range:
    """What a told count can truly be."""
    slack, least = ROUNDED_TO // 2, FEWEST_PERSONS if about is About.CITIZENS else 0
    return Range(max(int(told) - slack, least), int(told) + slack)


def why_hidden(about: About) -> Hidden:
    """The word for a figure that secrecy hides."""
    return Hidden.FEW_MERCHANTS if about is About.MERCHANTS else Hidden.STATISTICAL_SECRECY


def fewest(about: About) -> int:
    """How many there must be at least."""
    return FEWEST_MERCHANTS if about is About.MERCHANTS else FEWEST_PERSONS


def is_small(cell: Cell) -> bool:
    """Whether a count may not be told, whatever else is: too few, or one that makes up nearly all of it.

    Raises:
        ValueError: a figure about merchants or like money does not say how many units are in it, and the largest.
    """
    if cell.about is About.CITIZENS:
        return cell.value < FEWEST_PERSONS
    if cell.units is None or cell.largest is None:
        raise ValueError(f"{cell.key}: how many units are in it, and how large is the largest?")
    return cell.units < fewest(cell.about) or dominates(cell.largest, cell.value)


def dominates(largest: int, whole: int) -> bool:
    """Whether the largest part makes up so much of the whole that the whole tells it."""
    return 100 * largest > DOMINANT * whole


def keeps_secret(found: Range, about: About) -> bool:
    """Whether a count that is not told stays secret where it is known to lie in a range.

    Of persons: each of 0 to 10 is possible, or none of them is, since what was told before says that there are more.
    Of merchants and money: nobody comes closer than the largest may be to the whole, nor than a told count would be.
    """
    if about is About.CITIZENS:
        return (found.low <= 0 and found.high >= FEWEST_PERSONS - 1) or found.low >= FEWEST_PERSONS
    return found.high - found.low >= max(ROUNDED_TO, (100 - DOMINANT) / 100 * min(found.high, 2.0**53))


def told_ratio(numerator: int, denominator: int, per: int) -> int:
    """So many in `per`, from the counts as they are told: it says nothing that those two do not say."""
    part, whole = rounded(numerator), rounded(denominator)
    return (2 * per * part + whole) // (2 * whole)


def meant_by_ratio(told: float, base: float, per: int, about: About) -> tuple[Range, Range]:
    """What a told ratio and its told base say of the numerator, and of what the base holds beside it."""
    whole, doubled, slack = int(base), 2 * per * ROUNDED_TO, ROUNDED_TO // 2
    first = -((1 - 2 * int(told)) * whole // doubled) * ROUNDED_TO
    last = ((2 * int(told) + 1) * whole - 1) // doubled * ROUNDED_TO
    least = Range(FEWEST_PERSONS if about is About.CITIZENS else 0)
    part = Range(first - slack, last + slack) & least
    return part, Range(whole - slack - (last + slack), whole + slack - part.low) & least
