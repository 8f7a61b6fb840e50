"""The tables of photos: what is known of each, and apart from that its bytes, which only its own address reads.

A photo never changes, so its id is a digest of its shop and its bytes: a UUIDv8 (RFC 9562, 5.8).
"""

import datetime as dt
import hashlib
import uuid
from enum import Enum
from typing import Final

from sqlalchemy import ForeignKey, Index, LargeBinary, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from citylife.database import Base, Choice, Identifier
from citylife.photos.developing import Developed

UNUSED: Final = "NOT fronts AND NOT published"


class Size(Enum):
    """In which size a photo is shown: where there is room, or on a phone and in lists."""

    LARGE = "large"
    SMALL = "small"


class Photo(Base):
    """A photo of a shop, in points. `fronts`: its page shows it; `published`: an offer did, so that it is kept.

    `touched_at` is when it was last sent or chosen, or stopped being shown.
    """

    __tablename__ = "photos"
    __table_args__ = (
        Index("ix_photos_shop", "shop_id", "touched_at"),
        Index("uq_photos_fronts", "shop_id", unique=True, sqlite_where=text("fronts"), postgresql_where=text("fronts")),
        Index("ix_photos_unused", "touched_at", sqlite_where=text(UNUSED), postgresql_where=text(UNUSED)),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    shop_id: Mapped[uuid.UUID] = mapped_column(Identifier(), ForeignKey("shops.id"))
    fronts: Mapped[bool] = mapped_column(default=False)
    published: Mapped[bool] = mapped_column(default=False)
    touched_at: Mapped[dt.datetime]
    width: Mapped[int] = mapped_column(SmallInteger)
    height: Mapped[int] = mapped_column(SmallInteger)
    small_width: Mapped[int] = mapped_column(SmallInteger)
    small_height: Mapped[int] = mapped_column(SmallInteger)


class PhotoFile(Base):
    """The bytes of a photo in one size, in WebP; they leave with it."""

    __tablename__ = "photo_files"

    photo_id: Mapped[uuid.UUID] = mapped_column(
        Identifier(), ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True
    )
    size: Mapped[Size] = mapped_column(Choice(Size), primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


def photo_id_of(shop_id: uuid.UUID, developed: Developed) -> uuid.UUID:
    """The id of a photo of a shop: the same bytes of the same shop are the same photo."""
    digest = hashlib.sha256(shop_id.bytes + developed.large.content + developed.small.content).digest()
    number = int.from_bytes(digest[:16])
    number = number & ~(0xF << 76) | 0x8 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    return uuid.UUID(int=number)
