"""Around a point: shops and live offers nearest first, by true distance, the same as measuring every one of them.

A box is widened over `ix_shops_band (band, longitude, latitude)` until it holds enough; SQL sorts by the distance in a
plane, which errs by less than `slack`, and only what is certain in spite of that error is measured by geodesic, put in
order and answered. So no border of a box or a cell can show. Ties go by id. Nothing is stored, and a market trader is
where he stands on this weekday. Where the shops of a box are known in memory (`citylife.neighbourhood`), they are taken
from there instead, and everything else is the same.
"""

import datetime as dt
import math
import uuid
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final, Protocol, TypeAlias

from sqlalchemy import Connection

from citylife.categories import REFUSED
from citylife.clock import PARIS
from citylife.geodesics import distances
from citylife.hours import hours_meanwhile
from citylife.ledger.statements import DriverId, Statement, given_moment, identifier, stored
from citylife.shops.directory import PUBLIC
from citylife.shops.tables import bands_between

FARTHEST: Final = 20_000
"""Metres; the bound of a plane is worked out for no more."""
DEFAULT_RADIUS: Final = 5_000
FIRST_BOX: Final = 300.0
"""Half the side of the first box, metres."""
MARGIN: Final = 8
"""Rows read beyond a page, for those whose order only their true distance settles."""
MOST_LOOKED_AT: Final = 1_000
"""Shops or offers whose hours are looked at for one page of open ones."""
ROUNDING: Final = 0.01
"""Metres, far more than sums of floating-point numbers err by."""
SEMI_MAJOR: Final = 6_378_137.0
ECCENTRICITY_SQUARED: Final = 0.00669437999014
"""WGS 84."""
MOST_GUESSES: Final = 4_096
GUESSES_A_DEGREE: Final = (33, 25)
"""Of latitude and longitude: what is guessed is the same within some three kilometres."""
POLAR: Final = 80
"""Degrees beyond which no shop of ours is, and a plane is none."""
_SPOT: Final = itemgetter(0, 1)
_SQUARE_OF: Final = itemgetter(0)


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a page ends: at a distance in metres, and at the id of what lies there."""

    distance: float
    thing_id: uuid.UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is looked for around a point (degrees WGS 84): how far (metres), of which trade, in which commune."""

    latitude: float
    longitude: float
    radius: float = DEFAULT_RADIUS
    category: str | None = None
    insee_code: str | None = None
    open_now: bool = False
    after: Spot | None = None
    limit: int = 20


@dataclass(slots=True)
class Found:
    """One thing, read: its id as the driver has it, where it is, which hours; `told` is the rest of it.

    `told` is the stored piece of an offer, and of a shop the columns `SHOWN`.
    """

    key: DriverId
    latitude: float
    longitude: float
    hours: str | None
    place: DriverId | int
    told: Sequence[Any]
    said: "Said | None" = None
    """What a shop was last said as: kept for the next who asks, where the shop itself is."""


@dataclass(frozen=True, slots=True)
class Said:
    """A shop as it is said, and from when until when that is true unless something of it changes."""

    text: bytes
    since: dt.datetime
    until: dt.datetime


@dataclass(slots=True)
class Near:
    """One thing found, and its distance in metres."""

    distance: float
    found: Found

    @property
    def thing_id(self) -> uuid.UUID:
        """Its id."""
        return identifier(self.found.key)


Squared: TypeAlias = tuple[float, Found]
"""Something with the square of its distance in the plane, metres."""


class Known(Protocol):
    """The shops that are known without asking for each of them."""

    def within(self, connection: Connection, edges: Mapping[str, float], *, now: dt.datetime) -> Iterable[Found] | None:
        """At least every public shop within these edges, as the database has them now; None where they are unknown."""


@dataclass(frozen=True, slots=True)
class Nearest:
    """A page of what is near, in order, and where the next begins; None after the last."""

    things: list[Near]
    last: Spot | None


@dataclass(frozen=True, slots=True)
class Plane:
    """Metres a degree around a point, and by how much a distance of `FARTHEST` in that plane may err at most."""

    north: float
    east: float
    slack: float


IS_PUBLIC: Final = "NOT s.unproved AND " + " AND ".join(
    f"s.{column} {inside} ({', '.join(repr(value) for value in sorted(values))})"
    for column, inside, values in (
        ("status", "IN", [status.value for status in PUBLIC]),
        ("category", "NOT IN", list(REFUSED)),
    )
)
_ASKED: Final = (
    "(CAST(:category AS text) = '' OR s.category = CAST(:category AS text)) "
    "AND (CAST(:commune AS text) = '' OR {at}.insee_code = CAST(:commune AS text))"
)
_IN_BANDS: Final = {
    "sqlite": "s.band IN (SELECT value FROM json_each(:bands)) AND",
    "postgresql": "s.band = ANY(:bands) AND",
}
_SQUARE: Final = (
    "({at}.latitude - :latitude) * ({at}.latitude - :latitude) * :north "
    "+ ({at}.longitude - :longitude) * ({at}.longitude - :longitude) * :east"
)
_IN_BOX: Final = (
    "{at}.latitude BETWEEN :south_edge AND :north_edge AND {at}.longitude BETWEEN :west_edge AND :east_edge"
)
_LIVE: Final = "o.shop_id = s.id AND o.status = 'live' AND o.ends_at > :now"


SHOWN: Final = ("slug", "status", "name", "category", "street", "postal_code", "insee_code", "fictional")
"""What is told of a shop, in this order."""


def _nearest(dialect: str, thing: str, table: str, told: str, *, offers: str = "") -> str:
    """The statement for shops (`s`) or offers (`o`): those at their own place, and those at a stand of the weekday.

    What is told is read last, for those few that are near enough.
    """
    bands = _IN_BANDS[dialect]
    place, hint = ("rowid", "INDEXED BY ix_shops_band") if dialect == "sqlite" else ("id", "")

    def found(at: str, tables: str, more: str) -> str:
        return f"""
        SELECT {thing}.id AS id, {thing}.{place} AS place, {at}.latitude AS latitude, {at}.longitude AS longitude,
            {_SQUARE.format(at=at)} AS square, {"s.opening_hours" if at == "s" else "t.hours"} AS hours
        FROM {tables} {offers}
        WHERE {bands if at == "s" else ""} {_IN_BOX.format(at=at)}
            AND {IS_PUBLIC} AND {_ASKED.format(at=at)} AND {more}
        {f"AND {_LIVE}" if offers else ""}
        """

    own = found(
        "s",
        f"shops s {hint}",
        "NOT EXISTS (SELECT 1 FROM shop_stands t WHERE t.shop_id = s.id AND t.weekday = :weekday)",
    )
    stand = found("t", "shop_stands t CROSS JOIN shops s", "t.weekday = :weekday AND s.id = t.shop_id")
    return f"""
    SELECT n.square, n.id, n.latitude, n.longitude, n.hours, n.place, {told}
    FROM (
        SELECT id, place, latitude, longitude, square, hours
        FROM ({own} UNION ALL {stand}) AS found WHERE square >= :least ORDER BY square LIMIT :most
    ) AS n CROSS JOIN {table} p WHERE p.{place} = n.place
    """


_SHOP: Final = ", ".join(f"p.{name}" for name in SHOWN)
_SHOPS: Final = Statement(*(_nearest(dialect, "s", "shops", _SHOP) for dialect in ("sqlite", "postgresql")))
_OFFERS: Final = Statement(
    _nearest("sqlite", "o", "offers", "CAST(p.piece AS BLOB)", offers="CROSS JOIN offers o INDEXED BY ix_offers_live"),
    _nearest("postgresql", "o", "offers", "convert_to(p.piece, 'UTF8')", offers="CROSS JOIN offers o"),
)


def shops_around(connection: Connection, asked: Asked, *, now: dt.datetime, known: Known | None = None) -> Nearest:
    """The public shops around a point, nearest first.

    With `open_now` those that say they are open at `now`; such a page may be short, or empty, and not the last.
    """
    return _search(connection, _SHOPS, asked, now, known)


def offers_around(connection: Connection, asked: Asked, *, now: dt.datetime) -> Nearest:
    """The live offers of public shops around a point, nearest first; offers of one shop go by their ids."""
    return _search(connection, _OFFERS, asked, now, None)


def plane_at(latitude: float) -> Plane:
    """The plane that touches the ellipsoid at a latitude (degrees).

    Within `FARTHEST` a degree of longitude shortens by tan(latitude) times the angle that is covered; the meridian's
    own curvature is far below the tenth of a percent that is added.
    """
    phi = math.radians(latitude)
    bend = 1 - ECCENTRICITY_SQUARED * math.sin(phi) ** 2
    degree = math.radians(1)
    return Plane(
        north=degree * SEMI_MAJOR * (1 - ECCENTRICITY_SQUARED) / bend**1.5,
        east=degree * SEMI_MAJOR / math.sqrt(bend) * math.cos(phi),
        slack=0.001 + FARTHEST / SEMI_MAJOR * math.tan(abs(phi)),
    )


def _search(
    connection: Connection, statement: Statement, asked: Asked, now: dt.datetime, known: Known | None
) -> Nearest:
    if abs(asked.latitude) > POLAR:
        return Nearest([], None)
    plane = plane_at(asked.latitude)
    start = None if asked.after is None else (asked.after.distance, stored(connection, asked.after.thing_id))
    least = 0.0 if start is None else max(0.0, start[0] * (1 - plane.slack) - ROUNDING)
    values: dict[str, Any] = {
        "latitude": asked.latitude,
        "longitude": asked.longitude,
        "north": plane.north**2,
        "east": plane.east**2,
        "least": least**2,
        "category": asked.category or "",
        "commune": asked.insee_code or "",
        "weekday": now.astimezone(PARIS).weekday(),
        "now": stored(connection, now),
    }
    narrowed = asked.category is not None or asked.insee_code is not None
    source = _Source(connection, statement, values, None if narrowed else known, now)
    enough, spot = asked.limit + 1, _guessed_for(statement, asked)
    most, half = enough + MARGIN, max(_GUESSES.get(spot, FIRST_BOX), 1.5 * least)
    whole = asked.radius / (1 - plane.slack) + 1.0
    measured: dict[DriverId, float] = {}
    while True:
        half = min(half, whole)
        rows = source.read(_edges(asked, plane, half), most)
        full = len(rows) == most
        horizon = min(half, math.sqrt(max(rows, key=_SQUARE_OF)[0])) if full else half
        done = not full and half >= whole
        certain = asked.radius if done else min(asked.radius, horizon * (1 - plane.slack) - ROUNDING)
        settled = _settled(asked, rows, measured, certain, start)
        page = _page(asked, settled, now)
        if page.last is not None or done or certain >= asked.radius:
            _guess(spot, min(half, horizon if full else half), page)
            return page
        if full and horizon < half:
            most *= 2
        else:
            half *= 4 if not rows else min(4.0, max(2.0, math.sqrt(1.5 * enough / len(rows))))


@dataclass(frozen=True, slots=True)
class _Source:
    """Where the things around one point are read."""

    connection: Connection
    statement: Statement
    values: Mapping[str, Any]
    known: Known | None
    now: dt.datetime

    def read(self, edges: Mapping[str, float], most: int) -> Sequence[Squared]:
        """At most so many within some edges, the nearest in the plane; known ones may lie a little beyond an edge."""
        shops = None if self.known is None else self.known.within(self.connection, edges, now=self.now)
        if shops is None:
            filled = {**self.values, **edges, "bands": _bands(self.connection, edges), "most": most}
            rows = self.statement.run(self.connection, filled).all()
            return [(row[0], Found(row[1], row[2], row[3], row[4], row[5], row[6:])) for row in rows]
        latitude, longitude = self.values["latitude"], self.values["longitude"]
        north, east, least = self.values["north"], self.values["east"], self.values["least"]
        squares = [
            (
                (shop.latitude - latitude) * (shop.latitude - latitude) * north
                + (shop.longitude - longitude) * (shop.longitude - longitude) * east,
                shop,
            )
            for shop in shops
        ]
        if least:
            squares = [each for each in squares if each[0] >= least]
        squares.sort(key=_SQUARE_OF)
        return squares[:most]


_GUESSES: Final[dict[Hashable, float]] = {}
"""Half the side of the box that was enough, around there: where the next question of that kind begins, no more."""


def _guessed_for(statement: Statement, asked: Asked) -> Hashable:
    north, east = GUESSES_A_DEGREE
    tile = round(asked.latitude * north), round(asked.longitude * east)
    return id(statement), *tile, asked.limit, asked.category, asked.insee_code, asked.open_now


def _guess(spot: Hashable, half: float, page: Nearest) -> None:
    """Keep what would have been enough; where that is less than was guessed, come down to it by and by."""
    if len(_GUESSES) >= MOST_GUESSES:
        _GUESSES.clear()
    wanted = half if page.last is None else 1.2 * page.last.distance + FIRST_BOX / 10
    _GUESSES[spot] = max(wanted, 0.9 * _GUESSES.get(spot, 0.0))


def _edges(asked: Asked, plane: Plane, half: float) -> dict[str, float]:
    """The box within which everything lies that is less than `half` metres away in the plane."""
    tall, wide = half / plane.north, half / plane.east
    return {
        "south_edge": asked.latitude - tall,
        "north_edge": asked.latitude + tall,
        "west_edge": asked.longitude - wide,
        "east_edge": asked.longitude + wide,
    }


def _bands(connection: Connection, edges: Mapping[str, float]) -> str | list[int]:
    """The bands that a box touches, as the driver takes a list."""
    found = bands_between(edges["south_edge"], edges["north_edge"])
    return str(found) if connection.dialect.name == "sqlite" else found  # numbers are JSON as they are


def _settled(
    asked: Asked,
    rows: Sequence[Squared],
    measured: dict[DriverId, float],
    certain: float,
    start: tuple[float, DriverId] | None,
) -> list[Near]:
    """Those of the rows behind `start` that are certain to be nearer than any that was not read, in their true order.

    Ids sort alike as the drivers have them: 16 bytes, or a UUID.
    """
    new = [thing for _, thing in rows if thing.key not in measured]
    points = [(thing.latitude, thing.longitude) for thing in new]
    for thing, distance in zip(new, distances(asked.latitude, asked.longitude, points), strict=True):
        measured[thing.key] = distance
    found = [(distance, thing.key, thing) for _, thing in rows if (distance := measured[thing.key]) <= certain]
    found.sort(key=_SPOT)
    return [Near(distance, thing) for distance, key, thing in found if start is None or (distance, key) > start]


def _page(asked: Asked, settled: list[Near], now: dt.datetime) -> Nearest:
    """The first `limit` of them; `last` is None where there may be more that are not settled yet."""
    if not asked.open_now:
        return _cut(settled, asked.limit)
    looked = settled[:MOST_LOOKED_AT]
    is_open = [near for near in looked if near.found.hours and hours_meanwhile(near.found.hours, now).is_open]
    if len(is_open) > asked.limit or len(settled) <= MOST_LOOKED_AT:
        return _cut(is_open, asked.limit)
    return Nearest(is_open, Spot(looked[-1].distance, looked[-1].thing_id))


def _cut(found: list[Near], limit: int) -> Nearest:
    if len(found) <= limit:
        return Nearest(found, None)
    return Nearest(found[:limit], Spot(found[limit - 1].distance, found[limit - 1].thing_id))


_OF_SHOPS: Final = Statement(
    f"""
    SELECT s.id, o.ends_at, CAST(o.piece AS BLOB)
    FROM json_each(:places) AS wanted CROSS JOIN shops s CROSS JOIN offers o INDEXED BY ix_offers_live
    WHERE s.rowid = wanted.value AND {_LIVE} ORDER BY o.ends_at, o.id
    """,
    """
    SELECT o.shop_id, o.ends_at, convert_to(o.piece, 'UTF8') FROM offers o
    WHERE o.shop_id = ANY(:places) AND o.status = 'live' AND o.ends_at > :now ORDER BY o.ends_at, o.id
    """,
)


@dataclass(frozen=True, slots=True)
class LivePieces:
    """The stored pieces of a shop's live offers, the first to end first, and when that one ends."""

    first_end: dt.datetime
    pieces: list[bytes]


def live_pieces_of(connection: Connection, shops: Sequence[Found], *, now: dt.datetime) -> dict[DriverId, LivePieces]:
    """The live offers of those of some shops that have any, by the shop's key."""
    places = [shop.place for shop in shops]
    values = {
        # A list of whole numbers is JSON as it is.
        "places": str(places) if connection.dialect.name == "sqlite" else places,
        "now": stored(connection, now),
    }
    found: dict[DriverId, LivePieces] = {}
    for key, ends_at, piece in _OF_SHOPS.run(connection, values).all():
        if key in found:
            found[key].pieces.append(piece)
        else:
            found[key] = LivePieces(given_moment(ends_at), [piece])
    return found
