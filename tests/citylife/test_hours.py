"""Opening hours: OpenStreetMap's syntax, France's holidays, Paris's clock."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citylife.clock import PARIS
from citylife.errors import Invalid
from citylife.hours import Hours, HoursNotUnderstood, check_hours, hours_at, hours_meanwhile, opening_times

SHOP = "Mo-Fr 09:00-12:30,14:00-19:00; Sa 09:00-19:00; PH off"


def paris(*moment: int) -> dt.datetime:
    return dt.datetime(*moment, tzinfo=PARIS)


@pytest.mark.parametrize(
    ("moment", "is_open", "change"),
    [
        (paris(2026, 11, 24, 10), True, paris(2026, 11, 24, 12, 30)),
        (paris(2026, 11, 24, 13), False, paris(2026, 11, 24, 14)),
        (paris(2026, 11, 28, 13), True, paris(2026, 11, 28, 19)),
        (paris(2026, 11, 29, 13), False, paris(2026, 11, 30, 9)),  # a Sunday
        (paris(2026, 12, 25, 10), False, paris(2026, 12, 26, 9)),  # Christmas, a Friday
        (paris(2027, 3, 29, 10), False, paris(2027, 3, 30, 9)),  # Easter Monday
        (paris(2026, 7, 14, 10), False, paris(2026, 7, 15, 9)),  # the national day, a Tuesday
    ],
)
def test_the_hours_know_the_week_and_the_holidays(moment: dt.datetime, is_open: bool, change: dt.datetime):
    assert hours_at(SHOP, moment) == Hours(is_open=is_open, next_change=change)


def test_a_moment_of_any_zone_is_read_in_paris():
    moment = dt.datetime(2026, 11, 24, 18, 30, tzinfo=dt.UTC)

    assert hours_at(SHOP, moment).is_open is False
    assert hours_at(SHOP, moment - dt.timedelta(hours=1)).is_open is True


def test_a_night_that_changes_the_clock_is_read_by_the_clock_on_the_wall():
    before = dt.datetime(2026, 10, 25, 0, 30, tzinfo=dt.UTC)  # 02:30, for the first time

    assert hours_at("Su 03:00-04:00", before).next_change == paris(2026, 10, 25, 3)


def test_what_never_changes_has_no_next_change():
    assert hours_at("24/7", paris(2026, 11, 24)) == Hours(is_open=True, next_change=None)
    assert hours_at("2099 Mo-Su 12:00-13:00", paris(2026, 11, 24)).next_change is None


def test_hours_that_say_to_ask_are_neither_open_nor_closed():
    hours = hours_at('Mo-Fr 10:00-12:00 unknown "sur rendez-vous"', paris(2026, 11, 24, 11))

    assert (hours.is_open, hours.comment) == (None, "sur rendez-vous")


@pytest.mark.parametrize("text", [SHOP, "24/7", "Mo-Su 10:00-18:00", "sunrise-sunset", "  Tu 08:00-12:00 "])
def test_hours_that_are_understood_are_kept_as_written(text: str):
    assert check_hours(text) == text.strip()


@pytest.mark.parametrize("text", ["Lu-Ve 9h-12h", "ouvert", "Mo-Fr 25:00", "24/8", "Mo-Fr 09:00-", "; DROP TABLE"])
def test_hours_that_are_not_understood_are_refused_with_an_example(text: str):
    with pytest.raises(HoursNotUnderstood, match="Mo-Fr 09:00") as refusal:
        check_hours(text)

    assert refusal.value.pointer == "/opening_hours"


@pytest.mark.parametrize("text", ["", "x" * 501, "24/7\0"])
def test_hours_are_text_like_any_other(text: str):
    with pytest.raises(Invalid):
        check_hours(text)


@given(st.text(max_size=60) | st.text(alphabet="MoTuWeFrSu0123456789:-,; /PHoff[]+", max_size=60))
def test_no_text_breaks_the_reading_of_hours(text: str):
    try:
        kept = check_hours(text)
    except Invalid:
        return
    hours = hours_at(kept, paris(2026, 11, 24, 10))
    assert hours.next_change is None or hours.next_change > paris(2026, 11, 24, 10)


def test_the_openings_of_a_week_are_cut_at_midnight_and_heed_holidays_and_the_change_of_clocks():
    def said(text: str, moment: dt.datetime, days: int = 7) -> list[str]:
        return [f"{opens:%a %d %H:%M}-{closes:%H:%M}" for opens, closes in opening_times(text, moment, days=days)]

    christmas = dt.datetime(2026, 12, 24, 22, 30, tzinfo=dt.UTC)
    assert said("Mo-Su 09:00-12:00,14:00-18:00; PH off", christmas, 3) == [
        "Thu 24 09:00-12:00",
        "Thu 24 14:00-18:00",
        "Sat 26 09:00-12:00",
        "Sat 26 14:00-18:00",
    ]
    assert said("Sa 20:00-02:00", christmas) == ["Sat 26 20:00-23:59", "Sun 27 00:00-02:00"]
    assert len(said("24/7", christmas)) == 7
    assert said("24/7", dt.datetime(2026, 10, 24, 12, tzinfo=dt.UTC), 2) == ["Sat 24 00:00-23:59", "Sun 25 00:00-23:59"]
    assert said("off", christmas) == said('Mo-Su unknown "sur rendez-vous"', christmas) == []


def test_where_a_comment_ends_nothing_opens():
    hours = 'Mo-Fr 09:00-19:00; 2026 Nov 26-Dec 02 off "Inventaire"; 2026 Dec 03 off "Obsèques"'

    assert hours_at(hours, paris(2026, 12, 1, 10)) == Hours(
        is_open=False, next_change=paris(2026, 12, 4, 9), comment="Inventaire"
    )
    assert hours_meanwhile(hours, paris(2026, 12, 1, 10)).comment == "Inventaire"
    assert hours_meanwhile(hours, paris(2026, 12, 3, 10)).comment == "Obsèques"
    assert hours_at('2026-2027 off "a"; 2028-2040 off "b"', paris(2026, 12, 1, 10)).next_change is None
