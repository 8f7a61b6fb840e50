"""Passkeys (W3C Web Authentication, level 3): merchants and staff come in by what unlocks their own device.

A passkey's private half never leaves the device that made it, or the keyring of its maker; here stands its public half.
Each ceremony starts with a challenge of 256 bits, good once and for five minutes. The device must have seen who holds
it (a finger, a face, a code): the passkey then stands for her alone, and nothing of how she proved it comes here.
"""

import base64
import datetime as dt
import hashlib
import json
import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, Select, String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.sql import ColumnElement

from citylife.accounts.sessions import Account, AccountKind
from citylife.accounts.staff import staff_member
from citylife.database import Base, Identifier, new_id
from citylife.errors import Absent, Refusal, TooMany
from citylife.forgetting import BATCH, forget_some

CHALLENGE_LIFE: Final = dt.timedelta(minutes=5)
MOST_PASSKEYS: Final = 10
"""How many passkeys an account may have: a phone, a desktop, a colleague's loan, and room to spare."""
LONGEST_CREDENTIAL: Final = 1023
"""The bytes of a credential's id, at most (level 3, 4: Credential ID)."""
ALGORITHMS: Final = (-8, -7, -257)
"""What a passkey may sign with, as COSE numbers it, best first: Ed25519, ECDSA on P-256, RSA with SHA-256."""
_CREATING: Final = "webauthn.create"
_SIGNING_IN: Final = "webauthn.get"


class Passkey(Base):
    """The public half of a passkey, and whose it is; `sign_count` is what its device last counted, 0 where it does not.

    `browser` is the family of the browser that made it; `used_at` is seen by the hour.
    """

    __tablename__ = "passkeys"
    __table_args__ = (
        CheckConstraint("(merchant_id IS NULL) <> (staff_id IS NULL)", name="one_account"),
        Index("ix_passkeys_merchant", "merchant_id"),
        Index("ix_passkeys_staff", "staff_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    credential_id: Mapped[bytes] = mapped_column(LargeBinary(LONGEST_CREDENTIAL), unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger)
    merchant_id: Mapped[uuid.UUID | None] = mapped_column(Identifier(), ForeignKey("merchants.id", ondelete="CASCADE"))
    staff_id: Mapped[uuid.UUID | None] = mapped_column(Identifier(), ForeignKey("staff.id", ondelete="CASCADE"))
    browser: Mapped[str] = mapped_column(String(24), default="")
    created_at: Mapped[dt.datetime]
    used_at: Mapped[dt.datetime | None]

    @property
    def account(self) -> Account:
        """Whose it is."""
        if self.merchant_id is not None:
            return Account(AccountKind.MERCHANT, self.merchant_id)
        if self.staff_id is None:
            raise ValueError("a passkey of nobody")
        return Account(AccountKind.STAFF, self.staff_id)


class PasskeyChallenge(Base):
    """A ceremony that has begun; `account_id` is who makes a passkey, None where nobody is known yet."""

    __tablename__ = "passkey_challenges"
    __table_args__ = (Index("ix_passkey_challenges_expires_at", "expires_at"),)

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    account_id: Mapped[uuid.UUID | None] = mapped_column(Identifier())
    expires_at: Mapped[dt.datetime]


class PasskeyRefused(Refusal):
    """A passkey proves nothing: unknown, removed, of another site, or its ceremony is over. Which is not said."""

    slug: ClassVar[str] = "passkey-refused"
    status: ClassVar[int] = 422
    title: ClassVar[str] = "Clé d’accès refusée"
    sentence: ClassVar[str] = "Cette clé d’accès n’a pas été reconnue. Réessayez, ou demandez un courriel."


class TooManyPasskeys(TooMany):
    """An account has all the passkeys it may have."""

    slug = "too-many-passkeys"
    title = "Trop de clés d’accès"
    sentence = "Au plus {most} clés d’accès peuvent servir en même temps : retirez-en une."


@dataclass(frozen=True, slots=True)
class Site:
    """What passkeys are bound to: a host name, and the origin that pages of ours have."""

    id: str
    origin: str


@dataclass(frozen=True, slots=True)
class Creation:
    """What a device needs to make a passkey: the challenge, what it knows the account by, and what it has already."""

    challenge: bytes
    handle: bytes
    known: Sequence[bytes]


def site_of(base_url: str) -> Site:
    """The site of a base URL, which every passkey made there is bound to."""
    parts = urlsplit(base_url)
    return Site(parts.hostname or "", f"{parts.scheme}://{parts.netloc}")


def handle_of(account: Account) -> bytes:
    """What a device knows an account by: 17 bytes that say nothing of a person."""
    return account.kind.value[:1].encode() + account.id.bytes


def begin_passkey(session: Session, account: Account, *, now: dt.datetime) -> Creation:
    """Begin to make a passkey for an account.

    Raises:
        TooManyPasskeys: it has all it may have.
    """
    known = [passkey.credential_id for passkey in passkeys_of(session, account)]
    if len(known) >= MOST_PASSKEYS:
        raise TooManyPasskeys(most=MOST_PASSKEYS)
    return Creation(_begun(session, account.id, now=now), handle_of(account), known)


def begin_sign_in(session: Session, *, now: dt.datetime) -> bytes:
    """The challenge for whoever is about to sign in; her device knows who she is."""
    return _begun(session, None, now=now)


def add_passkey(
    session: Session, account: Account, said: Mapping[str, Any], *, site: Site, browser: str = "", now: dt.datetime
) -> Passkey:
    """Keep the passkey that a device has made for an account.

    `said` is a RegistrationResponseJSON (level 3, 5.1.8.1). The caller commits also when this refuses: the challenge is
    used up.

    Raises:
        PasskeyRefused: it answers no challenge of this account, is of another site, or is kept already.
        TooManyPasskeys: the account has all it may have.
    """
    from webauthn import verify_registration_response  # noqa: PLC0415 - seven megabytes that few requests need

    challenge = _taken(session, said, _CREATING, account.id, now=now)
    try:
        made = verify_registration_response(
            credential=dict(said),
            expected_challenge=challenge,
            expected_rp_id=site.id,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except Exception as error:  # whatever a stranger's bytes break in there, they prove nothing
        raise PasskeyRefused from error
    if len(passkeys_of(session, account)) >= MOST_PASSKEYS:
        raise TooManyPasskeys(most=MOST_PASSKEYS)
    kept = session.scalar(select(Passkey.id).where(Passkey.credential_id == made.credential_id))
    if kept is not None or len(made.credential_id) > LONGEST_CREDENTIAL:
        raise PasskeyRefused
    passkey = Passkey(
        id=new_id(),
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        merchant_id=account.id if account.kind is AccountKind.MERCHANT else None,
        staff_id=account.id if account.kind is AccountKind.STAFF else None,
        browser=browser,
        created_at=now,
    )
    session.add(passkey)
    session.flush()
    return passkey


def use_passkey(session: Session, said: Mapping[str, Any], *, site: Site, now: dt.datetime) -> Account:
    """The account that a passkey opens.

    `said` is an AuthenticationResponseJSON (level 3, 5.1.8.2). The caller commits also when this refuses: the challenge
    is used up.

    Raises:
        PasskeyRefused: it opens nothing, or answers no challenge that stands; or she is of the staff no more.
    """
    from webauthn import verify_authentication_response  # noqa: PLC0415 - seven megabytes that few requests need

    challenge = _taken(session, said, _SIGNING_IN, None, now=now)
    try:
        credential_id = _bytes_of(said.get("rawId"))
        handle = _bytes_of(said["response"].get("userHandle") or "")
    except ValueError:
        raise PasskeyRefused from None
    passkey = session.scalar(select(Passkey).where(Passkey.credential_id == credential_id).with_for_update())
    if passkey is None or handle not in {b"", handle_of(passkey.account)}:
        raise PasskeyRefused
    account = passkey.account
    try:
        proved = verify_authentication_response(
            credential=dict(said),
            expected_challenge=challenge,
            expected_rp_id=site.id,
            expected_origin=site.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except Exception as error:  # whatever a stranger's bytes break in there, they prove nothing
        raise PasskeyRefused from error
    if account.kind is AccountKind.STAFF and staff_member(session, account.id) is None:
        raise PasskeyRefused
    passkey.sign_count = proved.new_sign_count
    passkey.used_at = now.replace(minute=0, second=0, microsecond=0)
    session.flush()
    return account


def passkeys_of(session: Session, account: Account) -> Sequence[Passkey]:
    """The passkeys of an account, oldest first."""
    return session.scalars(select(Passkey).where(_of(account)).order_by(Passkey.id)).all()


def staff_with_passkeys() -> Select[uuid.UUID | None]:
    """Asks for who of the staff has a passkey, and so may enter the console; an invitation alone lets nobody in."""
    return select(Passkey.staff_id).where(Passkey.staff_id.is_not(None)).distinct()


def remove_passkey(session: Session, account: Account, passkey_id: uuid.UUID) -> None:
    """Take a passkey away: it opens nothing any more. What it opened goes on, and is closed apart.

    Raises:
        Absent: there is none such, or it is another's.
    """
    passkey = session.scalar(select(Passkey).where(Passkey.id == passkey_id, _of(account)))
    if passkey is None:
        raise Absent
    session.delete(passkey)
    session.flush()


def remove_passkeys(session: Session, account: Account) -> None:
    """Take every passkey of an account away."""
    session.execute(delete(Passkey).where(_of(account)))


def forget_challenges(session: Session, *, now: dt.datetime, most: int = BATCH) -> int:
    """Forget ceremonies that nobody ended, at most `most`; how many."""
    return forget_some(session, PasskeyChallenge, PasskeyChallenge.expires_at <= now, most=most)


def _begun(session: Session, account_id: uuid.UUID | None, *, now: dt.datetime) -> bytes:
    challenge = secrets.token_bytes(32)
    session.add(PasskeyChallenge(digest=_digest(challenge), account_id=account_id, expires_at=now + CHALLENGE_LIFE))
    session.flush()
    return challenge


def _taken(
    session: Session, said: Mapping[str, Any], ceremony: str, account_id: uuid.UUID | None, *, now: dt.datetime
) -> bytes:
    """The challenge that a device has answered, used up: however many answer it at the same moment, one gets it.

    Raises:
        PasskeyRefused: it is none of ours, is over, or was another's.
    """
    try:
        client_data = json.loads(_bytes_of(said.get("response", {}).get("clientDataJSON")))
        answered, challenge = client_data["type"], _bytes_of(client_data["challenge"])
    except (ValueError, TypeError, KeyError, RecursionError):
        raise PasskeyRefused from None
    whose = PasskeyChallenge.account_id
    taken = session.execute(
        delete(PasskeyChallenge)
        .where(
            PasskeyChallenge.digest == _digest(challenge),
            PasskeyChallenge.expires_at > now,
            whose.is_(None) if account_id is None else whose == account_id,
        )
        .returning(PasskeyChallenge.digest)
    ).first()
    if taken is None or answered != ceremony:
        raise PasskeyRefused
    return challenge


def _of(account: Account) -> ColumnElement[bool]:
    column = Passkey.merchant_id if account.kind is AccountKind.MERCHANT else Passkey.staff_id
    return column == account.id


def _bytes_of(said: object) -> bytes:
    """What base64url says, without padding.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(said, str) or not said.isascii():
        raise ValueError("no base64url")
    return base64.b64decode(said + "=" * (-len(said) % 4), altchars=b"-_", validate=True)


def _digest(challenge: bytes) -> bytes:
    return hashlib.sha256(challenge).digest()
