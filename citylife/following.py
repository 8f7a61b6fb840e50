"""To follow and to leave by kept connections, for whoever shows a token: the rules are `citylife.follows`'s.

On PostgreSQL whoever follows goes together with all who follow at that moment, in one transaction, and whoever leaves
asks and writes in one message.
"""

import datetime as dt
import uuid
from typing import Final, TypeAlias

from sqlalchemy import Connection

from citylife.accounts.citizens import read_token
from citylife.courtesy.pace import KEEP_PACE, keep_paces_of
from citylife.errors import Absent
from citylife.follows import (
    HERS,
    IS_PUBLIC,
    OR_CHANGE,
    STANDS,
    Followed,
    Level,
    end_follow,
    opt_out,
    to_end,
    to_follow,
    was,
    write_follow,
)
from citylife.hot import KeptConnections
from citylife.ledger.statements import Statement, run_in_turn
from citylife.together import Together

Shown: TypeAlias = tuple[uuid.UUID, bytes]
"""The citizen a token names, and the digest of its secret."""
_IS_SHOWN: Final = "t.citizen_id = :citizen AND t.digest = :digest"
_STANDING: Final = Statement(
    f"""
    SELECT {STANDS} FROM citizen_tokens t JOIN shops s ON s.id = :shop
    LEFT JOIN follows f ON f.citizen_id = :citizen AND f.shop_id = :shop
    WHERE {_IS_SHOWN} AND {IS_PUBLIC}
    """
)
_FOLLOWED: Final = """
    f.shop_id FROM citizen_tokens t LEFT JOIN follows f ON f.citizen_id = :citizen AND f.shop_id = :shop
"""
_ASK_FOLLOWED: Final = Statement(f"SELECT {_FOLLOWED} WHERE {_IS_SHOWN}")

_PACES: Final = "current_setting('citylife.paces', true)"
"""Those whose pace a transaction has changed, of whom its first statement tells the next."""
_FOLLOWING_TOGETHER: Final = (
    Statement(
        f"""
        WITH asked AS (
            SELECT a.at, s.id AS shop, s.slug, s.name, a.level, a.now, f.level AS before, f.begun_at, c.id AS citizen,
                c.id IS NOT NULL AND EXISTS (SELECT 1 FROM shop_rhythms r WHERE r.shop_id = s.id) AS announced
            FROM unnest(
                CAST(:citizen AS uuid[]), CAST(:digest AS bytea[]), CAST(:shop AS uuid[]), CAST(:level AS text[]),
                CAST(:now AS timestamptz[])
            ) WITH ORDINALITY AS a (citizen, digest, shop, level, now, at)
            JOIN citizen_tokens t ON t.citizen_id = a.citizen AND t.digest = a.digest
            JOIN shops s ON s.id = a.shop AND {IS_PUBLIC}
            LEFT JOIN follows f ON f.citizen_id = a.citizen AND f.shop_id = a.shop
            LEFT JOIN LATERAL (
                SELECT id FROM citizens WHERE id = a.citizen AND f.level IS DISTINCT FROM a.level
                FOR NO KEY UPDATE SKIP LOCKED
            ) AS c ON true
        ), written AS (
            INSERT INTO follows (citizen_id, shop_id, level, begun_at)
            SELECT citizen, shop, level, now FROM asked WHERE citizen IS NOT NULL {OR_CHANGE}
            RETURNING citizen_id, begun_at
        )
        SELECT a.at, a.slug, a.name, a.before, a.begun_at, w.begun_at, set_config(
            'citylife.paces', (SELECT string_agg(CAST(p.citizen AS text), ' ') FROM asked p WHERE p.announced), true
        )
        FROM asked a LEFT JOIN written w ON w.citizen_id = a.citizen
        """
    ),
    keep_paces_of(f"CAST(string_to_array({_PACES}, ' ') AS uuid[])"),
)
"""Whom another transaction holds is passed over here, so that one never makes the others wait, nor two each other."""

_ENDS: Final = "AND current_setting('citylife.ends', true) = 'yes'"
_ENDING_IN_ONE: Final = (
    Statement(
        f"""
        SELECT set_config('citylife.ends', CASE WHEN f.shop_id IS NULL THEN 'no' ELSE 'yes' END, true), c.id,
            {_FOLLOWED}
        LEFT JOIN LATERAL (
            SELECT id FROM citizens WHERE id = :citizen AND f.shop_id IS NOT NULL FOR NO KEY UPDATE
        ) AS c ON true
        WHERE {_IS_SHOWN}
        """
    ),
    Statement(
        f"""
        WITH ended AS (DELETE {HERS} {_ENDS} RETURNING citizen_id, shop_id, begun_at),
            was AS ({was("FROM ended")}),
            opted_out AS ({opt_out("FROM ended WHERE true")})
        SELECT begun_at FROM ended
        """
    ),
    Statement(f"{KEEP_PACE.text('sqlite')} {_ENDS} AND EXISTS (SELECT 1 FROM shop_rhythms r WHERE r.shop_id = :shop)"),
)
"""The first holds her where there is something to end, and tells the others: they do nothing else, and hold nobody."""


class Following:
    """To follow and to leave, by the kept connections of one process."""

    def __init__(self, kept: KeptConnections) -> None:
        self._kept = kept
        self._together = Together(kept, _FOLLOWING_TOGETHER) if kept.dialect == "postgresql" else None

    def keep(self, token: str, shop_id: uuid.UUID, level: Level, *, now: dt.datetime) -> tuple[uuid.UUID, Followed]:
        """The citizen a token speaks for, and what `citylife.follows.keep_follow` does for her.

        Raises:
            TooManyAlways: as there.
            Absent: as there, or the token speaks for nobody.
            DBAPIError: as `KeptConnections.write`.
        """
        shown = _read(token)
        followed = self._keep_together(shown, shop_id, level, now)
        if followed is None:
            followed = self._kept.write(lambda connection: _keep_alone(connection, shown, shop_id, level, now))
        return shown[0], followed

    def _keep_together(self, shown: Shown, shop_id: uuid.UUID, level: Level, now: dt.datetime) -> Followed | None:
        """None where nothing was written: her « always » are counted behind her lock, or somebody holds her."""
        if self._together is None or level is Level.ALWAYS:
            return None
        citizen_id, digest = shown
        values = {"citizen": citizen_id, "digest": digest, "shop": shop_id, "level": level.value, "now": now}
        row = self._together.run(citizen_id, values)
        if row is None:
            raise Absent
        _, slug, name, before, begun_at, written, _ = row
        if before == level.value:
            return Followed(shop_id, slug, name, level, begun_at, new=False)
        if written is None:
            return None
        return Followed(shop_id, slug, name, level, written, new=before is None and written == now)

    def end(self, token: str, shop_id: uuid.UUID, *, now: dt.datetime) -> uuid.UUID:
        """The citizen a token speaks for, who follows a shop no longer; where she did not, nothing is written.

        Raises:
            Absent: the token speaks for nobody.
            DBAPIError: as `KeptConnections.write`.
        """
        shown = _read(token)
        self._kept.write(lambda connection: _end(connection, shown, shop_id, now))
        return shown[0]


def _read(token: str) -> Shown:
    read = read_token(token)
    if read is None:
        raise Absent
    return read


def _keep_alone(connection: Connection, shown: Shown, shop_id: uuid.UUID, level: Level, now: dt.datetime) -> Followed:
    citizen_id, digest = shown
    values = to_follow(connection, citizen_id, shop_id, level, now)
    standing = _STANDING.run(connection, {**values, "digest": digest}).first()
    return write_follow(connection, standing, values, shop_id, level)


def _end(connection: Connection, shown: Shown, shop_id: uuid.UUID, now: dt.datetime) -> None:
    citizen_id, digest = shown
    values = {**to_end(connection, citizen_id, shop_id, now), "digest": digest}
    if connection.dialect.name == "postgresql":
        if not run_in_turn(connection, _ENDING_IN_ONE, values)[0]:
            raise Absent
        return
    row = _ASK_FOLLOWED.run(connection, values).first()
    if row is None:
        raise Absent
    if row[0] is not None:
        end_follow(connection, citizen_id, shop_id, now=now)
