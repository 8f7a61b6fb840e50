"""What the web process with its worker holds in memory: after some work, and over a million deliveries.

The million goes through the same process, offer after offer for the same 20,000 phones, while citizens read their
feeds; its resident memory is sampled after each. Flat means: the last tenth holds what the second tenth held.
"""

import tempfile
from pathlib import Path
from typing import Final

from bench import load
from bench.feed import feed_requests
from bench.figures import Figure, median
from bench.stage import Stage, staged
from bench.town import Town

MEBIBYTE: Final = 1 << 20
MILLION: Final = 1_000_000
SHORT: Final = 100_000
"""Deliveries of the short bench."""


def measure(town: Town, *, deliveries: int = SHORT, show: bool = False) -> list[Figure]:
    """The resident memory of the web process with worker, and how much it grows a million deliveries."""
    with tempfile.TemporaryDirectory(prefix="bench-memory-") as folder, staged(town, Path(folder)) as stage:
        requests = feed_requests(town)
        samples = []
        offers = -(-deliveries // town.followers)
        for number in range(offers):
            published = stage.publish()
            load.measure(stage.port, requests, 1.0)
            stage.seconds_until_accepted(published, town.followers)
            samples.append(resident(stage))
            if show:
                print(f"  {(number + 1) * town.followers:>9,} deliveries: {samples[-1]:.1f} MiB", flush=True)
        database = "SQLite" if stage.engine.dialect.name == "sqlite" else "PostgreSQL"
    label = f"{database}, {town.name}, {deliveries:,} deliveries"
    figures = [Figure(f"web process with worker, {label}", max(samples), "MiB")]
    if deliveries >= MILLION:
        tenth = len(samples) // 10
        early, late = median(samples[tenth : 2 * tenth]), median(samples[-tenth:])
        figures.append(Figure.against(f"the same, last tenth against second tenth, {database}", late, "MiB", early))
    return figures


def resident(stage: Stage) -> float:
    """MiB resident of the process that answers and sends, whatever they are made of."""
    return float(stage.web_process().memory_info().rss) / MEBIBYTE
