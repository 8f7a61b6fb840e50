"""Places: where a citizen wants to hear of what is near, a commune or one cell, never a finer point nor a history.

Whatever is sent is coarsened before any table sees it. A place that is replaced is overwritten, one that has lapsed is
deleted, and no row tells more than the day it was set: its id is drawn at random, since a UUIDv7 would tell the moment.
"""

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, Date, ForeignKey, Index, String, delete, or_, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from citylife.accounts.citizens import Citizen, hold
from citylife.clock import local_date
from citylife.database import Base, Choice, Identifier
from citylife.errors import Invalid, Refusal, TooMany
from citylife.forgetting import BATCH, forget_some
from citylife.geography import CommuneFacts, cell_at, centre_of, commune_of, communes, communes_by_cell, may_be_a_place
from citylife.wording import Sentence

MOST_LASTING: Final = 2
NOW_LASTS: Final = dt.timedelta(hours=4)
CELL_LASTS: Final = dt.timedelta(days=30)
"""How long a cell stays a place of hers without any use of Citylife; a commune does not lapse."""
CITIZENS_A_STATEMENT: Final = 500


class PlaceKind(Enum):
    """For how long a place is hers."""

    LASTING = "lasting"
    NOW = "now"


class Place(Base):
    """A place of a citizen: a commune or a cell of resolution 7, one of the two.

    `expires_at` is None for a commune that lasts; a cell's is a midnight (UTC), which tells no hour.
    """

    __tablename__ = "places"
    __table_args__ = (
        Index("ix_places_cell", "cell", "citizen_id"),
        Index("ix_places_commune", "insee_code", "citizen_id"),
        Index("ix_places_expires_at", "expires_at"),
        Index(
            "uq_places_now",
            "citizen_id",
            unique=True,
            sqlite_where=text("kind = 'now'"),
            postgresql_where=text("kind = 'now'"),
        ),
        CheckConstraint("(insee_code IS NULL) <> (cell IS NULL)", name="commune_or_cell"),
        {"sqlite_with_rowid": False},
    )

    citizen_id: Mapped[uuid.UUID] = mapped_column(
        Identifier(), ForeignKey("citizens.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    kind: Mapped[PlaceKind] = mapped_column(Choice(PlaceKind))
    insee_code: Mapped[str | None] = mapped_column(String(5), ForeignKey("communes.insee_code"))
    cell: Mapped[int | None] = mapped_column(BigInteger)
    set_on: Mapped[dt.date] = mapped_column(Date)
    expires_at: Mapped[dt.datetime | None]


class OutsideTerritory(Invalid):
    """The place lies in none of the 100 communes."""

    slug = "outside-territory"
    title = "Hors du territoire"
    sentence = "Ce lieu n’est pas dans l’agglomération de Béthune-Bruay, Artois-Lys Romane."


class NoLocationConsent(Refusal):
    """No place of a person is kept who has not agreed to it."""

    slug = "no-location-consent"
    status = 409
    title = "Accord nécessaire"
    sentence = "Acceptez d’abord que Citylife garde le secteur que vous choisissez."


class TooManyPlaces(TooMany):
    """She has all the lasting places a person may have."""

    slug = "too-many-places"
    title = "Trop de lieux"
    sentence = "Au plus {most} lieux peuvent être gardés : retirez-en un."


@dataclass(frozen=True, slots=True)
class Area:
    """What may be kept of where somebody is: a commune or a cell.

    `coarsened` says that a cell or a point was given and its commune is kept instead.
    """

    insee_code: str | None
    cell: int | None
    coarsened: bool = False


COARSENED: Final = Sentence(
    "Ce secteur compte trop peu d’habitants pour être gardé sans vous désigner : seule la commune est gardée."
)
"""Why a commune is kept where something finer was sent."""


def area_of_commune(insee_code: str) -> Area:
    """A commune, as a place.

    Raises:
        OutsideTerritory: the code is none of the 100.
    """
    if insee_code not in communes():
        raise OutsideTerritory(pointer="/insee_code")
    return Area(insee_code, None)


def area_of_cell(cell: int) -> Area:
    """A cell where every commune it touches is dense enough, else the commune its centre is in.

    Raises:
        OutsideTerritory: the cell touches none of the 100 communes.
    """
    if cell not in communes_by_cell():
        raise OutsideTerritory(pointer="/cell")
    return _area(cell, *centre_of(cell))


def area_of_point(latitude: float, longitude: float) -> Area:
    """What is kept of a point: its cell where that is dense enough, else its commune.

    Raises:
        OutsideTerritory: the point lies in none of the 100 communes; it is not said again.
    """
    cell = cell_at(latitude, longitude)
    if cell not in communes_by_cell():
        raise OutsideTerritory(pointer="/position")
    return _area(cell, latitude, longitude)


def set_place(
    session: Session, citizen: Citizen, area: Area, kind: PlaceKind, *, now: dt.datetime
) -> tuple[Place, bool]:
    """Make an area a place of hers; whether it is new to her.

    The same lasting one again is renewed. « Now » overwrites the « now » before it.

    Raises:
        NoLocationConsent: she has not agreed to it.
        TooManyPlaces: two lasting ones already, counted also when they are set at the same moment.
        Absent: she was erased.
    """
    citizen = hold(session, citizen.id)
    if not citizen.location_consented:
        raise NoLocationConsent
    forget_places_of(session, citizen.id, lapsed_at=now)
    standing = places_of(session, citizen.id, now=now)
    if kind is PlaceKind.NOW:
        place = next((one for one in standing if one.kind is kind), None)
    else:
        lasting = [one for one in standing if one.kind is kind]
        place = next((one for one in lasting if (one.insee_code, one.cell) == (area.insee_code, area.cell)), None)
        if place is None and len(lasting) >= MOST_LASTING:
            raise TooManyPlaces(most=MOST_LASTING)
    new = place is None
    if place is None:
        place = Place(citizen_id=citizen.id, id=uuid.uuid4(), kind=kind)
        session.add(place)
    place.insee_code, place.cell = area.insee_code, area.cell
    place.set_on = local_date(now, citizen.time_zone)
    place.expires_at = _expiry(area, kind, now)
    session.flush()
    return place, new


def places_of(session: Session, citizen_id: uuid.UUID, *, now: dt.datetime) -> Sequence[Place]:
    """Her places that have not lapsed at `now`: the lasting ones in the order of their ids, then « now »."""
    statement = (
        select(Place)
        .where(Place.citizen_id == citizen_id, or_(Place.expires_at.is_(None), Place.expires_at > now))
        .order_by(Place.kind, Place.id)
        .execution_options(populate_existing=True)
    )
    return session.scalars(statement).all()


def remove_place(session: Session, citizen_id: uuid.UUID, place_id: uuid.UUID, *, now: dt.datetime) -> bool:
    """Forget a place of hers; False when it is none of hers, or has lapsed.

    Raises:
        Absent: she was erased.
    """
    hold(session, citizen_id)
    forget_places_of(session, citizen_id, lapsed_at=now)
    gone = session.execute(
        delete(Place).where(Place.citizen_id == citizen_id, Place.id == place_id).returning(Place.id)
    )
    return gone.first() is not None


def forget_places_of(session: Session, citizen_id: uuid.UUID, *, lapsed_at: dt.datetime | None = None) -> None:
    """Delete every place of hers, or those that have lapsed at a moment."""
    statement = delete(Place).where(Place.citizen_id == citizen_id)
    session.execute(statement if lapsed_at is None else statement.where(Place.expires_at <= lapsed_at))


def forget_lapsed_places(session: Session, *, now: dt.datetime, most: int = BATCH) -> int:
    """Delete places that have lapsed, at most `most` (index `ix_places_expires_at`); how many."""
    return forget_some(session, Place, Place.expires_at <= now, most=most)


def renew_cells(session: Session, citizen_ids: Iterable[uuid.UUID], now: dt.datetime) -> None:
    """These citizens have just used Citylife: their cells are theirs for thirty more days, counted from today."""
    wanted, until = sorted(citizen_ids), _midnight_after(now)
    for first in range(0, len(wanted), CITIZENS_A_STATEMENT):
        session.execute(
            update(Place)
            .where(
                Place.citizen_id.in_(wanted[first : first + CITIZENS_A_STATEMENT]),
                Place.kind == PlaceKind.LASTING,
                Place.expires_at > now,
                Place.expires_at < until,
            )
            .values(expires_at=until)
        )


def _area(cell: int, latitude: float, longitude: float) -> Area:
    if may_be_a_place(cell):
        return Area(None, cell)
    commune = commune_of(latitude, longitude)
    if commune is None:  # pragma: no cover - the caller knows that the cell is one of the territory's
        raise OutsideTerritory
    return Area(commune.insee_code, None, coarsened=True)


def _expiry(area: Area, kind: PlaceKind, now: dt.datetime) -> dt.datetime | None:
    """To the minute for « now », to the day for a cell."""
    if kind is PlaceKind.NOW:
        return now.replace(second=0, microsecond=0) + NOW_LASTS
    return None if area.cell is None else _midnight_after(now)


def _midnight_after(now: dt.datetime) -> dt.datetime:
    """The first midnight (UTC) that is thirty whole days away."""
    day = (now.astimezone(dt.UTC) + CELL_LASTS).date() + dt.timedelta(days=1)
    return dt.datetime.combine(day, dt.time(), dt.UTC)


def communes_about(place: Place) -> Sequence[CommuneFacts]:
    """The commune that a place is, or those that its cell touches."""
    if place.cell is not None:
        return communes_by_cell().get(place.cell, ())
    return [communes()[str(place.insee_code)]]
