"""A town of 20,000 citizens and a year of what happens there: every number is what plain Python makes of it."""

import datetime as dt
import random
from collections.abc import Mapping
from itertools import islice
from typing import TypeVar

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen, CitizenDay
from citylife.activity import Counted, count
from citylife.geography import communes
from citylife.ledger.statements import NIL
from citylife.offers import Offer
from citylife.pilot.cells import AGGLOMERATION
from citylife.pilot.counting import close_days, count_days
from citylife.pilot.figures import figures_of
from citylife.pilot.periods import A_DAY, midnight, read_period
from citylife.pilot.stocks import keep_stock, take_stock
from citylife.shops import Shop
from citylife.shops.listing import move_commune
from tests.pilot.figures_in_plain_words import PlainFigures, facts_of
from tests.pilot.history import InPlainWords, write_history

pytestmark = pytest.mark.long

T, V = TypeVar("T"), TypeVar("V")
FIRST, LAST = read_period("2026-W01"), read_period("2026-W53")
"""A year of 53 ISO weeks, the two in which the clocks change among them."""
PERIODS = [read_period(each) for each in ("2026-W13", "2026-W43", "2026-W53", "2026-03", "2026-10", "2026-12")]
CITIZENS, SHOPS, OFFERS, TOLD = 20_000, 60, 3_000, 50
MOVED = 8


def come(session: Session, dice: random.Random, days: list[dt.date]) -> None:
    """Half of the citizens open the app on three days, some of them twice within one of the periods."""
    known = {(day.citizen_id, day.day) for day in session.scalars(select(CitizenDay))}
    for citizen_id in session.scalars(select(Citizen.id).order_by(Citizen.id)).all():
        if dice.random() < 0.5:
            begun = dice.randrange(len(days) - 9)
            hers = {(citizen_id, days[begun + ahead]) for ahead in (0, dice.randrange(1, 9), dice.randrange(1, 9))}
            session.add_all(CitizenDay(citizen_id=each, day=day) for each, day in sorted(hers - known))


def move(session: Session, dice: random.Random) -> None:
    """Some shops move to another commune in the course of the year, half of them on a day of October with news."""
    october = read_period("2026-10")
    shops = session.scalars(select(Shop).where(~Shop.fictional).order_by(Shop.id).limit(MOVED)).all()
    for number, shop in enumerate(shops):
        code = dice.choice([each for each in communes() if each != shop.insee_code])
        published = select(Offer.live_from).where(Offer.shop_id == shop.id, Offer.live_from >= october.begins)
        on_that_day = session.scalar(published.order_by(Offer.live_from).limit(1)) if number % 2 else None
        move_commune(session, shop.id, code, now=on_that_day or FIRST.begins + A_DAY * dice.randrange(20, 340))


def leave(session: Session, dice: random.Random, days: list[dt.date]) -> None:
    """Some leave everything after a notification, of no one shop."""
    for day in dice.sample(days, k=90):
        count(session, Counted.OPT_OUTS, NIL, now=midnight(day))


def differences(found: Mapping[T, V], expected: Mapping[T, V]) -> list[tuple[T, V | int, V | int]]:
    """The first numbers that differ, with both: a whole year side by side is not to be read."""
    lines = sorted(found.keys() | expected.keys(), key=str)
    differ = ((line, found.get(line, 0), expected.get(line, 0)) for line in lines)
    return list(islice((each for each in differ if each[1] != each[2]), 9))


@pytest.fixture
def days() -> list[dt.date]:
    """The days of that year, in their order."""
    return [FIRST.first + dt.timedelta(days=ahead) for ahead in range((LAST.end - FIRST.first).days)]


def test_a_year_is_counted_as_plain_python_counts_it(sessions: sessionmaker[Session], days: list[dt.date]) -> None:
    dice = random.Random(2026)
    with sessions.begin() as session:
        write_history(
            session,
            seed=11,
            first=FIRST.begins,
            days=len(days) - 8,
            citizens=CITIZENS,
            shops=SHOPS,
            offers=OFFERS,
            told=TOLD,
        )
        come(session, dice, days)
        move(session, dice)
        leave(session, dice, days)
        close_days(session, days, now=LAST.ends)
    with sessions() as session:
        plain = InPlainWords(session)
        assert len(plain.deliveries) > 50_000
        expected = {line: many for line, many in plain.found.items() if line[0] in set(days)}
        assert differences(count_days(session.connection(), days), expected) == []
        for period in PERIODS:
            stock = plain.stock(period)
            assert +take_stock(session, period) == +stock, str(period)
            assert stock["active-merchants", AGGLOMERATION] > stock["active-still", AGGLOMERATION], (
                "a town that is alive"
            )
        concluded = 0
        for period in PERIODS:
            keep_stock(session, period, take_stock(session, period))
            truth = figures_of(session, period, as_of=LAST.ends)
            told = PlainFigures(plain, period).facts()
            assert differences(facts_of(truth), told) == [], str(period)
            concluded += told["notification-effect", AGGLOMERATION] != (None,)
        assert 0 < concluded < len(PERIODS), "where there is an effect to tell, and where there is too little"
