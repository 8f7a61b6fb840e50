"""Writes an invented town and its year into an empty database, in the one transaction that the caller has begun.

So an interruption leaves nothing. In the year every busy shop announces once a week to those of its followers who are
drawn by lot, and half of the citizens come on two days of each of the last weeks. Nothing of it was purged.
"""

import contextlib
import datetime as dt
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from sqlalchemy import Connection, Engine, Table, insert, text

from citylife.accounts.citizens import Citizen
from citylife.accounts.merchants import Merchant
from citylife.clock import local_date
from citylife.database import Base
from citylife.devices import Origin
from citylife.follows import Follow
from citylife.invented.drawing import Draw, Row
from citylife.invented.loading import Loader
from citylife.invented.tables import ONLY, InventedTown
from citylife.ledger.statements import stored
from citylife.ledger.tables import Message
from citylife.offers import Offer
from citylife.pilot.periods import A_DAY, A_WEEK
from citylife.places import Place
from citylife.reports import Report
from citylife.search import upkeep
from citylife.shops import Shop
from citylife.shops.tables import ShopClaim, ShopCommune

DELIVERIES: Final = 5_000_000
"""At scale 1, about."""
WEEKS_SEEN: Final = 9
"""The weeks, this one among them, in which citizens were seen."""
NOWHERE: Final = "https://push.citylife.invalid"
"""The push service that accepted everything: there is none (RFC 2606)."""
LONGEST: Final = 40
"""Seconds until it accepted; each announcement has its own."""
PARTS: Final = 50
"""In so many steps the ledger is written, by ranges of citizens: each fills its tables from left to right."""
A_MOMENT: Final = 5_000
"""Rows between two words of progress."""
LOT: Final = {
    "postgresql": "random() + 0 * (m.offer_version + a.bucket) < :part",
    "sqlite": "abs(random() % 1000000) + 0 * (m.offer_version + a.bucket) < :part * 1000000",
}
"""Of each pair anew: it names both, lest a database ask it once a row of one of them."""
Advance = Callable[[int], None]


@contextlib.contextmanager
def in_one_transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction for `write_town`, whose foreign keys are right by construction: they are not looked up, if allowed.

    Afterwards the database is left as after a night's rest.
    """
    on_sqlite = engine.dialect.name == "sqlite"
    with engine.connect().execution_options(writes=True) as connection:
        driver: Any = connection.connection.driver_connection
        if on_sqlite:
            driver.execute("PRAGMA foreign_keys = OFF")
            driver.execute("PRAGMA cache_size = -262144")
        try:
            with connection.begin():
                if not on_sqlite:
                    _hurry(connection)
                yield connection
        finally:
            if on_sqlite:
                driver.execute("PRAGMA foreign_keys = ON")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)" if on_sqlite else "VACUUM ANALYZE"))


def _hurry(connection: Connection) -> None:
    """On PostgreSQL, for this transaction: more memory, and no triggers where the caller may leave them out."""
    connection.execute(text("SET LOCAL maintenance_work_mem = '256MB'"))
    connection.execute(text("SET LOCAL work_mem = '64MB'"))
    if connection.scalar(text("SELECT current_setting('is_superuser')")) == "on":
        connection.execute(text("SET LOCAL session_replication_role = replica"))


def rows_of(draw: Draw, deliveries: int) -> int:
    """About how many rows `write_town` will write."""
    citizens = len(draw.citizen_ids)
    return citizens * (2 + draw.follows_each + WEEKS_SEEN) + draw.offer_count + 2 * deliveries


def write_town(
    connection: Connection,
    draw: Draw,
    *,
    seed: int,
    scale: float,
    deliveries: int,
    now: dt.datetime,
    advance: Advance = lambda _rows: None,
) -> None:
    """Write all of it; `advance` hears of rows as they are written."""
    loader = Loader(connection)
    past, live = list(draw.past_offers()), list(draw.live_offers())
    for model, rows in (
        (Shop, draw.shops()),
        (ShopCommune, draw.shop_communes()),
        (Offer, [*past, *live]),
        (Merchant, draw.claimants()),
        (ShopClaim, draw.claims()),
        (Report, draw.reports(offer["id"] for offer in live)),
        (Message, map(_announcement, past, itertools.cycle(range(LONGEST)))),
        (Citizen, draw.citizens()),
        (Place, draw.places()),
        (Follow, draw.follows()),
    ):
        loader.fill(_table(model), _told(rows, advance))
    connection.execute(text("ANALYZE"))
    connection.execute(insert(Origin).values(origin=NOWHERE))
    _deliver(connection, draw.citizen_ids, deliveries, advance)
    _come(connection, now, advance)
    connection.execute(
        text(
            "INSERT INTO timetable (task, subject, due_at) "
            "SELECT 'offer-ends', id, ends_at FROM offers WHERE status = 'live'"
        )
    )
    upkeep.fill(connection)
    connection.execute(insert(InventedTown).values(id=ONLY, seed=seed, scale=scale, drawn_at=now))
    connection.execute(text("ANALYZE"))


def _table(model: type[Base]) -> Table:
    return Base.metadata.tables[model.__tablename__]


def _told(rows: Iterable[Row], advance: Advance) -> Iterator[Row]:
    """The rows, told of now and then."""
    count = 0
    for row in rows:
        yield row
        count += 1
        if count % A_MOMENT == 0:
            advance(A_MOMENT)
    advance(count % A_MOMENT)


def _announcement(offer: Row, seconds: int) -> Row:
    """The message by which an offer was announced, and when the push service accepted it."""
    settled = dt.datetime.fromisoformat(offer["live_from"]) + dt.timedelta(seconds=seconds)
    return {
        "id": offer["id"],
        "kind": "announcement",
        "state": "expanded",
        "shop_id": offer["shop_id"],
        "offer_id": offer["id"],
        "offer_version": 1,
        "created_at": offer["live_from"],
        "release_at": offer["live_from"],
        "expires_at": offer["ends_at"],
        "decided": 0,
        "expanded_at": settled.isoformat(" ", "microseconds"),
    }


def _deliver(connection: Connection, citizens: list[bytes], wanted: int, advance: Advance) -> None:
    """Every announcement reaches followers of its shop, drawn by lot among those who followed it then."""
    connection.execute(
        text(
            "CREATE TEMPORARY TABLE invented_audience AS "
            "SELECT f.citizen_id, f.shop_id, f.begun_at, c.bucket FROM follows f "
            "JOIN citizens c ON c.id = f.citizen_id WHERE f.shop_id IN (SELECT shop_id FROM messages)"
        )
    )
    connection.execute(text("CREATE INDEX invented_audience_hers ON invented_audience (citizen_id)"))
    connection.execute(text("ANALYZE invented_audience"))
    told = "FROM invented_audience a JOIN messages m ON m.shop_id = a.shop_id AND m.created_at >= a.begun_at"
    whole = int(connection.scalar(text(f"SELECT count(*) {told}")) or 1)
    deliver = text(
        "INSERT INTO deliveries "
        "(citizen_id, message_id, device_id, bucket, origin_id, state, attempts, next_at, accepted_at) "
        "SELECT a.citizen_id, m.id, a.citizen_id, a.bucket, (SELECT min(id) FROM origins), 'accepted', 1, "
        f"m.release_at, m.expanded_at {told} "
        f"WHERE a.citizen_id > :after AND a.citizen_id <= :until AND {LOT[connection.dialect.name]} ORDER BY 1, 2"
    )
    decide = text(
        "INSERT INTO decisions (citizen_id, message_id, outcome, reason, decided_at, arm) "
        "SELECT d.citizen_id, d.message_id, 'send', 'follows', m.created_at, 'none' "
        "FROM deliveries d JOIN messages m ON m.id = d.message_id "
        "WHERE d.citizen_id > :after AND d.citizen_id <= :until ORDER BY 1, 2"
    )
    for values in _ranges(connection, citizens):
        count = connection.execute(deliver, {**values, "part": wanted / whole}).rowcount
        advance(count)
        connection.execute(decide, values)
        advance(count)
    connection.execute(text("DROP TABLE invented_audience"))


def _ranges(connection: Connection, citizens: list[bytes]) -> Iterator[dict[str, Any]]:
    """Ranges that hold as many citizens each, together all of them."""
    step = max(1, -(-len(citizens) // PARTS))
    after = bytes(16)
    for last in (*citizens[step - 1 : -1 : step], *citizens[-1:]):
        yield {
            name: value if connection.dialect.name == "sqlite" else value.hex()
            for name, value in (("after", after), ("until", last))
        }
        after = last


def _come(connection: Connection, now: dt.datetime, advance: Advance) -> None:
    """Half of the citizens, another half each week, were seen on two days of it."""
    today = local_date(now)
    monday = today - today.weekday() * A_DAY
    days = [
        {"day": stored(connection, day), "half": week % 2}
        for week in range(WEEKS_SEEN)
        for day in (monday - week * A_WEEK, monday - week * A_WEEK + 4 * A_DAY)
        if day < today
    ]
    connection.execute(text("CREATE TEMPORARY TABLE invented_days (day date, half integer)"))
    connection.execute(text("INSERT INTO invented_days (day, half) VALUES (:day, :half)"), days)
    come = text(
        "INSERT INTO citizen_days (citizen_id, day) SELECT c.id, d.day FROM citizens c CROSS JOIN invented_days d "
        "WHERE c.bucket % 2 = d.half ORDER BY 1, 2"
    )
    advance(connection.execute(come).rowcount)
    connection.execute(text("DROP TABLE invented_days"))
