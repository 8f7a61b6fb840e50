"""Moving: what is hers follows a citizen to another phone, by a code she types or by one she printed.

A transfer code is short (50 bits) and lives ten minutes: it is stored as its HMAC under the instance's secret, so that
a stolen table tells nothing in time, and few may be tried from one place. A recovery code is long (125 bits), stands
until it is used, replaced or revoked, and is stored as its SHA-256: it must outlive a lost secret. Each works once.
"""

import datetime as dt
import hashlib
import hmac
import ipaddress
import re
import secrets
import uuid
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Final

from sqlalchemy import ForeignKey, Index, LargeBinary, bindparam, delete, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from citylife.accounts.citizens import Citizen, CitizenToken, hold, new_token
from citylife.database import Base, Choice, Identifier, UtcDateTime
from citylife.devices import sign_out_devices
from citylife.errors import Absent, Refusal
from citylife.forgetting import BATCH, forget_some

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O nor U, which are misread. Five bits a character."""
GROUP: Final = 5
TRANSFER_LENGTH: Final = 10
RECOVERY_LENGTH: Final = 25
TRANSFER_LIFE: Final = dt.timedelta(minutes=10)
MOST_OPEN: Final = 3
"""How many transfer codes of a citizen may be open; one more ends the oldest."""
MOST_TRIES: Final = 20
"""How many codes may be refused to one place within a window."""
WINDOW: Final = dt.timedelta(hours=1)
IPV6_PLACE: Final = 64

_MISREAD: Final = str.maketrans("ILO", "110", " -\N{NO-BREAK SPACE}\N{EN DASH}")
_CODE: Final = re.compile(f"[{ALPHABET}]+")


class CodeKind(Enum):
    """What a code is for."""

    TRANSFER = "transfer"
    RECOVERY = "recovery"


class OldPhones(Enum):
    """What becomes of the phones she had before: they go on, or they are signed out."""

    KEEP = "keep"
    SIGN_OUT = "sign-out"


class MovingCode(Base):
    """A code that lets another phone in, known by its digest; a recovery code has no end."""

    __tablename__ = "moving_codes"
    __table_args__ = ({"sqlite_with_rowid": False},)

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    citizen_id: Mapped[uuid.UUID] = mapped_column(
        Identifier(), ForeignKey("citizens.id", ondelete="CASCADE"), index=True
    )
    kind: Mapped[CodeKind] = mapped_column(Choice(CodeKind))
    made_at: Mapped[dt.datetime]
    expires_at: Mapped[dt.datetime | None]


class CodeTries(Base):
    """How many codes were refused to a place since a moment. The place is an HMAC of its address, never the address."""

    __tablename__ = "code_tries"
    __table_args__ = (Index("ix_code_tries_since", "since"), {"sqlite_with_rowid": False})

    place: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    since: Mapped[dt.datetime] = mapped_column(primary_key=True)
    refused: Mapped[int]


class CodeRefused(Refusal):
    """The code is wrong, used, replaced or too old: which of them is not said."""

    slug: ClassVar[str] = "moving-code-refused"
    status: ClassVar[int] = 422
    title: ClassVar[str] = "Code refusé"
    sentence: ClassVar[str] = "Ce code n’est pas valable : il est faux, il a déjà servi, ou il est trop ancien."


class TooManyTries(Refusal):
    """Too many codes were refused to this place: it has to wait."""

    slug: ClassVar[str] = "too-many-tries"
    status: ClassVar[int] = 429
    title: ClassVar[str] = "Trop d’essais"
    sentence: ClassVar[str] = "Trop de codes ont été refusés depuis votre réseau. Réessayez dans une heure."

    def __init__(self, *, seconds: int) -> None:
        self.headers = {"Retry-After": str(seconds)}
        super().__init__()


@dataclass(frozen=True, slots=True)
class Moved:
    """Who moved, the token of her new phone (told once), and whether a recovery code of hers still stands."""

    citizen: Citizen
    token: str
    used: CodeKind
    recovery_stands: bool


_COUNT: Final = text(
    "INSERT INTO code_tries (place, since, refused) VALUES (:place, :since, 1) "
    "ON CONFLICT (place, since) DO UPDATE SET refused = code_tries.refused + 1"
).bindparams(bindparam("place", type_=LargeBinary(32)), bindparam("since", type_=UtcDateTime()))


def make_transfer_code(session: Session, citizen: Citizen, *, secret: str, now: dt.datetime) -> tuple[str, dt.datetime]:
    """A code to type on another phone within ten minutes, and when it ends; it is told once.

    Three may be open: one more ends the oldest.

    Raises:
        Absent: she was erased.
    """
    hold(session, citizen.id)
    mine = MovingCode.citizen_id == citizen.id, MovingCode.kind == CodeKind.TRANSFER
    session.execute(delete(MovingCode).where(*mine, MovingCode.expires_at <= now))
    newest_first = select(MovingCode.digest).where(*mine).order_by(MovingCode.made_at.desc(), MovingCode.digest)
    too_many = session.scalars(newest_first.offset(MOST_OPEN - 1)).all()
    session.execute(delete(MovingCode).where(MovingCode.digest.in_(too_many)))
    code, expires_at = _drawn(TRANSFER_LENGTH), now + TRANSFER_LIFE
    session.add(
        MovingCode(
            digest=_digest(code, secret),
            citizen_id=citizen.id,
            kind=CodeKind.TRANSFER,
            made_at=now,
            expires_at=expires_at,
        )
    )
    session.flush()
    return grouped(code), expires_at


def make_recovery_code(session: Session, citizen: Citizen, *, now: dt.datetime) -> str:
    """A code to print and put away; it is told once, and replaces the one before.

    Raises:
        Absent: she was erased.
    """
    hold(session, citizen.id)
    _forget_recovery(session, citizen.id)
    code = _drawn(RECOVERY_LENGTH)
    session.add(MovingCode(digest=_digest(code, ""), citizen_id=citizen.id, kind=CodeKind.RECOVERY, made_at=now))
    session.flush()
    return grouped(code)


def recovery_since(session: Session, citizen_id: uuid.UUID) -> dt.datetime | None:
    """Since when a recovery code of hers stands; None when none does."""
    standing = MovingCode.citizen_id == citizen_id, MovingCode.kind == CodeKind.RECOVERY
    return session.scalar(select(MovingCode.made_at).where(*standing))


def revoke_recovery_code(session: Session, citizen: Citizen) -> None:
    """Let the recovery code work no longer; without one, nothing changes.

    Raises:
        Absent: she was erased.
    """
    hold(session, citizen.id)
    _forget_recovery(session, citizen.id)


def move(session: Session, code: str, old_phones: OldPhones, *, secret: str, now: dt.datetime) -> Moved:
    """Let a new phone in, and spend the code.

    Signing the old phones out ends every token she had, removes her devices (what waits for them is not sent) and ends
    every code of hers: whoever holds an old phone may have made one.

    Raises:
        CodeRefused: the code is none that works now.
    """
    digest = _digest(read_code(code), secret)
    found = session.get(MovingCode, digest)
    if found is None:
        raise CodeRefused(pointer="/code")
    try:
        citizen = hold(session, found.citizen_id)  # before the code's own row: whoever makes one goes the same way
    except Absent:
        raise CodeRefused(pointer="/code") from None
    spent = session.execute(
        delete(MovingCode)
        .where(MovingCode.digest == digest, MovingCode.expires_at.is_(None) | (MovingCode.expires_at > now))
        .returning(MovingCode.kind)
    ).first()
    if spent is None:
        raise CodeRefused(pointer="/code")
    if old_phones is OldPhones.SIGN_OUT:
        session.execute(delete(CitizenToken).where(CitizenToken.citizen_id == citizen.id))
        session.execute(delete(MovingCode).where(MovingCode.citizen_id == citizen.id))
        sign_out_devices(session, citizen.id, now=now)
    token = new_token(session, citizen, now=now)
    return Moved(citizen, token, spent.kind, recovery_since(session, citizen.id) is not None)


def check_tries(session: Session, place: bytes, *, now: dt.datetime) -> None:
    """Go on only where few codes were refused lately.

    Raises:
        TooManyTries: twenty were, within this hour; it says how many seconds are left.
    """
    since = _window(now)
    tries = session.get(CodeTries, (place, since))
    if tries is not None and tries.refused >= MOST_TRIES:
        raise TooManyTries(seconds=int((since + WINDOW - now).total_seconds()) + 1)


def count_refused(session: Session, place: bytes, *, now: dt.datetime) -> None:
    """Count a code that was refused to a place; the caller commits it, though the request is refused."""
    session.execute(_COUNT, {"place": place, "since": _window(now)})


def place_of(address: str, secret: str) -> bytes:
    """What stands for a network address in the counters: its HMAC under the instance's secret.

    All of an IPv6 network of 64 bits is one place: whoever has one address of it has them all.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        place = address
    else:
        bits = parsed.max_prefixlen if isinstance(parsed, ipaddress.IPv4Address) else IPV6_PLACE
        place = str(ipaddress.ip_network((parsed.packed, bits), strict=False))
    return hmac.digest(secret.encode(), f"code tries\n{place}".encode(), "sha256")


def forget_codes(session: Session, *, now: dt.datetime, most: int = BATCH) -> int:
    """Delete codes that are over, at most `most`; how many. A recovery code has no end."""
    return forget_some(session, MovingCode, MovingCode.expires_at <= now, most=most)


def forget_tries(session: Session, *, now: dt.datetime, most: int = BATCH) -> int:
    """Delete the counters of earlier hours, at most `most`; how many."""
    return forget_some(session, CodeTries, CodeTries.since < _window(now), most=most)


def read_code(written: str) -> str:
    """The code as it was drawn, from what a person typed: any case, blanks and hyphens, I and L for 1, O for 0.

    Raises:
        CodeRefused: no code is written so.
    """
    code = written.upper().translate(_MISREAD)
    if len(code) not in {TRANSFER_LENGTH, RECOVERY_LENGTH} or not _CODE.fullmatch(code):
        raise CodeRefused(pointer="/code")
    return code


def grouped(code: str) -> str:
    """A code in groups of five, as it is shown."""
    return "-".join(code[start : start + GROUP] for start in range(0, len(code), GROUP))


def _drawn(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def _digest(code: str, secret: str) -> bytes:
    if len(code) == RECOVERY_LENGTH:
        return hashlib.sha256(code.encode()).digest()
    return hmac.digest(secret.encode(), f"transfer code\n{code}".encode(), "sha256")


def _forget_recovery(session: Session, citizen_id: uuid.UUID) -> None:
    mine = MovingCode.citizen_id == citizen_id, MovingCode.kind == CodeKind.RECOVERY
    session.execute(delete(MovingCode).where(*mine))


def _window(now: dt.datetime) -> dt.datetime:
    return now.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)
