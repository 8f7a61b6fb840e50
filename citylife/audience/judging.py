"""The rules of the audience as one question in SQL: for each citizen of a page, to send or not, when, and why.

In their order: what she has refused (level, consent), whether anything can reach her, whether she is near, her quiet
hours, one announcement a shop a day, « toujours », then her budget and the draw. The same text for SQLite and
PostgreSQL but for how JSON is unpacked; `tests/citylife/audience_in_plain_words.py` says the same in plain Python.
"""

import datetime as dt
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final

import orjson
from sqlalchemy import Connection

from citylife.courtesy.course import Course, Habit, courses_of, later, shares
from citylife.courtesy.draw import CERTAIN, MILLI, MODULUS, Seeds
from citylife.courtesy.quiet import WHOLE, Profile, digest_moment, moment_of
from citylife.ledger.statements import NIL, DriverId, Statement, stored

LAST: Final = uuid.UUID(int=2**128 - 1)
SENT: Final = "('always', 'follows', 'nearby', 'discovery', 'drawn')"
"""The reasons for which something is sent."""
BUDGETED: Final = "('follows', 'nearby', 'discovery', 'drawn')"
"""Those of them that take a slot of her budgets."""
PUT_ASIDE: Final = "('one-a-day', 'week-spent', 'day-spent', 'not-drawn')"
"""The reasons for which something goes into her digest instead."""
EARLIER: Final = dt.timedelta(days=4)
"""How far back an announcement may be shown on the same day as one of now: quiet hours delay it by less."""
_SLOT, _COUNT = 65_536, 256
"""Her last slot, how many slots of the week are taken and how many of the day, packed into one number: one seek."""


class Hearers(Enum):
    """Of whom it is asked."""

    FOLLOWERS = "followers"
    DISCOVERERS = "discoverers"
    """Who follow nothing of the shop, asked to discover what is near a place of theirs, and can be told."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about one announcement, the same for all of its pages.

    `message_id` is none while it is only thought of. `cells` and `communes` are those near enough to the shop; `a_day`
    how many announcements of the shop a citizen may get on one day.
    """

    shop_id: uuid.UUID
    ends_at: dt.datetime
    seeds: Seeds
    now: dt.datetime
    cells: frozenset[int] = frozenset()
    communes: frozenset[str] = frozenset()
    message_id: uuid.UUID | None = None
    a_day: int = 1

    def around(self, connection: Connection) -> dict[str, Any]:
        """The values of what stands near the shop at `now`, as `near_the_shop` names them."""
        return {
            "now": stored(connection, self.now),
            "cells": _json(sorted(self.cells)),
            "communes": _json(sorted(self.communes)),
        }


_PROFILE: Final = "c.time_zone, c.quiet_from, c.quiet_until, c.quiet_sundays, c.digest_at"
_NEARBY: Final = """(p.expires_at IS NULL OR p.expires_at > :now)
          AND (p.cell IN (SELECT id FROM cells) OR p.insee_code IN (SELECT id FROM insee_codes))"""
_SOURCES: Final = {
    Hearers.FOLLOWERS: """(
        SELECT f.citizen_id, f.level FROM follows f
        WHERE f.shop_id = :shop AND f.citizen_id > :cursor AND f.citizen_id <= :upper
    )""",
    Hearers.DISCOVERERS: f"""(
        SELECT DISTINCT p.citizen_id, 'discovery' AS level FROM places p
        WHERE p.citizen_id > :cursor AND p.citizen_id <= :upper AND {_NEARBY}
    )""",
}
_WANTED: Final = {
    Hearers.FOLLOWERS: "",
    Hearers.DISCOVERERS: """
        WHERE c.discover_nearby AND c.location_consented AND c.notifications_consented
          AND EXISTS (SELECT 1 FROM devices d WHERE d.citizen_id = f.citizen_id)
          AND NOT EXISTS (SELECT 1 FROM follows o WHERE o.citizen_id = f.citizen_id AND o.shop_id = :shop)
          AND NOT EXISTS (SELECT 1 FROM decisions o WHERE o.citizen_id = f.citizen_id AND o.message_id = :message)
    """,
}
_FIELDS: Final = (
    ("time_zone", "text"),
    ("quiet_from", "time"),
    ("quiet_until", "time"),
    ("quiet_sundays", "boolean"),
    ("digest_at", "time"),
    ("release_at", "timestamptz"),
    ("local_date", "date"),
    ("week_of", "date"),
    ("day_share", "bigint"),
    ("week_share", "bigint"),
    ("later", "bigint"),
    ("due_at", "timestamptz"),
)
_JSON: Final = {
    "sqlite": (
        ", ".join(f"value ->> '{name}' AS {name}" for name, _ in _FIELDS) + " FROM json_each(:moments)",
        "value FROM json_each(:{name})",
    ),
    "postgresql": (
        f"* FROM json_to_recordset(CAST(:moments AS json)) AS t ({', '.join(' '.join(each) for each in _FIELDS)})",
        "CAST(value AS {kind}) FROM json_array_elements_text(CAST(:{name} AS json))",
    ),
}
_PLACED: Final = """EXISTS (
            SELECT 1 FROM places p WHERE p.citizen_id = f.citizen_id AND (p.expires_at IS NULL OR p.expires_at > :now)
        )"""
_NEAR: Final = f"EXISTS (SELECT 1 FROM places p WHERE p.citizen_id = f.citizen_id AND {_NEARBY})"


def near_the_shop() -> tuple[str, str]:
    """The CTEs of what is near the shop, on SQLite and on PostgreSQL: what `discoverers_between` reads."""
    return _around("sqlite"), _around("postgresql")


def discoverers_between() -> str:
    """The citizens after `:cursor` up to `:upper` who have a place near the shop that stands at `:now`, as a source."""
    return _SOURCES[Hearers.DISCOVERERS]


def _around(dialect: str) -> str:
    array = _JSON[dialect][1]
    cells, communes = (array.format(name=name, kind=kind) for name, kind in (("cells", "bigint"), ("communes", "text")))
    return f"""WITH cells (id) AS MATERIALIZED (SELECT {cells}),
    insee_codes (id) AS MATERIALIZED (SELECT {communes})"""


def _judged(dialect: str, hearers: Hearers) -> str:
    """The CTEs that end in `judged`: one row a citizen, with everything that is decided for her."""
    moments = _JSON[dialect][0]
    least, greatest = ("min", "max") if dialect == "sqlite" else ("least", "greatest")
    return f"""
    {_around(dialect)},
    moments AS MATERIALIZED (SELECT {moments}),
    earlier (id) AS MATERIALIZED (
        SELECT id FROM messages
        WHERE shop_id = :shop AND created_at > :since AND kind = 'announcement' AND id <> :message
    ),
    heard AS MATERIALIZED (
        SELECT f.citizen_id, f.level, c.bucket, c.digest, c.weekly_budget, c.daily_budget, c.pace, c.draw_seed,
            m.release_at, m.local_date, m.week_of, m.day_share, m.week_share, m.later, m.due_at,
            CASE
                WHEN f.level = 'none' THEN 'level-none'
                WHEN NOT c.notifications_consented THEN 'no-consent'
                WHEN NOT EXISTS (SELECT 1 FROM devices d WHERE d.citizen_id = f.citizen_id) THEN 'no-device'
                WHEN f.level = 'nearby' AND {_PLACED} AND NOT {_NEAR} THEN 'not-near'
                WHEN m.release_at >= :ends_at THEN 'quiet-hours'
                WHEN EXISTS (SELECT 1 FROM earlier) AND (
                    SELECT count(*) FROM decisions p
                    WHERE p.citizen_id = f.citizen_id AND p.message_id IN (SELECT id FROM earlier)
                      AND p.outcome = 'send' AND p.local_date = m.local_date
                ) >= CAST(:a_day AS integer) THEN 'one-a-day'
                WHEN f.level = 'always' THEN 'always'
            END AS settled,
            CASE
                WHEN f.level = 'discovery' THEN 'discovery'
                WHEN f.level = 'nearby' AND {_NEAR} THEN 'nearby'
                ELSE 'follows'
            END AS welcome,
            CASE WHEN f.level IN ('normal', 'nearby', 'discovery') AND c.notifications_consented THEN coalesce((
                SELECT max(b.slot) * {_SLOT} + count(*) * {_COUNT}
                    + sum(CASE WHEN b.local_date = m.local_date THEN 1 ELSE 0 END)
                FROM budget_slots b WHERE b.citizen_id = f.citizen_id AND b.week_of = m.week_of
            ), 0) ELSE 0 END AS spent
        FROM {_SOURCES[hearers]} AS f
        JOIN citizens c ON c.id = f.citizen_id
        JOIN moments m ON m.time_zone = c.time_zone AND m.quiet_from = c.quiet_from
            AND m.quiet_until = c.quiet_until AND m.quiet_sundays = c.quiet_sundays AND m.digest_at = c.digest_at
        {_WANTED[hearers]}
    ),
    weighed AS (
        SELECT heard.*, weekly_budget - spent / {_COUNT} % {_COUNT} AS week_left,
            daily_budget - spent % {_COUNT} AS day_left,
            {greatest}(pace - CAST(:own AS integer), 0) AS others
        FROM heard
    ),
    chanced AS MATERIALIZED (
        SELECT weighed.*, CASE
            WHEN settled IS NOT NULL THEN NULL
            WHEN week_left <= 0 OR day_left <= 0 THEN 0
            ELSE {least}(
                {CERTAIN},
                week_left * {CERTAIN * MILLI} / ({MILLI} + others * week_share / {WHOLE} + later),
                day_left * {CERTAIN * MILLI} / ({MILLI} + others * day_share / {WHOLE})
            )
        END AS chance FROM weighed
    ),
    judged AS (
        SELECT citizen_id, level, bucket, digest, release_at, local_date, week_of, due_at,
            spent / {_SLOT} + 1 AS slot, chance,
            CASE
                WHEN settled IS NOT NULL THEN settled
                WHEN week_left <= 0 THEN 'week-spent'
                WHEN day_left <= 0 THEN 'day-spent'
                WHEN chance >= {CERTAIN} THEN welcome
                WHEN (CAST(:a AS bigint) * draw_seed + CAST(:b AS bigint)) % {MODULUS} * {CERTAIN} < chance * {MODULUS}
                THEN CASE welcome WHEN 'discovery' THEN welcome ELSE 'drawn' END
                ELSE 'not-drawn'
            END AS reason
        FROM chanced
    )"""


_PROFILES: Final = {
    hearers: Statement(
        *(
            f"{_around(dialect)} SELECT DISTINCT {_PROFILE} FROM {source} AS f JOIN citizens c ON c.id = f.citizen_id"
            for dialect in ("sqlite", "postgresql")
        )
    )
    for hearers, source in _SOURCES.items()
}
_DISCOVERERS: Final = {
    "upper": "ORDER BY citizen_id LIMIT 1 OFFSET :skip",
    "last": "ORDER BY citizen_id DESC LIMIT 1",
}
_BOUNDS: Final = {
    name: Statement(
        *(
            f"{_around(dialect)} SELECT citizen_id FROM (SELECT DISTINCT p.citizen_id FROM places p "
            f"WHERE p.citizen_id > :cursor AND {_NEARBY}) AS found {bound}"
            for dialect in ("sqlite", "postgresql")
        )
    )
    for name, bound in _DISCOVERERS.items()
}


def judging(hearers: Hearers, sqlite: str, postgresql: str | None = None) -> Statement:
    """A statement that goes on from `judged`."""
    return Statement(_judged("sqlite", hearers) + sqlite, _judged("postgresql", hearers) + (postgresql or sqlite))


def bound_of_discoverers(
    connection: Connection, question: Question, *, cursor: DriverId, page: int
) -> tuple[DriverId | None, bool]:
    """The last of the next page of those who have a place near the shop, and whether it is the last page."""
    values = {"cursor": cursor, **question.around(connection)}
    row = _BOUNDS["upper"].run(connection, {**values, "skip": page - 1}).first()
    if row is not None:
        return row[0], False
    row = _BOUNDS["last"].run(connection, values).first()
    return (None if row is None else row[0]), True


def values_of(
    connection: Connection,
    hearers: Hearers,
    question: Question,
    *,
    cursor: DriverId | None = None,
    upper: DriverId | None = None,
) -> dict[str, Any]:
    """The values of a statement made by `judging`, for the citizens after `cursor` up to `upper`; for all without."""
    values = {
        "shop": stored(connection, question.shop_id),
        "cursor": cursor if cursor is not None else stored(connection, NIL),
        "upper": upper if upper is not None else stored(connection, LAST),
        **question.around(connection),
    }
    profiles = _PROFILES[hearers].run(connection, values).all()
    course, habit = courses_of(connection, question.shop_id)
    if hearers is Hearers.DISCOVERERS:  # nothing of this shop is in their paces
        habit = replace(habit, weekly=0)
    return {
        **values,
        "ends_at": stored(connection, question.ends_at),
        "moments": _moments(connection, profiles, course, habit, question.now),
        "own": habit.weekly,
        "message": stored(connection, question.message_id or NIL),
        "since": stored(connection, question.now - EARLIER),
        "a_day": question.a_day,
        "a": question.seeds.a,
        "b": question.seeds.b,
    }


def _moments(connection: Connection, profiles: Iterable[Any], course: Course, habit: Habit, now: dt.datetime) -> str:
    """What `now` means for each distinct profile, as the statement unpacks it."""
    found = []
    for time_zone, begin, end, sundays, digest_at in profiles:
        profile = Profile(time_zone, _time(begin), _time(end), bool(sundays))
        moment = moment_of(profile, now)
        day_share, week_share = shares(course, habit.course, profile, now)
        found.append(
            {
                "time_zone": time_zone,
                "quiet_from": begin,
                "quiet_until": end,
                "quiet_sundays": sundays,
                "digest_at": digest_at,
                "release_at": stored(connection, moment.release_at),
                "local_date": moment.local_date,
                "week_of": moment.week_of,
                "day_share": day_share,
                "week_share": week_share,
                "later": later(habit, profile, now),
                "due_at": stored(connection, digest_moment(profile, _time(digest_at), moment.release_at)),
            }
        )
    return _json(found)


def _time(value: str | dt.time) -> dt.time:
    return value if isinstance(value, dt.time) else dt.time.fromisoformat(value)


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
