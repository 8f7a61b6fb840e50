"""The effect of a notification: planted it is found, absent it is not, and too little says so."""

import random
import uuid

import pytest

from citylife.pilot.effect import Effect, Stratum, effect_of

SHOPS = [uuid.UUID(int=number) for number in range(1, 8)]


def spread(drawn: int, not_drawn: int, used_drawn: int, used_not_drawn: int, *, shops: int = 3) -> list[Stratum]:
    """So many offers, each of a shop of its own, that add up to these numbers."""
    numbers = (drawn, not_drawn, used_drawn, used_not_drawn)
    return [
        Stratum(SHOPS[shop], *(number // shops + (shop < number % shops) for number in numbers))
        for shop in range(shops)
    ]


def a_week(lot: random.Random, *, offers: int, base: float, more: float) -> list[Stratum]:
    """Offers of shops of many sizes and habits, each drawn with its own chance; `more` is what being told adds."""
    strata = []
    for _ in range(offers):
        followers, chance, habit = lot.randrange(20, 400), lot.uniform(0.1, 0.9), base * lot.uniform(0.2, 1.8)
        drawn = sum(lot.random() < chance for _ in range(followers))
        strata.append(
            Stratum(
                SHOPS[len(strata) % len(SHOPS)],
                drawn,
                followers - drawn,
                sum(lot.random() < habit + more for _ in range(drawn)),
                sum(lot.random() < habit for _ in range(followers - drawn)),
            )
        )
    return strata


def told(strata: list[Stratum]) -> Effect:
    effect = effect_of(strata)
    assert effect is not None
    return effect


def test_a_planted_effect_is_found_and_measured() -> None:
    weeks = [told(a_week(random.Random(seed), offers=120, base=0.03, more=0.02)) for seed in range(40)]
    assert sum(effect.is_shown for effect in weeks) >= 38
    assert sum(effect.low <= 20 <= effect.high for effect in weeks) >= 34
    assert 17 < sum(effect.more for effect in weeks) / len(weeks) < 23


def test_an_effect_that_is_not_there_is_not_found() -> None:
    """Though shops with many uses also have many drawn: each offer is compared with itself."""
    weeks = [told(a_week(random.Random(100 + seed), offers=60, base=0.03, more=0.0)) for seed in range(100)]
    assert sum(effect.is_shown for effect in weeks) <= 10
    assert -2 < sum(effect.more for effect in weeks) / len(weeks) < 2


def test_offers_that_all_or_nobody_was_drawn_for_say_nothing() -> None:
    strata = a_week(random.Random(1), offers=50, base=0.05, more=0.01)
    certain = [Stratum(SHOPS[0], 500, 0, 400, 0), Stratum(SHOPS[1], 0, 500, 0, 1)]
    assert effect_of([*strata, *certain]) == effect_of(strata)
    assert effect_of(certain) is None


@pytest.mark.parametrize(
    "strata",
    [
        spread(1_000, 1_000, 10, 40),
        spread(1_000, 1_000, 40, 10),
        spread(99, 5_000, 20, 20),
        spread(5_000, 99, 20, 20),
        spread(110, 5_000, 100, 20),
        spread(1_000, 1_000, 40, 40, shops=2),
        [*spread(1_000, 1_000, 10, 10), Stratum(SHOPS[3], 9_000, 9_000, 20, 20)],
        [*spread(1_000, 1_000, 3, 3), Stratum(SHOPS[3], 1_000, 1_000, 40, 10)],
        [],
    ],
)
def test_too_little_to_conclude_from_or_too_few_to_be_told_of(strata: list[Stratum]) -> None:
    """Few uses or few without a use in an arm, few decisions, few shops, one shop that is nearly all of an arm."""
    assert effect_of(strata) is None


def test_three_offers_by_hand_and_as_they_are_told() -> None:
    effect = told(spread(drawn=3_000, not_drawn=1_500, used_drawn=150, used_not_drawn=30))
    each = (51 / 1002 * 951 / 1002 / 1002) + (11 / 502 * 491 / 502 / 502)
    assert effect.more == pytest.approx(30)
    assert effect.low == pytest.approx(30 - 1_959.964 * (each / 3) ** 0.5)
    assert effect.is_shown
    assert effect.told == Effect(30, 15, 45)
    assert effect.told.low <= effect.low <= effect.high <= effect.told.high


def test_strata_without_uses_are_not_certain() -> None:
    """More codes used than decisions that stand (some were erased since) break nothing either."""
    strata = [*spread(600, 600, 12, 12), Stratum(SHOPS[4], 60, 60, 0, 0), Stratum(SHOPS[5], 5, 60, 12, 0)]
    effect = told(strata)
    assert effect.low < effect.more < effect.high
