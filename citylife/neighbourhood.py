"""The shops around where people ask, kept in memory on SQLite as long as nothing there changes.

The country lies in blocks of some 2.2 km by 2.8, no finer than a cell that the house keeps of anybody, so that what is
held says no more of where somebody asked. Triggers write down, in the very transaction of a change, whoever makes it,
in which blocks a shop, a stand or a live offer has changed (`near_changes`). Each question reads that first, and the
blocks that have changed anew: what it finds is what the database has at that moment.
"""

import datetime as dt
import itertools
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Connection

from citylife.around import IS_PUBLIC, SHOWN, Found
from citylife.clock import PARIS
from citylife.ledger.statements import Statement
from citylife.shops.tables import bands_between

ROWS: Final = 50
"""Rows of blocks a degree of latitude, from the south pole."""
COLUMNS: Final = 25
"""Columns of blocks a degree of longitude, from 360 degrees west."""
ACROSS: Final = 100_000
"""More than there are columns."""
CELLS: Final = 4
"""Each block is so many cells tall, and as many wide: what is near is looked for in those that a box touches."""
MOST_CELLS: Final = 64
"""In a larger box, where shops lie far apart, the database finds them."""
MOST_HELD: Final = 8_192
"""Shops and blocks in memory; more than the blocks that such a box touches can have."""
MOST_OF_A_BLOCK: Final = 900
"""Where more shops lie in one block, the database finds them."""
TRIES: Final = 3
_EDGE: Final = 1e-9
"""Degrees, more than a border of a block errs by."""

_CHANGED: Final = Statement("SELECT number, mark, block FROM near_changes WHERE number >= :seen ORDER BY number")
_LAST: Final = Statement("SELECT number, mark FROM near_changes ORDER BY number DESC LIMIT 1")
_TOLD: Final = ", ".join(f"s.{name}" for name in SHOWN)
_SHOPS: Final = Statement(
    f"""
    SELECT s.id, s.latitude, s.longitude, s.opening_hours, s.rowid, {_TOLD}
    FROM shops s INDEXED BY ix_shops_band
    WHERE s.band IN (SELECT value FROM json_each(:bands)) AND s.longitude BETWEEN :west AND :east AND {IS_PUBLIC}
        AND NOT EXISTS (SELECT 1 FROM shop_stands t WHERE t.shop_id = s.id AND t.weekday = :weekday)
    UNION ALL
    SELECT s.id, t.latitude, t.longitude, t.hours, s.rowid, {_TOLD}
    FROM shop_stands t INDEXED BY ix_shop_stands_position CROSS JOIN shops s
    WHERE t.weekday = :weekday AND t.latitude BETWEEN :south AND :north AND t.longitude BETWEEN :west AND :east
        AND s.id = t.shop_id AND {IS_PUBLIC}
    LIMIT :most
    """
)


class Neighbourhood:
    """Blocks of shops, for all threads of a process. Only shops are in it, and nothing of who asked, or when."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cells: dict[int, list[Found]] = {}
        self._blocks: dict[int, int] = {}
        """How many shops each block that is known has, the one known longest first."""
        self._crowded: set[int] = set()
        self._held = 0
        self._last: tuple[int, int] | None = None
        """The last change that was seen: its number, and the mark by which it is told from another of that number."""
        self._weekday = -1

    def within(self, connection: Connection, edges: Mapping[str, float], *, now: dt.datetime) -> Sequence[Found] | None:
        """At least every public shop within these edges, as the database has them now; None where they are unknown."""
        if connection.dialect.name != "sqlite":
            return None
        south, north = _row(edges["south_edge"], CELLS), _row(edges["north_edge"], CELLS)
        west, east = _column(edges["west_edge"], CELLS), _column(edges["east_edge"], CELLS)
        if (north - south + 1) * (east - west + 1) > MOST_CELLS:
            return None
        blocks = [
            row * ACROSS + column
            for row in range(south // CELLS, north // CELLS + 1)
            for column in range(west // CELLS, east // CELLS + 1)
        ]
        with self._lock:
            for _ in range(TRIES):
                self._catch_up(connection, now)
                missing = [block for block in blocks if block not in self._blocks]
                if not self._crowded.isdisjoint(blocks):
                    return None
                if not missing:
                    cells, columns = self._cells, range(west, east + 1)
                    rows = range(south * ACROSS, (north + 1) * ACROSS, ACROSS)
                    return [shop for row in rows for column in columns for shop in cells.get(row + column, ())]
                for block in missing:
                    self._read(connection, block)
        return None

    def _catch_up(self, connection: Connection, now: dt.datetime) -> None:
        """Forget the blocks that have changed; all where the day is another, or not every change can be seen."""
        weekday = now.astimezone(PARIS).weekday()
        if self._last is not None and weekday == self._weekday:
            changes = _CHANGED.run(connection, {"seen": self._last[0]}).all()
            if changes and tuple(changes[0][:2]) == self._last:
                if len(changes) > 1:
                    self._last = tuple(changes[-1][:2])
                    for change in changes[1:]:
                        self._forget(change[2])
                return
        self._weekday = weekday
        for known in list(self._blocks):
            self._forget(known)
        last = _LAST.run(connection).first()
        self._last = None if last is None else tuple(last)

    def _read(self, connection: Connection, block: int) -> None:
        """Read the shops of a block; what has been known longest makes room."""
        row, column = divmod(block, ACROSS)
        south, west = row / ROWS - 90, column / COLUMNS - 360
        box = {"south": south - _EDGE, "north": south + 1 / ROWS + _EDGE}
        box |= {"west": west - _EDGE, "east": west + 1 / COLUMNS + _EDGE}
        values = {**box, "bands": str(bands_between(box["south"], box["north"])), "weekday": self._weekday}
        values["most"] = MOST_OF_A_BLOCK + 1
        rows = _SHOPS.run(connection, values).all()
        if len(rows) > MOST_OF_A_BLOCK:
            self._crowded.add(block)
            rows = ()
        count, share, cells = 0, sys.intern, self._cells
        for key, latitude, longitude, hours, place, *told in rows:
            down, across = _row(latitude, CELLS), _column(longitude, CELLS)
            if down // CELLS != row or across // CELLS != column:
                continue
            slug, status, name, category, street, postal_code, commune, fictional = told
            # What many shops have in common is in memory once.
            shown = (slug, share(status), name, share(category), street, share(postal_code), share(commune), fictional)
            found = Found(key, latitude, longitude, None if hours is None else share(hours), place, shown)
            cells.setdefault(down * ACROSS + across, []).append(found)
            count += 1
        self._blocks[block] = count
        self._held += 1 + count
        while self._held > MOST_HELD and len(self._blocks) > 1:
            self._forget(next(iter(self._blocks)))

    def _forget(self, block: int) -> None:
        count = self._blocks.pop(block, None)
        if count is None:
            return
        self._held -= 1 + count
        self._crowded.discard(block)
        row, column = divmod(block, ACROSS)
        for down, across in itertools.product(range(CELLS), repeat=2):
            self._cells.pop((row * CELLS + down) * ACROSS + column * CELLS + across, None)


def block_of(latitude: float, longitude: float) -> int:
    """The block that a point lies in; the triggers reckon it by the same numbers."""
    return _row(latitude) * ACROSS + _column(longitude)


def _row(latitude: float, parts: int = 1) -> int:
    return int((latitude + 90) * (ROWS * parts))


def _column(longitude: float, parts: int = 1) -> int:
    return int((longitude + 360) * (COLUMNS * parts))
