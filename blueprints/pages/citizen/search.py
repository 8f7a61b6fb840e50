"""« Chercher »: shops and live offers by a few words, typed in haste, by trade and by commune. A plain form does it."""

import uuid
from collections.abc import Container, Mapping, Sequence
from typing import Final

from flask import render_template, request
from sqlalchemy import func, select

from blueprints.cursors import read_hit, read_id, read_moment, written
from blueprints.house import house, now
from blueprints.pages.citizen.showing import Offered, show_offer, show_shop
from blueprints.pages.language import page_locale
from blueprints.storage import db
from citylife.categories import BY_KEY, CATEGORIES, REFUSED
from citylife.geography import CommuneFacts, communes
from citylife.offers import Offer, OfferStatus
from citylife.search import find_offers, find_shops, sought
from citylife.shops import Shop
from citylife.shops.directory import public_of, stands_of
from citylife.text import folded

MOST: Final = 20
LONGEST_SEARCH: Final = 80
TRADES: Final = tuple(category for category in CATEGORIES if category.key not in REFUSED)


def read_search() -> str:
    """What was found, shops and then offers, or the next page of one of them; every shop where nothing is sought."""
    words = request.args.get("q", "")[:LONGEST_SEARCH].strip()
    commune, category = _known("commune", communes()), _known("category", BY_KEY.keys() - REFUSED)
    wanted = {name: said for name, said in (("q", words), ("commune", commune), ("category", category)) if said}
    only_offers = "offers" in request.args
    shops, more_shops = ([], None) if only_offers else _shops(words, commune, category)
    stands = stands_of(db.session(), [shop.id for shop in shops])
    offers, more_offers = ([], None) if not wanted or "cursor" in request.args else _offers(words, commune, category)
    return render_template(
        "citizen/search.html",
        words=words,
        commune=commune,
        category=BY_KEY.get(category),
        searching=bool(wanted),
        shops=[show_shop(shop, stands[shop.id], now=now(), locale=page_locale()) for shop in shops],
        live=_live_by_slug(shops),
        offers=offers,
        next_shops={**wanted, "cursor": more_shops} if more_shops else None,
        next_offers={**wanted, "offers": more_offers} if more_offers else None,
        everywhere={name: said for name, said in wanted.items() if name != "commune"},
        communes=communes_by_name(),
        trades=TRADES,
        canonical=f"{house().settings.base_url}/chercher",
    )


def communes_by_name() -> list[CommuneFacts]:
    """Every commune, in the order of a list that people read."""
    return sorted(communes().values(), key=lambda facts: folded(facts.name))


def _shops(words: str, commune: str, category: str) -> tuple[list[Shop], str | None]:
    q, cursor = sought(words), request.args.get("cursor")
    found = find_shops(
        db.session(),
        q=q,
        category=category or None,
        insee_code=commune or None,
        after=read_id(cursor) if q is None else read_hit(cursor),
        limit=MOST,
        now=now(),
    )
    return found.things, written(found.last)


def _offers(words: str, commune: str, category: str) -> tuple[list[Offered], str | None]:
    q, cursor = sought(words), request.args.get("offers")
    found = find_offers(
        db.session(),
        q=q,
        category=category or None,
        insee_code=commune or None,
        after=read_moment(cursor) if q is None else read_hit(cursor),
        limit=MOST,
        now=now(),
    )
    moment, locale = now(), page_locale()
    shops = public_of(db.session(), list({offer.shop_id for offer in found.things}))
    stands = stands_of(db.session(), list(shops))
    shown = [
        Offered(
            show_offer(offer, now=moment, locale=locale),
            show_shop(shops[offer.shop_id], stands[offer.shop_id], now=moment, locale=locale),
        )
        for offer in found.things
        if offer.shop_id in shops
    ]
    return shown, written(found.last)


def _known(name: str, choices: Container[str]) -> str:
    """What the address says of `name`, where it is one of the choices."""
    said = request.args.get(name, "")
    return said if said in choices else ""


def _live_by_slug(shops: Sequence[Shop]) -> Mapping[str, int]:
    """How many live offers each shop has; a shop without any is left out."""
    slugs: dict[uuid.UUID, str] = {shop.id: shop.slug for shop in shops}
    statement = (
        select(Offer.shop_id, func.count())
        .where(Offer.shop_id.in_(slugs), Offer.status == OfferStatus.LIVE, Offer.ends_at > now())
        .group_by(Offer.shop_id)
    )
    return {slugs[row[0]]: row[1] for row in db.session.execute(statement)}
