"""Coming again: what is due of recurring offers, published, or said not to be; reading them; and forgetting them."""

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import exists, select, text
from sqlalchemy.orm import Session

from citylife.accounts.merchants import Membership
from citylife.audit import Actor
from citylife.errors import NotYours, Refusal
from citylife.forgetting import forget_some
from citylife.offers.drafts import draft_offer
from citylife.offers.publishing import publish
from citylife.offers.recurring import (
    RUNNING,
    Occurred,
    Occurrence,
    RecurringOffer,
    RecurringStatus,
    draft_of_recurring,
    end_recurring,
    hold_recurring,
    note_skipped,
    plan_next,
)
from citylife.offers.tables import Offer
from citylife.shops.tables import Shop, ShopStatus

ENDED_KEPT: Final = dt.timedelta(days=30)
"""How long a recurring offer that comes no more is still shown to its team."""
OCCURRENCES_KEPT: Final = dt.timedelta(days=35)
"""How long its team still reads what became of an occurrence."""


def recur_due(session: Session, series_id: uuid.UUID, *, now: dt.datetime) -> Offer | None:
    """Publish the occurrence that is due, and put the next one on the timetable; the offer, or None.

    One that is late is published while it would still be live, for what is left of it; later it is missed. What a rule
    refuses is written down with its reason, and the next one comes all the same. Harmless when nothing is due.
    """
    series = session.get(RecurringOffer, series_id)
    if series is None:
        return None
    shop = hold_recurring(session, series)
    if not series.running:
        return None
    rhythm, day = series.rhythm, series.next_on
    note_skipped(session, series, now=now)
    if day is None:
        if series.skipped_on is None:
            end_recurring(session, series, RecurringStatus.OVER, now=now)
        else:
            plan_next(session, series, now=now)
        return None
    if rhythm.begins(day) > now:
        plan_next(session, series, now=now)
        return None
    ended = _ended_by(session, shop)
    if ended is not None:
        end_recurring(session, series, ended, now=now)
        return None
    found = _occur(session, series, shop, day, now=now)
    series.next_on = rhythm.day_after(day, but=series.skipped_on)
    session.flush()
    if series.next_on is None and series.skipped_on is None:
        end_recurring(session, series, RecurringStatus.OVER, now=now)
    else:
        plan_next(session, series, now=now)
    return found


def fall_silent(session: Session, shop_id: uuid.UUID, *, now: dt.datetime) -> None:
    """End every recurring offer of a shop that is suspended or gone; harmless while it may speak."""
    shop = session.get(Shop, shop_id)
    if shop is None or shop.status is ShopStatus.VERIFIED:
        return
    for series in session.scalars(
        select(RecurringOffer).where(RecurringOffer.shop_id == shop_id, text(RUNNING)).order_by(RecurringOffer.id)
    ).all():
        hold_recurring(session, series)
        if series.running:
            end_recurring(session, series, RecurringStatus.SHOP_SILENT, now=now)


def end_withdrawn(session: Session, offer_id: uuid.UUID, *, now: dt.datetime) -> None:
    """End the recurring offer that an offer came from, which staff have withdrawn: it does not come back by itself."""
    series = session.scalar(
        select(RecurringOffer)
        .join(Occurrence, Occurrence.recurring_id == RecurringOffer.id)
        .where(Occurrence.offer_id == offer_id)
    )
    if series is None:
        return
    hold_recurring(session, series)
    if series.running:
        end_recurring(session, series, RecurringStatus.WITHDRAWN, now=now)


def recurring_of_team(session: Session, merchant_id: uuid.UUID, series_id: uuid.UUID) -> tuple[RecurringOffer, Shop]:
    """A recurring offer in any state and its shop, for a member of its team.

    Raises:
        NotYours: there is none, or she is not in its shop's team.
    """
    row = session.execute(
        select(RecurringOffer, Shop)
        .join(Shop, Shop.id == RecurringOffer.shop_id)
        .join(Membership, Membership.shop_id == Shop.id)
        .where(RecurringOffer.id == series_id, Membership.merchant_id == merchant_id, Membership.ended_at.is_(None))
    ).first()
    if row is None:
        raise NotYours
    return row[0], row[1]


def recurring_of_shop(
    session: Session, shop_id: uuid.UUID, *, after: uuid.UUID | None = None, limit: int
) -> Sequence[RecurringOffer]:
    """The recurring offers of a shop, the latest first, those that come no more too, for a while; `after` a page."""
    wanted = select(RecurringOffer).where(RecurringOffer.shop_id == shop_id)
    if after is not None:
        wanted = wanted.where(RecurringOffer.id < after)
    return session.scalars(wanted.order_by(RecurringOffer.id.desc()).limit(limit)).all()


def occurrences_of(
    session: Session, series_ids: Iterable[uuid.UUID], *, since: dt.datetime
) -> dict[uuid.UUID, list[Occurrence]]:
    """What became of their occurrences since a moment, the latest first, by recurring offer."""
    found: dict[uuid.UUID, list[Occurrence]] = {series_id: [] for series_id in series_ids}
    wanted = select(Occurrence).where(Occurrence.recurring_id.in_(found), Occurrence.noted_at >= since)
    for occurrence in session.scalars(wanted.order_by(Occurrence.day.desc())):
        found[occurrence.recurring_id].append(occurrence)
    return found


def forget_recurring(session: Session, *, now: dt.datetime, most: int) -> int:
    """Forget at most `most` recurring offers that have long ended, with their occurrences; how many."""
    return forget_some(session, RecurringOffer, RecurringOffer.ended_at < now - ENDED_KEPT, most=most)


def forget_occurrences(session: Session, *, now: dt.datetime, most: int) -> int:
    """Forget at most `most` occurrences of long ago; how many. The offers that were published stay."""
    return forget_some(session, Occurrence, Occurrence.noted_at < now - OCCURRENCES_KEPT, most=most)


def _ended_by(session: Session, shop: Shop) -> RecurringStatus | None:
    """What ends every recurring offer of the shop, if anything."""
    if shop.status is not ShopStatus.VERIFIED:
        return RecurringStatus.SHOP_SILENT
    team = exists().where(Membership.shop_id == shop.id, Membership.ended_at.is_(None))
    return None if session.scalar(select(team)) else RecurringStatus.TEAM_GONE


def _occur(session: Session, series: RecurringOffer, shop: Shop, day: dt.date, *, now: dt.datetime) -> Offer | None:
    """Publish the occurrence of a day unless that day has had one; write down what became of it."""
    if session.get(Occurrence, (series.id, day)) is not None:
        return None
    occurrence = Occurrence(recurring_id=series.id, day=day, noted_at=now, outcome=Occurred.MISSED)
    offer = None
    if series.rhythm.ends(day) > now:
        try:
            with session.begin_nested():
                offer = draft_offer(session, shop, draft_of_recurring(series).offer(day), now=now)
                publish(session, shop, offer, now=now, actor=Actor.SYSTEM)
        except Refusal as refusal:
            offer, occurrence.outcome, occurrence.told = None, Occurred.REFUSED, _told(refusal)
        else:
            occurrence.outcome, occurrence.offer_id = Occurred.PUBLISHED, offer.id
    session.add(occurrence)
    session.flush()
    return offer


def _told(refusal: Refusal) -> dict[str, object]:
    """What a refusal says, kept so that it can still be translated."""
    said = refusal.detail
    return {"sentence": said.template, "values": {name: _plain(value) for name, value in said.values.items()}}


def _plain(value: object) -> str | int:
    return value if isinstance(value, str | int) else str(value)
