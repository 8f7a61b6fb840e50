"""Which shops have a poster for their window: those whose possession was proved, as long as their page is there."""

from typing import ClassVar

from citylife.errors import Refusal
from citylife.shops.tables import Shop, ShopStatus
from citylife.wording import Sentence


class NoPoster(Refusal):
    """The shop is not verified, or suspended."""

    slug: ClassVar[str] = "no-poster"
    title: ClassVar[str] = "Pas d’affiche pour l’instant"
    sentence: ClassVar[str] = "L’affiche s’imprime dès que votre commerce est vérifié."


SUSPENDED = Sentence("Votre commerce est suspendu : sa page est fermée, et une affiche ne mènerait nulle part.")


def check_has_poster(shop: Shop) -> None:
    """Go on only for a shop that has a poster.

    Raises:
        NoPoster: it is not verified yet, or it is suspended; the sentence says which.
    """
    if shop.status is ShopStatus.SUSPENDED:
        raise NoPoster(SUSPENDED)
    if shop.status is not ShopStatus.VERIFIED:
        raise NoPoster
