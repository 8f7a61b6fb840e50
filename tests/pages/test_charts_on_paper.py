"""Charts of the console as paper has them: printed by a real Chromium and without colour, and in the report's PDF."""

import io
from collections import Counter

import pypdf
import pypdfium2
import pytest
from flask import Flask
from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.staff import StaffRole
from citylife.audit import Actor
from citylife.pilot.freezing import freeze
from citylife.pilot.periods import read_period
from citylife.pilot.tables import PilotNumber
from tests import builders
from tests.browser.chromium import Chromium
from tests.pages.conftest import an_app
from tests.pages.desk import COOKIE, at_the_desk
from tests.pilot.history import write_history
from tests.pilot.planted import plant_effect

Sessions = sessionmaker[Session]
WEEKS = [read_period(week) for week in ("2026-W41", "2026-W42", "2026-W43")]
MONTH = read_period("2026-10")
INK = {
    "/console/mesures/de/deliveries-accepted": 2_300,
    "/console/mesures/de/notification-effect": 3_600,
    "/console/mesures/secteurs?mesure=deliveries-accepted": 1_500,
}
"""Black dots of each chart at 72 to the inch, at least; with its discs and its words in a pale grey it has fewer."""
CURVES_OF_A_DISC = 4
"""A circle is four curves of Bézier; letters and lines have none."""


@pytest.fixture
def frozen(street: Sessions) -> Sessions:
    """Three weeks and their month, of enough notifications that some areas are told, with an effect."""
    with street.begin() as session:
        write_history(session, seed=5, first=WEEKS[0].begins, days=21, citizens=24, shops=9, offers=60)
        for period in (*WEEKS, MONTH):
            counting = builders.a_counted_period(session, period, now=MONTH.ends)
            if period in WEEKS:
                plant_effect(session, period.first)
            else:
                more = update(PilotNumber).where(PilotNumber.counted == "deliveries-accepted")
                session.execute(more.values(count=PilotNumber.count * 20))
            freeze(session, counting, revision="abc", actor=Actor.SYSTEM, now=MONTH.ends)
    return street


def ink(printed: bytes) -> int:
    """How many dots of printed pages a printer without colours or greys would blacken."""
    dots = 0
    for page in pypdfium2.PdfDocument(printed):
        grey = page.render(grayscale=True).to_pil().convert("L")
        dots += sum(grey.histogram()[:128])
    return dots


@pytest.mark.long
def test_a_curve_and_the_map_are_printed_in_black_on_white(chromium: Chromium, url: str, frozen: Sessions) -> None:
    with frozen.begin() as session:
        token = builders.signed_in(session, builders.a_staff_member(session, StaffRole.WATCH, "ana@cluster.example"))
    for scheme in ("light", "dark"):
        page = chromium.open(url + "/", scheme=scheme)  # type: ignore[arg-type]
        secure = url.replace("http:", "https:")
        page.context.add_cookies([{"name": COOKIE, "value": token, "url": secure, "secure": True}])
        for path, least in INK.items():
            page.goto(url + path, wait_until="networkidle")
            chart = page.locator("img.drawn")
            assert chart.evaluate("one => one.naturalWidth") > 0, path
            whole = ink(page.pdf(print_background=False))
            chart.evaluate("one => { one.style.visibility = 'hidden' }")
            assert whole - ink(page.pdf(print_background=False)) > least, (path, scheme)
        chromium.close(page)


@pytest.fixture
def desk_app(sqlite_url: str, tmp_path, clock):
    yield from an_app(sqlite_url, tmp_path, clock)


def test_the_report_as_pdf_draws_a_disc_for_each_told_figure_of_its_curves(desk_app: Flask, frozen: Sessions) -> None:
    karima = at_the_desk(desk_app, frozen)
    told = 0
    for week in WEEKS:
        figures = karima.client.get(f"/pilote/{week}/chiffres.json").get_json(force=True)["figures"]
        drawn = ("following-citizens", "active-merchants", "deliveries-accepted", "till-uses")
        told += sum(each["key"] in drawn and "value" in each for each in figures)
    pdf = pypdf.PdfReader(io.BytesIO(karima.client.get(f"/console/mesures/rapports/{WEEKS[-1]}/rapport.pdf").data))
    operators: Counter[bytes] = Counter()
    for page in pdf.pages:
        contents = page.get_contents()
        assert contents is not None
        operators.update(operator for _, operator in contents.operations)
    assert told > 0
    assert operators[b"c"] == told * CURVES_OF_A_DISC
