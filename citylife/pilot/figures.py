"""True figures of a period, put together from the numbers of its days and its stocks, by territory.

Nothing of this leaves the house: `citylife.pilot.secrecy` says what of it may be told. A shop counts for the area of
the commune it was in on each day, so that one that moves counts in both, each day once.
"""

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from citylife.ledger.statements import NIL
from citylife.pilot.areas import area_of, areas
from citylife.pilot.cells import AGGLOMERATION, About, Cell, Kind, Quantile, Ratio
from citylife.pilot.costs import cost_of
from citylife.pilot.effect import Effect, Stratum, effect_of
from citylife.pilot.measures import MEASURES, Measure, told_of
from citylife.pilot.periods import Period
from citylife.pilot.stocks import Stocks, stock_of
from citylife.pilot.tables import PilotNumber
from citylife.shops.tables import ShopCommune

COUNTED_AS: Final[Mapping[str, str]] = {
    "published-offer": "offers-published",
    "published-event": "events-published",
    "published-news": "news-published",
    "offer-opened": "opened",
    "shop-page-visits": "reached-without-push",
}
"""By which key a number of days is told, where it has another name."""


@dataclass(frozen=True, slots=True)
class Influence:
    """What a notification changes; `effect` is None where there is too little to conclude from."""

    key: str
    effect: Effect | None
    territory: str = AGGLOMERATION


@dataclass(frozen=True, slots=True)
class Expense:
    """What the public paid, in cents; it is told for each of the uses that are told."""

    key: str
    cents: int
    uses_key: str
    territory: str = AGGLOMERATION


Truth = Cell | Ratio | Quantile | Influence | Expense


@dataclass(slots=True)
class _Sums:
    """By what is counted and by territory: of each shop, and in all; and the seconds of delays."""

    of_shops: dict[tuple[str, str], Counter[uuid.UUID]] = field(default_factory=dict)
    beside: Counter[str] = field(default_factory=Counter)
    seconds: Counter[int] = field(default_factory=Counter)

    def add(self, counted: str, territory: str, shop_id: uuid.UUID, count: int) -> None:
        self.of_shops.setdefault((counted, territory), Counter())[shop_id] += count

    def whole(self, counted: str, territory: str = AGGLOMERATION) -> int:
        beside = self.beside[counted] if territory == AGGLOMERATION else 0
        return self.of_shops.get((counted, territory), Counter()).total() + beside


def figures_of(session: Session, period: Period, *, as_of: dt.datetime) -> list[Truth]:
    """Every true figure of a period, from what was kept of it; in the order of measures, then of territories.

    What it cost is what was entered by `as_of`; where nothing was, there is no such figure.
    """
    sums, stocks = _sums_of(session, period), stock_of(session, period)
    special: dict[str, Truth] = {each.key: each for each in _of_their_own(period, sums, stocks)}
    influence = Influence("notification-effect", effect_of(_strata(session, period)))
    special[influence.key] = influence
    cents = cost_of(session, period, as_of=as_of)
    if cents is not None:
        special["cost-per-use"] = Expense("cost-per-use", cents, "till-uses")
    found: list[Truth] = []
    for measure in MEASURES:
        if measure.key in special:
            found.append(special[measure.key])
        if measure.key in special or measure.about is About.MONEY:
            continue
        found += (
            _cell(measure, territory, period, sums, stocks)
            for territory in (AGGLOMERATION, *sorted(areas()))
            if told_of(measure, period.frequency, area=territory != AGGLOMERATION)
        )
    return found


def _cell(measure: Measure, territory: str, period: Period, sums: "_Sums", stocks: Stocks) -> Cell:
    """A count, of a stock or of days; of shops each is a unit of its own."""
    if measure.kind is not Kind.FLOW:
        value = stocks[measure.key, territory]
        units, largest = value, min(value, 1)
    else:
        parts = sums.of_shops.get((measure.key, territory), Counter())
        value, units, largest = sums.whole(measure.key, territory), len(parts), max(parts.values(), default=0)
    return Cell(
        key=measure.key,
        territory=territory,
        period=period,
        value=value,
        about=measure.about,
        kind=measure.kind,
        units=units,
        largest=largest,
    )


def _of_their_own(period: Period, sums: "_Sums", stocks: Stocks) -> list[Ratio | Quantile]:
    """Ratios and quantiles, which are told of the agglomeration alone."""
    accepted = sums.whole("deliveries-accepted")
    active, former = stocks["active-merchants", AGGLOMERATION], stocks["active-a-quarter-ago", AGGLOMERATION]
    of_accepted = partial(
        Ratio,
        period=period,
        kind=Kind.FLOW,
        about=About.CITIZENS,
        denominator=accepted,
        base_key="deliveries-accepted",
    )
    of_shops = partial(Ratio, period=period, kind=Kind.STOCK, about=About.MERCHANTS)
    of_delays = partial(
        Quantile, period=period, base=sums.seconds.total(), about=About.CITIZENS, base_key="deliveries-accepted"
    )
    return [
        Quantile(
            key="follows-per-citizen",
            period=period,
            value=stocks["follows-per-citizen", AGGLOMERATION],
            base=stocks["following-citizens", AGGLOMERATION],
            about=About.CITIZENS,
            base_key="following-citizens",
        ),
        of_delays(key="delivery-delay", value=quantile(sums.seconds, 50), percent=50),
        of_delays(key="delivery-delay-p95", value=quantile(sums.seconds, 95), percent=95),
        of_accepted(key="nearby-share", numerator=sums.whole("nearby-accepted")),
        of_accepted(key="opt-outs", numerator=sums.whole("opt-outs"), per=1_000),
        of_shops(
            key="active-outside-centres",
            numerator=stocks["active-outside-centres", AGGLOMERATION],
            denominator=active,
            base_key="active-merchants",
        ),
        of_shops(key="merchant-retention", numerator=stocks["active-still", AGGLOMERATION], denominator=former),
    ]


def quantile(counts: Mapping[int, int], percent: int) -> int:
    """The least value that at least `percent` in a hundred of the observations do not exceed; 0 of none."""
    wanted, before = sum(counts.values()) * percent, 0
    for value in sorted(counts):
        before += 100 * counts[value]
        if before >= wanted:
            return value
    return 0


def _strata(session: Session, period: Period) -> list[Stratum]:
    """The offers that were over in a period; those of one shop that were over on one day are one."""
    arms = ("over-drawn", "over-not-drawn", "over-used-drawn", "over-used-not-drawn")
    rows = session.execute(
        select(PilotNumber.day, PilotNumber.shop_id, PilotNumber.counted, PilotNumber.count).where(
            PilotNumber.day >= period.first, PilotNumber.day < period.end, PilotNumber.counted.in_(arms)
        )
    )
    found: dict[tuple[dt.date, uuid.UUID], Counter[str]] = {}
    for day, shop_id, counted, count in rows:
        found.setdefault((day, shop_id), Counter())[counted] = count
    return [Stratum(shop_id, *(counts[arm] for arm in arms)) for (_, shop_id), counts in sorted(found.items())]


def _sums_of(session: Session, period: Period) -> _Sums:
    """The numbers of a period's days, summed by territory."""
    home = and_(
        ShopCommune.shop_id == PilotNumber.shop_id,
        ShopCommune.since <= PilotNumber.day,
        or_(ShopCommune.until.is_(None), ShopCommune.until > PilotNumber.day),
    )
    rows = session.execute(
        select(
            PilotNumber.counted,
            PilotNumber.shop_id,
            PilotNumber.grade,
            ShopCommune.insee_code,
            func.sum(PilotNumber.count),
        )
        .outerjoin(ShopCommune, home)
        .where(PilotNumber.day >= period.first, PilotNumber.day < period.end)
        .group_by(PilotNumber.counted, PilotNumber.shop_id, PilotNumber.grade, ShopCommune.insee_code)
    )
    sums = _Sums()
    for counted, shop_id, grade, insee_code, summed in rows:
        key, count = COUNTED_AS.get(counted, counted), int(summed)
        if counted == "delay":
            sums.seconds[grade] += count
        elif shop_id == NIL:
            sums.beside[key] += count
        else:
            sums.add(key, AGGLOMERATION, shop_id, count)
            if insee_code is not None:
                sums.add(key, area_of(insee_code).code, shop_id, count)
    return sums
