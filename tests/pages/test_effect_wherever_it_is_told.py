"""The effect of a notification, planted in a frozen week: one value and one interval wherever it is read."""

import csv
import io
from collections.abc import Iterator

import pypdf
import pytest
from flask import Flask
from sqlalchemy.orm import Session, sessionmaker

from blueprints.pages.staff import charts
from citylife.audit import Actor
from citylife.pilot.cells import DOMINANT, FEWEST_MERCHANTS, FEWEST_PERSONS
from citylife.pilot.counting import LASTED
from citylife.pilot.effect import LEAST_DECISIONS
from citylife.pilot.freezing import freeze
from citylife.pilot.periods import read_period
from tests import builders
from tests.pages.conftest import Browser, an_app
from tests.pages.desk import at_the_desk
from tests.pilot.planted import HIGH, LOW, MORE, plant_effect

WEEK = read_period("2026-W46")
WORDS = {
    "fr": f"{MORE} pour mille (entre {LOW} pour mille et {HIGH} pour mille)",
    "en": f"{MORE} per thousand (between {LOW} per thousand and {HIGH} per thousand)",
}
MEASURE = "/console/mesures/de/notification-effect"


@pytest.fixture
def desk_app(sqlite_url: str, tmp_path, clock) -> Iterator[Flask]:
    yield from an_app(sqlite_url, tmp_path, clock)


@pytest.fixture
def karima(desk_app: Flask, street: sessionmaker[Session]) -> Browser:
    """At the desk of a town whose week was frozen with a planted effect."""
    with street.begin() as session:
        counting = builders.a_counted_period(session, WEEK, now=WEEK.ends)
        plant_effect(session, WEEK.first)
        freeze(session, counting, revision="abc", actor=Actor.SYSTEM, now=WEEK.ends)
    return at_the_desk(desk_app, street)


def plain(words: str) -> str:
    return " ".join(words.split())


@pytest.mark.parametrize("language", WORDS)
def test_it_is_the_same_on_the_pages_in_the_spreadsheet_for_programs_and_on_paper(karima: Browser, language: str):
    def get(path: str):
        return karima.get(path, **{"Accept-Language": language})

    report = f"/console/mesures/rapports/{WEEK}"
    for path in ("/pilote", MEASURE, report):
        assert WORDS[language] in plain(get(path).words), path
    paper = karima.client.get(f"{report}/rapport.pdf", headers={"Accept-Language": language})
    pdf = pypdf.PdfReader(io.BytesIO(paper.data))
    assert WORDS[language] in plain(" ".join(page.extract_text() for page in pdf.pages))
    text = get(f"/pilote/{WEEK}/chiffres.csv").answer.get_data(as_text=True).lstrip("\ufeff")
    row = next(row for row in csv.DictReader(io.StringIO(text), delimiter=";") if row["key"] == "notification-effect")
    assert [row["value"], row["low"], row["high"]] == [str(MORE), str(LOW), str(HIGH)]
    assert row["unit"] == {"fr": "pour mille", "en": "per thousand"}[language]
    content = get(f"/pilote/{WEEK}/chiffres.json").answer.get_json(force=True)
    figure = next(each for each in content["figures"] if each["key"] == "notification-effect")
    assert [figure["value"], figure["low"], figure["high"]] == [MORE, LOW, HIGH]


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("fr", ("{} décisions", "{} utilisations", "chez {} commerces", "plus de {} %", "{} jours au plus")),
        ("en", ("{} decisions", "{} uses", "at {} shops", "more than {}%", "{} days at most")),
    ],
)
def test_the_method_is_explained_with_the_bounds_of_the_code(karima: Browser, language: str, said: tuple[str, ...]):
    bounds = (LEAST_DECISIONS, FEWEST_PERSONS, FEWEST_MERCHANTS, DOMINANT, LASTED)
    for path in ("/pilote", MEASURE):
        page = karima.get(path, **{"Accept-Language": language})
        (method,) = [each for each in page.all("details") if "95" in each.to_text()]
        for words, bound in zip(said, bounds, strict=True):
            assert words.format(bound) in plain(method.to_text()), path
    assert karima.get("/console/mesures/de/till-uses").all("details") == []


def test_a_curve_has_the_interval_of_each_point_and_its_axis_holds_it(karima: Browser):
    assert "Trait vertical : intervalle à 95 %." in karima.get(MEASURE).words
    assert "Trait vertical" not in karima.get("/console/mesures/de/till-uses").words
    drawn = karima.client.get("/console/mesures/de/notification-effect/courbe.svg").data
    assert drawn == charts.svg(
        charts.curve([charts.Point("S46", MORE, low=LOW, high=HIGH)], "fr"), "Effet d’une notification"
    )
    curve = charts.curve([charts.Point("S46", 5, low=-40, high=70)], "fr")
    whiskers = [part for part in curve.contents if getattr(part, "strokeWidth", 0) == charts.WHISKER]
    disc = next(part for part in curve.contents if hasattr(part, "cx"))
    upright = [line for line in whiskers if line.x1 == line.x2 == disc.cx]
    assert (len(upright), len(whiskers)) == (1, 3)
    assert charts.BOTTOM <= upright[0].y1 < disc.cy < upright[0].y2 <= charts.HEIGHT - charts.TOP
