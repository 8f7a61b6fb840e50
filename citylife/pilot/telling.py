"""What is told of a period: its true figures through statistical secrecy, given everything that was told before."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from citylife.pilot.areas import areas
from citylife.pilot.cells import AGGLOMERATION, About, Cell, Figure, Hidden, Sum, why_hidden
from citylife.pilot.centres import SHARE, share_betrays
from citylife.pilot.figures import Expense, Influence, Truth
from citylife.pilot.periods import read_period
from citylife.pilot.secrecy import protect
from citylife.pilot.tables import PilotReport
from citylife.wording import Sentence

HIDDEN_WORDS: Final[Mapping[str, Sentence]] = {
    Hidden.STATISTICAL_SECRECY.value: Sentence("secret statistique : trop peu de personnes, ici ou à côté"),
    Hidden.FEW_MERCHANTS.value: Sentence("secret statistique : trop peu de commerces, ici ou à côté"),
    Hidden.TOO_FEW_TO_CONCLUDE.value: Sentence("trop peu pour conclure"),
}
"""Why a figure is not told, in words; the same whether it is small itself or would betray one that is."""
WHOLE: Final = Sentence("Agglomération")

SUMS: Final[tuple[Sum, ...]] = ()
"""Measures that are the sum of others that are told. None is: announcements are told by kind, notifications by what
became of them and by why they were held, and no total of them is. Whoever adds one adds it here (ADR 67)."""
NOT_COUNTED: Final = frozenset({"notification-effect", "cost-per-use"})
"""Measures that are no counts, and betray none: made of what is told, or of what no count tells."""
Told = dict[str, Any]
"""A figure as a report has it: `key`, `territory`, and either `value` (with `low` and `high`) or `hidden`."""


def told(truth: Sequence[Truth], earlier: Iterable[PilotReport]) -> list[Told]:
    """What may be told of true figures, in their order, after all the `earlier` reports in theirs."""
    before = list(earlier)
    counted = [each for each in truth if not isinstance(each, Influence | Expense)]
    figures = {(figure.key, figure.territory): figure for figure in protect(counted, _ever_told(before), SUMS)}
    share = figures.get((SHARE, AGGLOMERATION))
    if share is not None and share_betrays(share, [each for each in counted if isinstance(each, Cell)], figures):
        figures[SHARE, AGGLOMERATION] = replace(share, value=None, reason=why_hidden(About.MERCHANTS))
    periods = {str(each.period) for each in counted}
    hid = {
        (each["key"], each["territory"])
        for report in before
        if report.period in periods
        for each in report.content["figures"]
        if "hidden" in each
    }
    said: list[Told] = []
    for each in truth:
        if isinstance(each, Influence):
            said.append(_influence(each, hidden=(each.key, each.territory) in hid))
        elif isinstance(each, Expense):
            said.append(
                _expense(each, figures[each.uses_key, each.territory], hidden=(each.key, each.territory) in hid)
            )
        else:
            said.append(_figure(figures[each.key, each.territory]))
    return said


def territory_name(territory: str) -> str:
    """What people call a territory; areas have the names of communes, in every language."""
    return WHOLE if territory == AGGLOMERATION else areas()[territory].name


def _ever_told(reports: Iterable[PilotReport]) -> list[Figure]:
    return [
        Figure(
            key=each["key"],
            territory=each["territory"],
            period=read_period(report.period),
            version=report.version,
            value=each.get("value"),
            reason=Hidden(each["hidden"]) if "hidden" in each else None,
        )
        for report in reports
        for each in report.content["figures"]
        if each["key"] not in NOT_COUNTED
    ]


def _figure(figure: Figure) -> Told:
    said: Told = {"key": figure.key, "territory": figure.territory}
    if figure.reason is not None:
        return {**said, "hidden": figure.reason.value}
    value = figure.value
    return {**said, "value": int(value) if value is not None and float(value).is_integer() else value}


def _expense(expense: Expense, uses: Figure, *, hidden: bool) -> Told:
    """Cents for each told use: of the uses it says no more than they do, since what was paid is public."""
    said: Told = {"key": expense.key, "territory": expense.territory}
    if hidden or not uses.value:
        return {**said, "hidden": why_hidden(About.MONEY).value}
    return {**said, "value": round(expense.cents / int(uses.value))}


def _influence(influence: Influence, *, hidden: bool) -> Told:
    """The effect as it is told, with its bounds; what one version of a period hid stays hidden in the next."""
    said: Told = {"key": influence.key, "territory": influence.territory}
    if influence.effect is None or hidden:
        return {**said, "hidden": Hidden.TOO_FEW_TO_CONCLUDE.value}
    effect = influence.effect.told
    return {**said, "value": effect.more, "low": effect.low, "high": effect.high}
