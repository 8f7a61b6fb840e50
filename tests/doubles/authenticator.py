"""A device that makes passkeys, in software: it signs as the standard says, and lies where a test asks it to."""

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tests.doubles.push_service import base64url

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


@dataclass
class Authenticator:
    """One passkey on one device, for one site and origin; `counts` is whether it counts its signatures."""

    site: str
    origin: str
    counts: bool = False
    verified: bool = True
    handle: bytes = b""
    count: int = 0
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def make(self, challenge: bytes, handle: bytes = b"") -> dict[str, Any]:
        """What `navigator.credentials.create` answers, as `toJSON` writes it."""
        self.handle = handle
        point = self.key.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        attested = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + cbor2.dumps(public)
        data = self._data(ATTESTED) + attested
        return self._answer(
            {
                "clientDataJSON": base64url(self._client_data("webauthn.create", challenge)),
                "attestationObject": base64url(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})),
                "transports": ["internal"],
            }
        )

    def prove(self, challenge: bytes, *, ceremony: str = "webauthn.get") -> dict[str, Any]:
        """What `navigator.credentials.get` answers, as `toJSON` writes it."""
        self.count += self.counts
        data, said = self._data(0), self._client_data(ceremony, challenge)
        signature = self.key.sign(data + hashlib.sha256(said).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer(
            {
                "clientDataJSON": base64url(said),
                "authenticatorData": base64url(data),
                "signature": base64url(signature),
                "userHandle": base64url(self.handle),
            }
        )

    def _data(self, flags: int) -> bytes:
        flags |= PRESENT | (VERIFIED if self.verified else 0)
        return hashlib.sha256(self.site.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _client_data(self, ceremony: str, challenge: bytes) -> bytes:
        said = {"type": ceremony, "challenge": base64url(challenge), "origin": self.origin, "crossOrigin": False}
        return json.dumps(said).encode()

    def _answer(self, response: dict[str, Any]) -> dict[str, Any]:
        own = base64url(self.credential_id)
        return {
            "id": own,
            "rawId": own,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": response,
        }
