"""Whom we may dial: an endpoint comes from a stranger, and only a push service we know by name is ever called.

The rule is checked when a device registers and again when a push leaves; the address really dialled must moreover be
public, since a name alone proves nothing of where it leads.
"""

import base64
import binascii
import hashlib
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from citylife.errors import Refusal
from citylife.wording import Sentence

PUSH_HOSTS: Final = (
    "fcm.googleapis.com",
    "jmt17.google.com",
    "updates.push.services.mozilla.com",
    "*.push.services.mozilla.com",
    "*.notify.windows.com",
    "*.push.apple.com",
)
"""The push services of the browsers in use; `*.` stands for one subdomain or more."""

MAX_URL: Final = 2048
PUBLIC_KEY_LENGTH: Final = 65
AUTH_LENGTH: Final = 16

# ASCII is spelt out: `re.IGNORECASE` alone also takes the Kelvin sign for a « k » and the long s for an « s ».
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
_URL: Final = re.compile(
    rf"[Hh][Tt][Tt][Pp][Ss]://(?P<host>{_LABEL}(?:\.{_LABEL})+)(?::443)?(?P<target>/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]+)"
)
_DOT_SEGMENT: Final = re.compile(r"/(?:\.|%2e){1,2}(?:[/?]|$)", re.IGNORECASE)
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+={0,2}")
_P256: Final = ec.SECP256R1()
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


class EndpointRefused(Refusal):
    """The address a browser gave for its pushes is none we dial."""

    slug = "endpoint-refused"
    status = 422
    title = "Adresse de notification refusée"
    sentence = "L’adresse de notification n’est pas celle d’un service de notification reconnu."


class KeysRefused(Refusal):
    """The keys a browser gave cannot encrypt anything for it."""

    slug = "keys-refused"
    status = 422
    title = "Clés de notification refusées"
    sentence = "Les clés de notification ne sont pas utilisables."


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A push endpoint that may be dialled, in its one spelling: lower-case host, no port."""

    url: str
    host: str
    origin: str

    @property
    def digest(self) -> bytes:
        """The SHA-256 of the URL, by which an endpoint is owned once."""
        return hashlib.sha256(self.url.encode("ascii")).digest()


@dataclass(frozen=True, slots=True)
class SubscriptionKeys:
    """What a message for one browser is encrypted with: its public key (65 bytes) and its secret (16 bytes)."""

    p256dh: bytes
    auth: bytes


def check_endpoint(url: str, extra_hosts: Iterable[str] = ()) -> Endpoint:
    """Read an endpoint strictly: https, port 443, a host of the list, and nothing that two parsers read differently.

    `extra_hosts` adds to the list: exact names, or `*.name` for its subdomains.

    Raises:
        EndpointRefused: anything else, saying what is wrong with it.
    """
    if len(url) > MAX_URL:
        raise EndpointRefused(Sentence("L’adresse de notification dépasse {most} caractères.", most=MAX_URL))
    match = _URL.fullmatch(url)
    if match is None or _DOT_SEGMENT.search(match["target"]):
        raise EndpointRefused(Sentence("L’adresse de notification n’est pas une adresse https complète et simple."))
    host = match["host"].lower()
    if not host_allowed(host, tuple(extra_hosts)):
        raise EndpointRefused
    return Endpoint(url=f"https://{host}{match['target']}", host=host, origin=f"https://{host}")


@lru_cache(maxsize=4096)
def host_allowed(host: str, extra_hosts: tuple[str, ...] = ()) -> bool:
    """Whether a lower-case host name is on the list, exactly or under a `*.` entry; an IP address never is."""
    if not _HOST.fullmatch(host) or host.rpartition(".")[2][0].isdigit():
        return False
    return any(
        host.endswith(known[1:]) if known.startswith("*.") else host == known
        for known in (*PUSH_HOSTS, *(extra.lower() for extra in extra_hosts))
    )


def check_keys(p256dh: str, auth: str) -> SubscriptionKeys:
    """Read the keys of a subscription as browsers give them, in base64url.

    Raises:
        KeysRefused: not base64url, not an uncompressed point on P-256 (65 bytes), or not a secret of 16 bytes.
    """
    point = _decoded(p256dh, "/keys/p256dh")
    secret = _decoded(auth, "/keys/auth")
    if len(point) != PUBLIC_KEY_LENGTH or not on_p256(point):
        raise KeysRefused(
            Sentence("La clé « p256dh » n’est pas un point de la courbe P-256 (65 octets)."),
            pointer="/keys/p256dh",
        )
    if len(secret) != AUTH_LENGTH:
        raise KeysRefused(
            Sentence("La clé « auth » doit faire {wanted} octets, pas {given}.", wanted=AUTH_LENGTH, given=len(secret)),
            pointer="/keys/auth",
        )
    return SubscriptionKeys(p256dh=point, auth=secret)


def on_p256(point: bytes) -> bool:
    """Whether bytes are an uncompressed point on the curve P-256."""
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(_P256, point)
    except ValueError:
        return False
    return True


def _decoded(text: str, pointer: str) -> bytes:
    """Base64url, padded or not; only the one spelling that encodes back to itself."""
    bare = text.rstrip("=")
    try:
        value = base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4)) if _BASE64URL.fullmatch(text) else b""
    except binascii.Error:
        value = b""
    if not value or base64.urlsafe_b64encode(value).rstrip(b"=") != bare.encode():
        raise KeysRefused(Sentence("Les clés de notification s’écrivent en base64url."), pointer=pointer)
    return value


def is_public_address(address: str) -> bool:
    """Whether an IP address is one of the public Internet: not loopback, private, link-local, shared nor multicast.

    An IPv6 address that carries an IPv4 one (mapped, 6to4, NAT64) is as public as what it carries.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.scope_id is not None:
            return False
        inner = parsed.ipv4_mapped or parsed.sixtofour
        if inner is None and parsed in _NAT64:
            inner = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
        if inner is not None:
            return is_public_address(str(inner))
    return parsed.is_global and not (parsed.is_multicast or parsed.is_reserved or parsed.is_unspecified)
