"""The measures: what each says, in which unit, by which formula, and how it is known.

Class A is seen at a till, B answered by a push service or written by the server, C declared by a client; only A and B
may have a target. Weeks are told of the agglomeration, months of each publication area too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from citylife.pilot.cells import About, Kind
from citylife.pilot.periods import Frequency
from citylife.wording import Sentence


class Evidence(Enum):
    """How a measure is known."""

    TILL = "A"
    SERVER = "B"
    DECLARED = "C"


class Unit(Enum):
    """What a measure is counted in."""

    CITIZENS = "citizens"
    FOLLOWS = "follows"
    SHOPS = "shops"
    COMMUNES = "communes"
    ANNOUNCEMENTS = "announcements"
    NOTIFICATIONS = "notifications"
    SECONDS = "seconds"
    PERCENT = "percent"
    PER_THOUSAND = "per-thousand"
    USES = "uses"
    OPENINGS = "openings"
    VISITS = "visits"
    CENTS = "euro-cents"


class Category(Enum):
    """Words of the Smart Data Models' `category` for an indicator."""

    QUANTITATIVE = "quantitative"
    INPUT = "input"
    OUTPUT = "output"
    PROCESS = "process"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One measure: its key, what it says, its unit, its formula in words, how it is known, whose secret it keeps."""

    key: str
    name: Sentence
    formula: Sentence
    unit: Unit
    evidence: Evidence
    about: About
    category: Category
    kind: Kind = Kind.FLOW
    by_area: bool = False
    """Whether months tell of each publication area too."""
    lower_is_better: bool = False


MEASURES: Final = (
    Measure(
        key="following-citizens",
        name=Sentence("Citoyens qui suivent un commerce"),
        formula=Sentence(
            "citoyens qui suivent au moins un commerce à la fin de la période ; seuls comptent ceux qui ont reçu "
            "une notification, ou ont été vus deux jours"
        ),
        unit=Unit.CITIZENS,
        evidence=Evidence.SERVER,
        about=About.CITIZENS,
        category=Category.OUTPUT,
        kind=Kind.STOCK,
        by_area=True,
    ),
    Measure(
        key="active-citizens",
        name=Sentence("Citoyens actifs"),
        formula=Sentence("citoyens vus deux jours différents de la période"),
        unit=Unit.CITIZENS,
        evidence=Evidence.SERVER,
        about=About.CITIZENS,
        category=Category.OUTPUT,
        kind=Kind.DISTINCT,
    ),
    Measure(
        key="new-follows",
        name=Sentence("Nouveaux abonnements"),
        formula=Sentence("abonnements commencés dans la période"),
        unit=Unit.FOLLOWS,
        evidence=Evidence.SERVER,
        about=About.CITIZENS,
        category=Category.OUTPUT,
        by_area=True,
    ),
    Measure(
        key="lost-follows",
        name=Sentence("Abonnements terminés"),
        formula=Sentence("abonnements terminés dans la période"),
        unit=Unit.FOLLOWS,
        evidence=Evidence.SERVER,
        about=About.CITIZENS,
        category=Category.OUTPUT,
        by_area=True,
        lower_is_better=True,
    ),
    Measure(
        key="follows-per-citizen",
        name=Sentence("Commerces suivis par citoyen"),
        formula=Sentence("nombre de commerces que suit le citoyen médian, parmi ceux qui en suivent"),
        unit=Unit.FOLLOWS,
        evidence=Evidence.SERVER,
        about=About.CITIZENS,
        category=Category.QUANTITATIVE,
    ),
    Measure(
        key="active-merchants",
        name=Sentence("Commerces actifs"),
        formula=Sentence("commerces vérifiés qui ont publié au cours de trois des quatre dernières semaines"),
        unit=Unit.SHOPS,
        evidence=Evidence.SERVER,
        about=About.MERCHANTS,
        category=Category.OUTPUT,
        kind=Kind.STOCK,
        by_area=True,
    ),
    Measure(
        key="eligible-shops",
        name=Sentence("Commerces connus"),
        formula=Sentence("commerces de l’annuaire que l’on peut suivre, inscrits ou non"),
        unit=Unit.SHOPS,
        evidence=Evidence.SERVER,
        about=About.MERCHANTS,
        category=Category.INPUT,
        kind=Kind.STOCK,
        by_area=True,
    ),
    Measure(
        key="communes-covered",
        name=Sentence("Communes couvertes"),
        formula=Sentence("communes où un commerce au moins est actif"),
        unit=Unit.COMMUNES,
        evidence=Evidence.SERVER,
        about=About.MERCHANTS,
        category=Category.OUTPUT,
        kind=Kind.STOCK,
    ),
    Measure(
        key="active-outside-centres",
        name=Sentence("Part hors de Béthune et de Bruay-la-Buissière"),
        formula=Sentence("commerces actifs hors de Béthune et de Bruay-la-Buissière, pour cent commerces actifs"),
        unit=Unit.PERCENT,
        evidence=Evidence.SERVER,
        about=About.MERCHANTS,
        category=Category.QUANTITATIVE,
    ),
    Measure(
        key="offers-published",
        name=Sentence("Offres publiées"),
        formula=Sentence("offres publiées dans la période"),
        unit=Unit.ANNOUNCEMENTS,
        evidence=Evidence.SERVER,
        about=About.MERCHANTS,
        category=Category.OUTPUT,
        by_area=True,
    ),
    Measure(
        key="events-published",
        name=Sentence("Évènements publiés"),
        formula=Sentence("évènements publiés dans la période"),
        unit=Unit.ANNOUNCEMENTS,
        evidence=Evidence.SERVER,
        about=About.MERCHANTS,
        category=Category.OUTPUT,
        by_area=True,
    ),
    Measure(
        key="news-published",
        name=Sentence("Nouvelles publiées"),
        formula=Sentence("nouvelles publiées dans la période"),
        unit=Unit.ANNOUNCEMENTS,
        evidence=Evidence.SERVER,
        about=About.MERCHANTS,
        category=Category.OUTPUT,
        by_area=True,
    ),
    Measure(
        key="deliveries-accepted",
        name=Sentence("Notifications remises"),
        formula=Sentence("notifications d’un commerce acceptées par le service d’envoi du navigateur"),
        unit=Unit.NOTIFICATIONS,
        evidence=Evidence.SERVER,
        about=About.CITIZENS,
        category=Category.OUTPUT,
        by_area=True,
    ),
    Measure(
        key="deliveries-gone",
        name=Sentence("Notifications vers un appareil disparu"),
        formula=Sentence("notifications dont le service d’envoi dit que l’appareil n’existe plus"),
        unit=Unit.NOTIFICATIONS,
        evidence=Evidence.SERVER,
        about=About.CITIZENS,
        category=Category.PROCESS,
        by_area=True,
        lower_is_better=True,
    ),
    Measure(
        key="deliveries-refused",
        name=Sentence("Notifications refusées"),
        formula=Sentence("notifications que le service d’envoi a refusées"),
        unit=Unit.NOTIFICATIONS,
        evidence=Evidence.SERVER,
        about=About.CITIZENS,
        category=Category.PROCESS,
        by_area=True,
        lower_is_better=True,
    ),
    Measure(
        key="delivery-delay",
        name=Sentence("Délai de remise, médiane"),
        formula=Sentence(
            "secondes de la publication (ou de la fin des heures calmes) jusqu’à l’acceptation, "
            "pour la notification médiane"
        ),
        unit=Unit.SECONDS,
        evidence=Evidence.SERVER,
        about=About.CITIZENS,
        category=Category.PROCESS,
        lower_is_better=True,
    ),
    Measure(
        key="delivery-delay-p95",
        name=Sentence("Délai de remise, 95e centile"),
        formula=Sentence(
            "secondes de la publication (ou de la fin des heures calmes) en lesquelles 95 % des "
            "notifications sont acceptées"
        ),
        unit=Unit.SECONDS,
        evidence=Evidence.SERVER,
        about=About.CITIZENS,
        category=Category.PROCESS,
        lower_is_better=True,
    ),
    Measure(
        key="nearby-share",
        name=Sentence("Part des notifications à proximité"),
        formula=Sentence("notifications remises à qui a un lieu près du commerce, pour cent remises"),
        unit=Unit.PERCENT,
        evidence=Evidence.SERVER,
        about=About.CITIZENS,
        category=Category.QUANTITATIVE,
    ),
    Measure(
        key="opt-outs",
        name=Sentence("Départs après une notification"),
        formula=Sentence(
            "appareils et abonnements perdus dans le jour qui suit une notification, pour mille notifications remises"
        ),
        unit=Unit.PER_THOUSAND,
        evidence=Evidence.SERVER,
        about=About.CITIZENS,
        category=Category.PROCESS,
        lower_is_better=True,
    ),
    Measure(
        key="held-for-quiet",
        name=Sentence("Retenues pour les heures calmes"),
        formula=Sentence("notifications retenues ou retardées par les heures calmes"),
        unit=Unit.NOTIFICATIONS,
        evidence=Evidence.SERVER,
        about=About.CITIZENS,
        category=Category.PROCESS,
        by_area=True,
    ),
    Measure(
        key="held-for-budget",
        name=Sentence("Retenues par le budget"),
        formula=Sentence("notifications retenues par le budget du citoyen ou par le tirage"),
        unit=Unit.NOTIFICATIONS,
        evidence=Evidence.SERVER,
        about=About.CITIZENS,
        category=Category.PROCESS,
        by_area=True,
    ),
    Measure(
        key="till-uses",
        name=Sentence("Offres utilisées à la caisse"),
        formula=Sentence("codes utilisés à une caisse, au plus 200 par commerce et par jour"),
        unit=Unit.USES,
        evidence=Evidence.TILL,
        about=About.CITIZENS,
        category=Category.OUTPUT,
        by_area=True,
    ),
    Measure(
        key="cost-per-use",
        name=Sentence("Coût public par utilisation"),
        formula=Sentence(
            "dépense publique de la période (chaque dépense est répartie également sur ses jours), par offre utilisée "
            "à la caisse, telle qu’elle est dite"
        ),
        unit=Unit.CENTS,
        evidence=Evidence.TILL,
        about=About.MONEY,
        category=Category.QUANTITATIVE,
        lower_is_better=True,
    ),
    Measure(
        key="notification-effect",
        name=Sentence("Effet d’une notification"),
        formula=Sentence(
            "offres utilisées à la caisse, pour mille citoyens que le tirage a retenus, moins pour mille qu’il n’a pas "
            "retenus, offre par offre, parmi les offres terminées dans la période ; avec un intervalle à 95 %"
        ),
        unit=Unit.PER_THOUSAND,
        evidence=Evidence.TILL,
        about=About.CITIZENS,
        category=Category.QUANTITATIVE,
    ),
    Measure(
        key="opened",
        name=Sentence("Offres ouvertes depuis une notification"),
        formula=Sentence("ouvertures que les téléphones déclarent"),
        unit=Unit.OPENINGS,
        evidence=Evidence.DECLARED,
        about=About.CITIZENS,
        category=Category.OUTPUT,
        by_area=True,
    ),
    Measure(
        key="reached-without-push",
        name=Sentence("Venus sans notification"),
        formula=Sentence(
            "arrivées sur la page d’un commerce ou d’une offre par un code imprimé ou affiché, un courriel ou un "
            "flux ; un même navigateur compte une fois par jour et par adresse"
        ),
        unit=Unit.VISITS,
        evidence=Evidence.DECLARED,
        about=About.CITIZENS,
        category=Category.OUTPUT,
    ),
    Measure(
        key="merchant-retention",
        name=Sentence("Commerces restés actifs"),
        formula=Sentence("commerces actifs il y a un trimestre et encore, pour cent actifs il y a un trimestre"),
        unit=Unit.PERCENT,
        evidence=Evidence.SERVER,
        about=About.MERCHANTS,
        category=Category.QUANTITATIVE,
    ),
)
"""All of them, in the order in which they are told."""
BY_KEY: Final[Mapping[str, Measure]] = {measure.key: measure for measure in MEASURES}


def told_of(measure: Measure, frequency: Frequency, *, area: bool) -> bool:
    """Whether a measure is told of a territory at all: areas by month, where it has a meaning for them."""
    return not area or (measure.by_area and frequency is Frequency.MONTHLY)
