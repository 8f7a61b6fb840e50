"""Undoing the end of a follow: within a minute it is as if she had never left the shop, also in what is counted."""

import datetime as dt
import uuid
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from citylife.accounts.citizens import hold
from citylife.activity import SOON_AFTER, Counted, count
from citylife.follows import EndedFollow, Follow, Level, follow
from citylife.ledger.tables import Delivery
from citylife.shops import Shop

UNDONE_WITHIN: Final = dt.timedelta(minutes=1)
"""How long the end of a follow may be undone: her page offers it for ten seconds, a slow network takes its own."""


def lately_ended(session: Session, citizen_id: uuid.UUID, shop_id: uuid.UUID, *, now: dt.datetime) -> bool:
    """Whether she ended to follow a shop so lately that it may be undone."""
    return _undoable(session, citizen_id, shop_id, now=now) is not None


def undo_unfollow(session: Session, citizen_id: uuid.UUID, shop: Shop, level: Level, *, now: dt.datetime) -> Follow:
    """Follow a shop as if she had never ended to, at the level she had; after a minute, follow it anew.

    Raises:
        TooManyAlways: three other shops are « always » by now.
        Absent: the shop is suspended or closed down, or the citizen was erased.
    """
    hold(session, citizen_id)
    ended = _undoable(session, citizen_id, shop.id, now=now)
    standing = follow(session, citizen_id, shop, level, now=now)
    if ended is not None:
        standing.begun_at = ended.begun_at
        standing.nearby_until = ended.ended_at  # at which level it stood is forgotten: perhaps « nearby »
        if _was_opt_out(session, ended):
            count(session, Counted.OPT_OUTS, shop.id, now=ended.ended_at, by=-1)
        session.delete(ended)
        session.flush()
    return standing


def always_taken(session: Session, citizen_id: uuid.UUID) -> int:
    """How many shops are « always » for her; `MOST_ALWAYS` at most."""
    always = select(func.count()).where(Follow.citizen_id == citizen_id, Follow.level == Level.ALWAYS)
    return session.scalar(always) or 0


def _undoable(session: Session, citizen_id: uuid.UUID, shop_id: uuid.UUID, *, now: dt.datetime) -> EndedFollow | None:
    """The end that may be undone; none where she follows the shop again."""
    if session.get(Follow, (citizen_id, shop_id), populate_existing=True) is not None:
        return None
    return session.scalars(
        select(EndedFollow)
        .where(EndedFollow.citizen_id == citizen_id, EndedFollow.shop_id == shop_id)
        .where(EndedFollow.ended_at > now - UNDONE_WITHIN)
        .order_by(EndedFollow.ended_at.desc())
        .limit(1)
    ).first()


def _was_opt_out(session: Session, ended: EndedFollow) -> bool:
    """Whether its end was counted as an opt-out: what a push service accepted only after it does not count."""
    told = select(Delivery.citizen_id).where(
        Delivery.citizen_id == ended.citizen_id,
        Delivery.accepted_at > ended.ended_at - SOON_AFTER,
        Delivery.accepted_at <= ended.ended_at,
    )
    return session.execute(told.limit(1)).first() is not None
