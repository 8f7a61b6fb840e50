"""Declared uses: a shop says by one tap that an offer was used without a code; counted by day, apart from the till's.

What is kept is a number for an offer and a day, of class C (declared): no citizen, no moment. So that a tap can be
taken back for ten seconds without keeping when it was made, whoever made it is handed a token that says so, under a
MAC of the instance's secret (HMAC-SHA-256); that it was taken back is remembered as any answer is.
"""

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import uuid
from dataclasses import dataclass
from typing import ClassVar, Final

from sqlalchemy.orm import Session

from citylife.activity import Counted, count
from citylife.answers import begin_answer, keep_answer
from citylife.clock import local_date
from citylife.database import new_id
from citylife.errors import Absent, Refusal
from citylife.ledger.messages import UNDO
from citylife.offers.tables import Offer
from citylife.redemptions import gives_codes

MAC: Final = 32
_MOMENT: Final = 8
_ID: Final = 16
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)


class NothingToDeclare(Refusal):
    """What is announced is not (or no longer) something that is had in the shop."""

    slug: ClassVar[str] = "nothing-to-declare"
    title: ClassVar[str] = "Rien à déclarer"
    sentence: ClassVar[str] = "Une utilisation se déclare pour une offre, tant qu’elle est en cours."


class DeclaredTooLong(Refusal):
    """A declared use was taken back later than ten seconds after it."""

    slug: ClassVar[str] = "declared-too-long-ago"
    title: ClassVar[str] = "Trop tard pour annuler"
    sentence: ClassVar[str] = "Une utilisation déclarée s’annule dans les {seconds} secondes."


@dataclass(frozen=True, slots=True)
class Declared:
    """A use that was declared: of which offer, on which day (Paris), and what takes it back, until when."""

    offer_id: uuid.UUID
    day: dt.date
    undo: str
    undo_until: dt.datetime


def declare_use(session: Session, offer: Offer, *, secret: str, now: dt.datetime) -> Declared:
    """Count one use of a live offer, as declared.

    Raises:
        NothingToDeclare: it is no offer, or it is over.
    """
    if not gives_codes(offer, now=now):
        raise NothingToDeclare
    count(session, Counted.DECLARED_USES, offer.id, now=now)
    return Declared(offer.id, local_date(now), _token(offer.id, now, secret), now + UNDO)


def undo_declared(session: Session, offer: Offer, undo: str, *, secret: str, now: dt.datetime) -> dt.date:
    """Take a declared use back within ten seconds; the day it was counted on. A second time changes nothing.

    Raises:
        Absent: the token is of no declared use of this offer. DeclaredTooLong: ten seconds have passed.
    """
    declared_at, key = _read(offer.id, undo, secret)
    if not declared_at <= now <= declared_at + UNDO:
        raise DeclaredTooLong(seconds=UNDO.seconds)
    caller, name = f"shop:{offer.shop_id}", f"undeclared:{key}"
    if begin_answer(session, caller, name, hashlib.sha256(undo.encode()).digest(), now=now) is None:
        count(session, Counted.DECLARED_USES, offer.id, now=declared_at, by=-1)
        keep_answer(session, caller, name, status=200, headers={}, body=b"", secret=False)
    return local_date(declared_at)


def _token(offer_id: uuid.UUID, moment: dt.datetime, secret: str) -> str:
    said = ((moment - _EPOCH) // _MICROSECOND).to_bytes(_MOMENT) + new_id().bytes
    return base64.urlsafe_b64encode(said + _mac(offer_id, said, secret)).rstrip(b"=").decode("ascii")


def _read(offer_id: uuid.UUID, undo: str, secret: str) -> tuple[dt.datetime, uuid.UUID]:
    """When it was declared, and the key of that one tap.

    Raises:
        Absent: this instance never made the token, or for another offer.
    """
    try:
        read = base64.urlsafe_b64decode(undo.encode("ascii") + b"=" * (-len(undo) % 4))
    except (UnicodeEncodeError, binascii.Error):
        raise Absent from None
    said, mac = read[:-MAC], read[-MAC:]
    if len(said) != _MOMENT + _ID or not hmac.compare_digest(mac, _mac(offer_id, said, secret)):
        raise Absent
    return _EPOCH + int.from_bytes(said[:_MOMENT]) * _MICROSECOND, uuid.UUID(bytes=said[_MOMENT:])


def _mac(offer_id: uuid.UUID, said: bytes, secret: str) -> bytes:
    return hmac.digest(secret.encode(), b"declared use\n" + offer_id.bytes + said, "sha256")
