"""Devices: at most ten, only with consent, and an endpoint is owned once, whoever registers it last."""

import datetime as dt

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen
from citylife.activity import WHOLE, Counted, DailyCount
from citylife.consent import Purpose
from citylife.devices import (
    MOST_DEVICES,
    Device,
    EndpointOwner,
    NoConsent,
    Origin,
    SubscriptionExpired,
    TooManyDevices,
    device_gone,
    devices_of,
    origin_id,
    register_device,
    remove_device,
)
from tests import builders
from tests.builders import NOW
from tests.overlap import overlapping

APPLE = "web.push.apple.com"


def owners(session: Session) -> dict[bytes, tuple[object, object]]:
    return {
        row.endpoint_sha256: (row.citizen_id, row.device_id) for row in session.scalars(select(EndpointOwner)).all()
    }


def counted(session: Session, what: Counted) -> int:
    return (
        session.scalar(
            select(func.sum(DailyCount.count)).where(DailyCount.counted == what, DailyCount.subject == WHOLE)
        )
        or 0
    )


def test_a_device_is_kept_with_its_keys_and_its_origin(session: Session):
    citizen = builders.a_citizen(session)
    endpoint, (_, keys) = builders.an_endpoint(APPLE), builders.browser_keys()
    until = NOW + dt.timedelta(days=30)

    device, new = register_device(session, citizen, endpoint, keys, expires_at=until, now=NOW)
    session.commit()

    assert new
    assert (device.endpoint, device.p256dh, device.auth) == (endpoint.url, keys.p256dh, keys.auth)
    assert (device.expires_at, device.registered_at, device.bucket) == (until, NOW, citizen.bucket)
    assert session.get_one(Origin, device.origin_id).origin == f"https://{APPLE}"
    assert owners(session) == {endpoint.digest: (citizen.id, device.id)}


def test_the_same_endpoint_again_refreshes_its_keys(session: Session):
    citizen, endpoint = builders.a_citizen(session), builders.an_endpoint()
    first = builders.a_device(session, citizen, endpoint)
    _, keys = builders.browser_keys()

    again, new = register_device(session, citizen, endpoint, keys, now=NOW + dt.timedelta(days=1))

    assert not new
    assert again.id == first.id
    assert (again.p256dh, again.registered_at) == (keys.p256dh, NOW + dt.timedelta(days=1))
    assert len(devices_of(session, citizen.id)) == 1


def test_an_endpoint_moves_to_whoever_holds_the_browser_now(session: Session):
    before, after, endpoint = builders.a_citizen(session), builders.a_citizen(session), builders.an_endpoint()
    first = builders.a_device(session, before, endpoint).id
    kept = builders.a_device(session, before)

    moved, new = register_device(session, after, endpoint, builders.browser_keys()[1], now=NOW)
    session.commit()

    assert new
    assert [device.id for device in devices_of(session, before.id)] == [kept.id]
    assert [device.id for device in devices_of(session, after.id)] == [moved.id]
    assert owners(session)[endpoint.digest] == (after.id, moved.id)
    assert moved.id != first  # nothing links the two


def test_without_consent_no_device_is_kept(session: Session):
    citizen = builders.a_citizen(session, consented=False)
    with pytest.raises(NoConsent):
        builders.a_device(session, citizen)

    builders.consent(session, citizen)
    builders.a_device(session, citizen)
    builders.consent(session, citizen, Purpose.NOTIFICATIONS, granted=False)
    with pytest.raises(NoConsent):
        builders.a_device(session, citizen)

    assert len(devices_of(session, citizen.id)) == 1


def test_a_subscription_that_is_over_is_refused(session: Session):
    with pytest.raises(SubscriptionExpired):
        builders.a_device(session, builders.a_citizen(session), expires_at=NOW)


def test_at_most_ten_devices(session: Session):
    citizen = builders.a_citizen(session)
    devices = [builders.a_device(session, citizen) for _ in range(MOST_DEVICES)]
    session.commit()

    with pytest.raises(TooManyDevices):
        builders.a_device(session, citizen)
    session.rollback()
    assert len(owners(session)) == MOST_DEVICES  # nothing half-written

    builders.a_device(session, citizen, devices[0].endpoint)  # one of the ten again is no eleventh
    remove_device(session, citizen.id, devices[0].id, now=NOW)
    builders.a_device(session, citizen)
    assert len(devices_of(session, citizen.id)) == MOST_DEVICES


def test_the_tenth_and_the_eleventh_at_once_are_not_both_taken(sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        citizen = builders.a_citizen(session)
        for _ in range(MOST_DEVICES - 1):
            builders.a_device(session, citizen)
        citizen_id = citizen.id

    tenth, eleventh = overlapping(
        sessions,
        lambda session: builders.a_device(session, session.get_one(Citizen, citizen_id)),
        lambda session: builders.a_device(session, session.get_one(Citizen, citizen_id)),
    )

    assert isinstance(tenth, Device)
    assert isinstance(eleventh, TooManyDevices)
    with sessions() as session:
        assert len(devices_of(session, citizen_id)) == MOST_DEVICES


def test_one_endpoint_registered_twice_at_once_is_one_device(sessions: sessionmaker[Session]):
    endpoint = builders.an_endpoint()
    with sessions.begin() as session:
        citizen_id = builders.a_citizen(session).id

    first, second = overlapping(
        sessions,
        lambda session: builders.a_device(session, session.get_one(Citizen, citizen_id), endpoint).id,
        lambda session: builders.a_device(session, session.get_one(Citizen, citizen_id), endpoint).id,
    )

    assert first == second
    with sessions() as session:
        assert owners(session) == {endpoint.digest: (citizen_id, first)}


def test_one_endpoint_of_two_citizens_at_once_belongs_to_the_last(sessions: sessionmaker[Session]):
    endpoint = builders.an_endpoint()
    with sessions.begin() as session:
        one, other = builders.a_citizen(session).id, builders.a_citizen(session).id

    _, last = overlapping(
        sessions,
        lambda session: builders.a_device(session, session.get_one(Citizen, one), endpoint).id,
        lambda session: builders.a_device(session, session.get_one(Citizen, other), endpoint).id,
    )

    with sessions() as session:
        assert owners(session) == {endpoint.digest: (other, last)}
        assert devices_of(session, one) == []
        assert [device.id for device in devices_of(session, other)] == [last]


def test_a_removal_and_a_registration_of_one_endpoint_at_once_leave_the_registration(
    sessions: sessionmaker[Session],
):
    endpoint = builders.an_endpoint()
    with sessions.begin() as session:
        one, other = builders.a_citizen(session), builders.a_citizen(session)
        device_id, one_id, other_id = builders.a_device(session, one, endpoint).id, one.id, other.id

    removed, registered = overlapping(
        sessions,
        lambda session: remove_device(session, one_id, device_id, now=NOW),
        lambda session: builders.a_device(session, session.get_one(Citizen, other_id), endpoint).id,
    )

    assert removed is True
    with sessions() as session:
        assert owners(session) == {endpoint.digest: (other_id, registered)}
        assert session.scalars(select(Device.id)).all() == [registered]


def test_a_new_origin_met_twice_at_once_has_one_number(sessions: sessionmaker[Session]):
    numbers = overlapping(
        sessions,
        lambda session: origin_id(session, f"https://{APPLE}"),
        lambda session: origin_id(session, f"https://{APPLE}"),
    )

    assert numbers[0] == numbers[1]
    with sessions() as session:
        assert session.scalars(select(Origin.id)).all() == [numbers[0]]


def test_a_removed_device_frees_its_endpoint_and_is_counted(session: Session):
    citizen = builders.a_citizen(session)
    device = builders.a_device(session, citizen)

    assert remove_device(session, citizen.id, device.id, now=NOW)
    session.commit()

    assert owners(session) == {}
    assert devices_of(session, citizen.id) == []
    assert (counted(session, Counted.DEVICES_REMOVED), counted(session, Counted.OPT_OUTS)) == (1, 0)
    assert not remove_device(session, citizen.id, device.id, now=NOW)
    assert counted(session, Counted.DEVICES_REMOVED) == 1


def test_a_device_removed_within_a_day_of_a_notification_is_an_opt_out(session: Session):
    shop = builders.a_shop(session)
    citizen = builders.a_follower(session, shop)
    offer = builders.an_offer(session, shop)
    (delivery,) = builders.a_delivery(session, citizen, offer.id, accepted_at=NOW)

    remove_device(session, citizen.id, delivery.device_id, now=NOW + dt.timedelta(hours=2))

    assert counted(session, Counted.OPT_OUTS) == 1


def test_anothers_device_is_absent(session: Session):
    one, other = builders.a_citizen(session), builders.a_citizen(session)
    device = builders.a_device(session, one)

    assert not remove_device(session, other.id, device.id, now=NOW)
    assert len(devices_of(session, one.id)) == 1


def test_a_gone_device_is_forgotten_only_while_its_endpoint_is_the_one_that_answered(session: Session):
    citizen, other = builders.a_citizen(session), builders.a_citizen(session)
    device = builders.a_device(session, citizen)
    digest, device_id = device.endpoint_sha256, device.id
    moved = builders.a_device(session, other, device.endpoint)

    assert not device_gone(session, citizen.id, device_id, digest, now=NOW)
    assert not device_gone(session, other.id, moved.id, b"\0" * 32, now=NOW)
    assert counted(session, Counted.DEVICES_GONE) == 0
    assert device_gone(session, other.id, moved.id, digest, now=NOW)
    session.commit()

    assert owners(session) == {}
    assert counted(session, Counted.DEVICES_GONE) == 1
