"""Reading offers: what the public may see, and what a shop's team sees of its own."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Final

from sqlalchemy import func, select, text, tuple_
from sqlalchemy.orm import Session

from citylife.accounts.merchants import Membership
from citylife.categories import REFUSED
from citylife.errors import Absent, NotYours
from citylife.offers.tables import CALLED_OFF, Offer, OfferStatus
from citylife.shops.directory import IS_PUBLIC
from citylife.shops.tables import Shop

SHOWN: Final = (OfferStatus.LIVE, OfferStatus.SOLD_OUT, OfferStatus.ENDED)
"""A notification may be tapped after the offer is over: its page then says so."""
_LIVE: Final = text("offers.status = 'live'")
"""In the statement itself, where a generic plan sees that the partial index fits."""
_CALLED_OFF: Final = text(f"offers.{CALLED_OFF}")


def public_offer(session: Session, offer_id: uuid.UUID) -> Offer:
    """A live offer, or one that was and ended or sold out.

    Raises:
        Absent: there is none, it was never published, was withdrawn (by staff also once it was over), or its shop is
            suspended.
    """
    offer = session.scalar(
        select(Offer)
        .join(Shop, Shop.id == Offer.shop_id)
        .where(
            Offer.id == offer_id,
            Offer.live_from.is_not(None),
            Offer.withdrawn_reason.is_(None),
            IS_PUBLIC,
        )
    )
    if offer is None or offer.status not in SHOWN:
        raise Absent
    return offer


def offers_of_shop(
    session: Session,
    shop_id: uuid.UUID,
    *,
    after: tuple[dt.datetime, uuid.UUID] | None = None,
    limit: int,
    now: dt.datetime,
) -> Sequence[Offer]:
    """The live offers of a shop, the first to end first (index `ix_offers_live`); `after` is (ends_at, id)."""
    statement = (
        select(Offer)
        .where(Offer.shop_id == shop_id, Offer.status == OfferStatus.LIVE, Offer.ends_at > now)
        .order_by(Offer.ends_at, Offer.id)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(tuple_(Offer.ends_at, Offer.id) > after)
    return session.scalars(statement).all()


def live_offers(
    session: Session,
    *,
    category: str | None = None,
    insee_code: str | None = None,
    after: tuple[dt.datetime, uuid.UUID] | None = None,
    limit: int,
    now: dt.datetime,
) -> Sequence[Offer]:
    """The live offers of every public shop, or of one commune or trade, the first to end first.

    Everywhere they are read along `ix_offers_ending`; in a commune along its shops. `after` is (ends_at, id).
    """
    statement = (
        select(Offer)
        .join(Shop, Shop.id == Offer.shop_id)
        .where(_LIVE, Offer.ends_at > now, IS_PUBLIC, Shop.category.not_in(REFUSED))
        .order_by(Offer.ends_at, Offer.id)
        .limit(limit)
    )
    if category is not None:
        statement = statement.where(Shop.category == category)
    if insee_code is not None:
        statement = statement.where(Shop.insee_code == insee_code)
    if after is not None:
        statement = statement.where(tuple_(Offer.ends_at, Offer.id) > after)
    return session.scalars(statement).all()


def live_count(session: Session, *, insee_code: str, now: dt.datetime) -> int:
    """How many live offers the public shops of a commune have."""
    statement = (
        select(func.count())
        .select_from(Offer)
        .join(Shop, Shop.id == Offer.shop_id)
        .where(_LIVE, Offer.ends_at > now, IS_PUBLIC, Shop.category.not_in(REFUSED))
        .where(Shop.insee_code == insee_code)
    )
    return session.scalars(statement).one()


def live_of(session: Session, offer_ids: Sequence[uuid.UUID], *, now: dt.datetime) -> dict[uuid.UUID, Offer]:
    """Those of these offers that are live, of public shops, by their ids."""
    live = (
        select(Offer)
        .join(Shop, Shop.id == Offer.shop_id)
        .where(Offer.id.in_(offer_ids), Offer.status == OfferStatus.LIVE, Offer.ends_at > now)
        .where(IS_PUBLIC, Shop.category.not_in(REFUSED))
    )
    return {offer.id: offer for offer in session.scalars(live)}


def told_offers(
    session: Session,
    *,
    shop_id: uuid.UUID | None = None,
    insee_code: str | None = None,
    limit: int,
    now: dt.datetime,
) -> list[tuple[Offer, Shop]]:
    """What is told elsewhere of a shop's or a commune's offers, the latest change first.

    Those that are live (`ix_offers_live`), and those that were and would still be (`ix_offers_called_off`): sold out or
    withdrawn.
    """
    told = select(Offer, Shop).join(Shop, Shop.id == Offer.shop_id)
    told = told.where(
        Offer.live_from.is_not(None), Offer.ends_at > now, IS_PUBLIC, Shop.category.not_in(REFUSED)
    ).limit(limit)
    if shop_id is not None:
        told = told.where(Offer.shop_id == shop_id)
    if insee_code is not None:
        told = told.where(Shop.insee_code == insee_code)
    latest = (Offer.updated_at.desc(), Offer.id.desc())
    found: list[tuple[Offer, Shop]] = [
        (row[0], row[1])
        for state in (_LIVE, _CALLED_OFF)
        for row in session.execute(told.where(state).order_by(*latest))
    ]
    return sorted(found, key=lambda row: (row[0].updated_at, row[0].id), reverse=True)[:limit]


def every_offer_of_shop(
    session: Session,
    shop_id: uuid.UUID,
    *,
    status: OfferStatus | None = None,
    after: uuid.UUID | None = None,
    limit: int,
) -> Sequence[Offer]:
    """For its team: the offers of a shop in every state, the latest first; `after` is the one a page ended with."""
    statement = select(Offer).where(Offer.shop_id == shop_id).order_by(Offer.id.desc()).limit(limit)
    if status is not None:
        statement = statement.where(Offer.status == status)
    if after is not None:
        statement = statement.where(Offer.id < after)
    return session.scalars(statement).all()


def offer_of_team(session: Session, merchant_id: uuid.UUID, offer_id: uuid.UUID) -> tuple[Offer, Shop, Membership]:
    """An offer in any state, its shop, and the place a member of its team has there.

    Raises:
        NotYours: there is no such offer, or she is not in its shop's team.
    """
    row = session.execute(
        select(Offer, Shop, Membership)
        .join(Shop, Shop.id == Offer.shop_id)
        .join(Membership, Membership.shop_id == Shop.id)
        .where(Offer.id == offer_id, Membership.merchant_id == merchant_id, Membership.ended_at.is_(None))
    ).first()
    if row is None:
        raise NotYours
    return row[0], row[1], row[2]
