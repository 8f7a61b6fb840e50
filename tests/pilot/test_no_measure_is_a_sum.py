"""No told count adds up from others, but where that is declared: counted from the rows of a town, month after month.

A link that always holds holds in each of these months; so where the counts of many months have no link in common, there
is none, whatever their formulas say in words.
"""

import random
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen, CitizenDay
from citylife.database import engine_for, new_id, writing
from citylife.offers.tables import Offer, OfferKind, OfferStatus
from citylife.pilot.areas import area_of
from citylife.pilot.cells import AGGLOMERATION, Cell, Kind, Ratio
from citylife.pilot.counting import close_days
from citylife.pilot.figures import Truth, figures_of
from citylife.pilot.measures import MEASURES
from citylife.pilot.periods import A_DAY, A_WEEK, Period, read_period
from citylife.pilot.stocks import keep_stock, take_stock
from citylife.pilot.telling import SUMS
from citylife.shops.tables import Shop, ShopCommune
from tests.pilot.history import write_history

FIRST = read_period("2021-01")
MONTHS = 48
TOWNS = ("62119", "62178", "62516", "62119", "62048", "62178", "62617")
"""Where the shops are, in turn: the two centres, and elsewhere."""
BETHUNE, BRUAY = (area_of(insee_code).code for insee_code in ("62119", "62178"))
Link = dict[str, Fraction]
"""By how much each count is to be taken so that together they are always nothing."""

THE_CENTRES = {
    "active-merchants": Fraction(1),
    "part of active-outside-centres": Fraction(-1),
    f"active-merchants {BETHUNE}": Fraction(-1),
    f"active-merchants {BRUAY}": Fraction(-1),
}
"""Active shops lie in the one centre, in the other or outside: `citylife.pilot.centres` sees to it."""


@pytest.fixture
def street(sqlite_url: str) -> Iterator[sessionmaker[Session]]:
    """Sessions on SQLite alone: what is counted is held to be the same on both by other tests."""
    engine = engine_for(sqlite_url)
    yield writing(engine)
    engine.dispose()


def people_the_town(session: Session) -> list[Period]:
    """Four years of a town where shops come, publish for a while or not, and are followed; its months."""
    months = [FIRST]
    while len(months) < MONTHS:
        months.append(months[-1].next)
    days, lot = (months[-1].end - FIRST.first).days, random.Random(7)
    write_history(session, seed=7, first=FIRST.begins, days=days, citizens=160, shops=22, offers=260, told=7)
    shops = list(session.scalars(select(Shop).where(~Shop.fictional).order_by(Shop.id)))
    homes = {home.shop_id: home for home in session.scalars(select(ShopCommune))}
    for number, shop in enumerate(shops):
        shop.insee_code = homes[shop.id].insee_code = TOWNS[number % len(TOWNS)]
        homes[shop.id].since = FIRST.first + lot.randrange(-300, days) * A_DAY
    for shop in shops:
        for month in months:
            if lot.random() < 0.5:
                session.add_all(published_by(shop, month, lot))
    for citizen in session.scalars(select(Citizen)):
        for day in lot.sample(range(3, days // 2), k=4):
            first = FIRST.first + 2 * day * A_DAY
            session.add_all(CitizenDay(citizen_id=citizen.id, day=each) for each in (first, first + A_DAY))
    session.flush()
    return months


def published_by(shop: Shop, month: Period, lot: random.Random) -> Iterator[Offer]:
    """An announcement in most of the last weeks of a month."""
    for week in range(4):
        at = month.ends - week * A_WEEK - lot.randrange(1, 7) * A_DAY
        if lot.random() < 0.9:
            yield Offer(
                id=new_id(),
                shop_id=shop.id,
                kind=lot.choice(list(OfferKind)),
                status=OfferStatus.ENDED,
                title="Panier",
                radius=500,
                ends_at=at + A_DAY,
                first_saved_at=at,
                live_from=at,
                updated_at=at,
            )


def counts_of(truth: Sequence[Truth], former: Sequence[Truth]) -> dict[str, int]:
    """What is told of a month in numbers: counts, the parts of ratios, the two centres, how it stood a month before."""
    found = {"one": 1}
    for each in truth:
        if isinstance(each, Ratio):
            found[f"part of {each.key}"] = each.numerator
            if each.base_key is None:
                found[f"whole of {each.key}"] = each.denominator
        elif isinstance(each, Cell) and each.territory == AGGLOMERATION:
            found[each.key] = each.value
        elif isinstance(each, Cell) and each.territory in {BETHUNE, BRUAY} and each.kind is Kind.STOCK:
            found[f"{each.key} {each.territory}"] = each.value
    for each in former:
        if isinstance(each, Cell) and each.territory == AGGLOMERATION and each.kind is not Kind.FLOW:
            found[f"{each.key} before"] = each.value
    return found


def links_of(rows: Sequence[dict[str, int]]) -> list[Link]:
    """All links that hold in every row, by elimination; none follows from the others."""
    names = list(rows[0])
    lines = [[Fraction(row[name]) for name in names] for row in rows]
    pivots: list[int] = []
    for column in range(len(names)):
        found = next((line for line in lines[len(pivots) :] if line[column]), None)
        if found is None:
            continue
        lines.remove(found)
        found[:] = [value / found[column] for value in found]
        lines.insert(len(pivots), found)
        pivots.append(column)
        for line in lines:
            if line is not found and line[column]:
                line[:] = [value - line[column] * other for value, other in zip(line, found, strict=True)]
    return [
        {names[free]: Fraction(1)}
        | {names[pivot]: -lines[place][free] for place, pivot in enumerate(pivots) if lines[place][free]}
        for free in range(len(names))
        if free not in pivots
    ]


def rows_of(session: Session) -> list[dict[str, int]]:
    """The counts of each month but the first."""
    truths = []
    for month in people_the_town(session):
        close_days(session, list(month.days()), now=month.ends)
        keep_stock(session, month, take_stock(session, month))
        session.flush()
        truths.append(figures_of(session, month, as_of=month.ends))
    return [counts_of(truth, former) for former, truth in pairwise(truths)]


def test_no_told_count_adds_up_from_others_but_where_it_is_declared(street: sessionmaker[Session]) -> None:
    with street.begin() as session:
        rows = rows_of(session)
    counts = {each.key for each in MEASURES if each.key in rows[0]}
    assert len(counts) == 18
    assert all(any(row[name] for row in rows) for name in rows[0]), "a count that was never anything"
    declared = [{each.total_key: Fraction(1), **dict.fromkeys(each.part_keys, Fraction(-1))} for each in SUMS]
    for link in (THE_CENTRES, *declared):
        assert {sum(row[name] * by for name, by in link.items()) for row in rows} == {0}
    found = links_of(rows)
    assert len(found) == len(declared) + 1, found


def test_a_total_that_nobody_declared_would_be_found() -> None:
    lot = random.Random(3)
    rows = [{name: lot.randrange(50) for name in ("offers", "events", "news")} for _ in range(8)]
    assert links_of(rows) == []
    totals = [row | {"announcements": sum(row.values())} for row in rows]
    assert links_of(totals) == [{"announcements": 1, "offers": -1, "events": -1, "news": -1}]
    stocks = [{"follows": 7, "begun": 0, "ended": 0, "before": 0}]
    for row in rows:
        now = {"begun": row["offers"], "ended": row["events"], "before": stocks[-1]["follows"]}
        stocks.append({"follows": now["before"] + now["begun"] - now["ended"], **now})
    assert links_of(stocks[1:]) == [{"before": 1, "follows": -1, "begun": 1, "ended": -1}]
