"""The pilot's frozen figures as tiles, and a page a measure. Staff read what everybody is told, and no more."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from babel.dates import format_interval, format_skeleton
from flask import Response, make_response, render_template, request

from blueprints import conditions
from blueprints.pages.language import page_locale
from blueprints.pages.public.pilot import period_words
from blueprints.pages.staff import charts
from blueprints.pages.staff.asking import console_page
from blueprints.storage import db
from citylife.accounts.staff import StaffRole
from citylife.errors import Absent
from citylife.moments import date_words
from citylife.pilot.cells import AGGLOMERATION, Hidden
from citylife.pilot.freezing import latest_of
from citylife.pilot.measures import BY_KEY, MEASURES, Evidence, Measure
from citylife.pilot.periods import Frequency, Period, read_period
from citylife.pilot.tables import PilotReport, PilotTarget
from citylife.pilot.targets import Standing, targets
from citylife.pilot.telling import HIDDEN_WORDS, Told
from citylife.pilot.words import EVIDENCE_WORDS, METHOD_OF_THE_EFFECT, STANDING_WORDS, UNIT_WORDS, said, with_unit
from citylife.wording import Sentence, say

TREND: Final = 8
LONG_TREND: Final = 26
NARROW: Final = "etroite"
"""What `?largeur=` says of a phone's."""
SVG: Final = "image/svg+xml"
WITHHELD: Final = Sentence("tu")
SECRETS: Final = {Hidden.STATISTICAL_SECRECY.value, Hidden.FEW_MERCHANTS.value}
EFFECT: Final = "notification-effect"
"""The measure whose method takes more words than a formula has."""
TALL: Final = 20
BAR: Final = 10


@dataclass(frozen=True, slots=True)
class Past:
    """A measure in one frozen period: the figure as it was told, in words too."""

    period: str
    words: str
    brief: str
    """The period where there is little room."""
    figure: Told
    said: str
    shown: str
    """The figure where the reasons of those withheld stand apart."""
    target: str
    standing: str


@dataclass(frozen=True, slots=True)
class TrendBar:
    """A bar of a tile's small chart, in its own units; one below nought has no height, a withheld one is hollow."""

    x: int
    height: float
    told: bool


@dataclass(frozen=True, slots=True)
class Tile:
    """A measure at a glance: its last figure, how it stands, and the periods before it."""

    key: str
    name: str
    formula: str
    unit: str
    evidence: str
    last: Past
    bars: Sequence[TrendBar]
    trend: str
    target_at: float | None


@console_page(StaffRole.WATCH)
def read_measures() -> Response:
    """Every measure of the last frozen week, or month, with the eight last periods."""
    frequency, locale = asked_frequency(), page_locale()
    reports = latest_of(db.session(), frequency, most=TREND)
    tiles = [tile for measure in MEASURES if (tile := _tile(measure, reports, locale)) is not None]
    return make_response(
        render_template(
            "staff/measures.html",
            tiles=tiles,
            frequency=frequency.value,
            report=reports[-1] if reports else None,
            period=period_words(read_period(reports[-1].period), locale) if reports else "",
            tall=TALL,
            evidence=[(letter, say(words, locale)) for letter, words in EVIDENCE_WORDS.items()],
        )
    )


@console_page(StaffRole.WATCH)
def read_measure(key: str) -> Response:
    """One measure: what it says and how it is known, its curve with its table, its targets and earlier ones."""
    measure, frequency, locale = _measure(key), asked_frequency(), page_locale()
    past = past_of(measure, latest_of(db.session(), frequency, most=LONG_TREND), locale)
    return make_response(
        render_template(
            "staff/measure.html",
            measure=measure,
            name=say(measure.name, locale),
            formula=say(measure.formula, locale),
            unit=say(UNIT_WORDS[measure.unit], locale),
            evidence=say(EVIDENCE_WORDS[measure.evidence.value], locale),
            may_have_target=measure.evidence is not Evidence.DECLARED,
            method=[say(sentence, locale) for sentence in METHOD_OF_THE_EFFECT] if measure.key == EFFECT else [],
            frequency=frequency.value,
            past=past,
            intervals=any("low" in each.figure for each in past),
            reasons=reasons_of((each.figure for each in past), locale),
            targets=[shown_target(target, locale) for target in targets(db.session(), measure=measure.key)],
        )
    )


@console_page(StaffRole.WATCH)
def read_curve(key: str) -> Response:
    """The curve of a measure, as a picture; of fewer periods, and as wide as a phone, where that is asked for."""
    measure, frequency, locale = _measure(key), asked_frequency(), page_locale()
    narrow = request.args.get("largeur") == NARROW
    past = past_of(measure, latest_of(db.session(), frequency, most=TREND if narrow else LONG_TREND), locale)
    curve = charts.curve(points_of(past, measure, locale), locale, width=charts.NARROW if narrow else charts.WIDTH)
    drawn = charts.svg(curve, say(measure.name, locale))
    return conditions.answer(drawn, content_type=SVG)


def shown(figure: Told, measure: Measure, locale: str) -> str:
    """A figure in words, or that it is withheld: why is said apart (`reasons_of`)."""
    return say(WITHHELD, locale) if figure.get("hidden") in SECRETS else said(figure, measure, locale)


def reasons_of(figures: Iterable[Told], locale: str) -> list[str]:
    """Why some of the figures are withheld, each reason once."""
    return sorted({say(HIDDEN_WORDS[each["hidden"]], locale) for each in figures if each.get("hidden") in SECRETS})


def brief_period(period: Period, locale: str) -> str:
    """A period where there is little room: « 2–8 nov. 2026 », « oct. 2026 »."""
    if period.frequency is Frequency.MONTHLY:
        return str(format_skeleton("yMMM", period.first, locale=locale))
    return str(format_interval(period.first, period.last, "yMMMd", locale=locale))


def points_of(past: Sequence[Past], measure: Measure, locale: str) -> list[charts.Point]:
    """The periods of a measure as a curve has them; money in euros, and no line over periods without a report."""
    scale = 100 if measure.unit.value == "euro-cents" else 1

    def scaled(value: float | None) -> float | None:
        return None if value is None else value / scale

    periods = [read_period(each.period) for each in past]
    followers = [None, *(period.next for period in periods)]
    return [
        charts.Point(
            _short(each.period, locale),
            scaled(each.figure.get("value")),
            scaled(each.figure.get("target")),
            apart=expected is not None and period != expected,
            low=scaled(each.figure.get("low")),
            high=scaled(each.figure.get("high")),
        )
        for each, period, expected in zip(past, periods, followers, strict=False)
    ]


def asked_frequency() -> Frequency:
    """Weeks, unless months are asked for (`?frequence=monthly`)."""
    wanted = request.args.get("frequence")
    return Frequency.MONTHLY if wanted == Frequency.MONTHLY.value else Frequency.WEEKLY


def past_of(measure: Measure, reports: Sequence[PilotReport], locale: str) -> list[Past]:
    """What reports tell of a measure of the agglomeration, in their order."""
    return [
        Past(
            report.period,
            period_words(read_period(report.period), locale),
            brief_period(read_period(report.period), locale),
            figure,
            said(figure, measure, locale),
            shown(figure, measure, locale),
            with_unit(figure["target"], measure, locale) if "target" in figure else "",
            say(STANDING_WORDS[Standing(figure["standing"])], locale) if "standing" in figure else "",
        )
        for report in reports
        for figure in report.content["figures"]
        if figure["key"] == measure.key and figure["territory"] == AGGLOMERATION
    ]


@dataclass(frozen=True, slots=True)
class ShownTarget:
    """A target in the reader's words."""

    target: PilotTarget
    measure: str
    value: str
    since: str


def shown_target(target: PilotTarget, locale: str) -> ShownTarget:
    """A target with its measure, its value and from which week or month on it holds, in words."""
    measure, period = BY_KEY[target.measure], read_period(target.since)
    day = date_words(period.first, locale)
    shape = (
        Sentence("chaque semaine à partir du {day}", day=day)
        if period.frequency is Frequency.WEEKLY
        else Sentence("chaque mois à partir du {day}", day=day)
    )
    value = with_unit(target.value, measure, locale)
    return ShownTarget(target, say(measure.name, locale), value, say(shape, locale))


def _tile(measure: Measure, reports: Sequence[PilotReport], locale: str) -> Tile | None:
    past = past_of(measure, reports, locale)
    if not past or past[-1].period != reports[-1].period:
        return None
    values = [each.figure.get("value") for each in past]
    last_target = past[-1].figure.get("target")
    most = max([value for value in (*values, last_target) if value is not None and value > 0], default=1)
    bars = [
        TrendBar(number * BAR, TALL * max(value or 0, 0) / most, value is not None)
        for number, value in enumerate(values)
    ]
    target_at = None if last_target is None else TALL - TALL * last_target / most
    withheld = say(WITHHELD, locale)
    trend = ", ".join(each.said if "value" in each.figure else withheld for each in past)
    return Tile(
        measure.key,
        say(measure.name, locale),
        say(measure.formula, locale),
        say(UNIT_WORDS[measure.unit], locale),
        measure.evidence.value,
        past[-1],
        bars,
        trend,
        target_at,
    )


def _measure(key: str) -> Measure:
    measure = BY_KEY.get(key)
    if measure is None:
        raise Absent
    return measure


def _short(period: str, locale: str) -> str:
    """A period under a curve: S48 (W48 in English), or 2026-11."""
    return say(Sentence("S{week}", week=period[-2:]), locale) if "-W" in period else period
