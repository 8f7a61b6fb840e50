"""The console's pages about measures: what everybody is told, targets by two, costs, reports, and how far they came."""

import io
import re
from collections.abc import Iterator
from itertools import pairwise

import pypdf
import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from blueprints.pages.staff import charts
from blueprints.pages.staff.measuring import Past, points_of
from citylife.accounts.staff import StaffRole
from citylife.activity import Counted, count
from citylife.audit import Actor
from citylife.pilot.costs import enter_cost
from citylife.pilot.freezing import freeze, latest_of
from citylife.pilot.measures import MEASURES
from citylife.pilot.periods import read_period
from citylife.pilot.sending import PilotSending
from citylife.pilot.tables import PilotReport, PilotTarget
from tests import builders
from tests.pages.conftest import ReadPage, an_app
from tests.pages.desk import at_the_desk
from tests.pilot.history import write_history

Sessions = sessionmaker[Session]
ANA = "ana@cluster.example"
WEEK, LATER, MONTH = (read_period(text) for text in ("2026-W45", "2026-W46", "2026-10"))
PAGES = (
    "/console/mesures",
    "/console/mesures?frequence=monthly",
    "/console/mesures/de/deliveries-accepted",
    "/console/mesures/de/opened",
    "/console/mesures/secteurs?mesure=offers-published",
    "/console/mesures/comparer",
    "/console/mesures/objectifs",
    "/console/mesures/depenses",
    f"/console/mesures/rapports/{LATER}",
    "/console/mesures/envois",
)


@pytest.fixture
def desk_app(sqlite_url: str, tmp_path, clock) -> Iterator[Flask]:
    yield from an_app(sqlite_url, tmp_path, clock)


def frozen_town(street: Sessions) -> None:
    """Two weeks and a month, with a target from the second week on."""
    with street.begin() as session:
        write_history(session, seed=5, first=WEEK.begins, days=14, citizens=24, shops=6, offers=24)
        target = PilotTarget(
            id=builders.new_id(),
            measure="deliveries-accepted",
            version=1,
            since=str(LATER),
            value=10,
            reason="Assez",
            proposed_by=builders.new_id(),
            proposed_at=WEEK.begins,
            approved_by=builders.new_id(),
            approved_at=WEEK.begins,
        )
        session.add(target)
        offer = builders.an_offer(session, builders.a_shop(session, now=LATER.begins), now=LATER.begins)
        count(session, Counted.TILL_USES, offer.id, now=LATER.begins, by=40)
    for period in (MONTH, WEEK, LATER):
        with street.begin() as session:
            counting = builders.a_counted_period(session, period, now=LATER.ends)
            freeze(session, counting, revision="abc", actor=Actor.SYSTEM, now=LATER.ends)


def faults_of(page: ReadPage) -> list[object]:
    ids = [found.attrs["id"] for found in page.all("[id]")]
    levels = [int(heading.name[1]) for heading in page.all("h1, h2, h3, h4")]
    return [
        *page.document.errors,
        *page.all("style, [style]"),
        *(each for each in ids if ids.count(each) > 1),
        *(each for each, after in pairwise(levels) if after - each > 1),
    ]


def test_every_page_is_there_before_anything_is_frozen_and_after(desk_app: Flask, street: Sessions):
    karima = at_the_desk(desk_app, street)
    for path in PAGES:
        if "rapports" not in path:
            page = karima.get(path)
            assert (page.status, faults_of(page)) == (200, []), path
    frozen_town(street)
    for path in PAGES:
        page = karima.get(path)
        assert (page.status, faults_of(page)) == (200, []), path
        for picture in page.all("img.drawn"):
            drawn = karima.client.get(picture.attrs["src"])
            assert (drawn.status_code, drawn.content_type) == (200, "image/svg+xml"), path
            assert b"</svg>" in drawn.data
            colours = re.findall(
                rb"rgb\((\d+)%?, ?(\d+)%?, ?(\d+)%?\)|#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})", drawn.data
            )
            assert colours
            assert all(len({part for part in colour if part}) == 1 for colour in colours), (
                "told by shape, not by colour"
            )
            if "deliveries-accepted" in path:
                in_english = karima.client.get(picture.attrs["src"], headers={"Accept-Language": "en"})
                assert (b">S45<" in drawn.data, b">W45<" in in_english.data) == (True, True)
        english = karima.get(path, **{"Accept-Language": "en"})
        assert english.status == 200
    tiles = karima.get("/console/mesures")
    assert "objectif : 10 — très bien" in tiles.words
    assert "secret statistique" in tiles.words, "staff read no more than everybody"
    measure = karima.get("/console/mesures/de/deliveries-accepted")
    assert len(measure.all("tbody tr")) == 2
    assert karima.get("/console/mesures/de/nothing").status == 404


def test_a_tile_is_of_the_period_that_it_stands_under(desk_app: Flask, street: Sessions):
    """What a use cost is told where something was paid: here, of the first week alone."""
    with street.begin() as session:
        enter_cost(
            session,
            first=WEEK.first,
            last=WEEK.last,
            cents=5_000,
            source="Facture",
            staff_id=builders.new_id(),
            now=WEEK.begins,
        )
    frozen_town(street)
    karima = at_the_desk(desk_app, street)
    assert "Coût public par utilisation" in karima.get(f"/console/mesures/rapports/{WEEK}").words
    assert "Coût public par utilisation" not in karima.get("/console/mesures").words


def test_a_report_is_taken_away_in_each_form(desk_app: Flask, street: Sessions):
    frozen_town(street)
    with street() as session:
        assert [each.period for each in latest_of(session, WEEK.frequency, most=8, until=WEEK)] == [str(WEEK)]
    karima = at_the_desk(desk_app, street)
    here = f"/console/mesures/rapports/{LATER}"
    pdf = karima.client.get(f"{here}/rapport.pdf")
    text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf.data)).pages)
    assert "Notifications remises" in text
    assert "très bien" in text
    with street() as session:
        seal = session.scalars(select(PilotReport).where(PilotReport.period == str(LATER))).one()
    assert f"précédent {seal.previous.hex()}" in karima.get(here).text(".seal")
    assert seal.previous.hex() in text.replace("\n", "")
    assert karima.client.get(f"{here}/rapport.pdf").data == pdf.data
    entities = karima.client.get(f"{here}/entites.jsonld").get_json(force=True)
    assert {each["type"] for each in entities} == {"KeyPerformanceIndicator"}
    assert any("currentStanding" in each for each in entities)
    for address in (link.attrs["href"] for link in karima.get(here).all(".actions a")):
        assert karima.client.get(address).status_code == 200, address
    assert karima.client.get("/console/mesures/rapports/2031-W01").status_code == 404


def test_each_page_of_staff_and_the_pdf_say_what_a_figure_is_and_how_it_is_known(desk_app: Flask, street: Sessions):
    frozen_town(street)
    karima = at_the_desk(desk_app, street)
    uses = next(tile for tile in karima.get("/console/mesures").all(".tile") if "Offres utilisées" in tile.to_text())
    formula = "codes utilisés à une caisse, au plus 200 par commerce et par jour"
    assert {formula, "utilisations\N{NO-BREAK SPACE}; classe A"} <= {each.to_text().strip() for each in uses.query("p")}
    measure = karima.get("/console/mesures/de/till-uses")
    assert "Unité utilisations" in " ".join(measure.text(".known").split())
    areas = karima.get("/console/mesures/secteurs?mesure=till-uses").words
    assert f"{formula} — utilisations ; classe A (vu à une caisse)" in areas
    compared = karima.get("/console/mesures/comparer").words
    assert "Offres utilisées à la caisse utilisations A" in " ".join(compared.split())
    printed = karima.get(f"/console/mesures/rapports/{LATER}").words
    assert f"Offres utilisées à la caisse {formula} utilisations A" in " ".join(printed.split())
    pdf = karima.client.get(f"/console/mesures/rapports/{LATER}/rapport.pdf").data
    text = " ".join("".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages).split())
    assert "codes utilisés à une caisse" in text
    assert "abonnements" in text, "a unit is not broken"
    assert "Mesure Unité Classe Chiffre Objectif" in text, "nor is what stands above a column"


def test_a_target_is_proposed_by_one_and_approved_by_another(desk_app: Flask, street: Sessions):
    karima = at_the_desk(desk_app, street)
    ana = at_the_desk(desk_app, street, StaffRole.ADMINISTER, ANA)
    here, said = "/console/mesures/objectifs", {"measure": "till-uses", "since": "2027-01", "reason": "Un par jour"}
    wrong = ReadPage(karima.post(here, form={**said, "value": "zéro"}))
    assert wrong.status == 422
    assert "au-dessus de zéro" in wrong.text("[role=alert]")
    assert wrong.one("#since").attrs["value"] == "2027-01"
    assert karima.post(here, form={**said, "value": "9" * 5_000}).status_code == 422
    assert karima.post(here, form={**said, "value": "40"}).status_code == 303
    said_of = "Objectif proposé par karima@cluster.example : Offres utilisées à la caisse, 40 à partir de 2027-01."
    assert said_of in karima.get("/console/journal").words
    with street() as session:
        (target,) = session.query(PilotTarget).all()
    assert "quelqu’un d’autre doit l’approuver" in karima.get(here).words
    approving = f"{here}/{target.id}/approuver"
    assert karima.post(approving, form={"confirm": "yes"}).status_code == 409
    assert "Cochez la case" in ReadPage(ana.post(approving)).text("[role=alert]")
    assert faults_of(ana.get(here)) == []
    assert ana.post(approving, form={"confirm": "yes"}).status_code == 303
    assert ana.post(approving, form={"confirm": "yes"}).status_code == 409
    assert "approuvé — Un par jour" in karima.get(here).words
    assert karima.post(here, form={**said, "measure": "cost-per-use", "value": "2,50"}).status_code == 303
    page = karima.get(here)
    assert "Coût public par utilisation : 2,50 €" in page.words
    assert "Coût public par utilisation (euros)" in page.words


def test_a_cost_is_entered_and_what_is_wrong_is_said(desk_app: Flask, street: Sessions):
    karima = at_the_desk(desk_app, street)
    here, said = "/console/mesures/depenses", {"first": "2026-11-01", "last": "2026-11-30", "source": "Facture"}
    refused = ReadPage(karima.post(here, form={**said, "amount": "beaucoup"}))
    assert "Un montant est attendu" in refused.text("[role=alert]")
    assert karima.post(here, form={**said, "amount": "1", "last": "2026-10-01"}).status_code == 422
    assert karima.post(here, form={**said, "amount": "1 200,50"}).status_code == 303
    page = karima.get(here)
    assert "1 200,50 €" in page.words
    journal = karima.get("/console/journal", **{"Accept-Language": "en"}).words
    assert "entered by karima@cluster.example: €1,200.50, from November 1, 2026 to November 30, 2026." in journal
    asked = {**said, "amount": "900", "key": page.one("[name=key]").attrs["value"]}
    for _ in range(2):
        answer = karima.post(here, form=asked)
        assert answer.status_code == 303
    page = karima.get(answer.location)
    assert "déjà été envoyé" in page.words
    assert page.words.count("900,00 €") == 1
    assert karima.post(here, form={**asked, "amount": "901"}).status_code == 422, "an old form with other words"
    form = karima.get(page.one("tbody tr:first-child a").attrs["href"])
    assert (form.one("#amount").attrs["value"], faults_of(form)) == ("900,00", [])
    replacing = {**said, "amount": "0", "replaces": form.one("[name=replaces]").attrs["value"]}
    assert karima.post(here, form=replacing).status_code == 303
    assert karima.get(here).words.count("(remplacée)") == 1
    assert "une autre a pris sa place" in ReadPage(karima.post(here, form=replacing)).text("[role=alert]")


def test_every_cost_is_listed_and_can_be_replaced_however_many_came_after(desk_app: Flask, street: Sessions):
    with street.begin() as session:
        for number in range(103):
            builders.a_cost(session, cents=100 * number)
    karima = at_the_desk(desk_app, street)
    last, found = "/console/mesures/depenses", 0
    page = karima.get(last)
    while more := page.all("a[rel=next]"):
        found += len(page.all("tbody tr"))
        last = more[0].attrs["href"]
        page = karima.get(last)
    assert found + len(page.all("tbody tr")) == 103
    form = karima.get(page.one("tbody tr:last-child a").attrs["href"])
    assert form.one("#amount").attrs["value"] == "0,00"
    said = {name: form.one(f"[name={name}]").attrs["value"] for name in ("first", "last", "source", "replaces", "key")}
    assert karima.post("/console/mesures/depenses", form={**said, "amount": "5"}).status_code == 303
    page = karima.get(last)
    assert "(remplacée)" in page.text("tbody tr:last-child"), "by one of another page"
    gone = karima.get(f"/console/mesures/depenses?remplace={said['replaces']}")
    assert (gone.status, gone.text("[role=alert]")) == (
        422,
        "Cette dépense n’est plus à remplacer : une autre a pris sa place.",
    )


def test_a_report_is_sent_once_more_by_who_administers(desk_app: Flask, street: Sessions):
    frozen_town(street)
    with street.begin() as session:
        for sending in session.query(PilotSending):
            sending.attempts, sending.status, sending.answer = 3, 503, "<occupé>"
    karima = at_the_desk(desk_app, street)
    page = karima.get("/console/mesures/envois")
    assert "503 <occupé>" in page.words
    assert len(page.all("progress")) == 3
    address = f"/console/mesures/envois/{LATER}/renvoyer"
    unsure = ReadPage(karima.post(address))
    assert (unsure.status, unsure.text("[role=alert]")) == (422, "Cochez la case qui confirme : rien n’a été fait.")
    assert karima.post(address, form={"confirm": "yes"}).status_code == 303
    again = ReadPage(karima.post(address, form={"confirm": "yes"}))
    assert (again.status, faults_of(again)) == (409, [])
    assert "attend déjà d’être envoyé" in again.text("[role=alert]")
    watching = at_the_desk(desk_app, street, StaffRole.WATCH, ANA)
    assert watching.post(address).status_code == 403
    assert watching.get("/console/mesures/envois").all("form") == []


def test_a_curve_leads_over_no_week_that_was_not_reported_or_not_told():
    told: dict[str, int | None] = {"2026-W52": 20, "2026-W53": 25, "2027-W02": 30, "2027-W03": None, "2027-W04": 40}
    past = [Past(week, "", "", {"value": value}, "", "", "", "") for week, value in told.items()]
    points = points_of(past, MEASURES[0], "fr")
    assert [point.apart for point in points] == [False, False, True, False, False]
    lines = [part for part in charts.curve(points, "fr").contents if getattr(part, "strokeWidth", 0) == 2]
    assert len(lines) == 1, "from week 52 to 53 of 2026 alone"
