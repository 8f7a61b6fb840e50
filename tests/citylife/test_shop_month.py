"""A month of a shop: each figure falls into one month, by Paris's calendar; the whole hides what its offers hide."""

import datetime as dt

import pytest
from sqlalchemy.orm import Session, sessionmaker

from citylife import follows
from citylife.activity import Counted, count
from citylife.follows import Level
from citylife.ledger.sums import forget_decisions, forget_deliveries
from citylife.ledger.tables import DeliveryState, Outcome, Reason
from citylife.offers import Offer, OfferStatus
from citylife.shop_month import Month, MonthRefused, MonthResults, month_results, read_month
from citylife.shops import Shop
from tests import builders
from tests.builders import NOW
from tests.ledger_desk import claim_all, expand_all, settle_all

SECRET = "a secret of the tests"
OCTOBER, NOVEMBER, DECEMBER = Month(2026, 10), Month(2026, 11), Month(2026, 12)


class Street:
    """A shop, whoever follows it, and what it announces when."""

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self.sessions = sessions
        with sessions.begin() as session:
            self.shop_id = builders.a_shop(session, now=NOW - dt.timedelta(days=200)).id

    def followers(self, number: int, level: Level = Level.NORMAL, now: dt.datetime = NOW) -> list[follows.Follow]:
        with self.sessions.begin() as session:
            shop, found = session.get_one(Shop, self.shop_id), []
            for _ in range(number):
                citizen = builders.a_citizen(session, now=now)
                builders.a_device(session, citizen)
                found.append(builders.a_follow(session, citizen, shop, level, now=now))
            return found

    def announces(self, now: dt.datetime = NOW, **said: object) -> Offer:
        with self.sessions.begin() as session:
            offer = builders.an_offer(session, session.get_one(Shop, self.shop_id), now=now, **said)
        expand_all(self.sessions, now=now)
        return offer

    def counts(self, counted: Counted, offer: Offer, now: dt.datetime, by: int = 1) -> None:
        with self.sessions.begin() as session:
            count(session, counted, offer.id, now=now, by=by)

    def month(self, month: Month = NOVEMBER, now: dt.datetime = NOW + dt.timedelta(days=40)) -> MonthResults:
        with self.sessions() as session:
            return month_results(session, session.get_one(Shop, self.shop_id), month, secret=SECRET, now=now)


@pytest.fixture
def street(sessions: sessionmaker[Session]) -> Street:
    return Street(sessions)


def test_a_month_begins_and_ends_at_midnight_in_paris():
    assert NOVEMBER.begins_at == dt.datetime(2026, 10, 31, 23, tzinfo=dt.UTC)
    assert Month(2026, 4).begins_at == dt.datetime(2026, 3, 31, 22, tzinfo=dt.UTC)
    assert NOVEMBER.ends_at == DECEMBER.begins_at
    assert (DECEMBER.after, Month(2027, 1).before) == (Month(2027, 1), DECEMBER)
    assert Month.of(dt.datetime(2026, 10, 31, 23, tzinfo=dt.UTC)) == NOVEMBER


def test_a_month_is_read_as_it_is_written():
    assert read_month(None, now=NOW) == NOVEMBER
    assert read_month("2026-10", now=NOW) == OCTOBER


@pytest.mark.parametrize("written", ["2026-12", "2026-13", "2026-1", "0001-01", "9999-12", "٢٠٢٦-١٠", "", "2026-10-01"])
def test_what_is_no_month_or_to_come_is_refused(written: str):
    with pytest.raises(MonthRefused):
        read_month(written, now=NOW)


def test_a_month_without_anything_is_empty(street: Street):
    found = street.month()
    assert (found.offers, found.sent, found.opened, found.used) == ([], 0, 0, 0)
    assert (found.follows_won, found.follows_lost, found.held, dict(found.reasons)) == (0, 0, None, {})


def test_what_two_months_share_is_counted_once(street: Street):
    street.followers(12, now=NOW - dt.timedelta(days=60))
    late = dt.datetime(2026, 11, 30, 22, 30, tzinfo=dt.UTC)  # 23:30 in Paris
    offer = street.announces(late, ends_at=late + dt.timedelta(days=3))
    street.counts(Counted.TILL_USES, offer, late, by=2)
    street.counts(Counted.TILL_USES, offer, late + dt.timedelta(hours=1), by=5)
    street.counts(Counted.OFFER_OPENED, offer, late + dt.timedelta(days=1), by=3)
    street.followers(1, now=late + dt.timedelta(minutes=10))
    street.followers(4, now=late + dt.timedelta(hours=1))

    november, december = street.month(NOVEMBER), street.month(DECEMBER)

    assert [each.offer.id for each in november.offers] == [each.offer.id for each in december.offers] == [offer.id]
    assert (november.sent, november.used, november.opened, november.follows_won) == (12, 2, 0, 1)
    assert (december.sent, december.used, december.opened, december.follows_won) == (0, 5, 3, 4)
    assert [each.offers[0].results.new_follows for each in (november, december)] == [1, 4]


def test_an_offer_that_is_over_is_in_a_later_month_only_where_it_was_still_used(street: Street):
    ended = dt.datetime(2026, 10, 30, 12, tzinfo=dt.UTC)
    street.announces(ended - dt.timedelta(hours=5), ends_at=ended)
    opened_later = street.announces(ended - dt.timedelta(hours=4), ends_at=ended)
    street.counts(Counted.OFFER_OPENED, opened_later, ended + dt.timedelta(days=4))

    assert [each.offer.id for each in street.month(NOVEMBER).offers] == [opened_later.id]
    assert len(street.month(OCTOBER).offers) == 2


def test_another_s_offers_and_drafts_are_not_in_it(street: Street):
    with street.sessions.begin() as session:
        builders.an_offer(session, builders.a_shop(session))
        builders.an_offer(session, session.get_one(Shop, street.shop_id), status=OfferStatus.DRAFT)
    assert street.month().offers == []


def test_followers_won_and_lost_are_those_of_the_month(street: Street):
    old, *_ = street.followers(3, now=NOW - dt.timedelta(days=60))
    new, *_ = street.followers(2)
    with street.sessions.begin() as session:
        follows.unfollow(session, old.citizen_id, street.shop_id, now=NOW + dt.timedelta(hours=1))
        follows.unfollow(session, new.citizen_id, street.shop_id, now=DECEMBER.begins_at + dt.timedelta(days=1))

    assert [(each.follows_won, each.follows_lost) for each in (street.month(NOVEMBER), street.month(DECEMBER))] == [
        (2, 1),
        (0, 1),
    ]


def test_the_whole_says_no_more_of_a_few_than_each_offer_does(street: Street):
    street.followers(40)
    street.followers(9, Level.NONE)
    street.announces()
    hidden = street.month()
    street.followers(21, Level.NONE)
    street.announces(NOW + dt.timedelta(days=2))

    found = street.month()

    assert (hidden.held, [reason for _, reason in hidden.reasons]) == (None, [Reason.FOLLOWS])
    assert found.offers[0].results.held is None
    assert found.held == found.offers[1].results.held
    level_none = Outcome.HELD, Reason.LEVEL_NONE
    assert found.reasons[level_none] == found.offers[1].results.reasons[level_none]


def test_an_old_month_is_read_from_its_numbers_and_says_so(street: Street):
    street.followers(25, now=NOW - dt.timedelta(days=1))
    street.announces()
    settle_all(street.sessions, claim_all(street.sessions, now=NOW), DeliveryState.ACCEPTED, now=NOW)
    later = NOW + dt.timedelta(weeks=20)
    before = street.month()
    with street.sessions.begin() as session:
        assert forget_deliveries(session, now=later, most=1_000) == 25
        assert forget_decisions(session, now=later, most=1_000) == 25

    after = street.month(now=later)

    assert (before.numbers_alone, after.numbers_alone) == (False, True)
    assert (after.sent, after.follows_won) == (before.sent, before.follows_won) == (25, 25)
