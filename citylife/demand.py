"""« On vous attend »: how many citizens follow a shop that nobody has claimed yet.

A number under eleven is never told, not even by the order of the list: few enough followers may be known by name.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from citylife.errors import Absent, Refusal
from citylife.follows import Follow
from citylife.shops.tables import Shop, ShopStatus

LEAST_TOLD: Final = 11
"""The smallest number of people that is told; from it on, a letter may be printed."""


def may_know_followers(shop: Shop) -> bool:
    """Whether its team may know how many follow it: not while it is only claimed, by whoever says so."""
    return shop.status is not ShopStatus.CLAIMED


class TooFewWaiting(Refusal):
    """Fewer than eleven citizens wait for the shop."""

    slug = "too-few-waiting"
    status = 409
    title = "Trop peu de personnes"
    sentence = "Une lettre s’imprime à partir de {least} personnes qui attendent le commerce."


@dataclass(frozen=True, slots=True)
class Demand:
    """A shop that nobody has claimed, and how many wait for it; None under eleven."""

    shop: Shop
    waiting: int | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of the list ended: how many waited for its last shop (0 under eleven), and which it was."""

    told: int
    shop_id: uuid.UUID


def demand(session: Session, *, after: Place | None = None, limit: int) -> Sequence[Demand]:
    """Unclaimed shops that somebody follows, the most awaited first; those under eleven last, in no telling order.

    Counted from `ix_follows_shop`: its cost grows with the follows of unclaimed shops.
    """
    count = func.count()
    told = case((count >= LEAST_TOLD, count), else_=0)
    waiting = (
        select(Follow.shop_id.label("shop_id"), told.label("told"))
        .join(Shop, Shop.id == Follow.shop_id)
        .where(Shop.status == ShopStatus.LISTED)
        .group_by(Follow.shop_id)
        .subquery()
    )
    statement = (
        select(Shop, waiting.c.told)
        .join(waiting, waiting.c.shop_id == Shop.id)
        .order_by(waiting.c.told.desc(), Shop.id)
        .limit(limit)
    )
    if after is not None:
        further = (waiting.c.told == after.told) & (Shop.id > after.shop_id)
        statement = statement.where((waiting.c.told < after.told) | further)
    return [Demand(row[0], row[1] or None) for row in session.execute(statement)]


def awaited(session: Session, shop_id: uuid.UUID) -> Demand:
    """An unclaimed shop that at least eleven citizens wait for.

    Raises:
        Absent: there is no such shop, or it is claimed.
        TooFewWaiting: fewer wait for it.
    """
    shop = session.get(Shop, shop_id)
    if shop is None or shop.status is not ShopStatus.LISTED:
        raise Absent
    waiting = session.scalar(select(func.count()).where(Follow.shop_id == shop_id)) or 0
    if waiting < LEAST_TOLD:
        raise TooFewWaiting(least=LEAST_TOLD)
    return Demand(shop, waiting)
