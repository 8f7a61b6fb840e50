"""When in the week shops announce, and what part of it is still to come for somebody."""

import datetime as dt
from collections import Counter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.clock import local_date
from citylife.courtesy import pace
from citylife.courtesy.course import EVEN, UNKNOWN, Course, Habit, course_of, later, shares
from citylife.courtesy.draw import chance
from citylife.courtesy.quiet import Profile, last_welcomes, moment_of
from citylife.courtesy.tables import AnnouncementCourse
from citylife.database import new_id
from citylife.ledger import expansion
from citylife.ledger.tables import Decision, Message, MessageKind, MessageState
from tests import builders

PARIS = ZoneInfo("Europe/Paris")
MONDAY = dt.datetime(2026, 11, 30, tzinfo=PARIS)
MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)
TEN = 10 * MINUTE
SPANS = 7 * DAY // TEN
USUAL = Profile("Europe/Paris", dt.time(20), dt.time(9), sundays=True)
PROFILES = (
    USUAL,
    Profile("Europe/Paris", dt.time(22), dt.time(6), sundays=False),
    Profile("Europe/Paris", dt.time(12), dt.time(14), sundays=True),
    Profile("Europe/Paris", dt.time(0), dt.time(0), sundays=False),
    Profile("Asia/Tokyo", dt.time(20), dt.time(9), sundays=True),
)


def course(*announced: dt.timedelta) -> Course:
    """The course of weeks in which shops announced so long after Monday 0:00."""
    return Course.of(Counter(moment // MINUTE for moment in announced))


@given(
    profile=st.sampled_from(PROFILES),
    now=st.integers(0, SPANS - 1).map(lambda span: MONDAY + span * TEN),
    announced=st.lists(st.integers(0, SPANS - 1).map(lambda span: span * TEN), min_size=1, max_size=12),
)
def test_what_is_to_come_is_what_would_be_shown_in_her_day_and_in_her_week(
    profile: Profile, now: dt.datetime, announced: list[dt.timedelta]
) -> None:
    """Found by walking through the week after `now`, ten minutes at a time."""
    here = moment_of(profile, now)
    of_day = of_week = 0
    for step in range(SPANS):
        then = now + step * TEN
        since_monday = (then.astimezone(PARIS).replace(tzinfo=None) - MONDAY.replace(tzinfo=None)) % (7 * DAY)
        count = announced.count(since_monday)
        if count:
            shown = moment_of(profile, then)
            of_day += count * (shown.local_date == here.local_date)
            of_week += count * (shown.week_of == here.week_of)

    found = shares(course(*announced), UNKNOWN, profile, now)

    even = (here.day_share, here.week_share)
    wanted = [
        (count * EVEN * 1_000_000 + share) // (len(announced) * EVEN + 1)
        for count, share in zip((of_day, of_week), even, strict=True)
    ]
    assert list(found) == wanted


def test_a_week_that_nobody_has_counted_is_even_over_her_hours() -> None:
    for profile in PROFILES:
        moment = moment_of(profile, MONDAY + 10 * HOUR)
        assert shares(UNKNOWN, UNKNOWN, profile, MONDAY + 10 * HOUR) == (moment.day_share, moment.week_share)


def test_her_evening_belongs_to_the_next_day_and_her_last_one_to_the_next_week() -> None:
    assert last_welcomes(USUAL, MONDAY + 10 * HOUR) == (MONDAY + 20 * HOUR, MONDAY + 5 * DAY + 20 * HOUR)
    assert last_welcomes(USUAL, MONDAY + 21 * HOUR) == (MONDAY + DAY + 20 * HOUR, MONDAY + 5 * DAY + 20 * HOUR)
    saturday = MONDAY + 5 * DAY
    following = saturday + 2 * DAY
    assert last_welcomes(USUAL, saturday + 21 * HOUR) == (following + 20 * HOUR, following + 5 * DAY + 20 * HOUR)


def test_the_first_of_a_rush_has_all_others_to_come_and_the_last_has_none() -> None:
    rush = course(*[9 * HOUR + number * 5 * MINUTE for number in range(10)] * 4)

    to_come = [
        shares(rush, course(*[9 * HOUR + number * 5 * MINUTE] * 4), USUAL, MONDAY + 9 * HOUR + number * 5 * MINUTE)[0]
        for number in range(10)
    ]

    wanted = [(9 - number) / 9 for number in range(10)]
    assert to_come == [pytest.approx(share * 1_000_000, abs=8_000) for share in wanted]


EVERY_MORNING = course(*[day * DAY + 9 * HOUR for day in range(5)] * 4)


@pytest.mark.parametrize(
    ("habit", "day", "wanted"),
    [
        *((Habit(5_000, EVERY_MORNING), day, 4_000 - day * 1_000) for day in range(5)),
        (Habit(1_000, course(*[2 * DAY] * 4)), 0, 0),
        (Habit(1_250, course(*[2 * DAY] * 5)), 0, 250),
        (Habit(1_250, course(*[2 * DAY] * 5)), 3, 0),
        (Habit(2_000, UNKNOWN), 0, 0),
    ],
)
@pytest.mark.parametrize("early", [-HOUR, dt.timedelta(0), 5 * HOUR], ids=["early", "as usual", "late"])
def test_of_the_shop_itself_only_later_days_are_to_come_and_no_more_than_its_week_without_this_one(
    habit: Habit, day: int, wanted: int, early: dt.timedelta
) -> None:
    assert later(habit, USUAL, MONDAY + day * DAY + 10 * HOUR + early) == wanted


def test_a_course_kept_by_ten_minutes_is_read_as_an_even_week(session: Session) -> None:
    session.add(AnnouncementCourse(computed_on=MONDAY.date(), counts=" ".join(["4"] * 1_008)))
    session.flush()
    assert course_of(session.connection()) == UNKNOWN


def test_announcements_of_four_weeks_are_counted_at_their_moment_of_the_week(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session, now=MONDAY - 60 * DAY)
        summer = dt.datetime(2026, 10, 19, 9, 4, tzinfo=PARIS)
        for at in (MONDAY - 7 * DAY + 9 * HOUR, MONDAY - 14 * DAY + 9 * HOUR + 9 * MINUTE, MONDAY - 2 * DAY, summer):
            session.add(
                Message(
                    id=new_id(),
                    kind=MessageKind.ANNOUNCEMENT,
                    state=MessageState.EXPANDED,
                    shop_id=shop.id,
                    created_at=at,
                    release_at=at,
                    expires_at=at,
                )
            )
        session.flush()
        for now, counted in (
            (MONDAY, {540: 1, 549: 1, 5 * 24 * 60: 1}),
            (dt.datetime(2026, 10, 26, 12, tzinfo=PARIS), {544: 1}),
        ):
            pace.keep_rhythms(session, now=now)
            assert course_of(session.connection()) == Course.of(counted), local_date(now)


def test_the_draw_goes_by_the_course(sessions: sessionmaker[Session]) -> None:
    """Where nearly all of a week comes within ten minutes, two of ten are told of, not the first two."""
    now = MONDAY + 9 * HOUR
    with sessions.begin() as session:
        shop = builders.a_shop(session, now=MONDAY - DAY)
        citizen = builders.a_follower(session, shop, now=MONDAY - DAY)
        citizen.pace = 10_000
        session.add(AnnouncementCourse(computed_on=local_date(now), counts="550:20 555:20"))
        offer = builders.an_offer(session, shop, now=now, ends_at=now + DAY)
        message = session.scalars(select(Message.id).where(Message.offer_id == offer.id)).one()
    with sessions.begin() as session:
        expansion.expand_page(session, now=now)
    with sessions() as session:
        decision = session.scalars(select(Decision).where(Decision.message_id == message)).one()
        day_share, week_share = shares(course_of(session.connection()), UNKNOWN, USUAL, now)

    expected = chance(week_left=5, day_left=2, pace=10_000, week_share=week_share, day_share=day_share)
    assert decision.chance == expected
    assert 180_000 < expected < 220_000
