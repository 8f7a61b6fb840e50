"""The three tables of the ledger and the words they use.

Decisions and deliveries have no id of their own: they are keyed by citizen first, so that they can be partitioned or
sharded with her. Claims go by `bucket`, a small hash of the citizen, and by the push service's origin.
"""

import datetime as dt
import uuid
from enum import Enum
from typing import Final

from sqlalchemy import BigInteger, Date, ForeignKey, Index, SmallInteger, false, text
from sqlalchemy.orm import Mapped, mapped_column

from citylife.database import Base, Choice, Identifier

REPLACEABLE: Final = dt.timedelta(days=2)
"""How long after its acceptance a notification may still be shown somewhere, and is worth replacing."""


class MessageKind(Enum):
    """What a message is."""

    ANNOUNCEMENT = "announcement"
    SOLD_OUT = "sold-out"
    DIGEST = "digest"
    NEAR_ME_NOW = "near-me-now"
    PAGE_ONLY = "page-only"
    """An offer of a trade that is never announced: it is held for each follower, so that she can read why."""


OF_HERS: Final = frozenset({MessageKind.DIGEST, MessageKind.NEAR_ME_NOW})
"""Messages of no one offer: what they say is lines of one citizen (`citylife.courtesy.tables.DigestLine`)."""


class MessageState(Enum):
    """Whether its decisions are still being written."""

    EXPANDING = "expanding"
    EXPANDED = "expanded"
    STOPPED = "stopped"


class Outcome(Enum):
    """What was decided for a citizen and a message."""

    SEND = "send"
    HELD = "held"


class Reason(Enum):
    """Why it was decided so; each is said to her in one sentence (`citylife.ledger.reasons`)."""

    FOLLOWS = "follows"
    ALWAYS = "always"
    NEARBY = "nearby"
    DISCOVERY = "discovery"
    NEAR_ME_NOW = "near-me-now"
    DRAWN = "drawn"
    REPLACES = "replaces"
    DIGEST = "digest"
    LEVEL_NONE = "level-none"
    NO_DEVICE = "no-device"
    NO_CONSENT = "no-consent"
    UNFOLLOWED = "unfollowed"
    FOLLOWED_LATER = "followed-later"
    """Of no decision: said of what was announced before she followed."""
    NOT_NEAR = "not-near"
    NOT_DRAWN = "not-drawn"
    WEEK_SPENT = "week-spent"
    DAY_SPENT = "day-spent"
    BUDGET_SPENT = "budget-spent"
    """Decided before the two were told apart."""
    QUIET_HOURS = "quiet-hours"
    ONE_A_DAY = "one-a-day"
    SHOP_STOPPED = "shop-stopped"
    SENDING_STOPPED = "sending-stopped"
    SENDING_REFUSED = "sending-refused"
    PAGE_ONLY = "page-only"
    OFFER_CLOSED = "offer-closed"
    DEVICE_GONE = "device-gone"


class Arm(Enum):
    """The arm of the paced draw a decision fell in, for the measure of what a notification changes."""

    DRAWN = "drawn"
    NOT_DRAWN = "not-drawn"
    NONE = "none"


class DeliveryState(Enum):
    """Where a delivery stands; the last four are final."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    ACCEPTED = "accepted"
    GONE = "gone"
    REFUSED = "refused"
    EXPIRED = "expired"


class Message(Base):
    """An announcement, a replacement, a digest, a near-me-now, or what is never announced, with its fan-out cursor.

    `release_at` is when it may first be expanded, `expires_at` when it is no longer worth sending, `cursor` the last
    citizen whose decision is written. `replaces_id` names the announcement a sold-out replaces. `draw_a` and `draw_b`
    are the seeds of an announcement's draw; `discovering` says that its followers are done, and that those who asked
    to discover come next.
    """

    __tablename__ = "messages"
    __table_args__ = (
        Index(
            "ix_messages_expanding",
            "release_at",
            sqlite_where=text("state = 'expanding'"),
            postgresql_where=text("state = 'expanding'"),
        ),
        Index("ix_messages_offer", "offer_id"),
        Index("ix_messages_shop", "shop_id", "created_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    kind: Mapped[MessageKind] = mapped_column(Choice(MessageKind))
    state: Mapped[MessageState] = mapped_column(Choice(MessageState), default=MessageState.EXPANDING)
    shop_id: Mapped[uuid.UUID | None] = mapped_column(Identifier(), ForeignKey("shops.id"))
    offer_id: Mapped[uuid.UUID | None] = mapped_column(Identifier(), ForeignKey("offers.id"))
    offer_version: Mapped[int | None] = mapped_column(SmallInteger)
    replaces_id: Mapped[uuid.UUID | None] = mapped_column(Identifier(), ForeignKey("messages.id"))
    created_at: Mapped[dt.datetime]
    release_at: Mapped[dt.datetime]
    expires_at: Mapped[dt.datetime]
    cursor: Mapped[uuid.UUID | None]
    decided: Mapped[int] = mapped_column(default=0)
    draw_a: Mapped[int | None] = mapped_column(BigInteger)
    draw_b: Mapped[int | None] = mapped_column(BigInteger)
    discovering: Mapped[bool] = mapped_column(default=False, server_default=false())
    expanded_at: Mapped[dt.datetime | None]


class Decision(Base):
    """To send, or held and why. `until` is when a held one is looked at again; `chance` of the draw is per million."""

    __tablename__ = "decisions"
    __table_args__ = ({"sqlite_with_rowid": False},)

    citizen_id: Mapped[uuid.UUID] = mapped_column(
        Identifier(), ForeignKey("citizens.id", ondelete="CASCADE"), primary_key=True
    )
    message_id: Mapped[uuid.UUID] = mapped_column(Identifier(), ForeignKey("messages.id"), primary_key=True)
    outcome: Mapped[Outcome] = mapped_column(Choice(Outcome))
    reason: Mapped[Reason] = mapped_column(Choice(Reason))
    decided_at: Mapped[dt.datetime]
    until: Mapped[dt.datetime | None]
    local_date: Mapped[dt.date | None] = mapped_column(Date)
    arm: Mapped[Arm] = mapped_column(Choice(Arm), default=Arm.NONE, server_default="none")
    chance: Mapped[int | None]


class Delivery(Base):
    """What is sent to one device. `fence` is the token of the claim that holds it; `status` the service's answer."""

    __tablename__ = "deliveries"
    __table_args__ = (
        Index(
            "ix_deliveries_waiting",
            "bucket",
            "origin_id",
            "next_at",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
        Index(
            "ix_deliveries_claimed",
            "lease_until",
            sqlite_where=text("state = 'claimed'"),
            postgresql_where=text("state = 'claimed'"),
        ),
    )

    citizen_id: Mapped[uuid.UUID] = mapped_column(
        Identifier(), ForeignKey("citizens.id", ondelete="CASCADE"), primary_key=True
    )
    message_id: Mapped[uuid.UUID] = mapped_column(Identifier(), ForeignKey("messages.id"), primary_key=True)
    device_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    bucket: Mapped[int] = mapped_column(SmallInteger)
    origin_id: Mapped[int]
    state: Mapped[DeliveryState] = mapped_column(Choice(DeliveryState), default=DeliveryState.WAITING)
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    next_at: Mapped[dt.datetime]
    lease_until: Mapped[dt.datetime | None]
    fence: Mapped[int | None] = mapped_column(BigInteger)
    accepted_at: Mapped[dt.datetime | None]
    status: Mapped[int | None] = mapped_column(SmallInteger)


class SendingStop(Base):
    """Staff stopped a shop (`shop_id`) or all sending (none); lifted when `lifted_at` is set. History is kept."""

    __tablename__ = "sending_stops"
    __table_args__ = (
        Index(
            "ix_sending_stops_current",
            "shop_id",
            sqlite_where=text("lifted_at IS NULL"),
            postgresql_where=text("lifted_at IS NULL"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    shop_id: Mapped[uuid.UUID | None] = mapped_column(Identifier(), ForeignKey("shops.id"))
    stopped_at: Mapped[dt.datetime]
    lifted_at: Mapped[dt.datetime | None]
    reason: Mapped[str]
    lifted_reason: Mapped[str | None]
