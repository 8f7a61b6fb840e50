"""The digest: what was put aside comes once, at her hour, or says nothing."""

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen
from citylife.courtesy.tables import BudgetSlot, DigestLine
from citylife.follows import Follow, unfollow
from citylife.ledger.tables import MessageKind
from tests import builders
from tests.citylife.courtesy.conftest import DAY, HOUR, SIX, put_aside, rows, taken_up, told, wish
from tests.ledger_desk import claim_all


def test_a_digest_comes_at_her_hour_with_what_was_put_aside(sessions: sessionmaker[Session]) -> None:
    put_aside(sessions, "Pains", "Roses")
    assert taken_up(sessions, now=SIX - dt.timedelta(seconds=1)) == 0
    assert taken_up(sessions, now=SIX) == 1
    assert taken_up(sessions, now=SIX) == 0

    [claimed] = claim_all(sessions, now=SIX)
    assert claimed.announced.kind is MessageKind.DIGEST
    assert sorted(claimed.announced.lines) == [("Chez Pains", "Pains"), ("Chez Roses", "Roses")]
    assert rows(sessions, BudgetSlot) == []


def test_a_digest_of_which_nothing_is_left_is_silent(sessions: sessionmaker[Session]) -> None:
    put_aside(sessions, "Pains", lasts=4 * HOUR)
    assert taken_up(sessions, now=SIX) == 0
    assert claim_all(sessions, now=SIX) == rows(sessions, DigestLine) == []

    citizen = put_aside(sessions, "Roses")
    assert taken_up(sessions, now=SIX) == 1
    with sessions.begin() as session:
        [shop_id] = session.scalars(select(Follow.shop_id).where(Follow.citizen_id == citizen.id))
        unfollow(session, citizen.id, shop_id, now=SIX)
    assert claim_all(sessions, now=SIX) == []


def test_whoever_wants_no_digest_any_more_gets_none_and_nobody_gets_two_on_a_day(
    sessions: sessionmaker[Session],
) -> None:
    citizen = put_aside(sessions, "Pains")
    wish(sessions, citizen, digest=False)
    assert taken_up(sessions, now=SIX) == 0

    other = put_aside(sessions, "Roses")
    assert taken_up(sessions, now=SIX) == 1
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        builders.a_follow(session, session.get_one(Citizen, other.id), shop)
    wish(sessions, other, digest_at=dt.time(19))
    told(sessions, shop, now=SIX + HOUR / 2)
    assert taken_up(sessions, now=SIX + HOUR) == 0  # 19:00, and she has had one at 18:00
    assert taken_up(sessions, now=SIX + DAY + HOUR) == 1
