"""Claims: what is sent, by whom, under which lease; and what changed since it was published holds it."""

import datetime as dt

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from citylife import follows, offers
from citylife.accounts.citizens import Citizen
from citylife.consent import Purpose
from citylife.database import settling, writing
from citylife.devices import Device, Origin
from citylife.follows import Level
from citylife.ledger import claims, settlement
from citylife.ledger.claims import Claimed
from citylife.ledger.lanes import Lane, open_lanes
from citylife.ledger.tables import Delivery, DeliveryState, MessageKind, Outcome, Reason
from citylife.shops import suspend_shop
from tests import builders
from tests.builders import NOW
from tests.citylife.ledger.conftest import LATER, only_reason, states
from tests.ledger_desk import claim_all, expand_all, settle_all
from tests.overlap import at_once


def test_lanes_are_the_buckets_and_origins_with_something_due(sessions, waiting) -> None:
    with sessions() as session:
        bucket = session.scalar(select(Delivery.bucket))
        origin = session.scalars(select(Origin)).one()
        assert open_lanes(session, now=NOW) == [Lane(bucket, origin.id, origin.origin)]
        assert open_lanes(session, now=NOW - dt.timedelta(seconds=1)) == []


def test_a_claim_gives_everything_that_sending_needs_and_counts_the_attempt(sessions, waiting) -> None:
    shop, citizen, offer = waiting
    (claimed,) = claim_all(sessions)
    with sessions() as session:
        device = session.scalars(select(Device)).one()
        delivery = session.scalars(select(Delivery)).one()
    assert (claimed.endpoint, claimed.p256dh, claimed.auth) == (device.endpoint, device.p256dh, device.auth)
    assert (claimed.locale, claimed.attempts) == ("fr", 1)
    assert (claimed.announced.shop_name, claimed.announced.title) == (shop.name, offer.title)
    assert claimed.announced.kind is MessageKind.ANNOUNCEMENT
    assert (delivery.state, delivery.fence) == (DeliveryState.CLAIMED, claimed.fence)
    assert delivery.lease_until == NOW + claims.LEASE
    assert citizen.id == delivery.citizen_id


def test_what_is_claimed_is_nobody_elses_until_its_lease_is_over(sessions, waiting) -> None:
    (first,) = claim_all(sessions)
    assert claim_all(sessions, now=NOW + claims.LEASE) == []
    with sessions.begin() as session:
        assert settlement.sweep(session, now=NOW + claims.LEASE) == 0
        assert settlement.sweep(session, now=NOW + claims.LEASE + dt.timedelta(seconds=1)) == 1
    (second,) = claim_all(sessions, now=NOW + 2 * claims.LEASE)
    assert second.attempts == 2
    assert second.fence != first.fence


def test_the_fencing_token_of_a_late_worker_settles_nothing(sessions, waiting) -> None:
    late = claim_all(sessions)
    with sessions.begin() as session:
        settlement.sweep(session, now=NOW + 2 * claims.LEASE)
    (current,) = claim_all(sessions, now=NOW + 2 * claims.LEASE)
    assert settle_all(sessions, late, DeliveryState.ACCEPTED) == 0
    assert states(sessions) == {DeliveryState.CLAIMED: 1}
    assert settle_all(sessions, [current], DeliveryState.ACCEPTED) == 1
    assert settle_all(sessions, [current], DeliveryState.REFUSED) == 0  # settled once is settled
    assert states(sessions) == {DeliveryState.ACCEPTED: 1}


def refuse_by_unfollowing(session: Session, shop, citizen, _offer) -> None:
    follows.unfollow(session, citizen.id, shop.id, now=LATER)


def refuse_by_level(session: Session, shop, citizen, _offer) -> None:
    follows.follow(session, citizen.id, shop, Level.NONE, now=LATER)


def refuse_by_consent(session: Session, _shop, citizen, _offer) -> None:
    builders.consent(session, session.get_one(Citizen, citizen.id), Purpose.NOTIFICATIONS, granted=False, now=LATER)


def refuse_by_suspension(session: Session, shop, _citizen, _offer) -> None:
    suspend_shop(session, session.merge(shop), reason="Signalée.", now=LATER)


def refuse_by_withdrawing(session: Session, _shop, _citizen, offer) -> None:
    offers.withdraw(session, session.merge(offer), now=LATER)


def refuse_by_losing_the_device(session: Session, _shop, _citizen, _offer) -> None:
    session.delete(session.scalars(select(Device)).one())


@pytest.mark.parametrize(
    ("refuse", "reason"),
    [
        (refuse_by_unfollowing, Reason.UNFOLLOWED),
        (refuse_by_level, Reason.LEVEL_NONE),
        (refuse_by_consent, Reason.NO_CONSENT),
        (refuse_by_suspension, Reason.SHOP_STOPPED),
        (refuse_by_withdrawing, Reason.OFFER_CLOSED),
        (refuse_by_losing_the_device, Reason.DEVICE_GONE),
    ],
)
def test_what_changed_between_publishing_and_sending_is_honoured_and_said(sessions, waiting, refuse, reason) -> None:
    with sessions.begin() as session:
        refuse(session, *waiting)
    assert claim_all(sessions, now=LATER) == []
    assert states(sessions) == {}
    assert only_reason(sessions) == (Outcome.HELD, reason)


def test_a_decision_stays_to_send_while_another_device_of_hers_may_still_hear(sessions) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        builders.a_follower(session, shop, devices=2)
        builders.an_offer(session, shop)
    expand_all(sessions)
    with sessions.begin() as session:
        session.delete(session.scalars(select(Device)).first())
    (claimed,) = claim_all(sessions)
    settle_all(sessions, [claimed], DeliveryState.ACCEPTED)
    assert only_reason(sessions) == (Outcome.SEND, Reason.FOLLOWS)
    assert states(sessions) == {DeliveryState.ACCEPTED: 1}


def test_what_is_over_before_it_is_sent_expires(sessions, waiting) -> None:
    *_, offer = waiting
    assert claim_all(sessions, now=offer.ends_at) == []
    assert states(sessions) == {DeliveryState.EXPIRED: 1}


def test_many_workers_claim_each_delivery_once(engine: Engine) -> None:
    sessions = writing(engine)
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        for _ in range(60):
            builders.a_follower(session, shop)
        builders.an_offer(session, shop)
    expand_all(sessions, page=100)
    claimed: list[Claimed] = []
    at_once(lambda _: claimed.extend(claim_all(settling(engine), most=3)))
    assert len(claimed) == 60
    assert len({(one.citizen_id, one.device_id) for one in claimed}) == 60
