"""Signs for each push service who we are (VAPID, RFC 8292): one header an origin, kept for half a day."""

import datetime as dt
import re
from collections.abc import Container, Mapping
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid

from citylife.clock import Clock, utc_now
from citylife.settings import SettingRefused

KEPT_FOR: Final = dt.timedelta(hours=12)
VALID_FOR: Final = dt.timedelta(hours=13)
"""Services refuse more than 24 hours; the hour past `KEPT_FOR` covers clocks that disagree."""

MOST_KEPT: Final = 1000
"""Origins: a service may have as many names as strangers care to register at."""

_CONTACT: Final = re.compile(r"mailto:[^\s<>@,;:]+@[^\s<>@,;:/]+|https://[^\s/<>@]+(/[^\s<>]*)?")


class KeyNotHeld(Exception):
    """A push key that this process does not hold would have to sign."""


class Signers:
    """A signer for each push key that is held, by its number; a subscription takes only its own key's signature."""

    def __init__(self, signers: "Mapping[int, VapidSigner]") -> None:
        self._signers = dict(signers)

    @property
    def numbers(self) -> Container[int]:
        """The numbers of the keys that are held."""
        return self._signers.keys()

    def header(self, origin: str, push_key: int) -> str:
        """Return the value of Authorization for `origin`, signed with the push key of that number.

        Raises:
            KeyNotHeld: it is none of ours.
        """
        signer = self._signers.get(push_key)
        if signer is None:
            raise KeyNotHeld(f"push key {push_key} is not held")
        return signer.header(origin)

    def forget(self, origin: str) -> None:
        """Sign anew at the next message to `origin`, whatever the key."""
        for signer in self._signers.values():
            signer.forget(origin)


class VapidSigner:
    """The Authorization headers of one key pair, signed when first needed and signed anew before they lapse."""

    def __init__(self, private_key: ec.EllipticCurvePrivateKey, contact: str, *, clock: Clock = utc_now) -> None:
        """Sign as `contact`: a `mailto:` address or an `https:` page where a push service can reach a person.

        Raises:
            SettingRefused: `contact` is neither.
        """
        if not _CONTACT.fullmatch(contact):
            raise SettingRefused(f"CITYLIFE_CONTACT must be a mailto: address or an https: page: {contact!r}")
        self._contact = contact
        self._clock = clock
        # py_vapid's own check of the subject takes no page with a path; ours above is the one that holds.
        self._vapid = Vapid(private_key, conf={"no-strict": True})
        self._headers: dict[str, tuple[dt.datetime, str]] = {}

    def header(self, origin: str) -> str:
        """Return the value of Authorization for `origin` (`https://host`)."""
        now = self._clock()
        kept = self._headers.get(origin)
        if kept is not None and now < kept[0]:
            return kept[1]
        value = self._signed(origin, now)
        if len(self._headers) >= MOST_KEPT:
            self._headers.clear()
        self._headers[origin] = (now + KEPT_FOR, value)
        return value

    def forget(self, origin: str) -> None:
        """Sign anew at the next message to `origin`: what it had was refused."""
        self._headers.pop(origin, None)

    def _signed(self, origin: str, now: dt.datetime) -> str:
        # A fresh dictionary every time: what is handed to py_vapid is not ours afterwards.
        claims = {"aud": origin, "exp": int((now + VALID_FOR).timestamp()), "sub": self._contact}
        return str(self._vapid.sign(claims)["Authorization"])
