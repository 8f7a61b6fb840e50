"""E-mail addresses: read strictly enough to be written to, and kept in one spelling."""

import re
from typing import Final

from citylife.errors import Invalid

LONGEST: Final = 254
"""Characters an address may have in an envelope (RFC 5321, 4.5.3.1.3)."""
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ADDRESS: Final = re.compile(
    rf"[a-z0-9!#$%&'*+/=?^_`{{|}}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{{|}}~-]+)*@{_LABEL}(?:\.{_LABEL})+"
)
_LONGEST_LOCAL_PART: Final = 64


class EmailRefused(Invalid):
    """What was given is no e-mail address a message could be sent to."""

    slug = "email-refused"
    title = "Adresse électronique refusée"
    sentence = "Cette adresse électronique n’est pas valable."


def check_email(text: str) -> str:
    """The address in lower case (every provider in use reads it so), without blanks around it.

    Raises:
        EmailRefused: it is no plain address of a host name.
    """
    stripped = text.strip()
    address = stripped.lower()
    if (
        not stripped.isascii()
        or len(address) > LONGEST
        or not _ADDRESS.fullmatch(address)
        or address.index("@") > _LONGEST_LOCAL_PART
    ):
        raise EmailRefused(pointer="/email")
    return address
