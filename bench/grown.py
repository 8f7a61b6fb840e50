"""Feed, follow and publish on PostgreSQL in towns of several sizes, asked in turn in one run: does size alone cost?

Whoever is called follows twenty shops in every town, and every town has the shop of 20,000 phones, so that a request
asks for the same everywhere and only what lies around it grows. Each figure is held against the town of scale 1 (the
smallest, where that one is not there); flat means not less than seven tenths of it.

The towns themselves are written to, for want of room for two of them, and cleared afterwards.
"""

import contextlib
import random
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import psycopg
from sqlalchemy.engine import make_url

from bench import load
from bench.feed import CALLERS, check_answers, feed_requests
from bench.figures import Figure, median
from bench.publish import Times
from bench.stage import staged
from bench.town import Town

ROUNDS: Final = 3
SECONDS: Final = 2.0
OFFERS: Final = 2
"""Offers published in a round."""
FLAT: Final = 0.7
"""The least that a larger town may reach of the real one's figure."""
DONE: Final = b"20"
"""200, 201 and 204."""
WRITTEN: Final = (
    "messages, offer_versions, ended_follows, daily_counts, kept_answers, citizen_days, timetable, paces, noted_keys"
)
"""What a bench leaves in tables that are empty when a town is built; what refers to messages goes with them. The keys
that were noted too: each stage has its own."""


def follow_requests(town: Town) -> list[bytes]:
    """Many citizens who begin to follow a shop that nobody follows, one after the other, and then end it again."""
    tokens = random.Random(1).sample(town.tokens, min(CALLERS, len(town.tokens)))
    path, body = f"/api/v1/me/follows/{town.quiet_shop}", b'{"level":"normal"}'
    headers = [{"Authorization": f"Bearer {token}"} for token in tokens]
    begin = [
        load.request(path, {**each, "Content-Type": "application/json"}, method="PUT", body=body) for each in headers
    ]
    return [*begin, *(load.request(path, each, method="DELETE") for each in headers)]


def measure(towns: Sequence[Town], *, rounds: int = ROUNDS, seconds: float = SECONDS) -> Iterator[Figure]:
    """Each figure of each town, beside the same of the real town."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    try:
        for _ in range(rounds):
            for town in towns:
                for what, value in _once(town, seconds).items():
                    found[what][town.name].append(value)
    finally:
        for town in towns:
            clear(town)
    measured_against = next((town for town in towns if town.scale == 1), towns[0])
    for what, by_town in found.items():
        baseline = median(by_town[measured_against.name])
        for town in towns:
            value = median(by_town[town.name])
            if town is measured_against:
                yield Figure(f"{what}, PostgreSQL, {town.name}", value, "a second")
                continue
            verdict = "flat" if value >= FLAT * baseline else "NOT FLAT"
            yield Figure.against(f"{what}, PostgreSQL, {town.name}: {verdict}", value, "a second", baseline)


def _once(town: Town, seconds: float) -> dict[str, float]:
    """One round in one town, all of it a second."""
    clear(town)
    times = Times()
    feeds, follows = feed_requests(town), follow_requests(town)
    with (
        tempfile.TemporaryDirectory(prefix="bench-grown-") as folder,
        staged(town, Path(folder), in_place=True) as stage,
    ):
        check_answers(stage.port, feeds)
        load.measure(stage.port, feeds, seconds)
        stage.put_database_aside()
        feed = load.measure(stage.port, feeds, seconds).per_second
        load.measure(stage.port, follows, seconds / 2, status=DONE)
        follow = load.measure(stage.port, follows, seconds, status=DONE).per_second
        Times().publish(stage)
        for _ in range(OFFERS):
            times.publish(stage)
    return {
        "feed of 20 offers": feed,
        "follow and unfollow": follow,
        "publish answers": 1 / median(times.answered),
        "decisions with their deliveries written": town.followers / median(times.written),
        "deliveries with ledger": median(times.rates),
    }


def clear(town: Town) -> None:
    """Bring a town back to how it was built."""
    url = make_url(town.url).set(drivername="postgresql").render_as_string(hide_password=False)
    with contextlib.closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute(f"TRUNCATE {WRITTEN} CASCADE")
        connection.execute("DELETE FROM offers WHERE shop_id = %s", (town.fan_out_shop,))
        connection.execute("DELETE FROM follows WHERE shop_id = %s", (town.quiet_shop,))
