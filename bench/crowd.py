"""The citizens of a town on PostgreSQL, whom the server draws itself, in sets: tens of millions in some minutes.

They are those of `citylife.invented.drawing` in every respect but the lot: as many, come one after the other within as
many days, with the same wishes and a token each, and shops after the same Zipf. All of it is drawn from hashes of the
seed, so that the same seed and moment give the same crowd; rows lie in the order in which citizens came.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final, LiteralString

import psycopg
from psycopg import sql
from sqlalchemy import Table
from sqlalchemy.dialects import postgresql

from bench.drawing import FOLLOWS, CrowdedDraw
from bench.lanes import in_lanes
from citylife.accounts.citizens import Citizen
from citylife.buckets import BUCKET_IN_SQL
from citylife.courtesy.draw import MODULUS
from citylife.follows import Level
from citylife.invented.drawing import SETTLED, moment

MILLISECONDS: Final = SETTLED * 86_400_000
WORK: Final = "SET work_mem = '256MB'"
"""Room for the ranks of half a million shops, so that citizens meet them in their own order."""

_LOTS: Final[tuple[LiteralString, ...]] = (
    """
    CREATE FUNCTION pg_temp.lot(number bigint, salt bigint) RETURNS float8 IMMUTABLE LANGUAGE sql AS
    'SELECT (hashint8extended(number, salt) & 4503599627370495) / 4503599627370496.0::float8'
    """,
    """
    CREATE FUNCTION pg_temp.lot(citizen uuid, salt bigint) RETURNS float8 IMMUTABLE LANGUAGE sql AS
    'SELECT (uuid_hash_extended(citizen, salt) & 4503599627370495) / 4503599627370496.0::float8'
    """,
    # Weights of 1/k by rejection from 1/x (Hörmann and Derflinger 1996): the same work however many shops there are.
    # Rank 0 is the shop of the fan-out.
    """
    CREATE FUNCTION pg_temp.ranks(citizen uuid, wanted integer, shops integer, hears boolean) RETURNS integer[]
    LANGUAGE plpgsql AS $$
    DECLARE
        chosen integer[] := CASE WHEN hears THEN ARRAY[0] ELSE ARRAY[]::integer[] END;
        turn bigint := 0;
        rank integer;
    BEGIN
        WHILE cardinality(chosen) < wanted LOOP
            turn := turn + 2;
            rank := floor(0.5 + 0.5 * power(2.0::float8 * shops + 1, pg_temp.lot(citizen, turn)));
            IF rank <= shops AND rank <> ALL (chosen)
               AND pg_temp.lot(citizen, turn + 1) * ln((rank + 0.5::float8) / (rank - 0.5::float8)) * rank < 1 THEN
                chosen := chosen || rank;
            END IF;
        END LOOP;
        RETURN chosen;
    END $$
    """,
)
# One citizen after the other, each somewhere in a stretch of her own: in order, without sorting.
_DRAWN: Final = """
    SELECT m.number, m.ms, CAST(
        lpad(to_hex(m.ms), 12, '0') || '7' || substr(m.noise, 1, 3)
        || substr('89ab', 1 + trunc(4 * pg_temp.lot(m.number, {seed} + 1))::integer, 1)
        || substr(m.noise, 4, 15) AS uuid
    ) AS id
    FROM (
        SELECT n.number, md5({seed} || ' ' || n.number) AS noise,
            {began} + trunc((n.number + pg_temp.lot(n.number, {seed})) * {stretch}::float8)::bigint AS ms
        FROM (SELECT {numbers} AS number) AS n OFFSET 0
    ) AS m OFFSET 0
"""
_KNOWN: Final = """
    CREATE TEMPORARY TABLE known AS
    SELECT c.number, c.id, c.number = ANY({hearing}::bigint[]) AS hears, c.number = ANY({calling}::bigint[]) AS calls
    FROM ({drawn}) AS c
"""
_CITIZENS: Final = """
    INSERT INTO citizens ({names}) SELECT {values} FROM ({drawn}) AS c LEFT JOIN known k ON k.number = c.number
"""
_TOKENS: Final = """
    INSERT INTO citizen_tokens (citizen_id, digest, created_at)
    SELECT id, sha256(sha256(convert_to({seed} || '|', 'UTF8') || uuid_send(id))), {now} FROM citizens
"""
_FOLLOWS: Final = """
    INSERT INTO follows (citizen_id, shop_id, level, begun_at)
    SELECT c.id, s.id, {level}, c.begun_at
    FROM (
        SELECT c.id, c.created_at + ({now} - c.created_at) * power(pg_temp.lot(c.id, 0), 4) AS begun_at, unnest(
            pg_temp.ranks(c.id, CASE WHEN k.calls THEN {callers} ELSE {each} END, {shops}, coalesce(k.hears, false))
        ) AS rank
        FROM citizens c LEFT JOIN known k ON k.id = c.id
    ) AS c JOIN ranked s ON s.rank = c.rank
"""


class Crowd:
    """Fills citizens, their tokens and their follows, which are empty; afterwards the draw knows who is called."""

    def __init__(self, connect: Callable[[], psycopg.Connection[Any]], draw: CrowdedDraw) -> None:
        self._connect, self._draw = connect, draw
        self._said = {
            "seed": sql.Literal(draw.seed),
            "now": sql.SQL("CAST({} AS timestamptz)").format(moment(draw.now)),
            "began": sql.Literal(int(draw.now.timestamp() * 1000) - MILLISECONDS),
            "stretch": sql.Literal(MILLISECONDS / max(draw.citizen_count, 1)),
        }

    def come(self) -> None:
        """Citizens, then at once their tokens and what they follow."""
        with self._connect() as connection:
            connection.execute(WORK)
            teach(connection)
            self._know(connection)
            connection.execute(self._citizens())
            self._rank(connection)
            in_lanes([partial(connection.execute, self._follows()), self._be_told_apart])

    def _be_told_apart(self) -> None:
        with self._connect() as connection:
            connection.execute(sql.SQL(_TOKENS).format(**self._said))

    def _know(self, connection: psycopg.Connection[Any]) -> None:
        """Tell the server, and then the draw, who hears of the fan-out and who calls."""
        hearing, calling = self._draw.hearing_numbers, self._draw.calling_numbers
        drawn = self._drawn(sql.SQL("unnest({}::bigint[])").format(sorted({*hearing, *calling})))
        roles = {"hearing": sql.Literal(hearing), "calling": sql.Literal(calling), "drawn": drawn}
        connection.execute(sql.SQL(_KNOWN).format(**roles))
        connection.execute("ANALYZE known")
        ids = {number: citizen_id.bytes for number, citizen_id in connection.execute("SELECT number, id FROM known")}
        self._draw.know([ids[number] for number in hearing], [ids[number] for number in calling])

    def _drawn(self, numbers: sql.Composable) -> sql.Composed:
        return sql.SQL(_DRAWN).format(numbers=numbers, **self._said)

    def _citizens(self) -> sql.Composed:
        """The wishes are the draw's own; only what differs from one citizen to the next is said here."""
        some = bytes(16)
        usual, hearing = self._draw.citizen(some), self._draw.citizen(some, hears=True)
        each = {
            "id": sql.SQL("c.id"),
            "created_at": sql.SQL("to_timestamp(c.ms / 1000.0::float8)"),
            "bucket": sql.SQL(BUCKET_IN_SQL.format(id="c.id")),
            "draw_seed": sql.SQL(f"1 + ('x' || right(c.id::text, 8))::bit(32)::bigint % {MODULUS - 1}"),
        }
        values = [each.get(name) or _wish(name, usual[name], hearing[name]) for name in usual]
        numbers = sql.SQL("generate_series(0, {}::bigint)").format(self._draw.citizen_count - 1)
        return sql.SQL(_CITIZENS).format(
            names=sql.SQL(", ").join(map(sql.Identifier, usual)),
            values=sql.SQL(", ").join(values),
            drawn=self._drawn(numbers),
        )

    def _rank(self, connection: psycopg.Connection[Any]) -> None:
        """Tell the server of the shops in the order of their popularity, the fan-out's before all."""
        connection.execute("CREATE TEMPORARY TABLE ranked (rank integer, id uuid)")
        with connection.cursor().copy("COPY ranked FROM STDIN") as copy:
            for rank, shop_id in enumerate([self._draw.fan_out_shop, *self._draw.followed_shops]):
                copy.write_row((rank, shop_id.hex()))
        connection.execute("ANALYZE ranked")

    def _follows(self) -> sql.Composed:
        return sql.SQL(_FOLLOWS).format(
            level=sql.Literal(Level.NORMAL.value),
            callers=sql.Literal(FOLLOWS),
            each=sql.Literal(self._draw.follows_each),
            shops=sql.Literal(len(self._draw.followed_shops)),
            **self._said,
        )


def teach(connection: psycopg.Connection[Any]) -> None:
    """Teach one connection of PostgreSQL to draw lots, and shops by their popularity; it forgets when it ends."""
    for lot in _LOTS:
        connection.execute(lot)


def _wish(name: str, usual: Any, hearing: Any) -> sql.Composed:
    table = Citizen.__table__
    assert isinstance(table, Table)
    kind = sql.SQL(table.columns[name].type.compile(dialect=postgresql.dialect()))
    one, other = (sql.SQL("CAST({} AS {})").format(str(value), kind) for value in (usual, hearing))
    return one if usual == hearing else sql.SQL("CASE WHEN k.hears THEN {} ELSE {} END").format(other, one)
