"""Search: shops and offers by words, accents and small typing errors forgiven, the same on SQLite and PostgreSQL."""

from citylife.search.asking import Hit, ask
from citylife.search.finding import OfferPlace, Page, ShopPlace, find_offers, find_shops, sought
from citylife.search.tables import Found, SearchEntry, SearchGram
from citylife.search.upkeep import fill

__all__ = [
    "Found",
    "Hit",
    "OfferPlace",
    "Page",
    "SearchEntry",
    "SearchGram",
    "ShopPlace",
    "ask",
    "fill",
    "find_offers",
    "find_shops",
    "sought",
]
