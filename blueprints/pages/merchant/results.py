"""What an offer has brought, for its team: exact totals, a chart with its table, and why others were not told."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flask import Response, make_response, render_template

from blueprints import guards
from blueprints.house import house, now
from blueprints.pages.language import page_locale
from blueprints.pages.merchant.asking import merchant_here
from blueprints.pages.merchant.showing import show_offer, show_shop
from blueprints.pages.merchant.spreadsheet import Cell, spreadsheet
from blueprints.storage import db
from citylife.categories import BY_KEY, Policy
from citylife.clock import local_date
from citylife.ledger.tables import Outcome, Reason
from citylife.offers import Offer, OfferKind
from citylife.results import IN_WORDS, Results, being_told, results_of
from citylife.wording import Sentence, said_value, say

WHOLE: Final = 100
TOLD: Final = Sentence("Personnes prévenues")
OPENED: Final = Sentence("Ouvertures de la notification")
USED: Final = Sentence("Codes utilisés en caisse")
DECLARED: Final = Sentence("Utilisations déclarées, sans code")
NEW_FOLLOWS: Final = Sentence("Nouveaux abonnés")
HELD: Final = Sentence("Pas prévenues (environ)")
COLUMNS: Final = (Sentence("Ce qui est compté"), Sentence("Combien"), Sentence("Exact ou environ"))
EXACT, ABOUT = Sentence("exact"), Sentence("environ")
WHY: Final = {
    Outcome.SEND: Sentence("Prévenues : {reason}"),
    Outcome.HELD: Sentence("Pas prévenues : {reason}"),
}


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of a chart: what it counts, how many in words, and how long its bar is (0 to 100)."""

    label: str
    said: str
    length: float


@merchant_here
def read_offer_results(offer_id: uuid.UUID) -> Response:
    """What an offer has brought until now; nothing to count before it was live."""
    offer, shop = guards.my_offer(offer_id)
    locale, moment, session = page_locale(), now(), db.session()
    found = results_of(session, shop, offer, secret=house().keys.secret_key, now=moment)
    counts = _counts(offer, found)
    page = render_template(
        "merchant/offer_results.html",
        shop=show_shop(shop, locale),
        offer=show_offer(offer, now=moment, locale=locale),
        telling=being_told(session, offer),
        never_told=say(Sentence(IN_WORDS[Reason.PAGE_ONLY]), locale) if _page_only(shop.category) else "",
        found=found,
        something=any(count for _, count in counts),
        bars=bars(counts, locale),
        uses=any(label is DECLARED for label, _ in counts),
        told=reasons_in_words(found.reasons, Outcome.SEND, locale),
        held=reasons_in_words(found.reasons, Outcome.HELD, locale),
    )
    return make_response(page)


@merchant_here
def read_offer_file(offer_id: uuid.UUID) -> Response:
    """The same as a file: a row for each figure, and for each reason that is told."""
    offer, shop = guards.my_offer(offer_id)
    found = results_of(db.session(), shop, offer, secret=house().keys.secret_key, now=now())
    day = local_date(offer.live_from or offer.ends_at)
    return spreadsheet(f"citylife-{shop.slug}-{day}-{offer.id.hex[-6:]}", _rows(offer, found, page_locale()))


def bars(counts: Sequence[tuple[str, int]], locale: str) -> list[Bar]:
    """The rows of a chart, each as long as it counts beside the largest."""
    largest = max((count for _, count in counts), default=0) or 1
    return [
        Bar(say(label, locale), str(said_value(count, locale)), round(WHOLE * count / largest, 1))
        for label, count in counts
    ]


def reasons_in_words(
    reasons: Mapping[tuple[Outcome, Reason], int], outcome: Outcome, locale: str
) -> list[tuple[str, int]]:
    """The reasons of an outcome in words, the commonest first, each with about how many."""
    of = [(reason, count) for (each, reason), count in reasons.items() if each is outcome]
    of.sort(key=lambda each: (-each[1], each[0].value))
    return [(say(Sentence(IN_WORDS[reason]), locale), count) for reason, count in of]


def _counts(offer: Offer, found: Results) -> list[tuple[str, int]]:
    """What is counted of an offer; uses only where there may be some, apart by how they are known."""
    counts: list[tuple[str, int]] = [(TOLD, found.sent), (OPENED, found.opened)]
    if offer.kind is OfferKind.OFFER or found.used or found.declared:
        counts += [(USED, found.used), (DECLARED, found.declared)]
    return [*counts, (NEW_FOLLOWS, found.new_follows)]


def _rows(offer: Offer, found: Results, locale: str) -> Iterator[Sequence[Cell]]:
    exact, about = say(EXACT, locale), say(ABOUT, locale)
    yield [say(column, locale) for column in COLUMNS]
    yield offer.title, None, None
    for label, count in _counts(offer, found):
        yield say(label, locale), count, exact
    yield say(HELD, locale), found.held, about
    for outcome, sentence in WHY.items():
        for reason, count in reasons_in_words(found.reasons, outcome, locale):
            yield say(sentence.format(reason=reason), locale), count, about


def _page_only(category: str) -> bool:
    return BY_KEY[category].policy is Policy.PAGE_ONLY
