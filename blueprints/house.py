"""What one running application holds: its settings, its clock, its doorbell, its engine; made once, by `create_app`."""

import datetime as dt
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from flask import current_app
from sqlalchemy import Engine

from citylife.accounts.citizens import ActiveDays
from citylife.activity import Visits
from citylife.audience.readiness import Readiness
from citylife.clock import Clock
from citylife.doorbell import Doorbell
from citylife.hot import KeptConnections
from citylife.keys import Keys
from citylife.neighbourhood import Neighbourhood
from citylife.photos import Darkroom
from citylife.registers import Registers
from citylife.settings import Settings
from citylife.tombstones import Tombstones
from citylife.turnstiles import Turnstiles

EXTENSION = "citylife"
FLUSH_EVERY: Final = dt.timedelta(minutes=1)
"""How long the days of citizens, and visits, are gathered before they are written."""


class Rhythm:
    """Says « now » once in every interval, to one of the threads that ask."""

    def __init__(self, every: dt.timedelta) -> None:
        self._every = every
        self._lock = threading.Lock()
        self._last: dt.datetime | None = None

    def due(self, moment: dt.datetime) -> bool:
        """Whether an interval has passed since it was last due; the first who asks begins it."""
        last = self._last
        if last is not None and moment - last < self._every:
            return False
        with self._lock:
            if self._last is not last:
                return False
            self._last = moment
        return last is not None


@dataclass(frozen=True, slots=True)
class House:
    """The parts of one application. `engine` reads; `writing_engine` is the same pool, whose transactions may write."""

    settings: Settings
    clock: Clock
    doorbell: Doorbell
    engine: Engine
    active_days: ActiveDays
    visits: Visits
    keys: Keys
    kept: KeptConnections
    tombstones: Tombstones
    turnstiles: Turnstiles
    quotas: Mapping[str, int]
    registers: Registers
    previews: Readiness
    days_rhythm: Rhythm = field(default_factory=lambda: Rhythm(FLUSH_EVERY))
    darkroom: Darkroom = field(default_factory=Darkroom)
    neighbourhood: Neighbourhood = field(default_factory=Neighbourhood)
    writing_engine: Engine = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "writing_engine", self.engine.execution_options(writes=True))

    def close(self) -> None:
        """Let every connection to the database go."""
        self.previews.close()
        self.kept.close()
        self.engine.dispose()


def house() -> House:
    """The parts of the application that answers the current request."""
    return cast("House", current_app.extensions[EXTENSION])


def now() -> dt.datetime:
    """The present moment by the application's clock."""
    return house().clock()
