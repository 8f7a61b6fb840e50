"""The short list of trades, their OpenStreetMap tags, and what each may do here.

Policies follow the law and decency: alcohol may have a page but no push (Code de la santé publique L3323-2), tobacco
and vaping are refused (L3512-4, L3513-4), and categories that would reveal health or belief stay out of discovery and
of every breakdown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

SELLS_BESIDE: Final = frozenset({"grocery", "restaurant", "cafe", "books"})
"""Trades that may announce, and whose shops often sell alcohol or tobacco too, which no announcement may be of."""


class Policy(Enum):
    """What a category may do."""

    ADMITTED = "admitted"
    PAGE_ONLY = "page-only"  # a page and a feed, never a notification
    REFUSED = "refused"
    SENSITIVE = "sensitive"  # followers only: never discovery, never a breakdown


@dataclass(frozen=True, slots=True)
class Category:
    """A trade: its key in the API, its French name (translated by the catalogue), its policy and its OSM tags."""

    key: str
    name: str
    policy: Policy
    tags: tuple[str, ...]


CATEGORIES: Final[tuple[Category, ...]] = (
    Category(
        "bakery",
        "Boulangerie, pâtisserie",
        Policy.ADMITTED,
        ("shop=bakery", "shop=pastry", "craft=bakery", "shop=confectionery", "shop=chocolate"),
    ),
    Category(
        "butcher",
        "Boucherie, charcuterie, poissonnerie",
        Policy.ADMITTED,
        ("shop=butcher", "shop=seafood", "shop=deli"),
    ),
    Category(
        "greengrocer",
        "Primeur, fromagerie, produits locaux",
        Policy.ADMITTED,
        ("shop=greengrocer", "shop=cheese", "shop=farm", "shop=dairy"),
    ),
    Category(
        "grocery",
        "Épicerie, supermarché",
        Policy.ADMITTED,
        ("shop=convenience", "shop=supermarket", "shop=grocery", "shop=frozen_food", "shop=general"),
    ),
    Category(
        "wine",
        "Cave, brasserie, bar",
        Policy.PAGE_ONLY,
        ("shop=wine", "shop=alcohol", "shop=beverages", "craft=brewery", "amenity=bar", "amenity=pub"),
    ),
    Category(
        "restaurant",
        "Restaurant, friterie",
        Policy.ADMITTED,
        ("amenity=restaurant", "amenity=fast_food", "amenity=food_court"),
    ),
    Category(
        "cafe", "Café, salon de thé", Policy.ADMITTED, ("amenity=cafe", "amenity=ice_cream", "shop=tea", "shop=coffee")
    ),
    Category("florist", "Fleuriste, jardinerie", Policy.ADMITTED, ("shop=florist", "shop=garden_centre")),
    Category(
        "fashion",
        "Vêtements, chaussures, bijoux",
        Policy.ADMITTED,
        ("shop=clothes", "shop=shoes", "shop=jewelry", "shop=bag", "shop=fashion_accessories", "shop=leather"),
    ),
    Category(
        "beauty",
        "Coiffure, beauté",
        Policy.ADMITTED,
        ("shop=hairdresser", "shop=beauty", "shop=cosmetics", "shop=perfumery"),
    ),
    Category(
        "books", "Librairie, presse, papeterie", Policy.ADMITTED, ("shop=books", "shop=newsagent", "shop=stationery")
    ),
    Category(
        "toys",
        "Jouets, jeux, loisirs créatifs",
        Policy.ADMITTED,
        ("shop=toys", "shop=games", "shop=craft", "shop=sewing", "shop=fabric", "shop=video_games"),
    ),
    Category(
        "sport",
        "Sport, cycles",
        Policy.ADMITTED,
        ("shop=sports", "shop=bicycle", "shop=outdoor", "leisure=fitness_centre"),
    ),
    Category(
        "home",
        "Maison, décoration, électroménager",
        Policy.ADMITTED,
        (
            "shop=furniture",
            "shop=interior_decoration",
            "shop=houseware",
            "shop=electronics",
            "shop=appliance",
            "shop=gift",
        ),
    ),
    Category(
        "hardware",
        "Bricolage, artisans",
        Policy.ADMITTED,
        (
            "shop=hardware",
            "shop=doityourself",
            "craft=carpenter",
            "craft=electrician",
            "craft=plumber",
            "craft=shoemaker",
        ),
    ),
    Category(
        "repair",
        "Réparation, téléphonie, informatique",
        Policy.ADMITTED,
        ("shop=mobile_phone", "shop=computer", "shop=car_repair", "craft=watchmaker"),
    ),
    Category(
        "second-hand", "Occasion, recyclerie", Policy.ADMITTED, ("shop=second_hand", "shop=charity", "shop=antiques")
    ),
    Category("pets", "Animaux", Policy.ADMITTED, ("shop=pet", "shop=pet_grooming")),
    Category("optician", "Optique, audition", Policy.SENSITIVE, ("shop=optician", "shop=hearing_aids")),
    Category(
        "medical",
        "Matériel médical, bien-être",
        Policy.SENSITIVE,
        ("shop=medical_supply", "shop=herbalist", "shop=nutrition_supplements", "shop=massage"),
    ),
    Category("religion", "Objets et librairies religieux", Policy.SENSITIVE, ("shop=religion",)),
    Category("pharmacy", "Pharmacie", Policy.PAGE_ONLY, ("amenity=pharmacy", "shop=chemist")),
    Category("library", "Bibliothèque, médiathèque", Policy.ADMITTED, ("amenity=library",)),
    Category(
        "culture",
        "Cinéma, théâtre, musée",
        Policy.ADMITTED,
        ("amenity=cinema", "amenity=theatre", "amenity=arts_centre", "tourism=museum"),
    ),
    Category(
        "pool",
        "Piscine, salle de sport municipale",
        Policy.ADMITTED,
        ("leisure=swimming_pool", "leisure=sports_centre", "leisure=water_park"),
    ),
    Category("market", "Marché, commerçant ambulant", Policy.ADMITTED, ("amenity=marketplace",)),
    Category("association", "Association", Policy.ADMITTED, ("amenity=community_centre", "office=association")),
    Category(
        "services",
        "Services de proximité",
        Policy.ADMITTED,
        ("shop=laundry", "shop=dry_cleaning", "shop=travel_agency", "shop=copyshop", "shop=photo", "shop=ticket"),
    ),
    Category("tobacco", "Tabac, cigarette électronique", Policy.REFUSED, ("shop=tobacco", "shop=e-cigarette")),
    Category(
        "adult", "Articles réservés aux adultes", Policy.REFUSED, ("shop=erotic", "amenity=gambling", "shop=bookmaker")
    ),
)
BY_KEY: Final[Mapping[str, Category]] = {category.key: category for category in CATEGORIES}
BY_TAG: Final[Mapping[str, Category]] = {tag: category for category in CATEGORIES for tag in category.tags}

REFUSED: Final = frozenset(category.key for category in CATEGORIES if category.policy is Policy.REFUSED)
"""The trades that have no place here, whatever was once entered."""


def category_of(tags: Mapping[str, str]) -> Category | None:
    """The category that OpenStreetMap tags fall in; a refused one wins over any other; None when none is ours."""
    found = [BY_TAG[f"{key}={value}"] for key, value in tags.items() if f"{key}={value}" in BY_TAG]
    refused = [category for category in found if category.policy is Policy.REFUSED]
    return next(iter(refused or found), None)
