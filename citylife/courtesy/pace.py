"""Pace: how often shops announce, and so how much may still come to a citizen in her week.

A shop's rhythm is the days of the last four weeks on which it announced something, in thousandths of an announcement a
week; a citizen's pace is the sum over the shops she follows within her budget. Rhythms are counted anew each night, and
the paces after them by pages; a follow that begins, ends or changes counts at once.
"""

import datetime as dt
import uuid
from typing import Final

from sqlalchemy.orm import Session

from citylife.clock import local_date
from citylife.courtesy.course import WEEKS, keep_course
from citylife.courtesy.draw import MILLI
from citylife.ledger.statements import NIL, Statement, identifier, stored

PAGE: Final = 1_000
"""Citizens whose pace one transaction counts anew: other writers wait some tens of milliseconds at most."""

_RHYTHMS: Final = Statement(
    *(
        f"""
        INSERT INTO shop_rhythms (shop_id, weekly, computed_on)
        SELECT shop_id, count(DISTINCT {day}) * {MILLI // WEEKS}, CAST(:today AS {kind}) FROM messages
        WHERE kind = 'announcement' AND created_at > :since AND created_at <= :now AND shop_id IS NOT NULL
        GROUP BY shop_id
        ON CONFLICT (shop_id) DO UPDATE SET weekly = excluded.weekly, computed_on = excluded.computed_on
        """
        for day, kind in (
            ("substr(created_at, 1, 10)", "text"),
            ("CAST(created_at AT TIME ZONE 'UTC' AS date)", "date"),
        )
    )
)
_SILENT: Final = Statement("DELETE FROM shop_rhythms WHERE computed_on <> :today")
_PACE: Final = """coalesce((
        SELECT sum(r.weekly) FROM follows f JOIN shop_rhythms r ON r.shop_id = f.shop_id
        WHERE f.citizen_id = citizens.id AND f.level IN ('normal', 'nearby')
    ), 0)"""
_KEEP: Final = f"UPDATE citizens SET pace = {_PACE} WHERE pace <> {_PACE} AND"
KEEP_PACE: Final = Statement(f"{_KEEP} id = :citizen")
"""Count anew what the shops a citizen follows announce in a week, after one of her follows has changed."""
_END_OF_PAGE: Final = Statement(
    "SELECT id FROM (SELECT id FROM citizens WHERE id > :after ORDER BY id LIMIT :page) AS page "
    "ORDER BY id DESC LIMIT 1"
)
_KEEP_PAGE: Final = Statement(f"{_KEEP} id > :after AND id <= :last")


def keep_paces_of(citizens: str) -> Statement:
    """What `KEEP_PACE` does for several, whom an expression of PostgreSQL names: an array of identifiers."""
    return Statement(f"{_KEEP} id = ANY ({citizens})")


def keep_rhythms(session: Session, *, now: dt.datetime) -> None:
    """Count anew how often each shop has announced in the last four weeks, and when in the week all of them have.

    Shops that were silent have no row.
    """
    connection = session.connection()
    today = local_date(now)
    values = {
        "today": stored(connection, today),
        "since": stored(connection, now - dt.timedelta(weeks=WEEKS)),
        "now": stored(connection, now),
    }
    _RHYTHMS.run(connection, values)
    _SILENT.run(connection, {"today": values["today"]})
    keep_course(session, today=today)


def keep_paces(session: Session, after: uuid.UUID = NIL, *, page: int = PAGE) -> uuid.UUID | None:
    """Count anew the paces of the citizens after `after`, a page of them; the last of the page, None after all."""
    connection = session.connection()
    values = {"after": stored(connection, after), "page": page}
    row = _END_OF_PAGE.run(connection, values).first()
    if row is None:
        return None
    _KEEP_PAGE.run(connection, {"after": values["after"], "last": row[0]})
    return identifier(row[0])
