"""« Mes commerces », a citizen's home: what the shops she follows offer now, and how much she hears of each."""

from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeVar

from flask import Response, make_response, redirect, render_template, request, url_for
from sqlalchemy import select

from blueprints.cursors import read_id, read_moment, written
from blueprints.guards import check_same_origin, citizen_or_none, current_citizen
from blueprints.house import now
from blueprints.pages.citizen.showing import Offered, ShownShop, show_offer, show_shop
from blueprints.pages.language import page_locale
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.accounts.citizens import Citizen
from citylife.discovered import discovered_offers
from citylife.followed import Order, followed_offers
from citylife.follows import MOST_ALWAYS, Level, TooManyAlways, follow, follow_of, follows_of, shop_to_leave, unfollow
from citylife.offers.tables import Offer
from citylife.places import places_of
from citylife.shops import Shop, is_public, shop_by_slug
from citylife.shops.directory import stands_of
from citylife.text import folded
from citylife.undoing import always_taken, lately_ended, undo_unfollow
from citylife.wording import Sentence

Choice = TypeVar("Choice", bound=Enum)

MOST_OFFERS: Final = 20
MOST_FOLLOWS: Final = 100
LEVELS: Final = {
    Level.ALWAYS: Sentence("Toujours"),
    Level.NORMAL: Sentence("Normal"),
    Level.NEARBY: Sentence("À proximité"),
    Level.NONE: Sentence("Aucune notification"),
}
ORDERS: Final = {
    Order.ENDING: Sentence("Bientôt finies"),
    Order.NEWEST: Sentence("Les plus récentes"),
}


@dataclass(frozen=True, slots=True)
class FollowedShop:
    """A shop of her list: one she follows at a level or, lately left, one that may be taken back at it (`left`).

    One that is `gone` is not public any more, and may only be left.
    """

    shop: ShownShop
    level: Level
    gone: bool
    left: bool = False


def read_mine() -> str:
    """The live offers of her shops in the order she chose, and her shops; what to do first where there are none."""
    citizen, order = citizen_or_none(), _chosen(Order, request.args.get("order"), Order.ENDING)
    followed, more = ([], None) if citizen is None else _followed(citizen)
    offers, next_offers = ([], None) if citizen is None else _offers(citizen, order)
    return render_template(
        "citizen/mine.html",
        known=citizen is not None,
        offers=offers,
        next_offers={"order": order.value, "cursor": next_offers} if next_offers else None,
        order=order,
        orders=ORDERS,
        discovered=[] if citizen is None else _discovered(citizen),
        followed=followed,
        next_followed=more,
        changed=request.args.get("changed"),
        refused=request.args.get("refused"),
        back=request.args.get("back"),
        level=Level,
        levels=LEVELS,
        placed=citizen is not None and bool(places_of(db.session(), citizen.id, now=now())),
        always_left=MOST_ALWAYS if citizen is None else MOST_ALWAYS - always_taken(db.session(), citizen.id),
    )


@transaction()
def set_level(slug: str) -> Response:
    """Change how much she hears of a shop she follows; a fourth « toujours » is refused, and the page says so."""
    check_same_origin()
    citizen = current_citizen()
    shop = shop_by_slug(db.session(), slug)
    standing = follow_of(db.session(), citizen.id, shop.id)
    if standing is None:
        return _back_to(shop)
    try:
        follow(db.session(), citizen.id, shop, _chosen(Level, request.form.get("level"), standing.level), now=now())
    except TooManyAlways:
        return _back_to(shop, refused=slug)
    return _back_to(shop, changed=slug)


@transaction()
def leave_shop(slug: str) -> Response:
    """Follow a shop no longer; for a minute the page lets her undo it."""
    check_same_origin()
    citizen = current_citizen()
    shop = shop_to_leave(db.session(), citizen.id, slug)
    standing = follow_of(db.session(), citizen.id, shop.id)
    level = Level.NORMAL if standing is None else standing.level
    unfollow(db.session(), citizen.id, shop.id, now=now())
    return _back_to(shop, left=slug, level=level.value)


@transaction()
def take_shop_back(slug: str) -> Response:
    """Undo that she left a shop; « toujours » that is taken meanwhile becomes « normal »."""
    check_same_origin()
    citizen = current_citizen()
    shop = shop_by_slug(db.session(), slug)
    level = _chosen(Level, request.form.get("level"), Level.NORMAL)
    try:
        undo_unfollow(db.session(), citizen.id, shop, level, now=now())
    except TooManyAlways:
        undo_unfollow(db.session(), citizen.id, shop, Level.NORMAL, now=now())
    return _back_to(shop, back=slug)


def _followed(citizen: Citizen) -> tuple[list[FollowedShop], str | None]:
    """A page of her shops by name, with the one she has just left among them."""
    session, moment, locale = db.session(), now(), page_locale()
    rows = follows_of(session, citizen.id, after=read_id(request.args.get("after")), limit=MOST_FOLLOWS + 1)
    shown = rows[:MOST_FOLLOWS]
    more = written(shown[-1][1].id) if len(rows) > MOST_FOLLOWS else None
    stands = stands_of(session, [shop.id for _, shop in shown])
    followed = [
        FollowedShop(
            show_shop(shop, stands[shop.id], now=moment, locale=locale), standing.level, gone=not is_public(shop)
        )
        for standing, shop in shown
    ]
    left = _left(citizen)
    if left is not None:
        followed.append(left)
    return sorted(followed, key=lambda one: folded(one.shop.name)), more


def _left(citizen: Citizen) -> FollowedShop | None:
    """The shop she has just left, while that may be undone; said also of one that is gone."""
    slug = request.args.get("left")
    shop = None if slug is None else db.session().scalar(select(Shop).where(Shop.slug == slug))
    if shop is None or not lately_ended(db.session(), citizen.id, shop.id, now=now()):
        return None
    level = _chosen(Level, request.args.get("level"), Level.NORMAL)
    stands = stands_of(db.session(), [shop.id])[shop.id]
    return FollowedShop(
        show_shop(shop, stands, now=now(), locale=page_locale()), level, gone=not is_public(shop), left=True
    )


def _offers(citizen: Citizen, order: Order) -> tuple[list[Offered], str | None]:
    after = read_moment(request.args.get("cursor"))
    rows, last = followed_offers(db.session(), citizen.id, order, after=after, limit=MOST_OFFERS, now=now())
    return _shown(rows), written(last)


def _discovered(citizen: Citizen) -> list[Offered]:
    """What she was told of by discovery, which a tap on a digest leads to as well."""
    return _shown(discovered_offers(db.session(), citizen.id, limit=MOST_OFFERS, now=now()))


def _shown(rows: list[tuple[Offer, Shop]]) -> list[Offered]:
    moment, locale = now(), page_locale()
    stands = stands_of(db.session(), list({shop.id for _, shop in rows}))
    return [
        Offered(
            show_offer(offer, now=moment, locale=locale), show_shop(shop, stands[shop.id], now=moment, locale=locale)
        )
        for offer, shop in rows
    ]


def _back_to(shop: Shop, **said: str) -> Response:
    """Back to her list, in the order she reads it, at the shop."""
    order = _chosen(Order, request.form.get("order"), Order.ENDING)
    kept = said if order is Order.ENDING else {"order": order.value, **said}
    return make_response(redirect(url_for("citizen.read_mine", **kept, _anchor=f"commerce-{shop.slug}"), 303))


def _chosen(choices: type[Choice], said: str | None, usual: Choice) -> Choice:
    """The choice that an address or a form names; the usual one where it names none."""
    return next((choice for choice in choices if choice.value == said), usual)
