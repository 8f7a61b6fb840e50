"""Figures of the pilot in words, the same on every page, in every file and at the operator's console."""

from collections.abc import Iterable
from typing import Final

from babel.numbers import format_currency, format_decimal

from citylife.pilot.cells import DOMINANT, FEWEST_MERCHANTS, FEWEST_PERSONS
from citylife.pilot.counting import LASTED
from citylife.pilot.effect import BOUNDS_TO, LEAST_DECISIONS, PER
from citylife.pilot.measures import MEASURES, Measure, Unit
from citylife.pilot.targets import Standing
from citylife.pilot.telling import HIDDEN_WORDS, Told
from citylife.wording import Sentence, say

UNIT_WORDS: Final = {
    Unit.CITIZENS: Sentence("citoyens"),
    Unit.FOLLOWS: Sentence("abonnements"),
    Unit.SHOPS: Sentence("commerces"),
    Unit.COMMUNES: Sentence("communes"),
    Unit.ANNOUNCEMENTS: Sentence("annonces"),
    Unit.NOTIFICATIONS: Sentence("notifications"),
    Unit.SECONDS: Sentence("secondes"),
    Unit.PERCENT: Sentence("%"),
    Unit.PER_THOUSAND: Sentence("pour mille"),
    Unit.USES: Sentence("utilisations"),
    Unit.OPENINGS: Sentence("ouvertures"),
    Unit.VISITS: Sentence("visites"),
    Unit.CENTS: Sentence("euros"),
}
"""What a measure is counted in, as people read it: money in euros."""
WRITTEN: Final = {
    Unit.PERCENT: Sentence("{value} %"),
    Unit.PER_THOUSAND: Sentence("{value} pour mille"),
    Unit.SECONDS: Sentence("{value} s"),
}
"""How a value with a unit is written; a count stands alone."""
EVIDENCE_WORDS: Final = {
    "A": Sentence("vu à une caisse"),
    "B": Sentence("répondu par un service d’envoi, ou écrit par le serveur"),
    "C": Sentence("déclaré par un appareil"),
}
STANDING_WORDS: Final = {
    Standing.VERY_GOOD: Sentence("très bien"),
    Standing.GOOD: Sentence("bien"),
    Standing.FAIR: Sentence("assez bien"),
    Standing.BAD: Sentence("mal"),
    Standing.VERY_BAD: Sentence("très mal"),
}
METHOD_OF_THE_EFFECT: Final = (
    Sentence(
        "Une annonce peut intéresser plus de monde que l’on n’en prévient aussitôt : un tirage au sort "
        "décide alors qui l’est. Entre les uns et les autres, seul le hasard a choisi ; si ceux que le "
        "tirage a retenus utilisent plus souvent l’offre à la caisse, c’est la notification qui le fait."
    ),
    Sentence(
        "Offre par offre, la part de ceux qui l’ont utilisée est comparée des deux côtés du tirage ; puis "
        "les écarts sont réunis en une moyenne pondérée. Une offre pèse le produit des retenus et des non "
        "retenus, divisé par leur somme : le plus là où les chances étaient égales, et rien là où tous, ou "
        "personne, étaient retenus."
    ),
    Sentence(
        "Le chiffre dit combien d’utilisations de plus la notification apporte pour {per} citoyens, en "
        "nombre entier, avec un intervalle à 95 % : calculé ainsi, il contient le véritable effet environ "
        "dix-neuf fois sur vingt. Ses bornes sont arrondies vers l’extérieur, de {bounds} en {bounds}. Un "
        "intervalle où se trouve zéro ne montre aucun effet.",
        per=PER,
        bounds=BOUNDS_TO,
    ),
    Sentence(
        "De chaque côté du tirage, il faut au moins {decisions} décisions, {persons} utilisations et "
        "{persons} décisions sans utilisation, chez {shops} commerces ou plus dont aucun ne fait à lui seul "
        "plus de {most} % des décisions ou des utilisations ; sinon, c’est « trop peu pour conclure ».",
        decisions=LEAST_DECISIONS,
        persons=FEWEST_PERSONS,
        shops=FEWEST_MERCHANTS,
        most=DOMINANT,
    ),
    Sentence(
        "Seules comptent les offres terminées dans la période, {days} jours au plus après leur publication : "
        "plus tard, une partie de leurs décisions a déjà été effacée.",
        days=LASTED,
    ),
    Sentence(
        "Un code dit de quel côté du tirage il est, et rien de la personne ni de sa chance : dans une même "
        "offre, toutes les chances sont prises pour égales."
    ),
)
"""How the effect of a notification is found, in plain words, with the bounds of the code."""


def defined(figures: Iterable[Told], locale: str) -> list[dict[str, str]]:
    """What the measures of figures say, in which unit their numbers are, and how they are known; for programs.

    Units are those of what is kept, so that money is in cents.
    """
    keys = {each["key"] for each in figures}
    return [
        {
            "key": measure.key,
            "name": say(measure.name, locale),
            "formula": say(measure.formula, locale),
            "unit": measure.unit.value,
            "evidence": measure.evidence.value,
        }
        for measure in MEASURES
        if measure.key in keys
    ]


def said(figure: Told, measure: Measure, locale: str) -> str:
    """A figure in words: its value with its unit and its interval, or why it is not told."""
    if "value" not in figure:
        return say(HIDDEN_WORDS[figure["hidden"]], locale)
    words = with_unit(figure["value"], measure, locale)
    if "low" not in figure:
        return words
    low, high = (with_unit(figure[name], measure, locale) for name in ("low", "high"))
    return say(Sentence("{value} (entre {low} et {high})", value=words, low=low, high=high), locale)


def with_unit(value: float, measure: Measure, locale: str) -> str:
    """A value with the unit of its measure."""
    if measure.unit is Unit.CENTS:
        return str(format_currency(value / 100, "EUR", locale=locale))
    number = format_decimal(value, locale=locale)
    unit = WRITTEN.get(measure.unit)
    return number if unit is None else say(unit.format(value=number), locale)
