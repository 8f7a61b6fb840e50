"""The paced draw: who is told now, when more is to be expected than a citizen's budget holds.

Her chance is what is left of her budget over what may still come in the week, and in the day, from the shops she
follows (`citylife.courtesy.course`), this offer included, once: certain while there is room. No shop she follows gains
by posting first: over a week whose offers are known, every one of them has the same chance (selection sampling; Knuth,
TAOCP 2, 3.4.2, algorithm S). What she discovers is not expected, and its order counts.

The draw itself is u = (a × seed + b) mod p: `seed` is the citizen's, `a` and `b` the message's (Carter and Wegman,
1979). All of it is whole numbers below 2⁶³, the same in Python, SQLite and PostgreSQL, and can be computed again from
what the tables keep. A shop has the same `a` and `b` for the same announcement of the same day: trying again draws
nothing new.
"""

import datetime as dt
import hashlib
import secrets
import uuid
from dataclasses import dataclass
from typing import Final

MODULUS: Final = 2**31 - 1
"""A prime; seeds and draws are below it."""
CERTAIN: Final = 1_000_000
"""A chance of one, in parts per million."""
MILLI: Final = 1_000
"""Rhythms are thousandths of an announcement a week."""


@dataclass(frozen=True, slots=True)
class Seeds:
    """The two numbers of a message's draw; `a` is never zero."""

    a: int
    b: int


def new_seed() -> int:
    """A citizen's own number, from 1 to p − 1; it says nothing of her and is told to nobody."""
    return 1 + secrets.randbelow(MODULUS - 1)


def seeds_of(shop_id: uuid.UUID, day: dt.date, number: int) -> Seeds:
    """The seeds of a shop's announcement: its `number`-th (from 0) of that day."""
    digest = hashlib.sha256(b"draw" + shop_id.bytes + day.isoformat().encode() + number.to_bytes(2)).digest()
    return Seeds(1 + int.from_bytes(digest[:8]) % (MODULUS - 1), int.from_bytes(digest[8:16]) % MODULUS)


def chance(*, week_left: int, day_left: int, pace: int, week_share: int, day_share: int, later: int = 0) -> int:
    """The chance of being told, per million; zero when the week's or the day's budget is spent.

    `pace` is thousandths of an announcement that the other shops she follows make in a week, the shares are what is
    left of the week in the day and in the week, per million; `later` is thousandths of an announcement that this shop
    will still make on other days of her week.
    """
    if week_left <= 0 or day_left <= 0:
        return 0
    of_week = week_left * CERTAIN * MILLI // (MILLI + pace * week_share // CERTAIN + later)
    of_day = day_left * CERTAIN * MILLI // (MILLI + pace * day_share // CERTAIN)
    return min(CERTAIN, of_week, of_day)


def is_drawn(seeds: Seeds, seed: int, chance: int) -> bool:
    """Whether the draw of a message takes a citizen whose chance is `chance` per million."""
    return (seeds.a * seed + seeds.b) % MODULUS * CERTAIN < chance * MODULUS
