"""Closing down: a shop nobody has claimed is no longer there, and neither page, search nor import brings it back."""

import datetime as dt
import uuid
from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from citylife.audit import Actor, note
from citylife.database import new_id
from citylife.errors import Refusal
from citylife.shops.claims import hold_shop
from citylife.shops.tables import Shop, ShopClosing, ShopStatus
from citylife.text import check_lines


class NotListed(Refusal):
    """Somebody says she runs the shop: it is suspended, or its claim refused, but not said to be gone."""

    slug = "not-listed"
    status = 409
    title = "Commerce revendiqué ou fermé"
    sentence = "Seul un commerce que personne n’a revendiqué peut être déclaré fermé."


class NotClosedDown(Refusal):
    """The shop was not said to be gone."""

    slug = "not-closed-down"
    status = 409
    title = "Commerce non fermé"
    sentence = "Ce commerce n’a pas été déclaré fermé."


def close_down(
    session: Session,
    shop: Shop,
    *,
    reason: str,
    now: dt.datetime,
    actor: Actor = Actor.STAFF,
    actor_id: uuid.UUID | None = None,
) -> Shop:
    """Say that a listed shop no longer exists: its page says so, nothing finds it, and no import writes it again.

    Raises:
        NotListed: it is claimed, verified or suspended, or closed down already.
        TextRefused: the reason is empty or too long.
    """
    reason = check_lines(reason, pointer="/reason", most=300, least=1)
    hold_shop(session, shop)
    if shop.status is not ShopStatus.LISTED:
        raise NotListed
    session.add(ShopClosing(id=new_id(), shop_id=shop.id, closed_at=now, reason=reason))
    return _noted(session, shop, ShopStatus.CLOSED, "shop.closed-down", now=now, actor=actor, actor_id=actor_id)


def reopen(
    session: Session,
    shop: Shop,
    *,
    reason: str,
    now: dt.datetime,
    actor: Actor = Actor.STAFF,
    actor_id: uuid.UUID | None = None,
) -> Shop:
    """Take it back: the shop is listed again, with those who follow it; who says that it exists is staff.

    Raises:
        NotClosedDown: it was not closed down.
        TextRefused: the reason is empty or too long.
    """
    reason = check_lines(reason, pointer="/reason", most=300, least=1)
    hold_shop(session, shop)
    if shop.status is not ShopStatus.CLOSED:
        raise NotClosedDown
    shop.unproved = False
    standing = ShopClosing.shop_id == shop.id, ShopClosing.reopened_at.is_(None)
    session.execute(update(ShopClosing).where(*standing).values(reopened_at=now, reopened_reason=reason))
    return _noted(session, shop, ShopStatus.LISTED, "shop.reopened", now=now, actor=actor, actor_id=actor_id)


def closings_of(session: Session, shop_id: uuid.UUID) -> Sequence[ShopClosing]:
    """Every time a shop was said to be gone, the latest first."""
    statement = select(ShopClosing).where(ShopClosing.shop_id == shop_id).order_by(ShopClosing.id.desc())
    return session.scalars(statement).all()


def _noted(
    session: Session,
    shop: Shop,
    status: ShopStatus,
    act: str,
    *,
    now: dt.datetime,
    actor: Actor,
    actor_id: uuid.UUID | None,
) -> Shop:
    shop.status = status
    shop.updated_at = now
    shop.version += 1
    note(session, act, shop.id, actor=actor, actor_id=actor_id, now=now)
    session.flush()
    return shop
