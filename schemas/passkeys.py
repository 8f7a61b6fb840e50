"""Passkeys: what a browser's Web Authentication is given and answers (level 3, 5.1), and what an account reads of hers.

The names inside are the standard's own, so that `PublicKeyCredential` reads and writes them without being translated.
"""
# ruff: noqa: N815 - the standard's names

import base64
from collections.abc import Sequence
from typing import Any, Final

from marshmallow import EXCLUDE

from citylife.accounts.passkeys import ALGORITHMS, CHALLENGE_LIFE, Creation, Site
from citylife.accounts.sessions import AccountKind
from schemas.fields import Identity, Moment, OneOf, Part, Resource, Said, Several, Text, Truth, Whole

TIMEOUT: Final = int(CHALLENGE_LIFE.total_seconds() * 1000)
LONGEST_PART: Final = 8192
"""The characters of one part of a credential, at most: attestations with certificates take some three thousand."""

PUBLIC_KEY: Final = "public-key"
REQUIRED: Final = "required"
AN_ADDRESS: Final = "camille@boulangerie.example"
A_CREDENTIAL: Final = "AY1nq2m0x8sQ5vJwqUeB3tZc"
A_CHALLENGE: Final = "v3jZ4mT0mS8bq7yq2cX0Ww6lGQkq1zM3o7m1Jm0u9xg"
SOME_BYTES: Final = "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0In0"


class PasskeyAccountSchema(Resource):
    """Which of the accounts that this browser is signed in to, where there are two."""

    kind = OneOf(AccountKind, data_key="for", load_default=None)


class RelyingPartySchema(Resource):
    """The site that a passkey is bound to."""

    id = Said(metadata={"example": "citylife.example"})
    name = Said(metadata={"example": "Citylife"})


class PasskeyUserSchema(Resource):
    """What the device calls the account; `id` is base64url, and says nothing of a person."""

    id = Said(metadata={"example": A_CREDENTIAL})
    name = Said(metadata={"example": AN_ADDRESS})
    displayName = Said(metadata={"example": AN_ADDRESS})


class PasskeyAlgorithmSchema(Resource):
    """What a passkey may sign with, as COSE numbers it."""

    type = Said(metadata={"example": PUBLIC_KEY})
    alg = Whole(metadata={"example": -7})


class KnownCredentialSchema(Resource):
    """A passkey that the account has already."""

    type = Said(metadata={"example": PUBLIC_KEY})
    id = Said(metadata={"example": A_CREDENTIAL})


class AuthenticatorWishSchema(Resource):
    """What kind of passkey is wanted."""

    residentKey = Said(metadata={"example": REQUIRED})
    userVerification = Said(metadata={"example": REQUIRED})


class PasskeyCreationSchema(Resource):
    """PublicKeyCredentialCreationOptionsJSON: what `navigator.credentials.create` is given."""

    challenge = Said(metadata={"description": "base64url, good once and for five minutes", "example": A_CHALLENGE})
    rp = Part(RelyingPartySchema)
    user = Part(PasskeyUserSchema)
    pubKeyCredParams = Several(Part(PasskeyAlgorithmSchema))
    excludeCredentials = Several(Part(KnownCredentialSchema))
    authenticatorSelection = Part(AuthenticatorWishSchema)
    timeout = Whole(metadata={"description": "Milliseconds"})
    attestation = Said(metadata={"example": "none"})


class PasskeyRequestSchema(Resource):
    """PublicKeyCredentialRequestOptionsJSON: what `navigator.credentials.get` is given."""

    challenge = Said(metadata={"description": "base64url, good once and for five minutes", "example": A_CHALLENGE})
    rpId = Said(metadata={"example": "citylife.example"})
    userVerification = Said(metadata={"example": REQUIRED})
    timeout = Whole(metadata={"description": "Milliseconds"})


class BrowsersOwn(Resource):
    """An object that browsers make; what they say in it besides is not needed."""

    class Meta:
        """What is not named here is left out."""

        unknown = EXCLUDE


class AttestationSchema(BrowsersOwn):
    """What a device says of the passkey it has made."""

    clientDataJSON = Text(required=True, longest=LONGEST_PART, metadata={"example": SOME_BYTES})
    attestationObject = Text(required=True, longest=LONGEST_PART, metadata={"example": SOME_BYTES})


class AssertionSchema(BrowsersOwn):
    """What a device has signed."""

    clientDataJSON = Text(required=True, longest=LONGEST_PART, metadata={"example": SOME_BYTES})
    authenticatorData = Text(required=True, longest=LONGEST_PART, metadata={"example": SOME_BYTES})
    signature = Text(required=True, longest=LONGEST_PART, metadata={"example": SOME_BYTES})
    userHandle = Text(load_default=None, allow_none=True, longest=200, metadata={"example": A_CREDENTIAL})


class RegistrationSchema(BrowsersOwn):
    """RegistrationResponseJSON: what `navigator.credentials.create` has answered."""

    id = Text(required=True, longest=LONGEST_PART, metadata={"example": A_CREDENTIAL})
    rawId = Text(required=True, longest=LONGEST_PART, metadata={"example": A_CREDENTIAL})
    type = Text(required=True, longest=40, metadata={"example": PUBLIC_KEY})
    response = Part(AttestationSchema, required=True)


class AuthenticationSchema(BrowsersOwn):
    """AuthenticationResponseJSON: what `navigator.credentials.get` has answered."""

    id = Text(required=True, longest=LONGEST_PART, metadata={"example": A_CREDENTIAL})
    rawId = Text(required=True, longest=LONGEST_PART, metadata={"example": A_CREDENTIAL})
    type = Text(required=True, longest=40, metadata={"example": PUBLIC_KEY})
    response = Part(AssertionSchema, required=True)


class NewPasskeySchema(PasskeyAccountSchema):
    """A passkey to keep."""

    credential = Part(RegistrationSchema, required=True)


class PasskeySignInSchema(Resource):
    """A passkey that proves who is asking."""

    credential = Part(AuthenticationSchema, required=True)
    cookie = Truth(
        load_default=False,
        metadata={"description": "Keep the session in an HttpOnly cookie, which no script reads; from our pages only"},
    )


class PasskeySchema(Resource):
    """A passkey of an account."""

    id = Identity()
    kind = OneOf(AccountKind, data_key="for")
    browser = Said(metadata={"description": "The family of the browser that made it, or nothing"})
    created_at = Moment()
    used_at = Moment(allow_none=True, metadata={"description": "To the hour; null where it never was"})


def creation(begun: Creation, site: Site, *, email: str) -> dict[str, Any]:
    """What a device is given to make a passkey, for PasskeyCreationSchema."""
    return {
        "challenge": base64url(begun.challenge),
        "rp": {"id": site.id, "name": "Citylife"},
        "user": {"id": base64url(begun.handle), "name": email, "displayName": email},
        "pubKeyCredParams": [{"type": PUBLIC_KEY, "alg": number} for number in ALGORITHMS],
        "excludeCredentials": _known(begun.known),
        "authenticatorSelection": {"residentKey": REQUIRED, "userVerification": REQUIRED},
        "timeout": TIMEOUT,
        "attestation": "none",
    }


def request(challenge: bytes, site: Site) -> dict[str, Any]:
    """What a device is given to prove who holds it, for PasskeyRequestSchema."""
    return {
        "challenge": base64url(challenge),
        "rpId": site.id,
        "userVerification": REQUIRED,
        "timeout": TIMEOUT,
    }


def base64url(value: bytes) -> str:
    """Bytes as Web Authentication writes them into JSON: base64url without padding."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _known(credentials: Sequence[bytes]) -> list[dict[str, str]]:
    return [{"type": PUBLIC_KEY, "id": base64url(credential)} for credential in credentials]
