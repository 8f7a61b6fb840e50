"""A frozen report to be read, printed and taken away; and how far reports have come on their way to the cluster."""

import io
from collections.abc import Sequence
from typing import Any, Final

import orjson
from flask import Response, make_response, redirect, render_template, url_for

from blueprints import conditions, guards
from blueprints.house import house, now
from blueprints.pages.language import page_locale
from blueprints.pages.paper import writable
from blueprints.pages.public.pilot import file_name, frozen_report, period_words
from blueprints.pages.staff import charts
from blueprints.pages.staff.acting import Unconfirmed, confirmed
from blueprints.pages.staff.asking import console_form, console_page
from blueprints.pages.staff.measuring import TREND, Past, past_of, points_of, reasons_of
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife import audit
from citylife.accounts.staff import StaffRole
from citylife.audit import Actor
from citylife.errors import Refusal
from citylife.moments import date_words
from citylife.pilot.entities import entities_of
from citylife.pilot.freezing import latest_of, latest_reports
from citylife.pilot.measures import MEASURES, Measure
from citylife.pilot.periods import read_period
from citylife.pilot.sending import NotOfAnybody, NotOnItsWay, SendingState, send_again, sending_of
from citylife.pilot.tables import PilotReport
from citylife.pilot.words import EVIDENCE_WORDS, UNIT_WORDS
from citylife.wording import Sentence, say

PDF: Final = "application/pdf"
NGSI: Final = "application/ld+json"
INVENTED: Final = Sentence("Ville inventée : rien de ce qui est compté ici n’a eu lieu.")
MOST_SENT: Final = 20
DRAWN: Final = ("following-citizens", "active-merchants", "deliveries-accepted", "till-uses")
"""Whose curves stand in a printed report."""
LEGEND: Final = Sentence("Disque plein : chiffre dit. Carré vide : chiffre tu. Pointillé : objectif.")
STATES: Final = {
    SendingState.WAITING: Sentence("en attente"),
    SendingState.DELIVERED: Sentence("arrivé"),
    SendingState.REFUSED: Sentence("refusé"),
}


@console_page(StaffRole.WATCH)
def read_printed(period: str) -> Response:
    """A report on one page, for the screen and for paper."""
    report, locale = frozen_report(period), page_locale()
    return make_response(render_template("staff/report.html", **_said(report, locale)))


@console_page(StaffRole.WATCH)
def read_pdf(period: str) -> Response:
    """The same as a PDF, with the curves of what matters most."""
    report, locale = frozen_report(period), page_locale()
    return _download(_pdf(report, locale), f"{file_name(report)}.pdf", PDF)


@console_page(StaffRole.WATCH)
def read_entities(period: str) -> Response:
    """The same as NGSI-LD entities, as the cluster gets them."""
    report = frozen_report(period)
    return _download(orjson.dumps(entities_of(report)), f"{file_name(report)}.jsonld", NGSI)


@console_page(StaffRole.WATCH)
def read_deliveries() -> Response:
    """How far the last reports have come, and what the cluster answered."""
    return _deliveries()


@console_form(StaffRole.ADMINISTER)
@transaction()
def send_once_more(period: str) -> Response:
    """Send the last version of a report again, once that is confirmed; one that is on its way is left alone."""
    report, moment, member = frozen_report(period), now(), guards.current_staff().id
    try:
        confirmed()
        send_again(db.session(), report.period, now=moment)
    except (NotOfAnybody, NotOnItsWay, Unconfirmed) as refusal:
        return _deliveries(refusal)
    audit.note(
        db.session(), "pilot.sent-again", None, actor=Actor.STAFF, actor_id=member, now=moment, period=report.period
    )
    return make_response(redirect(url_for("console.read_deliveries"), 303))


def _deliveries(refusal: Refusal | None = None) -> Response:
    locale, session = page_locale(), db.session()
    rows = []
    for report in latest_reports(session, most=MOST_SENT):
        sending = sending_of(session, report)
        rows.append(
            {
                "period": report.period,
                "words": period_words(read_period(report.period), locale),
                "version": report.version,
                "figures": len(report.content["figures"]),
                "sending": sending,
                "state": say(STATES[sending.state], locale) if sending else "",
                "again": sending is None or sending.state is not SendingState.WAITING or bool(sending.attempts),
            }
        )
    may = guards.current_staff().role.may(StaffRole.ADMINISTER)
    aimed = bool(house().settings.cluster_url)
    problem = say(refusal.detail, locale) if refusal else ""
    page = render_template("staff/deliveries.html", rows=rows, may_send=may, aimed=aimed, problem=problem)
    return make_response(page, refusal.status if refusal else 200)


def _said(report: PilotReport, locale: str) -> dict[str, Any]:
    told = [(measure, past_of(measure, [report], locale)) for measure in MEASURES]
    before = Sentence("précédent {sha256}", sha256=report.previous.hex())
    return {
        "report": report,
        "period": period_words(read_period(report.period), locale),
        "frozen_on": date_words(report.frozen_at, locale),
        "reasons": reasons_of((each.figure for _, past in told for each in past), locale),
        "rows": [(_defined(measure, locale), past[0]) for measure, past in told if past],
        "evidence": [(letter, say(words, locale)) for letter, words in EVIDENCE_WORDS.items()],
        "seal": f"v{report.version} · {report.revision} · sha256 {report.sha256.hex()} · {say(before, locale)}",
    }


def _defined(measure: Measure, locale: str) -> dict[str, str]:
    """What stands beside a measure's figure: what it says, its unit, how it is known."""
    return {
        "name": say(measure.name, locale),
        "formula": say(measure.formula, locale),
        "unit": say(UNIT_WORDS[measure.unit], locale),
        "letter": measure.evidence.value,
    }


def _download(body: bytes, name: str, content_type: str) -> Response:
    response = conditions.answer(body, content_type=content_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _pdf(report: PilotReport, locale: str) -> bytes:
    from reportlab.lib.pagesizes import A4  # noqa: PLC0415 - few requests need it
    from reportlab.lib.styles import getSampleStyleSheet  # noqa: PLC0415
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle  # noqa: PLC0415

    found, styles = _said(report, locale), getSampleStyleSheet()
    title = writable(say(Sentence("Citylife : le rapport du pilote"), locale))
    written = io.BytesIO()
    sides = dict.fromkeys(("leftMargin", "rightMargin", "topMargin", "bottomMargin"), 48)
    document = SimpleDocTemplate(
        written, pagesize=A4, title=title, author="Citylife", lang=locale, invariant=1, **sides
    )

    styles.add(styles["BodyText"].clone("Head", fontName="Helvetica-Bold"))
    styles.add(styles["BodyText"].clone("Small", fontSize=7.5, leading=9, spaceBefore=1))

    def words(text: str, style: str = "BodyText") -> Any:
        return Paragraph(_escaped(writable(text)), styles[style])

    heads = (Sentence("Mesure"), Sentence("Unité"), Sentence("Classe"), Sentence("Chiffre"), Sentence("Objectif"))
    rows = [[words(say(head, locale), "Head") for head in heads]]
    for measure, past in found["rows"]:
        aim = f"{past.target} ({past.standing})" if past.standing else past.target
        about = [words(measure["name"]), words(measure["formula"], "Small")]
        rows.append([about, *(words(each) for each in (measure["unit"], measure["letter"], past.said, aim))])
    table = Table(rows, colWidths=[184, 80, 52, 104, 80], repeatRows=1)
    table.setStyle(TableStyle([("LINEBELOW", (0, 0), (-1, -1), 0.4, "black"), ("VALIGN", (0, 0), (-1, -1), "TOP")]))
    frozen = say(Sentence("Chiffres arrêtés le {day}.", day=found["frozen_on"]), locale)
    invented = say(INVENTED, locale) if report.content.get("invented") else ""
    story = [
        words(title, "Title"),
        words(found["period"], "Heading2"),
        words(f"{frozen} {report.reason} {invented}".strip()),
        table,
        Spacer(1, 12),
        words(" ".join(f"{letter}\N{NO-BREAK SPACE}: {said}." for letter, said in found["evidence"])),
        _curves(report, locale, words),
        words(say(LEGEND, locale)),
        words(found["seal"]),
    ]
    document.build(story)
    return written.getvalue()


def _curves(report: PilotReport, locale: str, words: Any) -> Any:
    """The curves of what matters most, until the report's period, two beside each other."""
    from reportlab.platypus import Table  # noqa: PLC0415 - few requests need it

    period = read_period(report.period)
    until = latest_of(db.session(), period.frequency, most=TREND, until=period)
    cells = [
        [words(say(measure.name, locale), "Heading3"), _small(_points(measure, until, locale), locale)]
        for measure in MEASURES
        if measure.key in DRAWN
    ]
    return Table([cells[at : at + 2] for at in range(0, len(cells), 2)], colWidths=[250, 250])


def _points(measure: Measure, until: Sequence[PilotReport], locale: str) -> list[charts.Point]:
    past: list[Past] = past_of(measure, until, locale)
    return points_of(past, measure, locale)


def _small(points: Sequence[charts.Point], locale: str) -> Any:
    drawing, scale = charts.curve(points, locale, width=charts.NARROW), 0.72
    drawing.scale(scale, scale)
    drawing.width, drawing.height = charts.NARROW * scale, charts.HEIGHT * scale
    return drawing


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
