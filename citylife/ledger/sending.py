"""Sending: whether what a shop announces leaves at once, and what its merchant is told where it does not."""

import datetime as dt
from collections.abc import Mapping
from enum import Enum
from typing import Final

from sqlalchemy.orm import Session

from citylife.categories import BY_KEY, Policy
from citylife.ledger.gate import sending_refused
from citylife.ledger.stops import all_sending_stopped, shop_stopped
from citylife.shops.tables import Shop


class Sending(Enum):
    """Whether announcements leave now, or what holds them."""

    OPEN = "open"
    REFUSED = "refused"
    """The operator has not dated the impact assessment (`citylife.ledger.gate`)."""
    STOPPED = "stopped"
    """Staff stopped all sending."""
    SHOP_STOPPED = "shop-stopped"
    """Staff stopped what this shop sends."""
    PAGE_ONLY = "page-only"
    """Its trade has a page, and never a notification."""


TOLD: Final[Mapping[Sending, str]] = {
    Sending.REFUSED: "Citylife n’envoie pas encore de notifications. L’offre se voit sur votre page ; son annonce "
    "partira dès que les envois commenceront, si l’offre est encore en cours.",
    Sending.STOPPED: "L’équipe de Citylife a arrêté tous les envois. L’offre se voit sur votre page ; son annonce "
    "partira quand ils reprendront, si l’offre est encore en cours.",
    Sending.SHOP_STOPPED: "L’équipe de Citylife a arrêté les envois de votre commerce. L’offre se voit sur votre "
    "page ; son annonce partira quand ils reprendront, si l’offre est encore en cours.",
    Sending.PAGE_ONLY: "Aucune notification ne part pour cette catégorie de commerces : l’offre se voit sur votre "
    "page.",
}
"""What a merchant is told of it; the catalogue translates it."""


TOLD_HER: Final[Mapping[Sending, str]] = {
    Sending.REFUSED: "Citylife n’envoie pas encore de notifications.",
    Sending.STOPPED: "L’équipe de Citylife a arrêté tous les envois : rien ne part pour l’instant.",
    Sending.SHOP_STOPPED: "Les envois de {shop} sont arrêtés pour l’instant.",
}
"""What a citizen is told of it."""


def sending_now(session: Session, aipd_date: dt.date | None, shop: Shop | None = None) -> Sending:
    """What holds the announcements of a shop now or, without one, everybody's."""
    if shop is not None and BY_KEY[shop.category].policy is Policy.PAGE_ONLY:
        return Sending.PAGE_ONLY
    if sending_refused(session, aipd_date):
        return Sending.REFUSED
    if all_sending_stopped(session):
        return Sending.STOPPED
    if shop is not None and shop_stopped(session, shop.id):
        return Sending.SHOP_STOPPED
    return Sending.OPEN
