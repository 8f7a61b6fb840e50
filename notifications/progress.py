"""Says in the log how a message goes out, a line for each message every few seconds: numbers, and nothing of who."""

import time
from collections import Counter
from typing import Final

import structlog

from citylife.ledger.claims import Announced
from citylife.ledger.statements import DriverId, identifier

log = structlog.get_logger(__name__)

SAY_EVERY: Final = 5.0
"""Seconds between two lines of one message: a shop that all the town follows takes a few dozen."""


class Progress:
    """What one dispatcher did for each message since it was last said. It belongs to the dispatcher's thread."""

    def __init__(self) -> None:
        self._counts: dict[DriverId, Counter[str]] = {}
        self._offers: dict[DriverId, str] = {}
        self._say_at = 0.0

    def count(self, what: Announced, word: str) -> None:
        """One more delivery of a message was claimed, or answered (`word`: accepted, gone, retry and so on)."""
        counts = self._counts.get(what.message_id)
        if counts is None:
            counts = self._counts[what.message_id] = Counter()
            self._offers[what.message_id] = str(what.offer_id)
        counts[word] += 1

    def say(self, *, at_once: bool = False) -> None:
        """Write what there is to say, if it is time, or at once."""
        if not self._counts or (time.monotonic() < self._say_at and not at_once):
            return
        self._say_at = time.monotonic() + SAY_EVERY
        for message, counts in self._counts.items():
            log.info("message.sent", message=str(identifier(message)), offer=self._offers[message], **counts)
        self._counts.clear()
        self._offers.clear()
