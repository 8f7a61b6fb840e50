"""Replacing: « tout est parti » takes the place of what was shown, in silence, for whoever was shown it.

First the followers of the shop, page by page, then those who were told by discovery. These are looked for where they
were told: who has no place near the shop any more keeps what she was shown until she opens it.
"""

import dataclasses
import datetime as dt
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from citylife.audience.asking import question_of
from citylife.audience.judging import Hearers, bound_of_discoverers, discoverers_between, near_the_shop
from citylife.ledger.statements import NIL, DriverId, Statement, stored
from citylife.ledger.tables import REPLACEABLE, Message
from citylife.offers.tables import Offer
from citylife.shops.tables import Shop

_SOURCES: Final = {
    Hearers.FOLLOWERS: (
        ("", ""),
        """(
        SELECT f.citizen_id FROM follows f
        WHERE f.shop_id = :shop AND f.citizen_id > :cursor AND f.citizen_id <= :upper AND f.level <> 'none'
    )""",
    ),
    Hearers.DISCOVERERS: (near_the_shop(), discoverers_between()),
}
_WANTED: Final = {
    Hearers.FOLLOWERS: "c.notifications_consented",
    Hearers.DISCOVERERS: """c.notifications_consented AND c.discover_nearby AND c.location_consented
      AND NOT EXISTS (SELECT 1 FROM follows o WHERE o.citizen_id = f.citizen_id AND o.shop_id = :shop)
      AND NOT EXISTS (SELECT 1 FROM decisions o WHERE o.citizen_id = f.citizen_id AND o.message_id = :message)""",
}
_ACCEPTED: Final = "p.message_id = :replaces AND p.state = 'accepted' AND p.accepted_at > :since"
_DECISION: Final = """
    INSERT INTO decisions (citizen_id, message_id, outcome, reason, decided_at, arm)
    SELECT f.citizen_id, :message, 'send', 'replaces', :decided_at, 'none'
    FROM {source} AS f JOIN citizens c ON c.id = f.citizen_id
    WHERE {wanted} AND EXISTS (
        SELECT 1 FROM deliveries p JOIN devices d ON d.citizen_id = p.citizen_id AND d.id = p.device_id
        WHERE p.citizen_id = f.citizen_id AND {accepted}
    )
"""
_DELIVERIES: Final = """
    INSERT INTO deliveries (citizen_id, message_id, device_id, bucket, origin_id, state, attempts, next_at)
    SELECT f.citizen_id, :message, d.id, d.bucket, d.origin_id, 'waiting', 0, :decided_at
    FROM {source} AS f
    JOIN deliveries p ON p.citizen_id = f.citizen_id
    JOIN devices d ON d.citizen_id = f.citizen_id AND d.id = p.device_id
    WHERE {accepted} AND EXISTS (
        SELECT 1 FROM decisions x WHERE x.citizen_id = f.citizen_id AND x.message_id = :message
    ) AND NOT EXISTS (
        SELECT 1 FROM deliveries x WHERE x.citizen_id = f.citizen_id AND x.message_id = :message AND x.device_id = d.id
    )
"""


def _both(text: str, hearers: Hearers) -> Statement:
    before, source = _SOURCES[hearers]
    said = text.format(source=source, wanted=_WANTED[hearers], accepted=_ACCEPTED)
    return Statement(*(f"{around} {said}" for around in before))


_DECIDE: Final = {hearers: _both(_DECISION, hearers) for hearers in Hearers}
_DELIVER: Final = {hearers: _both(_DELIVERIES, hearers) for hearers in Hearers}


@dataclasses.dataclass(frozen=True, slots=True)
class Replaced:
    """The last citizen of a page (none of an empty one), whether it was the last page, and what it wrote."""

    upper: DriverId | None
    complete: bool
    decisions: int = 0
    deliveries: int = 0


def replace_for_followers(
    connection: Connection, message: Message, *, upper: DriverId, now: dt.datetime
) -> tuple[int, int]:
    """Replace what was accepted for the followers after the message's cursor up to `upper`: decisions, deliveries."""
    return _written(connection, Hearers.FOLLOWERS, _values(connection, message, upper=upper, now=now))


def replace_for_discoverers(session: Session, message: Message, *, now: dt.datetime, page: int) -> Replaced:
    """Replace what was accepted for the next page of those who were told by discovery."""
    connection = session.connection()
    offer, shop = session.get_one(Offer, message.offer_id), session.get_one(Shop, message.shop_id)
    then = dataclasses.replace(question_of(session, message, shop, offer, now=now), now=now - REPLACEABLE)
    upper, complete = bound_of_discoverers(
        connection, then, cursor=stored(connection, message.cursor or NIL), page=page
    )
    if upper is None:
        return Replaced(None, complete)
    values = _values(connection, message, upper=upper, now=now) | then.around(connection)
    return Replaced(upper, complete, *_written(connection, Hearers.DISCOVERERS, values))


def were_discoverers_told(session: Session, message: Message) -> bool:
    """Whether what a message replaces went on to those who asked to discover."""
    replaced = None if message.replaces_id is None else session.get(Message, message.replaces_id)
    return replaced is not None and replaced.discovering


def _values(connection: Connection, message: Message, *, upper: DriverId, now: dt.datetime) -> dict[str, Any]:
    return {
        "message": stored(connection, message.id),
        "shop": stored(connection, message.shop_id),
        "cursor": stored(connection, message.cursor or NIL),
        "upper": upper,
        "decided_at": stored(connection, now),
        "replaces": stored(connection, message.replaces_id or NIL),
        "since": stored(connection, now - REPLACEABLE),
    }


def _written(connection: Connection, hearers: Hearers, values: dict[str, Any]) -> tuple[int, int]:
    return _DECIDE[hearers].count(connection, values), _DELIVER[hearers].count(connection, values)
