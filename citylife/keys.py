"""The two secrets of an instance: what it signs codes with, and what it signs pushes with (VAPID, RFC 8292).

Each comes from its setting, or from a file of the instance folder that only its owner may read, made when absent.
Several hosts must agree on them: where a broker joins hosts, a key that is not set is refused instead of made, and
`citylife.keyring` sees that those of every host are the same. Push keys that were replaced are kept beside, for the
browsers that subscribed with them.
"""

import base64
import binascii
import os
import secrets
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from citylife.settings import PREFIX, SettingRefused, Settings

SECRET_FILE: Final = "secret-key"  # noqa: S105 - the name of a file
VAPID_FILE: Final = "vapid-private-key"
PREVIOUS_FILE: Final = "vapid-previous-keys"
"""One a line, the oldest first."""
SHORTEST_SECRET: Final = 32
"""Characters; what is made has 43, which carry 256 bits."""
_SCALAR_LENGTH: Final = 32
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""How many points the curve P-256 has (SEC 2): a private key is below it."""


class KeyAbsent(Exception):
    """A key is neither set nor in the instance folder; `variable` is its setting, `name` its file."""

    def __init__(self, variable: str, name: str) -> None:
        self.variable, self.name = PREFIX + variable, name
        super().__init__(f"{self.variable} is not set")


@dataclass(frozen=True, slots=True)
class Keys:
    """The secrets of one instance; none of them shows in its representation."""

    secret_key: str = field(repr=False)
    vapid: ec.EllipticCurvePrivateKey = field(repr=False)
    previous: tuple[ec.EllipticCurvePrivateKey, ...] = field(repr=False, default=())

    @property
    def vapid_public(self) -> str:
        """The public half of the current push key, as browsers want it."""
        return public_half(self.vapid)

    @property
    def push_keys(self) -> dict[str, ec.EllipticCurvePrivateKey]:
        """Every push key held by its public half: the current one, then the previous ones, the latest first."""
        return {public_half(key): key for key in (self.vapid, *reversed(self.previous))}


def keys_of(settings: Settings, *, make: bool = True) -> Keys:
    """The keys that are set, else those of the instance folder, made now where they are absent (unless not to `make`).

    Raises:
        SettingRefused: a key that cannot be used, or one that is not set although a broker joins several hosts.
        KeyAbsent: a key is neither set nor kept, and is not to be made.
        OSError: the instance folder cannot be read or written.
    """
    secret = settings.secret_key or _kept(
        settings, SECRET_FILE, "SECRET_KEY", (lambda: secrets.token_urlsafe(32)) if make else None
    )
    if len(secret) < SHORTEST_SECRET:
        raise SettingRefused(f"{PREFIX}SECRET_KEY must have at least {SHORTEST_SECRET} characters")
    vapid = settings.vapid_private_key or _kept(
        settings, VAPID_FILE, "VAPID_PRIVATE_KEY", new_vapid_key if make else None
    )
    previous = settings.vapid_previous_keys
    if not settings.vapid_private_key and not previous and (path := settings.instance / PREVIOUS_FILE).exists():
        previous = tuple(path.read_text(encoding="ascii").split())
    return Keys(
        secret_key=secret,
        vapid=_private_key(vapid),
        previous=tuple(_private_key(text, "VAPID_PREVIOUS_KEYS") for text in previous),
    )


def public_half(key: ec.EllipticCurvePrivateKey) -> str:
    """The public half of a push key, as browsers want it: 65 bytes in base64url, unpadded."""
    return _base64url(key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def new_vapid_key() -> str:
    """A fresh private key on P-256: its 32 bytes in base64url, unpadded."""
    return vapid_text(ec.generate_private_key(ec.SECP256R1()))


def vapid_text(key: ec.EllipticCurvePrivateKey) -> str:
    """A private key on P-256 as settings and files have it: its 32 bytes in base64url, unpadded."""
    return _base64url(key.private_numbers().private_value.to_bytes(_SCALAR_LENGTH))


def open_folder(folder: Path) -> None:
    """Make the instance folder where it is absent, for its owner alone (0700)."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def keep_secret(path: Path, secret: str) -> None:
    """Write a secret for its owner alone (0600), whole or not at all; what is there already stays.

    Two processes that start together agree: the second finds what the first wrote.
    """
    open_folder(path.parent)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mkstemp gives 0600
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(secret + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        Path(draft).unlink()


def replace_vapid_key(settings: Settings) -> None:
    """Make a new push key in the instance folder, and keep the one it replaces among the previous ones.

    The old one is written down first: whatever stops this in between, no key is lost.
    """
    path, previous = settings.instance / VAPID_FILE, settings.instance / PREVIOUS_FILE
    kept = previous.read_text(encoding="ascii").split() if previous.exists() else []
    old = path.read_text(encoding="ascii").strip()
    _put_secret(previous, "\n".join([*(key for key in kept if key != old), old]))
    _put_secret(path, new_vapid_key())


def _put_secret(path: Path, secret: str) -> None:
    """Write a secret for its owner alone (0600) in the place of what was there, at once."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(secret + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    Path(draft).replace(path)


def _kept(settings: Settings, name: str, variable: str, make: Callable[[], str] | None) -> str:
    path = settings.instance / name
    if not path.exists():
        if settings.broker_url:
            raise SettingRefused(f"{PREFIX}{variable} must be set where {PREFIX}BROKER_URL joins several hosts")
        if make is None:
            raise KeyAbsent(variable, name)
        keep_secret(path, make())
    return path.read_text(encoding="ascii").strip()


def _private_key(text: str, variable: str = "VAPID_PRIVATE_KEY") -> ec.EllipticCurvePrivateKey:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    number = int.from_bytes(raw)
    if len(raw) != _SCALAR_LENGTH or not 0 < number < _ORDER:
        raise SettingRefused(f"{PREFIX}{variable} must be a P-256 private key: 32 bytes in base64url")
    return ec.derive_private_key(number, ec.SECP256R1())


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
