"""Feed, follow and publish on PostgreSQL in towns of several sizes, asked in turn in one run: does size alone cost?

All towns are served at once, and each question goes to one after the other before the next question, forth and back, so
that whatever else the machine does meets them alike. Whoever is called follows twenty shops in every town, and every
town has the shop of 20,000 phones, so that a request asks for the same everywhere and only what lies around it grows.
Each figure is held against the town of scale 1 (the smallest, where that one is not there); flat means not less than
seven tenths of it.

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
from bench.stage import Stage, staged
from bench.town import Town

ROUNDS: Final = 5
SECONDS: Final = 2.0
OFFERS: Final = 1
"""Offers published in a round."""
TOGETHER: Final = 50
"""Citizens who begin to follow before the first of them ends it."""
FLAT: Final = 0.7
"""The least that a larger town may reach of the real one's figure."""
DONE: Final = b"20"
"""200, 201 and 204."""
WRITTEN: Final = (
    "messages, offer_versions, ended_follows, daily_counts, kept_answers, citizen_days, timetable, paces, noted_keys, "
    "audit_log"
)
"""What a bench leaves in tables that are empty when a town is built; what refers to messages goes with them. The keys
that were noted too: each stage has its own."""


def follow_requests(town: Town) -> list[bytes]:
    """Many citizens begin to follow a shop that nobody follows, and end it again, some of them at a time."""
    tokens = random.Random(1).sample(town.tokens, min(CALLERS, len(town.tokens)))
    path, body = f"/api/v1/me/follows/{town.quiet_shop}", b'{"level":"normal"}'
    headers = [{"Authorization": f"Bearer {token}"} for token in tokens]
    told = {"Content-Type": "application/json"}
    requests: list[bytes] = []
    for at in range(0, len(headers), TOGETHER):
        some = headers[at : at + TOGETHER]
        requests += [load.request(path, {**each, **told}, method="PUT", body=body) for each in some]
        requests += [load.request(path, each, method="DELETE") for each in some]
    return requests


class Grown:
    """One of the towns while it is asked: what was found, each of it a second."""

    def __init__(self, stage: Stage, seconds: float) -> None:
        self._stage, self._seconds = stage, seconds
        self._feeds, self._follows = feed_requests(stage.town), follow_requests(stage.town)
        self._rates: dict[str, list[float]] = defaultdict(list)
        self._times = Times()

    def warm_up(self) -> None:
        """See that the answers are right, and ask more than will be measured, so that all of that is at hand."""
        check_answers(self._stage.port, self._feeds)
        load.measure(self._stage.port, self._feeds, self._seconds)
        self._stage.put_database_aside()
        load.measure(self._stage.port, self._feeds, 2 * self._seconds)
        load.measure(self._stage.port, self._follows, 2 * self._seconds, status=DONE)
        Times().publish(self._stage)

    def ask_feed(self) -> None:
        """Read pages of the feed for a while."""
        rate = load.measure(self._stage.port, self._feeds, self._seconds)
        self._rates["feed of 20 offers"].append(rate.per_second)

    def follow(self) -> None:
        """Follow and unfollow for a while."""
        rate = load.measure(self._stage.port, self._follows, self._seconds, status=DONE)
        self._rates["follow and unfollow"].append(rate.per_second)

    def publish(self) -> None:
        """Publish an offer, and wait until everybody has heard of it."""
        self._times.publish(self._stage)

    def found(self) -> dict[str, float]:
        """The middle of each."""
        followers = self._stage.town.followers
        return {what: median(rates) for what, rates in self._rates.items()} | {
            "publish answers": 1 / median(self._times.answered),
            "decisions with their deliveries written": followers / median(self._times.written),
            "deliveries with ledger": median(self._times.rates),
        }


def measure(towns: Sequence[Town], *, rounds: int = ROUNDS, seconds: float = SECONDS) -> Iterator[Figure]:
    """Each figure of each town, beside the same of the real town."""
    for town in towns:
        clear(town)
    try:
        found = _ask(towns, rounds, seconds)
    finally:
        for town in towns:
            clear(town)
    measured_against = next((town for town in towns if town.scale == 1), towns[0])
    for what, baseline in found[measured_against.name].items():
        for town in towns:
            value = found[town.name][what]
            if town is measured_against:
                yield Figure(f"{what}, PostgreSQL, {town.name}", value, "a second")
                continue
            verdict = "flat" if value >= FLAT * baseline else "NOT FLAT"
            yield Figure.against(f"{what}, PostgreSQL, {town.name}: {verdict}", value, "a second", baseline)


def _ask(towns: Sequence[Town], rounds: int, seconds: float) -> dict[str, dict[str, float]]:
    """What was found in each town, by its name."""
    with contextlib.ExitStack() as stack:
        grown = []
        for town in towns:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-grown-")))
            grown.append(Grown(stack.enter_context(staged(town, folder, in_place=True)), seconds))
        for each in grown:
            each.warm_up()
        for number in range(rounds):
            for question in (Grown.ask_feed, Grown.follow, *[Grown.publish] * OFFERS):
                for each in grown[:: -1 if number % 2 else 1]:
                    question(each)
        return {town.name: each.found() for town, each in zip(towns, grown, strict=True)}


def clear(town: Town) -> None:
    """Bring a town back to how it was built."""
    url = make_url(town.url).set(drivername="postgresql").render_as_string(hide_password=False)
    with contextlib.closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute(f"TRUNCATE {WRITTEN} CASCADE")
        published = "SELECT id FROM offers WHERE shop_id = %s"
        connection.execute(f"DELETE FROM search_entries WHERE thing_id IN ({published})", (town.fan_out_shop,))
        connection.execute("DELETE FROM offers WHERE shop_id = %s", (town.fan_out_shop,))
        connection.execute("DELETE FROM follows WHERE shop_id = %s", (town.quiet_shop,))
