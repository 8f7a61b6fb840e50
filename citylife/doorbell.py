"""The doorbell: how a process that has committed work tells the workers to look at the ledger now.

Ringing carries no work and may be lost: workers also look by themselves every few seconds.
"""

import threading
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class BellState:
    """What a doorbell is (« none », « thread », « rabbitmq »), and whether its broker answers.

    `reachable` is None where there is no broker, or where it was not tried yet.
    """

    kind: str
    reachable: bool | None = None


class Doorbell(Protocol):
    """Rung after a commit; never before, and never with anything but « there is work »."""

    @property
    def state(self) -> BellState:
        """How it fares, at no cost: nothing is asked of a broker."""
        ...

    def ring(self) -> None:
        """Say that there is work. Never raises and never waits: the ledger already has it."""
        ...


class Waiting(Protocol):
    """The listening side of a doorbell."""

    def wait(self, seconds: float) -> bool:
        """Sleep until rung, at most `seconds`; whether it was rung."""
        ...


class SilentDoorbell:
    """Nobody listens: the workers find the work when they next look."""

    state = BellState("none")

    def ring(self) -> None:
        """Do nothing."""


class ThreadDoorbell:
    """Between the web's threads and a worker's thread of one process; `rings_too` are bells of its other threads."""

    state = BellState("thread")

    def __init__(self) -> None:
        self._rung = threading.Event()
        self.rings_too: tuple[Doorbell, ...] = ()

    def ring(self) -> None:
        """Wake the worker."""
        self._rung.set()
        for bell in self.rings_too:
            bell.ring()

    def wait(self, seconds: float) -> bool:
        """Sleep until rung, at most `seconds`; whether it was rung. Being rung twice wakes once."""
        rung = self._rung.wait(seconds)
        self._rung.clear()
        return rung


class BothDoorbells:
    """One to a worker of this process, one to those of other machines, whose state is told."""

    def __init__(self, near: Doorbell, far: Doorbell) -> None:
        self._near, self._far = near, far

    @property
    def state(self) -> BellState:
        """How the one that reaches farther fares."""
        return self._far.state

    def ring(self) -> None:
        """Ring both."""
        self._near.ring()
        self._far.ring()
