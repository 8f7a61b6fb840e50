"""« Tout est parti » in the ledger: what is unsent stops, and what was accepted is replaced."""

import datetime as dt
import uuid

from sqlalchemy import func, select

from citylife import offers
from citylife.devices import devices_of, remove_device
from citylife.ledger.tables import Decision, Delivery, DeliveryState, MessageKind, Outcome, Reason
from citylife.offers import UNDO
from tests import builders
from tests.builders import NOW
from tests.citylife.ledger.conftest import LATER, only_reason, states
from tests.ledger_desk import claim_all, expand_all, settle_all


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
