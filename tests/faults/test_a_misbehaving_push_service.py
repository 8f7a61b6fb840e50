"""Each way a push service can answer, through the real sender: the right row, the right device, nobody else delayed."""

import datetime as dt
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from citylife.clock import utc_now
from citylife.database import reading, writing
from citylife.devices import Device, Origin
from citylife.doorbell import ThreadDoorbell
from citylife.endpoints import SubscriptionKeys, check_endpoint
from citylife.keys import keys_of
from citylife.ledger.tables import Delivery, DeliveryState
from citylife.settings import Settings
from notifications.worker import Worker
from tests import builders
from tests.doubles.push_service import (
    DRIPS,
    FCM,
    RESETS,
    SILENT,
    TALKS_GARBAGE,
    Behaviour,
    PushService,
    Subscription,
    answers,
    slows_down,
)

pytestmark = pytest.mark.long

MOZILLA = "updates.push.services.mozilla.com"
WAITING, ACCEPTED = DeliveryState.WAITING, DeliveryState.ACCEPTED
GONE, REFUSED = DeliveryState.GONE, DeliveryState.REFUSED


@contextmanager
def a_worker(engine: Engine, service: PushService, folder: Path) -> Iterator[ThreadDoorbell]:
    """The real worker, in a thread, led to `service`; messages time out after three seconds."""
    settings = Settings(
        instance=folder,
        database_url=engine.url.render_as_string(hide_password=False),
        base_url="https://town.example",
        contact="mailto:pilote@citylife.example.org",
        push_connect_to=service.address,
        push_ca=service.ca_file,
        push_seconds=3,
        aipd_date=dt.date(2025, 1, 2),
        lease_seconds=60,
    )
    bell = ThreadDoorbell()
    worker = Worker(settings, keys_of(settings), engine, bell=bell)
    worker.start()
    try:
        yield bell
    finally:
        worker.stop()


def a_phone(session, shop, subscription: Subscription) -> None:
    """A follower whose phone is that subscription."""
    citizen = builders.a_citizen(session, now=utc_now())
    keys = SubscriptionKeys(p256dh=subscription.p256dh, auth=subscription.auth)
    builders.a_device(session, citizen, check_endpoint(subscription.endpoint), keys=keys, now=utc_now())
    builders.a_follow(session, citizen, shop, now=utc_now())
    builders.at_any_hour(session)


def row_of(engine: Engine, subscription: Subscription) -> Delivery:
    """The delivery to a subscription, or what is left of it once its device is gone."""
    with reading(engine)() as session:
        device = session.scalars(select(Device).where(Device.endpoint == subscription.endpoint)).one_or_none()
        if device is None:
            return session.scalars(select(Delivery).where(Delivery.state == GONE)).one()
        wanted = select(Delivery).where(Delivery.citizen_id == device.citizen_id, Delivery.device_id == device.id)
        return session.scalars(wanted).one()


@pytest.mark.parametrize(
    ("behaviour", "state", "status"),
    [
        pytest.param(answers(201), ACCEPTED, 201, id="201"),
        pytest.param(answers(400), REFUSED, 400, id="400"),
        pytest.param(answers(401), WAITING, 401, id="401"),
        pytest.param(answers(403), WAITING, 403, id="403"),
        pytest.param(answers(404), GONE, 404, id="404"),
        pytest.param(answers(410), GONE, 410, id="410"),
        pytest.param(answers(413), REFUSED, 413, id="413"),
        pytest.param(slows_down(3600), WAITING, 429, id="429 in seconds"),
        pytest.param(slows_down(3600, as_date=True), WAITING, 429, id="429 until a date"),
        pytest.param(answers(500), WAITING, 500, id="500"),
        pytest.param(SILENT, WAITING, None, id="timeout"),
        pytest.param(DRIPS, WAITING, None, id="drip"),
        pytest.param(answers(302, location="https://127.0.0.1/elsewhere"), REFUSED, 302, id="redirect"),
        pytest.param(TALKS_GARBAGE, WAITING, None, id="garbage"),
        pytest.param(RESETS, WAITING, None, id="reset"),
    ],
)
def test_each_answer_leaves_the_right_row_and_device_and_delays_nobody_else(
    engine: Engine, tmp_path: Path, behaviour: Behaviour, state: DeliveryState, status: int | None
) -> None:
    with PushService() as service:
        odd, others = service.subscribe(FCM), [service.subscribe(MOZILLA) for _ in range(30)]
        service.behave(odd, behaviour)
        with writing(engine).begin() as session:
            shop = builders.a_shop(session, now=utc_now())
            for subscription in (odd, *others):
                a_phone(session, shop, subscription)
        with a_worker(engine, service, tmp_path / "instance") as bell:
            with writing(engine).begin() as session:
                builders.an_offer(session, session.merge(shop), now=utc_now())
            bell.ring()
            told = service.wait_for(lambda: all(other.received for other in others))
            assert told, "the others were delayed"
            if status is None:
                assert service.wait_for(lambda: service.requests_to[FCM] > 1), "it is tried again"
            wait_until(lambda: settled(engine, odd, state, status))
        row = row_of(engine, odd)
        assert (row.state, row.status) == (state, status)
        with reading(engine)() as session:
            left = session.scalar(select(Device.id).where(Device.endpoint == odd.endpoint))
            origin = session.scalars(select(Origin).where(Origin.origin == f"https://{FCM}")).one()
            accepted = session.scalars(select(Delivery).where(Delivery.state == ACCEPTED)).all()
        assert (left is None) is (state is GONE)
        assert len(accepted) == 30 + (state is ACCEPTED)
        assert (origin.stopped_status, origin.stopped_at is None) == (
            (status, False) if status in {401, 403} else (None, True)
        )
        if status == 429:
            assert origin.paused_until is not None
            assert (
                2400 < (origin.paused_until - utc_now()).total_seconds() <= 3600
            )  # the date was set when the test was read
        assert all(len(other.received) == 1 for other in others)


def settled(engine: Engine, subscription: Subscription, state: DeliveryState, status: int | None) -> bool:
    """Whether the row has come to that state after an answer; a device that should be gone may still be there."""
    with reading(engine)() as session:
        there = session.scalar(select(Device.id).where(Device.endpoint == subscription.endpoint)) is not None
    if state is GONE:
        return not there
    row = row_of(engine, subscription)
    return row.state is state and row.status == status and row.attempts > 0


def wait_until(condition, timeout: float = 60.0) -> None:
    """Wait for a condition; the assertions after it say what is missing."""
    until = time.monotonic() + timeout
    while not condition() and time.monotonic() < until:
        time.sleep(0.05)


def test_forty_hostile_endpoints_in_the_table_itself_are_dialled_by_nobody(engine: Engine, tmp_path: Path) -> None:
    """However an endpoint came into the database, the sender looks again before it dials."""
    hostile = [
        "https://127.0.0.1/push",
        "https://127.1/push",
        "https://2130706433/push",
        "https://0x7f000001/push",
        "https://[::1]/push",
        "https://[::ffff:127.0.0.1]/push",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/push",
        "https://localhost/push",
        "http://fcm.googleapis.com/push",
        "ftp://fcm.googleapis.com/push",
        "https://fcm.googleapis.com:8443/push",
        "https://fcm.googleapis.com:22/push",
        "https://user@fcm.googleapis.com/push",
        "https://user:secret@fcm.googleapis.com/push",
        "https://fcm.googleapis.com@127.0.0.1/push",
        "https://fcm.googleapis.com.evil.example/push",
        "https://evil-fcm.googleapis.com/push",
        "https://fcm.googleapis.co/push",
        "https://xfcm.googleapis.com/push",
        "https://push.apple.com.evil.example/push",
        "https://notify.windows.com.evil.example/push",
        "https://fcm。googleapis。com/push",
        "https://fcm.googleapis.com\\@127.0.0.1/push",
        "https://fcm.googleapis.com#@127.0.0.1/push",
        "https://127.0.0.1#fcm.googleapis.com/push",
        "https://127.0.0.1\\.fcm.googleapis.com/push",
        "https:///push",
        "https://",
        "//fcm.googleapis.com/push",
        "file:///etc/passwd",
        "gopher://127.0.0.1/push",
        "javascript:alert(1)",
        "https://fcm.googleapis.com:0443x/push",
        "https://fcm.googleapis.com\n.evil.example/push",
        "https://ｆcm.googleapis.com/push",
        "https://xn--fcm-googleapis-com.example/push",
        "https://updates.push.services.mozilla.com.:444/push",
        "https://0/push",
        "https://[fe80::1%25eth0]/push",
    ]
    assert len(hostile) == 40
    with PushService() as service:
        good = service.subscribe(FCM)
        with writing(engine).begin() as session:
            shop = builders.a_shop(session, now=utc_now())
            a_phone(session, shop, good)
            for number, url in enumerate(hostile):
                citizen = builders.a_citizen(session, now=utc_now())
                device = builders.a_device(session, citizen, now=utc_now())
                session.flush()
                device.endpoint, device.endpoint_sha256 = url, bytes([number]) * 32
                builders.a_follow(session, citizen, shop, now=utc_now())
            builders.at_any_hour(session)
            builders.an_offer(session, shop, now=utc_now())
        with a_worker(engine, service, tmp_path / "instance") as bell:
            bell.ring()
            assert service.wait_for(lambda: bool(good.received))
            wait_until(lambda: len(states_of(engine)) == 41 and DeliveryState.CLAIMED not in states_of(engine))
        assert sorted(state.value for state in states_of(engine)) == ["accepted"] + ["refused"] * 40
        assert service.requests == 1
        assert service.connections == 1


def states_of(engine: Engine) -> list[DeliveryState]:
    with reading(engine)() as session:
        wanted = select(Delivery.state).where(Delivery.state != WAITING)
        return list(session.scalars(wanted))


def test_a_slow_service_among_three_takes_nothing_from_the_other_two(engine: Engine, tmp_path: Path) -> None:
    hosts = (FCM, MOZILLA, "web.push.apple.com")
    with PushService() as service:
        phones = {host: [service.subscribe(host) for _ in range(120)] for host in hosts}
        service.behave(FCM, SILENT)
        with writing(engine).begin() as session:
            shop = builders.a_shop(session, now=utc_now())
            for subscriptions in phones.values():
                for subscription in subscriptions:
                    a_phone(session, shop, subscription)
        with a_worker(engine, service, tmp_path / "instance") as bell:
            with writing(engine).begin() as session:
                builders.an_offer(session, session.merge(shop), now=utc_now())
            bell.ring()
            quick = [phone for host in hosts[1:] for phone in phones[host]]
            assert service.wait_for(lambda: all(phone.received for phone in quick))
            assert not any(phone.received for phone in phones[FCM])
            service.behave(FCM, answers(201))
            assert service.wait_for(lambda: all(phone.received for phone in phones[FCM]))
        assert service.repeats == 0
