"""The journal of a shop: what was done to it and its offers, by whom and when, a sentence each, from the audit log.

It names who is in the team now; whoever has left it is somebody who has left, and staff and the house itself are no
persons. Reports of citizens, and what staff decided of them, are not its business: an offer they withdraw is.
"""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from sqlalchemy import literal, select, union_all
from sqlalchemy.orm import Session

from citylife.accounts.merchants import Role, team_of
from citylife.audit import Actor, AuditEntry
from citylife.database import Identifier
from citylife.offers import Offer, RecurringOffer
from citylife.shops import Shop
from citylife.wording import Sentence


class JournalKind(Enum):
    """What an act was about."""

    OFFERS = "offers"
    TEAM = "team"
    SHOP = "shop"


OFFER_ACTS: Final = {
    "offer.published": Sentence("« {offer} » publiée par {who}."),
    "offer.scheduled": Sentence("« {offer} » programmée par {who}."),
    "offer.corrected": Sentence("« {offer} » corrigée par {who}."),
    "offer.sold-out": Sentence("« {offer} » : « Tout est parti », dit par {who}."),
    "offer.sold-out-undone": Sentence("« {offer} » : « Tout est parti » annulé par {who}."),
    "offer.withdrawn": Sentence("« {offer} » retirée par {who}."),
    "report.appealed": Sentence("Retrait de « {offer} » contesté par {who}."),
    "appeal.granted": Sentence("Recours pour « {offer} » accepté par {who}."),
    "appeal.dismissed": Sentence("Recours pour « {offer} » refusé par {who}."),
    "offer.ended": Sentence("« {offer} » terminée."),
}
RECURRING_ACTS: Final = {
    "recurring.begun": Sentence("« {offer} » reviendra chaque semaine, dit par {who}."),
    "recurring.changed": Sentence("« {offer} », qui revient chaque semaine, modifiée par {who}."),
    "recurring.skipped": Sentence("« {offer} » ne vient pas la prochaine fois, dit par {who}."),
    "recurring.skip-undone": Sentence("« {offer} » vient bien la prochaine fois, dit par {who}."),
    "recurring.ended": Sentence("« {offer} » ne revient plus, arrêtée par {who}."),
}
TEAM_ACTS: Final = {
    "team.joined": Sentence("Place de {role} donnée à {whom} par {who}."),
    "team.left": Sentence("Place retirée à {whom} par {who}."),
}
LEFT_HERSELF: Final = Sentence("{who} a quitté l’équipe.")
SHOP_ACTS: Final = {
    "shop.claimed": Sentence("Commerce revendiqué par {who}."),
    "shop.code-made": Sentence("Code de vérification préparé par {who}."),
    "shop.code-entered": Sentence("Code de vérification saisi par {who}."),
    "shop.code-spent": Sentence("Code de vérification perdu après trop d’essais de {who}."),
    "shop.verified": Sentence("Commerce vérifié par {who}."),
    "shop.claim-refused": Sentence("Revendication refusée par {who}."),
    "shop.suspended": Sentence("Commerce suspendu par {who}."),
    "shop.reinstated": Sentence("Suspension levée par {who}."),
    "shop.closed-down": Sentence("Commerce déclaré fermé par {who}."),
    "shop.reopened": Sentence("Commerce rouvert par {who}."),
    "shop.changed": Sentence("Fiche du commerce modifiée par {who}."),
    "shop.hours-changed": Sentence("Horaires modifiés par {who}."),
    "shop.stands-changed": Sentence("Emplacements de marché modifiés par {who}."),
    "shop.photo-shown": Sentence("Photo de la page changée par {who}."),
    "shop.photo-removed": Sentence("Photo de la page retirée par {who}."),
    "sending.stopped": Sentence("Envoi des annonces arrêté par {who}."),
    "sending.resumed": Sentence("Envoi des annonces repris par {who}."),
    "sending.rule-set": Sentence("Nombre d’annonces par jour changé par {who}."),
}
ACTS: Final[Mapping[JournalKind, Mapping[str, Sentence]]] = {
    JournalKind.OFFERS: {**OFFER_ACTS, **RECURRING_ACTS},
    JournalKind.TEAM: TEAM_ACTS,
    JournalKind.SHOP: SHOP_ACTS,
}
UNTOLD: Final = frozenset({"offer.reported", "report.upheld", "report.dismissed"})
"""Acts about a shop or its offers that its team is not told: they are about who reported."""
ROLES: Final = {Role.OWNER: Sentence("propriétaire"), Role.SELLER: Sentence("vendeur")}
SOMEBODY_GONE: Final = Sentence("une personne qui n’est plus de l’équipe")
OTHERS: Final = {
    Actor.STAFF: Sentence("l’équipe de Citylife"),
    Actor.OPERATOR: Sentence("l’équipe de Citylife"),
    Actor.SYSTEM: Sentence("Citylife, à l’heure dite"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """An act in words; `number` is where a page after it begins, `offer_id` the offer that it was about."""

    number: int
    at: dt.datetime
    kind: JournalKind
    act: str
    sentence: Sentence
    offer_id: uuid.UUID | None


def journal_of(
    session: Session, shop: Shop, *, kind: JournalKind | None = None, before: int | None = None, limit: int
) -> Sequence[Line]:
    """What was done to a shop and its offers, the latest first; `before` is the number a page ended with.

    The acts of each offer are found by index `ix_audit_log_subject`.
    """
    of_shop = (select(model.id).where(model.shop_id == shop.id) for model in (Offer, RecurringOffer))
    subjects = union_all(select(literal(shop.id, Identifier())), *of_shop)
    told = [act for each, acts in ACTS.items() if kind in {None, each} for act in acts]
    statement = (
        select(AuditEntry)
        .where(AuditEntry.subject_id.in_(subjects), AuditEntry.action.in_(told))
        .order_by(AuditEntry.id.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(AuditEntry.id < before)
    entries = session.scalars(statement).all()
    names = {merchant.id: merchant.email for _, merchant in team_of(session, shop.id)}
    about = {entry.subject_id for entry in entries}
    named = (select(model.id, model.title).where(model.id.in_(about)) for model in (Offer, RecurringOffer))
    titles = {row.id: row.title for each in named for row in session.execute(each)}
    return [_line(entry, names, titles) for entry in entries]


def _line(entry: AuditEntry, names: Mapping[uuid.UUID, str], titles: Mapping[uuid.UUID, str]) -> Line:
    kind = next(each for each, acts in ACTS.items() if entry.action in acts)
    offer_id = entry.subject_id if entry.action in OFFER_ACTS else None
    return Line(
        number=entry.id,
        at=entry.at,
        kind=kind,
        act=entry.action,
        sentence=_said(entry, kind, names, titles.get(entry.subject_id, "") if entry.subject_id is not None else ""),
        offer_id=offer_id,
    )


def _said(entry: AuditEntry, kind: JournalKind, names: Mapping[uuid.UUID, str], title: str) -> Sentence:
    who: str = OTHERS.get(entry.actor) or _named(names, entry.actor_id)
    values: dict[str, Any] = {"who": who}
    if kind is JournalKind.OFFERS:
        values["offer"] = title
    if kind is JournalKind.TEAM:
        member = uuid.UUID(entry.detail["merchant"])
        if entry.action == "team.left" and member == entry.actor_id:
            return LEFT_HERSELF.format(who=who)
        values["whom"] = _named(names, member)
        values["role"] = ROLES[Role(entry.detail["role"])] if "role" in entry.detail else ""
    return ACTS[kind][entry.action].format(**values)


def _named(names: Mapping[uuid.UUID, str], merchant_id: uuid.UUID | None) -> str:
    return SOMEBODY_GONE if merchant_id is None else names.get(merchant_id, SOMEBODY_GONE)
