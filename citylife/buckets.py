"""Buckets: the small hash of a citizen by which work is claimed, and by which PostgreSQL cuts partitions of her rows.

It is the remainder of PostgreSQL's own hash of a UUID (Bob Jenkins's lookup3 over its 16 bytes, seeded as for hash
partitions), so that where the tables are partitioned, a bucket lies whole in one partition.
"""

import uuid
from typing import Final

BUCKETS: Final = 16
"""How many lanes the ledger's work is claimed by; a power of two, which every number of partitions divides."""
SEED: Final = 0x7A5B22367996DCFD
"""What PostgreSQL seeds the hashes of partitions with."""
OFFSET: Final = 3
"""What combining the hash of a key of one column adds to it, modulo `BUCKETS`."""

_32: Final = 0xFFFFFFFF


def bucket_of(citizen_id: uuid.UUID) -> int:
    """The bucket of a citizen: the same from her id alone, in Python and in PostgreSQL (`BUCKET_IN_SQL`)."""
    return (_hashed(citizen_id.bytes) + OFFSET) % BUCKETS


BUCKET_IN_SQL: Final = f"((uuid_hash_extended({{id}}, {SEED}) & {BUCKETS - 1}) + {OFFSET}) & {BUCKETS - 1}"
"""The same, as PostgreSQL computes it of the column `{id}`."""


def _hashed(key: bytes) -> int:
    """The lower half of lookup3's 64 bits over a key of 16 bytes."""
    one, two, three, four = (int.from_bytes(key[at : at + 4], "little") for at in (0, 4, 8, 12))
    a = b = c = (0x9E3779B9 + len(key) + 3923095) & _32
    a, b, c = _mixed((a + (SEED >> 32)) & _32, (b + SEED) & _32, c)
    a, b, c = _mixed((a + one) & _32, (b + two) & _32, (c + three) & _32)
    return _finished((a + four) & _32, b, c)


def _rotated(word: int, bits: int) -> int:
    return (word << bits | word >> (32 - bits)) & _32


def _mixed(a: int, b: int, c: int) -> tuple[int, int, int]:
    for first, second, third in ((4, 6, 8), (16, 19, 4)):
        a, c = (a - c & _32) ^ _rotated(c, first), c + b & _32
        b, a = (b - a & _32) ^ _rotated(a, second), a + c & _32
        c, b = (c - b & _32) ^ _rotated(b, third), b + a & _32
    return a, b, c


def _finished(a: int, b: int, c: int) -> int:
    c = (c ^ b) - _rotated(b, 14) & _32
    a = (a ^ c) - _rotated(c, 11) & _32
    b = (b ^ a) - _rotated(a, 25) & _32
    c = (c ^ b) - _rotated(b, 16) & _32
    a = (a ^ c) - _rotated(c, 4) & _32
    b = (b ^ a) - _rotated(a, 14) & _32
    return (c ^ b) - _rotated(b, 24) & _32
