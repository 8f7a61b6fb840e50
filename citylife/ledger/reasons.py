"""Why a citizen did or did not hear of an offer, in one sentence, and which setting would change that."""

import datetime as dt
from collections.abc import Collection, Mapping
from enum import Enum
from typing import Final

from citylife.ledger.sending import TOLD_HER, Sending
from citylife.ledger.tables import DeliveryState, MessageKind, Reason
from citylife.wording import Sentence

SENTENCES: Final[Mapping[Reason, str]] = {
    Reason.FOLLOWS: "Vous suivez {shop}.",
    Reason.ALWAYS: "Vous avez choisi « toujours » pour {shop}.",
    Reason.NEARBY: "Vous suivez {shop} et l’un de vos lieux est à proximité.",
    Reason.DISCOVERY: "Vous avez demandé à découvrir les commerces proches de vos lieux.",
    Reason.NEAR_ME_NOW: "Vous avez demandé les offres autour de vous.",
    Reason.DRAWN: "Le tirage de votre semaine a retenu cette offre de {shop}.",
    Reason.REPLACES: "L’offre de {shop} est épuisée : la notification a été remplacée sans bruit.",
    Reason.DIGEST: "C’est votre récapitulatif.",
    Reason.LEVEL_NONE: "Vous suivez {shop} sans notification. Changez le niveau de suivi pour en recevoir.",
    Reason.NO_DEVICE: "Aucun appareil n’était prêt à la recevoir. Touchez « Me prévenir » pour en ajouter un.",
    Reason.NO_CONSENT: "Vous n’avez pas accepté les notifications. Touchez « Me prévenir » pour les accepter.",
    Reason.UNFOLLOWED: "Vous ne suiviez plus {shop} au moment de l’envoi.",
    Reason.FOLLOWED_LATER: "Vous avez commencé à suivre {shop} après cette annonce.",
    Reason.NOT_NEAR: "Aucun de vos lieux n’était à proximité. Changez le niveau de suivi ou vos lieux.",
    Reason.NOT_DRAWN: "Votre budget ne suffit pas à tout : le tirage n’a pas retenu cette offre. Augmentez-le, ou "
    "choisissez « toujours » pour {shop}.",
    Reason.WEEK_SPENT: "Votre budget de la semaine était épuisé. Augmentez le nombre de notifications par semaine, ou "
    "choisissez « toujours » pour {shop}.",
    Reason.DAY_SPENT: "Votre budget du jour était épuisé. Augmentez le nombre de notifications par jour, ou choisissez "
    "« toujours » pour {shop}.",
    Reason.BUDGET_SPENT: "Votre budget de notifications était épuisé. Augmentez-le, ou choisissez "
    "« toujours » pour {shop}.",
    Reason.QUIET_HOURS: "L’offre tombait dans vos heures calmes. Changez-les dans vos réglages.",
    Reason.ONE_A_DAY: "{shop} vous avait déjà envoyé une annonce ce jour-là, et n’en envoie qu’une par jour.",
    Reason.SHOP_STOPPED: "Les envois de {shop} étaient arrêtés.",
    Reason.SENDING_STOPPED: "Les envois étaient arrêtés par l’équipe de Citylife.",
    Reason.SENDING_REFUSED: "Citylife n’envoyait pas encore de notifications pendant cette offre.",
    Reason.PAGE_ONLY: "Citylife n’envoie jamais de notification pour un commerce comme {shop} : ses offres se voient "
    "sur sa page.",
    Reason.OFFER_CLOSED: "L’offre n’était plus valable au moment de l’envoi.",
    Reason.DEVICE_GONE: "Votre appareil n’était plus joignable. Touchez « Me prévenir » pour l’ajouter de nouveau.",
}

NONE_A_DAY: Final = "{shop} ne pouvait envoyer aucune annonce ce jour-là : c’est ce que le cluster a décidé."
SEVERAL_A_DAY: Final = "{shop} vous avait déjà envoyé {most} annonces ce jour-là, et n’en envoie pas plus par jour."


class Setting(Enum):
    """What of hers would change it: a wish of `/me`, what she agreed to, how she follows, or what she has."""

    LEVEL = "level"
    PLACES = "places"
    DISCOVER_NEARBY = "discover-nearby"
    BUDGET = "budget"
    """Of the week, of the day, or both: the draw looks at what is left of each."""
    WEEKLY_BUDGET = "weekly-budget"
    DAILY_BUDGET = "daily-budget"
    QUIET_HOURS = "quiet-hours"
    DIGEST = "digest"
    CONSENT = "consent"
    DEVICE = "device"


SETTINGS: Final[Mapping[Reason, Setting | None]] = {
    Reason.FOLLOWS: Setting.LEVEL,
    Reason.ALWAYS: Setting.LEVEL,
    Reason.NEARBY: Setting.LEVEL,
    Reason.DISCOVERY: Setting.DISCOVER_NEARBY,
    Reason.NEAR_ME_NOW: None,
    Reason.DRAWN: Setting.BUDGET,
    Reason.REPLACES: Setting.LEVEL,
    Reason.DIGEST: Setting.DIGEST,
    Reason.LEVEL_NONE: Setting.LEVEL,
    Reason.NO_DEVICE: Setting.DEVICE,
    Reason.NO_CONSENT: Setting.CONSENT,
    Reason.UNFOLLOWED: Setting.LEVEL,
    Reason.FOLLOWED_LATER: None,
    Reason.NOT_NEAR: Setting.PLACES,
    Reason.NOT_DRAWN: Setting.BUDGET,
    Reason.WEEK_SPENT: Setting.WEEKLY_BUDGET,
    Reason.DAY_SPENT: Setting.DAILY_BUDGET,
    Reason.BUDGET_SPENT: Setting.BUDGET,
    Reason.QUIET_HOURS: Setting.QUIET_HOURS,
    Reason.ONE_A_DAY: None,
    Reason.SHOP_STOPPED: None,
    Reason.SENDING_STOPPED: None,
    Reason.SENDING_REFUSED: None,
    Reason.PAGE_ONLY: None,
    Reason.OFFER_CLOSED: None,
    Reason.DEVICE_GONE: Setting.DEVICE,
}
"""Which setting of hers would change it; none where it is for the shop or the house to say, or she asked this once."""
TOLD_BY: Final[Mapping[MessageKind, str]] = {
    MessageKind.DIGEST: "L’offre était dans votre récapitulatif.",
    MessageKind.NEAR_ME_NOW: "Elle vous a été dite quand vous avez demandé les offres autour de vous.",
}
LOST: Final[Mapping[DeliveryState, tuple[str, Setting | None]]] = {
    DeliveryState.EXPIRED: ("Elle n’a pas pu vous être remise à temps.", None),
    DeliveryState.REFUSED: ("Le service de votre navigateur l’a refusée.", None),
    DeliveryState.GONE: (SENTENCES[Reason.DEVICE_GONE], Setting.DEVICE),
}
"""Why what was sent reached no device of hers, and which setting would change that; the first that is true is told."""
UNPLACED: Final = "Vous n’avez pas de lieu : « à proximité » vaut alors « Normal »."
ONCE_MORE: Final = "Elle partira dès que ce sera possible, si l’offre est encore en cours."
STILL_QUIET: Final = "Elle attend la fin de vos heures calmes."
ASIDE: Final = "L’offre sera dans votre prochain récapitulatif, si elle est encore valable."


def what_became(
    states: Collection[DeliveryState], *, until: dt.datetime | None, now: dt.datetime
) -> tuple[Sentence, Setting | None] | None:
    """Why what was to be sent has not reached her, by the states of its deliveries; None where it has, or may soon."""
    if states and set(states) <= LOST.keys():
        sentence, setting = next(told for state, told in LOST.items() if state in states)
        return Sentence(sentence), setting
    if until is not None and until > now and set(states) == {DeliveryState.WAITING}:
        return Sentence(STILL_QUIET), Setting.QUIET_HOURS
    return None


def held_for_now(sending: Sending, shop_name: str) -> tuple[Sentence, Sentence]:
    """What holds an announcement that has not left, and what becomes of it."""
    return Sentence(TOLD_HER[sending], shop=shop_name), Sentence(ONCE_MORE)


def told_otherwise(*, aside: bool, told_by: MessageKind | None) -> Sentence | None:
    """How she hears of what was put aside all the same; None where it was not."""
    if told_by is not None:
        return Sentence(TOLD_BY[told_by])
    return Sentence(ASIDE) if aside else None


def sentence_for(reason: Reason, shop_name: str, *, a_day: int = 1) -> Sentence:
    """The sentence for a reason; translatable like any other. `a_day`: how many the shop might announce on a day."""
    if reason is Reason.ONE_A_DAY and a_day != 1:
        return Sentence(SEVERAL_A_DAY if a_day else NONE_A_DAY, shop=shop_name, most=a_day)
    return Sentence(SENTENCES[reason], shop=shop_name)
