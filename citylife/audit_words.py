"""The audit log in sentences, for staff: every act, by whom and about what, with names as they are known now.

Citizens are not audited. Whoever is no longer known is « quelqu’un »; an act that no sentence is written for is told by
its own name, so that nothing of the log is ever left out.
"""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import literal, select, union_all
from sqlalchemy.orm import Session

from citylife.accounts.merchants import Merchant
from citylife.accounts.staff import StaffMember
from citylife.audit import Actor, AuditEntry
from citylife.database import Identifier
from citylife.offers import Offer, RecurringOffer
from citylife.pilot.measures import BY_KEY, Unit
from citylife.shop_journal import OFFER_ACTS, RECURRING_ACTS, SHOP_ACTS
from citylife.shops.tables import Shop
from citylife.wording import Sentence

STAFF_ACTS: Final = {
    "staff.invited": Sentence("{thing} invité dans l’équipe du cluster ({role}) par {who}."),
    "staff.role-given": Sentence("{thing} a désormais le rôle « {role} », donné par {who}."),
    "staff.left": Sentence("{thing} retiré de l’équipe du cluster par {who}."),
    "staff.signed-in": Sentence("{who} est entré."),
}
OTHER_ACTS: Final = {
    "offer.reported": Sentence("« {offer} » signalée."),
    "report.upheld": Sentence("Signalement de « {offer} » retenu par {who}."),
    "report.dismissed": Sentence("Signalement de « {offer} » écarté par {who}."),
    "team.joined": Sentence("Une place donnée dans l’équipe du commerce par {who}."),
    "team.left": Sentence("Une place retirée dans l’équipe du commerce par {who}."),
    "key.made": Sentence("Clé d’API créée par {who}."),
    "key.revoked": Sentence("Clé d’API révoquée par {who}."),
    "passkey.made": Sentence("Clé d’accès créée par {who}."),
    "passkey.removed": Sentence("Clé d’accès retirée par {who}."),
    "shops.imported": Sentence("Commerces importés par {who}."),
    "mail.printed": Sentence("Courriels imprimés par {who}."),
    "keys.rotated": Sentence("Clés de l’instance renouvelées par {who}."),
    "keys.accepted": Sentence("Clés d’un autre hôte acceptées par {who}."),
    "keys.dropped": Sentence("Clés d’un autre hôte retirées par {who}."),
    "origin.paused": Sentence("Service de notifications mis en pause par {who}."),
    "origin.stopped": Sentence("Service de notifications arrêté par {who}."),
    "origin.resumed": Sentence("Service de notifications repris par {who}."),
    "database.restored": Sentence("Base restaurée d’une sauvegarde par {who}."),
    "pilot.frozen": Sentence("Chiffres de {period} arrêtés par {who}."),
    "pilot.sent-again": Sentence("Rapport de {period} envoyé de nouveau au cluster par {who}."),
    "pilot.target-proposed": Sentence("Objectif proposé par {who} : {measure}, {value} à partir de {since}."),
    "pilot.target-approved": Sentence("Objectif approuvé par {who} : {measure}, {value} à partir de {since}."),
    "pilot.cost-entered": Sentence("Dépense du pilote saisie par {who} : {value}, du {first} au {last}."),
}
SENTENCES: Final[Mapping[str, Sentence]] = {**OFFER_ACTS, **RECURRING_ACTS, **SHOP_ACTS, **STAFF_ACTS, **OTHER_ACTS}
LABELS: Final[Mapping[str, Sentence]] = {
    "appeal.dismissed": Sentence("Recours refusé"),
    "appeal.granted": Sentence("Recours accepté"),
    "database.restored": Sentence("Base restaurée"),
    "key.made": Sentence("Clé d’API créée"),
    "key.revoked": Sentence("Clé d’API révoquée"),
    "keys.accepted": Sentence("Clés d’un autre hôte acceptées"),
    "keys.dropped": Sentence("Clés d’un autre hôte retirées"),
    "keys.rotated": Sentence("Clés de l’instance renouvelées"),
    "mail.printed": Sentence("Courriels imprimés"),
    "offer.corrected": Sentence("Annonce corrigée"),
    "offer.ended": Sentence("Annonce terminée"),
    "offer.published": Sentence("Annonce publiée"),
    "offer.reported": Sentence("Annonce signalée"),
    "offer.scheduled": Sentence("Annonce programmée"),
    "offer.sold-out": Sentence("« Tout est parti »"),
    "offer.sold-out-undone": Sentence("« Tout est parti » annulé"),
    "offer.withdrawn": Sentence("Annonce retirée"),
    "origin.paused": Sentence("Service de notifications mis en pause"),
    "origin.resumed": Sentence("Service de notifications repris"),
    "origin.stopped": Sentence("Service de notifications arrêté"),
    "passkey.made": Sentence("Clé d’accès créée"),
    "passkey.removed": Sentence("Clé d’accès retirée"),
    "pilot.cost-entered": Sentence("Dépense saisie"),
    "pilot.frozen": Sentence("Chiffres arrêtés"),
    "pilot.sent-again": Sentence("Rapport renvoyé"),
    "pilot.target-approved": Sentence("Objectif approuvé"),
    "pilot.target-proposed": Sentence("Objectif proposé"),
    "recurring.begun": Sentence("Annonce qui revient, commencée"),
    "recurring.changed": Sentence("Annonce qui revient, modifiée"),
    "recurring.ended": Sentence("Annonce qui revient, arrêtée"),
    "recurring.skip-undone": Sentence("Annonce qui revient, remise"),
    "recurring.skipped": Sentence("Annonce qui revient, sautée une fois"),
    "report.appealed": Sentence("Retrait contesté"),
    "report.dismissed": Sentence("Signalement écarté"),
    "report.upheld": Sentence("Signalement retenu"),
    "sending.resumed": Sentence("Envoi des annonces repris"),
    "sending.rule-set": Sentence("Nombre d’annonces par jour changé"),
    "sending.stopped": Sentence("Envoi des annonces arrêté"),
    "shop.changed": Sentence("Fiche du commerce modifiée"),
    "shop.claim-refused": Sentence("Revendication refusée"),
    "shop.claimed": Sentence("Commerce revendiqué"),
    "shop.closed-down": Sentence("Commerce déclaré fermé"),
    "shop.code-entered": Sentence("Code de vérification saisi"),
    "shop.code-made": Sentence("Code de vérification préparé"),
    "shop.code-spent": Sentence("Code de vérification perdu"),
    "shop.hours-changed": Sentence("Horaires modifiés"),
    "shop.photo-removed": Sentence("Photo de la page retirée"),
    "shop.photo-shown": Sentence("Photo de la page changée"),
    "shop.reinstated": Sentence("Suspension levée"),
    "shop.reopened": Sentence("Commerce rouvert"),
    "shop.stands-changed": Sentence("Emplacements de marché modifiés"),
    "shop.suspended": Sentence("Commerce suspendu"),
    "shop.verified": Sentence("Commerce vérifié"),
    "shops.imported": Sentence("Commerces importés"),
    "staff.invited": Sentence("Invitation dans l’équipe du cluster"),
    "staff.left": Sentence("Retrait de l’équipe du cluster"),
    "staff.role-given": Sentence("Rôle donné"),
    "staff.signed-in": Sentence("Entrée à la console"),
    "team.joined": Sentence("Place donnée dans l’équipe du commerce"),
    "team.left": Sentence("Place retirée dans l’équipe du commerce"),
}
"""Every act of `SENTENCES` in a few words, to choose one by."""
UNTOLD: Final = Sentence("{act}, par {who}.")
UNKNOWN: Final = "–"
SOMEBODY: Final = Sentence("quelqu’un")
OTHERS: Final = {
    Actor.SYSTEM: Sentence("Citylife, à l’heure dite"),
    Actor.OPERATOR: Sentence("l’exploitant du serveur"),
}
ROLES: Final = {
    "watch": Sentence("observation"),
    "moderate": Sentence("modération"),
    "administer": Sentence("administration"),
}


@dataclass(frozen=True, slots=True)
class Act:
    """An act in words; `number` is where a page after it begins; `shop` is whose it is about, where it is a shop's."""

    number: int
    at: dt.datetime
    action: str
    sentence: Sentence
    shop: Shop | None


def acts(
    session: Session,
    *,
    actor_id: uuid.UUID | None = None,
    shop: Shop | None = None,
    action: str | None = None,
    before: int | None = None,
    limit: int,
) -> Sequence[Act]:
    """Acts, the latest first: of one person, about one shop and its offers, of one kind; `before` ends a page."""
    statement = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    if actor_id is not None:
        statement = statement.where(AuditEntry.actor_id == actor_id)
    if shop is not None:
        of_shop = (select(model.id).where(model.shop_id == shop.id) for model in (Offer, RecurringOffer))
        subjects = union_all(select(literal(shop.id, Identifier())), *of_shop)
        statement = statement.where(AuditEntry.subject_id.in_(subjects))
    if action is not None:
        statement = statement.where(AuditEntry.action == action)
    if before is not None:
        statement = statement.where(AuditEntry.id < before)
    return _told(session, session.scalars(statement).all())


def people_named(session: Session, address: str) -> uuid.UUID | None:
    """The member of staff, else the merchant, of an address; none where nobody has it."""
    for model in (StaffMember, Merchant):
        found = session.scalar(select(model.id).where(model.email == address.strip().lower()))
        if found is not None:
            return found
    return None


def _pilot_words(detail: Mapping[str, Any]) -> dict[str, Any]:
    """What an act about the pilot says of its measure, its value or amount, and its days or period."""
    words: dict[str, Any] = dict.fromkeys(("measure", "value", "since", "period", "first", "last"), UNKNOWN)
    words |= {name: str(detail[name]) for name in ("since", "period") if name in detail}
    words |= {name: dt.date.fromisoformat(detail[name]) for name in ("first", "last") if name in detail}
    measure = BY_KEY.get(detail.get("measure", ""))
    if measure is not None:
        words["measure"] = measure.name
    if "value" in detail:
        of_money = measure is not None and measure.unit is Unit.CENTS
        words["value"] = _euros(detail["value"]) if of_money else detail["value"]
    if "cents" in detail:
        words["value"] = _euros(detail["cents"])
    return words


def _euros(cents: int) -> Decimal:
    return Decimal(cents) / 100


def _told(session: Session, entries: Sequence[AuditEntry]) -> Sequence[Act]:
    subjects = {entry.subject_id for entry in entries if entry.subject_id is not None}
    people = subjects | {entry.actor_id for entry in entries if entry.actor_id is not None}
    names: dict[uuid.UUID, str] = {}
    for model in (Merchant, StaffMember):
        names |= {row[0]: row[1] for row in session.execute(select(model.id, model.email).where(model.id.in_(people)))}
    offers: dict[uuid.UUID, tuple[str, uuid.UUID]] = {}
    for thing in (Offer, RecurringOffer):
        found = session.execute(select(thing.id, thing.title, thing.shop_id).where(thing.id.in_(subjects)))
        offers |= {row[0]: (row[1], row[2]) for row in found}
    wanted = subjects | {shop_id for _, shop_id in offers.values()}
    shops = {shop.id: shop for shop in session.scalars(select(Shop).where(Shop.id.in_(wanted)))}
    return [_act(entry, names, offers, shops) for entry in entries]


def _act(
    entry: AuditEntry,
    names: Mapping[uuid.UUID, str],
    offers: Mapping[uuid.UUID, tuple[str, uuid.UUID]],
    shops: Mapping[uuid.UUID, Shop],
) -> Act:
    about = entry.subject_id
    title, shop_id = offers.get(about, ("", about)) if about is not None else ("", None)
    values: dict[str, Any] = {
        "who": OTHERS.get(entry.actor) or (names.get(entry.actor_id, SOMEBODY) if entry.actor_id else SOMEBODY),
        "thing": names.get(about, SOMEBODY) if about is not None else SOMEBODY,
        "offer": title,
        "act": entry.action,
    }
    if entry.action.startswith("pilot."):
        values |= _pilot_words(entry.detail)
    if "role" in entry.detail:
        values["role"] = ROLES.get(entry.detail["role"], entry.detail["role"])
    template = SENTENCES.get(entry.action, UNTOLD)
    return Act(
        entry.id, entry.at, entry.action, template.format(**values), shops.get(shop_id) if shop_id is not None else None
    )
