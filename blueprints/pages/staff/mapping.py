"""The areas on a map of their centres, each with a disc as large as its told figure, beside their table."""

from collections.abc import Sequence
from typing import Final

from flask import Response, make_response, render_template, request

from blueprints import conditions
from blueprints.pages.language import page_locale
from blueprints.pages.public.pilot import period_words
from blueprints.pages.staff import charts
from blueprints.pages.staff.asking import console_page
from blueprints.pages.staff.measuring import SVG, reasons_of, shown
from blueprints.storage import db
from citylife.accounts.staff import StaffRole
from citylife.geography import communes
from citylife.pilot.areas import Area, areas
from citylife.pilot.freezing import latest_of
from citylife.pilot.measures import BY_KEY, MEASURES, Measure
from citylife.pilot.periods import Frequency, read_period
from citylife.pilot.tables import PilotReport
from citylife.pilot.telling import Told
from citylife.pilot.words import EVIDENCE_WORDS, UNIT_WORDS
from citylife.wording import say

BY_AREA: Final = tuple(measure for measure in MEASURES if measure.by_area)
AND: Final = " et "
"""Before it stands what an area is called on the map, where there is little room: « Béthune », « Lillers »."""
MOST: Final = 24
"""Months that the map may be drawn of."""


@console_page(StaffRole.WATCH)
def read_map() -> Response:
    """A measure of a frozen month, area by area."""
    locale, measure = page_locale(), _asked_measure()
    reports = latest_of(db.session(), Frequency.MONTHLY, most=MOST)
    report = _asked_report(reports)
    figures = _of_areas(report, measure)
    rows = [(area.name, shown(figures[code], measure, locale)) for code, area in areas().items() if code in figures]
    return make_response(
        render_template(
            "staff/areas.html",
            measures=[(each.key, say(each.name, locale)) for each in BY_AREA],
            chosen=measure.key,
            name=say(measure.name, locale),
            formula=say(measure.formula, locale),
            unit=say(UNIT_WORDS[measure.unit], locale),
            letter=measure.evidence.value,
            evidence=say(EVIDENCE_WORDS[measure.evidence.value], locale),
            months=[(each.period, period_words(read_period(each.period), locale)) for each in reversed(reports)],
            month=report.period if report else "",
            period=period_words(read_period(report.period), locale) if report else "",
            rows=rows,
            reasons=reasons_of(figures.values(), locale),
        )
    )


@console_page(StaffRole.WATCH)
def read_map_picture() -> Response:
    """The map, as a picture."""
    locale, measure = page_locale(), _asked_measure()
    figures = _of_areas(_asked_report(latest_of(db.session(), Frequency.MONTHLY, most=MOST)), measure)
    spots = [_spot(area, figures.get(code)) for code, area in areas().items()]
    return conditions.answer(charts.svg(charts.territory(spots, locale), say(measure.name, locale)), content_type=SVG)


def _spot(area: Area, figure: Told | None) -> charts.Spot:
    """An area where its people are: the middle of its communes' centres, weighted by their population."""
    there = [communes()[insee_code] for insee_code in area.insee_codes]
    people = sum(commune.population for commune in there)
    latitude = sum(commune.latitude * commune.population for commune in there) / people
    longitude = sum(commune.longitude * commune.population for commune in there) / people
    name, _, _ = area.name.partition(AND)
    return charts.Spot(name, latitude, longitude, None if figure is None else figure.get("value"))


def _asked_measure() -> Measure:
    measure = BY_KEY.get(request.args.get("mesure", ""))
    return measure if measure in BY_AREA and measure is not None else BY_AREA[0]


def _asked_report(reports: Sequence[PilotReport]) -> PilotReport | None:
    wanted = request.args.get("mois")
    found = next((report for report in reports if report.period == wanted), None)
    return found or (reports[-1] if reports else None)


def _of_areas(report: PilotReport | None, measure: Measure) -> dict[str, Told]:
    figures = [] if report is None else report.content["figures"]
    return {each["territory"]: each for each in figures if each["key"] == measure.key and each["territory"] in areas()}
