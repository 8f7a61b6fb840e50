"""Counting days from the tables, by statements over sets, the same on SQLite and on PostgreSQL.

Every night the day before is counted and closed, before the purge takes anything of it. A day may be counted again
until its week is frozen: what came late is added, and what was erased meanwhile stays counted, since the larger number
of each line is kept. Fictional shops never count, unless the whole town is invented (`citylife.invented`). A citizen
counts once a notification was accepted for her or she was seen on two days, so that citizens who were made in bulk and
never lived move nothing.
"""

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson
from sqlalchemy import Connection, case
from sqlalchemy.orm import Session

from citylife.accounts.citizens import ACTIVE_DAYS
from citylife.activity import Counted
from citylife.geography import near_cells, near_communes
from citylife.invented.tables import COUNTS
from citylife.ledger.statements import NIL, Statement, identifier, stored
from citylife.pilot.periods import A_DAY, midnight
from citylife.pilot.tables import PilotDay, PilotNumber
from citylife.upserts import insert_into

MOST_USES_A_DAY: Final = 200
"""Codes used at the tills of one shop on one day count up to so many: no stuffing of a till moves the measure."""
LONGEST_DELAY: Final = 32_767
"""Seconds; what took longer is counted as that."""
Line = tuple[dt.date, str, uuid.UUID, int]
"""A day, what is counted, the shop (nil for none), the grade."""

_SPAN: Final = {
    "sqlite": (
        "span (day, since, until) AS MATERIALIZED (SELECT value ->> 'day', value ->> 'since', value ->> 'until' "
        "FROM json_each(:spans))"
    ),
    "postgresql": (
        "span AS MATERIALIZED (SELECT * FROM json_to_recordset(CAST(:spans AS json)) "
        "AS t (day date, since timestamptz, until timestamptz))"
    ),
}
LIVES: Final = f"""(
    EXISTS (SELECT 1 FROM deliveries a WHERE a.citizen_id = e.citizen_id AND a.state = 'accepted')
    OR {ACTIVE_DAYS} <= (SELECT count(*) FROM citizen_days y WHERE y.citizen_id = e.citizen_id)
)"""
"""Whether the citizen of a row `e` shows signs of life, within what is kept (`citylife.accounts.citizens`)."""
_NO_SHOP: Final = "NULL"
_REAL: Final = f"JOIN shops s ON s.id = e.shop_id AND {COUNTS}"
_FOREIGN: Final = """NOT EXISTS (
    SELECT 1 FROM team_followers t WHERE t.citizen_id = {citizen}.citizen_id AND t.shop_id = e.shop_id
)"""
"""Whether the citizen is none of the shop's own team, as far as her browser tells."""
_NOT_HIS_OWN: Final = _FOREIGN.format(citizen="e")
_NOT_TO_HIS_OWN: Final = _FOREIGN.format(citizen="d")


def _of_moments(at: str, source: str, what: str, columns: str) -> str:
    """Rows of `source` by the day that the moment `at` lies in; the whole span is looked at once."""
    return f"""
    SELECT span.day, {what}, {columns}, count(*)
    FROM {source} CROSS JOIN span
    WHERE {at} >= :since AND {at} < :until AND {at} >= span.since AND {at} < span.until
    GROUP BY 1, 2, 3, 4
    """


def _text(words: str) -> str:
    return f"CAST('{words}' AS text)"


_FOLLOWS: Final = f"""(
    SELECT f.citizen_id, f.shop_id, f.begun_at FROM follows f WHERE f.begun_at >= :since AND f.begun_at < :until
    UNION ALL
    SELECT f.citizen_id, f.shop_id, f.begun_at FROM ended_follows f WHERE f.begun_at >= :since AND f.begun_at < :until
) AS e {_REAL} AND {LIVES} AND {_NOT_HIS_OWN}"""
_ENDED: Final = f"ended_follows e {_REAL} AND {LIVES} AND {_NOT_HIS_OWN}"
_OF_A_SHOP: Final = f"JOIN messages e ON e.id = d.message_id {_REAL} AND {_NOT_TO_HIS_OWN}"
_SETTLED: Final = (
    f"deliveries d {_OF_A_SHOP} AND e.kind = 'announcement' AND d.state IN ('accepted', 'gone', 'refused')"
)
_FOR_NO_SHOP: Final = (
    "deliveries d JOIN messages e ON e.id = d.message_id AND e.shop_id IS NULL AND d.state = 'accepted'"
)
_HELD: Final = f"""decisions d {_OF_A_SHOP} AND (
    (d.outcome = 'held' AND d.reason IN ('quiet-hours', 'not-drawn', 'week-spent', 'day-spent', 'budget-spent'))
    OR (d.outcome = 'send' AND d.until IS NOT NULL)
)"""
_HELD_FOR: Final = """CASE WHEN d.outcome = 'send' OR d.reason = 'quiet-hours'
    THEN 'held-for-quiet' ELSE 'held-for-budget' END"""
_SECONDS: Final = {
    "sqlite": (  # its strftime would round the last half thousandth of a second up to the next one
        "CAST(strftime('%s', substr({until}, 1, 19)) AS integer) - "
        "CAST(strftime('%s', substr({since}, 1, 19)) AS integer)"
    ),
    "postgresql": (
        "CAST(extract(epoch FROM date_trunc('second', {until})) - extract(epoch FROM date_trunc('second', {since})) "
        "AS integer)"
    ),
}
_LEAST, _MOST = {"sqlite": "max", "postgresql": "greatest"}, {"sqlite": "min", "postgresql": "least"}
_OVER: Final = """e.status IN ('ended', 'sold-out', 'withdrawn') AND LASTED AND e.live_from >= :published"""
LASTED: Final = 5
"""Days from publishing to its end up to which an announcement tells of the effect of a notification: later some of its
decisions have left the ledger (a week, where they may tell of a place), and their uses have not. So no offer is looked
at that was published earlier than that before the span (`:published`, by `ix_offers_live_from`)."""
_LASTED: Final = {
    "sqlite": f"julianday(coalesce(e.closed_at, e.ends_at)) - julianday(e.live_from) <= {LASTED}",
    "postgresql": f"coalesce(e.closed_at, e.ends_at) - e.live_from <= interval '{LASTED} days'",
}
_DRAWN_FOR: Final = f"""decisions d JOIN messages m ON m.id = d.message_id AND m.kind = 'announcement'
    JOIN offers e ON e.id = m.offer_id AND {_OVER} AND d.arm <> 'none' {_REAL} AND {_NOT_TO_HIS_OWN}"""
_USED_BY: Final = f"""till_codes c JOIN offers e ON e.id = c.offer_id AND {_OVER} AND c.used_at IS NOT NULL
    AND c.arm <> 'none' {_REAL}"""
_AT_A_TILL: Final = f"""till_codes c JOIN offers e ON e.id = c.offer_id {_REAL} AND c.used_at IS NOT NULL"""


def _grade(dialect: str) -> str:
    """Whole seconds to acceptance from when it might be shown: published, or the end of her quiet hours."""
    seconds = _SECONDS[dialect].format(since="coalesce(x.until, e.release_at)", until="d.accepted_at")
    return f"{_LEAST[dialect]}(0, {_MOST[dialect]}({LONGEST_DELAY}, {seconds}))"


_DELAYED: Final = f"""deliveries d {_OF_A_SHOP} AND d.state = 'accepted' AND e.kind = 'announcement'
    JOIN decisions x ON x.citizen_id = d.citizen_id AND x.message_id = d.message_id"""
_DIALECTS: Final = ("sqlite", "postgresql")


def _counted(at: str, source: str, what: str, columns: str = "e.shop_id, 0") -> Statement:
    """One statement for both, the spans before it; `columns` are the shop and the grade."""
    return Statement(
        *(
            f"WITH {_SPAN[dialect]} "
            + _of_moments(at, source, what, columns)
            .replace("GRADE", _grade(dialect))
            .replace("LASTED", _LASTED[dialect])
            for dialect in _DIALECTS
        )
    )


_STATEMENTS: Final = (
    _counted("e.begun_at", _FOLLOWS, _text("new-follows")),
    _counted("e.ended_at", _ENDED, _text("lost-follows")),
    _counted("e.live_from", f"offers e {_REAL}", "CAST('published-' || e.kind AS text)"),
    _counted("coalesce(d.accepted_at, d.next_at)", _SETTLED, "CAST('deliveries-' || d.state AS text)"),
    _counted("d.accepted_at", _FOR_NO_SHOP, _text("digests-accepted"), f"{_NO_SHOP}, 0"),
    _counted("d.decided_at", _HELD, _HELD_FOR),
    _counted("c.used_at", _AT_A_TILL, "CAST('used-' || c.arm AS text)"),
    _counted("coalesce(e.closed_at, e.ends_at)", _DRAWN_FOR, "CAST('over-' || d.arm AS text)"),
    _counted("coalesce(e.closed_at, e.ends_at)", _USED_BY, "CAST('over-used-' || c.arm AS text)"),
    _counted("d.accepted_at", _DELAYED, _text("delay"), f"{_NO_SHOP}, GRADE"),
)
_LEFT: Final = Statement(
    f"""
    SELECT l.day, CASE WHEN l.fate IN ('accepted', 'gone', 'refused') THEN 'deliveries-' || l.fate
        WHEN l.fate = 'quiet-hours' THEN 'held-for-quiet' ELSE 'held-for-budget' END, e.shop_id, 0, sum(l.count)
    FROM ledger_sums l JOIN messages e ON e.id = l.message_id AND e.kind = 'announcement' {_REAL}
    WHERE l.day >= :first AND l.day <= :last
      AND l.fate IN ('accepted', 'gone', 'refused', 'quiet-hours', 'not-drawn', 'week-spent', 'day-spent',
        'budget-spent')
    GROUP BY 1, 2, 3, 4
    """
)
"""What has left the ledger already, as a night that nobody worked may find."""
_COUNTERS: Final = Statement(
    f"""
    SELECT e.day, e.counted, s.id, 0, sum(e.count) FROM daily_counts e
    JOIN shops s ON s.id = e.subject AND {COUNTS}
    WHERE e.day >= :first AND e.day <= :last AND e.counted IN ('{Counted.OPT_OUTS.value}',
        '{Counted.SHOP_PAGE_VISITS.value}')
    GROUP BY 1, 2, 3, 4
    UNION ALL
    SELECT e.day, e.counted, s.id, 0, sum(e.count) FROM daily_counts e
    JOIN offers o ON o.id = e.subject JOIN shops s ON s.id = o.shop_id AND {COUNTS}
    WHERE e.day >= :first AND e.day <= :last AND e.counted IN ('{Counted.OFFER_OPENED.value}',
        '{Counted.TILL_USES.value}')
    GROUP BY 1, 2, 3, 4
    UNION ALL
    SELECT e.day, e.counted, e.subject, 0, sum(e.count) FROM daily_counts e
    WHERE e.day >= :first AND e.day <= :last AND e.subject = :nil AND e.counted IN ('{Counted.OPT_OUTS.value}',
        '{Counted.SHOP_PAGE_VISITS.value}', '{Counted.DEVICES_GONE.value}', '{Counted.DEVICES_REMOVED.value}')
    GROUP BY 1, 2, 3, 4
    """
)
_PLACED: Final = tuple(
    Statement(
        f"""
        WITH {_SPAN[dialect]}
        SELECT day, shop_id, latitude, longitude, radius, places, count(*) FROM (
            SELECT span.day AS day, e.shop_id AS shop_id, s.latitude AS latitude, s.longitude AS longitude,
                o.radius AS radius, (
                    SELECT {gathered} FROM (
                        SELECT coalesce(p.insee_code, CAST(p.cell AS text)) AS place FROM places p
                        WHERE p.citizen_id = d.citizen_id AND (p.expires_at IS NULL OR p.expires_at > d.accepted_at)
                        ORDER BY 1
                    ) AS hers
                ) AS places
            FROM deliveries d {_OF_A_SHOP} AND d.state = 'accepted' AND e.kind = 'announcement'
                JOIN offers o ON o.id = e.offer_id CROSS JOIN span
            WHERE d.accepted_at >= :since AND d.accepted_at < :until
                AND d.accepted_at >= span.since AND d.accepted_at < span.until
        ) AS placed WHERE places IS NOT NULL GROUP BY 1, 2, 3, 4, 5, 6
        """
    )
    for dialect, gathered in (("sqlite", "group_concat(place)"), ("postgresql", "string_agg(place, ',')"))
)
"""Accepted notifications by the places of whom they reached: as sets, in memory alone."""


def count_days(connection: Connection, days: Sequence[dt.date]) -> dict[Line, int]:
    """What the tables tell of some days that follow one another; only what is above zero."""
    values = _values(connection, days)
    found: Counter[Line] = Counter()
    for statement in (*_STATEMENTS, _LEFT, _COUNTERS):
        found.update(_lines(statement, connection, values))
    for line, count in _near(connection, values):
        found[line] += count
    for line in [line for line in found if line[1] == Counted.TILL_USES.value]:
        found[line] = min(found[line], MOST_USES_A_DAY)
    return {line: count for line, count in found.items() if count > 0}


def count_left(connection: Connection, days: Sequence[dt.date]) -> dict[Line, int]:
    """What of these numbers is told by sums alone, since its rows have left the ledger."""
    return dict(_lines(_LEFT, connection, _values(connection, days)))


def _values(connection: Connection, days: Sequence[dt.date]) -> dict[str, Any]:
    spans = [
        {name: stored(connection, value) for name, value in zip(("day", "since", "until"), span, strict=True)}
        for span in ((day, midnight(day), midnight(day + A_DAY)) for day in days)
    ]
    return {
        "spans": orjson.dumps(spans).decode(),
        "since": stored(connection, midnight(days[0])),
        "until": stored(connection, midnight(days[-1] + A_DAY)),
        "published": stored(connection, midnight(days[0] - (LASTED + 1) * A_DAY)),
        "first": stored(connection, days[0]),
        "last": stored(connection, days[-1]),
        "nil": stored(connection, NIL),
    }


def _lines(statement: Statement, connection: Connection, values: Mapping[str, Any]) -> Counter[Line]:
    found: Counter[Line] = Counter()
    for day, counted, shop, grade, count in statement.run(connection, values):
        found[_day(day), counted, NIL if shop is None else identifier(shop), grade] += int(count)
    return found


def _near(connection: Connection, values: Mapping[str, Any]) -> Iterator[tuple[Line, int]]:
    """Accepted notifications to citizens one of whose places touches the shop's surroundings."""
    placed = _PLACED[0 if connection.dialect.name == "sqlite" else 1]
    for day, shop, latitude, longitude, radius, places, count in placed.run(connection, values):
        cells, codes = near_cells(latitude, longitude, radius), near_communes(latitude, longitude, radius)
        if any(place in codes or int(place) in cells for place in places.split(",")):
            yield (_day(day), "nearby-accepted", identifier(shop), 0), int(count)


def close_days(session: Session, days: Sequence[dt.date], *, now: dt.datetime) -> None:
    """Count some days and keep their numbers."""
    keep_lines(session, count_days(session.connection(), days), days, now=now)


def keep_lines(session: Session, found: Mapping[Line, int], days: Sequence[dt.date], *, now: dt.datetime) -> None:
    """Keep what was counted of some days; of a line that was counted before, the larger number stays."""
    rows = [
        {"day": day, "counted": counted, "shop_id": shop, "grade": grade, "count": count}
        for (day, counted, shop, grade), count in sorted(found.items())
    ]
    lines = insert_into(session, PilotNumber)
    larger = case((lines.excluded.count > PilotNumber.count, lines.excluded.count), else_=PilotNumber.count)
    lines = lines.on_conflict_do_update(index_elements=["day", "counted", "shop_id", "grade"], set_={"count": larger})
    if rows:
        session.execute(lines, rows)
    of_day = Counter[dt.date]()
    for (day, *_), count in found.items():
        of_day[day] += count
    closed = insert_into(session, PilotDay)
    closed = closed.on_conflict_do_update(
        index_elements=["day"], set_={"closed_at": closed.excluded.closed_at, "rows": closed.excluded.rows}
    )
    if days:
        session.execute(closed, [{"day": day, "closed_at": now, "rows": of_day[day]} for day in days])


def _day(value: dt.date | str) -> dt.date:
    """A date out of the driver's value."""
    return value if isinstance(value, dt.date) else dt.date.fromisoformat(value)
