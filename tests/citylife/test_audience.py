"""The audience: whoever the citizens and whatever they wish, the SQL decides what the plain words say."""

import datetime as dt
import uuid
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cache

from hypothesis import event, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, func, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen
from citylife.audience.foresight import Fate, Foreseen, foresee
from citylife.clock import PARIS
from citylife.courtesy.rules import set_announcements_a_day
from citylife.courtesy.tables import AnnouncementCourse, BudgetSlot, DigestLine, ShopRhythm
from citylife.database import new_id, writing
from citylife.follows import Follow, Level
from citylife.geography import areas_away, cell_at, communes, may_be_a_place
from citylife.ledger import expansion
from citylife.ledger.tables import Decision, Delivery, Message, MessageKind, MessageState, Outcome, Reason
from citylife.offers import draft_offer, publish
from citylife.offers.drafts import FARTHEST
from citylife.offers.drafts import NEAREST as NEAREST_OFFERED
from citylife.places import Place, PlaceKind
from citylife.shops import Shop
from tests import builders
from tests.builders import GRAND_PLACE, NOW
from tests.citylife.audience_in_plain_words import Person, Spot, Usual, Verdict, first_welcome, judge, minute_of, wall
from tests.citylife.test_geography import nearest_on_outline

FAR = "62028"
"""A commune of the territory more than ten kilometres from the Grand-Place of Béthune."""
AROUND = areas_away(*GRAND_PLACE, FARTHEST)
AREAS = [*sorted(communes()), *sorted(area for area in AROUND if isinstance(area, int) and may_be_a_place(area))]
"""Every commune, near or far, and every cell that may be somebody's place."""
NEAREST = sorted(AROUND, key=lambda area: (AROUND[area], str(area)))[:6]
EDGES = sorted({round(away) for away in AROUND.values()})
ZONES = ("Europe/Paris", "Europe/Paris", "America/New_York", "Indian/Reunion", "Pacific/Auckland")

times = st.builds(dt.time, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))
nows = st.one_of(
    st.integers(0, 14 * 24 * 60).map(lambda minutes: NOW + dt.timedelta(minutes=minutes)),
    st.integers(0, 36 * 60).map(
        lambda minutes: dt.datetime(2027, 3, 27, 12, tzinfo=dt.UTC) + dt.timedelta(minutes=minutes)
    ),
    st.integers(0, 36 * 60).map(
        lambda minutes: dt.datetime(2026, 10, 24, 12, tzinfo=dt.UTC) + dt.timedelta(minutes=minutes)
    ),
)
radii = st.one_of(st.just(5_000), st.integers(0, FARTHEST), st.sampled_from(EDGES), st.integers(0, 3_000))
"""Metres that may be asked about; an offer reaches at least a hundred."""


@cache
def metres_to(area: int | str) -> float:
    """How far from the Grand-Place a cell or commune begins, by walking along outlines."""
    cells = [area] if isinstance(area, int) else communes()[area].cells
    return min(nearest_on_outline(cell, *GRAND_PLACE) for cell in cells)


def spot(area: int | str, *, live: bool = True, lasts: bool = True) -> Spot:
    return Spot(area, metres_to(area), live, lasts)


areas = st.one_of(st.sampled_from(NEAREST), st.sampled_from([builders.BETHUNE, FAR]), st.sampled_from(AREAS))
alive = st.sampled_from([True, True, True, False])
places = st.builds(
    lambda lasting, now, live: [
        spot(area, live=live[number], lasts=number < len(lasting)) for number, area in enumerate([*lasting, *now])
    ],
    st.lists(areas, max_size=2, unique=True),
    st.lists(areas, max_size=1),
    st.tuples(alive, alive, alive),
)


@st.composite
def usuals(draw: st.DrawFn, now: dt.datetime) -> Usual:
    """What is known of the four weeks before: nothing, or when all announced, and the shop; many just after `now`.

    What the shop has announced is perhaps not among what all have: then nothing of them is left where it has.
    """
    today = now.astimezone(PARIS).date()
    weekly = draw(st.sampled_from([5_000, 1_250, 3_000, 1_000, 12_000, 750, 0]))
    counted_on = draw(st.sampled_from([today, today, today, today - dt.timedelta(days=1), None]))
    own = draw(st.lists(st.integers(1, 31 * 24 * 60), min_size=draw(st.sampled_from([3, 0])), max_size=8))
    each = draw(st.sampled_from([24 * 60, 1, 7 * 24 * 60]))  # minutes that they are a multiple of: every day, or week
    usual = Usual(
        counted_on=counted_on,
        own=[now - dt.timedelta(minutes=max(ago // each * each, 400)) for ago in own],
        weekly=weekly,
    )
    if counted_on is None:
        return usual
    here = minute_of(now.astimezone(PARIS))
    minutes = st.one_of(st.integers(0, 7 * 24 * 60 - 1), st.integers(here - 60, here + 3 * 24 * 60))
    for minute, many in draw(st.lists(st.tuples(minutes, st.integers(1, 30)), max_size=10)):
        usual.counts[minute % (7 * 24 * 60)] += many
    if draw(st.booleans()):
        usual.counts.update(usual.own_counts())
    return usual


@st.composite
def people(draw: st.DrawFn, now: dt.datetime) -> Person:
    """Anybody; around the day on which she would be told she has been told of other things, and of the same shop."""
    level = draw(
        st.sampled_from([Level.NORMAL, Level.NEARBY, None, Level.NORMAL, Level.NEARBY, None, Level.ALWAYS, Level.NONE])
    )
    person = Person(
        level=level,
        time_zone=draw(st.sampled_from(ZONES)),
        quiet_from=draw(times),
        quiet_until=draw(times),
        quiet_sundays=draw(st.booleans()),
        weekly_budget=draw(st.sampled_from([5, 2, 20, 5, 0])),
        daily_budget=draw(st.sampled_from([2, 10, 1, 2, 0])),
        pace=draw(st.sampled_from([9_000, 20_000, 60_000, 2_000, 250])),
        seed=draw(st.integers(1, 2**31 - 2)),
        digest=draw(st.booleans()),
        consented=draw(st.sampled_from([True] * 5 + [False])),
        phones=draw(st.sampled_from([1, 1, 1, 2, 0])),
        places=draw(places),
        discovers=draw(st.sampled_from([level is None, True, False])),
        located=draw(st.sampled_from([True, True, True, False])),
    )
    day = wall(person, first_welcome(person, now)).date()
    person.taken = [day + dt.timedelta(days=ahead) for ahead in draw(st.lists(st.integers(-3, 2), max_size=4))]
    if person.level is not None:
        person.heard = [day + dt.timedelta(days=ahead) for ahead in draw(st.sampled_from([[], [0], [-1]]))]
    return person


@dataclass(frozen=True)
class Scene:
    """Who is there, when it happens, and how: `lasts` is the offer's hours, `page` the citizens of a page.

    `radius` is how many metres the offer reaches.
    """

    now: dt.datetime
    persons: list[Person]
    lasts: int
    page: int
    category: str
    a_day: int
    radius: int = 5_000
    usual: Usual = field(default_factory=Usual)

    @property
    def ends_at(self) -> dt.datetime:
        return self.now + dt.timedelta(hours=self.lasts)


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    now = draw(nows)
    return Scene(
        now=now,
        persons=draw(st.lists(people(now), min_size=1, max_size=7)),
        lasts=draw(st.integers(1, 72)),
        page=draw(st.integers(1, 4)),
        category=draw(st.sampled_from(["bakery", "bakery", "optician"])),
        a_day=draw(st.sampled_from([1, 1, 2])),
        radius=max(draw(radii), NEAREST_OFFERED),
        usual=draw(usuals(now)),
    )


@dataclass
class World:
    """A shop, an earlier announcement of it, its people as rows, and what the shop usually does, that one included."""

    shop: Shop
    earlier: uuid.UUID
    persons: dict[uuid.UUID, Person]
    usual: Usual


def a_world(session: Session, scene: Scene) -> World:
    now = scene.now
    shop = builders.a_shop(session, category=scene.category, now=now - dt.timedelta(days=30))
    moments = [now - dt.timedelta(hours=6), *scene.usual.own]
    announced = [an_announcement(session, shop, moment) for moment in moments]
    know_what_is_usual(session, shop, scene.usual)
    world = World(shop, announced[0], {}, replace(scene.usual, own=moments))
    for person in scene.persons:
        world.persons[a_citizen_like(session, world, person, now=now)] = person
    if scene.a_day > 1:
        set_announcements_a_day(session, shop.id, scene.a_day, reason="Jour de marché", now=now)
    return world


def an_announcement(session: Session, shop: Shop, moment: dt.datetime) -> uuid.UUID:
    message = Message(
        id=new_id(),
        kind=MessageKind.ANNOUNCEMENT,
        state=MessageState.EXPANDED,
        shop_id=shop.id,
        created_at=moment,
        release_at=moment,
        expires_at=moment,
    )
    session.add(message)
    session.flush()
    return message.id


def know_what_is_usual(session: Session, shop: Shop, usual: Usual) -> None:
    session.execute(delete(AnnouncementCourse))
    if usual.counted_on is not None:
        counts = " ".join(f"{minute}:{many}" for minute, many in usual.counts.items())
        session.add(AnnouncementCourse(computed_on=usual.counted_on, counts=counts))
    if usual.weekly:
        session.add(ShopRhythm(shop_id=shop.id, weekly=usual.weekly, computed_on=usual.counted_on or dt.date.min))
    session.flush()


def a_citizen_like(session: Session, world: World, person: Person, *, now: dt.datetime) -> uuid.UUID:
    citizen = builders.a_citizen(session, now=now)
    for _ in range(person.phones):
        builders.a_device(session, citizen, now=now)
    for name in (
        "time_zone",
        "quiet_from",
        "quiet_until",
        "quiet_sundays",
        "weekly_budget",
        "daily_budget",
        "pace",
        "digest",
    ):
        setattr(citizen, name, getattr(person, name))
    citizen.draw_seed = person.seed
    citizen.notifications_consented = person.consented
    citizen.discover_nearby, citizen.location_consented = person.discovers, person.located
    if person.level is not None:
        session.add(Follow(citizen_id=citizen.id, shop_id=world.shop.id, level=person.level, begun_at=now))
    for place in person.places:
        by_cell = isinstance(place.area, int)
        lapses = by_cell or not (place.live and place.lasts)
        session.add(
            Place(
                citizen_id=citizen.id,
                id=uuid.uuid4(),
                kind=PlaceKind.LASTING if place.lasts else PlaceKind.NOW,
                set_on=now.date(),
                expires_at=now + dt.timedelta(seconds=place.live) if lapses else None,
                **{"cell" if by_cell else "insee_code": place.area},
            )
        )
    weeks: Counter[dt.date] = Counter()
    for day in person.taken:
        week = day - dt.timedelta(days=day.weekday())
        weeks[week] += 1
        session.add(
            BudgetSlot(citizen_id=citizen.id, week_of=week, slot=weeks[week], local_date=day, message_id=world.earlier)
        )
    for day in person.heard:
        session.add(
            Decision(
                citizen_id=citizen.id,
                message_id=world.earlier,
                outcome=Outcome.SEND,
                reason=Reason.ALWAYS,
                decided_at=now,
                local_date=day,
            )
        )
    session.flush()
    return citizen.id


def expand(sessions: sessionmaker[Session], *, now: dt.datetime, page: int) -> None:
    while True:
        with sessions.begin() as session:
            if expansion.expand_page(session, now=now, page=page) is None:
                return


def found(session: Session, message: Message, citizen: uuid.UUID) -> Verdict | None:
    """What the ledger says was decided for her, in the words of the specification."""
    decision = session.get(Decision, (citizen, message.id))
    deliveries = session.scalars(
        select(Delivery).where(Delivery.citizen_id == citizen, Delivery.message_id == message.id)
    ).all()
    mine = (BudgetSlot.citizen_id == citizen, BudgetSlot.message_id == message.id)
    slots = session.scalars(select(BudgetSlot).where(*mine)).all()
    if decision is None:
        assert not deliveries
        assert not slots
        return None
    moments = {delivery.next_at for delivery in deliveries}
    assert len(moments) <= 1
    if slots:
        assert [slot.local_date for slot in slots] == [decision.local_date]
    return Verdict(
        decision.outcome,
        decision.reason,
        at=decision.until or message.created_at,
        day=decision.local_date or dt.date.min,
        arm=decision.arm,
        chance=decision.chance,
        takes_a_slot=bool(slots),
        put_aside=session.get(DigestLine, (citizen, message.id)) is not None,
        deliveries=len(deliveries) if moments <= {decision.until or message.created_at} else -1,
    )


def comparable(verdict: Verdict | None) -> Verdict | None:
    """A held one has no moment and no day in the ledger."""
    if verdict is None or verdict.outcome is Outcome.SEND:
        return verdict
    return replace(verdict, at=NOW, day=dt.date.min)


def counted(verdicts: list[Verdict], *, now: dt.datetime) -> Counter[tuple[Fate, Reason]]:
    counts: Counter[tuple[Fate, Reason]] = Counter()
    for verdict in verdicts:
        if verdict.outcome is Outcome.SEND:
            fate = Fate.LATER if verdict.at > now else Fate.NOW
        else:
            fate = Fate.DIGEST if verdict.put_aside else Fate.HELD
        counts[fate, verdict.reason] += 1
    return counts


STRANGER = Person(level=None, places=[spot(cell_at(*GRAND_PLACE))], discovers=True)
STRANGERS = [
    STRANGER,
    *(replace(STRANGER, **{wish: False}) for wish in ("discovers", "located", "consented")),
    replace(STRANGER, places=[spot(FAR), spot(builders.BETHUNE, live=False)]),
    replace(STRANGER, phones=0),
]
"""Who follows nothing, and would discover the shop but for one thing each."""
AMONG_STRANGERS = Scene(now=NOW, persons=STRANGERS, lasts=8, page=2, category="bakery", a_day=1)
AT_HOME, AWAY = spot(cell_at(*GRAND_PLACE)), spot(FAR)
NEARBY = Person(level=Level.NEARBY)
BY_PLACE = replace(
    AMONG_STRANGERS,
    persons=[
        replace(each, places=hers)
        for each in (NEARBY, STRANGER)
        for hers in (
            [AWAY, AT_HOME],
            [AWAY, replace(AT_HOME, lasts=False)],
            [AWAY, spot(builders.BRUAY), replace(AT_HOME, lasts=False)],
            [AWAY, replace(AT_HOME, lasts=False, live=False)],
        )
    ],
    radius=100,
)
"""Near by one of her places only: the second, « now », the third; or by one that has lapsed."""
BUSY = [
    replace(each, pace=40_000, weekly_budget=weekly, daily_budget=daily)
    for each in (Person(level=Level.NORMAL), STRANGER)
    for weekly, daily in ((5, 10), (20, 2))
]
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
OF_EACH_DAY = Usual(
    counted_on=NOW.date(),
    counts=Counter({60 * 24 * day + 60 * hour: 4 for day in range(6) for hour in (9, 10, 15, 18)}),
    own=[NOW - DAY * ago for ago in range(1, 28) if (NOW - DAY * ago).weekday() < 5],
    weekly=5_000,
)
"""Of a shop that announces at ten on five days, in a town of four announcements a day."""
ON_A_TUESDAY = replace(AMONG_STRANGERS, persons=BUSY, usual=OF_EACH_DAY)
ONCE_A_WEEK = replace(OF_EACH_DAY, own=[NOW - DAY * ago for ago in (4, 11, 18, 25)], weekly=1_250)
"""Of a shop that announces on Fridays, and today on a Tuesday."""


@settings(max_examples=50)
@example(scene=AMONG_STRANGERS)
@example(scene=replace(AMONG_STRANGERS, category="optician"))
@example(scene=BY_PLACE)
@example(scene=ON_A_TUESDAY)
@example(scene=replace(ON_A_TUESDAY, now=NOW + 2 * DAY))
@example(scene=replace(ON_A_TUESDAY, usual=ONCE_A_WEEK))
@given(scene=scenes())
def test_the_sql_decides_what_the_plain_words_say(engine: Engine, scene: Scene) -> None:
    sessions, now = writing(engine), scene.now
    with sessions.begin() as session:
        world = a_world(session, scene)
        draft = builders.a_draft(now, ends_at=scene.ends_at, radius=scene.radius)
        offer = draft_offer(session, world.shop, draft, now=now)
        foreseen = foresee(session, world.shop, radius=scene.radius, ends_at=scene.ends_at, now=now)
        message = publish(session, world.shop, offer, now=now)
        assert message is not None

    expand(sessions, now=now, page=scene.page)

    with sessions() as session:
        assert message.draw_a is not None
        assert message.draw_b is not None
        said = {"ends_at": scene.ends_at, "a": message.draw_a, "b": message.draw_b, "a_day": scene.a_day}
        said["radius"] = scene.radius
        sensitive = scene.category == "optician"
        expected = {
            citizen: judge(person, world.usual, now=now, sensitive=sensitive, **said)  # type: ignore[arg-type]
            for citizen, person in world.persons.items()
        }
        for citizen, person in world.persons.items():
            event(str(getattr(expected[citizen], "reason", None)))
            assert comparable(found(session, message, citizen)) == comparable(expected[citizen]), person
        verdicts = [verdict for verdict in expected.values() if verdict is not None]
        followers = sum(person.level is not None for person in scene.persons)
        assert foreseen == Foreseen(followers, counted(verdicts, now=now))
        decided = select(func.count()).select_from(Decision).where(Decision.message_id == message.id)
        assert session.scalar(decided) == session.get_one(Message, message.id).decided == len(verdicts)
        forget_everybody(session, world)


def forget_everybody(session: Session, world: World) -> None:
    """Whoever has a place in Béthune would discover the next example's offer."""
    for citizen in world.persons:
        session.delete(session.get_one(Citizen, citizen))
    session.commit()
