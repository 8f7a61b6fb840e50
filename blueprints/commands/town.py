"""A fictional town: invented shops in real communes, and what they announce, to try Citylife with.

Nothing here exists: every shop carries `fictional`, its SIRET begins with a SIREN nobody was given (000…), and its
merchants' addresses end in `.invalid`, which no mail reaches (RFC 2606).
"""

import csv
import datetime as dt
import math
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from stdnum import luhn

from citylife.clock import PARIS
from citylife.geography import communes
from citylife.offers import OfferDraft, OfferKind
from citylife.shops import Stand

SHOWN: Final = "Au Pain de la Gohelle"
"""The shop the console points to."""
WANDERING: Final = "Rôtisserie Volante"
"""The market trader."""
MERCHANT: Final = "demo@citylife.invalid"
"""Who runs those two."""

STAFF: Final = "equipe@citylife.invalid"
"""Who administers the demonstration."""
_METRES_A_DEGREE: Final = 111_320.0
_STANDS: Final = (
    (2, "Marché de Locon", "62520"),
    (3, "Marché de Lillers", "62516"),
    (4, "Marché de Béthune", "62119"),
    (5, "Marché d’Auchel", "62048"),
)


@dataclass(frozen=True, slots=True)
class FictionalShop:
    """An invented shop. `stage` is how far it has come: listed, claimed or verified."""

    number: int
    name: str
    category: str
    stage: str
    insee_code: str
    street: str
    postal_code: str
    latitude: float
    longitude: float
    opening_hours: str
    description: str

    @property
    def source(self) -> str:
        """What an earlier demonstration is recognised by."""
        return f"demo:{self.number}"

    @property
    def siret(self) -> str:
        """A number whose check digits hold, of a company that does not exist."""
        siren = f"000{self.number:05}"
        siren += luhn.calc_check_digit(siren)
        return siren + "0001" + luhn.calc_check_digit(siren + "0001")

    @property
    def email(self) -> str:
        """Who runs it."""
        mine = self.name in {SHOWN, WANDERING}
        return MERCHANT if mine else f"commerce-{self.number}@demo.citylife.invalid"


@dataclass(frozen=True, slots=True)
class FictionalOffer:
    """What an invented shop announces; `fate` is what becomes of it: live, scheduled or sold-out."""

    shop: str
    fate: str
    draft: OfferDraft


def fictional_shops() -> list[FictionalShop]:
    """The town's shops, each near the middle of its real commune."""
    with files("blueprints.commands").joinpath("fictional-town.csv").open(encoding="utf-8") as stream:
        return [_shop(number, row) for number, row in enumerate(csv.DictReader(stream), start=1)]


def fictional_stands() -> list[Stand]:
    """Where the market trader stands, from Wednesday to Saturday."""
    return [
        Stand(
            weekday=weekday,
            label=label,
            insee_code=insee_code,
            latitude=communes()[insee_code].latitude,
            longitude=communes()[insee_code].longitude,
            hours="08:00-13:00",
        )
        for weekday, label, insee_code in _STANDS
    ]


def fictional_offers(now: dt.datetime) -> Iterator[FictionalOffer]:
    """What the town announces in the days after `now`."""

    def day(days: int, hour: int) -> dt.datetime:
        local = now.astimezone(PARIS) + dt.timedelta(days=days)
        return local.replace(hour=hour, minute=0, second=0, microsecond=0)

    def offer(shop: str, title: str, ends_at: dt.datetime, **said: object) -> FictionalOffer:
        fate = str(said.pop("fate", "live"))
        return FictionalOffer(shop, fate, OfferDraft(title=title, ends_at=ends_at, **said))  # type: ignore[arg-type]

    yield offer(
        SHOWN,
        "Tarte au sucre du jour à moitié prix",
        day(1, 19),
        description="Les tartes sorties du four ce matin, jusqu’à ce qu’il n’y en ait plus.",
        price=450,
        prior_price=900,
        reduction=True,
        perishable=True,
        quantity=12,
    )
    yield offer(
        SHOWN, "Pain de seigle : la fournée du samedi", day(8, 13), starts_at=day(5, 7), fate="scheduled", price=380
    )
    yield offer("La Vache Bleue", "Assiette de cinq fromages", day(3, 19), price=1290, prior_price=1590, reduction=True)
    yield offer(
        "Les Mots Passants",
        "Rencontre avec une autrice de la région",
        day(6, 20),
        kind=OfferKind.EVENT,
        starts_at=day(6, 18),
        fate="scheduled",
        description="Lecture, questions et dédicaces. Entrée libre.",
    )
    yield offer(
        "Piscine des Terrils",
        "Le grand bassin rouvre après vidange",
        day(7, 20),
        kind=OfferKind.NEWS,
        description="Le petit bassin reste fermé jusqu’à la semaine prochaine.",
    )
    yield offer(
        "Médiathèque du Chevalement",
        "Heure du conte : histoires de géants",
        day(10, 16),
        kind=OfferKind.EVENT,
        description="Pour les enfants de 4 à 8 ans, sans inscription.",
        quantity=25,
    )
    yield offer("Fleurs d’Avril", "Bouquets de la veille à 5 €", day(1, 18), price=500, perishable=True, reduction=True)
    yield offer(
        "Friterie du Terril", "Une fricadelle offerte pour deux frites", day(2, 22), fate="sold-out", quantity=40
    )
    yield offer("Le Vélo du Canal", "Révision de printemps", day(12, 19), price=3900, prior_price=4900, reduction=True)
    yield offer(WANDERING, "Deux poulets achetés, les pommes de terre offertes", day(4, 13))
    yield offer("Cave du Petit Beffroi", "Dégustation des bières de saison", day(5, 20), kind=OfferKind.EVENT)
    yield offer("Boutique Solidaire d’Annequin", "Manteaux d’enfants à 3 €", day(9, 17), price=300)


def _shop(number: int, row: dict[str, str]) -> FictionalShop:
    commune = communes()[row["insee_code"]]
    parallel = math.cos(math.radians(commune.latitude))
    return FictionalShop(
        number=number,
        name=row["name"],
        category=row["category"],
        stage=row["stage"],
        insee_code=commune.insee_code,
        street=row["street"],
        postal_code=commune.postal_codes[0],
        latitude=round(commune.latitude + float(row["north"]) / _METRES_A_DEGREE, 6),
        longitude=round(commune.longitude + float(row["east"]) / (_METRES_A_DEGREE * parallel), 6),
        opening_hours=row["opening_hours"],
        description=f"Commerce fictif, pour la démonstration. {row['description']}",
    )
