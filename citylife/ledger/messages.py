"""Messages: what publishing, selling out and withdrawing an offer propose to the ledger. Releasing decides.

Each is written in the caller's transaction, beside the offer's own change: both are there, or neither.
"""

import datetime as dt
import uuid
from typing import Final, Protocol

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from citylife.clock import PARIS, local_date
from citylife.courtesy.draw import seeds_of
from citylife.database import new_id
from citylife.ledger.tables import Message, MessageKind, MessageState

UNDO: Final = dt.timedelta(seconds=10)
"""How long « tout est parti » can be taken back, and how long its replacement waits."""


class Announced(Protocol):
    """What the ledger needs to know of an offer."""

    @property
    def id(self) -> uuid.UUID: ...  # noqa: D102
    @property
    def shop_id(self) -> uuid.UUID: ...  # noqa: D102
    @property
    def version(self) -> int: ...  # noqa: D102
    @property
    def ends_at(self) -> dt.datetime: ...  # noqa: D102


def announcements_of_the_day(session: Session, shop_id: uuid.UUID, *, now: dt.datetime) -> int:
    """How many announcements a shop has made on this day of Paris."""
    midnight = dt.datetime.combine(local_date(now), dt.time(0), tzinfo=PARIS)
    made = select(func.count()).where(
        Message.shop_id == shop_id, Message.kind == MessageKind.ANNOUNCEMENT, Message.created_at >= midnight
    )
    return session.scalar(made) or 0


def propose_announcement(session: Session, offer: Announced, *, now: dt.datetime) -> Message:
    """Announce the offer to the shop's followers, and to who asked to discover, from now until the offer ends."""
    seeds = seeds_of(offer.shop_id, local_date(now), announcements_of_the_day(session, offer.shop_id, now=now))
    message = _proposed(session, offer, MessageKind.ANNOUNCEMENT, now=now)
    message.draw_a, message.draw_b = seeds.a, seeds.b
    return message


def propose_page_only(session: Session, offer: Announced, *, now: dt.datetime) -> Message:
    """Let each follower read why an offer of a trade that is never announced was not told her."""
    return _proposed(session, offer, MessageKind.PAGE_ONLY, now=now)


def propose_sold_out(session: Session, offer: Announced, *, now: dt.datetime) -> Message | None:
    """Replace what announced the offer, once it can no longer be taken back; None when nothing announced it."""
    announcement = session.scalar(
        select(Message)
        .where(Message.offer_id == offer.id, Message.kind == MessageKind.ANNOUNCEMENT)
        .order_by(Message.id.desc())
        .limit(1)
    )
    if announcement is None:
        return None
    message = _proposed(session, offer, MessageKind.SOLD_OUT, now=now)
    message.replaces_id = announcement.id
    message.release_at, message.expires_at = now + UNDO, max(offer.ends_at, now + dt.timedelta(hours=1))
    return message


def _proposed(session: Session, offer: Announced, kind: MessageKind, *, now: dt.datetime) -> Message:
    """A message of an offer as it is now, from now until the offer ends."""
    message = Message(
        id=new_id(),
        kind=kind,
        shop_id=offer.shop_id,
        offer_id=offer.id,
        offer_version=offer.version,
        created_at=now,
        release_at=now,
        expires_at=offer.ends_at,
    )
    session.add(message)
    return message


def take_back(session: Session, offer: Announced, *, now: dt.datetime) -> bool:
    """Take the replacement back and let the announcement go on; False when the replacement has already begun."""
    session.execute(
        delete(Message).where(
            Message.offer_id == offer.id,
            Message.kind == MessageKind.SOLD_OUT,
            Message.state == MessageState.EXPANDING,
            Message.decided == 0,
            Message.cursor.is_(None),
        )
    )
    begun = session.scalar(
        select(Message.id)
        .where(Message.offer_id == offer.id, Message.kind == MessageKind.SOLD_OUT, Message.created_at >= now - 2 * UNDO)
        .limit(1)
    )
    if begun is not None:
        return False
    _bring_forward(session, offer, now=now)
    return True


def stop_offer(session: Session, offer: Announced, *, now: dt.datetime) -> None:
    """Tell nobody more of an offer that is withdrawn: who was still to be told has it held, and reads why.

    What waits to be sent is held when it is claimed.
    """
    _bring_forward(session, offer, now=now)


def _bring_forward(session: Session, offer: Announced, *, now: dt.datetime) -> None:
    """Let a worker look now at what was put off."""
    session.execute(
        update(Message)
        .where(Message.offer_id == offer.id, Message.state == MessageState.EXPANDING, Message.release_at > now)
        .values(release_at=now)
    )
