"""A shop announces once a day, unless the cluster sets another rule for it or for all."""

import uuid

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.courtesy.rules import (
    RuleRefused,
    announcements_a_day,
    announcements_a_day_then,
    sending_rules,
    set_announcements_a_day,
)
from citylife.courtesy.tables import FormerSendingRule
from citylife.follows import Level
from citylife.ledger.tables import Outcome, Reason
from tests import builders
from tests.builders import NOW
from tests.citylife.courtesy.conftest import DAY, HOUR, reasons, told
from tests.overlap import overlapping


def test_a_shop_announces_once_a_day_unless_the_cluster_sets_otherwise(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        builders.a_follower(session, shop, Level.ALWAYS)
    told(sessions, shop)
    assert reasons(sessions, told(sessions, shop, now=NOW + HOUR)) == {(Outcome.HELD, Reason.ONE_A_DAY): 1}
    assert reasons(sessions, told(sessions, shop, now=NOW + DAY)) == {(Outcome.SEND, Reason.ALWAYS): 1}

    with sessions.begin() as session:
        set_announcements_a_day(session, None, 3, reason="Braderie", now=NOW)
    assert reasons(sessions, told(sessions, shop, now=NOW + DAY + HOUR)) == {(Outcome.SEND, Reason.ALWAYS): 1}
    with sessions.begin() as session:
        set_announcements_a_day(session, shop.id, 0, reason="Trop d’annonces", now=NOW)
        assert announcements_a_day(session, shop.id) == 0
        assert announcements_a_day(session, uuid.uuid4()) == 3
    assert reasons(sessions, told(sessions, shop, now=NOW + 2 * DAY)) == {(Outcome.HELD, Reason.ONE_A_DAY): 1}


def test_a_rule_is_taken_back_and_each_moment_keeps_its_own(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        shop, other = builders.a_shop(session).id, builders.a_shop(session).id
    for hours, shop_id, most in (
        (1, None, 3),
        (2, shop, 0),
        (3, shop, 5),
        (4, None, 2),
        (5, shop, None),
        (6, None, None),
    ):
        with sessions.begin() as session:
            set_announcements_a_day(session, shop_id, most, reason="Braderie", now=NOW + hours * HOUR)
    asked = [(each, NOW + hours * HOUR + HOUR / 2) for each in (shop, other) for hours in range(7)]
    with sessions() as session:
        then = announcements_a_day_then(session, asked)
        assert [then[each] for each in asked] == [1, 3, 0, 5, 5, 2, 1, 1, 3, 3, 3, 2, 2, 1]
        assert announcements_a_day(session, shop) == 1
        assert sending_rules(session) == []


@pytest.mark.parametrize("of_a_shop", [True, False])
def test_of_two_rules_set_at_once_one_stands(sessions: sessionmaker[Session], of_a_shop: bool) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session).id if of_a_shop else None

    def deed(session: Session):
        return set_announcements_a_day(session, shop, 3, reason="Braderie", now=NOW)

    overlapping(sessions, deed, deed)
    with sessions() as session:
        assert len(sending_rules(session)) == len(session.scalars(select(FormerSendingRule)).all()) == 1


@pytest.mark.parametrize("most", [-1, 11])
def test_a_rule_nobody_would_want_is_refused(session: Session, most: int) -> None:
    with pytest.raises(RuleRefused):
        set_announcements_a_day(session, None, most, reason="Braderie", now=NOW)
