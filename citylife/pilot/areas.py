"""Publication areas: the territories a month's figures are told for, fixed in advance (docs/secrecy.md, ADR 53).

They are communes merged until each area holds at least 10,000 people. Whoever changes them adds a version whose codes
were never used before: figures of two versions side by side would tell what lies between their borders.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from citylife.geography import communes

AREAS_VERSION: Final = 1
"""The version of `citylife/data/areas.csv` that months are published for."""
LEAST_PEOPLE: Final = 10_000
"""How many people an area holds at least (legal population)."""


@dataclass(frozen=True, slots=True)
class Area:
    """A commune of at least 10,000 people, or neighbours merged; named for its largest, communes by INSEE code."""

    code: str
    name: str
    insee_codes: tuple[str, ...]

    @property
    def population(self) -> int:
        """The legal population of its communes together."""
        return sum(communes()[insee_code].population for insee_code in self.insee_codes)


@cache
def areas() -> Mapping[str, Area]:
    """The areas of the version in force by their codes, in the order of their names."""
    merged: dict[tuple[str, str], list[str]] = {}
    with files("citylife").joinpath("data", "areas.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if int(row["version"]) == AREAS_VERSION:
                merged.setdefault((row["area_code"], row["name"]), []).append(row["insee_code"])
    return {code: Area(code, name, tuple(insee_codes)) for (code, name), insee_codes in merged.items()}


def area_of(insee_code: str) -> Area:
    """The area that a commune is merged into.

    Raises:
        KeyError: the code is none of the 100 communes.
    """
    return _by_commune()[insee_code]


@cache
def _by_commune() -> Mapping[str, Area]:
    return {insee_code: area for area in areas().values() for insee_code in area.insee_codes}
