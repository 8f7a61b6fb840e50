"""The pace of a citizen follows how often her shops announce."""

import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen
from citylife.courtesy import pace
from citylife.courtesy.tables import ShopRhythm
from citylife.follows import Level, unfollow
from tests import builders
from tests.builders import NOW
from tests.citylife.courtesy.conftest import DAY, HOUR


def test_a_pace_follows_the_shops_rhythms(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        busy, calm = builders.a_shop(session), builders.a_shop(session)
        for ago in (1, 2, 3, 29):
            builders.an_offer(session, busy, now=NOW - ago * DAY)
        builders.an_offer(session, busy, now=NOW - DAY)
        builders.an_offer(session, calm, now=NOW - DAY)
        pace.keep_rhythms(session, now=NOW)
        assert {row.shop_id: row.weekly for row in session.scalars(select(ShopRhythm))} == {busy.id: 750, calm.id: 250}
        citizen = builders.a_follower(session, busy)
        builders.a_follow(session, citizen, calm, Level.NEARBY)
        session.refresh(citizen)
        assert citizen.pace == 1_000
        builders.a_follow(session, citizen, calm, Level.ALWAYS)
        session.refresh(citizen)
        assert citizen.pace == 750
        unfollow(session, citizen.id, busy.id, now=NOW)
        session.refresh(citizen)
        assert citizen.pace == 0
    with sessions.begin() as session:
        pace.keep_rhythms(session, now=NOW + 40 * DAY)
        assert session.scalars(select(ShopRhythm)).all() == []


def test_paces_are_counted_anew_page_by_page(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        everybody = [builders.a_follower(session, shop) for _ in range(5)]
        builders.an_offer(session, shop)
        pace.keep_rhythms(session, now=NOW + HOUR)
    pages = 0
    after: uuid.UUID | None = uuid.UUID(int=0)
    while after is not None:
        with sessions.begin() as session:
            after = pace.keep_paces(session, after, page=2)
            pages += 1
    assert pages == 4
    with sessions() as session:
        assert {session.get_one(Citizen, one.id).pace for one in everybody} == {250}
