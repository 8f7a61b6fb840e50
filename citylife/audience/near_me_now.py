"""« Near me now »: at her tap, one notification of what is live where she is, of shops she follows, not told her yet.

It is outside the budgets and comes in quiet hours too, since she asked. Like a digest it is a message of its own, whose
lines are hers alone and read again when it is claimed; what was put aside for her digest is told now and leaves it, and
what waits for her quiet hours to end is not told again in the morning. While nothing may be sent, nothing is told.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from sqlalchemy import Select, and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from citylife.accounts.citizens import Citizen
from citylife.audience.asking import place_of
from citylife.clock import local_date
from citylife.courtesy.budget import give_back
from citylife.courtesy.tables import DigestLine
from citylife.database import new_id
from citylife.devices import NoConsent, devices_of
from citylife.follows import Follow, Level
from citylife.geography import near_cells, near_communes
from citylife.ledger.sending import Sending
from citylife.ledger.statements import stored
from citylife.ledger.tables import (
    Decision,
    Delivery,
    DeliveryState,
    Message,
    MessageKind,
    MessageState,
    Outcome,
    Reason,
    SendingStop,
)
from citylife.limits import Limit
from citylife.offers.tables import Offer, OfferStatus
from citylife.places import Area, Place, PlaceKind, set_place
from citylife.shops.tables import Shop, ShopStatus

MOST: Final = 3
"""How many offers one notification tells of."""
WORTH: Final = dt.timedelta(minutes=30)
"""How long it is worth showing: by then she is elsewhere."""
TAPS: Final = Limit("near-me-now", 6, dt.timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class Told:
    """What one tap brought: where she is as it is kept, of how many offers she is told, and on how many devices."""

    place: Place
    offers: int
    devices: int


def tell_near(
    session: Session, citizen: Citizen, area: Area, *, now: dt.datetime, sending: Sending = Sending.OPEN
) -> Told:
    """Make the area her « now », and tell her at once of what is live there. The caller rings.

    Nothing is written, and nothing counted as told, where no device of hers can show it, or while `sending` is held.

    Raises:
        NoLocationConsent: she has not agreed that a place of hers is kept.
        NoConsent: she has not agreed to notifications.
        Absent: she was erased.
    """
    place, _ = set_place(session, citizen, area, PlaceKind.NOW, now=now)
    if not citizen.notifications_consented:
        raise NoConsent
    devices = devices_of(session, citizen.id)
    announcements: list[Message] = []
    if devices and sending is Sending.OPEN:
        near = _near(session, citizen, place, now)
        announcements = list(islice((one for one in near if _not_yet_sent(session, citizen, one, now)), MOST))
    if not announcements:
        return Told(place, 0, len(devices))
    message = Message(
        id=new_id(),
        kind=MessageKind.NEAR_ME_NOW,
        state=MessageState.EXPANDED,
        created_at=now,
        release_at=now,
        expires_at=now + WORTH,
        expanded_at=now,
        decided=1,
    )
    session.add(message)
    session.flush()
    for announcement in announcements:
        line = session.get(DigestLine, (citizen.id, announcement.id))
        if line is None:
            line = DigestLine(citizen_id=citizen.id, message_id=announcement.id)
            session.add(line)
        line.due_at, line.digest_id = None, message.id
    session.add(
        Decision(
            citizen_id=citizen.id,
            message_id=message.id,
            outcome=Outcome.SEND,
            reason=Reason.NEAR_ME_NOW,
            decided_at=now,
            local_date=local_date(now, citizen.time_zone),
        )
    )
    session.flush()
    session.add_all(
        Delivery(
            citizen_id=citizen.id,
            message_id=message.id,
            device_id=device.id,
            bucket=device.bucket,
            origin_id=device.origin_id,
            next_at=now,
        )
        for device in devices
    )
    session.flush()
    return Told(place, len(announcements), len(devices))


def _near(session: Session, citizen: Citizen, place: Place, now: dt.datetime) -> Iterator[Message]:
    """The announcements of what is live and reaches the place, the soonest to end first."""
    for offer, shop, announcement in session.execute(_untold(citizen, now)).all():
        latitude, longitude = place_of(session, shop, now)
        if place.cell is not None:
            near = place.cell in near_cells(latitude, longitude, offer.radius)
        else:
            near = place.insee_code in near_communes(latitude, longitude, offer.radius)
        if near:
            yield announcement


def _not_yet_sent(session: Session, citizen: Citizen, announcement: Message, now: dt.datetime) -> bool:
    """Whether her devices have not been sent it; what waited for the end of her quiet hours waits no longer."""
    hers = Delivery.citizen_id == citizen.id, Delivery.message_id == announcement.id
    deliveries = session.scalars(select(Delivery).where(*hers).with_for_update()).all()
    if any(delivery.state is not DeliveryState.WAITING for delivery in deliveries):
        return False
    decision = session.get(Decision, (citizen.id, announcement.id))
    if decision is None or decision.outcome is Outcome.HELD:
        return True
    for delivery in deliveries:
        session.delete(delivery)
    decision.outcome, decision.reason, decision.decided_at = Outcome.HELD, Reason.QUIET_HOURS, now
    decision.until = decision.local_date = None
    session.flush()
    connection = session.connection()
    give_back(connection, [{"citizen": stored(connection, citizen.id), "message": stored(connection, announcement.id)}])
    return True


def _untold(citizen: Citizen, now: dt.datetime) -> Select[Offer, Shop, Message]:
    """Live offers of shops she follows of which nothing has told her, and whose announcement has got past her.

    An announcement that is still being expanded tells her by itself. One that waits for her quiet hours to end has not
    told her yet.
    """
    announced = aliased(Message)
    latest = (
        select(announced.id)
        .where(announced.offer_id == Offer.id, announced.kind == MessageKind.ANNOUNCEMENT)
        .order_by(announced.id.desc())
        .limit(1)
        .correlate(Offer)
        .scalar_subquery()
    )
    other = aliased(Message)
    about = select(other.id).where(other.offer_id == Offer.id).correlate(Offer)
    hers = and_(Decision.citizen_id == citizen.id, Decision.message_id.in_(about))
    told = or_(
        exists().where(hers, Decision.outcome == Outcome.SEND, or_(Decision.until.is_(None), Decision.until <= now)),
        exists().where(
            DigestLine.citizen_id == citizen.id, DigestLine.message_id.in_(about), DigestLine.digest_id.is_not(None)
        ),
    )
    past = or_(Message.state == MessageState.EXPANDED, exists().where(hers))
    stopped = exists().where(SendingStop.shop_id == Shop.id, SendingStop.lifted_at.is_(None))
    return (
        select(Offer, Shop, Message)
        .join(Shop, Shop.id == Offer.shop_id)
        .join(Follow, and_(Follow.shop_id == Shop.id, Follow.citizen_id == citizen.id))
        .join(Message, Message.id == latest)
        .where(
            Follow.level != Level.NONE,
            Offer.status == OfferStatus.LIVE,
            Offer.ends_at > now,
            Shop.status == ShopStatus.VERIFIED,
            past,
            ~told,
            ~stopped,
        )
        .order_by(Offer.ends_at, Offer.id)
    )
