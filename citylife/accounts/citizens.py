"""Citizens: an identifier, her wishes, and nothing that names her.

A device token carries the citizen's id, so that a partition or a shard is found from the token alone; only its
SHA-256 is stored.
"""

import base64
import datetime as dt
import hashlib
import re
import secrets
import threading
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final
from zoneinfo import available_timezones

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    ForeignKey,
    LargeBinary,
    SmallInteger,
    String,
    Time,
    bindparam,
    func,
    select,
    text,
)
from sqlalchemy.orm import Mapped, Session, mapped_column, sessionmaker

from citylife.buckets import bucket_of
from citylife.changes import UNSET, Unset, given
from citylife.clock import local_date
from citylife.courtesy.draw import new_seed
from citylife.database import Base, Identifier, new_id
from citylife.errors import Absent, Invalid
from citylife.forgetting import BATCH, forget_some
from citylife.ledger.statements import Statement
from citylife.ledger.tables import Delivery, DeliveryState
from citylife.limits import Limit
from citylife.wording import LOCALES, Sentence

SECRET_LENGTH: Final = 32
MOST_A_WEEK: Final = 20
MOST_A_DAY: Final = 10
ACTIVE_DAYS: Final = 2
"""On how many separate days a citizen without a notification must be seen before she counts (against stuffing)."""
KEPT_DAYS: Final = dt.timedelta(weeks=5)
ZONES_A_QUERY: Final = 500
NEW_FROM_A_NETWORK: Final = (
    Limit("new-citizens-an-hour", 30, dt.timedelta(hours=1)),
    Limit("new-citizens-a-day", 200, dt.timedelta(days=1)),
)
"""How many citizens one place of the network may make: the guests of a café do, an army of inventions does not."""

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{64}")


class Citizen(Base):
    """A citizen: locale, time zone, quiet hours, weekly and daily budget, digest and discovery.

    `notifications_consented` and `location_consented` repeat her latest consent of each purpose, for the fan-out;
    `pace` is how often, in thousandths of an announcement a week, the shops she follows announce; `draw_seed` her own
    number in every draw (`citylife.courtesy`).
    """

    __tablename__ = "citizens"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    created_at: Mapped[dt.datetime]
    bucket: Mapped[int] = mapped_column(SmallInteger)
    locale: Mapped[str] = mapped_column(String(5), default="fr")
    time_zone: Mapped[str] = mapped_column(String(40), default="Europe/Paris")
    quiet_from: Mapped[dt.time] = mapped_column(Time, default=dt.time(20, 0))
    quiet_until: Mapped[dt.time] = mapped_column(Time, default=dt.time(9, 0))
    quiet_sundays: Mapped[bool] = mapped_column(default=True)
    weekly_budget: Mapped[int] = mapped_column(SmallInteger, default=5)
    daily_budget: Mapped[int] = mapped_column(SmallInteger, default=2)
    digest: Mapped[bool] = mapped_column(default=True)
    digest_at: Mapped[dt.time] = mapped_column(Time, default=dt.time(18, 0))
    discover_nearby: Mapped[bool] = mapped_column(default=False)
    notifications_consented: Mapped[bool] = mapped_column(default=False)
    location_consented: Mapped[bool] = mapped_column(default=False)
    pace: Mapped[int] = mapped_column(default=0, server_default="0")
    draw_seed: Mapped[int] = mapped_column(BigInteger, default=new_seed, server_default="1")
    version: Mapped[int] = mapped_column(default=1)


class CitizenToken(Base):
    """A token that speaks for a citizen; a phone has one, and it may be signed out alone."""

    __tablename__ = "citizen_tokens"
    __table_args__ = ({"sqlite_with_rowid": False},)

    citizen_id: Mapped[uuid.UUID] = mapped_column(
        Identifier(), ForeignKey("citizens.id", ondelete="CASCADE"), primary_key=True
    )
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    created_at: Mapped[dt.datetime]


class CitizenDay(Base):
    """A day on which a citizen was seen, in her time zone; written in batches, kept five weeks."""

    __tablename__ = "citizen_days"
    __table_args__ = ({"sqlite_with_rowid": False},)

    citizen_id: Mapped[uuid.UUID] = mapped_column(
        Identifier(), ForeignKey("citizens.id", ondelete="CASCADE"), primary_key=True
    )
    day: Mapped[dt.date] = mapped_column(Date, primary_key=True)


class ErasureReceipt(Base):
    """Proof that something was erased, given to her who asked; it cannot be traced back to what was erased."""

    __tablename__ = "erasure_receipts"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    erased_at: Mapped[dt.datetime]


class WishRefused(Invalid):
    """A wish of hers is out of bounds, or names a place or a language nobody knows."""

    slug = "wish-refused"
    title = "Réglage refusé"
    sentence = "Ce réglage ne peut pas être accepté."


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a citizen changes of her settings; a field left `UNSET` stays as it is.

    Quiet hours that begin and end at the same time are none. Budgets are notifications: 0 to 20 a week, 0 to 10 a day.
    """

    locale: str | Unset = UNSET
    time_zone: str | Unset = UNSET
    quiet_from: dt.time | Unset = UNSET
    quiet_until: dt.time | Unset = UNSET
    quiet_sundays: bool | Unset = UNSET
    weekly_budget: int | Unset = UNSET
    daily_budget: int | Unset = UNSET
    digest: bool | Unset = UNSET
    digest_at: dt.time | Unset = UNSET
    discover_nearby: bool | Unset = UNSET


_SEEN: Final = {
    # FOR KEY SHARE keeps her from being erased between the look and the row that points to her.
    dialect: text(
        "INSERT INTO citizen_days (citizen_id, day) "
        f"SELECT id, :day FROM citizens WHERE id = :citizen_id {lock} ON CONFLICT DO NOTHING"
    ).bindparams(bindparam("citizen_id", type_=Identifier()), bindparam("day", type_=Date()))
    for dialect, lock in (("sqlite", ""), ("postgresql", "FOR KEY SHARE"))
}
_SPEAKS_FOR: Final = (
    select(Citizen)
    .join(CitizenToken, CitizenToken.citizen_id == Citizen.id)
    .where(CitizenToken.citizen_id == bindparam("citizen_id"), CitizenToken.digest == bindparam("digest"))
)


def create_citizen(
    session: Session, *, locale: str, now: dt.datetime, drawn: tuple[uuid.UUID, bytes] | None = None
) -> tuple[Citizen, str]:
    """A new citizen and the token that speaks for her; the token is told once and never stored.

    `drawn` are her id and her secret where they were drawn for her already.

    Raises:
        WishRefused: the locale is none of ours.
    """
    check_wishes(Wishes(locale=locale))
    citizen_id, secret = drawn or (new_id(), secrets.token_bytes(SECRET_LENGTH))
    citizen = Citizen(id=citizen_id, created_at=now, bucket=bucket_of(citizen_id), locale=locale)
    session.add(citizen)
    session.flush()
    return citizen, _let_speak(session, citizen, secret, now=now)


def new_token(session: Session, citizen: Citizen, *, now: dt.datetime) -> str:
    """One more token that speaks for her (another phone)."""
    return _let_speak(session, citizen, secrets.token_bytes(SECRET_LENGTH), now=now)


def _let_speak(session: Session, citizen: Citizen, secret: bytes, *, now: dt.datetime) -> str:
    session.add(CitizenToken(citizen_id=citizen.id, digest=hashlib.sha256(secret).digest(), created_at=now))
    session.flush()
    return written_token(citizen.id, secret)


def written_token(citizen_id: uuid.UUID, secret: bytes) -> str:
    """A token as it is told: base64url of her id (16 bytes) and a secret (32 bytes)."""
    return base64.urlsafe_b64encode(citizen_id.bytes + secret).decode()


def read_token(token: str) -> tuple[uuid.UUID, bytes] | None:
    """The citizen's id and the SHA-256 of the secret, as the tables know them; None when it is no token at all."""
    if not _TOKEN.fullmatch(token):
        return None
    content = base64.urlsafe_b64decode(token)
    return uuid.UUID(bytes=content[:16]), hashlib.sha256(content[16:]).digest()


def citizen_of(session: Session, token: str) -> Citizen | None:
    """The citizen a token speaks for; None when it speaks for nobody, or no longer."""
    read = read_token(token)
    if read is None:
        return None
    return session.scalar(_SPEAKS_FOR, {"citizen_id": read[0], "digest": read[1]})


HOLD: Final = Statement(
    "SELECT 1 FROM citizens WHERE id = :citizen", "SELECT 1 FROM citizens WHERE id = :citizen FOR NO KEY UPDATE"
)
"""What `hold` does, where it is one of the statements of `run_in_turn`; no row where she was erased."""


def hold(session: Session, citizen_id: uuid.UUID) -> Citizen:
    """The citizen as she is now, held until the transaction ends: whoever counts what she has, waits here.

    Follows, devices and deliveries can still be written for her meanwhile (FOR NO KEY UPDATE).

    Raises:
        Absent: she was erased.
    """
    citizen = session.scalar(
        select(Citizen)
        .where(Citizen.id == citizen_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if citizen is None:
        raise Absent
    return citizen


def check_wishes(wishes: Wishes) -> None:
    """Refuse what no setting may be.

    Raises:
        WishRefused: with the pointer of the first field at fault.
    """
    if not isinstance(wishes.locale, Unset) and wishes.locale not in LOCALES:
        raise WishRefused(Sentence("Cette langue n’est pas proposée."), pointer="/locale")
    if not isinstance(wishes.time_zone, Unset) and wishes.time_zone not in available_timezones():
        raise WishRefused(Sentence("Ce fuseau horaire n’existe pas."), pointer="/time_zone")
    for name, most in (("weekly_budget", MOST_A_WEEK), ("daily_budget", MOST_A_DAY)):
        budget: int | Unset = getattr(wishes, name)
        if not isinstance(budget, Unset) and not 0 <= budget <= most:
            raise WishRefused(
                Sentence("Le nombre de notifications doit être compris entre 0 et {most}.", most=most),
                pointer=f"/{name}",
            )
    for name in ("quiet_from", "quiet_until", "digest_at"):
        time: dt.time | Unset = getattr(wishes, name)
        if not isinstance(time, Unset) and time.tzinfo is not None:
            raise WishRefused(Sentence("L’heure s’écrit sans fuseau : elle suit celui du réglage."), pointer=f"/{name}")


def change_wishes(
    session: Session,
    citizen: Citizen,
    wishes: Wishes,
    *,
    now: dt.datetime,  # noqa: ARG001 - every verb of the house is told the time
) -> Citizen:
    """Change her settings; her version goes up only when one of them really changes.

    Raises:
        WishRefused: a value out of bounds; nothing is changed.
        Absent: she was erased meanwhile.
    """
    check_wishes(wishes)
    citizen = hold(session, citizen.id)
    changed = {name: value for name, value in given(wishes).items() if getattr(citizen, name) != value}
    for name, value in changed.items():
        setattr(citizen, name, value)
    if changed:
        citizen.version += 1
        session.flush()
    return citizen


def shows_life(session: Session, citizen_id: uuid.UUID) -> bool:
    """Whether she counts in the measures: a notification reached her, or she was seen on two separate days.

    Within what is kept: deliveries for a quarter, her active days for five weeks.
    """
    accepted = select(Delivery.citizen_id).where(
        Delivery.citizen_id == citizen_id, Delivery.state == DeliveryState.ACCEPTED
    )
    if session.execute(accepted.limit(1)).first() is not None:
        return True
    days = select(func.count()).select_from(CitizenDay).where(CitizenDay.citizen_id == citizen_id)
    return (session.scalar(days) or 0) >= ACTIVE_DAYS


def forget_days(
    session: Session, of: Iterable[ColumnElement[bool]] = (), *, now: dt.datetime, most: int = BATCH
) -> int:
    """Delete active days older than five weeks, at most `most`; how many. `of` narrows them to some citizens."""
    return forget_some(session, CitizenDay, *of, CitizenDay.day < (now - KEPT_DAYS).date(), most=most)


def _zones_of(session: Session, citizen_ids: set[uuid.UUID]) -> dict[uuid.UUID, str]:
    """The time zone of each citizen who is still there."""
    zones: dict[uuid.UUID, str] = {}
    wanted = sorted(citizen_ids)
    for first in range(0, len(wanted), ZONES_A_QUERY):
        some = wanted[first : first + ZONES_A_QUERY]
        for row in session.execute(select(Citizen.id, Citizen.time_zone).where(Citizen.id.in_(some))):
            zones[row[0]] = row[1]
    return zones


Seen = Callable[[Session, Iterable[uuid.UUID], dt.datetime], None]
"""What else becomes of citizens who were seen: their ids, and the moment it is written."""


class ActiveDays:
    """Who was seen on which day, gathered from the web's threads and written together.

    What is gathered and not yet written is lost with the process: a measure then counts a little less, never more.
    """

    def __init__(self, factory: sessionmaker[Session], *, also: Seen | None = None) -> None:
        """`also` is told who was seen, in the transaction that writes the days."""
        self._factory = factory
        self._also = also
        self._lock = threading.Lock()
        self._seen: set[tuple[uuid.UUID, dt.datetime]] = set()

    def note(self, citizen_id: uuid.UUID, moment: dt.datetime) -> None:
        """She was seen; as often as one likes. Which day that is, where she lives, is asked when it is written.

        Kept to the quarter of an hour: no time zone begins its days between two.
        """
        quarter = moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0)
        with self._lock:
            self._seen.add((citizen_id, quarter))

    def flush(self, now: dt.datetime) -> int:
        """Write what was gathered, in one transaction of its own; how many days of citizens that were, at most.

        A citizen erased meanwhile is passed over. When the database fails, what was gathered is kept for the next time;
        days past keeping at `now` are let go.
        """
        with self._lock:
            seen, self._seen = self._seen, set()
        if not seen:
            return 0
        oldest = (now - KEPT_DAYS).date()
        try:
            with self._factory() as session, session.begin():
                zones = _zones_of(session, {citizen_id for citizen_id, _ in seen})
                days = {(who, local_date(moment, zones[who])) for who, moment in seen if who in zones}
                rows = [{"citizen_id": citizen_id, "day": day} for citizen_id, day in sorted(days) if day >= oldest]
                if rows:
                    session.execute(_SEEN[session.get_bind().dialect.name], rows)
                if self._also is not None:
                    self._also(session, zones.keys(), now)
        except BaseException:
            with self._lock:
                self._seen |= seen
            raise
        return len(rows)
