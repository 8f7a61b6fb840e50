"""The tables of search: the words of every shop and offer the public may find, and the trigrams of those words.

A typing error spoils a word, so trigrams lead to words (some ten thousand, whatever the number of shops), and words
lead to shops and offers. Nothing here is a truth of its own: `citylife.search.upkeep` writes it, and can write it anew.
"""

import datetime as dt
import uuid
from enum import Enum
from typing import Final

from sqlalchemy import Index, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from citylife.database import Base, Choice, Identifier

LONGEST_WORD: Final = 32
"""Letters of a word that are kept; what follows tells no two shops apart."""


FIRST: Final = 0
"""Penalties: the first word of a name; another one; one of an offer's shop; one of the trade or the commune."""
NAMED: Final = 10
SHOP_NAMED: Final = 40
AROUND: Final = 60


def plainly_sorted(length: int) -> String:
    """A text that both databases sort by code point, so that « begins with » is a range of an index."""
    return String(length, collation="C").with_variant(String(length), "sqlite")


class Found(Enum):
    """What is found."""

    SHOP = "shop"
    OFFER = "offer"


class SearchEntry(Base):
    """A word by which a thing is found. Its key is the order it is read in: for a word, names first.

    `penalty` is least for a word of the name, most for one of its trade or commune; `words` counts those of its name.
    An offer is found until its end.
    """

    __tablename__ = "search_entries"
    __table_args__ = (
        Index("ix_search_entries_thing", "thing_id", "word", "penalty"),
        Index("ix_search_entries_place", "kind", "insee_code", "word", "penalty"),
        Index("ix_search_entries_trade", "kind", "category", "word", "penalty"),
        {"sqlite_with_rowid": False},
    )

    kind: Mapped[Found] = mapped_column(Choice(Found), primary_key=True)
    word: Mapped[str] = mapped_column(plainly_sorted(LONGEST_WORD), primary_key=True)
    penalty: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    thing_id: Mapped[uuid.UUID] = mapped_column(Identifier(), primary_key=True)
    insee_code: Mapped[str] = mapped_column(String(5))
    category: Mapped[str] = mapped_column(String(24))
    words: Mapped[int] = mapped_column(SmallInteger)
    ends_at: Mapped[dt.datetime | None]


class SearchGram(Base):
    """A trigram, and a word it stands in; words of one length stand together."""

    __tablename__ = "search_grams"
    __table_args__ = ({"sqlite_with_rowid": False},)

    gram: Mapped[str] = mapped_column(plainly_sorted(3), primary_key=True)
    length: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    word: Mapped[str] = mapped_column(plainly_sorted(LONGEST_WORD), primary_key=True)
