"""The tables of offers, events and news: draft → scheduled → live → ended by time, withdrawn, or sold out.

A published version is immutable and kept. An offer lasts at most fourteen days. A price reduction states the lowest
price of the last thirty days (Code de la consommation L112-1-1) unless the goods are perishable.
"""

import datetime as dt
import uuid
from enum import Enum
from typing import Any, Final

from sqlalchemy import ForeignKey, Index, LargeBinary, SmallInteger, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from citylife.database import Base, Choice, Identifier

LONGEST: Final = dt.timedelta(days=14)
CALLED_OFF: Final = "status IN ('sold-out', 'withdrawn')"
ILLUSTRATED: Final = "photo_id IS NOT NULL"


class OfferKind(Enum):
    """What is announced."""

    OFFER = "offer"
    EVENT = "event"
    NEWS = "news"


class OfferStatus(Enum):
    """Where an offer stands."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    LIVE = "live"
    ENDED = "ended"
    WITHDRAWN = "withdrawn"
    SOLD_OUT = "sold-out"


class Offer(Base):
    """An offer of a shop. Prices are cents of euro; `radius` metres; `version` counts its changes (its ETag).

    `piece` is its public JSON, stored so that hot reads join bytes instead of building objects.
    """

    __tablename__ = "offers"
    __table_args__ = (
        Index(
            "ix_offers_live",
            "shop_id",
            "ends_at",
            "id",
            sqlite_where=text("status = 'live'"),
            postgresql_where=text("status = 'live'"),
        ),
        Index(
            "ix_offers_ending",
            "ends_at",
            "id",
            sqlite_where=text("status = 'live'"),
            postgresql_where=text("status = 'live'"),
        ),
        Index(
            "ix_offers_called_off",
            "shop_id",
            "ends_at",
            sqlite_where=text(CALLED_OFF),
            postgresql_where=text(CALLED_OFF),
        ),
        Index("ix_offers_shop", "shop_id", "id"),
        Index("ix_offers_live_from", "live_from"),
        Index("ix_offers_photo", "photo_id", sqlite_where=text(ILLUSTRATED), postgresql_where=text(ILLUSTRATED)),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    shop_id: Mapped[uuid.UUID] = mapped_column(Identifier(), ForeignKey("shops.id"))
    kind: Mapped[OfferKind] = mapped_column(Choice(OfferKind), default=OfferKind.OFFER)
    status: Mapped[OfferStatus] = mapped_column(Choice(OfferStatus), default=OfferStatus.DRAFT)
    title: Mapped[str] = mapped_column(String(80))
    description: Mapped[str] = mapped_column(String(1000), default="")
    price: Mapped[int | None]
    prior_price: Mapped[int | None]
    reduction: Mapped[bool] = mapped_column(default=False)
    perishable: Mapped[bool] = mapped_column(default=False)
    quantity: Mapped[int | None]
    radius: Mapped[int] = mapped_column(default=5000)
    photo_id: Mapped[uuid.UUID | None] = mapped_column(Identifier(), ForeignKey("photos.id"))
    starts_at: Mapped[dt.datetime | None]
    ends_at: Mapped[dt.datetime]
    first_saved_at: Mapped[dt.datetime]
    live_from: Mapped[dt.datetime | None]
    closed_at: Mapped[dt.datetime | None]
    withdrawn_reason: Mapped[str | None] = mapped_column(String(300))
    """Why staff withdrew it, for the merchant; None when she did so herself."""
    updated_at: Mapped[dt.datetime]
    version: Mapped[int] = mapped_column(default=1)
    piece: Mapped[str | None] = mapped_column(Text)


class OfferVersion(Base):
    """What was published, word for word: immutable and kept (a trigger refuses any change)."""

    __tablename__ = "offer_versions"

    offer_id: Mapped[uuid.UUID] = mapped_column(Identifier(), ForeignKey("offers.id"), primary_key=True)
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    published_at: Mapped[dt.datetime]
    content: Mapped[dict[str, Any]]
    sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
