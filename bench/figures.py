"""Figures of a bench: a value, its unit, and where there is one, what it is held against."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value. `ratio` is the value over the baseline; both are None where nothing compares."""

    name: str
    value: float
    unit: str
    baseline: float | None = None
    ratio: float | None = None

    @classmethod
    def against(cls, name: str, value: float, unit: str, baseline: float) -> "Figure":
        """A value beside what it is compared with, measured in the same run."""
        return cls(name, value, unit, baseline, value / baseline)

    def as_json(self) -> dict[str, Any]:
        """The figure as `bench/results.json` keeps it."""
        values = asdict(self)
        return {key: round(value, 4) if isinstance(value, float) else value for key, value in values.items()}

    def __str__(self) -> str:
        line = f"{self.name:<66} {self.value:>12,.2f} {self.unit}"
        return line if self.ratio is None else f"{line:<96} {self.ratio:.3f} x {self.baseline:,.2f}"


def median(values: Sequence[float]) -> float:
    """The middle of several measures of the same thing."""
    return float(statistics.median(values))
