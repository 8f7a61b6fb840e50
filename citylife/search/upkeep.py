"""The words by which shops and offers are found, rewritten in the very transaction that changes them.

A listener on every session of the process does it, whoever makes the change. What goes past the session (a bulk
INSERT or UPDATE) calls `index_shops` or `index_offers` itself.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, and_, column, delete, event, insert, inspect, select, values
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, UOWTransaction

from citylife.categories import REFUSED
from citylife.database import Base
from citylife.offers.tables import Offer, OfferStatus
from citylife.search.tables import AROUND, FIRST, NAMED, SHOP_NAMED, Found, SearchEntry, SearchGram
from citylife.search.words import commune_words, grams_of, trade_words, words_of
from citylife.shops.directory import PUBLIC
from citylife.shops.tables import Shop

SHOP_FOUND_BY: Final = ("name", "category", "insee_code", "status", "unproved")
OFFER_FOUND_BY: Final = ("title", "status", "ends_at")
BATCH: Final = 500
_SHOPS: Final = Base.metadata.tables[Shop.__tablename__]
_OFFERS: Final = Base.metadata.tables[Offer.__tablename__]
_ENTRIES: Final = Base.metadata.tables[SearchEntry.__tablename__]
_GRAMS: Final = Base.metadata.tables[SearchGram.__tablename__]
_SOUGHT: Final = ("gram", "length", "word")
_READ_SHOPS: Final = select(*(_SHOPS.c[name] for name in ("id", *SHOP_FOUND_BY)))
_READ_OFFERS: Final = select(
    *(_OFFERS.c[name] for name in ("id", *OFFER_FOUND_BY)),
    *(_SHOPS.c[name].label(f"shop_{name}") for name in SHOP_FOUND_BY),
).join_from(_OFFERS, _SHOPS, _SHOPS.c.id == _OFFERS.c.shop_id)


def fill(connection: Connection) -> None:
    """Write every word anew, from nothing; for a database that was filled before there was a search."""
    connection.execute(delete(_ENTRIES))
    connection.execute(delete(_GRAMS))
    learnt: set[str] = set()
    for table, read, entries in ((_SHOPS, _READ_SHOPS, shop_entries), (_OFFERS, _READ_OFFERS, offer_entries)):
        ids = connection.scalars(select(table.c.id).order_by(table.c.id)).all()
        for at in range(0, len(ids), BATCH):
            things = connection.execute(read.where(table.c.id.in_(ids[at : at + BATCH]))).mappings()
            rows = [entry for thing in things for entry in entries(thing)]
            words = {row["word"] for row in rows}
            _learn(connection, words - learnt)
            learnt |= words
            if rows:
                connection.execute(insert(_ENTRIES), rows)


def index_shops(connection: Connection, shop_ids: Sequence[uuid.UUID]) -> None:
    """Write the words of these shops as the database has them now, and nothing for one the public may not find."""
    _forget(connection, Found.SHOP, shop_ids)
    rows = connection.execute(_READ_SHOPS.where(_SHOPS.c.id.in_(shop_ids))).mappings()
    _write(connection, [entry for row in rows for entry in shop_entries(row)])


def index_offers(connection: Connection, offer_ids: Sequence[uuid.UUID]) -> None:
    """Write the words of these offers as the database has them now: those that are live, of shops that are public."""
    _forget(connection, Found.OFFER, offer_ids)
    rows = connection.execute(_READ_OFFERS.where(_OFFERS.c.id.in_(offer_ids))).mappings()
    _write(connection, [entry for row in rows for entry in offer_entries(row)])


def shop_entries(row: Mapping[str, Any] | RowMapping) -> list[dict[str, Any]]:
    """The words of one shop, from its columns."""
    if row["status"] not in PUBLIC or row["unproved"] or row["category"] in REFUSED:
        return []
    name = words_of(row["name"])
    around = (*trade_words(row["category"]), *commune_words(row["insee_code"]))
    facts = {"kind": Found.SHOP, "thing_id": row["id"], "category": row["category"], "insee_code": row["insee_code"]}
    return _entries({**facts, "ends_at": None}, name, around)


def offer_entries(row: Mapping[str, Any] | RowMapping) -> list[dict[str, Any]]:
    """The words of one offer, from its columns and its shop's."""
    category, insee_code = row["shop_category"], row["shop_insee_code"]
    if row["status"] is not OfferStatus.LIVE or row["shop_status"] not in PUBLIC or category in REFUSED:
        return []
    title, shop = words_of(row["title"]), words_of(row["shop_name"])
    around = (*trade_words(category), *commune_words(insee_code))
    facts = {"kind": Found.OFFER, "thing_id": row["id"], "category": category, "insee_code": insee_code}
    return _entries({**facts, "ends_at": row["ends_at"]}, title, around, shop)


def _entries(
    facts: Mapping[str, Any], name: Sequence[str], around: Iterable[str], shop: Iterable[str] = ()
) -> list[dict[str, Any]]:
    """A row a word, at its best place: the name, then the shop of an offer, then what is around."""
    penalties: dict[str, int] = {}
    for number, word in enumerate(name):
        penalties[word] = NAMED if number else FIRST
    for word in shop:
        penalties.setdefault(word, SHOP_NAMED)
    for word in around:
        penalties.setdefault(word, AROUND)
    return [
        {**facts, "word": word, "penalty": penalty, "words": len(name)} for word, penalty in sorted(penalties.items())
    ]


def _forget(connection: Connection, kind: Found, things: Iterable[uuid.UUID]) -> None:
    connection.execute(delete(_ENTRIES).where(_ENTRIES.c.thing_id.in_(list(things)), _ENTRIES.c.kind == kind))


def _write(connection: Connection, rows: list[dict[str, Any]]) -> None:
    if rows:
        words = {row["word"] for row in rows}
        _learn(connection, words - _known(connection, sorted(words)))
        connection.execute(insert(_ENTRIES), rows)


def _known(connection: Connection, words: Sequence[str]) -> set[str]:
    """Those of the words that were cut into trigrams before: each is sought by the key of its first trigram."""
    found: set[str] = set()
    for at in range(0, len(words), BATCH):
        keys = [(min(grams_of(word)), len(word), word) for word in words[at : at + BATCH]]
        wanted = values(*(column(name, _GRAMS.c[name].type) for name in _SOUGHT), name="wanted").data(keys).cte()
        same = and_(*(_GRAMS.c[name] == wanted.c[name] for name in _SOUGHT))
        found.update(connection.scalars(select(_GRAMS.c.word).join_from(wanted, _GRAMS, same)))
    return found


def _learn(connection: Connection, words: set[str]) -> None:
    """Cut new words into trigrams; one that another transaction is just learning is waited for."""
    if words:
        learning = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(_GRAMS)
        connection.execute(
            learning.on_conflict_do_nothing(),
            [
                {"gram": gram, "length": len(word), "word": word}
                for word in sorted(words)
                for gram in sorted(grams_of(word))
            ],
        )


@event.listens_for(Session, "after_flush")
def keep_found(session: Session, _context: UOWTransaction) -> None:
    """After each flush of any session: the words of every shop and offer that was just written."""
    new_shops = [thing for thing in session.new if isinstance(thing, Shop)]
    shops = [thing.id for thing in session.dirty if isinstance(thing, Shop) and _changed(thing, SHOP_FOUND_BY)]
    offers = [thing.id for thing in session.dirty if isinstance(thing, Offer) and _changed(thing, OFFER_FOUND_BY)]
    offers += [thing.id for thing in session.new if isinstance(thing, Offer) and thing.status is OfferStatus.LIVE]
    gone = [thing for thing in session.deleted if isinstance(thing, Shop | Offer)]
    if not (new_shops or shops or offers or gone):
        return
    connection = session.connection()
    _write(connection, [entry for shop in new_shops for entry in shop_entries(_columns(shop))])
    for kind, model in ((Found.SHOP, Shop), (Found.OFFER, Offer)):
        if things := [thing.id for thing in gone if isinstance(thing, model)]:
            _forget(connection, kind, things)
    if shops:
        index_shops(connection, shops)
        live = select(_OFFERS.c.id).where(_OFFERS.c.shop_id.in_(shops), _OFFERS.c.status == OfferStatus.LIVE)
        offers = [*{*offers, *connection.scalars(live)}]
    if offers:
        index_offers(connection, offers)


def _changed(thing: Shop | Offer, names: Iterable[str]) -> bool:
    attributes: Any = inspect(thing, raiseerr=True)
    return any(attributes.attrs[name].history.has_changes() for name in names)


def _columns(shop: Shop) -> dict[str, Any]:
    return {name: getattr(shop, name) for name in ("id", *SHOP_FOUND_BY)}
