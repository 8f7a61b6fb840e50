"""A street of shops around the Grand-Place, each with an offer, and what is asked about it."""

import re
from urllib.parse import unquote

from pyproj import Geod

from citylife.geography import cell_at
from citylife.shops.directory import shop_by_id
from tests.builders import GRAND_PLACE, an_offer

GEOD = Geod(ellps="WGS84")
CELL = cell_at(*GRAND_PLACE)
POSITION = {"latitude": GRAND_PLACE[0], "longitude": GRAND_PLACE[1]}


def moved(point, azimuth, metres):
    longitude, latitude, _ = GEOD.fwd(point[1], point[0], azimuth, metres)
    return latitude, longitude


def a_street(town, centre=GRAND_PLACE, *, metres=(900, 100, 400), **facts):
    """Shops so many metres north of a point, each with an offer named after its distance."""
    shops = {}
    for away in metres:
        shop = town.shop(f"À {away} m", position=moved(centre, 0, away), insee_code=None, **facts)
        with town.sessions.begin() as session:
            an_offer(session, shop_by_id(session, shop.id), title=f"Offre à {away} m", now=town.clock())
        shops[away] = shop
    return shops


def nearby(town, **body):
    return town.client.post("/api/v1/nearby", json=body)


def leafed_through(town, path: str | None) -> tuple[list[int], list[str]]:
    """The distances of every page from this one on, and the links that led from one to the next."""
    seen: list[int] = []
    links: list[str] = []
    while path:
        answer = town.client.get(path)
        seen += [item["distance"] for item in answer.json["items"]]
        link = re.search("<([^>]+)>", answer.headers.get("Link", ""))
        path = link[1] if link else None
        links += [unquote(path)] if path else []
    return seen, links
