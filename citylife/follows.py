"""Follows: which citizen hears of which shop, how much, since when and until when.

The table is keyed by citizen first; the reverse index `ix_follows_shop` serves the fan-out of an offer by itself.
"""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from sqlalchemy import Connection, ForeignKey, Index, select
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.orm.util import identity_key

from citylife.accounts.citizens import HOLD
from citylife.activity import COUNTED_UP, INTO_COUNTS, SOON_AFTER, TOLD_SINCE, Counted
from citylife.clock import local_date
from citylife.courtesy.pace import KEEP_PACE
from citylife.database import Base, Choice, Identifier
from citylife.errors import Absent, Refusal, TooMany
from citylife.ledger.statements import Statement, given_moment, run_in_turn, stored
from citylife.shops import PUBLIC, Shop, shop_by_slug

MOST_ALWAYS: Final = 3
"""At most so many shops are outside a citizen's budget of notifications."""


class Level(Enum):
    """How much of a shop a citizen wants to hear; at most three shops at « always »."""

    ALWAYS = "always"
    NORMAL = "normal"
    NEARBY = "nearby"
    NONE = "none"


class Follow(Base):
    """A follow that stands. `nearby_until` is until when its level was « nearby » before; none where it never was."""

    __tablename__ = "follows"
    __table_args__ = (Index("ix_follows_shop", "shop_id", "citizen_id", "level"), {"sqlite_with_rowid": False})

    citizen_id: Mapped[uuid.UUID] = mapped_column(
        Identifier(), ForeignKey("citizens.id", ondelete="CASCADE"), primary_key=True
    )
    shop_id: Mapped[uuid.UUID] = mapped_column(Identifier(), ForeignKey("shops.id"), primary_key=True)
    level: Mapped[Level] = mapped_column(Choice(Level), default=Level.NORMAL)
    begun_at: Mapped[dt.datetime]
    nearby_until: Mapped[dt.datetime | None]


class EndedFollow(Base):
    """A follow that has ended: the measures count new and lost follows from both tables."""

    __tablename__ = "ended_follows"
    __table_args__ = (
        Index("ix_ended_follows_begun_at", "begun_at"),
        Index("ix_ended_follows_ended_at", "ended_at"),
        Index("ix_ended_follows_shop", "shop_id", "ended_at"),
        {"sqlite_with_rowid": False},
    )

    citizen_id: Mapped[uuid.UUID] = mapped_column(
        Identifier(), ForeignKey("citizens.id", ondelete="CASCADE"), primary_key=True
    )
    shop_id: Mapped[uuid.UUID] = mapped_column(Identifier(), ForeignKey("shops.id"), primary_key=True)
    begun_at: Mapped[dt.datetime] = mapped_column(primary_key=True)
    ended_at: Mapped[dt.datetime]


class TooManyAlways(TooMany):
    """Three shops are already « always » for her."""

    slug = "too-many-always"
    title = "Trop de commerces « toujours »"
    sentence = "Au plus {most} commerces peuvent être suivis « toujours »."


@dataclass(frozen=True, slots=True)
class Followed:
    """A follow as it stands, and its shop in short; `new` where she did not follow it before."""

    shop_id: uuid.UUID
    slug: str
    name: str
    level: Level
    begun_at: dt.datetime
    new: bool


IS_PUBLIC: Final = f"s.status IN ({', '.join(repr(status.value) for status in PUBLIC)}) AND NOT s.unproved"
STANDS: Final = "s.slug, s.name, f.level, f.begun_at"
_STANDING: Final = Statement(
    f"""
    SELECT {STANDS} FROM shops s LEFT JOIN follows f ON f.citizen_id = :citizen AND f.shop_id = s.id
    WHERE s.id = :shop AND {IS_PUBLIC}
    """
)
OR_CHANGE: Final = f"""
    ON CONFLICT (citizen_id, shop_id) DO UPDATE SET level = excluded.level, nearby_until =
        CASE WHEN follows.level = '{Level.NEARBY.value}' THEN excluded.begun_at ELSE follows.nearby_until END
"""


_FOLLOW: Final = Statement(
    f"""
    INSERT INTO follows (citizen_id, shop_id, level, begun_at)
    SELECT c.id, s.id, CAST(:level AS text), :now FROM citizens c CROSS JOIN shops s
    WHERE c.id = :citizen AND s.id = :shop AND {IS_PUBLIC} AND (
        CAST(:level AS text) <> '{Level.ALWAYS.value}' OR {MOST_ALWAYS} > (
            SELECT count(*) FROM follows f
            WHERE f.citizen_id = :citizen AND f.level = '{Level.ALWAYS.value}' AND f.shop_id <> :shop
        )
    )
    {OR_CHANGE}
    RETURNING begun_at
    """
)
"""Her other « always » are counted behind the lock, so also those that are set at the same moment."""


def opt_out(ended: str) -> str:
    """Count one where a follow among these has ended."""
    return f"{INTO_COUNTS} SELECT :day, '{Counted.OPT_OUTS.value}', shop_id, 1 {ended} AND {TOLD_SINCE} {COUNTED_UP}"


def was(ended: str) -> str:
    """Keep that these follows have been."""
    return f"""
        INSERT INTO ended_follows (citizen_id, shop_id, begun_at, ended_at)
        SELECT citizen_id, shop_id, begun_at, :now {ended} ON CONFLICT DO NOTHING
    """


HERS: Final = "FROM follows WHERE citizen_id = :citizen AND shop_id = :shop"
_FOLLOWING: Final = (HOLD, _FOLLOW, KEEP_PACE)
_ENDING: Final = (
    HOLD,
    Statement(was(HERS)),
    Statement(opt_out(HERS)),
    Statement(f"DELETE {HERS} RETURNING begun_at"),
    KEEP_PACE,
)


def keep_follow(
    connection: Connection, citizen_id: uuid.UUID, shop_id: uuid.UUID, level: Level, *, now: dt.datetime
) -> Followed:
    """Follow a shop at a level, or change the level; the same twice writes nothing, and the beginning stays.

    Raises:
        TooManyAlways: three other shops are « always » already, counted also when they are set at the same moment.
        Absent: there is no such shop, it is suspended or closed down, or the citizen was erased.
    """
    values = to_follow(connection, citizen_id, shop_id, level, now)
    return write_follow(connection, _STANDING.run(connection, values).first(), values, shop_id, level)


def to_follow(
    connection: Connection, citizen_id: uuid.UUID, shop_id: uuid.UUID, level: Level, now: dt.datetime
) -> dict[str, Any]:
    """What the statements of a follow want."""
    return {
        "citizen": stored(connection, citizen_id),
        "shop": stored(connection, shop_id),
        "level": level.value,
        "now": stored(connection, now),
    }


def write_follow(
    connection: Connection, standing: Any, values: dict[str, Any], shop_id: uuid.UUID, level: Level
) -> Followed:
    """Write what is not so already."""
    if standing is None:
        raise Absent
    slug, name, before, begun_at = standing
    if before != level.value:
        held, written, _ = run_in_turn(connection, _FOLLOWING, values)
        begun_at = _begun(connection, held, written, values)
    return Followed(shop_id, slug, name, level, given_moment(begun_at), before is None)


def _begun(
    connection: Connection, held: object, written: Sequence[Any], values: Mapping[str, Any]
) -> dt.datetime | str:
    """Since when she follows, as the driver has it, once it was written."""
    if not held:
        raise Absent
    if not written:
        raise _refusal(connection, values)
    begun_at: dt.datetime | str = written[0][0]
    return begun_at


def _refusal(connection: Connection, values: Mapping[str, Any]) -> Refusal:
    """Why a follow of hers was not written."""
    if _STANDING.run(connection, values).first() is None:
        return Absent()
    return TooManyAlways(pointer="/level", most=MOST_ALWAYS)


def end_follow(connection: Connection, citizen_id: uuid.UUID, shop_id: uuid.UUID, *, now: dt.datetime) -> bool:
    """Follow a shop no longer; False when she did not. Within a day of a notification it counts as an opt-out.

    Raises:
        Absent: the citizen was erased.
    """
    held, _, _, ended, _ = run_in_turn(connection, _ENDING, to_end(connection, citizen_id, shop_id, now))
    if not held:
        raise Absent
    return bool(ended)


def to_end(connection: Connection, citizen_id: uuid.UUID, shop_id: uuid.UUID, now: dt.datetime) -> dict[str, Any]:
    """What the statements want by which a follow ends."""
    return {
        "citizen": stored(connection, citizen_id),
        "shop": stored(connection, shop_id),
        "now": stored(connection, now),
        "since": stored(connection, now - SOON_AFTER),
        "day": stored(connection, local_date(now)),
    }


def follow(session: Session, citizen_id: uuid.UUID, shop: Shop, level: Level, *, now: dt.datetime) -> Follow:
    """What `keep_follow` does, in the session's transaction.

    Raises:
        TooManyAlways, Absent: as there.
    """
    session.flush()
    keep_follow(session.connection(), citizen_id, shop.id, level, now=now)
    return session.get_one(Follow, (citizen_id, shop.id), populate_existing=True)


def unfollow(session: Session, citizen_id: uuid.UUID, shop_id: uuid.UUID, *, now: dt.datetime) -> bool:
    """What `end_follow` does, in the session's transaction.

    Raises:
        Absent: as there.
    """
    session.flush()
    known = session.identity_map.get(identity_key(Follow, (citizen_id, shop_id)))
    ended = end_follow(session.connection(), citizen_id, shop_id, now=now)
    if known is not None:
        session.expunge(known)
    return ended


def follow_of(session: Session, citizen_id: uuid.UUID, shop_id: uuid.UUID) -> Follow | None:
    """How a citizen follows a shop; None when she does not."""
    return session.get(Follow, (citizen_id, shop_id))


def follows_of(
    session: Session, citizen_id: uuid.UUID, *, after: uuid.UUID | None = None, limit: int
) -> Sequence[tuple[Follow, Shop]]:
    """What a citizen follows, each with its shop, suspended ones too; `after` is the shop a page ended with."""
    statement = (
        select(Follow, Shop)
        .join(Shop, Shop.id == Follow.shop_id)
        .where(Follow.citizen_id == citizen_id)
        .order_by(Follow.shop_id)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(Follow.shop_id > after)
    return [(row[0], row[1]) for row in session.execute(statement)]


def shop_to_leave(session: Session, citizen_id: uuid.UUID, slug: str) -> Shop:
    """The shop of a page's address as far as it may be left: public, or followed by her whatever has become of it.

    Raises:
        Absent: it is neither.
        ShopClosedDown: it no longer exists, and she does not follow it.
    """
    followed = select(Shop).join(Follow, Follow.shop_id == Shop.id)
    hers = session.scalar(followed.where(Follow.citizen_id == citizen_id, Shop.slug == slug))
    return shop_by_slug(session, slug) if hers is None else hers


def always_of(session: Session, citizen_id: uuid.UUID) -> Sequence[Shop]:
    """The shops that are « always » for a citizen, by name; three at most, suspended ones too."""
    statement = (
        select(Shop)
        .join(Follow, Follow.shop_id == Shop.id)
        .where(Follow.citizen_id == citizen_id, Follow.level == Level.ALWAYS)
        .order_by(Shop.name, Shop.id)
    )
    return session.scalars(statement).all()
