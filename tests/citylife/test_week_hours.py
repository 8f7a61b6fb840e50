"""A week of hours, written as OpenStreetMap does and read back: the same week, and open when it says."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citylife.clock import PARIS
from citylife.hours import check_hours, is_holiday, opening_times
from citylife.week_hours import (
    ClosureBackwards,
    DatedClosure,
    Span,
    SpansOverlap,
    WeekHours,
    read_week_hours,
    without_past,
    written_hours,
)

MONDAY = dt.date(2026, 11, 30)
CLOSED: tuple[Span, ...] = ()
QUARTERS = st.integers(0, 95).map(lambda quarter: dt.time(quarter // 4, 15 * (quarter % 4)))
DATES = st.dates(dt.date(2026, 1, 1), dt.date(2028, 12, 31))


def span(opens: str, closes: str) -> Span:
    return Span(dt.time.fromisoformat(opens), dt.time.fromisoformat(closes))


@st.composite
def some_spans(draw: Any) -> tuple[Span, ...]:
    """None, one or two openings of a day that end before midnight."""
    times = sorted(draw(st.sets(QUARTERS, min_size=4, max_size=4)))
    two = (Span(times[0], times[1]), Span(times[2], times[3]))
    return draw(st.sampled_from((CLOSED, two[:1], two)))


CLOSURES = st.lists(
    st.builds(
        lambda first, days, comment: DatedClosure(first, first + dt.timedelta(days), comment),
        DATES,
        st.integers(0, 40),
        st.sampled_from(("", "Congés", "Fermé ; on revient vite", "PH off")),
    ),
    max_size=3,
).map(tuple)
WEEKS = st.builds(WeekHours, st.tuples(*[some_spans()] * 7), st.booleans(), CLOSURES)


@given(WEEKS)
def test_what_is_written_is_understood_and_read_back_as_it_was(week: WeekHours):
    text = written_hours(week)
    if text is None:
        assert (any(week.days), week.closures) == (False, ())
        return
    assert check_hours(text) == text
    assert read_week_hours(text) == WeekHours(week.days, week.holidays_off, tuple(sorted(week.closures)))


@given(WEEKS, DATES)
def test_it_is_open_when_the_week_says(week: WeekHours, first: dt.date):
    text = written_hours(week)
    if text is None:
        return
    for ahead in range(10):
        day = first + dt.timedelta(ahead)
        off = (week.holidays_off and is_holiday(day)) or any(one.first <= day <= one.last for one in week.closures)
        expected = CLOSED if off else week.days[day.weekday()]
        noon = dt.datetime.combine(day, dt.time(12), PARIS)
        assert [(opens.time(), closes.time()) for opens, closes in opening_times(text, noon, days=1)] == [
            (one.opens, one.closes) for one in expected
        ], (text, day)


def test_days_alike_stand_together():
    days = (*[(span("09:00", "12:30"), span("14:00", "19:00"))] * 5, (span("09:00", "19:00"),), CLOSED)
    closures = (DatedClosure(dt.date(2026, 12, 28), dt.date(2027, 1, 2), "Congés"),)
    assert written_hours(WeekHours(days, holidays_off=True, closures=closures)) == (
        'Mo-Fr 09:00-12:30,14:00-19:00; Sa 09:00-19:00; PH off; 2026 Dec 28-2027 Jan 02 off "Congés"'
    )


@pytest.mark.parametrize(
    ("text", "monday", "sunday"),
    [
        ("Mo-Su 09:00-19:00; Su off", 1, 0),
        ("Mo,We-Fr 09:00-19:00", 1, 0),
        ("Sa-Mo 09:00-12:00,14:00-18:00", 2, 2),
        ("Mo 18:00-02:00", 1, 0),
        ("Mo 18:00-24:00", 1, 0),
        ("off", 0, 0),
        (None, 0, 0),
    ],
)
def test_what_a_week_can_show_is_read(text: str | None, monday: int, sunday: int):
    week = read_week_hours(text)
    assert week is not None
    assert (len(week.days[0]), len(week.days[6])) == (monday, sunday)


@pytest.mark.parametrize(
    "text",
    [
        "24/7",
        "Mo-Fr 09:00-19:00; Su[1] 10:00-12:00",
        "Apr-Oct Mo-Su 09:00-20:00",
        "Mo-Fr sunrise-sunset",
        'Mo-Fr "sur rendez-vous"',
        "PH 10:00-12:00",
        "2026 Feb 30 off",
        "2026 Dec 24-2026 Dec 20 off",
        "Mo-Fr 09:00-17:00 || off",
    ],
)
def test_what_a_week_cannot_show_is_not_read_as_something_else(text: str):
    assert read_week_hours(text) is None


@pytest.mark.parametrize(
    "spans",
    [
        (span("09:00", "12:00"), span("11:00", "18:00")),
        (span("09:00", "12:00"), span("12:00", "18:00")),
        (span("09:00", "02:00"), span("14:00", "18:00")),
        (span("09:00", "09:00"),),
    ],
    ids=str,
)
def test_openings_that_run_into_each_other_are_refused_at_their_day(spans: tuple[Span, ...]):
    with pytest.raises(SpansOverlap) as refused:
        written_hours(WeekHours((CLOSED, spans, *[CLOSED] * 5)))
    assert refused.value.pointer == "/days/1"


def test_a_shop_that_never_closes_is_read_and_written_alike():
    text = "Mo-Su 00:00-24:00"
    week = read_week_hours(text)
    assert week is not None
    assert written_hours(week) == text
    noon = dt.datetime.combine(MONDAY, dt.time(12), PARIS)
    assert opening_times(text, noon, days=1)[0][0].time() == dt.time.min


def test_a_closure_that_ends_before_it_begins_is_refused():
    closure = DatedClosure(MONDAY, MONDAY - dt.timedelta(1))
    with pytest.raises(ClosureBackwards) as refused:
        written_hours(WeekHours((CLOSED,) * 7, closures=(closure,)))
    assert refused.value.pointer == "/closures/0"


def test_closures_that_are_over_go_and_quotes_end_no_comment_early():
    over, today = (
        DatedClosure(MONDAY - dt.timedelta(9), MONDAY - dt.timedelta(1)),
        DatedClosure(MONDAY, MONDAY, 'Le "pont"'),
    )
    week = without_past(WeekHours((CLOSED,) * 7, closures=(over, today)), MONDAY)
    assert week.closures == (today,)
    assert written_hours(week) == 'off; 2026 Nov 30 off "Le ’pont’"'
