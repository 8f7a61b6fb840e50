"""Devices: the push subscriptions of a citizen's browsers. An endpoint is owned once; registering it again moves it."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Final

from sqlalchemy import ForeignKey, LargeBinary, SmallInteger, String, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from citylife.accounts.citizens import Citizen, hold
from citylife.activity import WHOLE, Counted, count, told_lately
from citylife.database import Base, Identifier, new_id
from citylife.endpoints import Endpoint, SubscriptionKeys
from citylife.errors import Invalid, Refusal, TooMany
from citylife.upserts import insert_unless_there

MOST_DEVICES: Final = 10


class Origin(Base):
    """A push service's origin and what the sender has learnt of it: pauses (429) and stops (401, 403)."""

    __tablename__ = "origins"

    id: Mapped[int] = mapped_column(primary_key=True)
    origin: Mapped[str] = mapped_column(String(200), unique=True)
    paused_until: Mapped[dt.datetime | None]
    stopped_at: Mapped[dt.datetime | None]
    stopped_status: Mapped[int | None] = mapped_column(SmallInteger)


class Device(Base):
    """A push subscription: endpoint, the client's public key (65 bytes) and secret (16 bytes), RFC 8291.

    `push_key` is the number of the house's key it was subscribed with (`citylife.keyring`): no other may write to it.
    """

    __tablename__ = "devices"

    citizen_id: Mapped[uuid.UUID] = mapped_column(
        Identifier(), ForeignKey("citizens.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    bucket: Mapped[int] = mapped_column(SmallInteger)
    origin_id: Mapped[int] = mapped_column(ForeignKey("origins.id"))
    endpoint: Mapped[str] = mapped_column(String(2048))
    endpoint_sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    p256dh: Mapped[bytes] = mapped_column(LargeBinary(65))
    auth: Mapped[bytes] = mapped_column(LargeBinary(16))
    expires_at: Mapped[dt.datetime | None]
    registered_at: Mapped[dt.datetime]
    push_key: Mapped[int] = mapped_column(SmallInteger, default=1, server_default="1")


class EndpointOwner(Base):
    """Which device owns an endpoint, by the endpoint's SHA-256."""

    __tablename__ = "endpoints"
    __table_args__ = ({"sqlite_with_rowid": False},)

    endpoint_sha256: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    citizen_id: Mapped[uuid.UUID]
    device_id: Mapped[uuid.UUID]


class NoConsent(Refusal):
    """Nothing is sent to a person who has not agreed to it."""

    slug = "no-consent"
    status = 409
    title = "Accord nécessaire"
    sentence = "Acceptez d’abord de recevoir des notifications."


class TooManyDevices(TooMany):
    """She has all the devices a person may have."""

    slug = "too-many-devices"
    title = "Trop d’appareils"
    sentence = "Au plus {most} appareils peuvent recevoir vos notifications : retirez-en un."


class SubscriptionExpired(Invalid):
    """The browser says itself that the subscription is over."""

    slug = "subscription-expired"
    title = "Abonnement expiré"
    sentence = "L’abonnement aux notifications de ce navigateur a expiré."


class PushKeyUnknown(Invalid):
    """The browser subscribed with a key that is not, or no longer, one of the house's."""

    slug = "push-key-unknown"
    title = "Clé de notification inconnue"
    sentence = "Ce navigateur s’est abonné avec une clé qui n’est plus la nôtre : abonnez-le à nouveau."


def register_device(
    session: Session,
    citizen: Citizen,
    endpoint: Endpoint,
    keys: SubscriptionKeys,
    *,
    expires_at: dt.datetime | None = None,
    push_key: int = 1,
    replaces: uuid.UUID | None = None,
    now: dt.datetime,
) -> tuple[Device, bool]:
    """Register a browser's subscription; whether the device is new to her.

    The same endpoint again refreshes its keys. One that was another citizen's moves to her, who holds the browser now.
    `push_key` is the number of the house's key it was made with. `replaces` is a device of hers that this one takes
    the place of, and that is forgotten: the same browser, subscribed again, is nobody's opt-out.

    Raises:
        NoConsent: she has not agreed to notifications.
        TooManyDevices: ten already, counted also when they are registered at the same moment.
        SubscriptionExpired: `expires_at` has passed.
        Absent: she was erased.
    """
    if expires_at is not None and expires_at <= now:
        raise SubscriptionExpired(pointer="/expirationTime")
    citizen = hold(session, citizen.id)
    if not citizen.notifications_consented:
        raise NoConsent
    origin = origin_id(session, endpoint.origin)
    owner = _take(session, endpoint, citizen.id)
    if replaces is not None and replaces != owner.device_id:
        replaced = session.get(Device, (citizen.id, replaces), populate_existing=True)
        if replaced is not None:
            _forget(session, replaced.endpoint_sha256, citizen.id, replaces)
    device = session.get(Device, (citizen.id, owner.device_id), populate_existing=True)
    new = device is None
    if device is None:
        standing = select(func.count()).where(Device.citizen_id == citizen.id)
        if (session.scalar(standing) or 0) >= MOST_DEVICES:
            raise TooManyDevices(most=MOST_DEVICES)
        device = Device(
            citizen_id=citizen.id, id=owner.device_id, bucket=citizen.bucket, endpoint_sha256=endpoint.digest
        )
        session.add(device)
    device.origin_id, device.endpoint = origin, endpoint.url
    device.p256dh, device.auth = keys.p256dh, keys.auth
    device.expires_at, device.registered_at, device.push_key = expires_at, now, push_key
    session.flush()
    return device, new


def remove_device(session: Session, citizen_id: uuid.UUID, device_id: uuid.UUID, *, now: dt.datetime) -> bool:
    """Send nothing more to a device of hers; False when it is none of hers.

    Raises:
        Absent: she was erased.
    """
    hold(session, citizen_id)
    device = session.get(Device, (citizen_id, device_id), populate_existing=True)
    if device is None:
        return False
    _forget(session, device.endpoint_sha256, citizen_id, device_id)
    count(session, Counted.DEVICES_REMOVED, WHOLE, now=now)
    if told_lately(session, citizen_id, now=now):
        count(session, Counted.OPT_OUTS, WHOLE, now=now)
    return True


def device_gone(
    session: Session, citizen_id: uuid.UUID, device_id: uuid.UUID, endpoint_sha256: bytes, *, now: dt.datetime
) -> bool:
    """Forget a device whose push service answered that it is gone; False when its endpoint is no longer this one."""
    gone = _forget(session, endpoint_sha256, citizen_id, device_id)
    if gone:
        count(session, Counted.DEVICES_GONE, WHOLE, now=now)
    return gone


def sign_out_devices(session: Session, citizen_id: uuid.UUID, *, now: dt.datetime) -> int:
    """Send nothing more to any device of hers, since she moved to another phone; how many there were.

    Her announcements go on: that is no opt-out.

    Raises:
        Absent: she was erased.
    """
    hold(session, citizen_id)
    devices = session.execute(select(Device.id, Device.endpoint_sha256).where(Device.citizen_id == citizen_id)).all()
    for device_id, endpoint_sha256 in devices:
        _forget(session, endpoint_sha256, citizen_id, device_id)
    if devices:
        count(session, Counted.DEVICES_REMOVED, WHOLE, now=now, by=len(devices))
    return len(devices)


def devices_of(session: Session, citizen_id: uuid.UUID) -> Sequence[Device]:
    """The devices of a citizen, in the order they were first registered."""
    return session.scalars(select(Device).where(Device.citizen_id == citizen_id).order_by(Device.id)).all()


def origin_id(session: Session, origin: str) -> int:
    """The number of a push service's origin, given when it is first met."""
    number = session.scalar(select(Origin.id).where(Origin.origin == origin))
    if number is None:
        insert_unless_there(session, Origin, origin=origin)
        number = session.scalars(select(Origin.id).where(Origin.origin == origin)).one()
    return number


def _take(session: Session, endpoint: Endpoint, citizen_id: uuid.UUID) -> EndpointOwner:
    """The endpoint's owner row, hers from now on and held until the transaction ends.

    Everybody who touches a device's endpoint takes this row first, then the device: two never wait for each other.
    """
    while True:
        insert_unless_there(
            session, EndpointOwner, endpoint_sha256=endpoint.digest, citizen_id=citizen_id, device_id=new_id()
        )
        owner = session.scalar(
            select(EndpointOwner)
            .where(EndpointOwner.endpoint_sha256 == endpoint.digest)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        if owner is not None:  # None when its owner has just removed it: then it is free to take
            break
    if owner.citizen_id != citizen_id:
        session.execute(delete(Device).where(Device.citizen_id == owner.citizen_id, Device.id == owner.device_id))
        owner.citizen_id, owner.device_id = citizen_id, new_id()
        session.flush()
    return owner


def _forget(session: Session, endpoint_sha256: bytes, citizen_id: uuid.UUID, device_id: uuid.UUID) -> bool:
    session.execute(
        delete(EndpointOwner).where(
            EndpointOwner.endpoint_sha256 == endpoint_sha256,
            EndpointOwner.citizen_id == citizen_id,
            EndpointOwner.device_id == device_id,
        )
    )
    gone = session.execute(
        delete(Device)
        .where(Device.citizen_id == citizen_id, Device.id == device_id, Device.endpoint_sha256 == endpoint_sha256)
        .returning(Device.id)
    )
    return gone.first() is not None
