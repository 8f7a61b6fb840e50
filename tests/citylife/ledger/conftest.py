"""The ledger with an announcement in it that waits for one follower; who was decided for, what became of it."""

import datetime as dt
import uuid
from collections import Counter

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.ledger.tables import Decision, Delivery, DeliveryState, Outcome, Reason
from tests import builders
from tests.builders import NOW
from tests.ledger_desk import expand_all

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


@pytest.fixture
def waiting(sessions: sessionmaker[Session]):
    """One follower with one phone, and an announcement waiting for her."""
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        citizen = builders.a_follower(session, shop)
        offer = builders.an_offer(session, shop)
    expand_all(sessions)
    return shop, citizen, offer
