"""How an address comes to be written to, and ceases to be: asked for, confirmed by a tap on its own letter, stopped.

Nothing tells whether an address is known: each citizen has her own row, the answer is the same, and an address that was
sent many requests today silently gets no other.
"""

import datetime as dt
import hashlib
import re
import secrets
import uuid
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from citylife.accounts.citizens import Citizen, hold
from citylife.accounts.emails import check_email
from citylife.consent import Purpose, consent_in_force, withdraw_consent
from citylife.email_digest.due import next_letter_at
from citylife.email_digest.tables import UNCONFIRMED_FOR, EmailDigest, forget_address_of
from citylife.errors import Absent, Refusal
from citylife.letters import LetterKind, withhold_letter, write_letter
from citylife.limits import Limit

PER_ADDRESS: Final = Limit("email-digest-address", 3, dt.timedelta(days=1))
"""How many requests to confirm one address may be sent, whoever asks: one more is not refused, it is not sent."""
PER_CITIZEN: Final = Limit("email-digest-citizen", 5, dt.timedelta(days=1))
"""How often a citizen may give an address."""
PER_NETWORK: Final = Limit("email-digest-network", 20, dt.timedelta(hours=1))
"""How often an address may be given, or a link of a letter tapped, from one place of the network."""
CONFIRM_PATH: Final = "/courriel/confirmer/"
STOP_PATH: Final = "/courriel/arreter/"
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class NoDigestConsent(Refusal):
    """No address of a person is kept who has not agreed to it."""

    slug = "no-email-digest-consent"
    status = 409
    title = "Accord nécessaire"
    sentence = "Acceptez d’abord que Citylife garde votre adresse électronique pour vous écrire chaque semaine."


def ask_for_digest(session: Session, citizen: Citizen, email: str, *, may_write: bool, now: dt.datetime) -> EmailDigest:
    """Note an address, and write it a letter whose link asks for a tap; until then it is written nothing else.

    Another address takes the place of the one before, and the letter before is void. An address that is hers and
    confirmed stays as it is. Without `may_write` nothing is sent: the caller sees no difference.

    Raises:
        EmailRefused: it is no e-mail address.
        NoDigestConsent: she has not agreed.
        Absent: she was erased.
    """
    address = check_email(email)
    citizen = hold(session, citizen.id)
    if consent_in_force(session, citizen.id, Purpose.EMAIL_DIGEST) is None:
        raise NoDigestConsent
    kept = digest_of(session, citizen.id, now=now)
    if kept is not None and kept.email == address and (kept.confirmed_at is not None or not may_write):
        return kept
    if kept is not None and kept.letter_id is not None:
        withhold_letter(session, kept.letter_id, now=now)
    token = secrets.token_urlsafe(32)
    letter_id = write_letter(
        session,
        LetterKind.DIGEST_ASKED,
        address if may_write else None,
        locale=citizen.locale,
        content={"token": token},
        expires_at=now + UNCONFIRMED_FOR,
        now=now,
    )
    asked = session.merge(
        EmailDigest(
            citizen_id=citizen.id,
            email=address,
            asked_at=now,
            confirm_digest=_digest(token),
            confirmed_at=None,
            stop_token=secrets.token_urlsafe(32),
            due_at=None,
            written_at=None,
            letter_id=letter_id,
        )
    )
    session.flush()
    return asked


def digest_of(session: Session, citizen_id: uuid.UUID, *, now: dt.datetime) -> EmailDigest | None:
    """Where a citizen wants her letter; None where nothing is kept, or nobody confirmed in time."""
    kept = session.get(EmailDigest, citizen_id)
    if kept is None or (kept.confirmed_at is None and kept.asked_at <= now - UNCONFIRMED_FOR):
        return None
    return kept


def address_to_confirm(session: Session, token: str, *, now: dt.datetime) -> str | None:
    """The address that a link would still confirm, None where it confirms nothing; looking changes nothing."""
    kept = _asked_by(session, token, now=now)
    return None if kept is None else kept.email


def confirm_address(session: Session, token: str, *, now: dt.datetime) -> EmailDigest | None:
    """Let letters be written to the address that the link was sent to, once; None where it confirms nothing."""
    kept = _asked_by(session, token, now=now, held=True)
    if kept is None:
        return None
    citizen = session.get_one(Citizen, kept.citizen_id)
    kept.confirmed_at, kept.confirm_digest = now, None
    kept.due_at = next_letter_at(citizen.time_zone, citizen.digest_at, now)
    session.flush()
    return kept


def stop_digest(session: Session, citizen_id: uuid.UUID, *, now: dt.datetime) -> None:
    """Forget her address, and note that she agrees to it no longer; where nothing is kept, nothing changes.

    Raises:
        Absent: she was erased.
    """
    citizen = hold(session, citizen_id)
    if withdraw_consent(session, citizen, Purpose.EMAIL_DIGEST, now=now) is None:
        forget_address_of(session, citizen.id, now=now)


def stop_by_link(session: Session, token: str, *, now: dt.datetime) -> None:
    """Do the same for whoever was sent the link (RFC 8058); of a link nobody was sent, nothing is done nor said."""
    if not _TOKEN.fullmatch(token):
        return
    citizen_id = session.scalar(select(EmailDigest.citizen_id).where(EmailDigest.stop_token == token))
    if citizen_id is None:
        return
    try:
        stop_digest(session, citizen_id, now=now)
    except Absent:
        return


def _asked_by(session: Session, token: str, *, now: dt.datetime, held: bool = False) -> EmailDigest | None:
    if not _TOKEN.fullmatch(token):
        return None
    wanted = select(EmailDigest).where(
        EmailDigest.confirm_digest == _digest(token), EmailDigest.asked_at > now - UNCONFIRMED_FOR
    )
    return session.scalar(wanted.with_for_update() if held else wanted)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("ascii")).digest()
