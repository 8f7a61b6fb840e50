"""kill -9 at random moments: nothing acknowledged is lost, and repeats never exceed what was in flight."""

import datetime as dt
import hashlib
import random
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine, func, insert, select

from citylife.accounts import merchants
from citylife.accounts.citizens import Citizen
from citylife.accounts.merchants import Role, Scope
from citylife.buckets import bucket_of
from citylife.clock import utc_now
from citylife.database import new_id, reading, writing
from citylife.devices import Device, EndpointOwner, Origin
from citylife.follows import Follow, Level
from citylife.ledger.tables import Decision, Delivery, DeliveryState
from notifications.dispatcher import PER_ORIGIN, SETTLE_ROWS
from tests import builders
from tests.doubles.push_service import FCM, PushService, Subscription, answers
from tests.processes import CitylifeProcess, free_port

FOLLOWERS = 2_000
KILLS = 20
LEASE = 15
HOURS = dt.timedelta(hours=1)


@dataclass(slots=True)
class Scene:
    """A shop with its followers' phones at a push service, and what it takes to publish."""

    shop_id: uuid.UUID
    token: str
    phones: dict[str, Subscription]


def a_shop_with_followers(
    engine: Engine, service: PushService, followers: int = FOLLOWERS, *, host: str = FCM
) -> Scene:
    """A verified shop and `followers` citizens, each with one phone subscribed at `host` of `service`."""
    now = utc_now()
    phones = {phone.endpoint: phone for phone in (service.subscribe(host) for _ in range(followers))}
    with writing(engine).begin() as session:
        shop = builders.a_shop(session)
        merchant = builders.a_merchant(session)
        merchants.join_team(session, merchant, shop, Role.OWNER, now=now)
        _, token = merchants.new_key(session, merchant, "caisse", [Scope.READ, Scope.OFFERS], now=now)
        origin = session.scalar(select(Origin).where(Origin.origin == f"https://{host}"))
        if origin is None:
            origin = Origin(origin=f"https://{host}")
            session.add(origin)
            session.flush()
        citizens, follows, devices, owners = [], [], [], []
        for phone in phones.values():
            citizen, device = new_id(), new_id()
            digest = hashlib.sha256(phone.endpoint.encode()).digest()
            bucket = bucket_of(citizen)
            citizens.append(
                {"id": citizen, "created_at": now, "bucket": bucket, "notifications_consented": True, "locale": "fr"}
            )
            follows.append({"citizen_id": citizen, "shop_id": shop.id, "level": Level.NORMAL, "begun_at": now})
            devices.append(
                {
                    "citizen_id": citizen,
                    "id": device,
                    "bucket": bucket,
                    "origin_id": origin.id,
                    "endpoint": phone.endpoint,
                    "endpoint_sha256": digest,
                    "p256dh": phone.p256dh,
                    "auth": phone.auth,
                    "registered_at": now,
                }
            )
            owners.append({"endpoint_sha256": digest, "citizen_id": citizen, "device_id": device})
        for table, rows in ((Citizen, citizens), (Follow, follows), (Device, devices), (EndpointOwner, owners)):
            session.execute(insert(table), rows)
        builders.at_any_hour(session)
        return Scene(shop.id, token, phones)


def settings_for(engine: Engine, service: PushService, folder: Path, port: int) -> dict[str, str]:
    return {
        "CITYLIFE_INSTANCE": str(folder),
        "CITYLIFE_DATABASE_URL": engine.url.render_as_string(hide_password=False),
        "CITYLIFE_BASE_URL": f"http://localhost:{port}",
        "CITYLIFE_CONTACT": "mailto:pilot@citylife.example",
        "CITYLIFE_PUSH_CONNECT_TO": service.address,
        "CITYLIFE_PUSH_CA": service.ca_file,
        "CITYLIFE_PUSH_SECONDS": "5",
        "CITYLIFE_LEASE_SECONDS": str(LEASE),
    }


def publish(base: str, scene: Scene, title: str = "Deux baguettes pour une") -> None:
    """Publish an offer through the API; returns once the answer is there, so that from then on nothing may be lost."""
    with httpx.Client(
        base_url=base, headers={"Authorization": f"Bearer {scene.token}"}, trust_env=False, timeout=60
    ) as api:
        draft = {"kind": "offer", "title": title, "ends_at": (utc_now() + 6 * HOURS).isoformat()}
        made = api.post(f"/api/v1/merchant/shops/{scene.shop_id}/offers", json=draft)
        assert made.status_code == 201, made.text
        published = api.post(f"/api/v1/merchant/offers/{made.json()['id']}/publish")
        assert published.status_code == 200, published.text


def states(engine: Engine) -> dict[DeliveryState, int]:
    with reading(engine)() as session:
        return dict(session.execute(select(Delivery.state, func.count()).group_by(Delivery.state)).all())


def accepted_in_the_ledger(engine: Engine) -> set[str]:
    with reading(engine)() as session:
        return set(
            session.scalars(
                select(Device.endpoint)
                .join(Delivery, (Delivery.citizen_id == Device.citizen_id) & (Delivery.device_id == Device.id))
                .where(Delivery.state == DeliveryState.ACCEPTED)
            )
        )


def claimed_since(engine: Engine, moment: dt.datetime) -> int:
    """How many rows are held under a claim made since `moment`: not those of an earlier victim, whose lease runs on."""
    held = Delivery.lease_until > moment + dt.timedelta(seconds=LEASE)
    with reading(engine)() as session:
        wanted = select(func.count()).where(Delivery.state == DeliveryState.CLAIMED, held)
        return session.scalar(wanted) or 0


def killed_while_sending(process: CitylifeProcess, engine: Engine, service: PushService, dice: random.Random) -> int:
    """Start it, let it send a few more, kill it, and say how many rows it held; 0 when it had nothing in flight."""
    begun = utc_now()  # before it can claim anything, and after the victim before it claimed its last
    process.start()
    target = len(service.deliveries) + dice.randrange(1, 60)
    service.wait_for(lambda: len(service.deliveries) >= target, timeout=LEASE + 10)
    time.sleep(dice.random() / 20)
    process.kill()
    return claimed_since(engine, begun)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [2026])
def test_twenty_kills_lose_nothing_and_repeat_no_more_than_was_in_flight(
    engine: Engine, tmp_path: Path, seed: int
) -> None:
    dice = random.Random(seed)
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    with PushService() as service:
        service.behave(FCM, answers(201, delay=0.15))
        scene = a_shop_with_followers(engine, service)
        settings = settings_for(engine, service, tmp_path / "instance", port)
        embedded = engine.dialect.name == "sqlite"
        worker_words = () if embedded else ("--no-worker",)
        web = CitylifeProcess("serve", "--port", str(port), *worker_words, settings=settings, log=tmp_path / "web.log")
        worker = web if embedded else CitylifeProcess("work", settings=settings, log=tmp_path / "work.log")

        web.start().wait_for_http(f"{base}/healthz")
        publish(base, scene)
        web.kill()  # right after the answer: what was acknowledged must be there

        held, fired = 0, 0
        while fired < KILLS and states(engine).get(DeliveryState.ACCEPTED, 0) < FOLLOWERS:
            if not embedded and fired % 4 == 0:
                web.start().wait_for_http(f"{base}/healthz")
                web.kill()
            in_flight = killed_while_sending(worker, engine, service, dice)
            assert in_flight <= PER_ORIGIN + SETTLE_ROWS
            held += in_flight
            fired += in_flight > 0
        assert fired == KILLS, f"only {fired} kills hit a worker with something in flight"

        with worker:
            everyone = service.wait_for(
                lambda: all(phone.received for phone in scene.phones.values()), timeout=LEASE + 60
            )
            assert everyone, [endpoint for endpoint, phone in scene.phones.items() if not phone.received][:5]
            until = time.monotonic() + LEASE + 60
            while states(engine) != {DeliveryState.ACCEPTED: FOLLOWERS} and time.monotonic() < until:
                time.sleep(0.2)

        assert states(engine) == {DeliveryState.ACCEPTED: FOLLOWERS}
        assert accepted_in_the_ledger(engine) == set(scene.phones)
        with reading(engine)() as session:
            assert session.scalar(select(func.count()).select_from(Decision)) == FOLLOWERS
        assert service.repeats <= held
        print(f"{engine.dialect.name}, seed {seed}: {fired} kills, {held} rows in flight, {service.repeats} repeats")


@pytest.mark.long
def test_sigterm_leaves_nothing_claimed(engine: Engine, tmp_path: Path) -> None:
    with PushService() as service:
        service.behave(FCM, answers(201, delay=0.3))
        scene = a_shop_with_followers(engine, service, 600)
        port = free_port()
        settings = settings_for(engine, service, tmp_path / "instance", port)
        log = tmp_path / "web.log"
        with CitylifeProcess("serve", "--port", str(port), settings=settings, log=log) as web:
            web.wait_for_http(f"http://127.0.0.1:{port}/healthz")
            publish(f"http://127.0.0.1:{port}", scene)
            assert service.wait_for(lambda: len(service.deliveries) > 100)
            assert web.stop() == 0, web.tail()
        left = states(engine)
        assert DeliveryState.CLAIMED not in left
        assert left[DeliveryState.ACCEPTED] == len(service.deliveries)
        assert sum(left.values()) == 600
        assert service.repeats == 0
