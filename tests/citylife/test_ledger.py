"""The ledger: who is decided for, what is claimed and by whom, what an answer makes of a row."""

import datetime as dt
import random
import threading
import uuid
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session, sessionmaker

from citylife import follows, offers
from citylife.accounts.citizens import Citizen
from citylife.consent import Purpose
from citylife.database import engine_for, new_id, settling, writing
from citylife.devices import Device, EndpointOwner, Origin, devices_of, register_device, remove_device
from citylife.endpoints import check_endpoint
from citylife.follows import Level
from citylife.ledger import claims, expansion, reading, settlement
from citylife.ledger.claims import Claimed
from citylife.ledger.lanes import Lane, open_lanes
from citylife.ledger.reasons import SENTENCES, sentence_for
from citylife.ledger.settlement import back_off
from citylife.ledger.tables import (
    Decision,
    Delivery,
    DeliveryState,
    Message,
    MessageKind,
    MessageState,
    Outcome,
    Reason,
)
from citylife.offers import UNDO, Offer, OfferStatus, withdraw
from citylife.shops import suspend_shop
from citylife.wording import say
from tests import builders
from tests.builders import NOW
from tests.ledger_desk import claim_all, expand_all, settle_all

LATER = NOW + dt.timedelta(minutes=1)


def decisions(sessions: sessionmaker[Session]) -> dict[uuid.UUID, tuple[Outcome, Reason]]:
    with sessions() as session:
        return {row.citizen_id: (row.outcome, row.reason) for row in session.scalars(select(Decision))}


def states(sessions: sessionmaker[Session]) -> Counter[DeliveryState]:
    with sessions() as session:
        return Counter(session.scalars(select(Delivery.state)))


def only_reason(sessions: sessionmaker[Session]) -> tuple[Outcome, Reason]:
    (found,) = decisions(sessions).values()
    return found


# Expansion


def test_every_follower_is_decided_for_and_every_device_of_those_who_may_hear_gets_a_delivery(
    sessions: sessionmaker[Session],
) -> None:
    with sessions.begin() as session:
        shop, other = builders.a_shop(session), builders.a_shop(session)
        normal, always = (builders.a_follower(session, shop, level) for level in (Level.NORMAL, Level.ALWAYS))
        two_phones = builders.a_follower(session, shop, devices=2)
        quiet = builders.a_follower(session, shop, Level.NONE)
        without_phone = builders.a_follower(session, shop, devices=0)
        withdrawn = builders.a_follower(session, shop)
        builders.consent(session, withdrawn, Purpose.NOTIFICATIONS, granted=False)
        builders.a_follower(session, other)
        builders.an_offer(session, shop)
        session.flush()
        ids = [one.id for one in (normal, always, two_phones, quiet, without_phone, withdrawn)]

    assert expand_all(sessions) == 3  # six followers by pages of three, and the empty page that ends it

    send, held = Outcome.SEND, Outcome.HELD
    assert decisions(sessions) == dict(
        zip(
            ids,
            [
                (send, Reason.FOLLOWS),
                (send, Reason.ALWAYS),
                (send, Reason.FOLLOWS),
                (held, Reason.LEVEL_NONE),
                (held, Reason.NO_DEVICE),
                (held, Reason.NO_CONSENT),
            ],
            strict=True,
        )
    )
    with sessions() as session:
        deliveries = Counter(session.scalars(select(Delivery.citizen_id)))
        message = session.scalars(select(Message)).one()
    assert deliveries == {ids[0]: 1, ids[1]: 1, ids[2]: 2}
    assert (message.state, message.decided) == (MessageState.EXPANDED, 6)


@given(followers=st.integers(0, 9), page=st.integers(1, 5))
def test_whatever_the_size_of_a_page_nobody_is_skipped_nor_decided_for_twice(
    sqlite_template, tmp_path_factory, followers: int, page: int
) -> None:
    path = tmp_path_factory.mktemp("pages") / "town.db"
    path.write_bytes(sqlite_template.read_bytes())
    from_file = engine_for(f"sqlite:///{path}")
    sessions = writing(from_file)
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        expected = {builders.a_follower(session, shop).id for _ in range(followers)}
        builders.an_offer(session, shop)
    expand_all(sessions, page=page)
    assert set(decisions(sessions)) == expected
    assert states(sessions) == ({DeliveryState.WAITING: followers} if followers else {})
    from_file.dispose()


def test_a_crash_in_the_middle_of_a_page_repeats_nothing_and_skips_nobody(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        expected = {builders.a_follower(session, shop).id for _ in range(7)}
        builders.an_offer(session, shop)
    with sessions() as session:
        expansion.expand_page(session, now=NOW, page=3)
        session.rollback()
    with sessions.begin() as session:
        expansion.expand_page(session, now=NOW, page=3)
    with sessions() as session:
        expansion.expand_page(session, now=NOW, page=3)
        session.rollback()
    expand_all(sessions)
    assert set(decisions(sessions)) == expected
    assert states(sessions) == {DeliveryState.WAITING: 7}


@pytest.mark.parametrize("status", [OfferStatus.WITHDRAWN, OfferStatus.SOLD_OUT, OfferStatus.ENDED, OfferStatus.LIVE])
def test_an_offer_that_is_over_before_it_was_expanded_is_held_and_says_why(sessions, status: OfferStatus) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        followers = {builders.a_follower(session, shop).id for _ in range(5)}
        over = builders.an_offer(session, shop, status=status)
    with sessions.begin() as session:
        late = builders.a_citizen(session)
        builders.a_follow(session, late, shop, now=over.ends_at + dt.timedelta(seconds=1))
    expand_all(sessions, now=over.ends_at + UNDO, page=2)
    assert decisions(sessions) == dict.fromkeys(followers, (Outcome.HELD, Reason.OFFER_CLOSED))
    assert states(sessions) == {}
    with sessions() as session:
        announcement = select(Message.state).where(Message.kind == MessageKind.ANNOUNCEMENT)
        assert session.scalars(announcement).one() is MessageState.STOPPED


def test_an_offer_withdrawn_in_the_middle_of_expansion_is_held_for_the_rest(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        followers = {builders.a_follower(session, shop).id for _ in range(5)}
        offer = builders.an_offer(session, shop)
    with sessions.begin() as session:
        expansion.expand_page(session, now=NOW, page=2)
        withdraw(session, session.get_one(Offer, offer.id), now=NOW)
    expand_all(sessions, page=2)
    decided = decisions(sessions)
    assert set(decided) == followers
    assert Counter(decided.values()) == {
        (Outcome.SEND, Reason.FOLLOWS): 2,
        (Outcome.HELD, Reason.OFFER_CLOSED): 3,
    }


def test_two_workers_never_expand_the_same_page(engine: Engine) -> None:
    sessions = writing(engine)
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        expected = {builders.a_follower(session, shop).id for _ in range(30)}
        builders.an_offer(session, shop)
    failures: list[Exception] = []

    def work() -> None:
        try:
            expand_all(sessions, page=2)
        except Exception as failure:  # noqa: BLE001 - whatever it is, the test must see it
            failures.append(failure)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    expand_all(sessions)
    assert failures == []
    assert set(decisions(sessions)) == expected
    assert states(sessions) == {DeliveryState.WAITING: 30}


# Claims and releasing


@pytest.fixture
def waiting(sessions: sessionmaker[Session]):
    """One follower with one phone, and an announcement waiting for her."""
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        citizen = builders.a_follower(session, shop)
        offer = builders.an_offer(session, shop)
    expand_all(sessions)
    return shop, citizen, offer


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


def test_a_sold_out_stops_what_is_unsent_and_its_undo_lets_it_go(sessions, waiting) -> None:
    *_, offer = waiting
    with sessions.begin() as session:
        offers.sold_out(session, session.merge(offer), now=LATER)
    assert claim_all(sessions, now=LATER) == []
    assert states(sessions) == {DeliveryState.WAITING: 1}
    with sessions.begin() as session:
        offers.undo_sold_out(session, session.get_one(type(offer), offer.id), now=LATER + UNDO / 2)
    expand_all(sessions, now=LATER + UNDO)
    (claimed,) = claim_all(sessions, now=LATER + UNDO)
    assert claimed.announced.kind is MessageKind.ANNOUNCEMENT
    assert claimed.attempts == 1


def test_a_sold_out_that_stands_holds_what_was_unsent_for_good(sessions, waiting) -> None:
    *_, offer = waiting
    with sessions.begin() as session:
        offers.sold_out(session, session.merge(offer), now=LATER)
    assert claim_all(sessions, now=LATER) == []
    expand_all(sessions, now=LATER + UNDO)
    assert claim_all(sessions, now=LATER + UNDO) == []
    assert states(sessions) == {}
    assert only_reason(sessions) == (Outcome.HELD, Reason.OFFER_CLOSED)


def test_a_sold_out_replaces_what_was_accepted_and_only_that(sessions) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        told, untold = builders.a_follower(session, shop), builders.a_follower(session, shop)
        offer = builders.an_offer(session, shop)
    expand_all(sessions)
    for claimed in claim_all(sessions):
        mine = uuid.UUID(bytes=claimed.citizen_id) if isinstance(claimed.citizen_id, bytes) else claimed.citizen_id
        settle_all(sessions, [claimed], DeliveryState.ACCEPTED if mine == told.id else DeliveryState.REFUSED)
    with sessions.begin() as session:
        offers.sold_out(session, session.merge(offer), now=LATER)
    expand_all(sessions, now=LATER + UNDO - dt.timedelta(seconds=1))
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Delivery)) == 2  # not before it can no longer be undone
    expand_all(sessions, now=LATER + UNDO)
    (replacement,) = claim_all(sessions, now=LATER + UNDO)
    assert replacement.announced.kind is MessageKind.SOLD_OUT
    with sessions() as session:
        assert session.scalars(select(Decision.citizen_id).where(Decision.reason == Reason.REPLACES)).all() == [told.id]
    assert untold.id != told.id


def test_what_was_accepted_by_a_device_that_is_gone_is_not_said_to_be_replaced(sessions) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        told = builders.a_follower(session, shop)
        offer = builders.an_offer(session, shop)
    expand_all(sessions)
    settle_all(sessions, claim_all(sessions), DeliveryState.ACCEPTED)
    with sessions.begin() as session:
        (device,) = devices_of(session, told.id)
        remove_device(session, told.id, device.id, now=LATER)
        builders.a_device(session, session.merge(told), now=LATER)
        offers.sold_out(session, session.merge(offer), now=LATER)
    expand_all(sessions, now=LATER + UNDO)
    assert claim_all(sessions, now=LATER + UNDO) == []
    with sessions() as session:
        assert session.scalars(select(Decision.reason)).all() == [Reason.FOLLOWS]


def test_what_was_accepted_more_than_two_days_ago_is_not_replaced(sessions) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        builders.a_follower(session, shop)
        offer = builders.an_offer(session, shop, ends_at=NOW + dt.timedelta(days=10))
    expand_all(sessions)
    settle_all(sessions, claim_all(sessions), DeliveryState.ACCEPTED)
    much_later = NOW + dt.timedelta(days=2, hours=1)
    with sessions.begin() as session:
        offers.sold_out(session, session.merge(offer), now=much_later)
    expand_all(sessions, now=much_later + UNDO)
    assert claim_all(sessions, now=much_later + UNDO) == []


def test_many_workers_claim_each_delivery_once(engine: Engine) -> None:
    sessions = writing(engine)
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        for _ in range(60):
            builders.a_follower(session, shop)
        builders.an_offer(session, shop)
    expand_all(sessions, page=100)
    claimed: list[Claimed] = []
    failures: list[Exception] = []

    def work() -> None:
        try:
            claimed.extend(claim_all(settling(engine), most=3))
        except Exception as failure:  # noqa: BLE001 - whatever it is, the test must see it
            failures.append(failure)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failures == []
    assert len(claimed) == 60
    assert len({(one.citizen_id, one.device_id) for one in claimed}) == 60


# Origins


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


# Settling


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


# Reading


def test_what_a_citizen_reads_of_the_ledger_names_the_offer_the_reason_and_what_became_of_it(sessions, waiting) -> None:
    shop, citizen, offer = waiting
    settle_all(sessions, claim_all(sessions), DeliveryState.ACCEPTED, now=LATER)
    with sessions() as session:
        (row,) = reading.decisions_of(session, citizen.id, now=LATER)
        assert (row.offer_id, row.shop_id, row.outcome, row.reason) == (offer.id, shop.id, Outcome.SEND, Reason.FOLLOWS)
        assert [(one.state, one.accepted_at) for one in row.deliveries] == [(DeliveryState.ACCEPTED, LATER)]
        assert reading.decisions_of(session, citizen.id, now=LATER, after=row.message_id) == []
        assert reading.decisions_of(session, new_id(), now=LATER) == []


def test_the_health_of_the_ledger_tells_what_waits_where_and_since_when(sessions, waiting) -> None:
    with sessions() as session:
        health = reading.health(session, now=NOW + dt.timedelta(seconds=90))
    assert (health.waiting, health.claimed, health.expanding, health.lag) == (1, 0, 0, 90.0)
    assert [(origin.waiting, origin.claimed) for origin in health.origins] == [(1, 0)]
    claim_all(sessions)
    with sessions() as session:
        health = reading.health(session, now=NOW + dt.timedelta(seconds=90))
    assert (health.waiting, health.claimed, health.lag) == (0, 1, 0.0)


def test_every_reason_has_its_sentence_in_both_languages() -> None:
    assert set(SENTENCES) == set(Reason)
    for reason in Reason:
        sentence = sentence_for(reason, "Chez Zoé")
        assert say(sentence, "en") != say(sentence, "fr") != ""


def test_lanes_are_the_buckets_and_origins_with_something_due(sessions, waiting) -> None:
    with sessions() as session:
        bucket = session.scalar(select(Delivery.bucket))
        origin = session.scalars(select(Origin)).one()
        assert open_lanes(session, now=NOW) == [Lane(bucket, origin.id, origin.origin)]
        assert open_lanes(session, now=NOW - dt.timedelta(seconds=1)) == []
