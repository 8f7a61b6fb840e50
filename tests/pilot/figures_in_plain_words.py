"""The figures of a period as plain Python makes them of a town's history: number by number, and slow."""

import datetime as dt
import math
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Final

from sqlalchemy import select

from citylife.pilot.areas import area_of, areas
from citylife.pilot.cells import AGGLOMERATION, Cell, Quantile, Ratio
from citylife.pilot.figures import Expense, Influence, Truth
from citylife.pilot.periods import Frequency, Period
from citylife.shops.tables import ShopCommune
from tests.pilot.history import InPlainWords

FLOWS: Final = {
    "new-follows": "new-follows",
    "lost-follows": "lost-follows",
    "offers-published": "published-offer",
    "events-published": "published-event",
    "news-published": "published-news",
    "deliveries-accepted": "deliveries-accepted",
    "deliveries-gone": "deliveries-gone",
    "deliveries-refused": "deliveries-refused",
    "held-for-quiet": "held-for-quiet",
    "held-for-budget": "held-for-budget",
    "till-uses": "till-uses",
    "opened": "offer-opened",
    "reached-without-push": "shop-page-visits",
}
"""What each is called among the numbers of a day."""
OF_THE_WHOLE: Final = {"reached-without-push", "active-citizens", "communes-covered"}
"""Counts that are not told of areas."""
STOCKS: Final = ("following-citizens", "active-citizens", "active-merchants", "eligible-shops", "communes-covered")
Facts = tuple[object, ...]


class PlainFigures:
    """What is true of one period, by measure and territory."""

    def __init__(self, plain: InPlainWords, period: Period) -> None:
        self.period = period
        self.stock = plain.stock(period)
        self.homes: dict[uuid.UUID, list[ShopCommune]] = defaultdict(list)
        for home in plain.session.scalars(select(ShopCommune)):
            self.homes[home.shop_id].append(home)
        self.numbers = [(line, many) for line, many in plain.found.items() if period.first <= line[0] < period.end]

    def area(self, shop_id: uuid.UUID, day: dt.date) -> str | None:
        """Where a shop was on a day."""
        for home in self.homes[shop_id]:
            if home.since <= day and (home.until is None or day < home.until):
                return area_of(home.insee_code).code
        return None

    def facts(self) -> dict[tuple[str, str], Facts]:
        territories = [AGGLOMERATION, *(areas() if self.period.frequency is Frequency.MONTHLY else ())]
        facts = {
            (key, territory): self.count(key, territory)
            for key in (*FLOWS, *STOCKS)
            for territory in territories
            if territory == AGGLOMERATION or key not in OF_THE_WHOLE
        }
        whole = self.of_the_whole()
        return facts | {(key, AGGLOMERATION): found for key, found in whole.items()}

    def count(self, key: str, territory: str) -> Facts:
        """Value, how many shops have a part in it, the largest part."""
        if key in STOCKS:
            many = self.stock[key, territory]
            return many, many, min(many, 1)
        of_shops: Counter[uuid.UUID] = Counter()
        beside = 0
        for (day, counted, shop_id, _), many in self.numbers:
            if counted != FLOWS[key]:
                continue
            if shop_id.int == 0:
                beside += many if territory == AGGLOMERATION else 0
            elif territory in {AGGLOMERATION, self.area(shop_id, day)}:
                of_shops[shop_id] += many
        return sum(of_shops.values()) + beside, len(of_shops), max(of_shops.values(), default=0)

    def sum_of(self, counted: str) -> int:
        return sum(many for (_, each, _, _), many in self.numbers if each == counted)

    def of_the_whole(self) -> dict[str, Facts]:
        delays = sorted(
            seconds for (_, counted, _, seconds), many in self.numbers if counted == "delay" for _ in range(many)
        )
        accepted = self.sum_of("deliveries-accepted")
        stock = {key: many for (key, territory), many in self.stock.items() if territory == AGGLOMERATION}
        return {
            "follows-per-citizen": (stock["follows-per-citizen"], stock["following-citizens"]),
            "delivery-delay": (at_the(50, delays), len(delays)),
            "delivery-delay-p95": (at_the(95, delays), len(delays)),
            "nearby-share": (self.sum_of("nearby-accepted"), accepted, 100),
            "opt-outs": (self.sum_of("opt-outs"), accepted, 1_000),
            "active-outside-centres": (stock["active-outside-centres"], stock["active-merchants"], 100),
            "merchant-retention": (stock["active-still"], stock["active-a-quarter-ago"], 100),
            "notification-effect": self.effect(),
        }

    def effect(self) -> Facts:
        """Uses per thousand that being drawn adds, and its bounds; nothing where there is too little."""
        offers: dict[tuple[dt.date, uuid.UUID], Counter[str]] = defaultdict(Counter)
        of_shops: dict[str, Counter[uuid.UUID]] = {arm: Counter() for arm in ARMS}
        for (day, counted, shop_id, _), many in self.numbers:
            if counted in ARMS:
                offers[day, shop_id][counted] += many
        both = [(shop_id, [arms[arm] for arm in ARMS]) for (_, shop_id), arms in sorted(offers.items())]
        both = [(shop_id, arms) for shop_id, arms in both if arms[0] and arms[1]]
        for shop_id, arms in both:
            for arm, many in zip(ARMS, arms, strict=True):
                of_shops[arm][shop_id] += many
        if not tells(of_shops):
            return (None,)
        weights = [drawn * not_drawn / (drawn + not_drawn) for _, (drawn, not_drawn, _, _) in both]
        shares = [used / drawn - other / not_drawn for _, (drawn, not_drawn, used, other) in both]
        spreads = [spread(used, drawn) + spread(other, not_drawn) for _, (drawn, not_drawn, used, other) in both]
        more = sum(weight * share for weight, share in zip(weights, shares, strict=True)) / sum(weights)
        squares = sum(weight * weight * each for weight, each in zip(weights, spreads, strict=True))
        half = 1.959964 * math.sqrt(squares) / sum(weights)
        return tuple(round(1_000 * each, 6) for each in (more, more - half, more + half))


ARMS: Final = ("over-drawn", "over-not-drawn", "over-used-drawn", "over-used-not-drawn")


def tells(of_shops: dict[str, Counter[uuid.UUID]]) -> bool:
    """A hundred decisions, eleven uses and eleven without in each arm, by three shops, none above 85 in a hundred."""
    drawn, not_drawn, used, other = (sum(of_shops[arm].values()) for arm in ARMS)
    enough = min(drawn, not_drawn) >= 100 and min(used, other, drawn - used, not_drawn - other) >= 11
    spread_out = all(
        sum(many > 0 for many in shops.values()) >= 3 and 100 * max(shops.values()) <= 85 * sum(shops.values())
        for shops in of_shops.values()
    )
    return enough and spread_out


def spread(used: int, of: int) -> float:
    share = (min(used, of) + 1) / (of + 2)
    return share * (1 - share) / (of + 2)


def at_the(percent: int, values: list[int]) -> int:
    """The first of sorted values that so many in a hundred do not exceed."""
    return values[math.ceil(len(values) * percent / 100) - 1] if values else 0


def facts_of(truth: Iterable[Truth]) -> dict[tuple[str, str], Facts]:
    """The same of what the measures found."""
    found: dict[tuple[str, str], Facts] = {}
    for each in truth:
        match each:
            case Cell():
                facts: Facts = (each.value, each.units, each.largest)
            case Ratio():
                facts = (each.numerator, each.denominator, each.per)
            case Quantile():
                facts = (each.value, each.base)
            case Influence():
                effect = each.effect
                rounded = () if effect is None else (effect.more, effect.low, effect.high)
                facts = tuple(round(number, 6) for number in rounded) or (None,)
            case Expense():
                facts = (each.cents,)
        found[each.key, each.territory] = facts
    return found
