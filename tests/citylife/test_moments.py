"""Moments are said the way a neighbour would, in Paris's time, in French and in English."""

import datetime as dt

import pytest

from citylife.clock import PARIS
from citylife.moments import at_words, until_words
from tests.builders import NOW


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("moment", "french", "english"),
    [
        ("2026-11-24 17:00", "Jusqu’à 17 h aujourd’hui", "Until 17:00 today"),
        ("2026-11-24 17:05", "Jusqu’à 17 h 05 aujourd’hui", "Until 17:05 today"),
        ("2026-11-24 19:30", "Jusqu’à ce soir, 19 h 30", "Until 19:30 tonight"),
        ("2026-11-25 00:00", "Jusqu’à ce soir, minuit", "Until midnight tonight"),
        ("2026-11-25 00:30", "Jusqu’à demain, 0 h 30", "Until tomorrow, 0:30"),
        ("2026-11-25 12:00", "Jusqu’à demain, 12 h", "Until tomorrow, 12:00"),
        ("2026-11-28 18:00", "Jusqu’à samedi, 18 h", "Until Saturday, 18:00"),
        ("2026-11-30 18:00", "Jusqu’à lundi, 18 h", "Until Monday, 18:00"),
        ("2026-12-01 18:00", "Jusqu’au mardi 1er décembre, 18 h", "Until Tuesday 1 December, 18:00"),
        ("2026-12-08 00:00", "Jusqu’au lundi 7 décembre, minuit", "Until Monday 7 December, midnight"),
    ],
)
def test_until_when(moment: str, french: str, english: str):
    end = dt.datetime.fromisoformat(moment).replace(tzinfo=PARIS)

    assert plain(until_words(end, now=NOW, locale="fr")) == french
    assert plain(until_words(end.astimezone(dt.UTC), now=NOW, locale="en")) == english


@pytest.mark.parametrize(
    ("moment", "french", "english"),
    [
        ("2026-11-24 19:00", "à 19 h", "at 19:00"),
        ("2026-11-25 09:00", "demain à 9 h", "tomorrow at 9:00"),
        ("2026-11-23 18:15", "hier à 18 h 15", "yesterday at 18:15"),
        ("2026-11-27 09:00", "vendredi à 9 h", "on Friday at 9:00"),
        ("2026-12-01 09:00", "le mardi 1er décembre à 9 h", "on Tuesday 1 December at 9:00"),
        ("2026-11-11 09:00", "le mercredi 11 novembre à 9 h", "on Wednesday 11 November at 9:00"),
    ],
)
def test_at_what_moment(moment: str, french: str, english: str):
    at = dt.datetime.fromisoformat(moment).replace(tzinfo=PARIS)

    assert plain(at_words(at, now=NOW, locale="fr")) == french
    assert plain(at_words(at, now=NOW, locale="en")) == english


def test_the_day_is_paris_s_day_not_greenwich_s():
    late = dt.datetime(2026, 11, 24, 22, 30, tzinfo=dt.UTC)
    end = dt.datetime(2026, 11, 24, 23, 30, tzinfo=dt.UTC)

    assert plain(until_words(end, now=late, locale="fr")) == "Jusqu’à demain, 0 h 30"


def test_a_number_stays_beside_its_hour():
    end = dt.datetime(2026, 11, 24, 19, 5, tzinfo=PARIS)

    assert "19\u00a0h\u00a005" in until_words(end, now=NOW, locale="fr")
