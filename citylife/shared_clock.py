"""The time that all workers agree on: the database's own, so that a machine whose clock is wrong disturbs no other.

A lease written by a clock that is three hours fast would outlive its worker by three hours, and a sweep by that clock
would take every other worker's deliveries out of its hands. On PostgreSQL every worker therefore goes by the server's
clock. On SQLite all processes share a machine, whose clock is asked itself; there, and on PostgreSQL's server, it can
still be moved, which is noticed by the clock that only ever advances.
"""

import datetime as dt
import threading
import time
from collections.abc import Callable
from typing import Final

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from citylife.clock import Clock, utc_now

log = structlog.get_logger(__name__)

READ_EVERY: Final = 5.0
"""Seconds between two readings of the server's clock; between them the machine's monotonic clock carries it on."""
MOVED: Final = 2.0
"""Seconds by which time may disagree with the monotonic clock before we say that it was moved."""


class SharedClock:
    """A `Clock` of the engine's database. Any thread may ask."""

    def __init__(self, engine: Engine, own: Clock = utc_now, *, elapsed: Callable[[], float] = time.monotonic) -> None:
        """Go by `own` where the database has no clock; `elapsed` only ever advances, in seconds."""
        self._engine, self._own, self._elapsed = engine, own, elapsed
        self._serves = engine.dialect.name != "sqlite"
        self._lock = threading.Lock()
        self._base: dt.datetime | None = None
        self._tried_at = self._moved_at = float("-inf")

    def __call__(self) -> dt.datetime:
        """The present moment, aware, in UTC.

        Raises:
            DBAPIError: the database has never answered yet. Later on an answer is not needed.
        """
        with self._lock:
            elapsed = self._elapsed()
            if self._base is None or not self._serves or elapsed - self._tried_at >= READ_EVERY:
                self._tried_at = elapsed
                self._read()
            if self._base is None:  # pragma: no cover - `_read` raises then
                raise AssertionError("no moment was read")
            return self._base + dt.timedelta(seconds=self._elapsed())

    def steady(self) -> float:
        """For how many seconds the clock has not been moved, as far as we know: infinite where it never was."""
        self()
        return self._elapsed() - self._moved_at

    def _read(self) -> None:
        try:
            moment = self._asked() if self._serves else self._own()
        except DBAPIError:
            if self._base is None:
                raise
            return
        elapsed = self._elapsed()
        base = moment - dt.timedelta(seconds=elapsed)
        if self._base is not None and abs(seconds := (base - self._base).total_seconds()) > MOVED:
            self._moved_at = elapsed
            log.warning("clock.moved", seconds=round(seconds, 1))
        self._base = base

    def _asked(self) -> dt.datetime:
        with self._engine.connect() as connection:
            moment: dt.datetime = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
        return moment.astimezone(dt.UTC)
