"""Previews: whatever a merchant types, they say what a look at every citizen says."""

import datetime as dt

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy import event as sql_events
from sqlalchemy.orm import Session, sessionmaker

from citylife.audience.foresight import Fate, Foreseen, foresee
from citylife.audience.previews import FRESH, REMEMBERED, Previews
from citylife.courtesy.rules import set_announcements_a_day
from citylife.database import writing
from citylife.follows import Level
from citylife.geography import areas_away, near_cells, near_communes
from citylife.ledger.tables import Reason
from citylife.offers.drafts import FARTHEST
from citylife.shops import Shop
from tests import builders
from tests.builders import GRAND_PLACE, NOW
from tests.citylife.audience_in_plain_words import first_welcome
from tests.citylife.test_audience import Scene, a_world, forget_everybody, radii, scenes


@pytest.mark.parametrize("radius", [0, 1, 999, 5_000, 12_345, 20_000])
@pytest.mark.parametrize("point", [GRAND_PLACE, (50.4897, 2.5523), (50.62, 2.45)], ids=["béthune", "bruay", "border"])
def test_what_lies_within_a_radius_is_what_is_no_farther_away(point: tuple[float, float], radius: int) -> None:
    within = {area for area, away in areas_away(*point, FARTHEST).items() if away <= radius}
    assert within == near_cells(*point, radius) | near_communes(*point, radius)


@settings(max_examples=30)
@given(
    scene=scenes(),
    typed=st.lists(st.tuples(radii, st.integers(1, 90)), min_size=1, max_size=6),
)
def test_whatever_is_typed_a_preview_is_what_a_look_at_everybody_says(
    engine: Engine, scene: Scene, typed: list[tuple[int, int]]
) -> None:
    now = scene.now
    with writing(engine)() as session:
        world = a_world(session, scene)
        previews = Previews()
        ends = {first_welcome(person, now) for person in scene.persons} - {now}  # as quiet hours end
        questions = [(radius, now + dt.timedelta(hours=hours)) for radius, hours in typed]
        for radius, ends_at in [(0, questions[0][1]), *questions, *((FARTHEST, end) for end in sorted(ends))]:
            asked = {"radius": radius, "ends_at": ends_at, "now": now}
            expected = foresee(session, world.shop, **asked)  # type: ignore[arg-type]
            assert previews.foresee(session, world.shop, **asked) == expected, asked  # type: ignore[arg-type]
            for _, reason in expected.counts:
                event(reason.value)
        forget_everybody(session, world)


def ask(session: Session, previews: Previews, shop: Shop, *, now: dt.datetime = NOW, radius: int = 5_000) -> Foreseen:
    return previews.foresee(session, shop, radius=radius, ends_at=NOW + dt.timedelta(hours=8), now=now)


class Watch:
    """A steady clock that is set by hand."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def judged(engine: Engine) -> list[str]:
    """The statements that look at every citizen, as they are asked."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "judged" in statement:
            asked.append(statement)

    sql_events.listen(engine, "before_cursor_execute", note)
    return asked


def test_everybody_is_looked_at_once_a_minute(session: Session, judged: list[str]) -> None:
    shop, other = builders.a_shop(session), builders.a_shop(session)
    builders.a_follower(session, shop)
    watch = Watch()
    previews = Previews(steady=watch)

    def looks(**asked: object) -> int:
        before = len(judged)
        ask(session, previews, asked.pop("shop", shop), **asked)  # type: ignore[arg-type]
        return (len(judged) - before) // 2  # at followers and at discoverers

    assert [looks(), looks(), looks(radius=0), looks(radius=4_999)] == [1, 0, 0, 0]
    assert [looks(radius=5_001), looks(radius=10_000), looks(radius=20_000)] == [1, 0, 0]
    assert [looks(shop=other), looks(shop=other), looks()] == [1, 0, 0]
    assert looks(now=NOW + dt.timedelta(seconds=59)) == 0
    assert looks(now=NOW + dt.timedelta(seconds=60)) == 1
    assert looks(now=NOW + dt.timedelta(days=1)) == 1
    watch.seconds = FRESH - 1
    assert looks() == 0
    watch.seconds = FRESH
    assert looks() == 1


def test_what_the_shop_or_the_cluster_does_is_seen_at_once(sessions: sessionmaker[Session]) -> None:
    previews = Previews()
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        builders.a_follower(session, shop, Level.ALWAYS)
        assert ask(session, previews, shop) == Foreseen(1, {(Fate.NOW, Reason.ALWAYS): 1})
        builders.a_follower(session, shop, Level.NONE)
        assert ask(session, previews, shop).followers == 2
        set_announcements_a_day(session, shop.id, 0, reason="Trop d’annonces", now=NOW)
        assert ask(session, previews, shop).of(Fate.NOW) == 1  # no earlier announcement, so nothing to compare with
        builders.an_offer(session, shop)
        assert ask(session, previews, shop).counts[Fate.DIGEST, Reason.ONE_A_DAY] == 1


def test_only_so_many_answers_are_kept(session: Session, judged: list[str]) -> None:
    shops = [builders.a_shop(session) for _ in range(2)]
    previews = Previews()
    ask(session, previews, shops[0])
    for minutes in range(REMEMBERED):
        ask(session, previews, shops[1], now=NOW + dt.timedelta(minutes=minutes))
    before = len(judged)
    ask(session, previews, shops[1], now=NOW + dt.timedelta(minutes=REMEMBERED - 1))
    assert len(judged) == before
    ask(session, previews, shops[0])
    assert len(judged) > before
