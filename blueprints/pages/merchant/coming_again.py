"""What comes again, on the page of its shop: when, what is left out, and what became of the last times."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from blueprints.pages.merchant.weekly import length_words, rhythm_words
from blueprints.storage import db
from citylife.moments import day_words
from citylife.offers.coming_again import OCCURRENCES_KEPT, occurrences_of, recurring_of_shop
from citylife.offers.recurring import MOST, Occurred, Occurrence, RecurringOffer, RecurringStatus
from citylife.prices import price_words
from citylife.shops import Shop
from citylife.wording import Sentence, say

MOST_TROUBLES: Final = 3
"""Times that were not published, of one recurring offer."""
ENDED: Final = {
    RecurringStatus.OVER: Sentence("Finie : sa dernière date est passée."),
    RecurringStatus.SHOP_SILENT: Sentence(
        "Arrêtée : votre commerce a été suspendu. Recréez-la quand il ne l’est plus."
    ),
    RecurringStatus.TEAM_GONE: Sentence("Arrêtée : plus personne ne tenait ce commerce."),
    RecurringStatus.WITHDRAWN: Sentence("Arrêtée : l’équipe a retiré une offre qui en venait."),
}
"""Why one comes no more; what the merchant stopped herself is not shown."""


@dataclass(frozen=True, slots=True)
class ShownRecurring:
    """A recurring offer in words; `next_day` and `skipped_day` are dates as addresses and forms write them."""

    id: uuid.UUID
    title: str
    price: str
    when: str
    length: str
    next_day: str
    skipped: str
    skipped_day: str
    ended: str
    troubles: list[str]


def recurring_shown(shop: Shop, *, now: dt.datetime, locale: str) -> list[ShownRecurring]:
    """The recurring offers of a shop: those that come, the next one first; then those that ended by themselves."""
    rows = recurring_of_shop(db.session(), shop.id, limit=2 * MOST)
    rows = [each for each in rows if each.running or each.status in ENDED]
    lately = occurrences_of(db.session(), [each.id for each in rows], since=now - OCCURRENCES_KEPT)
    rows = sorted(rows, key=lambda each: (not each.running, each.next_on or dt.date.max))
    return [show_recurring(each, lately[each.id], now=now, locale=locale) for each in rows]


def show_recurring(
    series: RecurringOffer, lately: Sequence[Occurrence], *, now: dt.datetime, locale: str
) -> ShownRecurring:
    """One of them in the words of `locale`."""
    skipped = series.skipped_on if series.skipped_on and series.rhythm.begins(series.skipped_on) > now else None
    troubles = [each for each in lately if each.outcome in {Occurred.REFUSED, Occurred.MISSED}]
    return ShownRecurring(
        id=series.id,
        title=series.title,
        price=price_words(series.price, locale),
        when=_when(series, locale),
        length=length_words(series.rhythm, locale),
        next_day="" if series.next_on is None else series.next_on.isoformat(),
        skipped="" if skipped is None else say(Sentence("Vous passez {day}.", day=day_words(skipped, locale)), locale),
        skipped_day="" if skipped is None else skipped.isoformat(),
        ended=say(ENDED[series.status], locale) if series.status in ENDED else "",
        troubles=[_trouble(each, locale) for each in troubles[:MOST_TROUBLES]],
    )


def _when(series: RecurringOffer, locale: str) -> str:
    rhythm = rhythm_words(series.rhythm, locale)
    if series.next_on is None:
        return rhythm
    day = day_words(series.next_on, locale)
    return say(Sentence("{rhythm}, prochaine : {day}", rhythm=rhythm, day=day), locale)


def _trouble(occurrence: Occurrence, locale: str) -> str:
    day = day_words(occurrence.day, locale)
    if occurrence.reason is None:
        sentence = Sentence("Pas publiée {day} : Citylife était arrêté à ce moment-là.", day=day)
    else:
        sentence = Sentence("Pas publiée {day} : {reason}", day=day, reason=occurrence.reason)
    return say(sentence, locale)
