"""The links of letters to merchants: each is good for one thing and one merchant, and nothing is kept of it.

A link says whom it was sent to and what it is about, under a MAC of the instance's secret (HMAC-SHA-256) and of its one
purpose: what one does, no other can be made to do. Whether it may still be done is looked at when it is used.
"""

import base64
import binascii
import hmac
import uuid
from enum import Enum
from typing import Final

MAC: Final = 32
ID: Final = 16


class Purpose(Enum):
    """What a link is good for."""

    SELL_OUT = "sell-out"  # « tout est parti » for one offer
    STOP_CONFIRMATIONS = "stop-confirmations"
    AGAIN = "again"  # publish one offer anew, within a week
    STOP_MONDAYS = "stop-mondays"


def token_of(purpose: Purpose, *ids: uuid.UUID, secret: str) -> str:
    """The token of a link, fit for an address: the ids it is about, and their MAC."""
    said = b"".join(each.bytes for each in ids)
    return base64.urlsafe_b64encode(said + _mac(purpose, said, secret)).rstrip(b"=").decode("ascii")


def ids_of(purpose: Purpose, token: str, count: int, *, secret: str) -> tuple[uuid.UUID, ...] | None:
    """The ids that a token is about; None where this instance never made it, or for another purpose."""
    try:
        read = base64.urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except (UnicodeEncodeError, binascii.Error):
        return None
    said, mac = read[:-MAC], read[-MAC:]
    if len(said) != count * ID or not hmac.compare_digest(mac, _mac(purpose, said, secret)):
        return None
    return tuple(uuid.UUID(bytes=said[at : at + ID]) for at in range(0, len(said), ID))


def _mac(purpose: Purpose, said: bytes, secret: str) -> bytes:
    return hmac.digest(secret.encode(), f"link of a letter\n{purpose.value}\n".encode() + said, "sha256")
