"""Words as search knows them: folded, without the little ones, cut into trigrams, and close to one another or not."""

from collections.abc import Mapping
from functools import cache
from typing import Final

from rapidfuzz.distance import OSA

from citylife.categories import BY_KEY
from citylife.geography import communes
from citylife.search.tables import LONGEST_WORD
from citylife.text import folded

LITTLE: Final = frozenset(
    {"a", "au", "aux", "chez", "d", "de", "des", "du", "en", "et", "l", "la", "le", "les", "sur", "un", "une"}
)
"""Words that tell nothing, unless there is no other."""
ALSO: Final[Mapping[str, str]] = {
    "bakery": "boulanger pâtissier pain gâteau viennoiserie chocolatier",
    "butcher": "boucher charcutier traiteur poissonnier viande poisson",
    "greengrocer": "fruits légumes fromager fromage ferme maraîcher",
    "grocery": "alimentation supérette",
    "wine": "caviste vin bière",
    "restaurant": "brasserie pizzeria crêperie frites pizza kebab",
    "cafe": "glacier glace thé",
    "florist": "fleurs bouquet plantes",
    "fashion": "mode prêt à porter bijouterie bijoutier maroquinerie",
    "beauty": "coiffeur coiffeuse esthéticienne esthétique barbier onglerie parfumerie",
    "books": "libraire livres journaux tabac-presse",
    "toys": "jouet mercerie",
    "sport": "vélo vélos",
    "home": "meubles cadeaux",
    "hardware": "quincaillerie électricien plombier menuisier cordonnier",
    "repair": "garage garagiste téléphone ordinateur",
    "second-hand": "friperie brocante ressourcerie dépôt-vente",
    "pets": "animalerie toilettage",
    "optician": "opticien lunettes",
    "library": "livres",
    "culture": "spectacle exposition",
    "pool": "natation",
    "services": "pressing laverie agence voyages photographe imprimerie",
}
"""What people ask for when they mean a trade, beside its name."""
EXACT: Final = 1000
BEGINS: Final = 900
PLURAL: Final = 950
NEAR: Final = {1: 700, 2: 500}
"""How close a word is, by how many errors lie between."""
SURE: Final = 3
"""Words of up to so many letters are taken as they are written, or as a beginning."""
LONG: Final = 8
"""From so many letters on, two errors are forgiven instead of one."""
GRAM: Final = 3


def words_of(text: str) -> list[str]:
    """The words of a text in their order, each once, without the little ones unless there are no others."""
    plain = "".join(mark if mark.isalnum() else " " for mark in folded(text))
    found = list(dict.fromkeys(word[:LONGEST_WORD] for word in plain.split()))
    telling = [word for word in found if word not in LITTLE]
    return telling or found


def grams_of(word: str) -> set[str]:
    """The trigrams of a word, whose two ends count as a letter each."""
    marked = f"_{word}_"
    return {marked[at : at + GRAM] for at in range(len(marked) - GRAM + 1)}


def errors_forgiven(word: str) -> int:
    """How many letters may be wrong, missing, added or swapped with the next."""
    if len(word) <= SURE:
        return 0
    return 2 if len(word) >= LONG else 1


def closeness(asked: str, word: str) -> int:
    """How well a word answers the one that was asked; 0 for not at all."""
    if asked == word:
        return EXACT
    most = errors_forgiven(asked)
    errors = OSA.distance(asked, word, score_cutoff=most)  # beyond the cutoff it says cutoff + 1
    return NEAR[errors] if errors <= most else 0


@cache
def trade_words(category: str) -> tuple[str, ...]:
    """The words of a trade."""
    named = BY_KEY.get(category)
    return () if named is None else tuple(words_of(f"{named.name} {ALSO.get(category, '')}"))


@cache
def commune_words(insee_code: str) -> tuple[str, ...]:
    """The words of a commune's name."""
    return tuple(words_of(communes()[insee_code].name))


@cache
def communes_by_word() -> Mapping[str, frozenset[str]]:
    """The INSEE codes of the communes whose name holds a word."""
    found: dict[str, set[str]] = {}
    for insee_code in communes():
        for word in commune_words(insee_code):
            found.setdefault(word, set()).add(insee_code)
    return {word: frozenset(codes) for word, codes in found.items()}
