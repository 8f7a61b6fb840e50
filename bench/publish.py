"""Publishing for 20,000 followers: how soon the merchant is answered, all is written, and the first phone is rung.

Then the whole of it keeps its pace: claim, compose, encrypt, send, settle, with the ledger, by the worker thread of the
very process that answers. Medians of a few offers after a first one that warms up.
"""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.figures import Figure, median
from bench.stage import Stage, staged
from bench.town import Town

OFFERS: Final = 5


@dataclass(slots=True)
class Times:
    """Of each offer: seconds until the merchant was answered, all was written, the first was accepted; the pace."""

    answered: list[float] = field(default_factory=list)
    written: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)

    def publish(self, stage: Stage) -> None:
        """Publish an offer, and wait until it has reached everybody."""
        published = stage.publish()
        written = stage.seconds_until_written(published)
        first, last = stage.seconds_until_accepted(published, stage.town.followers)
        self.answered.append(published.answered)
        self.written.append(written)
        self.first.append(first)
        self.rates.append(stage.town.followers / (last - first))


def measure(town: Town, *, offers: int = OFFERS, workers: int = 0) -> list[Figure]:
    """Publish a few offers one after the other, each once the one before has reached everybody.

    With `workers`, so many processes beside the web one send them, and only their pace is told: nobody rings for them.
    """
    times = Times()
    with (
        tempfile.TemporaryDirectory(prefix="bench-publish-") as folder,
        staged(town, Path(folder), workers=workers) as stage,
    ):
        Times().publish(stage)
        stage.put_database_aside()
        for _ in range(offers):
            times.publish(stage)
        database = "SQLite" if stage.engine.dialect.name == "sqlite" else "PostgreSQL"
    label = f"{town.followers:,} followers, {database}, {town.name}"
    if workers:
        return [Figure(f"deliveries with ledger, {workers} workers, {label}", median(times.rates), "deliveries/s")]
    return [
        Figure(f"publish answers, {label}", median(times.answered) * 1000, "ms"),
        Figure(f"all deliveries written, {label}", median(times.written) * 1000, "ms"),
        Figure(f"first push accepted, {label}", median(times.first) * 1000, "ms"),
        Figure(f"deliveries with ledger, {label}", median(times.rates), "deliveries/s"),
    ]
