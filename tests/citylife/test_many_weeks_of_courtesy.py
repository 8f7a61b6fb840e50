"""Many weeks through the real expansion: shops have their shares, nobody gains by being first, budgets hold."""

import datetime as dt
import random
import statistics
import uuid
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen
from citylife.courtesy import pace
from citylife.courtesy.draw import CERTAIN
from citylife.courtesy.tables import BudgetSlot
from citylife.database import engine_for, new_id, writing
from citylife.ledger import expansion
from citylife.ledger.tables import Decision, Delivery, Message, MessageKind, MessageState, Outcome, Reason
from citylife.places import PlaceKind, area_of_commune, set_place
from citylife.shops import Shop
from tests import builders

PARIS = ZoneInfo("Europe/Paris")
SHOPS, CITIZENS, WEEKS = 10, 60, 8
BEGINS = dt.datetime(2026, 11, 30, tzinfo=PARIS)
"""A Monday."""
MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)
INTERVAL = 4.5
"""Standard deviations: one run of a hundred thousand would lie outside."""
CROWD, MANY_WEEKS = 600, 32
"""Citizens, and weeks, where shares are compared with each other: their intervals are that much narrower."""


@dataclass
class Told:
    """What became of the announcements of one shop, over all citizens and weeks: how many heard, and as foreseen.

    `weekly` has, by announcement, how many were asked and heard.
    """

    asked: int = 0
    heard: int = 0
    foreseen: float = 0.0
    variance: float = 0.0
    weekly: dict[uuid.UUID, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))

    @property
    def share(self) -> float:
        return self.heard / self.asked

    @property
    def deviation(self) -> float:
        """The standard deviation of its share, from how its weeks differ."""
        return statistics.stdev(heard / asked for asked, heard in self.weekly.values()) / len(self.weekly) ** 0.5


@dataclass
class Weeks:
    """Ten shops that announce once a week, and citizens with usual settings who follow all of them."""

    sessions: sessionmaker[Session]
    dice: random.Random
    shops: list[uuid.UUID] = field(default_factory=list)
    citizens: list[uuid.UUID] = field(default_factory=list)
    of_shop: dict[uuid.UUID, uuid.UUID] = field(default_factory=dict)
    """Whose announcement a message is."""
    crowd: int = CITIZENS
    weeks: int = WEEKS
    discoverers: list[uuid.UUID] = field(default_factory=list)
    """Who follow nothing, and ask to discover what is near a place of theirs."""
    rush: dt.timedelta | None = None
    """Into its week the moment at which all of them announce, five minutes after each other; none: spread out."""
    busy: bool = False
    """Whether one shop announces on each morning of five days, and five others on one of their afternoons each."""

    def begin(self) -> None:
        """Everybody, and four weeks in which each shop has already announced something."""
        with self.sessions.begin() as session:
            shops = [builders.a_shop(session, now=BEGINS - 40 * DAY) for _ in range(SHOPS)]
            self.shops = [shop.id for shop in shops]
            for number in range(self.crowd):
                citizen = builders.a_citizen(session, consented=number >= 3, now=BEGINS - DAY)
                if citizen.notifications_consented:
                    builders.a_device(session, citizen, now=BEGINS - DAY)
                for shop in shops:
                    builders.a_follow(session, citizen, shop, now=BEGINS - DAY)
                self.citizens.append(citizen.id)
            for week in range(-4, 0):
                for at, shop_id in self.usual(week):
                    session.add(
                        Message(
                            id=new_id(),
                            kind=MessageKind.ANNOUNCEMENT,
                            state=MessageState.EXPANDED,
                            shop_id=shop_id,
                            created_at=at,
                            release_at=at,
                            expires_at=at,
                        )
                    )

    def discover(self, many: int) -> None:
        """Citizens with usual settings who ask to discover what is near Béthune."""
        with self.sessions.begin() as session:
            for _ in range(many):
                citizen = builders.a_citizen(session, consented=True, now=BEGINS - DAY)
                citizen.discover_nearby = citizen.location_consented = True
                builders.a_device(session, citizen, now=BEGINS - DAY)
                set_place(session, citizen, area_of_commune(builders.BETHUNE), PlaceKind.LASTING, now=BEGINS - DAY)
                self.discoverers.append(citizen.id)

    def usual(self, week: int) -> list[tuple[dt.datetime, uuid.UUID]]:
        """Who announces in a week, and when: always in the same order."""
        monday = BEGINS + week * 7 * DAY
        if self.busy:
            return [
                (monday + day * DAY + hour * HOUR, shop)
                for day in range(5)
                for hour, shop in ((10, self.shops[5]), (15, self.shops[day]))
            ]
        return [(monday + self.into_the_week(number), shop) for number, shop in enumerate(self.shops)]

    def into_the_week(self, number: int) -> dt.timedelta:
        """When the shop announces that comes `number`-th in a week: evenly over undisturbed hours, or in the rush."""
        if self.rush is not None:
            return self.rush + number * 5 * MINUTE
        day, hours = divmod((2 * number + 1) / 20 * 66, 11)
        return int(day) * DAY + (9 + hours) * HOUR

    def announce(self, shop_id: uuid.UUID, *, now: dt.datetime) -> None:
        """Count the rhythms as of the night before, publish, and decide for everybody."""
        with self.sessions.begin() as session:
            pace.keep_rhythms(session, now=now.replace(hour=0, minute=0, second=0, microsecond=0))
            after: uuid.UUID | None = uuid.UUID(int=0)
            while after is not None:
                after = pace.keep_paces(session, after)
            offer = builders.an_offer(session, session.get_one(Shop, shop_id), now=now, ends_at=now + 3 * DAY)
            message = session.scalars(select(Message.id).where(Message.offer_id == offer.id)).one()
            self.of_shop[message] = shop_id
        while True:
            with self.sessions.begin() as session:
                if expansion.expand_page(session, now=now) is None:
                    return

    def pass_by(self, *, anew: bool) -> None:
        """The weeks: announcements evenly over her undisturbed hours, or any time of day and night; in which order."""
        for week in range(self.weeks):
            if week == self.weeks // 2:
                self.think_again()
            moments, order = map(list, zip(*self.usual(week), strict=True))
            if anew:
                self.dice.shuffle(order)
            for number, (at, shop) in enumerate(zip(moments, order, strict=True)):
                now = at.replace(hour=self.dice.randrange(24)) if anew and number % 3 == 0 else at
                self.announce(shop, now=now)

    def think_again(self) -> None:
        """In the middle of it, three more citizens withdraw their consent."""
        with self.sessions.begin() as session:
            session.execute(
                update(Citizen).where(Citizen.id.in_(self.citizens[3:6])).values(notifications_consented=False)
            )

    def told(self, session: Session) -> dict[uuid.UUID, Told]:
        """By shop, of all who could be told."""
        found: dict[uuid.UUID, Told] = defaultdict(Told)
        asked = Decision.reason != Reason.NO_CONSENT, Decision.citizen_id.not_in(self.discoverers)
        for decision in session.scalars(select(Decision).where(*asked)):
            told = found[self.of_shop[decision.message_id]]
            certain = 1.0 if decision.outcome is Outcome.SEND else 0.0
            chance = certain if decision.chance is None else decision.chance / CERTAIN
            told.asked += 1
            told.heard += decision.outcome is Outcome.SEND
            told.foreseen += chance
            told.variance += chance * (1 - chance)
            weekly = told.weekly[decision.message_id]
            weekly[0] += 1
            weekly[1] += decision.outcome is Outcome.SEND
        print("heard:", ", ".join(f"{found[shop].share:.1%}" for shop in self.shops if shop in found))
        return found


@pytest.fixture
def sqlite(sqlite_url: str) -> Engine:
    return engine_for(sqlite_url)


def nothing_is_exceeded(weeks: Weeks, session: Session) -> None:
    """Two a day, five a week, by the slots and by the decisions; never in quiet hours; never without consent."""
    slots = session.execute(select(BudgetSlot.citizen_id, BudgetSlot.local_date)).all()
    sent = session.scalars(select(Decision).where(Decision.outcome == Outcome.SEND)).all()
    shown = [(each.citizen_id, (each.until or each.decided_at).astimezone(PARIS)) for each in sent]
    assert len(sent) > weeks.crowd * weeks.weeks * 3
    assert Counter(map(tuple, slots)) == Counter((citizen, local.date()) for citizen, local in shown)
    days = Counter((citizen, local.date()) for citizen, local in shown)
    of_week = Counter((citizen, local.isocalendar()[:2]) for citizen, local in shown)
    assert max(days.values()) == 2
    assert max(of_week.values()) == 5
    assert all(9 <= local.hour < 20 and local.weekday() < 6 for _, local in shown)
    never, no_longer = set(weeks.citizens[:3]), set(weeks.citizens[3:6])
    middle = BEGINS + weeks.weeks // 2 * 7 * DAY
    assert all(each.citizen_id not in never for each in sent)
    assert all(each.decided_at < middle for each in sent if each.citizen_id in no_longer)
    assert session.scalar(select(func.count()).select_from(Delivery)) == len(sent)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_over_many_weeks_in_an_order_drawn_anew_every_shop_has_its_share(sqlite: Engine) -> None:
    weeks = Weeks(writing(sqlite), random.Random(2026), weeks=MANY_WEEKS)
    weeks.begin()
    weeks.pass_by(anew=True)

    with weeks.sessions() as session:
        nothing_is_exceeded(weeks, session)
        found = weeks.told(session)
    sqlite.dispose()
    assert len(found) == SHOPS
    mean = sum(told.share for told in found.values()) / SHOPS
    assert 0.35 < mean <= 0.5
    for told in found.values():
        assert abs(told.heard - told.foreseen) < INTERVAL * told.variance**0.5, told
        assert abs(told.share - mean) < INTERVAL * told.deviation, (told.share, told.deviation, mean)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "rush",
    [None, 9 * HOUR, 3 * DAY + 18 * HOUR, 5 * DAY + 10 * HOUR],
    ids=["over five days", "Monday", "Thursday evening", "Saturday"],
)
def test_nobody_gains_by_posting_first(sqlite: Engine, rush: dt.timedelta | None) -> None:
    """Always in the same order, over the week or within one hour of it; `-s` prints each share, the first shop's first.

    Each is heard as often as the others, the last one too, and the first half as often as the second, but for what the
    draws themselves leave open.
    """
    weeks = Weeks(writing(sqlite), random.Random(11), crowd=CROWD, rush=rush)
    weeks.begin()
    weeks.pass_by(anew=False)

    with weeks.sessions() as session:
        if rush is None:
            nothing_is_exceeded(weeks, session)
        found = weeks.told(session)
    sqlite.dispose()
    shares = [found[shop].share for shop in weeks.shops]
    mean = sum(shares) / SHOPS
    assert 0.49 < mean <= 0.5 if rush is None else 0.19 < mean <= 0.2  # five of ten, or two on one day
    for told in found.values():
        assert abs(told.heard - told.foreseen) < INTERVAL * told.variance**0.5, told
    deviation = (mean * (1 - mean) / found[weeks.shops[0]].asked) ** 0.5
    assert all(abs(share - mean) < INTERVAL * deviation for share in shares), shares
    halves = sum(shares[: SHOPS // 2]) / (SHOPS // 2), sum(shares[SHOPS // 2 :]) / (SHOPS // 2)
    assert abs(halves[0] - halves[1]) < INTERVAL * deviation * (2 / (SHOPS // 2)) ** 0.5, shares


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_shop_that_announces_on_five_days_is_heard_each_time_as_often_as_who_does_so_once(sqlite: Engine) -> None:
    """What it will announce on later days of the week is still to come when it announces something."""
    weeks = Weeks(writing(sqlite), random.Random(3), crowd=CROWD, busy=True)
    weeks.begin()
    weeks.pass_by(anew=False)

    heard: dict[tuple[uuid.UUID, int], list[bool]] = defaultdict(list)
    with weeks.sessions() as session:
        nothing_is_exceeded(weeks, session)
        asked = select(Message.shop_id, Message.created_at, Decision.outcome).join(Message)
        for shop_id, at, outcome in session.execute(asked.where(Decision.reason != Reason.NO_CONSENT)):
            heard[shop_id, at.astimezone(PARIS).weekday()].append(outcome is Outcome.SEND)
    sqlite.dispose()
    shares = {each: sum(outcomes) / len(outcomes) for each, outcomes in heard.items()}
    print("heard:", ", ".join(f"{share:.1%}" for (_, day), share in sorted(shares.items(), key=lambda one: one[0][1])))
    mean = sum(shares.values()) / len(shares)
    assert len(shares) == 10
    assert 0.49 < mean <= 0.5
    for each, share in shares.items():
        assert abs(share - mean) < INTERVAL * (mean * (1 - mean) / len(heard[each])) ** 0.5, shares


@pytest.mark.long
@pytest.mark.timeout(600)
def test_what_is_only_discovered_comes_first_come_first_told_and_within_the_budgets(sqlite: Engine) -> None:
    """What is near is expected of nobody's week, so no draw chooses: the rules she reads say so."""
    weeks = Weeks(writing(sqlite), random.Random(5), crowd=6, rush=3 * DAY + 18 * HOUR)
    weeks.begin()
    weeks.discover(20)
    weeks.pass_by(anew=False)

    with weeks.sessions() as session:
        hers = Decision.citizen_id.in_(weeks.discoverers), Decision.outcome == Outcome.SEND
        sent = session.scalars(select(Decision).where(*hers)).all()
    sqlite.dispose()
    heard = Counter(weeks.of_shop[each.message_id] for each in sent)
    assert {each.reason for each in sent} == {Reason.DISCOVERY}
    assert [heard[shop] / (20 * WEEKS) for shop in weeks.shops] == [1, 1, *[0] * (SHOPS - 2)]
