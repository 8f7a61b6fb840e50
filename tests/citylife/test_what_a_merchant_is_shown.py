"""What a merchant is shown of an audience: enough to decide by, and nothing of one person, however often he asks."""

import datetime as dt
import uuid

from hypothesis import given
from hypothesis import strategies as st

from citylife.audience.foresight import EXPLAINED, LEAST_SHOWN, ROUNDED_TO, Cell, Fate, Foreseen, Shown, show
from citylife.ledger.tables import Reason
from tests.builders import NOW

SHOP = uuid.UUID(int=7)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
CELLS = [(fate, reason) for fate in Fate for reason in EXPLAINED]
counts = st.dictionaries(st.sampled_from(CELLS), st.one_of(st.integers(0, 12), st.integers(0, 400)), max_size=6)
few = st.dictionaries(st.sampled_from(CELLS), st.integers(0, 3), max_size=3)


def shown_of(counts: dict[tuple[Fate, Reason], int], *, now: dt.datetime = NOW, secret: str = "s" * 40) -> Shown:
    return show(Foreseen(sum(counts.values()), counts), SHOP, secret=secret, now=now)


def by_fate(counts: dict[tuple[Fate, Reason], int]) -> dict[Fate, int]:
    return {fate: sum(count for (each, _), count in counts.items() if each is fate) for fate in Fate}


def test_followers_are_exact_and_the_rest_is_rounded_the_same_all_day() -> None:
    counts = {(Fate.NOW, Reason.FOLLOWS): 97, (Fate.LATER, Reason.ALWAYS): 23, (Fate.DIGEST, Reason.NOT_DRAWN): 31}
    shown = shown_of(counts)
    assert shown.followers == 151
    assert shown == shown_of(counts, now=NOW + HOUR)
    assert shown.fates[Fate.LATER] in {20, 25}
    assert shown.reasons[Fate.DIGEST, Reason.NOT_DRAWN] in {30, 35}
    days = [shown_of(counts, now=NOW + number * DAY) for number in range(30)]
    assert {each.fates[Fate.LATER] for each in days} == {20, 25}
    assert len({each.fates[Fate.LATER] == each.reasons[Fate.LATER, Reason.ALWAYS] for each in days}) == 2
    houses = [shown_of(counts, secret=f"{number}" * 40) for number in range(30)]
    assert {each.fates[Fate.LATER] for each in houses} == {20, 25}


def test_a_split_of_a_few_followers_is_not_told_at_all() -> None:
    for followers in range(21):
        assert set(shown_of({(Fate.NOW, Reason.FOLLOWS): followers}).fates.values()) == {None}
    assert shown_of({(Fate.NOW, Reason.FOLLOWS): 21}).fates[Fate.NOW] in {15, 20}


def told_fairly(told: dict[Cell, int], true: dict[Cell, int]) -> None:
    """Nothing under eleven is named; each number is rounded, and the largest by at most ten more or less."""
    largest = max(true.values(), default=0)
    for cell, count in told.items():
        assert true.get(cell, 0) >= LEAST_SHOWN
        assert count % ROUNDED_TO == 0
        assert abs(count - true[cell]) < (2 * ROUNDED_TO if true[cell] == largest else ROUNDED_TO)


@given(counts=counts)
def test_nothing_under_eleven_is_told_and_the_rest_is_about_right(counts: dict[tuple[Fate, Reason], int]) -> None:
    shown = shown_of(counts)
    told_fairly(dict(shown.reasons), counts)
    told_fairly({fate: count for fate, count in shown.fates.items() if count is not None}, by_fate(counts))


@given(followers=st.integers(0, 400), most=st.sampled_from(CELLS), others=few)
def test_nobody_can_tell_one_to_ten_of_another_fate_from_none(
    followers: int, most: tuple[Fate, Reason], others: dict[tuple[Fate, Reason], int]
) -> None:
    """As when the radius that is typed grows by a metre, and one who follows « nearby » is near."""
    others = {cell: count for cell, count in others.items() if cell != most}
    split = {most: max(followers - sum(others.values()), 0), **others}
    together = {most: sum(split.values())}
    assert shown_of(split) == shown_of(together)


@given(counts=counts, cells=st.tuples(st.sampled_from(CELLS), st.sampled_from(CELLS)))
def test_one_who_moves_between_two_small_parts_is_not_seen(
    counts: dict[tuple[Fate, Reason], int], cells: tuple[tuple[Fate, Reason], tuple[Fate, Reason]]
) -> None:
    here, there = cells
    before = {**counts, here: 1 + counts.get(here, 0) % 9, there: counts.get(there, 0) % 9}
    if here == there:
        return
    after = {**before, here: before[here] - 1, there: before[there] + 1}
    assert shown_of(before).reasons == shown_of(after).reasons
