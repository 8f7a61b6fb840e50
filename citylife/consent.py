"""Consent: append-only records of what a citizen agreed to, and the text she was shown."""

import datetime as dt
import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from sqlalchemy import ForeignKey, LargeBinary, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from citylife.accounts.citizens import Citizen, hold
from citylife.database import Base, Choice, Identifier, new_id
from citylife.email_digest.tables import forget_address_of
from citylife.errors import Invalid
from citylife.places import forget_places_of
from citylife.wording import LOCALES, Sentence, say


class Purpose(Enum):
    """What consent is asked for."""

    NOTIFICATIONS = "notifications"
    LOCATION = "location"
    EMAIL_DIGEST = "email-digest"


class Consent(Base):
    """One answer: purpose, granted or withdrawn, which text (version and SHA-256), language, server time."""

    __tablename__ = "consents"

    citizen_id: Mapped[uuid.UUID] = mapped_column(
        Identifier(), ForeignKey("citizens.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    purpose: Mapped[Purpose] = mapped_column(Choice(Purpose))
    granted: Mapped[bool]
    text_version: Mapped[str] = mapped_column(String(20))
    text_sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    locale: Mapped[str] = mapped_column(String(5))
    recorded_at: Mapped[dt.datetime]


@dataclass(frozen=True, slots=True)
class ConsentText:
    """What a person is asked, word for word; `version` names it, and another wording is another version."""

    version: str
    sentence: Sentence


TEXTS: Final[Mapping[Purpose, ConsentText]] = {
    Purpose.NOTIFICATIONS: ConsentText(
        "2026-11",
        Sentence(
            "J’accepte que Citylife envoie à cet appareil les annonces des commerces que je suis. Les messages, "
            "chiffrés, passent par le service de notification de mon navigateur, qui peut se trouver hors "
            "de l’Union européenne. Je peux arrêter à tout moment."
        ),
    ),
    Purpose.LOCATION: ConsentText(
        "2026-11",
        Sentence(
            "J’accepte que Citylife garde le secteur que j’ai choisi (une commune, ou une zone d’environ 4,5 km²) pour "
            "ne m’annoncer que ce qui est proche. Aucun déplacement n’est enregistré. Je peux arrêter à tout moment."
        ),
    ),
    Purpose.EMAIL_DIGEST: ConsentText(
        "2026-11",
        Sentence(
            "J’accepte que Citylife garde mon adresse électronique pour m’envoyer chaque semaine les offres des "
            "commerces que je suis. Je peux arrêter à tout moment."
        ),
    ),
}
"""The texts in use, by purpose."""
FORMER_TEXTS: Final[Mapping[Purpose, tuple[ConsentText, ...]]] = {}
"""Texts that were replaced: nobody can agree to them any more, only withdraw from them."""


class TextUnknown(Invalid):
    """The consent names a text that is not the one people are asked now."""

    slug = "consent-text-unknown"
    title = "Texte de consentement inconnu"
    sentence = "Ce texte de consentement n’est plus celui qui est proposé. Relisez le nouveau, puis répondez."


def record_consent(
    session: Session,
    citizen: Citizen,
    purpose: Purpose,
    *,
    granted: bool,
    text_version: str,
    locale: str,
    now: dt.datetime,
) -> Consent:
    """Append her answer, and let it count at once: what is refused is not sent, and no place or address is kept for it.

    Raises:
        TextUnknown: she grants a text that is not the current one, withdraws from one that never was, or read it in
            a language it does not exist in.
        Absent: she was erased.
    """
    text = _text_of(purpose, text_version, granted=granted)
    if locale not in LOCALES:
        raise TextUnknown(Sentence("Ce texte n’existe pas dans cette langue."), pointer="/locale")
    citizen = hold(session, citizen.id)
    answer = Consent(
        citizen_id=citizen.id,
        id=new_id(),
        purpose=purpose,
        granted=granted,
        text_version=text.version,
        text_sha256=hashlib.sha256(say(text.sentence, locale).encode()).digest(),
        locale=locale,
        recorded_at=now,
    )
    session.add(answer)
    before = (citizen.notifications_consented, citizen.location_consented)
    if purpose is Purpose.NOTIFICATIONS:
        citizen.notifications_consented = granted
    elif purpose is Purpose.LOCATION:
        citizen.location_consented = granted
        if not granted:
            forget_places_of(session, citizen.id)
    elif not granted:
        forget_address_of(session, citizen.id, now=now)
    if before != (citizen.notifications_consented, citizen.location_consented):
        citizen.version += 1
    session.flush()
    return answer


def consents_of(
    session: Session, citizen_id: uuid.UUID, *, after: uuid.UUID | None = None, limit: int
) -> Sequence[Consent]:
    """Her answers, the latest first; `after` is the one a page ended with."""
    statement = select(Consent).where(Consent.citizen_id == citizen_id).order_by(Consent.id.desc()).limit(limit)
    return session.scalars(statement if after is None else statement.where(Consent.id < after)).all()


def consent_in_force(session: Session, citizen_id: uuid.UUID, purpose: Purpose) -> Consent | None:
    """Her latest answer to a purpose, where it is a yes."""
    answers = select(Consent).where(Consent.citizen_id == citizen_id, Consent.purpose == purpose)
    latest = session.scalars(answers.order_by(Consent.recorded_at.desc(), Consent.id.desc()).limit(1)).first()
    return latest if latest is not None and latest.granted else None


def withdraw_consent(session: Session, citizen: Citizen, purpose: Purpose, *, now: dt.datetime) -> Consent | None:
    """Append that she agrees no longer, to the text and in the language she agreed in; None where she did not agree.

    Raises:
        Absent: she was erased.
    """
    citizen = hold(session, citizen.id)
    agreed = consent_in_force(session, citizen.id, purpose)
    if agreed is None:
        return None
    return record_consent(
        session,
        citizen,
        purpose,
        granted=False,
        text_version=agreed.text_version,
        locale=agreed.locale,
        now=now,
    )


def text_of(answer: Consent) -> Sentence:
    """The words that an answer is about; today's where the text it names is kept no longer."""
    texts = (TEXTS[answer.purpose], *FORMER_TEXTS.get(answer.purpose, ()))
    return next((text for text in texts if text.version == answer.text_version), texts[0]).sentence


def _text_of(purpose: Purpose, version: str, *, granted: bool) -> ConsentText:
    texts = (TEXTS[purpose], *(() if granted else FORMER_TEXTS.get(purpose, ())))
    for text in texts:
        if text.version == version:
            return text
    raise TextUnknown(pointer="/text_version")
