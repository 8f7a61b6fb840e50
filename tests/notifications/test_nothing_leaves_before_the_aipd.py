"""Until the operator says when the impact assessment was done, nothing leaves for shops that exist."""

import datetime as dt
from functools import partial

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from citylife.courtesy.rules import set_announcements_a_day
from citylife.database import writing
from citylife.doorbell import ThreadDoorbell
from citylife.ledger.expansion import expand_page
from citylife.ledger.gate import sending_refused
from citylife.ledger.tables import Decision, Delivery, Message, MessageState, Outcome, Reason
from citylife.offers import Offer, withdraw
from citylife.shops import Shop
from notifications.dispatcher import Dispatcher
from notifications.webpush_recording import RecordingSender
from tests import builders
from tests.builders import NOW

DONE = dt.date(2025, 1, 2)


class Town:
    """A shop whose only follower has a phone, and dispatchers that are set up as an operator may."""

    def __init__(self, engine: Engine, *, fictional: bool) -> None:
        self.engine, self.now = engine, NOW
        self.sessions = writing(engine)
        self.sender = RecordingSender()
        with self.sessions.begin() as session:
            self.shop = builders.a_shop(session, fictional=fictional)
            set_announcements_a_day(session, self.shop.id, 10, reason="Jour de marché", now=NOW)
            citizen = builders.a_citizen(session)
            builders.a_device(session, citizen)
            builders.a_follow(session, citizen, self.shop)

    def publishes(self, **said: object) -> None:
        with self.sessions.begin() as session:
            builders.an_offer(session, session.get_one(Shop, self.shop.id), now=self.now, **said)

    def works(self, aipd_date: dt.date | None) -> None:
        """A dispatcher with that setting looks a few times."""
        bell = ThreadDoorbell()
        dispatcher = Dispatcher(
            self.engine,
            self.sender,
            base_url="https://town.example",
            bell=bell,
            clock=lambda: self.now,
            refuses=partial(sending_refused, aipd_date=aipd_date),
        )
        for _ in range(8):
            bell.ring()
            dispatcher.turn()

    def counts(self) -> tuple[int, int]:
        """How many decisions and deliveries there are."""
        with self.sessions() as session:
            return count(session, Decision), count(session, Delivery)

    def decided(self) -> list[tuple[Outcome, Reason]]:
        with self.sessions() as session:
            return [(row.outcome, row.reason) for row in session.scalars(select(Decision))]


def count(session: Session, table: type[Decision | Delivery]) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0


def test_without_the_date_nothing_is_decided_nor_sent_and_once_it_is_set_all_of_it_is(engine: Engine):
    town = Town(engine, fictional=False)
    town.publishes()
    town.works(None)
    assert town.sender.envelopes == []
    assert town.counts() == (0, 0)
    town.works(DONE)
    assert len(town.sender.envelopes) == 1
    assert town.counts() == (1, 1)


def test_what_was_decided_before_the_date_went_missing_waits_too(engine: Engine):
    town = Town(engine, fictional=False)
    town.publishes()
    with town.sessions.begin() as session:
        expand_page(session, now=NOW)
    town.works(None)
    assert town.sender.envelopes == []
    assert town.counts() == (1, 1)
    town.works(DONE)
    assert len(town.sender.envelopes) == 1


def test_what_expired_meanwhile_is_announced_to_nobody(engine: Engine):
    town = Town(engine, fictional=False)
    town.publishes(ends_at=NOW + dt.timedelta(hours=2))
    town.works(None)
    town.now = NOW + dt.timedelta(hours=3)
    town.works(DONE)
    assert town.sender.envelopes == []
    with town.sessions() as session:
        assert session.scalars(select(Message.state)).one() is MessageState.STOPPED
    assert town.decided() == [(Outcome.HELD, Reason.OFFER_CLOSED)]


def test_what_expires_before_the_date_is_held_at_once_and_its_decision_says_so(engine: Engine):
    town = Town(engine, fictional=False)
    town.publishes(ends_at=NOW + dt.timedelta(hours=2))
    town.publishes(title="Demain encore", ends_at=NOW + dt.timedelta(hours=30))
    town.works(None)
    assert town.decided() == []
    town.now = NOW + dt.timedelta(hours=2)
    town.works(None)
    assert town.decided() == [(Outcome.HELD, Reason.SENDING_REFUSED)]
    town.works(DONE)
    assert sorted(town.decided(), key=str) == [(Outcome.HELD, Reason.SENDING_REFUSED), (Outcome.SEND, Reason.FOLLOWS)]
    assert len(town.sender.envelopes) == 1


def test_what_is_withdrawn_before_the_date_is_held_for_that(engine: Engine):
    town = Town(engine, fictional=False)
    town.publishes()
    with town.sessions.begin() as session:
        withdraw(session, session.scalars(select(Offer)).one(), now=NOW)
    town.works(None)
    assert town.decided() == [(Outcome.HELD, Reason.OFFER_CLOSED)]


def test_a_fictional_town_needs_no_date_until_a_real_shop_is_listed(engine: Engine):
    town = Town(engine, fictional=True)
    town.publishes()
    town.works(None)
    assert len(town.sender.envelopes) == 1
    with town.sessions.begin() as session:
        builders.a_shop(session, "Au vrai pain")
    town.publishes(title="Encore")
    town.works(None)
    assert len(town.sender.envelopes) == 1


@pytest.mark.parametrize("fictional", [False, True], ids=["a real shop", "a fictional shop"])
def test_the_gate_asks_only_where_a_shop_is_real(session: Session, fictional: bool):
    assert not sending_refused(session, None)
    builders.a_shop(session, fictional=fictional)
    session.flush()
    assert sending_refused(session, None) is not fictional
    assert not sending_refused(session, DONE)
