"""« Le pilote se mesure »: what was frozen is told to everybody, and nothing that secrecy hides."""

import csv
import io
import json

import feedparser
import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker

from citylife.audit import Actor
from citylife.pilot.areas import areas
from citylife.pilot.costs import enter_cost
from citylife.pilot.freezing import freeze
from citylife.pilot.measures import BY_KEY
from citylife.pilot.periods import Period, read_period
from citylife.pilot.tables import PilotNumber
from tests import builders
from tests.pages.conftest import Browser
from tests.pilot.history import write_history

Sessions = sessionmaker[Session]
WEEK = read_period("2026-W30")
MONTH = read_period("2026-07")


def frozen(sessions: Sessions, period: Period, reason: str = "") -> None:
    with sessions.begin() as session:
        counting = builders.a_counted_period(session, period, now=MONTH.ends)
        freeze(session, counting, revision="abc", reason=reason, actor=Actor.SYSTEM, now=MONTH.ends)


@pytest.fixture
def measured(street: Sessions) -> Sessions:
    """A town whose week and month were frozen, with areas that are told and areas that are not."""
    with street.begin() as session:
        write_history(session, seed=5, first=WEEK.begins, days=7, citizens=24, shops=9, offers=40)
        paid = {"first": WEEK.first, "last": WEEK.last, "cents": 120_050, "source": "Facture 12"}
        enter_cost(session, **paid, staff_id=builders.new_id(), now=WEEK.begins)
    frozen(street, WEEK)
    with street.begin() as session:
        session.execute(
            update(PilotNumber).where(PilotNumber.counted == "deliveries-accepted").values(count=PilotNumber.count * 20)
        )
    frozen(street, MONTH)
    return street


def test_before_the_first_report_it_says_when_it_will_come(reader: Browser):
    page = reader.get("/pilote")
    assert "Aucune période n’est encore arrêtée" in page.words
    assert page.all(".figure") == []
    assert reader.get("/pilote/2026-W30").status == 404
    assert reader.get("/pilote/jamais").status == 404
    assert reader.get("/pilote/rapports.atom").status == 200


def test_the_last_week_is_told_with_what_is_not_told_and_why(reader: Browser, measured: Sessions):
    page = reader.get("/pilote")
    assert "Semaine du 20 juillet au 26 juillet 2026" in page.words
    assert len(page.all(".figure")) > 20
    assert page.all(".told")
    assert "dépense : 1 200,50 € du 20 juillet 2026 au 26 juillet 2026 — Facture 12" in page.words
    assert "secret statistique : trop peu de personnes, ici ou à côté" in page.words
    assert "trop peu pour conclure" in page.words
    english = reader.get("/pilote?lang=en")
    assert "statistical secrecy: too few people, here or beside" in english.words


def test_a_month_is_told_by_areas_where_secrecy_allows(reader: Browser, measured: Sessions):
    page = reader.get("/pilote/2026-07")
    assert "Juillet 2026" in page.words
    told = {row.query("th")[0].to_text() for row in page.all(".figure tbody tr")}
    assert told
    assert told <= {area.name for area in areas().values()}
    assert "Secteurs tus par secret statistique" in page.words


def in_euros(figure: dict) -> str:
    value = figure.get("value", "")
    return f"{value / 100}".replace(".", ",") if figure["key"] == "cost-per-use" else str(value)


def test_the_same_figures_for_a_spreadsheet_and_for_programs(reader: Browser, measured: Sessions):
    content = json.loads(reader.get("/pilote/2026-W30/chiffres.json").answer.data)
    text = reader.get("/pilote/2026-W30/chiffres.csv").answer.get_data(as_text=True).lstrip("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text), delimiter=";"))
    assert [(row["key"], row["territory"], row["value"], row["hidden"]) for row in rows] == [
        (each["key"], each["territory"], in_euros(each), each.get("hidden", "")) for each in content["figures"]
    ]
    assert "40,02" in [row["value"] for row in rows if row["key"] == "cost-per-use"]
    assert len(content["sha256"]) == 64
    assert "rows" not in content
    assert "salt" not in str(content)
    assert content["previous"] == "0" * 64
    assert reader.get("/pilote/2026-13/chiffres.csv").status == 404


def test_each_form_says_what_a_figure_is_counted_in_how_it_is_known_and_what_it_counts(
    reader: Browser, measured: Sessions
):
    content = json.loads(reader.get("/pilote/2026-W30/chiffres.json").answer.data)
    text = reader.get("/pilote/2026-W30/chiffres.csv").answer.get_data(as_text=True).lstrip("\ufeff")
    rows = {row["key"]: row for row in csv.DictReader(io.StringIO(text), delimiter=";")}
    measures = {each["key"]: each for each in content["measures"]}
    assert measures.keys() == rows.keys() == {each["key"] for each in content["figures"]}
    assert (measures["cost-per-use"]["unit"], rows["cost-per-use"]["unit"]) == ("euro-cents", "euros")
    assert [measures[key]["evidence"] for key in ("till-uses", "new-follows", "opened")] == ["A", "B", "C"]
    page = {each.query("dt")[0].to_text(): each.to_text() for each in reader.get("/pilote").all(".figure")}
    for key, row in rows.items():
        measure = BY_KEY[key]
        assert (row["evidence"], row["formula"]) == (measure.evidence.value, str(measure.formula))
        assert (measures[key]["name"], measures[key]["formula"]) == (row["measure"], row["formula"])
        shown = next(words for name, words in page.items() if name.startswith(row["measure"]))
        assert f"unité\N{NO-BREAK SPACE}: {row['unit']}" in shown
    english = json.loads(reader.get("/pilote/2026-W30/chiffres.json", **{"Accept-Language": "en"}).answer.data)
    assert "Effect of a notification" in [each["name"] for each in english["measures"]]


def test_an_erratum_says_why_and_the_feed_tells_of_each_period_once(reader: Browser, measured: Sessions):
    frozen(measured, WEEK, reason="Un lot arrivé en retard.")
    assert "Version 2, rectifiée : Un lot arrivé en retard." in reader.get("/pilote/2026-W30").words
    feed = feedparser.parse(reader.get("/pilote/rapports.atom").answer.data)
    assert (feed.bozo, len(feed.entries)) == (False, 2)
    assert "Un lot arrivé en retard." in feed.entries[0].content[0].value
    links = [link.attrs["href"] for link in reader.get("/pilote").all('main a[href^="/pilote/2026"]')]
    assert {"/pilote/2026-W30", "/pilote/2026-07"} <= set(links)
