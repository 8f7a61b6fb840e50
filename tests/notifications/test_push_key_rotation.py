"""The rehearsal of a rotation: devices of the old key and of the new one are both accepted by a strict service."""

import base64
import datetime as dt
import threading
from collections import Counter
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker

from citylife import keyring
from citylife.clock import utc_now
from citylife.database import writing
from citylife.devices import Device
from citylife.doorbell import ThreadDoorbell
from citylife.endpoints import SubscriptionKeys, check_endpoint
from citylife.keys import Keys, keys_of, new_vapid_key
from citylife.ledger.tables import Delivery, DeliveryState
from citylife.settings import Settings
from notifications.worker import Worker
from tests import builders
from tests.doubles.push_service import PushService

A, B = new_vapid_key(), new_vapid_key()
SECRET = "s" * 43


@pytest.fixture
def service() -> Iterator[PushService]:
    with PushService() as running:
        yield running


class House:
    """A database, a strict push service, and the worker of whichever host looks at them."""

    def __init__(self, engine: Engine, service: PushService) -> None:
        self.engine, self.service = engine, service
        self.sessions: sessionmaker[Session] = writing(engine)
        with self.sessions.begin() as session:
            self.shop = builders.a_shop(session, now=utc_now())

    def settings(self, current: str, *previous: str) -> Settings:
        return Settings(
            secret_key=SECRET,
            vapid_private_key=current,
            vapid_previous_keys=previous,
            contact="mailto:contact@citylife.example",
            smtp_url="smtp://127.0.0.1:9",
            aipd_date=dt.date(2025, 1, 2),
            push_connect_to=self.service.address,
            push_ca=self.service.ca_file,
        )

    def subscribe(self, keys: Keys) -> Device:
        """A follower whose browser subscribed with the house's current key, and told it."""
        public = keys.vapid_public
        subscription = self.service.subscribe(application_key=base64.urlsafe_b64decode(public + "="))
        with self.sessions.begin() as session:
            citizen = builders.a_citizen(session, now=utc_now())
            number = keyring.number_of(session, keys, public, now=utc_now())
            assert number is not None
            device = builders.a_device(
                session,
                citizen,
                check_endpoint(subscription.endpoint),
                keys=SubscriptionKeys(subscription.p256dh, subscription.auth),
                push_key=number,
                now=utc_now(),
            )
            builders.a_follow(session, citizen, session.merge(self.shop))
            builders.at_any_hour(session)
        return device

    def publish(self) -> None:
        with self.sessions.begin() as session:
            builders.at_any_hour(session)
            builders.an_offer(session, session.merge(self.shop), now=utc_now())

    def states(self) -> Counter[DeliveryState]:
        with self.sessions() as session:
            return Counter(session.scalars(select(Delivery.state)))

    def works_until(self, settings: Settings, wanted: Counter[DeliveryState]) -> None:
        """Run a real worker of a host until every delivery is as wanted."""
        worker = Worker(settings, keys_of(settings), self.engine, bell=ThreadDoorbell())
        worker.start()
        try:
            assert self.service.wait_for(lambda: self.states() == wanted, timeout=30), self.states()
        finally:
            worker.stop()


def test_old_and_new_keys_are_both_accepted_while_a_rotation_lasts(engine: Engine, service: PushService):
    house = House(engine, service)
    before, after = house.settings(A), house.settings(B, A)
    with house.sessions.begin() as session:
        keyring.agree(session, keys_of(before), now=utc_now())
    old = house.subscribe(keys_of(before))
    house.publish()
    house.works_until(before, Counter({DeliveryState.ACCEPTED: 1}))

    with house.sessions.begin() as session:
        keyring.agree(session, keys_of(after), now=utc_now())
    new = house.subscribe(keys_of(after))
    assert (old.push_key, new.push_key) == (1, 2)
    house.publish()
    house.works_until(after, Counter({DeliveryState.ACCEPTED: 3}))
    assert service.repeats == 0


def test_a_host_without_the_new_key_leaves_its_devices_to_the_others_and_stops_no_service(
    engine: Engine, service: PushService, monkeypatch: pytest.MonkeyPatch
):
    house = House(engine, service)
    before, after = house.settings(A), house.settings(B, A)
    with house.sessions.begin() as session:
        keyring.agree(session, keys_of(before), now=utc_now())
    house.subscribe(keys_of(before))
    stale = Worker(before, keys_of(before), engine, bell=ThreadDoorbell())
    started = threading.Event()
    signers = stale._signers
    monkeypatch.setattr(stale, "_signers", lambda: (signers(), started.set())[0])
    stale.start()
    try:
        assert started.wait(30)
        with house.sessions.begin() as session:
            keyring.agree(session, keys_of(after), now=utc_now())
        house.subscribe(keys_of(after))
        house.publish()
        wanted = Counter({DeliveryState.ACCEPTED: 1, DeliveryState.WAITING: 1})
        assert service.wait_for(lambda: house.states() == wanted, timeout=30), house.states()
    finally:
        stale.stop()
    with house.sessions.begin() as session:  # as if the quarter of a minute had passed
        for row in session.scalars(select(Delivery).where(Delivery.state == DeliveryState.WAITING)):
            assert row.attempts == 0
            row.next_at = utc_now()
    house.works_until(after, Counter({DeliveryState.ACCEPTED: 2}))
