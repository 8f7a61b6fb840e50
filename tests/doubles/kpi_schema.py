"""What the Smart Data Models want of a KeyPerformanceIndicator, offline: their schema, its formats among it."""

import json
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from tests.needs import needs_data

COMMON = "https://smart-data-models.github.io/data-models/common-schema.json"


def kpi_schema() -> Draft202012Validator:
    """What an entity is held against, once it is `plain`; dates and moments are checked as well."""
    names = ("kpi.schema.json", "common-schema.json")
    kpi, common = (json.loads(needs_data(f"ngsi-ld/{name}").read_text()) for name in names)
    known = [(kpi["$id"], Resource.from_contents(kpi)), (COMMON, Resource.from_contents(common))]
    registry: Registry[Any] = Registry().with_resources(known)
    return Draft202012Validator(kpi, registry=registry, format_checker=Draft202012Validator.FORMAT_CHECKER)


def plain(entity: dict[str, Any]) -> dict[str, Any]:
    """An entity as key-values, which is what the schema is of."""
    return {
        name: each["value"] if isinstance(each, dict) else each for name, each in entity.items() if name != "@context"
    }
