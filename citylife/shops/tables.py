"""The tables of shops: listed → claimed → verified ⇄ suspended; a refused claim leaves the shop listed again.

Listed ⇄ closed: staff say that a shop nobody has claimed no longer exists. Claimed → closed: the claim that alone spoke
of the shop is refused.

A listed shop can be found and followed before anyone claims it. « Shop » covers pools, libraries, associations and
market traders; a trader may stand at another place each weekday.
"""

import datetime as dt
import math
import uuid
from enum import Enum
from typing import Final

from sqlalchemy import Computed, Date, ForeignKey, Index, LargeBinary, SmallInteger, String, Text, false, text
from sqlalchemy.orm import Mapped, mapped_column

from citylife.database import Base, Choice, Identifier

BANDS: Final = 200
"""Bands of latitude a degree: each is some 550 m tall."""


def bands_between(south: float, north: float) -> list[int]:
    """The bands that lie between two latitudes, degrees.

    One database cuts a number off where the other rounds it: one more at each end.
    """
    return list(range(math.floor(south * BANDS), math.ceil(north * BANDS) + 1))


class ShopStatus(Enum):
    """Where a shop stands."""

    LISTED = "listed"
    CLAIMED = "claimed"
    VERIFIED = "verified"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class ClaimStatus(Enum):
    """Where a claim stands."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REFUSED = "refused"


class Proof(Enum):
    """How the possession of a shop was proved."""

    POSTED_CODE = "posted-code"
    VISIT = "visit"
    DEMO = "demo"  # a fictional shop of the demonstration


class Shop(Base):
    """A shop, its place and its hours (OpenStreetMap `opening_hours` syntax). `version` counts its changes."""

    __tablename__ = "shops"
    __table_args__ = (
        Index("ix_shops_band", "band", "longitude", "latitude"),
        Index("ix_shops_commune", "insee_code", "id"),
        Index("ix_shops_status", "status", "id"),
        Index("ix_shops_siret", "siret"),
        Index("ix_shops_category", "category", "id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(100), unique=True)
    status: Mapped[ShopStatus] = mapped_column(Choice(ShopStatus), default=ShopStatus.LISTED)
    name: Mapped[str] = mapped_column(String(120))
    description: Mapped[str] = mapped_column(String(500), default="")
    category: Mapped[str] = mapped_column(String(24))
    siret: Mapped[str | None] = mapped_column(String(14))
    rna: Mapped[str | None] = mapped_column(String(10))
    street: Mapped[str] = mapped_column(String(160), default="")
    postal_code: Mapped[str] = mapped_column(String(5), default="")
    insee_code: Mapped[str] = mapped_column(String(5), ForeignKey("communes.insee_code"))
    latitude: Mapped[float]
    longitude: Mapped[float]
    band: Mapped[int] = mapped_column(Computed(f"CAST(latitude * {BANDS} AS INTEGER)", persisted=True), deferred=True)
    """Which stripe of latitude it lies in: what is near is looked for in a few of them, however wide the country is."""
    opening_hours: Mapped[str | None] = mapped_column(String(500))
    telephone: Mapped[str | None] = mapped_column(String(24))
    website: Mapped[str | None] = mapped_column(String(300))
    source: Mapped[str | None] = mapped_column(String(60), unique=True)
    """Where a listed shop came from, such as `osm:node/123`; an import finds it again by this."""
    fictional: Mapped[bool] = mapped_column(default=False)
    unproved: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether only a claim that staff have not accepted says that there is such a shop: the public sees none of it."""
    suspended_reason: Mapped[str | None] = mapped_column(String(300))
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]
    version: Mapped[int] = mapped_column(default=1)


class ShopStand(Base):
    """Where a market trader stands on a weekday (0 is Monday), from a time of day until another."""

    __tablename__ = "shop_stands"
    __table_args__ = (Index("ix_shop_stands_position", "weekday", "latitude", "longitude"),)

    shop_id: Mapped[uuid.UUID] = mapped_column(Identifier(), ForeignKey("shops.id"), primary_key=True)
    weekday: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    label: Mapped[str] = mapped_column(String(120))
    insee_code: Mapped[str] = mapped_column(String(5), ForeignKey("communes.insee_code"))
    latitude: Mapped[float]
    longitude: Mapped[float]
    hours: Mapped[str] = mapped_column(String(120))


class ShopClaim(Base):
    """A merchant says a shop is hers; staff accept with a proof or refuse with a reason."""

    __tablename__ = "shop_claims"
    __table_args__ = (
        Index(
            "uq_shop_claims_pending",
            "shop_id",
            unique=True,
            sqlite_where=text("status = 'pending'"),
            postgresql_where=text("status = 'pending'"),
        ),
        Index(
            "ix_shop_claims_photo",
            "photo_id",
            sqlite_where=text("photo_id IS NOT NULL"),
            postgresql_where=text("photo_id IS NOT NULL"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    shop_id: Mapped[uuid.UUID] = mapped_column(Identifier(), ForeignKey("shops.id"))
    merchant_id: Mapped[uuid.UUID] = mapped_column(Identifier(), ForeignKey("merchants.id"))
    siret: Mapped[str | None] = mapped_column(String(14))
    rna: Mapped[str | None] = mapped_column(String(10))
    status: Mapped[ClaimStatus] = mapped_column(Choice(ClaimStatus), default=ClaimStatus.PENDING)
    proof: Mapped[Proof | None] = mapped_column(Choice(Proof))
    reason: Mapped[str | None] = mapped_column(Text)
    visited_on: Mapped[dt.date | None] = mapped_column(Date)
    seen_by: Mapped[str | None] = mapped_column(String(200))
    """Who saw the shop and its merchant on that day, in the words of staff."""
    opening_hours: Mapped[str | None] = mapped_column(String(500))
    """What a shop that was listed before says once the claim is accepted; empty for none, None where none were said."""
    photo_id: Mapped[uuid.UUID | None] = mapped_column(Identifier(), ForeignKey("photos.id"))
    """The photo that its page shows then."""
    claimed_at: Mapped[dt.datetime]
    decided_at: Mapped[dt.datetime | None]


class PostedCode(Base):
    """The code of a letter to a claimed shop: a slow digest of it, how often it was tried, when it was entered."""

    __tablename__ = "posted_codes"

    claim_id: Mapped[uuid.UUID] = mapped_column(Identifier(), ForeignKey("shop_claims.id"), primary_key=True)
    salt: Mapped[bytes] = mapped_column(LargeBinary(16))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    made_at: Mapped[dt.datetime]
    expires_at: Mapped[dt.datetime]
    failed: Mapped[int] = mapped_column(SmallInteger, default=0)
    entered_at: Mapped[dt.datetime | None]


class ShopSuspension(Base):
    """Staff suspended a shop and why; lifted when `lifted_at` is set, and why. History is kept."""

    __tablename__ = "shop_suspensions"
    __table_args__ = (Index("ix_shop_suspensions_shop", "shop_id", "id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    shop_id: Mapped[uuid.UUID] = mapped_column(Identifier(), ForeignKey("shops.id"))
    suspended_at: Mapped[dt.datetime]
    reason: Mapped[str] = mapped_column(String(300))
    lifted_at: Mapped[dt.datetime | None]
    lifted_reason: Mapped[str | None] = mapped_column(String(300))


class ShopClosing(Base):
    """Staff said that a shop is gone and why; taken back when `reopened_at` is set, and why. History is kept."""

    __tablename__ = "shop_closings"
    __table_args__ = (Index("ix_shop_closings_shop", "shop_id", "id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    shop_id: Mapped[uuid.UUID] = mapped_column(Identifier(), ForeignKey("shops.id"))
    closed_at: Mapped[dt.datetime]
    reason: Mapped[str] = mapped_column(String(300))
    reopened_at: Mapped[dt.datetime | None]
    reopened_reason: Mapped[str | None] = mapped_column(String(300))


class ShopCommune(Base):
    """In which commune a shop was, from a date until another: measures by area follow it."""

    __tablename__ = "shop_communes"

    shop_id: Mapped[uuid.UUID] = mapped_column(Identifier(), ForeignKey("shops.id"), primary_key=True)
    since: Mapped[dt.date] = mapped_column(Date, primary_key=True)
    until: Mapped[dt.date | None] = mapped_column(Date)
    insee_code: Mapped[str] = mapped_column(String(5), ForeignKey("communes.insee_code"))
