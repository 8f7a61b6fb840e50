"""The pilot's measures of one week in the full invented town after a year: five million deliveries, each decided.

The town is written by `citylife demo --town`, as an operator does, into an instance of its own that is kept for two
days. Nothing was purged, so that the ledger holds four times what it holds in a real town.
"""

import datetime as dt
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from sqlalchemy import text
from sqlalchemy.engine import make_url

from bench import cores
from bench.figures import Figure
from bench.town import FRESH_FOR, SERVER, server
from citylife.audit import Actor
from citylife.database import engine_for, reading, writing
from citylife.pilot.freezing import count_period, freeze
from citylife.pilot.periods import Frequency, last_over

SECONDS: Final = {"postgresql": 30.0, "sqlite": 60.0}
"""What the measures of a week may take."""
SIZES: Final = {
    "postgresql": "SELECT pg_database_size(current_database())",
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
}
"""How many bytes a database takes."""
GIGABYTE: Final = 1e9
CONSOLE: Final = str(cores.ROOT / ".venv/bin/citylife")
WRITTEN: Final = "seconds"
"""The file that says how long writing the town took; once it is there, the town is whole."""


@dataclass(frozen=True, slots=True)
class Year:
    """An invented town with its year: the instance it stands in, and what its commands are to be run with."""

    folder: Path
    url: str
    scale: float
    seconds: float

    @property
    def kind(self) -> str:
        """The database's."""
        return make_url(self.url).get_backend_name()

    @property
    def name(self) -> str:
        """As figures are labelled with it."""
        return f"{self.kind}, {self.scale:g} x town"

    def environment(self) -> dict[str, str]:
        """What its commands are run with."""
        return environment(self.folder, self.url)


def environment(folder: Path, url: str) -> dict[str, str]:
    """What the commands of an instance are run with: nothing of ours that begins with CITYLIFE_."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CITYLIFE_")}
    return {**kept, "CITYLIFE_INSTANCE": str(folder), "CITYLIFE_DATABASE_URL": url, "CITYLIFE_LIMITS": "*=1000000"}


def years(folder: Path, scale: float) -> Iterator[Year]:
    """The town with its year on SQLite, then on PostgreSQL where a server can be reached."""
    instance = folder / f"year-sqlite-{scale:g}"
    yield _kept(instance, scale) or _written(instance, f"sqlite:///{instance / 'citylife.db'}", scale)
    name = f"citylife_year_{f'{scale:g}'.replace('.', '_')}"
    instance = folder / f"year-postgresql-{scale:g}"
    try:
        with server() as cursor:
            there = cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
            year = _kept(instance, scale) if there else None
            if year is None:
                cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
                cursor.execute(f"CREATE DATABASE {name}")
    except psycopg.OperationalError as why:
        print(f"  PostgreSQL is left out: {why}")
        return
    yield year or _written(instance, make_url(SERVER).set(database=name).render_as_string(hide_password=False), scale)


def _kept(instance: Path, scale: float) -> Year | None:
    kept = instance / WRITTEN
    if not kept.exists() or time.time() - kept.stat().st_mtime > FRESH_FOR.total_seconds():
        return None
    url, seconds = kept.read_text().split()
    return Year(instance, url, scale, float(seconds))


def _written(instance: Path, url: str, scale: float) -> Year:
    instance.mkdir(parents=True, exist_ok=True)
    for leftover in instance.iterdir():
        leftover.unlink()
    subprocess.run([CONSOLE, "init"], env=environment(instance, url), check=True, stdout=subprocess.DEVNULL)
    began = time.perf_counter()
    command = [CONSOLE, "demo", "--town", "--scale", str(scale)]
    subprocess.run(command, env=environment(instance, url), check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - began
    (instance / WRITTEN).write_text(f"{url} {seconds}")
    return Year(instance, url, scale, seconds)


def measure(year: Year) -> Iterator[Figure]:
    """How long the town took to write, and how long its last week takes to be counted and to be frozen again."""
    yield Figure(f"Writing the town and its year, {year.name}", year.seconds, "s")
    engine = engine_for(year.url)
    now = dt.datetime.now(dt.UTC)
    week = last_over(Frequency.WEEKLY, now)
    try:
        with engine.connect() as connection:
            count = int(connection.scalar(text("SELECT count(*) FROM deliveries")) or 0)
            size = int(connection.scalar(text(SIZES[year.kind])) or 0)
        yield Figure(f"Deliveries of the year, {year.name}", count, "deliveries")
        yield Figure(f"Database, {year.name}", size / GIGABYTE, "GB")
        for time_of in ("the first time", "again"):
            begun, busy = time.perf_counter(), time.process_time()
            with reading(engine)() as session:
                counting = count_period(session, week, now=now)
            counted, worked = time.perf_counter() - begun, time.process_time() - busy
            name = f"Counting a week, {time_of}, {year.name}"
            yield Figure.against(name, counted, "s", SECONDS[year.kind])
            if year.kind == "sqlite":
                yield Figure(f"    of it, the processor's, {year.name}", worked, "s")
        begun = time.perf_counter()
        with writing(engine)() as session:
            freeze(session, counting, revision="bench", reason="bench", actor=Actor.SYSTEM, now=now)
            session.rollback()
        yield Figure(f"Freezing it as an erratum, {year.name}", time.perf_counter() - begun, "s")
    finally:
        engine.dispose()
