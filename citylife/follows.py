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

from citylife.accounts.citizens import HOLD, read_token
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


_IS_PUBLIC: Final = f"s.status IN ({', '.join(repr(status.value) for status in PUBLIC)}) AND NOT s.unproved"
_STANDS: Final = "s.slug, s.name, f.level, f.begun_at"
_STANDING: Final = Statement(
    f"""
    SELECT {_STANDS} FROM shops s LEFT JOIN follows f ON f.citizen_id = :citizen AND f.shop_id = s.id
    WHERE s.id = :shop AND {_IS_PUBLIC}
    """
)
_STANDING_SHOWN: Final = f"""
    {_STANDS} FROM citizen_tokens t JOIN shops s ON s.id = :shop
    LEFT JOIN follows f ON f.citizen_id = :citizen AND f.shop_id = :shop
"""
_FOLLOWED_SHOWN: Final = """
    f.shop_id FROM citizen_tokens t LEFT JOIN follows f ON f.citizen_id = :citizen AND f.shop_id = :shop
"""
_IS_SHOWN: Final = "t.citizen_id = :citizen AND t.digest = :digest"


def _follow(also: str = "") -> Statement:
    """Her other « always » are counted behind the lock, so also those that are set at the same moment."""
    return Statement(
        f"""
        INSERT INTO follows (citizen_id, shop_id, level, begun_at)
        SELECT c.id, s.id, CAST(:level AS text), :now FROM citizens c CROSS JOIN shops s
        WHERE c.id = :citizen AND s.id = :shop AND {_IS_PUBLIC} {also} AND (
            CAST(:level AS text) <> '{Level.ALWAYS.value}' OR {MOST_ALWAYS} > (
                SELECT count(*) FROM follows f
                WHERE f.citizen_id = :citizen AND f.level = '{Level.ALWAYS.value}' AND f.shop_id <> :shop
            )
        )
        ON CONFLICT (citizen_id, shop_id) DO UPDATE SET level = excluded.level, nearby_until =
            CASE WHEN follows.level = '{Level.NEARBY.value}' THEN excluded.begun_at ELSE follows.nearby_until END
        RETURNING begun_at
        """
    )


def _opt_out(ended: str) -> str:
    """Count one where a follow among these has ended."""
    return f"{INTO_COUNTS} SELECT :day, '{Counted.OPT_OUTS.value}', shop_id, 1 {ended} AND {TOLD_SINCE} {COUNTED_UP}"


def _was(ended: str) -> str:
    """Keep that these follows have been."""
    return f"""
        INSERT INTO ended_follows (citizen_id, shop_id, begun_at, ended_at)
        SELECT citizen_id, shop_id, begun_at, :now {ended} ON CONFLICT DO NOTHING
    """


_HERS: Final = "FROM follows WHERE citizen_id = :citizen AND shop_id = :shop"
_FOLLOWING: Final = (HOLD, _follow(), KEEP_PACE)
_ENDING: Final = (
    HOLD,
    Statement(_was(_HERS)),
    Statement(_opt_out(_HERS)),
    Statement(f"DELETE {_HERS} RETURNING begun_at"),
    KEEP_PACE,
)

# On PostgreSQL a kept connection asks and writes in one go: the first statement decides whether anything is to be
# written, holds her then, and keeps it for the transaction; what follows does nothing otherwise, and nobody is held.
_DECIDED: Final = "AND current_setting('citylife.writes', true) = 'yes'"


def _deciding(wanted: str, asked: str, shown: str) -> Statement:
    held = f"SELECT c.id FROM citizens c WHERE c.id = :citizen AND {wanted} FOR NO KEY UPDATE"
    decision = f"CASE WHEN {wanted} THEN 'yes' ELSE 'no' END"
    return Statement(
        f"""
        SELECT set_config('citylife.writes', {decision}, true), h.id, {asked}
        LEFT JOIN LATERAL ({held}) AS h ON true WHERE {shown}
        """
    )


_PACE_IF: Final = Statement(
    f"{KEEP_PACE.text('sqlite')} {_DECIDED} AND EXISTS (SELECT 1 FROM shop_rhythms r WHERE r.shop_id = :shop)"
)
"""Whoever announces nothing changes nobody's pace."""
_FOLLOWING_IN_ONE: Final = (
    _deciding("f.level IS DISTINCT FROM CAST(:level AS text)", _STANDING_SHOWN, f"{_IS_SHOWN} AND {_IS_PUBLIC}"),
    _follow(_DECIDED),
    _PACE_IF,
)
_ENDING_IN_ONE: Final = (
    _deciding("f.shop_id IS NOT NULL", _FOLLOWED_SHOWN, _IS_SHOWN),
    Statement(
        f"""
        WITH ended AS (DELETE {_HERS} {_DECIDED} RETURNING citizen_id, shop_id, begun_at),
            was AS ({_was("FROM ended")}),
            opted_out AS ({_opt_out("FROM ended WHERE true")})
        SELECT begun_at FROM ended
        """
    ),
    _PACE_IF,
)
_ASK_STANDING_SHOWN: Final = Statement(f"SELECT {_STANDING_SHOWN} WHERE {_IS_SHOWN} AND {_IS_PUBLIC}")
_ASK_FOLLOWED_SHOWN: Final = Statement(f"SELECT {_FOLLOWED_SHOWN} WHERE {_IS_SHOWN}")


def keep_follow(
    connection: Connection, citizen_id: uuid.UUID, shop_id: uuid.UUID, level: Level, *, now: dt.datetime
) -> Followed:
    """Follow a shop at a level, or change the level; the same twice writes nothing, and the beginning stays.

    Raises:
        TooManyAlways: three other shops are « always » already, counted also when they are set at the same moment.
        Absent: there is no such shop, it is suspended or closed down, or the citizen was erased.
    """
    values = _to_follow(connection, citizen_id, shop_id, level, now)
    return _keep(connection, _STANDING.run(connection, values).first(), values, shop_id, level)


def keep_follow_shown(
    connection: Connection, token: str, shop_id: uuid.UUID, level: Level, *, now: dt.datetime
) -> tuple[uuid.UUID, Followed]:
    """The citizen a token speaks for, and what `keep_follow` does for her: one statement less.

    Raises:
        TooManyAlways: as there.
        Absent: as there, or the token speaks for nobody.
    """
    citizen_id, digest = _read(token)
    values = _to_follow(connection, citizen_id, shop_id, level, now)
    if connection.dialect.name != "postgresql":
        standing = _ASK_STANDING_SHOWN.run(connection, {**values, "digest": digest}).first()
        return citizen_id, _keep(connection, standing, values, shop_id, level)
    stood, written, _ = run_in_turn(connection, _FOLLOWING_IN_ONE, {**values, "digest": digest})
    if not stood:
        raise Absent
    _, held, slug, name, before, begun_at = stood[0]
    if before != level.value:
        begun_at = _begun(connection, held, written, values)
    return citizen_id, Followed(shop_id, slug, name, level, given_moment(begun_at), before is None)


def _read(token: str) -> tuple[uuid.UUID, bytes]:
    read = read_token(token)
    if read is None:
        raise Absent
    return read


def _to_follow(
    connection: Connection, citizen_id: uuid.UUID, shop_id: uuid.UUID, level: Level, now: dt.datetime
) -> dict[str, Any]:
    return {
        "citizen": stored(connection, citizen_id),
        "shop": stored(connection, shop_id),
        "level": level.value,
        "now": stored(connection, now),
    }


def _keep(connection: Connection, standing: Any, values: dict[str, Any], shop_id: uuid.UUID, level: Level) -> Followed:
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
    held, _, _, ended, _ = run_in_turn(connection, _ENDING, _to_end(connection, citizen_id, shop_id, now))
    if not held:
        raise Absent
    return bool(ended)


def _to_end(connection: Connection, citizen_id: uuid.UUID, shop_id: uuid.UUID, now: dt.datetime) -> dict[str, Any]:
    return {
        "citizen": stored(connection, citizen_id),
        "shop": stored(connection, shop_id),
        "now": stored(connection, now),
        "since": stored(connection, now - SOON_AFTER),
        "day": stored(connection, local_date(now)),
    }


def end_follow_shown(connection: Connection, token: str, shop_id: uuid.UUID, *, now: dt.datetime) -> uuid.UUID:
    """The citizen a token speaks for, who follows a shop no longer; where she did not, nothing is written.

    Raises:
        Absent: the token speaks for nobody.
    """
    citizen_id, digest = _read(token)
    values = {**_to_end(connection, citizen_id, shop_id, now), "digest": digest}
    if connection.dialect.name == "postgresql":
        if not run_in_turn(connection, _ENDING_IN_ONE, values)[0]:
            raise Absent
        return citizen_id
    row = _ASK_FOLLOWED_SHOWN.run(connection, values).first()
    if row is None:
        raise Absent
    if row[0] is not None:
        end_follow(connection, citizen_id, shop_id, now=now)
    return citizen_id


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
