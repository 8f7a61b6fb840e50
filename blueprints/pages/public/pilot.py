"""« Le pilote se mesure »: the frozen figures for everybody, as a page, a spreadsheet, for programs, and as a feed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from babel.dates import format_date
from flask import Response, render_template, url_for

from blueprints.feeds import atom
from blueprints.house import house
from blueprints.pages.language import page_locale
from blueprints.pages.merchant.spreadsheet import spreadsheet
from blueprints.pages.public.answering import for_everybody
from blueprints.storage import db
from citylife.errors import Absent
from citylife.moments import date_words, span_of_days
from citylife.pilot.areas import areas
from citylife.pilot.cells import AGGLOMERATION, About
from citylife.pilot.costs import costs_of
from citylife.pilot.freezing import latest_reports, reports_of
from citylife.pilot.measures import BY_KEY, MEASURES, Measure, Unit
from citylife.pilot.periods import Frequency, NoSuchPeriod, Period, read_period
from citylife.pilot.tables import PilotCost, PilotReport, PilotTarget
from citylife.pilot.targets import Standing, former_targets
from citylife.pilot.telling import Told, territory_name
from citylife.pilot.words import (
    EVIDENCE_WORDS,
    METHOD_OF_THE_EFFECT,
    STANDING_WORDS,
    UNIT_WORDS,
    defined,
    said,
    with_unit,
)
from citylife.prices import euros
from citylife.wording import Sentence, say

KEPT_FOR: Final = "public, max-age=300"
MOST_LISTED: Final = 130
"""Periods that the page leads to: two years of weeks and months."""
LICENCE: Final = "https://www.etalab.gouv.fr/licence-ouverte-open-licence/"
JSON: Final = "application/json"
ATOM: Final = "application/atom+xml; charset=utf-8"


@dataclass(frozen=True, slots=True)
class ShownFigure:
    """A figure as it is read: its value in words, or why there is none; the one of the period before beside it."""

    said: str
    hidden: bool
    before: str


@dataclass(frozen=True, slots=True)
class ShownMeasure:
    """A measure of a period: what it says, how it is known, its figure in all, and those of areas that are told."""

    name: str
    formula: str
    unit: str
    evidence: str
    figure: ShownFigure
    areas: Sequence[tuple[str, str]]
    silent_areas: int
    target: str = ""
    standing: str = ""
    former_targets: Sequence[str] = ()
    of_money: bool = False


@dataclass(frozen=True, slots=True)
class ShownPeriod:
    """A frozen period as a link names it."""

    key: str
    words: str


def read_latest() -> Response:
    """The last frozen week; or that nothing was frozen yet."""
    listed = latest_reports(db.session(), most=MOST_LISTED)
    weeks = [report for report in listed if read_period(report.period).frequency is Frequency.WEEKLY]
    return _shown(weeks[0] if weeks else (listed[0] if listed else None), listed)


def read_report(period: str) -> Response:
    """The last version of a frozen period."""
    return _shown(frozen_report(period), latest_reports(db.session(), most=MOST_LISTED))


def read_csv(period: str) -> Response:
    """The same figures for a spreadsheet, each with what it is: its unit (money in euros), its class, its formula."""
    report, locale = frozen_report(period), page_locale()
    columns = ("value", "low", "high", "hidden", "target", "standing", "unit", "evidence", "formula")
    header = ("period", "version", "key", "measure", "territory", *columns)
    rows = [
        (
            report.period,
            report.version,
            each["key"],
            say(BY_KEY[each["key"]].name, locale),
            each["territory"],
            *(_number(_in_euros(each, name)) for name in ("value", "low", "high")),
            each.get("hidden"),
            _number(_in_euros(each, "target")),
            each.get("standing"),
            say(UNIT_WORDS[BY_KEY[each["key"]].unit], locale),
            BY_KEY[each["key"]].evidence.value,
            say(BY_KEY[each["key"]].formula, locale),
        )
        for each in report.content["figures"]
    ]
    return spreadsheet(file_name(report), [header, *rows])


def file_name(report: PilotReport) -> str:
    """What a file of a report is called, without what it ends in; of an invented town it says so."""
    return f"citylife-pilote-{'ville-inventee-' if report.content.get('invented') else ''}{report.period}"


def read_json(period: str) -> Response:
    """The same figures for programs, with what they are and what seals them; of the exact rows, only the seal."""
    report = frozen_report(period)
    said = {
        **report.sealed(),
        "licence": LICENCE,
        "measures": defined(report.content["figures"], page_locale()),
        **report.content,
    }
    return for_everybody(orjson.dumps(said), cache=KEPT_FOR, content_type=JSON)


def read_atom() -> Response:
    """Frozen reports, the last one first."""
    listed = latest_reports(db.session(), most=MOST_LISTED)
    feed = atom.Feed(
        key="pilot",
        title=Sentence("Citylife : les rapports du pilote"),
        subtitle=Sentence("Chaque semaine et chaque mois, quand ses chiffres sont arrêtés"),
        page=_address("public.read_latest"),
        itself=_address("public.read_atom"),
        changed=listed[0].frozen_at if listed else atom.FOUNDED,
    )
    entries = [
        atom.Entry(
            key=f"pilot/{report.period}",
            title=period_words(read_period(report.period), "fr"),
            changed=report.frozen_at,
            page=_address("public.read_report", period=report.period),
            text=_summary(report),
        )
        for report in listed
    ]
    return for_everybody(atom.written_of(feed, entries), cache=KEPT_FOR, content_type=ATOM)


def _shown(report: PilotReport | None, listed: Sequence[PilotReport]) -> Response:
    locale = page_locale()
    page = render_template(
        "public/pilot.html",
        report=report,
        period=period_words(read_period(report.period), locale) if report else "",
        frozen_on=date_words(report.frozen_at, locale) if report else "",
        measures=_measures(report, locale) if report else [],
        costs=_costs(report, locale) if report else [],
        listed=[ShownPeriod(each.period, period_words(read_period(each.period), locale)) for each in listed],
        evidence=[(letter, say(words, locale)) for letter, words in EVIDENCE_WORDS.items()],
        areas=[area.name for area in areas().values()],
        method=[say(sentence, locale) for sentence in METHOD_OF_THE_EFFECT],
        licence=LICENCE,
    )
    return for_everybody(page.encode(), cache=KEPT_FOR)


def _measures(report: PilotReport, locale: str) -> list[ShownMeasure]:
    period = read_period(report.period)
    former = reports_of(db.session(), period.former)
    before = {each["key"]: each for each in former[-1].content["figures"] if _whole(each)} if former else {}
    told: dict[str, list[Told]] = {}
    for each in report.content["figures"]:
        told.setdefault(each["key"], []).append(each)
    targets = former_targets(db.session(), period)
    return [
        _measure(measure, told[measure.key], before, targets.get(measure.key, ()), locale)
        for measure in MEASURES
        if measure.key in told
    ]


def _measure(
    measure: Measure, told: Sequence[Told], before: dict[str, Told], targets: Sequence[PilotTarget], locale: str
) -> ShownMeasure:
    whole = next(each for each in told if _whole(each))
    of_areas = [each for each in told if not _whole(each)]
    former = before.get(measure.key)
    return ShownMeasure(
        name=say(measure.name, locale),
        formula=say(measure.formula, locale),
        unit=say(UNIT_WORDS[measure.unit], locale),
        evidence=measure.evidence.value,
        figure=ShownFigure(
            said=said(whole, measure, locale),
            hidden="value" not in whole,
            before=said(former, measure, locale) if former and "value" in former else "",
        ),
        areas=[
            (say(territory_name(each["territory"]), locale), said(each, measure, locale))
            for each in of_areas
            if "value" in each
        ],
        silent_areas=sum("value" not in each for each in of_areas),
        target=with_unit(whole["target"], measure, locale) if "target" in whole else "",
        standing=say(STANDING_WORDS[Standing(whole["standing"])], locale) if "standing" in whole else "",
        former_targets=[former_target_words(target, measure, locale) for target in targets],
        of_money=measure.about is About.MONEY,
    )


def _costs(report: PilotReport, locale: str) -> list[tuple[str, str]]:
    """What was paid for the days of a report, as it was entered when the report was frozen."""
    found = costs_of(db.session(), read_period(report.period), as_of=report.frozen_at)
    return [_cost_words(cost, locale) for cost in found]


def _cost_words(cost: PilotCost, locale: str) -> tuple[str, str]:
    """A cost with its days, and where it is read."""
    first, last = (date_words(day, locale) for day in (cost.first, cost.last))
    amount = euros(cost.cents, locale)
    return say(Sentence("{amount} du {first} au {last}", amount=amount, first=first, last=last), locale), cost.source


def former_target_words(target: PilotTarget, measure: Measure, locale: str) -> str:
    """An earlier target, and from when on it held."""
    value, since = with_unit(target.value, measure, locale), period_words(read_period(target.since), locale)
    return say(Sentence("{value} (à partir de : {since})", value=value, since=since), locale)


def period_words(period: Period, locale: str) -> str:
    """A period as people name it."""
    if period.frequency is Frequency.MONTHLY:
        month: str = format_date(period.first, "MMMM y", locale=locale)
        return month[:1].upper() + month[1:]
    first, last = span_of_days(period.first, period.last, locale)
    return say(Sentence("Semaine du {first} au {last}", first=first, last=last), locale)


def _summary(report: PilotReport) -> str:
    told = sum("value" in each for each in report.content["figures"])
    hidden = len(report.content["figures"]) - told
    words = f"{told} chiffres dits, {hidden} tus. Version {report.version}."
    return f"{words} {report.reason}".strip()


def _whole(figure: Told) -> bool:
    return bool(figure["territory"] == AGGLOMERATION)


def _in_euros(figure: Told, name: str) -> float | None:
    """A number of a figure; of money in euros."""
    number: float | None = figure.get(name)
    return number / 100 if number is not None and BY_KEY[figure["key"]].unit is Unit.CENTS else number


def _number(value: float | None) -> str | int | None:
    return value if value is None or isinstance(value, int) else str(value).replace(".", ",")


def frozen_report(text: str) -> PilotReport:
    """The last version of a period that an address names.

    Raises:
        Absent: the text names none, or it was not frozen.
    """
    try:
        versions = reports_of(db.session(), read_period(text))
    except NoSuchPeriod as error:
        raise Absent from error
    if not versions:
        raise Absent
    return versions[-1]


def _address(endpoint: str, **values: Any) -> str:
    return house().settings.base_url + url_for(endpoint, **values)
