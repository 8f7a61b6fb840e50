"""What only the end of a period tells: how many persons follow and were active, which shops are known and active.

Persons are counted once in a territory, so that their numbers are never summed: somebody who follows shops of two
areas is in both, and once in the agglomeration. A shop lies in the area of its commune on the period's last day.
"""

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import orjson
from sqlalchemy import Connection, select, true
from sqlalchemy.orm import Session

from citylife.categories import REFUSED
from citylife.geography import communes
from citylife.invented.tables import COUNTS, invented_town
from citylife.ledger.statements import Statement, stored
from citylife.pilot.areas import area_of
from citylife.pilot.cells import AGGLOMERATION
from citylife.pilot.counting import LIVES
from citylife.pilot.periods import A_WEEK, Frequency, Period
from citylife.pilot.tables import PilotNumber, PilotStock
from citylife.shops.directory import IS_PUBLIC
from citylife.shops.tables import Shop, ShopCommune, ShopStatus
from citylife.upserts import insert_into

PUBLISHED: Final = ("published-offer", "published-event", "published-news")
WEEKS_LOOKED_AT: Final = 4
WEEKS_WANTED: Final = 3
"""In so many of the last four weeks an active merchant has published something."""
A_QUARTER: Final = 13 * A_WEEK
CENTRES: Final = frozenset({"62119", "62178"})
"""Béthune and Bruay-la-Buissière, by their INSEE codes."""

Stocks = Counter[tuple[str, str]]
"""How many, by what is counted and by territory."""

_AREAS: Final = {
    "sqlite": "area (insee_code, code) AS (SELECT key, value FROM json_each(:areas))",
    "postgresql": "area (insee_code, code) AS (SELECT key, value FROM json_each_text(CAST(:areas AS json)))",
}
_HOME: Final = f"""
    home AS MATERIALIZED (
        SELECT c.shop_id, area.code FROM shop_communes c JOIN area ON area.insee_code = c.insee_code
        JOIN shops s ON s.id = c.shop_id AND {COUNTS}
        WHERE c.since <= :last AND (c.until IS NULL OR c.until > :last)
    )
"""
_STOOD: Final = """f.begun_at < :until AND (
    (f.citizen_id, f.shop_id) IN (SELECT citizen_id, shop_id FROM team_followers)
) IS NOT TRUE"""
_STANDING: Final = f"FROM follows f WHERE {_STOOD}"
_ENDED: Final = f"FROM ended_follows f WHERE {_STOOD} AND f.ended_at >= :until"
_HERE: Final = "(f.shop_id IN (SELECT shop_id FROM home)) IS TRUE"
"""Follows are read once, in the order of their citizens: of a plain IN either database would make a join that reads
them shop by shop, all over the disk."""
_OF_EACH: Final = Statement(
    *(
        f"""
        WITH {areas}, {_HOME},
        part AS (
            SELECT f.citizen_id, count(*) AS follows {_STANDING} AND {_HERE} GROUP BY f.citizen_id
            UNION ALL
            SELECT f.citizen_id, count(*) AS follows {_ENDED} AND {_HERE} GROUP BY f.citizen_id
        ),
        whole AS (SELECT citizen_id, sum(follows) AS follows FROM part GROUP BY citizen_id)
        SELECT e.follows, count(*) FROM whole e WHERE {LIVES} GROUP BY e.follows ORDER BY e.follows
        """
        for areas in _AREAS.values()
    )
)
"""How many citizens follow so many shops."""
_BY_AREA: Final = Statement(
    *(
        f"""
        WITH {areas}, {_HOME},
        stood AS MATERIALIZED (
            SELECT f.citizen_id, f.shop_id {_STANDING} UNION ALL SELECT f.citizen_id, f.shop_id {_ENDED}
        ),
        followed AS (
            SELECT DISTINCT f.citizen_id, h.code FROM stood f CROSS JOIN home h WHERE h.shop_id = f.shop_id
        ),
        living AS MATERIALIZED (
            SELECT e.citizen_id FROM (SELECT id AS citizen_id FROM citizens) AS e WHERE {LIVES}
        )
        SELECT f.code, count(*) FROM followed f WHERE f.citizen_id IN (SELECT citizen_id FROM living) GROUP BY f.code
        """
        for areas in _AREAS.values()
    )
)
_ACTIVE: Final = Statement(
    """
    SELECT count(*) FROM (
        SELECT citizen_id FROM citizen_days WHERE day >= :first AND day <= :last
        GROUP BY citizen_id HAVING count(*) >= 2
    ) AS active
    """
)


def take_stock(session: Session, period: Period) -> Stocks:
    """Count what stands at the end of a period; by areas too where it is a month."""
    stocks, connection = Stocks(), session.connection()
    values = _values(connection, period)
    follows = [(int(each), int(count)) for each, count in _OF_EACH.run(connection, values)]
    stocks["following-citizens", AGGLOMERATION] = sum(count for _, count in follows)
    stocks["follows-per-citizen", AGGLOMERATION] = _middle(follows)
    by_days = {name: values[name] for name in ("first", "last")}
    stocks["active-citizens", AGGLOMERATION] = int(_ACTIVE.run(connection, by_days).scalar_one())
    if period.frequency is Frequency.MONTHLY:
        for code, count in _BY_AREA.run(connection, values):
            stocks["following-citizens", code] = int(count)
    _take_stock_of_shops(session, period, stocks)
    return stocks


def keep_stock(session: Session, period: Period, stocks: Mapping[tuple[str, str], int]) -> None:
    """Keep what was counted of a period; of a number that was counted before, the newer one stays."""
    rows = [
        {"period": str(period), "counted": counted, "territory": territory, "count": count}
        for (counted, territory), count in sorted(stocks.items())
    ]
    insert = insert_into(session, PilotStock)
    session.execute(
        insert.on_conflict_do_update(
            index_elements=["period", "counted", "territory"], set_={"count": insert.excluded.count}
        ),
        rows,
    )


def stock_of(session: Session, period: Period) -> Stocks:
    """What was kept of a period."""
    kept = select(PilotStock.counted, PilotStock.territory, PilotStock.count).where(PilotStock.period == str(period))
    return Stocks({(counted, territory): count for counted, territory, count in session.execute(kept)})


def _values(connection: Connection, period: Period) -> dict[str, Any]:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL work_mem = '64MB'")
        connection.exec_driver_sql("SET LOCAL jit = off")
    codes = {insee_code: area_of(insee_code).code for insee_code in communes()}
    return {
        "areas": orjson.dumps(codes).decode(),
        "first": stored(connection, period.first),
        "last": stored(connection, period.last),
        "until": stored(connection, period.ends),
    }


def _middle(counts: list[tuple[int, int]]) -> int:
    """The lower median of numbers given with how often each occurs, in their order; 0 of none."""
    half, before = (sum(count for _, count in counts) + 1) // 2, 0
    for number, count in counts:
        before += count
        if before >= half:
            return number
    return 0


def _take_stock_of_shops(session: Session, period: Period, stocks: Stocks) -> None:
    homes = _homes(session, period.last)
    counts = true() if invented_town(session) else ~Shop.fictional
    known = {
        shop_id: status
        for shop_id, status, category in session.execute(
            select(Shop.id, Shop.status, Shop.category).where(counts, IS_PUBLIC)
        )
        if category not in REFUSED and shop_id in homes
    }
    active = {shop_id for shop_id in _published(session, period.end) if known.get(shop_id) is ShopStatus.VERIFIED}
    former = {shop_id for shop_id in _published(session, period.end - A_QUARTER) if shop_id in homes}
    by_area = period.frequency is Frequency.MONTHLY
    for counted, shops in (("eligible-shops", set(known)), ("active-merchants", active)):
        stocks[counted, AGGLOMERATION] = len(shops)
        if by_area:
            stocks.update(Counter((counted, area_of(homes[shop_id]).code) for shop_id in shops))
    stocks["communes-covered", AGGLOMERATION] = len({homes[shop_id] for shop_id in active})
    stocks["active-outside-centres", AGGLOMERATION] = sum(homes[shop_id] not in CENTRES for shop_id in active)
    stocks["active-a-quarter-ago", AGGLOMERATION] = len(former)
    stocks["active-still", AGGLOMERATION] = len(former & active)


def _homes(session: Session, day: dt.date) -> dict[uuid.UUID, str]:
    """The commune of each shop on a day."""
    on_that_day = ShopCommune.since <= day, ShopCommune.until.is_(None) | (ShopCommune.until > day)
    rows = session.execute(select(ShopCommune.shop_id, ShopCommune.insee_code).where(*on_that_day))
    return {row.shop_id: row.insee_code for row in rows}


def _published(session: Session, end: dt.date) -> set[uuid.UUID]:
    """The shops that published something in three of the four weeks before the day `end`."""
    days = select(PilotNumber.day, PilotNumber.shop_id).where(
        PilotNumber.day >= end - WEEKS_LOOKED_AT * A_WEEK, PilotNumber.day < end, PilotNumber.counted.in_(PUBLISHED)
    )
    weeks = {((end - day - dt.timedelta(days=1)).days // 7, shop_id) for day, shop_id in session.execute(days)}
    counts = Counter(shop_id for _, shop_id in weeks)
    return {shop_id for shop_id, count in counts.items() if count >= WEEKS_WANTED}
