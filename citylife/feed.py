"""The feed: the live offers of the shops a citizen follows, soonest to end first, read at full speed.

Feed on read: there is no timeline table. Her follows meet `ix_offers_live (shop_id, ends_at, id)`, the offers of the
page are found from that index alone, and only then are their stored pieces fetched. Offers that end together are
ordered by id, so that pages neither skip nor repeat one.
"""

import datetime as dt
import uuid
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Connection

from citylife.accounts.citizens import read_token
from citylife.hot import speaks_for
from citylife.ledger.statements import Statement, given_moment, identifier, stored

_LAST_ID: Final = uuid.UUID(int=(1 << 128) - 1)
_PLACED: Final = itemgetter(1, 2)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in the feed, just behind one offer: what a cursor remembers."""

    ends_at: dt.datetime
    offer_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class FeedPage:
    """One page: the stored pieces of its offers in order, in UTF-8, and where the next begins; None after the last."""

    pieces: list[bytes]
    next: Place | None


# SQLite is told the order of its loops: it must not depend on whether ANALYZE has ever run. Its rows are found again
# by rowid, which the index already holds; PostgreSQL's by their key, and its offers are found before they are put in
# order, lest it walk every live offer of the town in the order of their ends. Pieces travel as the bytes they will be
# sent as, and are put in order here: neither database has to sort their bytes.
_PAGES: Final = (
    """
    SELECT CAST(p.piece AS BLOB), found.ends_at, found.id
    FROM (
        SELECT o.rowid AS place, o.ends_at AS ends_at, o.id AS id
        FROM follows f CROSS JOIN offers o INDEXED BY ix_offers_live
        WHERE f.citizen_id = :citizen AND o.shop_id = f.shop_id AND o.status = 'live'
          AND (o.ends_at, o.id) > (:ends_at, :offer)/* asked by */
          AND NOT EXISTS (
            SELECT 1 FROM shops s INDEXED BY ix_shops_status WHERE s.status = 'suspended' AND s.id = f.shop_id
          )
        ORDER BY o.ends_at, o.id LIMIT :most
    ) AS found CROSS JOIN offers p ON p.rowid = found.place
    """,
    """
    WITH hers AS MATERIALIZED (
        SELECT o.ends_at, o.id
        FROM follows f JOIN offers o ON o.shop_id = f.shop_id
        WHERE f.citizen_id = :citizen AND o.status = 'live'
          AND (o.ends_at, o.id) > (:ends_at, :offer)/* asked by */
          AND NOT EXISTS (SELECT 1 FROM shops s WHERE s.status = 'suspended' AND s.id = f.shop_id)
    )
    SELECT convert_to(p.piece, 'UTF8'), found.ends_at, uuid_send(found.id)
    FROM (SELECT ends_at, id FROM hers ORDER BY ends_at, id LIMIT :most) AS found JOIN offers p ON p.id = found.id
    """,
)
_SHOWN: Final = " AND EXISTS (SELECT 1 FROM citizen_tokens WHERE citizen_id = :citizen AND digest = :digest)"
_PAGE: Final = Statement(*_PAGES)
_PAGE_SHOWN: Final = Statement(*(text.replace("/* asked by */", _SHOWN) for text in _PAGES))
"""The same for whoever shows a token of hers, which is looked up once a statement; nothing for anybody else."""


def page(
    connection: Connection, citizen_id: uuid.UUID, *, after: Place | None = None, limit: int = 20, now: dt.datetime
) -> FeedPage:
    """The next `limit` live offers, ending after `now`, of the shops she follows at whatever level.

    The offers of a suspended shop are absent.
    """
    return _page(_PAGE, connection, {"citizen": stored(connection, citizen_id)}, after=after, limit=limit, now=now)


def page_shown(
    connection: Connection, token: str, *, after: Place | None = None, limit: int = 20, now: dt.datetime
) -> tuple[uuid.UUID | None, FeedPage]:
    """The citizen a token speaks for, and her page (see `page`); None and an empty one when it speaks for nobody.

    That is one statement: only where there is no offer does another say whether the token is known.
    """
    read = read_token(token)
    if read is None:
        return None, FeedPage([], None)
    citizen_id, digest = read
    values = {"citizen": stored(connection, citizen_id), "digest": digest}
    found = _page(_PAGE_SHOWN, connection, values, after=after, limit=limit, now=now)
    return citizen_id if found.pieces or speaks_for(connection, token) else None, found


def _page(
    statement: Statement,
    connection: Connection,
    values: dict[str, Any],
    *,
    after: Place | None,
    limit: int,
    now: dt.datetime,
) -> FeedPage:
    start = Place(now, _LAST_ID)
    if after is not None and after > start:
        start = after
    values["ends_at"] = stored(connection, start.ends_at)
    values["offer"] = stored(connection, start.offer_id)
    values["most"] = limit + 1
    rows = sorted(statement.run(connection, values).all(), key=_PLACED)
    if len(rows) <= limit:
        return FeedPage([row[0] for row in rows], None)
    rows.pop()
    _, ends_at, offer_id = rows[-1]
    return FeedPage([row[0] for row in rows], Place(given_moment(ends_at), identifier(offer_id)))
