"""What a strict push service looks at in one request, and how a browser reads its body; nothing here is ours to trust.

Written from RFC 8030 (TTL, Topic, Urgency), RFC 8188 and 8291 (the body) and RFC 8292 (VAPID) with the standard
library and elementary primitives only, so that a mistake in the sender cannot be repeated here.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAX_BODY: Final = 4096
MAX_EXPIRY: Final = 24 * 3600
MAX_TOPIC: Final = 32
HEADER: Final = 16 + 4 + 1 + 65
TAG: Final = 16
SIGNATURE: Final = 64
POINT: Final = 65
URGENCIES: Final = frozenset({"very-low", "low", "normal", "high"})
BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+")
VAPID: Final = re.compile(r"vapid +(?P<parameters>.+)", re.IGNORECASE)
MAILBOX: Final = re.compile(r"mailto:[^\s<>@,;:]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z][A-Za-z0-9-]+")


class PushRefused(Exception):
    """The service would answer `status`, and says why."""

    def __init__(self, status: int, explanation: str) -> None:
        self.status = status
        self.explanation = explanation
        super().__init__(f"{status}: {explanation}")


class Undecipherable(ValueError):
    """A browser could not read this body with these keys."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the service answers to a request, and what it read in it where it accepts it (status 201)."""

    status: int
    explanation: str
    ttl: int = 0
    topic: str = ""
    urgency: str = "normal"
    key: bytes = b""
    claims: Mapping[str, Any] | None = None


def check_push_request(
    headers: Mapping[str, str],
    body: bytes,
    origin: str,
    now: float,
    *,
    application_key: bytes | None = None,
) -> Verdict:
    """Answer one POST as strictly as the real services do: 201, or 400, 401, 403, 413 with an explanation.

    `origin` is the endpoint's (`https://host`, no port when it is 443); `now` is in seconds since the epoch;
    `application_key` is the key the subscription was made with (65 bytes), when it was made with one.
    """
    lowered = {name.lower(): value for name, value in headers.items()}
    try:
        key, claims = check_vapid(lowered.get("authorization", ""), origin, now, application_key=application_key)
        ttl = check_ttl(lowered.get("ttl"))
        topic = check_topic(lowered.get("topic"))
        urgency = check_urgency(lowered.get("urgency"))
        check_body(lowered.get("content-encoding"), body)
    except PushRefused as refused:
        return Verdict(refused.status, refused.explanation)
    return Verdict(201, "accepted", ttl=ttl, topic=topic, urgency=urgency, key=key, claims=claims)


def check_vapid(
    authorization: str, origin: str, now: float, *, application_key: bytes | None = None
) -> tuple[bytes, Mapping[str, Any]]:
    """Check an Authorization header (RFC 8292): the key it was signed with (65 bytes) and its claims.

    Raises:
        PushRefused: 401 for a header that is absent, ill-formed, ill-signed, for another origin, or whose time is
            wrong; 403 for a subject nobody can be reached at, or another key than the subscription's.
    """
    token, key = _signed_token(authorization)
    claims = _claims_of(token)
    if claims.get("aud") != origin:
        raise PushRefused(401, f"aud is {claims.get('aud')!r}, the origin is {origin!r}")
    expiry = claims.get("exp")
    if not isinstance(expiry, int) or isinstance(expiry, bool):
        raise PushRefused(401, "exp is not a whole number of seconds")
    if expiry <= now:
        raise PushRefused(401, "exp is past")
    if expiry > now + MAX_EXPIRY:
        raise PushRefused(401, "exp is more than 24 hours ahead")
    if not reachable(claims.get("sub")):
        raise PushRefused(403, f"sub names no mailbox or site: {claims.get('sub')!r}")
    if application_key is not None and key != application_key:
        raise PushRefused(403, "the subscription was made with another key")
    return key, claims


def reachable(subject: object) -> bool:
    """Whether a VAPID subject is a mailbox or a site with a full domain name, as Apple wants it."""
    if not isinstance(subject, str):
        return False
    if subject.startswith("https://"):
        host = urlsplit(subject).hostname or ""
        return "." in host and not any(character.isspace() for character in subject)
    return MAILBOX.fullmatch(subject) is not None


def check_ttl(value: str | None) -> int:
    """TTL is required and is a whole number of seconds (RFC 8030, 5.2)."""
    if value is None or not (value.isascii() and value.isdigit()):
        raise PushRefused(400, f"TTL must be a whole number of seconds: {value!r}")
    return int(value)


def check_topic(value: str | None) -> str:
    """Topic is at most 32 characters of the URL-safe base64 alphabet (RFC 8030, 5.4)."""
    if value is None:
        return ""
    if len(value) > MAX_TOPIC or not BASE64URL.fullmatch(value):
        raise PushRefused(400, f"Topic must be at most {MAX_TOPIC} base64url characters: {value!r}")
    return value


def check_urgency(value: str | None) -> str:
    """Urgency is one of four words (RFC 8030, 5.3), normal when absent."""
    if value is None:
        return "normal"
    if value not in URGENCIES:
        raise PushRefused(400, f"Urgency must be very-low, low, normal or high: {value!r}")
    return value


def check_body(encoding: str | None, body: bytes) -> None:
    """The body is one aes128gcm record of at most 4,096 bytes that names an ephemeral key on P-256 (RFC 8291, 4)."""
    if len(body) > MAX_BODY:
        raise PushRefused(413, f"{len(body)} bytes, at most {MAX_BODY}")
    if encoding != "aes128gcm":
        raise PushRefused(400, f"Content-Encoding must be aes128gcm: {encoding!r}")
    if len(body) < HEADER + TAG + 1:
        raise PushRefused(400, f"{len(body)} bytes are too few for an aes128gcm message")
    record_size = int.from_bytes(body[16:20])
    if body[20] != POINT:
        raise PushRefused(400, f"keyid is {body[20]} bytes, not a point of 65")
    if len(body) - HEADER > record_size:
        raise PushRefused(400, f"a record of {record_size} does not hold {len(body) - HEADER} bytes: more than one")
    if not on_curve(body[21:HEADER]):
        raise PushRefused(400, "keyid is not a point on P-256")


PRIME: Final = 2**256 - 2**224 + 2**192 + 2**96 - 1
B: Final = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B


def on_curve(point: bytes) -> bool:
    """Whether 65 bytes are an uncompressed point on P-256, by the curve's own equation."""
    if len(point) != POINT or point[0] != 4:
        return False
    x, y = int.from_bytes(point[1:33]), int.from_bytes(point[33:])
    return x < PRIME and y < PRIME and (y * y - (x * x * x - 3 * x + B)) % PRIME == 0


def decrypt(body: bytes, private_key: ec.EllipticCurvePrivateKey, auth: bytes) -> bytes:
    """Read an aes128gcm body as the browser that holds `private_key` and `auth` does (RFC 8291, 3.4).

    Raises:
        Undecipherable: the body was not made for these keys, or breaks the format.
    """
    salt, theirs, record = body[:16], body[21:HEADER], body[HEADER:]
    point = private_key.public_key().public_numbers()
    ours = b"\x04" + point.x.to_bytes(32) + point.y.to_bytes(32)
    try:
        sender = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs)
    except ValueError as wrong:
        raise Undecipherable("the ephemeral key is no point on P-256") from wrong
    shared = private_key.exchange(ec.ECDH(), sender)
    material = _hkdf(auth, shared, b"WebPush: info\x00" + ours + theirs, 32)
    key = _hkdf(salt, material, b"Content-Encoding: aes128gcm\x00", 16)
    nonce = _hkdf(salt, material, b"Content-Encoding: nonce\x00", 12)
    try:
        padded = AESGCM(key).decrypt(nonce, record, None)
    except InvalidTag as wrong:
        raise Undecipherable("the authentication tag does not match") from wrong
    message = padded.rstrip(b"\x00")
    if not message or message[-1] != 2:
        raise Undecipherable("the last record does not end in the delimiter 2")
    return message[:-1]


def _hkdf(salt: bytes, material: bytes, info: bytes, length: int) -> bytes:
    """One block of HKDF-SHA-256 (RFC 5869): enough for keys of up to 32 bytes."""
    extracted = hmac.new(salt, material, hashlib.sha256).digest()
    return hmac.new(extracted, info + b"\x01", hashlib.sha256).digest()[:length]


def unpadded_base64url(text: str) -> bytes:
    """Decode base64url as JWT writes it: no padding, no other alphabet."""
    if not BASE64URL.fullmatch(text):
        raise ValueError(f"not base64url without padding: {text[:80]!r}")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as wrong:
        raise ValueError(f"not base64url: {text[:80]!r}") from wrong


@lru_cache(maxsize=512)
def _signed_token(authorization: str) -> tuple[str, bytes]:
    """The token of a header whose signature holds, and the key; remembered, as a header is sent thousands of times."""
    match = VAPID.fullmatch(authorization.strip())
    if not match:
        raise PushRefused(401, "no vapid Authorization")
    parameters = dict(re.findall(r"([a-z]+)=([^,\s]+)", match["parameters"]))
    token, key_text = parameters.get("t", ""), parameters.get("k", "")
    try:
        key = unpadded_base64url(key_text)
        header_text, claims_text, signature_text = token.split(".")
        header = json.loads(unpadded_base64url(header_text))
        signature = unpadded_base64url(signature_text)
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key)
    except (ValueError, IndexError) as wrong:
        raise PushRefused(401, f"ill-formed vapid: {wrong}") from wrong
    if not isinstance(header, dict) or header.get("alg") != "ES256":
        raise PushRefused(401, f"the token's header must say ES256: {header!r}")
    if len(signature) != SIGNATURE:
        raise PushRefused(401, f"a signature of {len(signature)} bytes")
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
    try:
        signed = f"{header_text}.{claims_text}".encode()
        public.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as wrong:
        raise PushRefused(401, "the signature does not match k") from wrong
    return token, key


@lru_cache(maxsize=512)
def _claims_of(token: str) -> Mapping[str, Any]:
    try:
        claims = json.loads(unpadded_base64url(token.split(".")[1]))
    except ValueError as wrong:
        raise PushRefused(401, f"ill-formed claims: {wrong}") from wrong
    if not isinstance(claims, dict):
        raise PushRefused(401, "the claims are not an object")
    return claims
