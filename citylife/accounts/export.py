"""Export: everything that is kept of a citizen, in sections with headings a person reads; what is left out says why.

Each section reads one table by her id. A test walks every column of every table that leads to a citizen, and fails when
one is neither exported here nor left out with its reason.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from citylife.accounts.citizens import Citizen, CitizenDay, CitizenToken
from citylife.accounts.moving import MovingCode
from citylife.answers import KeptAnswer, caller_of_citizen
from citylife.consent import Consent
from citylife.courtesy.tables import BudgetSlot, DigestLine
from citylife.database import Base
from citylife.devices import Device
from citylife.email_digest.tables import EmailDigest
from citylife.follows import EndedFollow, Follow
from citylife.insiders import TeamFollower
from citylife.ledger.tables import Decision, Delivery, Message
from citylife.offers import Offer
from citylife.places import Place
from citylife.redemptions import TillTaking
from citylife.shops import Shop
from citylife.wording import Sentence

Fields = Mapping[str, tuple[InstrumentedAttribute[Any], Sentence]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One table as she reads it: a title, its columns with their headings, by which column a row is hers."""

    name: str
    title: Sentence
    owner: InstrumentedAttribute[Any]
    fields: Fields
    joins: tuple[tuple[type[Base], ColumnElement[bool]], ...] = ()

    def rows(self, session: Session, citizen_id: uuid.UUID) -> list[dict[str, Any]]:
        """Her rows, with bytes in hexadecimal."""
        columns = [column.label(name) for name, (column, _) in self.fields.items()]
        whose = caller_of_citizen(citizen_id) if self.owner is KeptAnswer.caller else citizen_id
        wanted = select(*columns).select_from(self.owner.class_).where(self.owner == whose)
        for table, condition in self.joins:
            wanted = wanted.outerjoin(table, condition)
        wanted = wanted.order_by(*self.owner.class_.__table__.primary_key)
        return [
            {name: value.hex() if isinstance(value, bytes) else value for name, value in row.items()}
            for row in session.execute(wanted).mappings()
        ]


_SINCE: Final = Sentence("Depuis le")
_SHOP: Final = Sentence("Commerce")
_SHOP_ID: Final = Sentence("Identifiant du commerce")
_SHOP_PAGE: Final = Sentence("Fin de l’adresse de sa page")
_MESSAGE: Final = Sentence("Identifiant de l’annonce")
_DEVICE: Final = Sentence("Identifiant de l’appareil")
_STATE: Final = Sentence("État")

SECTIONS: Final[Sequence[Section]] = (
    Section(
        name="settings",
        title=Sentence("Vous et vos réglages"),
        owner=Citizen.id,
        fields={
            "id": (Citizen.id, Sentence("Identifiant, tiré au hasard")),
            "created_at": (Citizen.created_at, _SINCE),
            "locale": (Citizen.locale, Sentence("Langue")),
            "time_zone": (Citizen.time_zone, Sentence("Fuseau horaire")),
            "quiet_from": (Citizen.quiet_from, Sentence("Début des heures calmes")),
            "quiet_until": (Citizen.quiet_until, Sentence("Fin des heures calmes")),
            "quiet_sundays": (Citizen.quiet_sundays, Sentence("Calme le dimanche")),
            "weekly_budget": (Citizen.weekly_budget, Sentence("Notifications par semaine, au plus")),
            "daily_budget": (Citizen.daily_budget, Sentence("Notifications par jour, au plus")),
            "digest": (Citizen.digest, Sentence("Récapitulatif")),
            "digest_at": (Citizen.digest_at, Sentence("Heure du récapitulatif")),
            "discover_nearby": (Citizen.discover_nearby, Sentence("Découvrir les commerces proches")),
            "notifications_consented": (Citizen.notifications_consented, Sentence("Notifications acceptées")),
            "location_consented": (Citizen.location_consented, Sentence("Lieu accepté")),
            "version": (Citizen.version, Sentence("Nombre de changements de vos réglages")),
        },
    ),
    Section(
        name="consents",
        title=Sentence("Ce que vous avez accepté ou refusé"),
        owner=Consent.citizen_id,
        fields={
            "id": (Consent.id, Sentence("Identifiant de la réponse")),
            "purpose": (Consent.purpose, Sentence("Finalité")),
            "granted": (Consent.granted, Sentence("Accepté")),
            "text_version": (Consent.text_version, Sentence("Version du texte")),
            "text_sha256": (Consent.text_sha256, Sentence("Empreinte SHA-256 du texte")),
            "locale": (Consent.locale, Sentence("Langue")),
            "recorded_at": (Consent.recorded_at, Sentence("Le")),
        },
    ),
    Section(
        name="follows",
        title=Sentence("Les commerces que vous suivez"),
        owner=Follow.citizen_id,
        fields={
            "shop_id": (Follow.shop_id, _SHOP_ID),
            "shop_name": (Shop.name, _SHOP),
            "shop_slug": (Shop.slug, _SHOP_PAGE),
            "level": (Follow.level, Sentence("Niveau")),
            "begun_at": (Follow.begun_at, _SINCE),
            "nearby_until": (Follow.nearby_until, Sentence("« À proximité » jusqu’au")),
        },
        joins=((Shop, Shop.id == Follow.shop_id),),
    ),
    Section(
        name="ended_follows",
        title=Sentence("Les commerces que vous ne suivez plus"),
        owner=EndedFollow.citizen_id,
        fields={
            "shop_id": (EndedFollow.shop_id, _SHOP_ID),
            "shop_name": (Shop.name, _SHOP),
            "shop_slug": (Shop.slug, _SHOP_PAGE),
            "begun_at": (EndedFollow.begun_at, _SINCE),
            "ended_at": (EndedFollow.ended_at, Sentence("Jusqu’au")),
        },
        joins=((Shop, Shop.id == EndedFollow.shop_id),),
    ),
    Section(
        name="own_shops",
        title=Sentence("Les commerces de l’équipe desquels vous êtes"),
        owner=TeamFollower.citizen_id,
        fields={
            "shop_id": (TeamFollower.shop_id, _SHOP_ID),
            "shop_name": (Shop.name, _SHOP),
            "shop_slug": (Shop.slug, _SHOP_PAGE),
        },
        joins=((Shop, Shop.id == TeamFollower.shop_id),),
    ),
    Section(
        name="places",
        title=Sentence("Vos lieux"),
        owner=Place.citizen_id,
        fields={
            "id": (Place.id, Sentence("Identifiant, tiré au hasard")),
            "kind": (Place.kind, Sentence("Sorte")),
            "insee_code": (Place.insee_code, Sentence("Commune (code INSEE)")),
            "cell": (Place.cell, Sentence("Secteur d’environ 4,5 km² (numéro H3)")),
            "set_on": (Place.set_on, Sentence("Choisi le")),
            "expires_at": (Place.expires_at, Sentence("Jusqu’au")),
        },
    ),
    Section(
        name="days",
        title=Sentence("Les jours où vous êtes venu"),
        owner=CitizenDay.citizen_id,
        fields={"day": (CitizenDay.day, Sentence("Jour"))},
    ),
    Section(
        name="phones",
        title=Sentence("Les téléphones et navigateurs qui vous reconnaissent"),
        owner=CitizenToken.citizen_id,
        fields={"created_at": (CitizenToken.created_at, _SINCE)},
    ),
    Section(
        name="devices",
        title=Sentence("Les navigateurs que nous pouvons prévenir"),
        owner=Device.citizen_id,
        fields={
            "id": (Device.id, _DEVICE),
            "endpoint": (Device.endpoint, Sentence("Adresse de notification")),
            "p256dh": (Device.p256dh, Sentence("Clé publique de chiffrement")),
            "push_key": (Device.push_key, Sentence("Numéro de celle de nos clés qu’il connaît")),
            "registered_at": (Device.registered_at, _SINCE),
            "expires_at": (Device.expires_at, Sentence("Jusqu’au")),
        },
    ),
    Section(
        name="codes",
        title=Sentence("Les codes qui permettent de changer de téléphone"),
        owner=MovingCode.citizen_id,
        fields={
            "kind": (MovingCode.kind, Sentence("Sorte")),
            "made_at": (MovingCode.made_at, _SINCE),
            "expires_at": (MovingCode.expires_at, Sentence("Jusqu’au")),
        },
    ),
    Section(
        name="till_codes",
        title=Sentence("Les offres pour lesquelles vous avez pris un code de caisse"),
        owner=TillTaking.citizen_id,
        fields={
            "offer_id": (TillTaking.offer_id, Sentence("Identifiant de l’offre")),
            "offer_title": (Offer.title, Sentence("Offre")),
            "shop_name": (Shop.name, _SHOP),
            "drawing": (TillTaking.drawing, Sentence("Rang du code tiré pour vous")),
        },
        joins=((Offer, Offer.id == TillTaking.offer_id), (Shop, Shop.id == Offer.shop_id)),
    ),
    Section(
        name="decisions",
        title=Sentence("Ce qui vous a été annoncé ou non, et pourquoi"),
        owner=Decision.citizen_id,
        fields={
            "message_id": (Decision.message_id, _MESSAGE),
            "kind": (Message.kind, Sentence("Sorte")),
            "offer_title": (Offer.title, Sentence("Offre")),
            "shop_name": (Shop.name, _SHOP),
            "outcome": (Decision.outcome, Sentence("Décision")),
            "reason": (Decision.reason, Sentence("Motif")),
            "decided_at": (Decision.decided_at, Sentence("Le")),
            "until": (Decision.until, Sentence("Revu le")),
            "local_date": (Decision.local_date, Sentence("Jour, chez vous")),
            "arm": (Decision.arm, Sentence("Issue du tirage")),
            "chance": (Decision.chance, Sentence("Chance, sur un million")),
        },
        joins=(
            (Message, Message.id == Decision.message_id),
            (Offer, Offer.id == Message.offer_id),
            (Shop, Shop.id == Message.shop_id),
        ),
    ),
    Section(
        name="deliveries",
        title=Sentence("Ce qui a été envoyé à vos appareils"),
        owner=Delivery.citizen_id,
        fields={
            "message_id": (Delivery.message_id, _MESSAGE),
            "device_id": (Delivery.device_id, _DEVICE),
            "state": (Delivery.state, _STATE),
            "attempts": (Delivery.attempts, Sentence("Nombre d’essais")),
            "next_at": (Delivery.next_at, Sentence("Prochain ou dernier essai")),
            "accepted_at": (Delivery.accepted_at, Sentence("Accepté le")),
            "status": (Delivery.status, Sentence("Réponse du service de notification")),
        },
    ),
    Section(
        name="budget_slots",
        title=Sentence("Ce qui compte dans votre budget de notifications"),
        owner=BudgetSlot.citizen_id,
        fields={
            "message_id": (BudgetSlot.message_id, _MESSAGE),
            "week_of": (BudgetSlot.week_of, Sentence("Semaine du")),
            "local_date": (BudgetSlot.local_date, Sentence("Jour, chez vous")),
            "slot": (BudgetSlot.slot, Sentence("Rang dans la semaine")),
        },
    ),
    Section(
        name="digest_lines",
        title=Sentence("Ce qui est mis de côté pour votre récapitulatif, ou vous a été dit près de vous"),
        owner=DigestLine.citizen_id,
        fields={
            "message_id": (DigestLine.message_id, _MESSAGE),
            "due_at": (DigestLine.due_at, Sentence("Prévu le")),
            "digest_id": (DigestLine.digest_id, Sentence("Récapitulatif")),
        },
    ),
    Section(
        name="email_digest",
        title=Sentence("Votre récapitulatif par courriel"),
        owner=EmailDigest.citizen_id,
        fields={
            "email": (EmailDigest.email, Sentence("Adresse électronique")),
            "asked_at": (EmailDigest.asked_at, Sentence("Demandé le")),
            "confirmed_at": (EmailDigest.confirmed_at, Sentence("Confirmé le")),
            "due_at": (EmailDigest.due_at, Sentence("Prévu le")),
            "written_at": (EmailDigest.written_at, Sentence("Dernier courriel")),
        },
    ),
    Section(
        name="kept_answers",
        title=Sentence("Les demandes répétées dont la réponse est gardée un jour"),
        owner=KeptAnswer.caller,
        fields={
            "key": (KeptAnswer.key, Sentence("Clé de la demande")),
            "begun_at": (KeptAnswer.begun_at, Sentence("Le")),
            "state": (KeptAnswer.state, _STATE),
            "status": (KeptAnswer.status, Sentence("Code de la réponse")),
        },
    ),
)

_HASHED: Final = Sentence("L’empreinte d’un secret : elle ne dit rien, et la donner aiderait à le deviner.")
_HERS: Final = Sentence("Votre identifiant, qui est dans la première section.")
_LANE: Final = Sentence("Un numéro technique, qui répartit le travail et ne dit rien de vous.")
_COPY: Final = Sentence("La copie d’une réponse, dont le contenu est dans les autres sections.")

LEFT_OUT: Final[Mapping[str, Sentence]] = {
    "citizens.bucket": _LANE,
    "citizens.pace": Sentence("Le rythme des commerces que vous suivez, recompté chaque nuit."),
    "citizens.draw_seed": Sentence("Votre nombre dans tous les tirages : le connaître permettrait de les prévoir."),
    "citizen_tokens.digest": _HASHED,
    "moving_codes.digest": _HASHED,
    "devices.auth": Sentence("Le secret de chiffrement de votre navigateur, qui l’a aussi."),
    "devices.bucket": _LANE,
    "devices.origin_id": Sentence("Un numéro du service de notification, dont le nom est dans l’adresse."),
    "devices.endpoint_sha256": Sentence("L’empreinte de l’adresse de notification, qui est donnée."),
    "endpoints": Sentence("Un index des adresses de notification, qui sont données."),
    "deliveries.bucket": _LANE,
    "deliveries.origin_id": _LANE,
    "deliveries.lease_until": Sentence("Le temps donné à un envoi en cours, une minute au plus."),
    "deliveries.fence": _LANE,
    "email_digests.confirm_digest": _HASHED,
    "email_digests.stop_token": Sentence("Le secret du lien qui arrête vos courriels ; il est dans chacun d’eux."),
    "email_digests.letter_id": Sentence("Le numéro du dernier courriel, pour l’arrêter s’il n’est pas parti."),
    "kept_answers.caller": _HERS,
    "kept_answers.fingerprint": _COPY,
    "kept_answers.headers": _COPY,
    "kept_answers.body": _COPY,
    "messages.cursor": Sentence("Jusqu’où une annonce a été distribuée : un repère de travail, pas un fait sur vous."),
}
"""What leads to a citizen and is not exported, by table or column; her own id as the owner of a row goes without."""


def sections_of(session: Session, citizen_id: uuid.UUID) -> list[tuple[Section, list[dict[str, Any]]]]:
    """Everything kept of a citizen, section by section; empty ones too, since that also is an answer."""
    return [(section, section.rows(session, citizen_id)) for section in SECTIONS]
