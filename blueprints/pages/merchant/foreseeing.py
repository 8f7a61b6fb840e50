"""What a merchant is told of an announcement before it leaves: who hears of it, how a phone shows it, prices before."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from blueprints.house import house, now
from blueprints.pages.merchant.writing import cents_in, end_in, price_written, radius_in, start_in
from blueprints.storage import db
from citylife.audience.foresight import EXPLAINED, Fate, show
from citylife.categories import BY_KEY, Policy
from citylife.demand import may_know_followers
from citylife.errors import Refusal
from citylife.ledger.sending import TOLD, Sending, sending_now
from citylife.moments import at_words
from citylife.notification_words import NotificationWords, announcement_words
from citylife.offers import lowest_asked
from citylife.offers.drafts import check_dates
from citylife.prices import euros
from citylife.shops import Shop
from citylife.wording import Sentence, say

FATES: Final = {
    Fate.NOW: Sentence("Tout de suite"),
    Fate.LATER: Sentence("Après leurs heures calmes"),
    Fate.DIGEST: Sentence("Dans leur récapitulatif"),
    Fate.HELD: Sentence("Pas cette fois"),
}
"""What becomes of an announcement, in the words of a merchant."""
LATER_ON: Final = Sentence("Dès qu’elle paraît")
ABOUT: Final = Sentence("environ {count}")
SPOKEN: Final = Sentence("{fate} : {count}")
NOT_YET: Final = Sentence("Une fois votre commerce vérifié : d’ici là, aucun nombre d’abonnés ne se dit.")
FEW: Final = Sentence("moins de 11")


@dataclass(frozen=True, slots=True)
class ShownAudience:
    """Who would hear of it: what is read aloud, a line for each fate and for each reason, and what holds it.

    `followers` is None, and no number told, while the shop is only claimed.
    """

    said: str
    followers: int | None
    fates: list[tuple[str, str]]
    reasons: list[tuple[str, str]]
    held: str


@dataclass(frozen=True, slots=True)
class ShownPrior:
    """The lowest price that the shop announced of it in thirty days; `written` is empty where it makes no reduction."""

    words: str
    written: str


def foresee_audience(shop: Shop, written: Mapping[str, str], locale: str) -> ShownAudience | None:
    """Who would hear of what is written so far; None where its end or its radius cannot be read yet."""
    moment, ends_at, radius = now(), end_in(written), radius_in(written)
    begins = start_in(written)
    starts_at = max(moment, begins or moment)
    if ends_at is None or radius is None:
        return None
    try:
        check_dates(starts_at, ends_at, now=moment)
    except Refusal:
        return None
    session = db.session()
    sending = sending_now(session, house().settings.aipd_date, shop)
    if not may_know_followers(shop):
        waits = say(NOT_YET, locale)
        return ShownAudience(waits, None, [], [], waits)
    foreseen = house().previews.foresee(session, shop, radius=radius, ends_at=ends_at, now=starts_at)
    shown = show(foreseen, shop.id, secret=house().keys.secret_key, now=moment)
    held = held_words(sending, locale)
    if sending is Sending.PAGE_ONLY:
        return ShownAudience(held, shown.followers, [], [], held)
    words = FATES if starts_at == moment else FATES | {Fate.NOW: LATER_ON}
    fates = [(say(words[fate], locale), _count(shown.fates[fate], locale)) for fate in Fate]
    reasons = sorted(shown.reasons.items(), key=lambda each: (-each[1], each[0][0].value, each[0][1].value))
    return ShownAudience(
        said=" ; ".join(say(SPOKEN.format(fate=name, count=count), locale) for name, count in fates),
        followers=shown.followers,
        fates=fates,
        reasons=[(say(Sentence(EXPLAINED[reason]), locale), _count(count, locale)) for (_, reason), count in reasons],
        held=held,
    )


def held_words(sending: Sending, locale: str) -> str:
    """What holds an announcement that is published now; empty where nothing does."""
    return say(Sentence(TOLD[sending]), locale) if sending in TOLD else ""


def foresee_notification(shop: Shop, written: Mapping[str, str], locale: str) -> NotificationWords | None:
    """The notification as it will be worded; None while there is no title or no end, and for a trade that has none."""
    title, ends_at = written["title"].strip(), end_in(written)
    if not title or ends_at is None or BY_KEY[shop.category].policy is Policy.PAGE_ONLY:
        return None
    starts_at = max(now(), start_in(written) or now())
    return announcement_words(shop.name, title, ends_at=ends_at, now=starts_at, locale=locale)


def foresee_prior(
    shop: Shop, written: Mapping[str, str], locale: str, *, but: uuid.UUID | None = None
) -> ShownPrior | None:
    """What the shop's own announcements say of the price before; None where they say nothing, or nothing is reduced."""
    if written["reduction"] != "1" or written["perishable"] == "1":
        return None
    asked = lowest_asked(db.session(), shop.id, written["title"], now=now(), but=but)
    if asked is None:
        return None
    said = {
        "price": euros(asked.cents, locale),
        "moment": at_words(asked.announced_at, now=now(), locale=locale),
    }
    price = cents_in(written["price"])
    if price is not None and asked.cents <= price:
        words = Sentence("Vous l’annonciez déjà pour {price}, {moment} : ce n’est pas encore une réduction.", **said)
        return ShownPrior(say(words, locale), "")
    words = Sentence(
        "Le plus bas de vos annonces des 30 derniers jours : {price}, {moment}. "
        "Vendu moins cher en boutique ? Écrivez ce prix-là.",
        **said,
    )
    return ShownPrior(say(words, locale), price_written(asked.cents))


def _count(count: int | None, locale: str) -> str:
    return say(FEW, locale) if count is None else say(ABOUT.format(count=count), locale)
