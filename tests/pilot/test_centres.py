"""The share of active shops outside the two centres, beside the areas of its month: it tells of none that is withheld.

The attack takes every number of shops that agrees with all that was told, and looks at what is left for each area.
"""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citylife.pilot import telling
from citylife.pilot.areas import area_of, areas
from citylife.pilot.cells import AGGLOMERATION, About, Cell, Kind, Range, Ratio, keeps_secret
from citylife.pilot.periods import Period, read_period
from citylife.pilot.stocks import CENTRES
from citylife.pilot.telling import told

MONTH = read_period("2026-10")
BETHUNE, BRUAY = (area_of(insee_code).code for insee_code in ("62119", "62178"))
OTHERS = [code for code in areas() if code not in {BETHUNE, BRUAY}]
ACTIVE, SHARE = "active-merchants", "active-outside-centres"


def figures(shops: dict[str, int], period: Period = MONTH) -> dict[str, dict[str, Any]]:
    """What is told of the active shops of each area, by territory, and of the share under its own key."""
    common = {"key": ACTIVE, "period": period, "about": About.MERCHANTS, "kind": Kind.STOCK}
    counts = {AGGLOMERATION: sum(shops.values())} | (shops if period == MONTH else {})
    cells = [
        Cell(territory=where, value=many, units=many, largest=min(many, 1), **common) for where, many in counts.items()
    ]
    outside = sum(many for where, many in shops.items() if where in OTHERS)
    share = Ratio(
        key=SHARE,
        period=period,
        numerator=outside,
        denominator=sum(shops.values()),
        about=About.MERCHANTS,
        kind=Kind.STOCK,
        base_key=ACTIVE,
    )
    said = told([*cells, share], [])
    return {each["territory"] if each["key"] == ACTIVE else SHARE: each for each in said}


def near(each: dict[str, Any]) -> range:
    return range(max(0, each["value"] - 2), each["value"] + 3)


def left_for(said: dict[str, dict[str, Any]]) -> Iterator[Range]:
    """What is left for each area that is not told, or for all of a group together, by the share and its count."""
    per_cent = said[SHARE]["value"]
    whole = said[AGGLOMERATION]["value"]
    within = [
        (outside, total - outside)
        for total in near(said[AGGLOMERATION])
        for outside in range(total + 1)
        if (200 * ((outside + 2) // 5 * 5) + whole) // (2 * whole) == per_cent
    ]
    for side, group in enumerate((OTHERS, [BETHUNE, BRUAY])):
        known = [said[where] for where in group if where in said and "value" in said[where]]
        hidden = [where for where in group if where in said and "value" not in said[where]]
        lows, highs = sum(near(each)[0] for each in known), sum(near(each)[-1] for each in known)
        totals = [both[side] for both in within if lows <= both[side] and (hidden or both[side] <= highs)]
        if hidden:
            yield Range(max(0, min(totals) - highs) if len(hidden) == 1 else 0, max(totals) - lows)


TOWNS = st.fixed_dictionaries(
    {BETHUNE: st.integers(0, 40), BRUAY: st.integers(0, 25)} | dict.fromkeys(OTHERS[:5], st.integers(0, 12))
)


@given(TOWNS)
def test_nothing_that_is_withheld_is_told_by_the_share(shops: dict[str, int]) -> None:
    said = figures(shops)
    if "value" in said[SHARE]:
        assert all(keeps_secret(left, About.MERCHANTS) for left in left_for(said)), said


def test_the_attack_succeeds_where_the_share_does_not_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "share_betrays", lambda *_: False)
    lot, found = random.Random(1), 0
    for _ in range(400):
        shops = {BETHUNE: lot.randrange(40), BRUAY: lot.randrange(25)} | {
            each: lot.randrange(12) for each in OTHERS[:5]
        }
        said = figures(shops)
        found += "value" in said[SHARE] and not all(keeps_secret(left, About.MERCHANTS) for left in left_for(said))
    assert found > 0


def test_one_centre_alone_is_not_told_by_the_share_and_the_other() -> None:
    """Told as 95 shops, 80 of them outside and 20 in Béthune, that is 97 at most, 78 and 18 at least: one in Bruay."""
    others = dict.fromkeys(OTHERS[:6], 13)
    said = figures({BETHUNE: 18, BRUAY: 1, **others, OTHERS[6]: 0})
    assert "hidden" in said[BRUAY]
    assert "value" in said[BETHUNE]
    assert said[SHARE] == {"key": SHARE, "territory": AGGLOMERATION, "hidden": "few-merchants"}


def test_where_every_area_is_told_so_is_the_share() -> None:
    said = figures({BETHUNE: 20, BRUAY: 10, **dict.fromkeys(OTHERS[:6], 10)})
    assert said[SHARE]["value"] == 67


@pytest.mark.parametrize(("week", "is_told"), [("2026-W22", False), ("2026-W21", True), ("2026-W23", True)])
def test_a_week_that_ends_with_its_month_leaves_the_share_to_the_month(week: str, *, is_told: bool) -> None:
    """The last day of week 22 is the last of May, whose areas are told of the same shops."""
    said = figures({BETHUNE: 20, BRUAY: 10, OTHERS[0]: 60}, read_period(week))
    assert ("value" in said[SHARE]) is is_told


def test_the_centres_are_areas_of_their_own() -> None:
    """Else the share would part the areas otherwise than is thought here."""
    assert {code for each in (BETHUNE, BRUAY) for code in areas()[each].insee_codes} == CENTRES
