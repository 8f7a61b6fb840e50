"""Proof of possession: whoever claims a shop is there. A visit that staff record, or a code posted to its address.

The letter's code has eight characters of thirty (39 bits); only a slow digest of it is kept (scrypt, RFC 7914), five
wrong tries spend it, and after sixty days it is worth nothing. Entering it does not verify: staff still decide.
"""

import datetime as dt
import hashlib
import hmac
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from citylife.accounts.merchants import Merchant
from citylife.audit import Actor, note
from citylife.clock import local_date
from citylife.errors import Invalid, Refusal
from citylife.letters import LetterKind
from citylife.shops.claims import held_claim, tell_claimant, verify_shop
from citylife.shops.tables import ClaimStatus, PostedCode, Proof, Shop, ShopClaim
from citylife.text import check_line

LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""What a code is made of: nothing that is mistaken for another on paper (0 and O, 1, I and L, U and V)."""
LENGTH: Final = 8
TRIES: Final = 5
LIFETIME: Final = dt.timedelta(days=60)
LONGEST_NOTE: Final = 200


class VisitRefused(Invalid):
    """A visit that has not been made yet."""

    slug = "visit-refused"
    title = "Visite refusée"
    sentence = "La visite doit avoir déjà eu lieu."


class NotProved(Refusal):
    """The code of the letter was not entered."""

    slug = "possession-not-proved"
    status = 409
    title = "Possession non prouvée"
    sentence = "Le code posté n’a pas encore été saisi par le commerçant."


class NoCodePosted(Refusal):
    """No code was posted for the claim."""

    slug = "no-code-posted"
    status = 409
    title = "Aucun code posté"
    sentence = "Aucun code n’a été posté pour ce commerce."


class CodeOver(Refusal):
    """The code of the letter can no longer be entered."""

    slug = "posted-code-over"
    status = 409
    title = "Code périmé"
    sentence = "Ce code ne sert plus. Demandez une nouvelle lettre."


class CodeWrong(Invalid):
    """It is not the code of the letter."""

    slug = "posted-code-wrong"
    title = "Code inexact"
    sentence = "Ce n’est pas le code de la lettre. Essais restants : {left}."


class AnotherClaim(Refusal):
    """The claim that waits is not the one that was read."""

    slug = "another-claim"
    status = 409
    title = "Autre demande"
    sentence = "Une autre demande attend pour ce commerce : lisez-la avant de décider."


@dataclass(frozen=True, slots=True)
class Visit:
    """On which day somebody went to the shop, and who saw it, in a few words."""

    on: dt.date
    seen_by: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of an entered code: right, since when, and how many tries are left when it was not."""

    entered_at: dt.datetime | None
    left: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim with who made it and, where one was posted, the state of its code."""

    claim: ShopClaim
    merchant: Merchant
    code: PostedCode | None


def check_is_read(session: Session, shop: Shop, claim_id: uuid.UUID | None) -> None:
    """Go on only where the claim that waits is the one that was read; it is held until the transaction ends.

    Raises:
        NotClaimed: no claim waits for an answer. AnotherClaim: another one does.
    """
    if held_claim(session, shop).id != claim_id:
        raise AnotherClaim


def verify_by_visit(
    session: Session,
    shop: Shop,
    visit: Visit,
    *,
    now: dt.datetime,
    actor: Actor = Actor.STAFF,
    actor_id: uuid.UUID | None = None,
) -> Shop:
    """Accept the pending claim on the proof of a visit, which is recorded with it; its claimant is written so.

    Raises:
        NotClaimed: no claim waits for an answer.
        VisitRefused: its day is to come. TextRefused: nothing says who saw the shop.
    """
    seen_by = check_line(visit.seen_by, pointer="/visit/seen_by", most=LONGEST_NOTE)
    if visit.on > local_date(now):
        raise VisitRefused(pointer="/visit/date")
    claim = held_claim(session, shop)
    claim.visited_on, claim.seen_by = visit.on, seen_by
    tell_claimant(session, claim, shop, LetterKind.CLAIM_ACCEPTED, now=now)
    return verify_shop(session, shop, proof=Proof.VISIT, now=now, actor=actor, actor_id=actor_id)


def verify_by_code(
    session: Session,
    shop: Shop,
    *,
    now: dt.datetime,
    actor: Actor = Actor.STAFF,
    actor_id: uuid.UUID | None = None,
) -> Shop:
    """Accept the pending claim once the code of the letter was entered; its claimant is written so.

    Raises:
        NotClaimed: no claim waits for an answer.
        NotProved: the code was not entered.
    """
    claim = held_claim(session, shop)
    code = session.get(PostedCode, claim.id, populate_existing=True)
    if code is None or code.entered_at is None:
        raise NotProved
    tell_claimant(session, claim, shop, LetterKind.CLAIM_ACCEPTED, now=now)
    return verify_shop(session, shop, proof=Proof.POSTED_CODE, now=now, actor=actor, actor_id=actor_id)


def post_code(
    session: Session,
    shop: Shop,
    *,
    now: dt.datetime,
    actor: Actor = Actor.STAFF,
    actor_id: uuid.UUID | None = None,
) -> str:
    """A fresh code for the letter to the claimed shop, told once and never stored; one posted before is worth nothing.

    Raises:
        NotClaimed: no claim waits for an answer.
    """
    claim = held_claim(session, shop)
    code = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
    salt = secrets.token_bytes(16)
    posted = session.get(PostedCode, claim.id, with_for_update=True, populate_existing=True)
    if posted is None:
        posted = PostedCode(claim_id=claim.id)
        session.add(posted)
    posted.salt, posted.digest = salt, _digest(code, salt)
    posted.made_at, posted.expires_at = now, now + LIFETIME
    posted.failed, posted.entered_at = 0, None
    note(session, "shop.code-made", shop.id, actor=actor, actor_id=actor_id, now=now)
    session.flush()
    return code


def enter_code(session: Session, shop: Shop, said: str, *, now: dt.datetime, actor_id: uuid.UUID) -> Trial:
    """Enter the code of the letter, in capitals or not, with blanks or without; entered once, it stays entered.

    A wrong one is counted, not raised: the caller commits the count before saying `CodeWrong`.

    Raises:
        NotClaimed: no claim waits for an answer. NoCodePosted: none was posted.
        CodeOver: five tries failed, or sixty days have passed.
    """
    claim = held_claim(session, shop)
    posted = session.get(PostedCode, claim.id, with_for_update=True, populate_existing=True)
    if posted is None:
        raise NoCodePosted
    if posted.entered_at is not None:
        return Trial(posted.entered_at, TRIES - posted.failed)
    if posted.failed >= TRIES or posted.expires_at <= now:
        raise CodeOver
    plain = "".join(said.split()).replace("-", "").upper()
    if hmac.compare_digest(_digest(plain, posted.salt), posted.digest):
        posted.entered_at = now
        note(session, "shop.code-entered", shop.id, actor=Actor.MERCHANT, actor_id=actor_id, now=now)
    else:
        posted.failed += 1
        if posted.failed >= TRIES:
            note(session, "shop.code-spent", shop.id, actor=Actor.MERCHANT, actor_id=actor_id, now=now)
    session.flush()
    return Trial(posted.entered_at, TRIES - posted.failed)


def pending_claims(session: Session, shop_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Claim]:
    """The claims of these shops that wait for an answer, by shop."""
    rows = session.execute(
        select(ShopClaim, Merchant, PostedCode)
        .join(Merchant, Merchant.id == ShopClaim.merchant_id)
        .outerjoin(PostedCode, PostedCode.claim_id == ShopClaim.id)
        .where(ShopClaim.shop_id.in_(shop_ids), ShopClaim.status == ClaimStatus.PENDING)
    )
    return {claim.shop_id: Claim(claim, merchant, code) for claim, merchant, code in rows}


def _digest(code: str, salt: bytes) -> bytes:
    return hashlib.scrypt(code.encode(), salt=salt, n=2**14, r=8, p=1, dklen=32)
