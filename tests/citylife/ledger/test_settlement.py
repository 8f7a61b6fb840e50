"""Settlement: what an answer makes of a row, of a device and of an origin."""

import datetime as dt
import random

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from citylife.devices import Device, EndpointOwner, Origin, register_device
from citylife.endpoints import check_endpoint
from citylife.ledger import settlement
from citylife.ledger.settlement import back_off
from citylife.ledger.tables import DeliveryState
from tests import builders
from tests.builders import NOW
from tests.citylife.ledger.conftest import LATER, states
from tests.ledger_desk import claim_all, expand_all, settle_all


def test_a_paused_origin_is_left_alone_until_its_time_and_the_others_are_not(sessions) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        for host in ("fcm.googleapis.com", "updates.push.services.mozilla.com"):
            citizen = builders.a_citizen(session)
            builders.a_device(session, citizen, builders.an_endpoint(host))
            builders.a_follow(session, citizen, shop)
        builders.an_offer(session, shop)
    expand_all(sessions)
    with sessions.begin() as session:
        google = session.scalars(select(Origin).where(Origin.origin == "https://fcm.googleapis.com")).one().id
        settlement.pause_origin(session, google, until=LATER)
        settlement.pause_origin(session, google, until=NOW)  # a shorter pause shortens nothing
    assert [claimed.endpoint[:16] for claimed in claim_all(sessions)] == ["https://updates."]
    assert [claimed.endpoint[:11] for claimed in claim_all(sessions, now=LATER)] == ["https://fcm"]


def test_a_stopped_origin_stays_stopped_until_somebody_resumes_it(sessions, waiting) -> None:
    with sessions.begin() as session:
        (origin,) = session.scalars(select(Origin.id))
        assert settlement.stop_origin(session, origin, status=403, now=NOW) is True
        assert settlement.stop_origin(session, origin, status=401, now=LATER) is False
    assert claim_all(sessions, now=LATER) == []
    with sessions.begin() as session:
        settlement.resume_origin(session, origin)
    assert len(claim_all(sessions, now=LATER)) == 1


def test_a_gone_device_is_forgotten_with_its_endpoint(sessions, waiting) -> None:
    settle_all(sessions, claim_all(sessions), DeliveryState.GONE)
    with sessions() as session:
        assert session.scalars(select(Device)).all() == []
        assert session.scalars(select(EndpointOwner)).all() == []
    assert states(sessions) == {DeliveryState.GONE: 1}


def test_a_gone_answer_for_an_old_endpoint_keeps_the_device_that_has_a_new_one(sessions, waiting) -> None:
    _shop, citizen, _offer = waiting
    claimed = claim_all(sessions)
    with sessions.begin() as session:
        device = session.scalars(select(Device)).one()
        renewed = check_endpoint("https://fcm.googleapis.com/fcm/send/renewed")
        session.execute(
            update(Device).values(endpoint=renewed.url, endpoint_sha256=renewed.digest).where(Device.id == device.id)
        )
    settle_all(sessions, claimed, DeliveryState.GONE)
    with sessions() as session:
        assert session.scalars(select(Device.endpoint)).all() == [renewed.url]
    assert citizen is not None


def test_an_endpoint_that_moved_to_another_citizen_is_not_hers_to_lose(sessions, waiting) -> None:
    claimed = claim_all(sessions)
    with sessions.begin() as session:
        device = session.scalars(select(Device)).one()
        other = builders.a_citizen(session)
        keys = builders.browser_keys()[1]
        register_device(session, other, check_endpoint(device.endpoint), keys, expires_at=None, now=LATER)
    settle_all(sessions, claimed, DeliveryState.GONE)
    with sessions() as session:
        assert session.scalars(select(Device.citizen_id)).all() == [other.id]
        assert session.scalars(select(EndpointOwner.citizen_id)).all() == [other.id]


def test_another_attempt_waits_its_turn_and_never_outlives_the_offer(sessions, waiting) -> None:
    *_, offer = waiting
    (claimed,) = claim_all(sessions)
    again = settlement.try_again(claimed, now=NOW, after=dt.timedelta(seconds=30), status=503)
    with sessions.begin() as session:
        settlement.settle(session, [again], now=NOW)
    assert claim_all(sessions, now=NOW + dt.timedelta(seconds=29)) == []
    (second,) = claim_all(sessions, now=NOW + dt.timedelta(seconds=30))
    assert second.attempts == 2
    over = settlement.try_again(second, now=offer.ends_at - dt.timedelta(seconds=5), after=dt.timedelta(seconds=5))
    assert over.state is DeliveryState.EXPIRED


@given(attempts=st.integers(0, 60), seed=st.integers(0, 2**32))
def test_backing_off_doubles_up_to_ten_minutes_and_never_halves_twice(attempts: int, seed: int) -> None:
    seconds = back_off(attempts, random.Random(seed)).total_seconds()
    longest = min(2.0 * 2 ** max(attempts - 1, 0), 600.0)
    assert longest / 2 <= seconds <= longest
