"""« Near me now »: her tap tells her at once of what is live around her, once, and only of shops she follows."""

import datetime as dt
from collections.abc import Sequence

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen
from citylife.audience.near_me_now import MOST, WORTH, Told, tell_near
from citylife.courtesy.tables import BudgetSlot, DigestLine
from citylife.devices import NoConsent
from citylife.follows import Level
from citylife.ledger import claims, digests, expansion
from citylife.ledger.claims import Claimed
from citylife.ledger.lanes import open_lanes
from citylife.ledger.sending import Sending
from citylife.ledger.tables import Decision, Delivery, DeliveryState, Message, MessageKind, Outcome, Reason
from citylife.offers import Offer, sold_out
from citylife.places import NoLocationConsent, PlaceKind, area_of_point, places_of
from citylife.shops import Shop, suspend_shop
from tests import builders
from tests.builders import BETHUNE, GRAND_PLACE, NOW

Sessions = sessionmaker[Session]
LILLERS = (50.5633, 2.4806)
"""A dozen kilometres from the Grand-Place."""
NIGHT = dt.datetime(2026, 11, 24, 21, 0, tzinfo=dt.UTC)
"""22:00 in Paris."""


class Street:
    """Shops on the Grand-Place, a citizen who follows them and has put aside what a spent budget held."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        with sessions.begin() as session:
            self.shop = builders.a_shop(session, "Au Beffroi")
            self.citizen = builders.a_follower(session, self.shop)
            builders.consent(session, self.citizen, builders.Purpose.LOCATION)
            session.get_one(Citizen, self.citizen.id).daily_budget = 0

    def another_shop(self, name: str, level: Level = Level.NORMAL, position: tuple[float, float] = GRAND_PLACE) -> Shop:
        with self.sessions.begin() as session:
            shop = builders.a_shop(session, name, position=position, insee_code=None)
            builders.a_follow(session, session.get_one(Citizen, self.citizen.id), shop, level)
            return shop

    def announces(self, shop: Shop, title: str, *, now: dt.datetime = NOW, expanded: bool = True, **said) -> Offer:
        with self.sessions.begin() as session:
            offer = builders.an_offer(session, session.merge(shop), title=title, now=now, **said)
        while expanded and self.expands(now):
            pass
        return offer

    def expands(self, now: dt.datetime) -> bool:
        with self.sessions.begin() as session:
            return expansion.expand_page(session, now=now) is not None

    def taps(self, position: tuple[float, float] = GRAND_PLACE, *, now: dt.datetime = NOW) -> Told:
        with self.sessions.begin() as session:
            return tell_near(session, session.get_one(Citizen, self.citizen.id), area_of_point(*position), now=now)

    def hears(self, *, now: dt.datetime = NOW) -> list[Sequence[claims.Line]]:
        """What leaves for her devices now, each with its lines."""
        return [claimed.announced.lines for claimed in self.claims(now)]

    def claims(self, now: dt.datetime) -> list[Claimed]:
        with self.sessions.begin() as session:
            lanes = open_lanes(session, now=now)
            return [one for lane in lanes for one in claims.claim(session, lane, now=now).to_send]


@pytest.fixture
def street(sessions: Sessions) -> Street:
    return Street(sessions)


def test_a_tap_tells_at_once_of_what_a_spent_budget_had_held_and_never_again(street: Street):
    street.announces(street.shop, "Flan")
    assert street.hears() == []

    told = street.taps()

    assert (told.offers, told.devices) == (1, 1)
    assert street.hears() == [(("Au Beffroi", "Flan"),)]
    assert street.taps().offers == 0
    assert street.hears() == []
    with street.sessions() as session:
        [decision] = session.scalars(select(Decision).where(Decision.reason == Reason.NEAR_ME_NOW))
        assert (decision.outcome, decision.citizen_id) == (Outcome.SEND, street.citizen.id)
        assert session.scalars(select(BudgetSlot)).all() == []
        [place] = places_of(session, street.citizen.id, now=NOW)
        assert place.kind is PlaceKind.NOW


def test_what_she_was_told_near_her_is_not_in_her_digest_too(street: Street):
    street.announces(street.shop, "Flan")
    with street.sessions() as session:
        due = session.scalars(select(DigestLine.due_at)).one()
    assert due is not None
    street.taps()
    with street.sessions.begin() as session:
        assert not digests.something_due(session, now=due)


def test_what_an_announcement_told_her_is_not_told_again(street: Street):
    with street.sessions.begin() as session:
        session.get_one(Citizen, street.citizen.id).daily_budget = 2
    street.announces(street.shop, "Flan")
    assert len(street.claims(NOW)) == 1
    assert street.taps().offers == 0


def test_what_is_still_being_announced_is_left_to_its_announcement(street: Street):
    street.announces(street.shop, "Flan", expanded=False)
    assert street.taps().offers == 0
    street.expands(NOW)
    assert street.taps().offers == 1


def test_what_was_announced_before_she_followed_is_told(street: Street):
    with street.sessions.begin() as session:
        later = builders.a_shop(session, "Plus tard")
    street.announces(later, "Soupe")
    with street.sessions.begin() as session:
        builders.a_follow(session, session.get_one(Citizen, street.citizen.id), session.merge(later))
    assert street.taps().offers == 1


def test_quiet_hours_do_not_hold_what_she_asks_for(street: Street):
    street.announces(street.shop, "Flan", ends_at=NIGHT + dt.timedelta(hours=2))
    street.taps(now=NIGHT)
    assert street.hears(now=NIGHT) == [(("Au Beffroi", "Flan"),)]


def test_what_waits_for_her_quiet_hours_to_end_is_told_at_her_tap_and_not_again_in_the_morning(street: Street):
    with street.sessions.begin() as session:
        session.get_one(Citizen, street.citizen.id).daily_budget = 2
    street.announces(street.shop, "Flan", now=NIGHT, ends_at=NIGHT + dt.timedelta(days=1))
    assert street.hears(now=NIGHT) == []
    assert street.taps(now=NIGHT).offers == 1
    assert street.hears(now=NIGHT) == [(("Au Beffroi", "Flan"),)]
    assert street.taps(now=NIGHT).offers == 0
    assert street.hears(now=NIGHT + dt.timedelta(hours=12)) == []
    with street.sessions() as session:
        assert session.scalars(select(BudgetSlot)).all() == []
        decided = session.scalars(select(Decision).order_by(Decision.message_id)).all()
        assert [(each.outcome, each.reason) for each in decided] == [
            (Outcome.HELD, Reason.QUIET_HOURS),
            (Outcome.SEND, Reason.NEAR_ME_NOW),
        ]


def test_what_a_sender_holds_just_now_is_left_to_it(street: Street):
    with street.sessions.begin() as session:
        session.get_one(Citizen, street.citizen.id).daily_budget = 2
    street.announces(street.shop, "Flan", now=NIGHT, ends_at=NIGHT + dt.timedelta(days=1))
    with street.sessions.begin() as session:
        session.scalars(select(Delivery)).one().state = DeliveryState.CLAIMED
    assert street.taps(now=NIGHT).offers == 0


@pytest.mark.parametrize("sending", [Sending.REFUSED, Sending.STOPPED])
def test_while_nothing_may_be_sent_nothing_counts_as_told(street: Street, sending: Sending):
    street.announces(street.shop, "Flan")
    with street.sessions.begin() as session:
        citizen = session.get_one(Citizen, street.citizen.id)
        told = tell_near(session, citizen, area_of_point(*GRAND_PLACE), now=NOW, sending=sending)
        assert (told.offers, told.place.kind) == (0, PlaceKind.NOW)
    assert street.taps().offers == 1


def test_it_tells_of_three_the_soonest_to_end_and_of_the_others_at_the_next_tap(street: Street):
    shops = [street.another_shop(f"Boutique {number}") for number in range(4)]
    for hours, shop in zip((7, 5, 6, 4), shops, strict=True):
        street.announces(shop, f"Dans {hours} h", ends_at=NOW + dt.timedelta(hours=hours))
    assert street.taps().offers == MOST == 3
    assert [title for _, title in street.hears()[0]] == ["Dans 4 h", "Dans 5 h", "Dans 6 h"]
    assert street.taps().offers == 1
    assert [title for _, title in street.hears()[0]] == ["Dans 7 h"]


def test_only_what_reaches_where_she_is_is_told(street: Street):
    street.announces(street.shop, "Flan", radius=5_000)
    assert street.taps(LILLERS).offers == 0
    far = street.another_shop("Loin", position=LILLERS)
    street.announces(far, "Tarte", radius=5_000)
    assert street.taps(LILLERS).offers == 1
    assert [title for _, title in street.hears()[0]] == ["Tarte"]


@pytest.mark.parametrize("why", ["level-none", "unfollowed", "over", "sold-out", "suspended"])
def test_what_she_refused_or_is_over_is_not_told(street: Street, why: str):
    shop = street.another_shop("Autre", Level.NONE) if why == "level-none" else street.shop
    if why == "unfollowed":
        with street.sessions.begin() as session:
            shop = builders.a_shop(session)
    offer = street.announces(shop, "Flan", ends_at=NOW + dt.timedelta(hours=2))
    with street.sessions.begin() as session:
        if why == "sold-out":
            sold_out(session, session.merge(offer), now=NOW)
        elif why == "suspended":
            suspend_shop(session, session.merge(shop), reason="Plaintes", now=NOW)
    later = NOW + dt.timedelta(hours=3 if why == "over" else 1)
    assert street.taps(now=later).offers == 0


def test_what_ended_between_the_tap_and_the_claim_is_held_and_says_so(street: Street):
    offer = street.announces(street.shop, "Flan")
    street.taps()
    with street.sessions.begin() as session:
        sold_out(session, session.merge(offer), now=NOW)
    assert street.claims(NOW) == []
    with street.sessions() as session:
        message = session.scalars(select(Message).where(Message.kind == MessageKind.NEAR_ME_NOW)).one()
        decision = session.get_one(Decision, (street.citizen.id, message.id))
        assert (decision.outcome, decision.reason) == (Outcome.HELD, Reason.OFFER_CLOSED)


def test_it_is_worth_half_an_hour(street: Street):
    street.announces(street.shop, "Flan")
    street.taps()
    assert street.claims(NOW + WORTH) == []


def test_without_a_device_nothing_is_written_and_nothing_counts_as_told(street: Street):
    street.announces(street.shop, "Flan")
    with street.sessions.begin() as session:
        [device] = builders.devices_of(session, street.citizen.id)
        session.delete(device)
    told = street.taps()
    assert (told.offers, told.devices) == (0, 0)
    with street.sessions() as session:
        assert session.scalars(select(Message).where(Message.kind == MessageKind.NEAR_ME_NOW)).all() == []
        assert session.scalars(select(Delivery)).all() == []


@pytest.mark.parametrize("purpose", [builders.Purpose.LOCATION, builders.Purpose.NOTIFICATIONS], ids=lambda p: p.value)
def test_it_asks_for_both_her_consents(street: Street, purpose: builders.Purpose):
    street.announces(street.shop, "Flan")
    with street.sessions.begin() as session:
        builders.consent(session, session.get_one(Citizen, street.citizen.id), purpose, granted=False)
    with pytest.raises(NoLocationConsent if purpose is builders.Purpose.LOCATION else NoConsent):
        street.taps()
    with street.sessions() as session:
        assert places_of(session, street.citizen.id, now=NOW) == []


def test_a_commune_will_do(street: Street):
    street.announces(street.shop, "Flan")
    with street.sessions.begin() as session:
        told = tell_near(
            session, session.get_one(Citizen, street.citizen.id), builders.area_of_commune(BETHUNE), now=NOW
        )
    assert told.offers == 1
