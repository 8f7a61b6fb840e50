"""The addresses of the feeds: public, in French, kept for a few minutes by whoever reads them."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any, Final

from flask import Blueprint, Response, url_for
from werkzeug.http import http_date

from blueprints import conditions
from blueprints.application import current_request
from blueprints.feeds import atom, calendar
from blueprints.feeds.telling import Told, told_of
from blueprints.house import house, now
from blueprints.storage import db
from citylife.clock import PARIS, local_date
from citylife.errors import Absent
from citylife.geography import communes
from citylife.offers import Offer, public_offer, told_offers
from citylife.shops import Shop, ShopStand, shop_by_id, shop_by_slug
from citylife.shops.directory import stands_of

PUBLIC: Final = "public, max-age=300"
ATOM: Final = "application/atom+xml; charset=utf-8"
CALENDAR: Final = "text/calendar; charset=utf-8"
MOST: Final = 100

blueprint: Final = Blueprint("feeds", __name__)


@blueprint.get("/s/<slug>/offers.atom")
def read_shop_atom(slug: str) -> Response:
    """The offers of a shop, the latest change first."""
    shop = shop_by_slug(db.session(), slug)
    told = _told_by(shop)
    changed = _changed(told, least=shop.updated_at)
    feed = atom.Feed(
        key=f"shop/{shop.id}",
        title=shop.name,
        subtitle=f"Les offres de {shop.name}, {communes()[shop.insee_code].name}",
        page=_address("citizen.read_shop", slug=slug),
        itself=_address("feeds.read_shop_atom", slug=slug),
        changed=changed,
    )
    return _answer(atom.written(feed, told), ATOM, changed)


@blueprint.get("/s/<slug>/offers.ics")
def read_shop_calendar(slug: str) -> Response:
    """The offers of a shop as events of a calendar; one that was called off says so."""
    shop = shop_by_slug(db.session(), slug)
    stands = stands_of(db.session(), [shop.id])[shop.id]
    told = _told_by(shop, stands)
    today = dt.datetime.combine(local_date(now()), dt.time(), PARIS)  # a trader's place is another since midnight
    changed = _changed(told, least=max(shop.updated_at, today) if stands else shop.updated_at)
    return _answer(calendar.written(shop.name, _address("citizen.read_shop", slug=slug), told), CALENDAR, changed)


@blueprint.get("/o/<uuid:offer_id>/offer.ics")
def read_offer_calendar(offer_id: uuid.UUID) -> Response:
    """One offer as an event, for the reader's own calendar; put in once more it changes, and is not there twice."""
    offer = public_offer(db.session(), offer_id)
    shop = shop_by_id(db.session(), offer.shop_id)
    told = told_of(offer, shop, _address, stands=stands_of(db.session(), [shop.id])[shop.id], now=now())
    return _answer(calendar.written_alone(told), CALENDAR, told.changed.replace(microsecond=0))


@blueprint.get("/c/<insee_code>/offers.atom")
def read_commune_atom(insee_code: str) -> Response:
    """The offers of every shop of a commune, the latest change first."""
    if insee_code not in communes():
        raise Absent
    commune = communes()[insee_code]
    told = [told_of(offer, shop, _address, now=now()) for offer, shop in _latest(insee_code=insee_code)]
    changed = _changed(told, least=atom.FOUNDED)
    feed = atom.Feed(
        key=f"commune/{insee_code}",
        title=commune.name,
        subtitle=f"Les offres des commerces de {commune.name}",
        page=_address("public.read_commune", insee_code=insee_code),
        itself=_address("feeds.read_commune_atom", insee_code=insee_code),
        changed=changed,
    )
    return _answer(atom.written(feed, told), ATOM, changed)


def _told_by(shop: Shop, stands: Sequence[ShopStand] = ()) -> list[Told]:
    return [told_of(offer, shop, _address, stands=stands, now=now()) for offer, _ in _latest(shop=shop)]


def _latest(*, shop: Shop | None = None, insee_code: str | None = None) -> list[tuple[Offer, Shop]]:
    shop_id = None if shop is None else shop.id
    return told_offers(db.session(), shop_id=shop_id, insee_code=insee_code, limit=MOST, now=now())


def _changed(told: list[Told], *, least: dt.datetime) -> dt.datetime:
    return max((*(each.changed for each in told), least)).replace(microsecond=0)


def _address(endpoint: str, **values: Any) -> str:
    """The full address of a page or a feed."""
    return house().settings.base_url + url_for(endpoint, **values)


def _answer(body: bytes, content_type: str, changed: dt.datetime) -> Response:
    """The feed, or 304 to a reader who has it (by its ETag, else by the time of its last change)."""
    asked = current_request()
    tag = conditions.tag_of(body)
    headers = [
        ("Cache-Control", PUBLIC),
        ("ETag", tag),
        ("Last-Modified", http_date(changed)),
        ("Vary", "Accept-Encoding"),
    ]
    known, since = asked.environ.get("HTTP_IF_NONE_MATCH"), asked.if_modified_since
    same = conditions.matches(tag, known) if known is not None else since is not None and changed <= since
    if same:
        return Response(status=304, headers=headers)
    return Response(body, 200, [*headers, ("Content-Type", content_type), ("Content-Language", "fr")])
