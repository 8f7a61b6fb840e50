"""The words of envelopes: what a message says to readers of a locale, composed once for all of them."""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from citylife.ledger.claims import Announced
from citylife.ledger.statements import DriverId
from notifications.composer import compose, topic_of, ttl_of, urgency_of
from notifications.webpush import Urgency

MOST_KEPT: Final = 64
"""Texts that are kept; then all are composed anew."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the envelopes of one claim have in common, for a message and a locale."""

    plaintext: bytes
    ttl: int
    topic: str
    urgency: Urgency


class Words:
    """Composes for one dispatcher, and keeps what it composed."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._composed: dict[tuple[DriverId, str, str], bytes] = {}

    def said(self, announced: Announced, locale: str, *, now: dt.datetime) -> Said:
        """What every envelope of a message says to readers of a locale."""
        return Said(
            self._plaintext(announced, locale, now),
            ttl_of(announced, now=now),
            topic_of(announced),
            urgency_of(announced, now=now),
        )

    def _plaintext(self, announced: Announced, locale: str, now: dt.datetime) -> bytes:
        """The message's words, composed once for a locale, an hour and a version of its title."""
        said = f"{now:%Y%m%d%H}{announced.title}{announced.shop_name}{announced.ends_at}{announced.lines}"
        key = (announced.message_id, locale, said)
        words = self._composed.get(key)
        if words is None:
            if len(self._composed) > MOST_KEPT:
                self._composed.clear()
            words = self._composed[key] = compose(announced, locale=locale, base_url=self._base_url, now=now)
        return words
