"""From draft to live, by hand or by the timetable, once; and who may speak at all."""

import datetime as dt

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.audit import Actor, AuditEntry
from citylife.database import new_id
from citylife.errors import NotYours, Refusal
from citylife.ledger.tables import Message, MessageKind, MessageState
from citylife.offers import (
    LONGEST,
    Offer,
    OfferStatus,
    OfferVersion,
    draft_offer,
    end_due,
    publish,
    schedule,
    start_due,
)
from citylife.offers.drafts import OfferClosed, OfferDates
from citylife.offers.publishing import LOOK_AGAIN, AlreadyLive
from citylife.shops import (
    Shop,
    ShopNotVerified,
    ShopStatus,
    ShopSuspended,
    reinstate_shop,
    suspend_shop,
)
from citylife.timetable import Due, Task
from tests import builders
from tests.builders import NOW, a_draft
from tests.overlap import overlapping

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


def due(session: Session) -> dict[tuple[Task, object], dt.datetime]:
    of_offers = select(Due).where(Due.task.in_((Task.OFFER_STARTS, Task.OFFER_ENDS)))
    return {(row.task, row.subject): row.due_at for row in session.scalars(of_offers)}


def number_of(session: Session, table) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0


def test_publishing_makes_the_offer_live_and_proposes_one_message(session: Session):
    shop, merchant = builders.a_shop(session), builders.a_merchant(session)
    offer = draft_offer(session, shop, a_draft(), now=NOW - DAY)

    message = publish(session, shop, offer, now=NOW, actor_id=merchant.id)
    session.commit()
    session.expire_all()

    assert (offer.status, offer.live_from, offer.starts_at, offer.version) == (OfferStatus.LIVE, NOW, NOW, 2)
    assert message is not None
    assert (message.kind, message.state) == (MessageKind.ANNOUNCEMENT, MessageState.EXPANDING)
    assert (message.offer_id, message.shop_id, message.offer_version) == (offer.id, shop.id, 2)
    assert (message.release_at, message.expires_at) == (NOW, offer.ends_at)
    assert session.scalars(select(OfferVersion.number)).all() == [2]
    assert due(session) == {(Task.OFFER_ENDS, offer.id): offer.ends_at}
    entry = session.scalars(select(AuditEntry).where(AuditEntry.subject_id == offer.id)).one()
    assert (entry.action, entry.actor, entry.actor_id) == ("offer.published", Actor.MERCHANT, merchant.id)


@pytest.mark.parametrize(
    ("category", "announced"),
    [("bakery", True), ("optician", True), ("wine", False), ("pharmacy", False)],
)
def test_a_trade_that_may_not_notify_has_a_live_offer_and_no_announcement(
    session: Session, category: str, announced: bool
):
    shop = builders.a_shop(session, category=category)
    offer = draft_offer(session, shop, a_draft(), now=NOW)

    message = publish(session, shop, offer, now=NOW)

    assert offer.status is OfferStatus.LIVE
    assert (message is not None) == announced
    assert session.scalars(select(Message.kind)).one() is (
        MessageKind.ANNOUNCEMENT if announced else MessageKind.PAGE_ONLY
    )


@pytest.mark.parametrize(
    ("status", "refusal"),
    [
        (ShopStatus.LISTED, ShopNotVerified),
        (ShopStatus.CLAIMED, ShopNotVerified),
        (ShopStatus.SUSPENDED, ShopSuspended),
    ],
)
def test_only_a_verified_shop_may_speak(session: Session, status: ShopStatus, refusal: type[Refusal]):
    shop = builders.a_shop(session, status=status)
    offer = draft_offer(session, shop, a_draft(), now=NOW)

    with pytest.raises(refusal):
        publish(session, shop, offer, now=NOW)
    with pytest.raises(refusal):
        schedule(session, shop, offer, starts_at=NOW + HOUR, now=NOW)

    assert offer.status is OfferStatus.DRAFT
    assert (number_of(session, Message), due(session), number_of(session, OfferVersion)) == (0, {}, 0)


def test_a_shop_does_not_publish_anothers_offer(session: Session):
    shop, other = builders.a_shop(session), builders.a_shop(session)
    offer = draft_offer(session, other, a_draft(), now=NOW)

    with pytest.raises(NotYours):
        publish(session, shop, offer, now=NOW)
    with pytest.raises(NotYours):
        schedule(session, shop, offer, starts_at=NOW + HOUR, now=NOW)


def test_an_offer_is_published_once(session: Session):
    shop = builders.a_shop(session)
    offer = builders.an_offer(session, shop)

    with pytest.raises(AlreadyLive):
        publish(session, shop, offer, now=NOW)
    assert number_of(session, Message) == 1


def test_an_offer_published_twice_at_once_is_announced_once(sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        offer = builders.an_offer(session, shop, status=OfferStatus.DRAFT)
        shop_id, offer_id = shop.id, offer.id

    def tell(session: Session):
        return publish(session, session.get_one(Shop, shop_id), session.get_one(Offer, offer_id), now=NOW)

    first, second = overlapping(sessions, tell, tell)

    assert isinstance(first, Message)
    assert isinstance(second, AlreadyLive)
    with sessions() as session:
        assert (number_of(session, Message), number_of(session, OfferVersion)) == (1, 1)


@pytest.mark.parametrize("status", [OfferStatus.ENDED, OfferStatus.WITHDRAWN, OfferStatus.SOLD_OUT])
def test_an_offer_that_is_over_is_not_published_again(session: Session, status: OfferStatus):
    shop = builders.a_shop(session)
    offer = builders.an_offer(session, shop, status=status)

    with pytest.raises(OfferClosed):
        publish(session, shop, offer, now=NOW)
    with pytest.raises(OfferClosed):
        schedule(session, shop, offer, starts_at=NOW + HOUR, now=NOW)


def test_a_draft_whose_end_has_passed_is_not_published(session: Session):
    shop = builders.a_shop(session)
    offer = builders.an_offer(session, shop, status=OfferStatus.DRAFT)

    with pytest.raises(OfferDates):
        publish(session, shop, offer, now=offer.ends_at)
    assert offer.status is OfferStatus.DRAFT


def test_an_event_is_announced_before_it_begins_and_never_more_than_fourteen_days_before_it_ends(session: Session):
    shop = builders.a_shop(session)
    begins = NOW + 20 * DAY
    offer = draft_offer(session, shop, a_draft(starts_at=begins, ends_at=begins + DAY), now=NOW)

    with pytest.raises(OfferDates):
        publish(session, shop, offer, now=NOW)
    publish(session, shop, offer, now=begins + DAY - LONGEST)

    assert (offer.starts_at, offer.live_from) == (begins, begins + DAY - LONGEST)


def test_a_scheduled_offer_goes_live_when_its_time_has_come(session: Session):
    shop = builders.a_shop(session)
    offer = draft_offer(session, shop, a_draft(), now=NOW)

    schedule(session, shop, offer, starts_at=NOW + HOUR, now=NOW)
    assert (offer.status, offer.version) == (OfferStatus.SCHEDULED, 2)
    assert due(session) == {(Task.OFFER_STARTS, offer.id): NOW + HOUR}
    assert number_of(session, Message) == 0

    message = start_due(session, offer.id, now=NOW + HOUR)
    session.commit()

    assert message is not None
    assert (offer.status, offer.live_from) == (OfferStatus.LIVE, NOW + HOUR)
    assert due(session) == {(Task.OFFER_ENDS, offer.id): offer.ends_at}
    assert start_due(session, offer.id, now=NOW + HOUR) is None
    assert number_of(session, Message) == 1
    actors = session.scalars(
        select(AuditEntry.actor).where(AuditEntry.subject_id == offer.id).order_by(AuditEntry.id)
    ).all()
    assert actors == [Actor.MERCHANT, Actor.SYSTEM]


@pytest.mark.parametrize("starts_at", [NOW, NOW - HOUR, NOW + 9 * HOUR, NOW + 8 * HOUR, NOW + 400 * DAY])
def test_an_offer_is_scheduled_for_a_moment_to_come_before_its_end(session: Session, starts_at: dt.datetime):
    shop = builders.a_shop(session)
    offer = draft_offer(session, shop, a_draft(), now=NOW)

    with pytest.raises(OfferDates):
        schedule(session, shop, offer, starts_at=starts_at, now=NOW)

    assert offer.status is OfferStatus.DRAFT
    assert due(session) == {}


def test_scheduling_again_moves_the_moment(session: Session):
    shop = builders.a_shop(session)
    offer = builders.an_offer(session, shop, status=OfferStatus.SCHEDULED)

    schedule(session, shop, offer, starts_at=NOW + 5 * HOUR, now=NOW)
    assert due(session) == {(Task.OFFER_STARTS, offer.id): NOW + 5 * HOUR}

    assert start_due(session, offer.id, now=NOW + 2 * HOUR) is None  # the timetable had the earlier moment in hand
    assert offer.status is OfferStatus.SCHEDULED
    assert due(session) == {(Task.OFFER_STARTS, offer.id): NOW + 5 * HOUR}


def test_a_scheduled_offer_published_by_hand_is_not_published_again(session: Session):
    shop = builders.a_shop(session)
    offer = builders.an_offer(session, shop, status=OfferStatus.SCHEDULED)
    starts_at = offer.starts_at

    publish(session, shop, offer, now=NOW + HOUR)

    assert start_due(session, offer.id, now=NOW + 2 * HOUR) is None
    assert (offer.live_from, offer.starts_at) == (NOW + HOUR, starts_at)
    assert number_of(session, Message) == 1
    assert due(session) == {(Task.OFFER_ENDS, offer.id): offer.ends_at}


def test_a_scheduled_offer_that_comes_due_after_its_end_only_ends(session: Session):
    shop = builders.a_shop(session)
    offer = builders.an_offer(session, shop, status=OfferStatus.SCHEDULED)

    assert start_due(session, offer.id, now=offer.ends_at) is None

    assert (offer.status, offer.live_from) == (OfferStatus.ENDED, None)
    assert number_of(session, Message) == 0


def test_while_its_shop_is_suspended_a_scheduled_offer_waits(session: Session):
    shop = builders.a_shop(session)
    offer = builders.an_offer(session, shop, status=OfferStatus.SCHEDULED)
    suspend_shop(session, shop, reason="Plaintes", now=NOW)
    moment = NOW + 2 * HOUR

    assert start_due(session, offer.id, now=moment) is None
    assert offer.status is OfferStatus.SCHEDULED
    assert due(session) == {(Task.OFFER_STARTS, offer.id): moment + LOOK_AGAIN}

    reinstate_shop(session, shop, reason="Tout est rentré dans l’ordre", now=moment)
    assert start_due(session, offer.id, now=moment + LOOK_AGAIN) is not None
    assert offer.status is OfferStatus.LIVE


def test_what_is_due_of_an_offer_that_is_not_there_is_nothing(session: Session):
    assert start_due(session, new_id(), now=NOW) is None
    end_due(session, new_id(), now=NOW)

    assert number_of(session, Due) == 0


def test_a_start_by_hand_and_by_the_timetable_at_once_announce_once(sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        offer = builders.an_offer(session, shop, status=OfferStatus.SCHEDULED)
        shop_id, offer_id = shop.id, offer.id
    moment = NOW + 2 * HOUR

    by_hand, by_time = overlapping(
        sessions,
        lambda session: publish(session, session.get_one(Shop, shop_id), session.get_one(Offer, offer_id), now=moment),
        lambda session: start_due(session, offer_id, now=moment),
    )

    assert isinstance(by_hand, Message)
    assert by_time is None
    with sessions() as session:
        assert number_of(session, Message) == 1
