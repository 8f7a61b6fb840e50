"""How often somebody may call, counted in the memory of one process: fast enough for hot reads, and approximate.

Each process counts by itself, and forgets when it ends: with four of them somebody may call four times as often. Where
that matters, `citylife.limits` counts in the database. The pace is the same one, the generic cell rate algorithm.
"""

import datetime as dt
import math
import threading
from collections.abc import Iterable
from typing import Final

from citylife.limits import Limit, Room, TooFast

PER_TOKEN: Final = Limit("calls", 600, dt.timedelta(minutes=1))
"""Calls with a token that we know, a process."""
PER_NETWORK: Final = Limit("calls-without-token", 1200, dt.timedelta(minutes=1))
"""Calls from one place of the network without a token that we know, a process: a café's Wi-Fi is one place."""
ROUNDING: Final = 1e-6
"""Seconds that sums of steps may be off by."""
MOST_SUBJECTS: Final = 50_000
"""How many subjects a process remembers; those who wait for nothing are forgotten first."""


class Turnstile:
    """The paces of everybody under one limit. A subject is a number that leads back to nobody (a salted hash).

    `half`: by how many seconds somebody is ahead who has used half of what she may.
    """

    __slots__ = ("_ahead", "_lock", "_step", "_window", "half", "limit", "most_subjects")

    def __init__(self, limit: Limit, *, most_subjects: int = MOST_SUBJECTS) -> None:
        self.limit = limit
        self.most_subjects = most_subjects
        self._step = limit.window.total_seconds() / limit.most
        self._window = limit.window.total_seconds() + ROUNDING
        self.half = limit.window.total_seconds() / 2
        self._ahead: dict[int, float] = {}
        self._lock = threading.Lock()

    def knows(self, subject: int) -> bool:
        """Whether the subject was here lately."""
        return subject in self._ahead

    def take_if_known(self, subject: int, moment: float) -> float | None:
        """Count one call of a subject who was here lately, as `take` does; None, and nothing counted, of any other.

        Raises:
            TooFast: there is no room; nothing was counted.
        """
        if subject not in self._ahead:
            return None
        with self._lock:
            ahead = self._ahead.get(subject, moment)
            weight = (ahead - moment if ahead > moment else 0.0) + self._step
            if weight <= self._window:
                self._ahead[subject] = moment + weight
                return weight
        return self.take(subject, moment)

    def admit(self, subject: int, moment: float) -> None:
        """Remember a subject, without counting anything."""
        with self._lock:
            if subject not in self._ahead:
                self._make_room(moment)
                self._ahead[subject] = moment

    def take(self, subject: int, moment: float) -> float:
        """Count one call at `moment`, in seconds; for how many seconds the subject is now ahead of her pace.

        Raises:
            TooFast: there is no room; nothing was counted.
        """
        with self._lock:
            ahead = self._ahead.get(subject)
            if ahead is None:
                self._make_room(moment)
                ahead = moment
            elif ahead < moment:
                ahead = moment
            weight = ahead + self._step - moment
            if weight <= self._window:
                self._ahead[subject] = moment + weight
                return weight
        left = dt.timedelta(seconds=weight - self._window)
        raise TooFast(self.room(weight - self._step), left)

    def room(self, weight: float) -> Room:
        """What is left to somebody who is `weight` seconds ahead of her pace."""
        taken = math.ceil(weight / self._step - ROUNDING)
        return Room(self.limit, max(0, self.limit.most - taken), dt.timedelta(seconds=weight))

    def _make_room(self, moment: float) -> None:
        if len(self._ahead) < self.most_subjects:
            return
        busy: Iterable[tuple[int, float]] = ((who, until) for who, until in self._ahead.items() if until > moment)
        self._ahead = dict(busy)
        if len(self._ahead) >= self.most_subjects // 2:
            self._ahead.clear()


class Turnstiles:
    """The two turnstiles of a process: who is known by a token, and who only by where she calls from."""

    __slots__ = ("per_network", "per_token")

    def __init__(self, per_token: Limit, per_network: Limit) -> None:
        self.per_token = Turnstile(per_token)
        self.per_network = Turnstile(per_network)
