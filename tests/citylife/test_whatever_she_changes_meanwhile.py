"""Whatever citizens change between an announcement and its leaving, nothing leaves against what they want by then."""

import datetime as dt
import uuid
from collections import Counter
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from hypothesis import event, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from citylife.accounts.citizens import Citizen, Wishes, change_wishes
from citylife.database import writing
from citylife.devices import Device, devices_of, remove_device
from citylife.follows import Follow, Level, follow, unfollow
from citylife.ledger import claims, expansion
from citylife.ledger.lanes import open_lanes
from citylife.ledger.statements import identifier
from citylife.ledger.tables import Decision, Delivery, DeliveryState, Message, Outcome, Reason
from citylife.shops import Shop
from tests import builders
from tests.builders import NOW
from tests.citylife.audience_in_plain_words import Person, disturbs

PARIS = ZoneInfo("Europe/Paris")
SHOPS, CITIZENS = 3, 2
BUDGETED = {Reason.FOLLOWS, Reason.NEARBY, Reason.DRAWN}
QUIET = ("quiet_from", "quiet_until", "quiet_sundays")

shops, citizens = st.integers(0, SHOPS - 1), st.integers(0, CITIZENS - 1)
times = st.sampled_from([dt.time(0), dt.time(9), dt.time(12, 30), dt.time(20), dt.time(23, 59)])
deeds = st.one_of(
    st.tuples(st.just("announces"), shops),
    st.tuples(st.just("announces"), shops),
    st.tuples(st.just("wishes"), citizens, times, times, st.booleans()),
    st.tuples(st.just("consents"), citizens, st.booleans()),
    st.tuples(st.just("follows"), citizens, shops, st.sampled_from([*Level, None])),
    st.tuples(st.just("changes phone"), citizens),
)
pauses = st.integers(0, 20 * 60).map(lambda minutes: dt.timedelta(minutes=minutes))
stories = st.lists(st.tuples(pauses, st.lists(deeds, min_size=1, max_size=4)), min_size=3, max_size=15)
"""What happens at the same moment happens before anything of it can leave."""


@dataclass
class Story:
    """A few shops and citizens, a clock that only goes on, and what has left for whom on which of her days."""

    engine: Engine
    now: dt.datetime = NOW
    shops: list[uuid.UUID] = field(default_factory=list)
    citizens: list[uuid.UUID] = field(default_factory=list)
    left: Counter[tuple[uuid.UUID, dt.date]] = field(default_factory=Counter)
    of_shop: Counter[tuple[uuid.UUID, uuid.UUID | None, dt.date]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.sessions = writing(self.engine)
        with self.sessions.begin() as session:
            found = [builders.a_shop(session) for _ in range(SHOPS)]
            self.shops = [shop.id for shop in found]
            for number in range(CITIZENS):
                citizen = builders.a_citizen(session)
                citizen.weekly_budget, citizen.daily_budget = 3 + number, 1 + number
                builders.a_device(session, citizen)
                for shop in found:
                    builders.a_follow(session, citizen, shop)
                self.citizens.append(citizen.id)

    def goes_on(self, until: dt.datetime) -> None:
        """Let workers send at each moment whatever is due then."""
        while True:
            with self.sessions() as session:
                waiting = select(func.min(Delivery.next_at)).where(Delivery.state == DeliveryState.WAITING)
                due = session.scalar(waiting)
            if due is None or due > until:
                break
            self.now = max(self.now, due)
            self.sends()
        self.now = until

    def sends(self) -> None:
        with self.sessions.begin() as session:
            for lane in open_lanes(session, now=self.now):
                for claimed in claims.claim(session, lane, now=self.now).to_send:
                    self.looks_at(session, identifier(claimed.citizen_id), identifier(claimed.message_id))

    def looks_at(self, session: Session, citizen_id: uuid.UUID, message_id: uuid.UUID) -> None:
        """What leaves now may leave."""
        citizen, message = session.get_one(Citizen, citizen_id), session.get_one(Message, message_id)
        session.refresh(citizen)
        person = Person(Level.NORMAL, **{name: getattr(citizen, name) for name in QUIET})
        local = self.now.astimezone(PARIS)
        assert not disturbs(person, local), "in her quiet hours"
        assert citizen.notifications_consented, "without consent"
        followed = session.get(Follow, (citizen_id, message.shop_id), populate_existing=True)
        assert followed is not None, "of a shop she no longer follows"
        assert followed.level is not Level.NONE, "of a shop she wants nothing of"
        decision = session.get_one(Decision, (citizen_id, message_id), populate_existing=True)
        assert decision.outcome is Outcome.SEND
        event(decision.reason.value)
        self.of_shop[citizen_id, message.shop_id, local.date()] += 1
        assert self.of_shop[citizen_id, message.shop_id, local.date()] == 1, "a second one of a shop that day"
        if decision.reason in BUDGETED:
            self.left[citizen_id, local.date()] += 1

    def happens(self, deed: tuple[object, ...]) -> None:
        with self.sessions.begin() as session:
            match deed:
                case ["announces", int(shop)]:
                    builders.an_offer(
                        session,
                        session.get_one(Shop, self.shops[shop]),
                        now=self.now,
                        ends_at=self.now + dt.timedelta(days=2),
                    )
                case ["wishes", int(who), dt.time() as begin, dt.time() as end, bool(sundays)]:
                    wishes = Wishes(quiet_from=begin, quiet_until=end, quiet_sundays=sundays)
                    change_wishes(session, self.her(session, who), wishes, now=self.now)
                case ["consents", int(who), bool(granted)]:
                    builders.consent(session, self.her(session, who), granted=granted, now=self.now)
                case ["follows", int(who), int(shop), Level() as level]:
                    follow(session, self.citizens[who], session.get_one(Shop, self.shops[shop]), level, now=self.now)
                case ["follows", int(who), int(shop), None]:
                    unfollow(session, self.citizens[who], self.shops[shop], now=self.now)
                case ["changes phone", int(who)]:
                    self.changes_phone(session, self.her(session, who))
        while True:
            with self.sessions.begin() as session:
                if expansion.expand_page(session, now=self.now) is None:
                    return

    def her(self, session: Session, who: int) -> Citizen:
        return session.get_one(Citizen, self.citizens[who])

    def changes_phone(self, session: Session, citizen: Citizen) -> None:
        for device in devices_of(session, citizen.id):
            remove_device(session, citizen.id, device.id, now=self.now)
        if citizen.notifications_consented:
            builders.a_device(session, citizen, now=self.now)

    def ends(self) -> None:
        """Nobody was sent more than her budgets hold; and nobody is there in the next story."""
        with self.sessions.begin() as session:
            weeks: Counter[tuple[uuid.UUID, dt.date]] = Counter()
            for (citizen_id, day), times_told in self.left.items():
                assert times_told <= session.get_one(Citizen, citizen_id).daily_budget, "above her budget of the day"
                weeks[citizen_id, day - dt.timedelta(days=day.weekday())] += times_told
            for (citizen_id, _), times_told in weeks.items():
                assert times_told <= session.get_one(Citizen, citizen_id).weekly_budget, "above her budget of the week"
            for citizen_id in self.citizens:
                session.delete(session.get_one(Citizen, citizen_id))


QUIET_FROM_NOW_ON = ("wishes", 0, dt.time(9), dt.time(0), False)
TOMORROW_HAS_ONE_ALREADY = [
    (dt.timedelta(0), [("announces", 0), QUIET_FROM_NOW_ON]),
    (dt.timedelta(hours=1), [("announces", 1)]),
]


HERS_TOO = ("wishes", 1, dt.time(9), dt.time(0), False)
TOMORROW_HAS_ONE_OF_THE_SHOP = [(dt.timedelta(0), [("announces", 0), HERS_TOO, ("announces", 0)])]


@settings(max_examples=15)
@example(story=TOMORROW_HAS_ONE_ALREADY)
@example(story=TOMORROW_HAS_ONE_OF_THE_SHOP)
@given(story=stories)
def test_nothing_leaves_against_what_she_wants_by_then(engine: Engine, story) -> None:
    told = Story(engine)
    for after, at_once in story:
        told.goes_on(told.now + after)
        for deed in at_once:
            told.happens(deed)
        told.sends()
    told.goes_on(told.now + dt.timedelta(days=3))
    told.ends()
    with told.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Device)) == 0
