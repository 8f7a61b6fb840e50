"""Two frozen periods side by side, as they were told."""

from collections.abc import Sequence

from flask import Response, make_response, render_template, request

from blueprints.pages.language import page_locale
from blueprints.pages.public.pilot import period_words
from blueprints.pages.staff.asking import console_page
from blueprints.pages.staff.measuring import LONG_TREND, Past, asked_frequency, brief_period, past_of, reasons_of
from blueprints.storage import db
from citylife.accounts.staff import StaffRole
from citylife.pilot.freezing import latest_of
from citylife.pilot.measures import MEASURES
from citylife.pilot.periods import read_period
from citylife.pilot.telling import Told
from citylife.pilot.words import UNIT_WORDS
from citylife.wording import Sentence, say


@console_page(StaffRole.WATCH)
def read_comparison() -> Response:
    """Each measure in two weeks (`?a=` and `?b=`), or months; unless said otherwise, the last two."""
    frequency, locale = asked_frequency(), page_locale()
    reports = latest_of(db.session(), frequency, most=LONG_TREND)
    by_period = {report.period: report for report in reports}
    chosen = [
        by_period.get(request.args.get(name, ""), reports[at] if len(reports) >= -at else None)
        for name, at in (("a", -2), ("b", -1))
    ]
    rows, told = [], list[Told]()
    for measure in MEASURES:
        sides = [next(iter(past_of(measure, [each] if each else [], locale)), None) for each in chosen]
        told += [side.figure for side in sides if side]
        if any(side is not None for side in sides):
            kind = say(UNIT_WORDS[measure.unit], locale), measure.evidence.value
            rows.append(
                (say(measure.name, locale), kind, *(side.shown if side else "–" for side in sides), _change(sides))
            )
    return make_response(
        render_template(
            "staff/comparison.html",
            frequency=frequency.value,
            periods=[(each.period, period_words(read_period(each.period), locale)) for each in reversed(reports)],
            chosen=[each.period if each else "" for each in chosen],
            heads=[brief_period(read_period(each.period), locale) if each else "–" for each in chosen],
            rows=rows,
            reasons=reasons_of(told, locale),
        )
    )


def _change(sides: Sequence[Past | None]) -> str:
    """By how many per cent a told value changed; nothing where one is not told."""
    before, after = (None if side is None else side.figure.get("value") for side in sides)
    if before is None or after is None or not before:
        return "–"
    change = round(100 * (after - before) / abs(before))
    return say(
        Sentence("{change} %", change=(f"{change:+d}" if change else "0").replace("-", "\N{MINUS SIGN}")), page_locale()
    )
