"""Expansion: a message becomes decisions and deliveries, a page of followers at a time, in set-based SQL.

A page is one transaction: decisions, deliveries and the cursor move together, so that a crash repeats nothing and
skips nobody, whatever the number of followers. The followers are read from `ix_follows_shop` alone
(shop_id, citizen_id, level).
"""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select, or_, select
from sqlalchemy.orm import Session

from citylife.audience.asking import question_of
from citylife.audience.judging import Hearers, bound_of_discoverers
from citylife.audience.writing import write_page
from citylife.categories import BY_KEY, Policy
from citylife.ledger.messages import UNDO
from citylife.ledger.replacing import replace_for_discoverers, replace_for_followers, were_discoverers_told
from citylife.ledger.statements import NIL, DriverId, Statement, identifier, stored
from citylife.ledger.stops import all_sending_stopped, shop_stopped
from citylife.ledger.tables import Message, MessageKind, MessageState
from citylife.ledger.withholding import Over, is_over, over, withhold
from citylife.offers import Offer, OfferStatus
from citylife.shops import Shop

PAGE: Final = 5_000
"""Followers a transaction decides for: large enough to be cheap, small enough that other writers wait 50 ms at most."""


@dataclass(frozen=True, slots=True)
class Page:
    """What one page of expansion wrote."""

    message_id: uuid.UUID
    offer_id: uuid.UUID | None
    decisions: int
    deliveries: int
    complete: bool


_UPPER = Statement(
    "SELECT citizen_id FROM follows WHERE shop_id = :shop AND citizen_id > :cursor "
    "ORDER BY citizen_id LIMIT 1 OFFSET :skip"
)
_LAST = Statement(
    "SELECT citizen_id FROM follows WHERE shop_id = :shop AND citizen_id > :cursor ORDER BY citizen_id DESC LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class Due:
    """A message that is to be expanded next, and whether some page of it is written already."""

    message_id: uuid.UUID
    begun: bool


def next_due(session: Session, *, now: dt.datetime, refused: bool = False) -> Due | None:
    """What `expand_page` would take, unless another does: a look that takes no lock."""
    due = _due(session, now=now, refused=refused).with_only_columns(Message.id, _BEGUN)
    found = session.execute(due).first()
    return None if found is None else Due(found[0], bool(found[1]))


def expand_page(session: Session, *, now: dt.datetime, page: int = PAGE, refused: bool = False) -> Page | None:
    """Write the next page of the message whose turn it is; None when there is nothing to expand.

    Whichever has not begun comes first, then whichever has decided for fewest: a message of very many pages takes turns
    with the others, and a small one never waits for the last of them.

    The message is locked for the transaction, so that two workers never expand the same page. An announcement whose
    offer is sold out waits until that can no longer be taken back; one that is over is held for whoever was not told.
    A stopped shop's message waits until the shop is resumed, and everything that is not over while all sending is
    stopped, or `refused` (`citylife.ledger.gate`).
    """
    message = session.scalar(
        _due(session, now=now, refused=refused).with_for_update(of=Message, key_share=True, skip_locked=True)
    )
    if message is None:
        return None
    offer = None if message.offer_id is None else session.get(Offer, message.offer_id, populate_existing=True)
    ended = None if offer is None else over(session, message, offer, now=now, refused=refused)
    if ended is not None:
        upper, complete, decisions, deliveries = _withhold(session, message, ended, now=now, page=page)
    elif not _may_go_on(session, message, offer):
        session.flush()
        return Page(message.id, message.offer_id, 0, 0, complete=message.state is not MessageState.EXPANDING)
    elif message.kind is MessageKind.SOLD_OUT:
        upper, complete, decisions, deliveries = _replace(session, message, now=now, page=page)
    else:
        upper, complete, decisions, deliveries = _announce(session, message, now=now, page=page)
    if upper is not None:
        message.cursor = identifier(upper)
    message.decided += decisions
    if complete and ended is not None:
        message.state = MessageState.STOPPED
    elif complete and _goes_on_to_discoverers(session, message, now=now):
        message.discovering, message.cursor = True, None
    elif complete:
        message.state = MessageState.EXPANDED
        message.expanded_at = now
    session.flush()
    return Page(message.id, message.offer_id, decisions, deliveries, message.state is not MessageState.EXPANDING)


_BEGUN: Final = or_(Message.cursor.is_not(None), Message.discovering)


def _due(session: Session, *, now: dt.datetime, refused: bool) -> Select[Message]:
    """The message whose turn it is; where nothing may be sent, the one of those that are over."""
    due = select(Message).where(Message.state == MessageState.EXPANDING, Message.release_at <= now)
    if refused or all_sending_stopped(session):
        due = due.where(is_over(now))
    return due.order_by(_BEGUN, Message.decided, Message.release_at).limit(1)


Done = tuple[DriverId | None, bool, int, int]
"""The last citizen of a page (none of an empty one), whether it was the last page, its decisions and deliveries."""


def _withhold(session: Session, message: Message, ended: Over, *, now: dt.datetime, page: int) -> Done:
    """Hold what is over for a page of followers, unless it replaces something, or they are done."""
    if message.kind not in {MessageKind.ANNOUNCEMENT, MessageKind.PAGE_ONLY} or message.discovering:
        return None, True, 0, 0
    connection = session.connection()
    cursor = stored(connection, message.cursor or NIL)
    upper, complete = _upper_bound(
        connection, {"shop": stored(connection, message.shop_id), "cursor": cursor, "skip": page - 1}
    )
    if upper is None:
        return None, complete, 0, 0
    return upper, complete, withhold(connection, message, ended, cursor=cursor, upper=upper, now=now), 0


def _replace(session: Session, message: Message, *, now: dt.datetime, page: int) -> Done:
    """Replace in silence what was accepted for a page of followers, or of who was told by discovery.

    It is outside budgets, and never in quiet hours.
    """
    if message.discovering:
        replaced = replace_for_discoverers(session, message, now=now, page=page)
        return replaced.upper, replaced.complete, replaced.decisions, replaced.deliveries
    connection = session.connection()
    bounds = {
        "shop": stored(connection, message.shop_id),
        "cursor": stored(connection, message.cursor or NIL),
        "skip": page - 1,
    }
    upper, complete = _upper_bound(connection, bounds)
    if upper is None:
        return None, complete, 0, 0
    return upper, complete, *replace_for_followers(connection, message, upper=upper, now=now)


def _announce(session: Session, message: Message, *, now: dt.datetime, page: int) -> Done:
    """Decide for a page of followers, or of those who asked to discover, by every rule of the audience."""
    connection = session.connection()
    offer, shop = session.get_one(Offer, message.offer_id), session.get_one(Shop, message.shop_id)
    question = question_of(session, message, shop, offer, now=now)
    cursor = stored(connection, message.cursor or NIL)
    if message.discovering:
        hearers = Hearers.DISCOVERERS
        upper, complete = bound_of_discoverers(connection, question, cursor=cursor, page=page)
    else:
        hearers = Hearers.FOLLOWERS
        shop_id = stored(connection, shop.id)
        upper, complete = _upper_bound(connection, {"shop": shop_id, "cursor": cursor, "skip": page - 1})
    if upper is None:
        return None, complete, 0, 0
    written = write_page(connection, hearers, question, cursor=cursor, upper=upper)
    return upper, complete, written.decisions, written.deliveries


def _goes_on_to_discoverers(session: Session, message: Message, *, now: dt.datetime) -> bool:
    """Whether the followers are done and somebody else may hear: never of what would reveal health or belief."""
    if message.kind is MessageKind.SOLD_OUT and not message.discovering:
        return were_discoverers_told(session, message)
    if message.kind is not MessageKind.ANNOUNCEMENT or message.discovering:
        return False
    offer, shop = session.get_one(Offer, message.offer_id), session.get_one(Shop, message.shop_id)
    if BY_KEY[shop.category].policy is not Policy.ADMITTED:
        return False
    connection = session.connection()
    question = question_of(session, message, shop, offer, now=now)
    return bound_of_discoverers(connection, question, cursor=stored(connection, NIL), page=1)[0] is not None


def _may_go_on(session: Session, message: Message, offer: Offer | None) -> bool:
    """Whether a message that is not over may be expanded now; it is put off here when it may not."""
    if offer is None:
        return False
    wanted = OfferStatus.SOLD_OUT if message.kind is MessageKind.SOLD_OUT else OfferStatus.LIVE
    if offer.status is wanted:
        if not shop_stopped(session, offer.shop_id):
            return True
        message.release_at = message.expires_at
        return False
    if offer.status is OfferStatus.SOLD_OUT and offer.closed_at is not None:
        message.release_at = offer.closed_at + UNDO
        return False
    message.state = MessageState.STOPPED
    return False


def _upper_bound(connection: Connection, values: dict[str, Any]) -> tuple[Any, bool]:
    """The last citizen of the page that begins after the cursor, and whether the page is the last one."""
    row = _UPPER.run(connection, values).first()
    if row is not None:
        return row[0], False
    row = _LAST.run(connection, values).first()
    return (None if row is None else row[0]), True
