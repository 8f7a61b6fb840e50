"""The figures Citylife is held to, each beside its baseline in one run: `make bench`, or `python -m bench PART…`.

The application runs on core 0, everything else on core 1. Towns of 0.1 and 1 times the real one are built on first
use and kept for two days; `SCALE=10` takes one of ten times instead, `SCALE=1,10,100 FOLLOWS=2` several, with two
follows a citizen (who is called with follows twenty all the same). `python -m bench million` sends a million deliveries
through one process, `workers` through one, two and four; `grown` asks towns of several sizes side by side, `parse`
asks npm's parse-server. `year` and `console` measure in the town of `citylife demo --town`.
"""

import argparse
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import psycopg

from bench import (
    around,
    audience,
    console,
    cores,
    drawing,
    feed,
    grown,
    importing,
    memory,
    parse,
    publish,
    searching,
    sender,
    town,
    workers,
    year,
)
from bench.figures import Figure
from bench.town import Town

FOLDER: Final = cores.ROOT / "artefacts" / "bench"
RESULTS: Final = Path(__file__).parent / "results.json"
SCALES: Final = (0.1, 1.0)


def scales() -> tuple[float, ...]:
    """How many times the real town: what SCALE says, one number or several, or a tenth and once."""
    wanted = os.environ.get("SCALE")
    return tuple(sorted(float(each) for each in wanted.split(","))) if wanted else SCALES


def follows() -> int:
    """How many shops a citizen follows: what FOLLOWS says, or twenty."""
    return int(os.environ.get("FOLLOWS", drawing.FOLLOWS))


def towns(scale: float) -> Iterator[Town]:
    """The town on SQLite, then on PostgreSQL where a server can be reached."""
    yield town.town_on_sqlite(FOLDER, scale)
    try:
        with town.server():
            pass
    except psycopg.OperationalError as why:
        print(f"  PostgreSQL is left out: {why}")
        return
    yield town.town_on_postgresql(FOLDER, scale, follows=follows())


def sending() -> Iterator[Figure]:
    """The sender beside pywebpush's loop and the curve alone."""
    yield from sender.figures()


def feeding() -> Iterator[Figure]:
    """The feed beside a bare hello, at each scale, on each database."""
    for scale in scales():
        for built in towns(scale):
            yield from feed.measure(built)


def publishing() -> Iterator[Figure]:
    """An offer for 20,000 followers, from the tap to the last phone."""
    for built in towns(scales()[-1]):
        yield from publish.measure(built)
        if not built.url.startswith("sqlite"):
            yield from publish.measure(built, workers=2)


def remembering() -> Iterator[Figure]:
    """What the web process with its worker holds."""
    yield from memory.measure(town.town_on_sqlite(FOLDER, scales()[-1]))


def searching_shops() -> Iterator[Figure]:
    """Shops by words, rightly and wrongly typed, at fifty thousand shops on both databases."""
    yield from searching.measure(FOLDER)


def importing_shops() -> Iterator[Figure]:
    """A file of 50,000 rows through `citylife shops import`, beside what it may take."""
    yield from importing.figures()


def finding_nearby() -> Iterator[Figure]:
    """The nearest twenty within 2 km beside a bare hello, at 5,000 and at 1,200,000 shops."""
    yield from around.measure(FOLDER)


def deciding() -> Iterator[Figure]:
    """Who of 20,000 followers hears of an offer, as a question and with every row written, on both databases."""
    for built in towns(scales()[-1]):
        yield from audience.measure(built)


def previewing() -> Iterator[Figure]:
    """The same as a merchant sees it who is still typing, over HTTP."""
    for built in towns(scales()[-1]):
        yield from audience.preview(built)


def a_million() -> Iterator[Figure]:
    """The same over a million deliveries; takes some minutes."""
    yield from memory.measure(town.town_on_sqlite(FOLDER, scales()[-1]), deliveries=memory.MILLION, show=True)


def working_together() -> Iterator[Figure]:
    """One, two and four `citylife work` on PostgreSQL, rung by RabbitMQ, and what holds them up."""
    yield from workers.measure(town.town_on_postgresql(FOLDER, scales()[0], follows=follows()))


def growing() -> Iterator[Figure]:
    """Feed, follow and publish on PostgreSQL in towns of several sizes, each held against the town itself."""
    yield from grown.measure([town.town_on_postgresql(FOLDER, scale, follows=follows()) for scale in scales()])


def measuring_a_week() -> Iterator[Figure]:
    """A week of the pilot's measures after a year of five million deliveries, on both databases; takes a while."""
    for scale in scales():
        for each in year.years(FOLDER, scale):
            yield from year.measure(each)


def watching() -> Iterator[Figure]:
    """The console's pages in the same town, each held against the 300 ms it may take."""
    for scale in scales():
        for each in year.years(FOLDER, scale):
            yield from console.measure(each)


def beside_parse() -> Iterator[Figure]:
    """Feed and follow beside npm's parse-server."""
    yield from parse.measure(town.town_on_postgresql(FOLDER, scales()[0], follows=follows()), FOLDER)


PARTS: Final[dict[str, Callable[[], Iterator[Figure]]]] = {
    "sender": sending,
    "feed": feeding,
    "publish": publishing,
    "memory": remembering,
    "search": searching_shops,
    "import": importing_shops,
    "nearby": finding_nearby,
    "audience": deciding,
    "preview": previewing,
    "million": a_million,
    "workers": working_together,
    "grown": growing,
    "year": measuring_a_week,
    "console": watching,
    "parse": beside_parse,
}
USUAL: Final = ("sender", "feed", "publish", "memory", "search", "import", "nearby", "audience", "preview")


def main() -> None:
    """Measure the parts asked for, print each figure once it is known, and keep them in `bench/results.json`."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; {', '.join(USUAL)} unless told"
    )
    parts = parser.parse_args().parts or USUAL
    for unknown in set(parts) - set(PARTS):
        parser.error(f"there is no part {unknown}")
    found: list[Figure] = []
    cores.stay_on(cores.REST)
    for part in parts:
        print(f"{part}:", flush=True)
        for figure in PARTS[part]():
            print(f"  {figure}", flush=True)
            found.append(figure)
    RESULTS.write_text(json.dumps([figure.as_json() for figure in found], indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
