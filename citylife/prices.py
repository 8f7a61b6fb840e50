"""Prices in words: « 4,50 € », « Gratuit », and what a price was before, as the law wants it said."""

from decimal import Decimal

from babel.numbers import format_currency

from citylife.offers.tables import Offer
from citylife.wording import Sentence, say


def price_words(cents: int | None, locale: str) -> str:
    """A price in euros as the locale writes it; « Gratuit » for nothing to pay, nothing where no price is named."""
    if cents is None:
        return ""
    return euros(cents, locale) if cents else say(Sentence("Gratuit"), locale)


def prior_words(offer: Offer, locale: str) -> str:
    """What a price was before; for a reduction the lowest of thirty days (Code de la consommation L112-1-1)."""
    if offer.prior_price is None:
        return ""
    prior = euros(offer.prior_price, locale)
    if offer.reduction and not offer.perishable:
        return say(Sentence("Prix le plus bas des 30 derniers jours : {prior}", prior=prior), locale)
    return say(Sentence("au lieu de {prior}", prior=prior), locale)


def euros(cents: int, locale: str) -> str:
    """« 4,50 € », « €4.50 »."""
    return format_currency(Decimal(cents) / 100, "EUR", locale=locale)
