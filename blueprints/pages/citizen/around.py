"""« Autour »: the shops around a commune, a place of hers, or where she is just now; nearest first, with their offers.

Where she is comes in the body of a form that a script sends, rounded by her browser, and is rounded again here; nothing
of it is kept, but as her « now » where she asks to be told at once. Without scripts she chooses a commune, and the list
is as complete.
"""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask import Response, make_response, render_template, request, url_for
from sqlalchemy import select

from blueprints.cursors import read_spot, written
from blueprints.guards import check_same_origin, citizen_or_none, current_citizen
from blueprints.headers import allow_map
from blueprints.house import house, now
from blueprints.limits import refusal_headers
from blueprints.pages.citizen.near_now import NearNow, ask_near_now, near_now
from blueprints.pages.citizen.showing import ShownOffer, ShownShop, distance_words, show_offer, show_shop
from blueprints.pages.language import page_locale
from blueprints.pages.positions import by_name, rounded_position
from blueprints.pages.settings.answers import fault_of
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.around import DEFAULT_RADIUS, FARTHEST, Asked, Near, Nearest, Spot, shops_around
from citylife.categories import BY_KEY, CATEGORIES, Policy
from citylife.errors import Refusal
from citylife.geography import centre_of, communes
from citylife.limits import TooFast
from citylife.offers import Offer, OfferStatus
from citylife.places import Area, Place, PlaceKind, area_of_commune, area_of_point, places_of
from citylife.shops import Shop
from citylife.shops.directory import stands_of
from citylife.wording import Sentence, say

RADII: Final = (1_000, 2_000, 5_000, 10_000, 20_000)
"""Metres that may be chosen."""
PAGE: Final = 20
MOST_AROUND_HER: Final = 50
"""Shops told at once to somebody who says where she is; her own phone asks for more, and puts them in order."""
MOST_OFFERS: Final = 3
ROUNDED_BY: Final = 700
"""Metres by which a rounded position may be off at most here: that much farther is looked, and her phone leaves out."""
MY_PLACE: Final = "chez-moi"
"""The value of `commune` that stands for a place she keeps."""
NEAR_NOW: Final = "maintenant"
"""The part of the page by which she is told at once."""


@dataclass(frozen=True, slots=True)
class Centre:
    """Around where: a point in degrees WGS 84, and how it is called."""

    latitude: float
    longitude: float
    name: str
    value: str
    """What `commune` says to come back here; empty where her phone alone knows."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What narrows the list down."""

    radius: int
    category: str
    open_now: bool


@dataclass(frozen=True, slots=True)
class ShownNear:
    """A shop that is near: how far it is, where on a map, and the first of its live offers."""

    shop: ShownShop
    distance: str
    latitude: float
    longitude: float
    offers: Sequence[ShownOffer]
    more_offers: int


def read_around() -> str:
    """Around a commune, or a place she keeps; nothing but the choice while neither is said."""
    return _page(_centre(request.args.get("commune", "")), _choice(request.args), request.args.get("cursor"))


def read_around_her() -> str:
    """Around where she is, as her browser rounded it: the same page, for a script that takes the list out of it."""
    check_same_origin()
    return _page(_here(request.form), _choice(request.form), request.form.get("cursor"))


@transaction(rings=True)
def tell_her_now() -> Response:
    """Tell her at once of what is live where she is, or in a commune; the page with what became of it."""
    check_same_origin()
    citizen, form = current_citizen(), request.form
    here = _here(form) if "latitude" in form else None
    shown = _centre(form.get("commune", "")) or here
    try:
        near = near_now(citizen, said=ask_near_now(citizen, _area(here or shown)))
    except Refusal as refusal:
        db.session().rollback()
        near = near_now(citizen, fault=fault_of(refusal, (NEAR_NOW,)))
        answer = make_response(_page(shown, _choice(form), near=near), refusal.status)
        answer.headers.update(refusal_headers(refusal) if isinstance(refusal, TooFast) else {})
        return answer
    return make_response(_page(shown, _choice(form), near=near))


def _here(said: Mapping[str, str]) -> Centre:
    """Where her browser says she is, within a kilometre or so."""
    return Centre(*rounded_position(said), say(Sentence("ma position"), page_locale()), "")


def _area(centre: Centre | None) -> Area:
    """What may be kept of a centre as her « now »: of a place of hers, no more than is kept already.

    Raises:
        OutsideTerritory: it lies in none of the 100 communes, or none was chosen.
    """
    if centre is None or centre.value not in {"", MY_PLACE}:
        return area_of_commune("" if centre is None else centre.value)
    place = _lasting() if centre.value else None
    if place is None:
        return area_of_point(centre.latitude, centre.longitude)
    return Area(place.insee_code, place.cell)


def _page(centre: Centre | None, choice: Choice, cursor: str | None = None, *, near: NearNow | None = None) -> str:
    moment, locale = now(), page_locale()
    nearest = Nearest([], None) if centre is None else _nearest(centre, choice, read_spot(cursor), moment)
    more = written(nearest.last)
    settings = house().settings
    if settings.map_tiles:
        allow_map()
    return render_template(
        "citizen/around.html",
        tiles=settings.map_tiles,
        credit=settings.map_credit,
        centre=centre,
        choice=choice,
        found=_shown(nearest.things, moment, locale),
        whole_to=None if nearest.last is None else int(nearest.last.distance),
        more=more,
        place=_her_place(),
        near_now=near or near_now(citizen_or_none()),
        communes=by_name(),
        categories=[
            (category.key, say(category.name, locale))
            for category in CATEGORIES
            if category.policy is not Policy.REFUSED
        ],
        radii=[(metres, distance_words(metres, locale)) for metres in RADII],
        next_page=_query(centre, choice, more) if centre and centre.value and more else None,
        canonical=settings.base_url + url_for("citizen.read_around"),
    )


def _nearest(centre: Centre, choice: Choice, after: Spot | None, moment: dt.datetime) -> Nearest:
    hers = not centre.value
    asked = Asked(
        latitude=centre.latitude,
        longitude=centre.longitude,
        radius=min(FARTHEST, choice.radius + ROUNDED_BY) if hers else choice.radius,
        category=choice.category or None,
        open_now=choice.open_now,
        after=after,
        limit=MOST_AROUND_HER if hers else PAGE,
    )
    return house().kept.read(lambda connection: shops_around(connection, asked, now=moment))


def _query(centre: Centre, choice: Choice, cursor: str) -> Mapping[str, Any]:
    narrowed = {"rayon": choice.radius, "categorie": choice.category, "ouvert": "1" if choice.open_now else ""}
    return {"commune": centre.value, **{name: value for name, value in narrowed.items() if value}, "cursor": cursor}


def _choice(said: Mapping[str, str]) -> Choice:
    """What was chosen; what cannot be chosen is as if nothing had been said."""
    radius, category = said.get("rayon", ""), said.get("categorie", "")
    return Choice(
        radius=int(radius) if radius in map(str, RADII) else DEFAULT_RADIUS,
        category=category if category in BY_KEY else "",
        open_now=said.get("ouvert") == "1",
    )


def _centre(commune: str) -> Centre | None:
    """The commune that was chosen; her own place where she says so, or says nothing and keeps one."""
    facts = communes().get(commune)
    if facts is not None:
        return Centre(facts.latitude, facts.longitude, facts.name, facts.insee_code)
    return _her_place()


def _her_place() -> Centre | None:
    """The first lasting place that she keeps: the centre of her commune, or of her cell."""
    place = _lasting()
    if place is None:
        return None
    if place.cell is not None:
        return Centre(*centre_of(place.cell), say(Sentence("chez moi"), page_locale()), MY_PLACE)
    facts = communes()[str(place.insee_code)]
    return Centre(facts.latitude, facts.longitude, facts.name, MY_PLACE)


def _lasting() -> Place | None:
    citizen = citizen_or_none()
    places = () if citizen is None else places_of(db.session(), citizen.id, now=now())
    return next((place for place in places if place.kind is PlaceKind.LASTING), None)


def _shown(things: Sequence[Near], moment: dt.datetime, locale: str) -> Sequence[ShownNear]:
    session, ids = db.session(), [near.thing_id for near in things]
    shops = {shop.id: shop for shop in session.scalars(select(Shop).where(Shop.id.in_(ids)))}
    stands = stands_of(session, ids)
    offers: dict[uuid.UUID, list[Offer]] = {}
    live = (
        select(Offer)
        .where(Offer.shop_id.in_(ids), Offer.status == OfferStatus.LIVE, Offer.ends_at > moment)
        .order_by(Offer.ends_at, Offer.id)
    )
    for offer in session.scalars(live):
        offers.setdefault(offer.shop_id, []).append(offer)
    return [
        ShownNear(
            shop=show_shop(shops[near.thing_id], stands[near.thing_id], now=moment, locale=locale),
            distance=distance_words(near.distance, locale),
            latitude=near.found.latitude,
            longitude=near.found.longitude,
            offers=[show_offer(offer, now=moment, locale=locale) for offer in here[:MOST_OFFERS]],
            more_offers=max(0, len(here) - MOST_OFFERS),
        )
        for near in things
        if near.thing_id in shops
        for here in (offers.get(near.thing_id, []),)
    ]
