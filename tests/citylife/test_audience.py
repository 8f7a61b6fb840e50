"""The audience: whoever the citizens and whatever they wish, the SQL decides what the plain words say."""

import datetime as dt
import uuid
from collections import Counter
from dataclasses import dataclass, replace

from hypothesis import event, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen
from citylife.audience.foresight import Fate, Foreseen, foresee
from citylife.courtesy.rules import set_announcements_a_day
from citylife.courtesy.tables import BudgetSlot, DigestLine
from citylife.database import new_id, writing
from citylife.follows import Follow, Level
from citylife.geography import cell_at
from citylife.ledger import expansion
from citylife.ledger.tables import Decision, Delivery, Message, MessageKind, MessageState, Outcome, Reason
from citylife.offers import draft_offer, publish
from citylife.places import Place, PlaceKind
from citylife.shops import Shop
from tests import builders
from tests.builders import GRAND_PLACE, NOW
from tests.citylife.audience_in_plain_words import Person, Verdict, first_welcome, judge, wall

FAR = "62028"
"""A commune of the territory more than ten kilometres from the Grand-Place of Béthune."""
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


@st.composite
def people(draw: st.DrawFn, now: dt.datetime) -> Person:
    """Anybody; around the day on which she would be told she has been told of other things, and of the same shop."""
    level = draw(st.sampled_from([Level.NORMAL, Level.ALWAYS, Level.NEARBY, None, Level.NEARBY, None, Level.NONE]))
    placed = draw(st.sampled_from([True, True, False]))
    person = Person(
        level=level,
        time_zone=draw(st.sampled_from(ZONES)),
        quiet_from=draw(times),
        quiet_until=draw(times),
        quiet_sundays=draw(st.booleans()),
        weekly_budget=draw(st.sampled_from([5, 20, 2, 0])),
        daily_budget=draw(st.sampled_from([2, 1, 10, 0])),
        pace=draw(st.sampled_from([9_000, 2_000, 60_000, 0, 250])),
        seed=draw(st.integers(1, 2**31 - 2)),
        digest=draw(st.booleans()),
        consented=draw(st.sampled_from([True, True, True, False])),
        phones=draw(st.sampled_from([1, 1, 2, 0])),
        placed=placed,
        near=placed and draw(st.sampled_from([True, True, False])),
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
    """Who is there, when it happens, and how: `lasts` is the offer's hours, `page` the citizens of a page."""

    now: dt.datetime
    persons: list[Person]
    lasts: int
    page: int
    category: str
    a_day: int

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
    )


@dataclass
class World:
    """A shop, an earlier announcement of it, and its people as rows."""

    shop: Shop
    earlier: uuid.UUID
    persons: dict[uuid.UUID, Person]


def a_world(session: Session, scene: Scene) -> World:
    now = scene.now
    shop = builders.a_shop(session, category=scene.category, now=now - dt.timedelta(days=30))
    earlier = Message(
        id=new_id(),
        kind=MessageKind.ANNOUNCEMENT,
        state=MessageState.EXPANDED,
        shop_id=shop.id,
        created_at=now - dt.timedelta(hours=6),
        release_at=now,
        expires_at=now,
    )
    session.add(earlier)
    session.flush()
    world = World(shop, earlier.id, {})
    for person in scene.persons:
        world.persons[a_citizen_like(session, world, person, now=now)] = person
    if scene.a_day > 1:
        set_announcements_a_day(session, shop.id, scene.a_day, reason="Jour de marché", now=now)
    return world


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
    if person.placed:
        by_cell = person.near and person.seed % 2 == 0
        place = {"cell": cell_at(*GRAND_PLACE)} if by_cell else {"insee_code": builders.BETHUNE if person.near else FAR}
        session.add(Place(citizen_id=citizen.id, id=uuid.uuid4(), kind=PlaceKind.LASTING, set_on=now.date(), **place))
    elif person.seed % 3 == 0:  # one that has lapsed: it counts for nothing
        session.add(
            Place(
                citizen_id=citizen.id,
                id=uuid.uuid4(),
                kind=PlaceKind.NOW,
                insee_code=builders.BETHUNE,
                set_on=now.date(),
                expires_at=now,
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


STRANGER = Person(level=None, placed=True, near=True, discovers=True)
STRANGERS = [
    STRANGER,
    *(replace(STRANGER, **{wish: False}) for wish in ("discovers", "located", "consented", "near")),
    replace(STRANGER, phones=0),
]
"""Who follows nothing, and would discover the shop but for one thing each."""
AMONG_STRANGERS = Scene(now=NOW, persons=STRANGERS, lasts=8, page=2, category="bakery", a_day=1)


@settings(max_examples=50)
@example(scene=AMONG_STRANGERS)
@example(scene=replace(AMONG_STRANGERS, category="optician"))
@given(scene=scenes())
def test_the_sql_decides_what_the_plain_words_say(engine: Engine, scene: Scene) -> None:
    sessions, now = writing(engine), scene.now
    with sessions.begin() as session:
        world = a_world(session, scene)
        offer = draft_offer(session, world.shop, builders.a_draft(now, ends_at=scene.ends_at), now=now)
        foreseen = foresee(session, world.shop, radius=offer.radius, ends_at=scene.ends_at, now=now)
        message = publish(session, world.shop, offer, now=now)
        assert message is not None

    expand(sessions, now=now, page=scene.page)

    with sessions() as session:
        assert message.draw_a is not None
        assert message.draw_b is not None
        said = {"ends_at": scene.ends_at, "a": message.draw_a, "b": message.draw_b, "a_day": scene.a_day}
        sensitive = scene.category == "optician"
        expected = {
            citizen: judge(person, now=now, sensitive=sensitive, **said)  # type: ignore[arg-type]
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
