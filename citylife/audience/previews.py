"""Previews: what `foresee` says, fast enough for a merchant who is still typing.

He varies how far his offer reaches and when it ends. Everything else is asked once a minute for a shop, in one
question of SQL whose answer is kept as groups of citizens alike: how far the nearest of their places is where that
matters, when quiet hours let them hear of it, and what becomes of it if both are right. Any radius and any end are then
a walk through these groups. A new follower, another announcement, another rule of the cluster or another stand of a
market trader is seen at once, what citizens change of their settings within a minute. `readiness` asks before he does.
"""

import datetime as dt
import threading
import time
import uuid
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import orjson
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from citylife.audience.asking import place_of, seeds_of_draft
from citylife.audience.foresight import Fate, Foreseen, fate_of, foresee
from citylife.audience.judging import EARLIER, Hearers, Question, judging, values_of
from citylife.categories import BY_KEY, Policy
from citylife.courtesy.draw import Seeds
from citylife.courtesy.rules import announcements_a_day
from citylife.follows import Follow
from citylife.geography import areas_away
from citylife.ledger.statements import moment as read_moment
from citylife.ledger.tables import Reason
from citylife.shops.tables import Shop

REACHES: Final = (5_000, 20_000)
"""Metres: the usual radius and the largest. What is kept reaches as far as the first that holds what is asked for."""
FRESH: Final = 60.0
"""Seconds for which an answer is kept; a question about another minute is asked anew in any case."""
PATIENCE: Final = 5.0
"""Seconds that a question waits for the same one under way before it is asked once more."""
REMEMBERED: Final = 64
"""Answers kept in a process; one of a shop with 20,000 followers holds some hundreds of groups."""


def _grouping(json: str) -> str:
    """Groups of citizens alike, with the rank of her nearest area where its distance matters.

    Ranks are looked up in a document: of a table, PostgreSQL would go through all of it for each citizen.
    """
    return f""",
    ranks (document) AS MATERIALIZED (SELECT CAST(:ranks AS {json}))
    SELECT reason, release_at, CASE WHEN release_at > :now THEN 1 ELSE 0 END, CASE WHEN digest THEN 1 ELSE 0 END,
        CASE WHEN level IN ('nearby', 'discovery') THEN (
            SELECT min(CAST(
                (SELECT document FROM ranks) ->> ('a' || coalesce(CAST(p.cell AS text), p.insee_code)) AS integer
            ))
            FROM places p
            WHERE p.citizen_id = judged.citizen_id AND (p.expires_at IS NULL OR p.expires_at > :now)
        ) END,
        count(*)
    FROM judged GROUP BY 1, 2, 3, 4, 5
    """


_GROUPS: Final = {hearers: judging(hearers, _grouping("text"), _grouping("jsonb")) for hearers in Hearers}
_BEFORE_QUIET_HOURS: Final = frozenset({Reason.LEVEL_NONE, Reason.NO_CONSENT, Reason.NO_DEVICE, Reason.NOT_NEAR})
"""What is decided before anybody looks at a clock."""
_BEFORE_NEARNESS: Final = _BEFORE_QUIET_HOURS - {Reason.NOT_NEAR}


@dataclass(frozen=True, slots=True)
class _Group:
    """So many citizens alike. `away`: metres to the nearest of their places, none where no distance matters."""

    hearers: Hearers
    reason: Reason
    release_at: dt.datetime
    fate: Fate
    away: float | None
    count: int


@dataclass(frozen=True, slots=True)
class _Asked:
    """Everything that an answer hangs on but the radius, the end, and the citizens' own settings."""

    shop_id: uuid.UUID
    policy: Policy
    minute: dt.datetime
    place: tuple[float, float]
    seeds: Seeds
    a_day: int
    followers: int
    reach: int


class Previews:
    """The latest answers of one process; any thread may ask."""

    def __init__(self, *, steady: Callable[[], float] = time.monotonic) -> None:
        """`steady` gives seconds that only ever grow."""
        self._steady = steady
        self._lock = threading.Lock()
        self._kept: OrderedDict[_Asked, tuple[float, tuple[_Group, ...]]] = OrderedDict()
        self._under_way: dict[_Asked, threading.Event] = {}

    def foresee(self, session: Session, shop: Shop, *, radius: int, ends_at: dt.datetime, now: dt.datetime) -> Foreseen:
        """Whom an offer of this shop would reach if it were published now: as `foresight.foresee` says it."""
        reach = reach_of(radius)
        if reach is None or BY_KEY[shop.category].policy is Policy.PAGE_ONLY:
            return foresee(session, shop, radius=radius, ends_at=ends_at, now=now)
        asked = _asked(session, shop, reach, now)
        groups = self._look(session, asked, now=now, within=FRESH)
        return Foreseen(asked.followers, _counted(groups, radius=radius, ends_at=ends_at))

    def prepare(self, session: Session, shop: Shop, *, reach: int, now: dt.datetime, within: float) -> None:
        """Have an answer about a moment that is less than `within` seconds old."""
        self._look(session, _asked(session, shop, reach, now), now=now, within=within)

    def _look(self, session: Session, asked: _Asked, *, now: dt.datetime, within: float) -> tuple[_Group, ...]:
        """What is remembered, or what is just being asked by another thread, or else what is asked now."""
        groups, under_way = self._remembered(asked, within)
        if groups is None and under_way is not None:
            under_way.wait(PATIENCE)
            groups, _ = self._remembered(asked, within)
        if groups is not None:
            return groups
        since, done = self._steady(), threading.Event()
        with self._lock:
            self._under_way[asked] = done
        try:
            groups = _groups(session, asked, now=now)
            self._remember(asked, groups, since)
        finally:
            with self._lock:
                if self._under_way.get(asked) is done:
                    del self._under_way[asked]
            done.set()
        return groups

    def _remembered(self, asked: _Asked, within: float) -> tuple[tuple[_Group, ...] | None, threading.Event | None]:
        with self._lock:
            found = self._kept.get(asked)
            if found is None or self._steady() - found[0] >= within:
                return None, self._under_way.get(asked)
            self._kept.move_to_end(asked)
            return found[1], None

    def _remember(self, asked: _Asked, groups: tuple[_Group, ...], since: float) -> None:
        with self._lock:
            for old in [each for each, (its, _) in self._kept.items() if since - its >= FRESH]:
                del self._kept[old]
            self._kept[asked] = since, groups
            self._kept.move_to_end(asked)
            while len(self._kept) > REMEMBERED:
                self._kept.popitem(last=False)


def reach_of(radius: int) -> int | None:
    """How far what is kept reaches where so many metres are asked for; None where they are too many."""
    return next((reach for reach in REACHES if radius <= reach), None)


def minute_of(moment: dt.datetime) -> dt.datetime:
    """The minute that a moment lies in, in UTC."""
    return moment.astimezone(dt.UTC).replace(second=0, microsecond=0)


def _asked(session: Session, shop: Shop, reach: int, now: dt.datetime) -> _Asked:
    return _Asked(
        shop_id=shop.id,
        policy=BY_KEY[shop.category].policy,
        minute=minute_of(now),
        place=place_of(session, shop, now),
        seeds=seeds_of_draft(session, shop, now=now),
        a_day=announcements_a_day(session, shop.id),
        followers=session.scalar(select(func.count()).where(Follow.shop_id == shop.id)) or 0,
        reach=reach,
    )


def _counted(groups: tuple[_Group, ...], *, radius: int, ends_at: dt.datetime) -> Counter[tuple[Fate, Reason]]:
    """The counts for a radius and an end, by the order of the rules in `judging`."""
    counts: Counter[tuple[Fate, Reason]] = Counter()
    for group in groups:
        fate, reason = group.fate, group.reason
        if reason not in _BEFORE_NEARNESS and group.away is not None and group.away > radius:
            if group.hearers is Hearers.DISCOVERERS:
                continue
            fate, reason = Fate.HELD, Reason.NOT_NEAR
        elif reason not in _BEFORE_QUIET_HOURS and group.release_at >= ends_at:
            fate, reason = Fate.HELD, Reason.QUIET_HOURS
        counts[fate, reason] += group.count
    return counts


def _groups(session: Session, asked: _Asked, *, now: dt.datetime) -> tuple[_Group, ...]:
    """Ask for everybody, as if the offer reached as far as the reach and never ended."""
    connection = session.connection()
    away = areas_away(*asked.place, asked.reach)
    ranked = sorted(away, key=away.__getitem__)
    question = Question(
        shop_id=asked.shop_id,
        ends_at=now + 2 * EARLIER,
        seeds=asked.seeds,
        now=now,
        cells=frozenset(area for area in away if isinstance(area, int)),
        communes=frozenset(area for area in away if isinstance(area, str)),
        a_day=asked.a_day,
    )
    ranks = orjson.dumps({f"a{area}": rank for rank, area in enumerate(ranked)}).decode()
    groups: list[_Group] = []
    for hearers in Hearers if asked.policy is Policy.ADMITTED else (Hearers.FOLLOWERS,):
        values = {**values_of(connection, hearers, question), "ranks": ranks}
        for word, release_at, waits, digest, rank, count in _GROUPS[hearers].run(connection, values):
            reason, moment = Reason(word), read_moment(release_at) or now
            fate = fate_of(reason, waits=bool(waits), digest=bool(digest))
            metres = None if rank is None else away[ranked[rank]]
            groups.append(_Group(hearers, reason, moment, fate, metres, count))
    return tuple(groups)
