"""What a notification changes: uses at the till by citizens whom the paced draw took, against those it did not take.

The draw decides by chance alone who of two followers of a shop is told now, so that what differs between them is the
notification. An offer is a stratum of its own: its uses by drawn per drawn decision, less its uses by not drawn per not
drawn decision. Strata are weighted by n₁·n₀ / (n₁ + n₀), which is largest where the chance was even and nothing where
it was certain (Cochran, 1954; the overlap weights of Li, Morgan and Zaslavsky, 2018). The interval is the normal one of
a weighted difference of proportions, each variance with one use and one non-use added (Agresti and Caffo, 2000), so
that strata in which nobody used anything do not look certain.

It is told where it says nothing of anybody: eleven uses and eleven decisions without a use in each arm at least, in
three shops or more, none of which makes up more than 85 % of an arm's uses or decisions; to a whole number, its bounds
outwards to the next five.

A code keeps its arm and not the chance: within one offer all chances are taken for alike. Who follows few shops is
drawn more often; where she also uses more, an offer whose followers differ much tells a little more than the
notification did.
"""

import math
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from citylife.pilot.cells import FEWEST_MERCHANTS, FEWEST_PERSONS, dominates

CONFIDENCE: Final = 1.959964
"""Standard deviations to either side of a 95 % interval."""
LEAST_DECISIONS: Final = 100
"""Fewer decisions in either arm say nothing."""
BOUNDS_TO: Final = 5
"""Bounds are told outwards to the next multiple of it."""
PER: Final = 1_000
"""Effects are uses per thousand decisions."""


@dataclass(frozen=True, slots=True)
class Stratum:
    """One offer of a shop: how many decisions drew a citizen and how many did not, and the uses of each at a till."""

    shop_id: uuid.UUID
    drawn: int
    not_drawn: int
    used_drawn: int
    used_not_drawn: int


@dataclass(frozen=True, slots=True)
class Effect:
    """Uses per thousand decisions that being told now adds, and the bounds of its 95 % interval."""

    more: float
    low: float
    high: float

    @property
    def told(self) -> "Effect":
        """As it is told: a whole number, between bounds that are rounded outwards."""
        low, high = BOUNDS_TO * math.floor(self.low / BOUNDS_TO), BOUNDS_TO * math.ceil(self.high / BOUNDS_TO)
        return Effect(round(self.more), low, high)

    @property
    def is_shown(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


def effect_of(strata: Iterable[Stratum]) -> Effect | None:
    """The effect over all strata; None where there is too little to conclude from."""
    told = [each for each in strata if each.drawn and each.not_drawn]
    if not _enough(told):
        return None
    weights = [each.drawn * each.not_drawn / (each.drawn + each.not_drawn) for each in told]
    whole = sum(weights)
    more = sum(weight * _difference(each) for weight, each in zip(weights, told, strict=True)) / whole
    variance = sum(weight**2 * _variance(each) for weight, each in zip(weights, told, strict=True)) / whole**2
    half = CONFIDENCE * math.sqrt(variance)
    return Effect(PER * more, PER * (more - half), PER * (more + half))


def _enough(strata: Sequence[Stratum]) -> bool:
    """Whether there is enough to conclude from, and nobody to be told by it."""
    arms = (Counter[uuid.UUID](), Counter[uuid.UUID](), Counter[uuid.UUID](), Counter[uuid.UUID]())
    for each in strata:
        numbers = (each.drawn, each.not_drawn, each.used_drawn, each.used_not_drawn)
        for arm, number in zip(arms, numbers, strict=True):
            arm[each.shop_id] += number
    drawn, not_drawn, used_drawn, used_not_drawn = arms
    if any(
        used.total() < FEWEST_PERSONS or decided.total() - used.total() < FEWEST_PERSONS
        for decided, used in ((drawn, used_drawn), (not_drawn, used_not_drawn))
    ):
        return False
    if min(drawn.total(), not_drawn.total()) < LEAST_DECISIONS:
        return False
    return all(
        sum(number > 0 for number in arm.values()) >= FEWEST_MERCHANTS and not dominates(max(arm.values()), arm.total())
        for arm in arms
    )


def _difference(each: Stratum) -> float:
    return each.used_drawn / each.drawn - each.used_not_drawn / each.not_drawn


def _variance(each: Stratum) -> float:
    return _of_proportion(each.used_drawn, each.drawn) + _of_proportion(each.used_not_drawn, each.not_drawn)


def _of_proportion(used: int, of: int) -> float:
    share = (min(used, of) + 1) / (of + 2)
    return share * (1 - share) / (of + 2)
