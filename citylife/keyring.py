"""The keys this database is used with: the first host notes them, and every other must hold the same to start.

What is noted of the secret is a mark that tells nothing of it; of a push key (VAPID), its public half, under the number
by which each device says which one it subscribed with. A new push key is taken for a rotation where whoever brings it
still holds the current one: only this house could.
"""

import datetime as dt
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import SmallInteger, String, UniqueConstraint, and_, delete, exists, func, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from citylife.database import Base, Choice
from citylife.devices import Device, EndpointOwner
from citylife.keys import Keys
from citylife.upserts import insert_unless_there
from citylife.wording import Sentence

BATCH: Final = 1_000
"""Devices forgotten in one transaction."""


class KeyKind(Enum):
    """What a key is for."""

    SECRET = "secret"  # noqa: S105 - the name of a kind
    PUSH = "push"


class NotedKey(Base):
    """A key that was met: its mark (see `mark_of_secret`) or its public half; ended when it is to be used no more."""

    __tablename__ = "noted_keys"
    __table_args__ = (UniqueConstraint("kind", "mark"),)

    kind: Mapped[KeyKind] = mapped_column(Choice(KeyKind), primary_key=True)
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    mark: Mapped[str] = mapped_column(String(88))
    current: Mapped[bool]
    noted_at: Mapped[dt.datetime]
    ended_at: Mapped[dt.datetime | None]


class KeysDiffer(Exception):
    """The keys of this host are not those of the database; `sentence` says which, and what to do."""

    def __init__(self, sentence: Sentence) -> None:
        self.sentence = sentence
        super().__init__(str(sentence))


@dataclass(frozen=True, slots=True)
class PushKeyUse:
    """A push key, and how many devices subscribed with it."""

    number: int
    public: str
    current: bool
    noted_at: dt.datetime
    ended_at: dt.datetime | None
    devices: int


@dataclass(frozen=True, slots=True)
class Differences:
    """What of a host's keys is not what the database knows: the secret, and the push keys that are lost to it."""

    secret: bool
    lost: tuple[PushKeyUse, ...]

    @property
    def devices(self) -> int:
        """How many devices can no longer be written to."""
        return sum(use.devices for use in self.lost)


def mark_of_secret(secret: str) -> str:
    """What stands for a secret in the database: an HMAC under it, of no use to whoever does not have it."""
    return hmac.digest(secret.encode(), b"citylife noted key", "sha256").hex()


def any_noted(session: Session) -> bool:
    """Whether some host has noted its keys here already."""
    return session.scalar(select(NotedKey.number).limit(1)) is not None


def agree(session: Session, keys: Keys, *, now: dt.datetime) -> Mapping[int, ec.EllipticCurvePrivateKey]:
    """Note the keys of the first host; see that every other's are the same. The push keys held, by number.

    Raises:
        KeysDiffer: another secret, another push key, or one is missing that browsers still rely on.
    """
    insert_unless_there(session, NotedKey, **_first(KeyKind.SECRET, mark_of_secret(keys.secret_key), now))
    if _current(session, KeyKind.SECRET) != mark_of_secret(keys.secret_key):
        raise KeysDiffer(
            Sentence(
                "La clé secrète de cette machine n’est pas celle de cette base de données. Donnez-lui celle des autres "
                "machines (CITYLIFE_SECRET_KEY, ou le fichier « secret-key » de leur dossier d’instance). Si elle est "
                "perdue, « citylife keys accept » dit ce que coûte d’en changer."
            )
        )
    held = keys.push_keys
    oldest = next(iter(reversed(held)))
    insert_unless_there(session, NotedKey, **_first(KeyKind.PUSH, oldest, now))
    current = _current(session, KeyKind.PUSH)
    if current != keys.vapid_public:
        _rotate(session, keys, current, now=now)
    for public in held:
        _number(session, public, now=now)
    _see_that_none_is_missing(session, keys)
    return numbered(session, keys)


def accept(session: Session, keys: Keys, *, now: dt.datetime) -> Differences:
    """Take the keys of this host for those of the database, whatever it knew; what was different.

    Push keys that this host does not hold have ended: their devices are to be forgotten (`forget_devices`).
    """
    found = differences(session, keys)
    mark = mark_of_secret(keys.secret_key)
    if found.secret:
        number = _next_number(session, KeyKind.SECRET)
        insert_unless_there(session, NotedKey, **{**_first(KeyKind.SECRET, mark, now), "number": number})
        _make_current(session, KeyKind.SECRET, mark)
    for public in reversed(keys.push_keys):
        _number(session, public, now=now)
    _make_current(session, KeyKind.PUSH, keys.vapid_public)
    for use in found.lost:
        end_push_key(session, use.number, now=now)
    return found


def differences(session: Session, keys: Keys) -> Differences:
    """What `accept` would change."""
    secret = _current(session, KeyKind.SECRET)
    held = keys.push_keys
    lost = tuple(use for use in push_keys(session) if use.ended_at is None and use.public not in held)
    return Differences(secret is not None and secret != mark_of_secret(keys.secret_key), lost)


def numbered(session: Session, keys: Keys) -> Mapping[int, ec.EllipticCurvePrivateKey]:
    """The push keys of this host by their numbers; those not noted are left out."""
    held = keys.push_keys
    rows = session.execute(select(NotedKey.number, NotedKey.mark).where(NotedKey.kind == KeyKind.PUSH))
    return {number: held[mark] for number, mark in rows if mark in held}


def number_of(session: Session, keys: Keys, public: str, *, now: dt.datetime) -> int | None:
    """The number of a push key that this host holds and that has not ended; None for any other."""
    if public not in keys.push_keys:
        return None
    number = _number(session, public, now=now)
    ended = select(NotedKey.ended_at).where(NotedKey.kind == KeyKind.PUSH, NotedKey.number == number)
    return number if session.scalar(ended) is None else None


def push_keys(session: Session) -> Sequence[PushKeyUse]:
    """Every push key that was met, with its devices; reads the whole table of devices once."""
    count = select(Device.push_key, func.count()).group_by(Device.push_key)
    devices = {row[0]: row[1] for row in session.execute(count)}
    rows = session.scalars(select(NotedKey).where(NotedKey.kind == KeyKind.PUSH).order_by(NotedKey.number))
    return [
        PushKeyUse(row.number, row.mark, row.current, row.noted_at, row.ended_at, devices.get(row.number, 0))
        for row in rows
    ]


def end_push_key(session: Session, number: int, *, now: dt.datetime) -> None:
    """Use a push key no more; the devices that subscribed with it are to be forgotten (`forget_devices`)."""
    session.execute(
        update(NotedKey)
        .where(NotedKey.kind == KeyKind.PUSH, NotedKey.number == number, NotedKey.current.is_(False))
        .values(ended_at=now)
    )


def forget_devices(session: Session, number: int) -> int:
    """Forget a thousand devices of an ended push key; how many, none once there are none left."""
    rows = session.execute(
        select(Device.citizen_id, Device.id, Device.endpoint_sha256).where(Device.push_key == number).limit(BATCH)
    ).all()
    if not rows:
        return 0
    session.execute(delete(EndpointOwner).where(EndpointOwner.endpoint_sha256.in_([row[2] for row in rows])))
    session.execute(
        delete(Device).where(or_(*(and_(Device.citizen_id == citizen, Device.id == id_) for citizen, id_, _ in rows)))
    )
    return len(rows)


def _rotate(session: Session, keys: Keys, current: str | None, *, now: dt.datetime) -> None:
    """Make this host's push key the current one, if it still holds the one that was."""
    was_current = session.scalar(
        select(NotedKey.number).where(NotedKey.kind == KeyKind.PUSH, NotedKey.mark == keys.vapid_public)
    )
    if current not in keys.push_keys:
        raise KeysDiffer(
            Sentence(
                "La clé de notification (VAPID) de cette machine n’est pas celle de cette base de données. Donnez-lui "
                "celle des autres machines (CITYLIFE_VAPID_PRIVATE_KEY, ou le fichier « vapid-private-key »). Pour en "
                "changer, gardez l’ancienne dans CITYLIFE_VAPID_PREVIOUS_KEYS. Si elle est perdue, « citylife keys "
                "accept » dit ce que cela coûte."
            )
        )
    if was_current is not None and was_current < (_number(session, current, now=now) if current else 0):
        raise KeysDiffer(
            Sentence(
                "La clé de notification (VAPID) de cette machine a été remplacée par la n° {number}. Donnez-lui la "
                "nouvelle (CITYLIFE_VAPID_PRIVATE_KEY), et l’ancienne dans CITYLIFE_VAPID_PREVIOUS_KEYS.",
                number=_number(session, current, now=now) if current else 0,
            )
        )
    _number(session, keys.vapid_public, now=now)
    _make_current(session, KeyKind.PUSH, keys.vapid_public)


def _see_that_none_is_missing(session: Session, keys: Keys) -> None:
    used = exists().where(Device.push_key == NotedKey.number)
    wanted = select(NotedKey.number, NotedKey.mark).where(
        NotedKey.kind == KeyKind.PUSH, NotedKey.ended_at.is_(None), NotedKey.current.is_(False), used
    )
    for number, public in session.execute(wanted):
        if public not in keys.push_keys:
            raise KeysDiffer(
                Sentence(
                    "Il manque à cette machine l’ancienne clé de notification n° {number}, avec laquelle des "
                    "navigateurs sont encore abonnés : ajoutez-la à CITYLIFE_VAPID_PREVIOUS_KEYS, ou renoncez-y "
                    "partout avec « citylife keys drop {number} ».",
                    number=number,
                )
            )


def _first(kind: KeyKind, mark: str, now: dt.datetime) -> dict[str, object]:
    return {"kind": kind, "number": 1, "mark": mark, "current": True, "noted_at": now}


def _current(session: Session, kind: KeyKind) -> str | None:
    return session.scalar(select(NotedKey.mark).where(NotedKey.kind == kind, NotedKey.current).limit(1))


def _make_current(session: Session, kind: KeyKind, mark: str) -> None:
    session.execute(update(NotedKey).where(NotedKey.kind == kind).values(current=NotedKey.mark == mark))
    session.execute(update(NotedKey).where(NotedKey.kind == kind, NotedKey.mark == mark).values(ended_at=None))


def _next_number(session: Session, kind: KeyKind) -> int:
    return (session.scalar(select(func.max(NotedKey.number)).where(NotedKey.kind == kind)) or 0) + 1


def _number(session: Session, public: str, *, now: dt.datetime) -> int:
    """The number of a push key, given when it is first met, however many hosts meet it at the same moment."""
    find = select(NotedKey.number).where(NotedKey.kind == KeyKind.PUSH, NotedKey.mark == public)
    while (number := session.scalar(find)) is None:
        number = _next_number(session, KeyKind.PUSH)
        values = {**_first(KeyKind.PUSH, public, now), "number": number, "current": number == 1}
        insert_unless_there(session, NotedKey, **values)
    return number
