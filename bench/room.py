"""Whether a town has room on the disk of the PostgreSQL server: estimated before it is built, refused if it has not.

The bytes a row takes, its indexes included, were read off towns that were built; loading takes as much again of what
is sorted for an index, and some of the log of writes.
"""

import shutil
from pathlib import Path
from typing import Any, Final

import psycopg

from bench import drawing

CITIZEN: Final = 350
"""Bytes of a citizen with her token."""
FOLLOW: Final = 190
OFFER: Final = 3_900
"""Bytes of an offer or a shop with the words it is found by."""
SHOP: Final = 3_000
CONSTANT: Final = 24 << 20
"""Of an empty database, and of the twenty thousand phones."""
LOADING: Final = 1.3
"""How much more it takes while it is loaded."""
LEFT: Final = 8 << 30
"""Bytes of the disk that are left to everybody else, to the log of writes, and to what the bench itself writes."""
GIGABYTE: Final = 1e9


def estimate(scale: float, follows: int) -> int:
    """Bytes of the town's database once it is built."""
    citizens = drawing.CITIZENS * CITIZEN + drawing.CITIZENS * follows * FOLLOW
    return CONSTANT + int(scale * (citizens + drawing.OFFERS * OFFER + drawing.SHOPS * SHOP))


def see_to_it(cursor: psycopg.Cursor[Any], scale: float, follows: int) -> None:
    """See that the server's disk has room for the town.

    Raises:
        SystemExit: it has not, with what would have.
    """
    row = cursor.execute("SELECT current_setting('data_directory', true)").fetchone()
    folder = Path(row[0]) if row and row[0] else None
    if folder is None or not folder.parent.exists():
        room = estimate(scale, follows) / GIGABYTE
        print(f"  The server's disk cannot be seen from here; the town will take {room:.1f} GB")
        return
    free, wanted = shutil.disk_usage(folder.parent).free, int(estimate(scale, follows) * LOADING)
    if wanted + LEFT <= free:
        return
    fewer = [each for each in range(1, follows) if estimate(scale, each) * LOADING + LEFT <= free]
    way_out = f"FOLLOWS={fewer[-1]} would fit" if fewer else "no number of follows would fit"
    raise SystemExit(
        f"{scale:g} x the town with {follows} follows each takes about {wanted / GIGABYTE:.0f} GB while it is loaded, "
        f"and {LEFT / GIGABYTE:.0f} GB are left free; {folder} has {free / GIGABYTE:.0f} GB: {way_out}"
    )
