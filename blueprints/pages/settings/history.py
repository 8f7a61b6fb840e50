"""« Pourquoi ai-je reçu ceci ? »: each message to her, told or held, why, and the setting that would change it."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Final

from flask import render_template, request, url_for

from blueprints.cursors import read_id, written
from blueprints.guards import citizen_or_none
from blueprints.house import house, now
from blueprints.pages.language import page_locale
from blueprints.storage import db
from citylife.accounts.citizens import Citizen
from citylife.ledger.explaining import explained
from citylife.ledger.reading import DecisionRow, decisions_of
from citylife.ledger.reasons import Setting
from citylife.ledger.sending import sending_now
from citylife.ledger.tables import DeliveryState, MessageKind, Outcome
from citylife.moments import at_words
from citylife.wording import Sentence, say

PAGE: Final = 20
TITLES: Final = {
    MessageKind.DIGEST: Sentence("Votre récapitulatif"),
    MessageKind.NEAR_ME_NOW: Sentence("Les offres autour de vous"),
}
"""What a message is called that is of no one offer."""
WITHDRAWN: Final = Sentence("Une offre retirée")
WORDS: Final = {
    Setting.LEVEL: Sentence("Changer le niveau de suivi"),
    Setting.PLACES: Sentence("Changer mes lieux"),
    Setting.DISCOVER_NEARBY: Sentence("Changer la découverte"),
    Setting.BUDGET: Sentence("Changer mon budget"),
    Setting.WEEKLY_BUDGET: Sentence("Changer mon budget de la semaine"),
    Setting.DAILY_BUDGET: Sentence("Changer mon budget du jour"),
    Setting.QUIET_HOURS: Sentence("Changer mes heures calmes"),
    Setting.DIGEST: Sentence("Changer mon récapitulatif"),
    Setting.CONSENT: Sentence("Accepter les notifications"),
    Setting.DEVICE: Sentence("Ajouter cet appareil"),
}
ANCHORS: Final = {
    Setting.DISCOVER_NEARBY: "decouverte",
    Setting.BUDGET: "budget",
    Setting.WEEKLY_BUDGET: "budget",
    Setting.DAILY_BUDGET: "budget",
    Setting.QUIET_HOURS: "heures-calmes",
    Setting.DIGEST: "recapitulatif",
}
"""Where on « Réglages » a setting is."""


@dataclass(frozen=True, slots=True)
class Explained:
    """A message in words: what it is of, whether it was told, why, and where to change that."""

    title: str
    shop: str | None
    address: str | None
    told: bool
    state: str
    moment: str
    why: str
    setting: str | None
    setting_address: str | None


def read_history() -> str:
    """A page of what was told her or not, the latest first; how it begins where there is nothing yet."""
    citizen = citizen_or_none()
    rows, more = ([], None) if citizen is None else _rows(citizen, read_id(request.args.get("cursor")))
    moment, locale = now(), page_locale()
    return render_template(
        "settings/history.html",
        rows=[show_row(row, now=moment, locale=locale) for row in rows],
        next_page=written(more),
        first=request.args.get("cursor") is None,
    )


def _rows(citizen: Citizen, after: uuid.UUID | None) -> tuple[list[DecisionRow], uuid.UUID | None]:
    """A page of them, and which it ends with where more follow."""
    session = db.session()
    sending = sending_now(session, house().settings.aipd_date)
    rows = decisions_of(session, citizen.id, now=now(), after=after, limit=PAGE + 1, sending=sending)
    return rows[:PAGE], rows[PAGE - 1].message_id if len(rows) > PAGE else None


def show_row(row: DecisionRow, *, now: dt.datetime, locale: str) -> Explained:
    """The row in the words of `locale`."""
    sentences, setting = explained(row, now=now)
    told, state = _state(row)
    return Explained(
        title=row.offer_title or say(TITLES.get(row.kind, WITHDRAWN), locale),
        shop=row.shop_name,
        address=None if row.offer_id is None else url_for("citizen.read_offer", offer_id=row.offer_id),
        told=told,
        state=say(state, locale),
        moment=at_words(row.decided_at, now=now, locale=locale),
        why=" ".join(say(sentence, locale) for sentence in sentences),
        setting=None if setting is None else say(WORDS[setting], locale),
        setting_address=None if setting is None else address_of(setting, row.shop_slug),
    )


def address_of(setting: Setting, slug: str | None) -> str:
    """Where she changes a setting; `slug` is the shop that it was about, if it was about one."""
    if setting in ANCHORS:
        return url_for("settings.read_settings", _anchor=ANCHORS[setting])
    if setting is Setting.PLACES:
        return url_for("settings.read_places")
    if slug is None:
        return url_for("citizen.read_mine")
    if setting is Setting.LEVEL:
        return url_for("citizen.read_mine", _anchor=f"commerce-{slug}")
    return url_for("citizen.read_shop", slug=slug, _anchor="suivre")


def _state(row: DecisionRow) -> tuple[bool, Sentence]:
    """Whether it was told her, and the word for it."""
    states = {part.state for part in row.deliveries}
    if row.outcome is Outcome.HELD:
        return False, Sentence("Pas de notification")
    if not states or DeliveryState.ACCEPTED in states:
        return True, Sentence("Notification envoyée")
    if states & {DeliveryState.WAITING, DeliveryState.CLAIMED}:
        return False, Sentence("Notification en attente")
    return False, Sentence("Notification non remise")
