"""Expansion: everybody who follows is decided for, once, whatever fails or changes meanwhile."""

import datetime as dt
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.consent import Purpose
from citylife.database import engine_for, writing
from citylife.follows import Level
from citylife.ledger import expansion
from citylife.ledger.tables import Delivery, DeliveryState, Message, MessageKind, MessageState, Outcome, Reason
from citylife.offers import UNDO, Offer, OfferStatus, withdraw
from tests import builders
from tests.builders import NOW
from tests.citylife.ledger.conftest import decisions, states
from tests.ledger_desk import expand_all
from tests.overlap import at_once


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
    at_once(lambda _: expand_all(sessions, page=2))
    expand_all(sessions)
    assert set(decisions(sessions)) == expected
    assert states(sessions) == {DeliveryState.WAITING: 30}
