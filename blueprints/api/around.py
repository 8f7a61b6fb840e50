"""Around a point: shops and their live offers, nearest first. The point comes in the body; nothing of it is kept."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from flask import Request, Response
from sqlalchemy import Connection

from blueprints import conditions, cursors
from blueprints.api.contract import ApiBlueprint
from blueprints.application import current_request
from blueprints.house import house, now
from citylife.around import (
    DEFAULT_RADIUS,
    FARTHEST,
    Asked,
    Found,
    LivePieces,
    Near,
    Said,
    Spot,
    live_pieces_of,
    shops_around,
)
from citylife.geography import centre_of, communes
from citylife.hours import A_DAY, hours_and_end
from citylife.ledger.statements import identifier
from citylife.places import OutsideTerritory
from schemas.around import MOST_OFFERS, NearbyQuerySchema, NearSchema
from schemas.lists import DEFAULT_LIMIT, MOST, page_of

blueprint: Final = ApiBlueprint("around", "What is near")
QUERY: Final = NearbyQuerySchema()


def centre(where: Mapping[str, Any]) -> tuple[float, float]:
    """The latitude and longitude that a point, a cell or a commune stands for.

    Raises:
        OutsideTerritory: the code is no commune of ours.
    """
    position = where.get("position")
    if position is not None:
        return position["latitude"], position["longitude"]
    if where.get("cell") is not None:
        return centre_of(where["cell"])
    commune = communes().get(where["insee_code"])
    if commune is None:
        raise OutsideTerritory(pointer="/insee_code")
    return commune.latitude, commune.longitude


def read_plain(request: Request) -> dict[str, Any] | None:
    """What the schema reads of the usual question: a position, a radius, a limit; None for any other, right or wrong.

    It takes a tenth of the schema's time. A key given twice has quotation marks too many, so it is left to the schema;
    a test holds the two equal.
    """
    if request.mimetype != "application/json":
        return None
    raw = request.get_data(cache=True)
    try:
        asked = orjson.loads(raw)
        position = asked["position"]
        latitude, longitude = position["latitude"], position["longitude"]
        radius, limit = asked.get("radius", DEFAULT_RADIUS), asked.get("limit", DEFAULT_LIMIT)
        known = len(position) == 2 and len(asked) == 1 + ("radius" in asked) + ("limit" in asked)  # noqa: PLR2004
        numbers = type(latitude) is float and type(longitude) is float and type(radius) is int and type(limit) is int
        plain = known and numbers and raw.count(b'"') == 2 * (len(asked) + len(position))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    if not plain or not (-90 <= latitude <= 90 and -180 <= longitude <= 180):  # noqa: PLR2004 - the Earth's
        return None
    if not (0 <= radius <= FARTHEST and 1 <= limit <= MOST):
        return None
    return {
        "position": position,
        "radius": radius,
        "limit": limit,
        "category": None,
        "open_now": False,
        "cursor": None,
    }


# No Idempotency-Key: nothing is made, and nothing of the body is kept.
@blueprint.route("/nearby", methods=("POST",))
@blueprint.described(blueprint.arguments(NearbyQuerySchema), blueprint.response(200, page_of(NearSchema)))
def find_nearby() -> Response:
    """Shops around you and their live offers, nearest first. Nothing is stored, and no log knows where you asked.

    It is a POST because a URL is written down on its way, and a body is not.
    """
    request = current_request()
    wanted = read_plain(request) or blueprint.ARGUMENTS_PARSER.parse(QUERY, request, location="json")
    latitude, longitude = centre(wanted)
    asked = Asked(
        latitude=latitude,
        longitude=longitude,
        radius=wanted["radius"],
        category=wanted["category"],
        open_now=wanted["open_now"],
        after=cursors.read_spot(wanted["cursor"]),
        limit=wanted["limit"],
    )
    parts, moment = house(), now()

    def ask(connection: Connection) -> tuple[list[bytes], Spot | None]:
        found = shops_around(connection, asked, now=moment, known=parts.neighbourhood)
        return shown(connection, found.things, moment), found.last

    items, last = parts.kept.read(ask)
    body = b'{"items":[%b],"next_cursor":%b}' % (b",".join(items), orjson.dumps(cursors.written(last)))
    return conditions.answer(body, cache=conditions.NEVER)


def shown(connection: Connection, shops: Sequence[Near], moment: dt.datetime) -> list[bytes]:
    """Shops as `NearSchema` says them (a test holds the two equal), their offers as the stored pieces they are.

    What a shop was said as before is said again, as long as it is true.
    """
    for_now = [
        near.found for near in shops if (said := near.found.said) is None or not said.since <= moment < said.until
    ]
    if for_now:
        offers = live_pieces_of(connection, for_now, now=moment)
        for shop in for_now:
            shop.said = _said(shop, offers.get(shop.key), moment)
    return [
        b'{"distance":%d,%b' % (round(near.distance), said.text)
        for near in shops
        if (said := near.found.said) is not None
    ]


def _said(found: Found, live: LivePieces | None, moment: dt.datetime) -> Said:
    """A shop and its first offers, said like that until one of them ends, or its hours say another thing."""
    slug, status, name, category, street, postal_code, insee_code, fictional = found.told
    opening, until = _opening(found.hours, moment)
    shop = {
        "id": identifier(found.key),
        "slug": slug,
        "status": status,
        "name": name,
        "category": category,
        "street": street,
        "postal_code": postal_code,
        "commune": {"insee_code": insee_code, "name": communes()[insee_code].name},
        "fictional": bool(fictional),
        "latitude": found.latitude,
        "longitude": found.longitude,
        "opening": opening,
    }
    pieces: Sequence[bytes] = ()
    if live is not None:
        pieces, until = live.pieces[:MOST_OFFERS], min(until, live.first_end)
    text = orjson.dumps({"shop": shop, "offers": [orjson.Fragment(piece) for piece in pieces]})[1:]
    return Said(text, moment, until)


def _opening(text: str | None, moment: dt.datetime) -> tuple[dict[str, Any] | None, dt.datetime]:
    """What is said of a shop's hours, and until when."""
    if text is None:
        return None, moment + A_DAY
    hours, until = hours_and_end(text, moment)
    change = hours.next_change
    said = {
        "is_open": hours.is_open,
        "next_change": None if change is None else change.astimezone(dt.UTC),
        "comment": hours.comment,
    }
    return said, until
