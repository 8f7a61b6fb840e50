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
from citylife.around import DEFAULT_RADIUS, FARTHEST, Asked, Near, Spot, live_pieces_of, shops_around
from citylife.geography import centre_of, communes
from citylife.hours import hours_meanwhile
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
    moment = now()

    def ask(connection: Connection) -> tuple[list[dict[str, Any]], Spot | None]:
        found = shops_around(connection, asked, now=moment)
        return shown(connection, found.things, moment), found.last

    items, last = house().kept.read(ask)
    body = orjson.dumps({"items": items, "next_cursor": cursors.written(last)})
    return conditions.answer(body, cache=conditions.NEVER)


def shown(connection: Connection, shops: Sequence[Near], moment: dt.datetime) -> list[dict[str, Any]]:
    """Shops as `NearSchema` says them (a test holds the two equal), their offers as the stored pieces they are."""
    offers = live_pieces_of(connection, shops, now=moment) if shops else {}
    named, openings = communes(), {text: _opening(text, moment) for text in {near.hours for near in shops}}
    items = []
    for near in shops:
        slug, status, name, category, street, postal_code, insee_code, fictional = near.told
        shop = {
            "id": near.thing_id,
            "slug": slug,
            "status": status,
            "name": name,
            "category": category,
            "street": street,
            "postal_code": postal_code,
            "commune": {"insee_code": insee_code, "name": named[insee_code].name},
            "fictional": bool(fictional),
            "latitude": near.latitude,
            "longitude": near.longitude,
            "opening": openings[near.hours],
        }
        pieces = [orjson.Fragment(piece) for piece in offers.get(near.key, ())[:MOST_OFFERS]]
        items.append({"distance": round(near.distance), "shop": shop, "offers": pieces})
    return items


def _opening(text: str | None, moment: dt.datetime) -> dict[str, Any] | None:
    if text is None:
        return None
    hours = hours_meanwhile(text, moment)
    change = hours.next_change
    return {
        "is_open": hours.is_open,
        "next_change": None if change is None else change.astimezone(dt.UTC),
        "comment": hours.comment,
    }
