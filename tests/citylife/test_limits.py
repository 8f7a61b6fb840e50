"""Limits: so many in a while, counted in the database, also when many count at once."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.database import new_id
from citylife.limits import Limit, Pace, TooFast, forget_paces, subject_of, take
from tests.builders import NOW
from tests.overlap import overlapping

FIVE = Limit("five", 5, dt.timedelta(minutes=10))
SOMEBODY = subject_of("k" * 32, FIVE, "192.0.2.1")
SECOND = dt.timedelta(seconds=1)


def test_as_many_as_allowed_at_once_and_then_at_an_even_pace(session: Session):
    assert [take(session, FIVE, SOMEBODY, now=NOW).remaining for _ in range(5)] == [4, 3, 2, 1, 0]

    with pytest.raises(TooFast) as refused:
        take(session, FIVE, SOMEBODY, now=NOW)

    assert refused.value.retry_after == dt.timedelta(minutes=2)
    assert (refused.value.room.remaining, refused.value.room.reset) == (0, dt.timedelta(minutes=10))
    with pytest.raises(TooFast):
        take(session, FIVE, SOMEBODY, now=NOW + dt.timedelta(minutes=2) - SECOND)
    assert take(session, FIVE, SOMEBODY, now=NOW + dt.timedelta(minutes=2)).remaining == 0
    assert take(session, FIVE, SOMEBODY, now=NOW + dt.timedelta(minutes=20)).remaining == 4


def test_a_refused_attempt_costs_nothing_so_that_who_insists_gets_through_all_the_same(session: Session):
    for _ in range(5):
        take(session, FIVE, SOMEBODY, now=NOW)
    for second in range(119):
        with pytest.raises(TooFast):
            take(session, FIVE, SOMEBODY, now=NOW + second * SECOND)

    take(session, FIVE, SOMEBODY, now=NOW + 120 * SECOND)


def test_subjects_and_limits_are_counted_apart(session: Session):
    other = Limit("other", 1, dt.timedelta(minutes=10))
    for _ in range(5):
        take(session, FIVE, SOMEBODY, now=NOW)

    take(session, FIVE, subject_of("k" * 32, FIVE, "192.0.2.2"), now=NOW)
    take(session, other, SOMEBODY, now=NOW)

    assert session.query(Pace).count() == 3


def test_a_subject_is_known_by_a_keyed_digest_alone():
    assert len(SOMEBODY) == 32
    assert b"192.0.2.1" not in SOMEBODY
    assert subject_of("x" * 32, FIVE, "192.0.2.1") != SOMEBODY
    assert subject_of("k" * 32, Limit("other", 5, FIVE.window), "192.0.2.1") != SOMEBODY


def test_two_who_take_the_last_place_at_once_do_not_both_get_it(sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        for _ in range(4):
            take(session, FIVE, SOMEBODY, now=NOW)

    first, second = overlapping(
        sessions,
        lambda session: take(session, FIVE, SOMEBODY, now=NOW).remaining,
        lambda session: take(session, FIVE, SOMEBODY, now=NOW),
    )

    assert first == 0
    assert isinstance(second, TooFast)


def test_a_counter_that_limits_nothing_is_forgotten(session: Session):
    take(session, FIVE, SOMEBODY, now=NOW)

    assert forget_paces(session, now=NOW + dt.timedelta(minutes=2) - SECOND) == 0
    assert forget_paces(session, now=NOW + dt.timedelta(minutes=2)) == 1
    assert session.scalars(select(Pace)).all() == []


@given(
    waits=st.lists(st.integers(min_value=0, max_value=300), max_size=60),
    most=st.integers(min_value=1, max_value=7),
)
def test_never_more_than_twice_as_many_in_any_window(session: Session, waits: list[int], most: int):
    """A full window's worth at once, and then the pace: the bound of the algorithm, whatever the rhythm."""
    limit = Limit(new_id().hex, most, dt.timedelta(seconds=most * 20))
    moment, taken, waited = NOW, [], []
    for wait in waits:
        moment += wait * SECOND
        try:
            take(session, limit, SOMEBODY, now=moment)
        except TooFast as refused:
            waited.append(refused.retry_after)
        else:
            taken.append(moment)
    assert all(dt.timedelta(0) < each <= limit.window / most for each in waited)
    for start in taken:
        assert len([each for each in taken if start <= each < start + limit.window]) <= 2 * most
