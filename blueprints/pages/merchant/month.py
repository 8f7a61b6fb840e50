"""What a month has brought a shop, for its team: as a page, and as a file for a spreadsheet."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from babel.dates import format_date
from flask import Response, make_response, render_template, request

from blueprints import guards
from blueprints.house import house, now
from blueprints.pages.language import page_locale
from blueprints.pages.merchant.asking import merchant_here
from blueprints.pages.merchant.results import DECLARED, HELD, NEW_FOLLOWS, OPENED, TOLD, USED, bars, reasons_in_words
from blueprints.pages.merchant.showing import show_shop
from blueprints.pages.merchant.spreadsheet import Cell, spreadsheet
from blueprints.storage import db
from citylife.clock import local_date
from citylife.ledger.tables import Outcome
from citylife.shop_month import Month, MonthResults, OfferInSpan, month_results, read_month
from citylife.shops import Shop
from citylife.wording import Sentence, said_value, say

MOST_BARS: Final = 12
"""Offers whose bars are drawn; the table has them all."""
LOST: Final = Sentence("Abonnés perdus")
COLUMNS: Final = (
    Sentence("Annonce"),
    Sentence("Parue le"),
    TOLD,
    OPENED,
    USED,
    DECLARED,
    NEW_FOLLOWS,
    LOST,
    HELD,
)


@dataclass(frozen=True, slots=True)
class Row:
    """An offer in the table of a month, with its figures in words."""

    id: uuid.UUID
    title: str
    figures: Sequence[str]


@merchant_here
def read_month_results(shop_id: uuid.UUID) -> Response:
    """A month (`?mois=2026-11`, this one unless another is asked for), and the ways to those beside it."""
    shop, found = _asked(shop_id)
    locale = page_locale()
    earliest = Month.of(shop.created_at)
    page = render_template(
        "merchant/month.html",
        shop=show_shop(shop, locale),
        month=_named(found.month, locale),
        asked=str(found.month),
        before=_named(found.month.before, locale) if found.month > earliest else "",
        after=_named(found.month.after, locale) if found.month < Month.of(now()) else "",
        beside=(str(found.month.before), str(found.month.after)),
        found=found,
        bars=bars(_counts(found), locale),
        best=bars(_best(found), locale),
        most=MOST_BARS,
        rows=[_row(each, locale) for each in found.offers],
        held=reasons_in_words(found.reasons, Outcome.HELD, locale),
    )
    return make_response(page)


@merchant_here
def read_month_file(shop_id: uuid.UUID) -> Response:
    """The same month as a file: a row for each offer, and the whole below them."""
    shop, found = _asked(shop_id)
    return spreadsheet(f"citylife-{shop.slug}-{found.month}", _rows(found, page_locale()))


def _asked(shop_id: uuid.UUID) -> tuple[Shop, MonthResults]:
    """The shop, and the month that is asked for.

    Raises:
        NotYours: she does not run it. MonthRefused: it is no month that has begun.
    """
    shop, moment = guards.my_shop(shop_id), now()
    month = read_month(request.args.get("mois"), now=moment)
    return shop, month_results(db.session(), shop, month, secret=house().keys.secret_key, now=moment)


def _named(month: Month, locale: str) -> str:
    return format_date(local_date(month.begins_at), "LLLL y", locale=locale)


def _counts(found: MonthResults) -> Sequence[tuple[str, int]]:
    follows = (NEW_FOLLOWS, found.follows_won), (LOST, found.follows_lost)
    return (
        (TOLD, found.sent),
        (OPENED, found.opened),
        (USED, found.used),
        (DECLARED, found.declared),
        *((label, count) for label, count in follows if count is not None),
    )


def _best(found: MonthResults) -> Sequence[tuple[str, int]]:
    """The offers that were used most at the till, the most first."""
    used = [(each.offer.title, each.results.used) for each in found.offers if each.results.used]
    return sorted(used, key=lambda each: -each[1])[:MOST_BARS]


def _row(each: OfferInSpan, locale: str) -> Row:
    results = each.results
    counts = results.sent, results.opened, results.used, results.declared, results.new_follows
    return Row(each.offer.id, each.offer.title, [str(said_value(count, locale)) for count in counts])


def _rows(found: MonthResults, locale: str) -> Iterator[Sequence[Cell]]:
    yield [say(column, locale) for column in COLUMNS]
    for each in found.offers:
        offer, results = each.offer, each.results
        live_from = offer.live_from or offer.ends_at
        counts = results.sent, results.opened, results.used, results.declared, results.new_follows, None, results.held
        yield offer.title, local_date(live_from).isoformat(), *counts
    whole = found.sent, found.opened, found.used, found.declared, found.follows_won, found.follows_lost, found.held
    yield say(Sentence("Mois entier"), locale), str(found.month), *whole
