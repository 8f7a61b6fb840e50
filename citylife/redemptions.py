"""Till codes: a citizen takes one for an offer, shows it at the till, and the shop marks it used, once.

What is kept of a code names nobody: only its digest, the offer, where it was given and the arm of the draw, and when it
was used. That she took one is kept apart, until the offer is over. Her code is computed from the two and the secret of
the instance whenever her page asks for it, so that the tables alone lead from neither to the other (ADR 40).
"""

import datetime as dt
import hmac
import re
import uuid
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, Final

from sqlalchemy import ColumnElement, ForeignKey, Index, LargeBinary, exists, select, update
from sqlalchemy.orm import InstrumentedAttribute, Mapped, Session, mapped_column

from citylife.accounts.citizens import Citizen, hold
from citylife.accounts.merchants import Membership
from citylife.activity import Counted, count
from citylife.clock import PARIS
from citylife.database import Base, Choice, Identifier
from citylife.errors import NotYours, Refusal
from citylife.forgetting import BATCH, forget_some
from citylife.ledger.tables import Arm, Decision, Message
from citylife.limits import Limit
from citylife.moments import clock_words
from citylife.offers.tables import Offer, OfferKind, OfferStatus
from citylife.shops.tables import Shop, ShopStatus
from citylife.upserts import insert_unless_there

LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Nothing that is misread for another: no 0, 1, I, L, O nor U."""
LENGTH: Final = 6
GROUP: Final = 3
CODES: Final = len(LETTERS) ** LENGTH
"""How many codes there are: 729 million."""
MOST_DRAWINGS: Final = 20
"""After how many codes that others already have it is given up: among a million, one time in 10^57."""
TAKING_KEPT: Final = dt.timedelta(days=1)
CODE_KEPT: Final = dt.timedelta(weeks=13)
GUESSES: Final = Limit("till-guesses", 20, dt.timedelta(hours=1))
"""How many codes nobody knows a merchant may type: enough for tired eyes, too few to find one by chance."""

_SEPARATORS: Final = str.maketrans("", "", " -\N{NO-BREAK SPACE}\N{EN DASH}")
_CODE: Final = re.compile(f"[{LETTERS}]{{{LENGTH}}}")


class Surface(Enum):
    """Where a code was given."""

    PHONE = "phone"
    PAPER = "paper"
    SCREEN = "screen"
    MAIL = "mail"


class TillTaking(Base):
    """That a citizen took a code for an offer; `drawing` says which of the codes that were drawn for her is hers."""

    __tablename__ = "till_takings"
    __table_args__ = ({"sqlite_with_rowid": False},)

    citizen_id: Mapped[uuid.UUID] = mapped_column(
        Identifier(), ForeignKey("citizens.id", ondelete="CASCADE"), primary_key=True
    )
    offer_id: Mapped[uuid.UUID] = mapped_column(Identifier(), ForeignKey("offers.id"), primary_key=True)
    drawing: Mapped[int]


class TillCode(Base):
    """A code by its digest: neither whose it is nor when it was given, lest one be found by the other."""

    __tablename__ = "till_codes"
    __table_args__ = (Index("ix_till_codes_used_at", "used_at"), {"sqlite_with_rowid": False})

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    offer_id: Mapped[uuid.UUID] = mapped_column(Identifier(), ForeignKey("offers.id"), index=True)
    surface: Mapped[Surface] = mapped_column(Choice(Surface))
    arm: Mapped[Arm] = mapped_column(Choice(Arm))
    used_at: Mapped[dt.datetime | None]


class NoCodeHere(Refusal):
    """What is announced is not (or no longer) something to be had at a till."""

    slug: ClassVar[str] = "no-till-code"
    title: ClassVar[str] = "Pas de code pour cette annonce"
    sentence: ClassVar[str] = "Un code de caisse se prend pour une offre, tant qu’elle est en cours."


class CodeUnknown(NotYours):
    """No such code was given for the merchant's shops; one of another's shop is answered just so."""

    slug: ClassVar[str] = "till-code-unknown"
    title: ClassVar[str] = "Code inconnu"
    sentence: ClassVar[str] = "Aucun client de vos commerces n’a reçu ce code. Vérifiez ses six caractères."


class CodeUsed(Refusal):
    """The code was used before."""

    slug: ClassVar[str] = "till-code-used"
    title: ClassVar[str] = "Code déjà utilisé"
    sentence: ClassVar[str] = "Ce code a déjà servi le {day} à {time}."


class CodeOver(Refusal):
    """The code's offer is over: ended, sold out, or taken back."""

    slug: ClassVar[str] = "till-code-over"
    status: ClassVar[int] = 410
    title: ClassVar[str] = "Offre terminée"
    sentence: ClassVar[str] = "L’offre de ce code est terminée : il ne vaut plus rien."


@dataclass(frozen=True, slots=True)
class HeldCode:
    """A citizen's own code, as she shows it, and when it was used."""

    code: str
    used_at: dt.datetime | None

    @property
    def shown(self) -> str:
        """The code in two groups of three."""
        return grouped(self.code)


@dataclass(frozen=True, slots=True)
class Redemption:
    """A code that was used just now, for which offer of which shop."""

    offer: Offer
    shop: Shop
    used_at: dt.datetime


def gives_codes(offer: Offer, *, now: dt.datetime) -> bool:
    """Whether a code may be taken and used for an offer; events and news are not had at a till."""
    return offer.kind is OfferKind.OFFER and offer.status is OfferStatus.LIVE and now < offer.ends_at


def take_code(session: Session, citizen: Citizen, offer: Offer, *, secret: str, now: dt.datetime) -> HeldCode:
    """Her code for an offer: a new one, or the one she has; she never has two.

    Raises:
        NoCodeHere: it is no offer, or it is over.
        Absent: she was erased.
    """
    if not gives_codes(offer, now=now):
        raise NoCodeHere
    hold(session, citizen.id)
    held = held_code(session, citizen.id, offer.id, secret=secret)
    if held is not None:
        return held
    arm = _arm_of(session, citizen.id, offer.id)
    for drawing in range(MOST_DRAWINGS):
        code = _drawn(citizen.id, offer.id, drawing, secret)
        values = {"offer_id": offer.id, "surface": Surface.PHONE, "arm": arm, "used_at": None}
        if insert_unless_there(session, TillCode, digest=_digest(code, secret), **values):
            session.merge(TillTaking(citizen_id=citizen.id, offer_id=offer.id, drawing=drawing))
            session.flush()
            return HeldCode(code, None)
    raise NoCodeHere


def held_code(session: Session, citizen_id: uuid.UUID, offer_id: uuid.UUID, *, secret: str) -> HeldCode | None:
    """The code she took for an offer, computed anew; None where she took none, or under a secret that is gone."""
    taking = session.get(TillTaking, (citizen_id, offer_id), populate_existing=True)
    if taking is None:
        return None
    code = _drawn(citizen_id, offer_id, taking.drawing, secret)
    row = session.get(TillCode, _digest(code, secret), populate_existing=True)
    return None if row is None else HeldCode(code, row.used_at)


def redeem(session: Session, merchant_id: uuid.UUID, written: str, *, secret: str, now: dt.datetime) -> Redemption:
    """Mark a code used, for a merchant of the shop that it is of; of two tills at the same moment one is told so.

    Raises:
        CodeUnknown: no such code was given for a shop of hers.
        CodeUsed: it was used before; the sentence says when.
        CodeOver: its offer is over.
    """
    digest = _digest(read_code(written), secret)
    row = session.execute(
        select(TillCode.used_at, Offer, Shop)
        .join(Offer, Offer.id == TillCode.offer_id)
        .join(Shop, Shop.id == Offer.shop_id)
        .join(Membership, Membership.shop_id == Shop.id)
        .where(TillCode.digest == digest, Membership.merchant_id == merchant_id, Membership.ended_at.is_(None))
        .execution_options(populate_existing=True)
    ).first()
    if row is None:
        raise CodeUnknown(pointer="/code")
    used_at, offer, shop = row[0], row[1], row[2]
    if used_at is None:
        if shop.status is not ShopStatus.VERIFIED or not gives_codes(offer, now=now):
            raise CodeOver(pointer="/code")
        unused = TillCode.digest == digest, TillCode.used_at.is_(None)
        if session.execute(update(TillCode).where(*unused).values(used_at=now).returning(TillCode.digest)).first():
            count(session, Counted.TILL_USES, offer.id, now=now)
            return Redemption(offer, shop, now)
        used_at = session.scalar(select(TillCode.used_at).where(TillCode.digest == digest)) or now
    local = used_at.astimezone(PARIS)
    raise CodeUsed(pointer="/code", day=local.date(), time=clock_words(local.time()))


def read_code(written: str) -> str:
    """The code as it was drawn, from what was typed or scanned: any case, with or without blanks and hyphens.

    Raises:
        CodeUnknown: no code is written so.
    """
    code = written.upper().translate(_SEPARATORS)
    if not _CODE.fullmatch(code):
        raise CodeUnknown(pointer="/code")
    return code


def grouped(code: str) -> str:
    """A code in two groups of three, as it is shown and read out."""
    return f"{code[:GROUP]}-{code[GROUP:]}"


def forget_takings(session: Session, *, now: dt.datetime, most: int = BATCH) -> int:
    """Delete that somebody took a code, a day after the offer's end, at most `most`; how many."""
    return forget_some(session, TillTaking, _of_offers(TillTaking.offer_id, now - TAKING_KEPT), most=most)


def forget_codes(session: Session, *, now: dt.datetime, most: int = BATCH) -> int:
    """Delete codes a quarter after their offer's end, at most `most`; how many. What was used stays counted by day."""
    return forget_some(session, TillCode, _of_offers(TillCode.offer_id, now - CODE_KEPT), most=most)


def _of_offers(offer_id: InstrumentedAttribute[Any], ended_before: dt.datetime) -> ColumnElement[bool]:
    return exists(select(Offer.id).where(Offer.id == offer_id, Offer.ends_at < ended_before).correlate_except(Offer))


def _arm_of(session: Session, citizen_id: uuid.UUID, offer_id: uuid.UUID) -> Arm:
    """In which arm of the draw the announcement of an offer fell for her (index `ix_messages_offer`)."""
    arm = session.scalar(
        select(Decision.arm)
        .join(Message, Message.id == Decision.message_id)
        .where(Message.offer_id == offer_id, Decision.citizen_id == citizen_id, Decision.arm != Arm.NONE)
        .limit(1)
    )
    return arm or Arm.NONE


def _drawn(citizen_id: uuid.UUID, offer_id: uuid.UUID, drawing: int, secret: str) -> str:
    """One of the codes of a citizen and an offer; whoever lacks the secret cannot tell it from chance."""
    mac = hmac.digest(secret.encode(), f"till code of\n{citizen_id}\n{offer_id}\n{drawing}".encode(), "sha256")
    number, letters = int.from_bytes(mac) % CODES, ""
    for _ in range(LENGTH):
        number, at = divmod(number, len(LETTERS))
        letters += LETTERS[at]
    return letters


def _digest(code: str, secret: str) -> bytes:
    return hmac.digest(secret.encode(), f"till code\n{code}".encode(), "sha256")
