"""Discovery: who asked to hear of what is near a place of hers, and what becomes of that when it is sold out."""

import datetime as dt

from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from citylife import offers
from citylife.accounts.citizens import Citizen
from citylife.consent import Purpose
from citylife.courtesy.tables import BudgetSlot
from citylife.discovered import discovered_offers
from citylife.follows import Level
from citylife.ledger.tables import DeliveryState, Message, MessageKind, Outcome, Reason
from citylife.offers import UNDO
from citylife.places import PlaceKind, area_of_commune, forget_places_of, set_place
from citylife.shops import Shop
from tests import builders
from tests.builders import BETHUNE, NOW
from tests.citylife.courtesy.conftest import SIX, reasons, taken_up, told, wish
from tests.ledger_desk import claim_all, expand_all, settle_all

FAR = "62141"
"""Another commune of the territory, beyond the reach of an offer of Béthune."""
SOLD_OUT = NOW + dt.timedelta(minutes=20)
OUT = SOLD_OUT + UNDO


def a_discoverer(session: Session) -> Citizen:
    """Somebody who follows nothing, asked to discover, and chose Béthune."""
    citizen = builders.a_citizen(session)
    builders.a_device(session, citizen)
    builders.consent(session, citizen, Purpose.LOCATION)
    set_place(session, citizen, area_of_commune(BETHUNE), PlaceKind.LASTING, now=NOW)
    citizen.discover_nearby = True
    session.flush()
    return citizen


def test_who_asked_to_discover_hears_of_what_is_near_and_never_of_what_is_delicate(
    sessions: sessionmaker[Session],
) -> None:
    with sessions.begin() as session:
        bakery, optician = builders.a_shop(session), builders.a_shop(session, category="optician")
        wants = [a_discoverer(session) for _ in range(5)]
        wants[0].discover_nearby = False
        wants[1].location_consented = False
        builders.consent(session, wants[2], Purpose.NOTIFICATIONS, granted=False)
        builders.a_follow(session, wants[3], bakery, Level.NONE)
        discoverer = wants[4]
    message = told(sessions, bakery, page=2)

    assert reasons(sessions, message) == {
        (Outcome.HELD, Reason.LEVEL_NONE): 1,
        (Outcome.SEND, Reason.DISCOVERY): 1,
    }
    assert reasons(sessions, told(sessions, optician)) == {}
    [claimed] = claim_all(sessions, now=NOW)
    assert claimed.citizen_id in {discoverer.id, discoverer.id.bytes}


def test_who_no_longer_wants_to_discover_is_not_told(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        citizen = a_discoverer(session)
    message = told(sessions, shop)
    wish(sessions, citizen, discover_nearby=False)

    assert claim_all(sessions, now=NOW) == []
    assert reasons(sessions, message) == {(Outcome.HELD, Reason.UNFOLLOWED): 1}
    assert slots(sessions) == 0


def test_what_she_discovered_is_listed_while_she_does_not_follow_its_shop_and_wants_to_discover(
    sessions: sessionmaker[Session],
) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        citizen, by_digest = a_discoverer(session), a_discoverer(session)
        by_digest.daily_budget = 0
        builders.an_offer(session, builders.a_shop(session, category="optician"))
    message = told(sessions, shop)

    def listed(who: Citizen = citizen, *, at: dt.datetime = NOW) -> list[object]:
        with sessions() as session:
            return [offer.id for offer, _ in discovered_offers(session, who.id, limit=5, now=at)]

    assert (listed(), listed(by_digest)) == ([message.offer_id], [])
    assert taken_up(sessions, now=SIX) == 1
    assert listed(by_digest, at=SIX) == [message.offer_id]
    assert listed(at=NOW + dt.timedelta(days=20)) == []
    wish(sessions, citizen, discover_nearby=False)
    assert listed() == []
    wish(sessions, citizen, discover_nearby=True)
    with sessions.begin() as session:
        builders.a_follow(session, session.get_one(Citizen, citizen.id), session.get_one(Shop, shop.id))
    assert listed() == []


def replacement_of(sessions: sessionmaker[Session], message: Message) -> Message:
    """What replaces a message, once its offer is sold out for good and that is expanded."""
    with sessions.begin() as session:
        offers.sold_out(session, session.get_one(offers.Offer, message.offer_id), now=SOLD_OUT)
    expand_all(sessions, now=OUT, page=2)
    with sessions() as session:
        return session.scalars(select(Message).where(Message.replaces_id == message.id)).one()


def test_whoever_was_shown_it_by_discovery_is_told_once_that_it_is_sold_out(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        follower = builders.a_follower(session, shop)
        shown = [a_discoverer(session) for _ in range(5)]
    message = told(sessions, shop)
    settle_all(sessions, claim_all(sessions), DeliveryState.ACCEPTED)
    with sessions.begin() as session:
        a_discoverer(session)  # came after the announcement: nothing was shown to her
        builders.a_follow(session, session.merge(shown[0]), session.merge(shop))
    replacement = replacement_of(sessions, message)

    assert reasons(sessions, replacement) == {(Outcome.SEND, Reason.REPLACES): 6}
    claimed = claim_all(sessions, now=OUT)
    assert {one.announced.kind for one in claimed} == {MessageKind.SOLD_OUT}
    assert len(claimed) == len({one.citizen_id for one in claimed}) == 6
    assert follower.id not in {citizen.id for citizen in shown}
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(BudgetSlot)) == 6, "a replacement takes nothing"


def test_who_has_moved_away_or_discovers_no_more_keeps_what_she_was_shown(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        stays, moved, stopped = (a_discoverer(session) for _ in range(3))
    message = told(sessions, shop)
    settle_all(sessions, claim_all(sessions), DeliveryState.ACCEPTED)
    with sessions.begin() as session:
        forget_places_of(session, moved.id)
        set_place(session, session.merge(moved), area_of_commune(FAR), PlaceKind.LASTING, now=NOW)
    wish(sessions, stopped, discover_nearby=False)
    replacement_of(sessions, message)

    [claimed] = claim_all(sessions, now=OUT)
    assert claimed.citizen_id in {stays.id, stays.id.bytes}


def test_who_was_not_shown_it_is_not_told_that_it_is_sold_out(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        a_discoverer(session)
    message = told(sessions, shop)
    settle_all(sessions, claim_all(sessions), DeliveryState.REFUSED)
    replacement_of(sessions, message)

    assert claim_all(sessions, now=OUT) == []


def test_who_discovers_no_more_when_it_leaves_is_not_told_either(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        discoverer = a_discoverer(session)
    message = told(sessions, shop)
    settle_all(sessions, claim_all(sessions), DeliveryState.ACCEPTED)
    replacement = replacement_of(sessions, message)
    wish(sessions, discoverer, discover_nearby=False)

    assert claim_all(sessions, now=OUT) == []
    assert reasons(sessions, replacement) == {(Outcome.HELD, Reason.UNFOLLOWED): 1}


def slots(sessions: sessionmaker[Session]) -> int:
    with sessions() as session:
        return session.scalar(select(func.count()).select_from(BudgetSlot)) or 0
