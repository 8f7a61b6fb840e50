"""What an offer has brought: exact in total, hidden where it would tell of persons, and whole after the purge."""

import datetime as dt

import pytest
from sqlalchemy import delete
from sqlalchemy.orm import Session, sessionmaker

from citylife import follows
from citylife.activity import Counted, count
from citylife.courtesy.rules import set_announcements_a_day
from citylife.follows import Follow, Level
from citylife.ledger.sums import forget_decisions, forget_deliveries
from citylife.ledger.tables import DeliveryState, Outcome, Reason
from citylife.offers import Offer, OfferStatus
from citylife.results import Results, results_of
from citylife.shops import Shop
from tests import builders
from tests.builders import NOW
from tests.ledger_desk import claim_all, expand_all, settle_all

SECRET = "a secret of the tests"
SENT, HELD = Outcome.SEND, Outcome.HELD


class Street:
    """A shop, whoever follows it, and an offer that was announced to them."""

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self.sessions = sessions
        with self.sessions.begin() as session:
            self.shop = builders.a_shop(session)

    def followers(self, number: int, level: Level = Level.NORMAL, *, consented: bool = True) -> list[Follow]:
        with self.sessions.begin() as session:
            found = []
            for _ in range(number):
                citizen = builders.a_citizen(session, consented=consented)
                if consented:
                    builders.a_device(session, citizen)
                found.append(builders.a_follow(session, citizen, session.get_one(Shop, self.shop.id), level))
            return found

    def announces(self) -> Offer:
        with self.sessions.begin() as session:
            set_announcements_a_day(session, self.shop.id, 5, reason="Jour de marché", now=NOW)
            offer = builders.an_offer(session, session.get_one(Shop, self.shop.id))
        expand_all(self.sessions, now=NOW)
        return offer

    def results(self, offer: Offer, now: dt.datetime = NOW) -> Results:
        with self.sessions() as session:
            shop, again = session.get_one(Shop, self.shop.id), session.get_one(Offer, offer.id)
            return results_of(session, shop, again, secret=SECRET, now=now)


@pytest.fixture
def street(sessions: sessionmaker[Session]) -> Street:
    return Street(sessions)


def test_before_anything_is_announced_there_is_nothing(street: Street):
    street.followers(3)
    with street.sessions.begin() as session:
        draft = builders.an_offer(session, session.get_one(Shop, street.shop.id), status=OfferStatus.DRAFT)
    assert street.results(draft) == Results(0, 0, 0, 0, 0, None, {})


def test_totals_are_exact_and_small_parts_are_not_told(street: Street):
    street.followers(40)
    street.followers(30, Level.NONE)
    street.followers(3, consented=False)
    offer = street.announces()

    found = street.results(offer)

    assert found.sent == 40
    assert found.held in (30, 35)
    assert set(found.reasons) == {(SENT, Reason.FOLLOWS), (HELD, Reason.LEVEL_NONE)}
    assert found.reasons[SENT, Reason.FOLLOWS] in (35, 40)
    assert found.reasons[HELD, Reason.LEVEL_NONE] in (25, 30)


@pytest.mark.parametrize("hidden", [0, 3, 10])
def test_what_is_under_eleven_looks_like_nothing(street: Street, hidden: int):
    street.followers(40)
    street.followers(hidden, Level.NONE)

    found = street.results(street.announces())

    assert (found.sent, found.held) == (40, None)
    assert [outcome for outcome, _ in found.reasons] == [SENT]


def test_whoever_left_since_is_still_counted_and_who_came_since_is_new(street: Street):
    leaving, *_ = street.followers(12)
    offer = street.announces()
    later = NOW + dt.timedelta(minutes=5)
    with street.sessions.begin() as session:
        follows.unfollow(session, leaving.citizen_id, street.shop.id, now=later)
        newcomer = builders.a_citizen(session)
        shop = session.get_one(Shop, street.shop.id)
        builders.a_follow(session, newcomer, shop, now=later)
        gone_again = builders.a_citizen(session)
        builders.a_follow(session, gone_again, shop, now=later)
        follows.unfollow(session, gone_again.id, shop.id, now=later)

    found = street.results(offer, later)

    assert (found.sent, found.new_follows) == (12, 2)


def test_what_was_opened_and_used_is_added_up_over_its_days_alone(street: Street):
    offer, other = street.announces(), street.announces()
    days = (NOW, NOW, NOW + dt.timedelta(hours=20))
    with street.sessions.begin() as session:
        for moment in days:
            count(session, Counted.OFFER_OPENED, offer.id, now=moment)
        count(session, Counted.TILL_USES, offer.id, now=NOW)
        count(session, Counted.OFFER_OPENED, other.id, now=NOW)
        count(session, Counted.OFFER_OPENED, offer.id, now=NOW - dt.timedelta(days=30))

    assert street.results(offer, NOW + dt.timedelta(days=1)).opened == 3
    assert street.results(offer).used == 1
    assert street.results(other).used == 0


def test_the_numbers_outlive_the_rows(street: Street):
    street.followers(25)
    street.followers(30, Level.NONE)
    offer = street.announces()
    before = street.results(offer)
    settle_all(street.sessions, claim_all(street.sessions, now=NOW), DeliveryState.ACCEPTED, now=NOW)
    later = NOW + dt.timedelta(weeks=14)
    with street.sessions.begin() as session:
        assert forget_deliveries(session, now=later, most=1_000) == 25
        assert forget_decisions(session, now=later, most=1_000) == 55
        session.execute(delete(Follow))

    after = street.results(offer, later)

    assert (after.sent, before.sent) == (25, 25)
    assert set(after.reasons) == set(before.reasons) == {(SENT, Reason.FOLLOWS), (HELD, Reason.LEVEL_NONE)}


def test_those_who_discovered_it_are_among_those_it_was_sent_to(street: Street):
    with street.sessions.begin() as session:
        for _ in range(4):
            citizen = builders.a_citizen(session)
            builders.a_device(session, citizen)
            builders.a_place(session, citizen)
            citizen.discover_nearby = True
    offer = street.announces()

    found = street.results(offer)

    assert (found.sent, found.reasons) == (4, {})
