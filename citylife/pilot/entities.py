"""A frozen report as NGSI-LD entities: one KeyPerformanceIndicator a measure, territory and period.

The model is the Smart Data Models' `KeyPerformanceIndicator` v0.2.1; attributes are normalised (ETSI GS CIM 009), so
that Orion-LD and Scorpio read them alike. What is withheld has no `kpiValue`, and `description` says why. Where there
is a target, `currentStanding` says how the told value stands to it.

A value says what it is counted in by its `unitCode`, where UN/CEFACT has a code for it. The model knows no unit in
words, no class of evidence and no seal: each entity, told or withheld, also carries `unit` (the measure's own word),
`evidence` (A, B or C), its report's `version`, the `revision` of the measures, the report's `sha256` and that of the
one before (`previous`). How many rows it was computed from is inside that hash, and not told.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from citylife.pilot.measures import BY_KEY, Unit
from citylife.pilot.periods import midnight, read_period
from citylife.pilot.tables import PilotReport
from citylife.pilot.telling import HIDDEN_WORDS, Told, territory_name

CONTEXT: Final = (
    "https://raw.githubusercontent.com/smart-data-models/dataModel.KeyPerformanceIndicator/master/context.jsonld",
    "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld",
)
TYPE: Final = "KeyPerformanceIndicator"
ORGANIZATION: Final = "CABBALR"
PRODUCT: Final = "Citylife"
UNIT_CODES: Final[Mapping[Unit, str | None]] = {
    Unit.CITIZENS: "IE",
    Unit.FOLLOWS: "C62",
    Unit.SHOPS: "C62",
    Unit.COMMUNES: "C62",
    Unit.ANNOUNCEMENTS: "C62",
    Unit.NOTIFICATIONS: "C62",
    Unit.SECONDS: "SEC",
    Unit.PERCENT: "P1",
    Unit.PER_THOUSAND: "NX",
    Unit.USES: "C62",
    Unit.OPENINGS: "C62",
    Unit.VISITS: "C62",
    Unit.CENTS: None,
}
"""UN/CEFACT Recommendation 20, as NGSI-LD wants `unitCode`: persons, ones, seconds, hundredths, thousandths; none is of
money, whose `unit` says that it is in cents."""

Entity = dict[str, Any]


def entities_of(report: PilotReport) -> list[Entity]:
    """Every figure of a report, told or withheld, in its order."""
    return [_entity(report, figure) for figure in report.content["figures"]]


def entity_id(key: str, territory: str, period: str) -> str:
    """The URN of an indicator: a measure of a territory in a period, whatever its version."""
    return f"urn:ngsi-ld:{TYPE}:citylife:{key}:{territory}:{period}"


def _entity(report: PilotReport, figure: Told) -> Entity:
    measure, period = BY_KEY[figure["key"]], read_period(report.period)
    seconds = report.frozen_at.astimezone(dt.UTC).replace(microsecond=0)
    said: dict[str, Any] = {
        "name": f"citylife-{measure.key}",
        "description": _description(figure),
        "category": list(dict.fromkeys(("quantitative", measure.category.value))),
        "organization": ORGANIZATION,
        "product": PRODUCT,
        "calculatedBy": PRODUCT,
        "calculationMethod": "automatic",
        "calculationFormula": str(measure.formula),
        "calculationFrequency": period.frequency.value,
        "calculationPeriod": {"from": period.first.isoformat(), "to": period.last.isoformat()},
        "areaServed": figure["territory"],
        "area": str(territory_name(figure["territory"])),
        "updatedAt": _moment(seconds),
        "unit": measure.unit.value,
        "evidence": measure.evidence.value,
        "version": report.version,
        "revision": report.revision,
        "sha256": report.sha256.hex(),
        "previous": report.previous.hex(),
    }
    entity: Entity = {"id": entity_id(measure.key, figure["territory"], report.period), "type": TYPE}
    entity |= {name: {"type": "Property", "value": value} for name, value in said.items()}
    if "value" in figure:
        code = UNIT_CODES[measure.unit]
        entity["kpiValue"] = {"type": "Property", "value": figure["value"], "observedAt": _moment(midnight(period.end))}
        entity["kpiValue"] |= {"unitCode": code} if code else {}
    if "standing" in figure:
        entity["currentStanding"] = {"type": "Property", "value": figure["standing"]}
    entity["@context"] = list(CONTEXT)
    return entity


def _description(figure: Told) -> str:
    name = str(BY_KEY[figure["key"]].name)
    if "value" not in figure:
        return f"{name}\N{NO-BREAK SPACE}: {HIDDEN_WORDS[figure['hidden']]}"
    if "low" in figure:
        return f"{name}, entre {figure['low']} et {figure['high']} à 95\N{NO-BREAK SPACE}%"
    return name


def _moment(moment: dt.datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
