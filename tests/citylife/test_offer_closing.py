"""How an offer ends: by time, withdrawn, or « tout est parti », which ten seconds can take back."""

import datetime as dt

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.audit import AuditEntry
from citylife.errors import Absent, NotYours
from citylife.ledger.expansion import expand_page
from citylife.ledger.messages import UNDO
from citylife.ledger.tables import Message, MessageKind, MessageState
from citylife.offers import (
    Offer,
    OfferChanges,
    OfferStatus,
    correct_offer,
    draft_offer,
    end_due,
    every_offer_of_shop,
    offer_of_team,
    offers_of_shop,
    public_offer,
    publish,
    sold_out,
    undo_sold_out,
    withdraw,
)
from citylife.offers.closing import NotLive, NotSoldOut, UndoTooLate
from citylife.offers.drafts import OfferClosed
from citylife.shops import suspend_shop
from citylife.timetable import Due, Task
from tests import builders
from tests.builders import NOW, a_draft
from tests.overlap import overlapping

HOUR, SECOND = dt.timedelta(hours=1), dt.timedelta(seconds=1)
OVER = [OfferStatus.ENDED, OfferStatus.WITHDRAWN, OfferStatus.SOLD_OUT]


def due(session: Session) -> dict[tuple[Task, object], dt.datetime]:
    return {(row.task, row.subject): row.due_at for row in session.scalars(select(Due))}


def messages(session: Session) -> dict[MessageKind, MessageState]:
    session.expire_all()
    return {row.kind: row.state for row in session.scalars(select(Message))}


def test_an_offer_ends_when_its_time_is_over(session: Session):
    offer = builders.an_offer(session, builders.a_shop(session))
    version = offer.version

    end_due(session, offer.id, now=offer.ends_at)
    session.commit()

    assert (offer.status, offer.closed_at, offer.version) == (OfferStatus.ENDED, offer.ends_at, version + 1)
    end_due(session, offer.id, now=offer.ends_at + HOUR)
    assert (offer.closed_at, offer.version) == (offer.ends_at, version + 1)


def test_an_end_that_moved_is_waited_for(session: Session):
    offer = builders.an_offer(session, builders.a_shop(session))
    first_end = offer.ends_at
    later = OfferChanges(ends_at=first_end + HOUR)
    correct_offer(session, offer, later, expected_version=offer.version, now=NOW)

    end_due(session, offer.id, now=first_end)

    assert offer.status is OfferStatus.LIVE
    assert due(session) == {(Task.OFFER_ENDS, offer.id): first_end + HOUR}


@pytest.mark.parametrize(
    "status", [OfferStatus.DRAFT, OfferStatus.SCHEDULED, OfferStatus.WITHDRAWN, OfferStatus.SOLD_OUT]
)
def test_only_a_live_offer_ends_by_time(session: Session, status: OfferStatus):
    offer = builders.an_offer(session, builders.a_shop(session), status=status)

    end_due(session, offer.id, now=offer.ends_at)

    assert offer.status is status


@pytest.mark.parametrize("status", [OfferStatus.DRAFT, OfferStatus.SCHEDULED, OfferStatus.LIVE])
def test_an_offer_is_withdrawn_and_nothing_more_is_told_of_it(session: Session, status: OfferStatus):
    offer = builders.an_offer(session, builders.a_shop(session), status=status)

    withdraw(session, offer, now=NOW + HOUR)
    session.commit()

    assert (offer.status, offer.closed_at) == (OfferStatus.WITHDRAWN, NOW + HOUR)
    assert due(session) == {}
    expand_page(session, now=NOW + HOUR)
    assert set(messages(session).values()) <= {MessageState.STOPPED}
    version = offer.version
    withdraw(session, offer, now=NOW + 2 * HOUR)
    assert (offer.closed_at, offer.version) == (NOW + HOUR, version)


@pytest.mark.parametrize("status", [OfferStatus.ENDED, OfferStatus.SOLD_OUT])
def test_an_offer_that_is_over_is_not_withdrawn(session: Session, status: OfferStatus):
    offer = builders.an_offer(session, builders.a_shop(session), status=status)

    with pytest.raises(OfferClosed):
        withdraw(session, offer, now=NOW)


def test_selling_out_ends_the_offer_and_proposes_what_replaces_it(session: Session):
    offer = builders.an_offer(session, builders.a_shop(session))

    message = sold_out(session, offer, now=NOW + HOUR)
    session.commit()

    assert (offer.status, offer.closed_at) == (OfferStatus.SOLD_OUT, NOW + HOUR)
    assert message is not None
    assert (message.kind, message.release_at) == (MessageKind.SOLD_OUT, NOW + HOUR + UNDO)
    assert due(session) == {}
    assert sold_out(session, offer, now=NOW + HOUR + SECOND) is None
    assert offer.closed_at == NOW + HOUR
    assert session.scalar(select(func.count()).select_from(Message)) == 2


def test_selling_out_what_nobody_was_told_of_proposes_nothing(session: Session):
    offer = builders.an_offer(session, builders.a_shop(session, category="wine"))

    assert sold_out(session, offer, now=NOW) is None
    assert offer.status is OfferStatus.SOLD_OUT
    assert messages(session).keys() == {MessageKind.PAGE_ONLY}


@pytest.mark.parametrize("status", [OfferStatus.DRAFT, OfferStatus.SCHEDULED, OfferStatus.ENDED, OfferStatus.WITHDRAWN])
def test_only_a_live_offer_sells_out(session: Session, status: OfferStatus):
    offer = builders.an_offer(session, builders.a_shop(session), status=status)

    with pytest.raises(NotLive):
        sold_out(session, offer, now=NOW)


def test_an_offer_past_its_end_does_not_sell_out(session: Session):
    offer = builders.an_offer(session, builders.a_shop(session))

    with pytest.raises(NotLive):
        sold_out(session, offer, now=offer.ends_at)


@pytest.mark.parametrize("after", [dt.timedelta(0), UNDO])
def test_within_ten_seconds_it_is_as_if_nothing_had_been_pressed(session: Session, after: dt.timedelta):
    offer = builders.an_offer(session, builders.a_shop(session))
    sold_out(session, offer, now=NOW)
    version = offer.version

    undo_sold_out(session, offer, now=NOW + after)
    session.commit()

    assert (offer.status, offer.closed_at, offer.version) == (OfferStatus.LIVE, None, version + 1)
    assert messages(session) == {MessageKind.ANNOUNCEMENT: MessageState.EXPANDING}
    assert due(session) == {(Task.OFFER_ENDS, offer.id): offer.ends_at}
    actions = session.scalars(
        select(AuditEntry.action).where(AuditEntry.subject_id == offer.id).order_by(AuditEntry.id)
    ).all()
    assert actions == ["offer.published", "offer.sold-out", "offer.sold-out-undone"]
    with pytest.raises(NotSoldOut):
        undo_sold_out(session, offer, now=NOW + after)


def test_after_ten_seconds_it_is_too_late(session: Session):
    offer = builders.an_offer(session, builders.a_shop(session))
    sold_out(session, offer, now=NOW)

    with pytest.raises(UndoTooLate, match="10 secondes"):
        undo_sold_out(session, offer, now=NOW + UNDO + SECOND)

    assert offer.status is OfferStatus.SOLD_OUT
    assert messages(session).keys() == {MessageKind.ANNOUNCEMENT, MessageKind.SOLD_OUT}


def test_once_the_replacement_goes_out_it_is_too_late(session: Session):
    offer = builders.an_offer(session, builders.a_shop(session))
    message = sold_out(session, offer, now=NOW)
    assert message is not None
    message.state = MessageState.EXPANDED
    session.commit()

    with pytest.raises(UndoTooLate):
        undo_sold_out(session, offer, now=NOW + UNDO)


def test_what_ended_meanwhile_is_not_taken_back(session: Session):
    offer = builders.an_offer(session, builders.a_shop(session))
    sold_out(session, offer, now=offer.ends_at - SECOND)

    with pytest.raises(UndoTooLate):
        undo_sold_out(session, offer, now=offer.ends_at)


def test_an_end_and_a_sell_out_at_once_leave_one_of_them(sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        offer = builders.an_offer(session, builders.a_shop(session))
        offer_id, ends_at = offer.id, offer.ends_at

    overlapping(
        sessions,
        lambda session: sold_out(session, session.get_one(Offer, offer_id), now=ends_at - SECOND),
        lambda session: end_due(session, offer_id, now=ends_at),
    )

    with sessions() as session:
        offer = session.get_one(Offer, offer_id)
        assert (offer.status, offer.closed_at) == (OfferStatus.SOLD_OUT, ends_at - SECOND)


@pytest.mark.parametrize("status", list(OfferStatus))
def test_the_public_sees_what_was_published_and_not_taken_away(session: Session, status: OfferStatus):
    offer = builders.an_offer(session, builders.a_shop(session), status=status)

    if status in {OfferStatus.LIVE, OfferStatus.SOLD_OUT, OfferStatus.ENDED}:
        assert public_offer(session, offer.id) is offer
    else:
        with pytest.raises(Absent):
            public_offer(session, offer.id)


def test_an_offer_that_ended_without_being_live_is_absent(session: Session):
    offer = builders.an_offer(session, builders.a_shop(session), status=OfferStatus.SCHEDULED)
    offer.status = OfferStatus.ENDED
    session.flush()

    with pytest.raises(Absent):
        public_offer(session, offer.id)


def test_the_offers_of_a_suspended_shop_are_absent(session: Session):
    shop = builders.a_shop(session)
    offer = builders.an_offer(session, shop)
    suspend_shop(session, shop, reason="Plaintes", now=NOW)

    with pytest.raises(Absent):
        public_offer(session, offer.id)


def test_live_offers_are_read_by_pages_the_first_to_end_first(session: Session):
    shop, other = builders.a_shop(session), builders.a_shop(session)
    offers = [builders.an_offer(session, shop, ends_at=NOW + hours * HOUR) for hours in (5, 2, 9, 2, 7)]
    for status in (*OVER, OfferStatus.DRAFT, OfferStatus.SCHEDULED):
        builders.an_offer(session, shop, status=status)
    builders.an_offer(session, other)

    first = offers_of_shop(session, shop.id, limit=2, now=NOW)
    rest = offers_of_shop(session, shop.id, after=(first[-1].ends_at, first[-1].id), limit=9, now=NOW)

    assert [offer.id for offer in (*first, *rest)] == [
        offer.id for offer in sorted(offers, key=lambda offer: (offer.ends_at, offer.id))
    ]
    assert {offer.id for offer in offers_of_shop(session, shop.id, limit=9, now=NOW + 2 * HOUR)} == {
        offer.id for offer in offers if offer.ends_at > NOW + 2 * HOUR
    }


def test_a_team_sees_its_offers_in_every_state_the_latest_first(session: Session):
    merchant, stranger = builders.a_merchant(session), builders.a_merchant(session)
    shop = builders.a_shop(session, merchant=merchant)
    offers = [builders.an_offer(session, shop, status=status) for status in OfferStatus]

    first = every_offer_of_shop(session, shop.id, limit=4)
    rest = every_offer_of_shop(session, shop.id, after=first[-1].id, limit=4)

    assert [offer.id for offer in (*first, *rest)] == sorted((offer.id for offer in offers), reverse=True)
    assert [offer.status for offer in every_offer_of_shop(session, shop.id, status=OfferStatus.LIVE, limit=9)] == [
        OfferStatus.LIVE
    ]
    found, its_shop, place = offer_of_team(session, merchant.id, offers[0].id)
    assert (found, its_shop, place.merchant_id) == (offers[0], shop, merchant.id)
    with pytest.raises(NotYours):
        offer_of_team(session, stranger.id, offers[0].id)


def test_a_verb_that_is_not_committed_leaves_nothing(sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        offer_id = draft_offer(session, shop, a_draft(), now=NOW).id
    with sessions() as session:
        offer = session.get_one(Offer, offer_id)
        publish(session, session.get_one(type(shop), shop.id), offer, now=NOW)

    with sessions() as session:
        assert session.get_one(Offer, offer_id).status is OfferStatus.DRAFT
        assert (messages(session), due(session)) == ({}, {})
