"""A commune's page: what its shops offer just now, who they are, and where the same is read elsewhere."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from babel.dates import format_date
from flask import Response, render_template, request, url_for
from sqlalchemy.orm import Session

from blueprints import conditions
from blueprints.cursors import read_id, written
from blueprints.house import house, now
from blueprints.pages.arrival import PAPER, arrived, marked
from blueprints.pages.citizen.showing import ShownOffer, ShownShop, show_offer, show_shop, telephone_words
from blueprints.pages.language import page_locale
from blueprints.pages.public import sheet
from blueprints.pages.public.answering import for_everybody
from blueprints.storage import db
from citylife.activity import WHOLE
from citylife.clock import local_date
from citylife.errors import Absent
from citylife.geography import CommuneFacts, communes
from citylife.moments import until_date_words
from citylife.offers import Offer
from citylife.offers.reading import live_count, live_offers
from citylife.prices import price_words, prior_words
from citylife.search import find_shops
from citylife.shops import Shop, ShopStand
from citylife.shops.directory import public_of, stands_of
from citylife.wording import Sentence, say

MOST_OFFERS: Final = 60
SHOPS: Final = 20
WEEK: Final = 7
"""Days after which weekdays come again."""
A_DAY: Final = dt.timedelta(days=1)
SHEET_KEPT: Final = "public, max-age=60"
"""A sheet says at what minute it was printed."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An offer beside its shop, ready to be read, where it is to be had, and the full address of its page."""

    offer: ShownOffer
    shop: ShownShop
    where: str
    address: str


@dataclass(frozen=True, slots=True)
class Live:
    """A live offer, its shop, and where that stands on weekdays, if it does."""

    offer: Offer
    shop: Shop
    stands: Sequence[ShopStand]


def read_commune(insee_code: str) -> Response:
    """The live offers and the shops of a commune; shops by pages, with the offers before the first."""
    commune, session, moment, locale = commune_of(insee_code), db.session(), now(), page_locale()
    if (onward := arrived(WHOLE)) is not None:
        return onward
    cursor = request.args.get("cursor")
    found = find_shops(session, q=None, insee_code=insee_code, after=read_id(cursor), limit=SHOPS, now=moment)
    stands = stands_of(session, [shop.id for shop in found.things])
    offers = [] if cursor else live_in(session, insee_code, most=MOST_OFFERS, now=moment)
    page = render_template(
        "public/commune.html",
        commune=commune,
        offers=[shown(each, now=moment, locale=locale) for each in offers],
        more_offers=live_count(session, insee_code=insee_code, now=moment) - len(offers) if offers else 0,
        shops=[show_shop(shop, stands[shop.id], now=moment, locale=locale) for shop in found.things],
        further=cursor is not None,
        next_cursor=written(found.last),
        canonical=address_of(commune),
    )
    return for_everybody(page.encode(), cache=conditions.PUBLIC)


def read_sheet(insee_code: str) -> Response:
    """The week's offers on one sheet of A4, as a PDF."""
    commune, session, moment, locale = commune_of(insee_code), db.session(), now(), page_locale()
    offers = live_in(session, insee_code, most=MOST_OFFERS, now=moment)
    document, _ = sheet.drawn(
        sheet.Heading(commune.name, address_of(commune), marked(address_of(commune), PAPER)),
        [_entry(each, moment, locale) for each in offers],
        total=live_count(session, insee_code=insee_code, now=moment),
        language=locale,
        now=moment,
    )
    response = for_everybody(document, cache=SHEET_KEPT, content_type="application/pdf")
    response.headers["Content-Disposition"] = f"inline; filename=citylife-{insee_code}.pdf"
    return response


def _entry(live: Live, moment: dt.datetime, locale: str) -> sheet.Entry:
    """An offer as it stands on paper: by dates, since paper is read another day, and with a telephone number."""
    offer, shop = live.offer, live.shop
    place = where_words(live, now=moment, locale=locale)
    where = ", ".join(part for part in (shop.name, place, telephone_words(shop.telephone or "")) if part)
    fictional = say(Sentence("(commerce fictif)"), locale) if shop.fictional else ""
    price = " · ".join(part for part in (price_words(offer.price, locale), prior_words(offer, locale)) if part)
    until = until_date_words(offer.ends_at, locale=locale)
    return sheet.Entry(offer.title, f"{where} {fictional}".strip(), price, until)


def where_words(live: Live, *, now: dt.datetime, locale: str) -> str:
    """Where an offer is to be had: the shop's street; of a market trader, never her own, but her stands until its end.

    Each stand with its weekday, from today on.
    """
    if not live.stands:
        return live.shop.street
    today = local_date(now)
    days = min((local_date(live.offer.ends_at) - today).days + 1, WEEK)
    there = {stand.weekday: stand for stand in live.stands}
    coming = [today + ahead * A_DAY for ahead in range(days)]
    return ", ".join(
        say(
            Sentence(
                "{weekday} : {place}",
                weekday=format_date(day, "EEEE", locale=locale),
                place=f"{stand.label}, {communes()[stand.insee_code].name}",
            ),
            locale,
        )
        for day in coming
        if (stand := there.get(day.weekday())) is not None
    )


def commune_of(insee_code: str) -> CommuneFacts:
    """The commune of a code.

    Raises:
        Absent: it is none of the agglomeration's.
    """
    facts = communes().get(insee_code)
    if facts is None:
        raise Absent
    return facts


def address_of(commune: CommuneFacts) -> str:
    """The full address of a commune's page."""
    return house().settings.base_url + url_for("public.read_commune", insee_code=commune.insee_code)


def live_in(session: Session, insee_code: str, *, most: int, now: dt.datetime) -> Sequence[Live]:
    """The live offers of a commune's shops, the first to end first."""
    offers = live_offers(session, insee_code=insee_code, limit=most, now=now)
    shops = public_of(session, [offer.shop_id for offer in offers])
    stands = stands_of(session, list(shops))
    return [Live(offer, shops[offer.shop_id], stands[offer.shop_id]) for offer in offers]


def shown(live: Live, *, now: dt.datetime, locale: str) -> Shown:
    """An offer and its shop in the words of `locale`."""
    address = house().settings.base_url + url_for("citizen.read_offer", offer_id=live.offer.id)
    return Shown(
        show_offer(live.offer, now=now, locale=locale),
        show_shop(live.shop, live.stands, now=now, locale=locale),
        where_words(live, now=now, locale=locale),
        address,
    )
