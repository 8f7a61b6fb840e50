"""The expander: writes what is due as decisions and deliveries, page after page, and gives way to what others wait for.

A message alone is expanded for a while at a stretch: all of a town's shop is decided before its first push leaves. As
soon as deliveries of another are ready, every open lane has its turn between two pages.
"""

import datetime as dt
import time
from collections.abc import Callable
from typing import Final

import structlog
from prometheus_client import Counter
from sqlalchemy.orm import Session, sessionmaker

from citylife.ledger import digests, expansion
from citylife.ledger.expansion import Due
from citylife.ledger.lanes import others_wait

log = structlog.get_logger(__name__)

EXPAND_SECONDS: Final = 0.4
"""How long expansion may go on before what is in flight gets its turn."""
GIVE_WAY_SECONDS: Final = 1.0
"""How long a page may wait for lanes to have their turn: a push service that is full does not hold it up longer."""

EXPANDED: Final = Counter("citylife_decisions", "Decisions written by expansion")


class Expander:
    """Expands for one dispatcher, and remembers how many lanes come before its next page."""

    def __init__(self, reads: sessionmaker[Session], writes: sessionmaker[Session]) -> None:
        self._reads, self._writes = reads, writes
        self._owed = 0
        self._wrote_at = 0.0
        self._wrote = False

    def expand(self, clock: Callable[[], dt.datetime], *, refused: bool) -> bool:
        """Write page after page, for a while, as long as nobody else has to wait for it; whether any was written.

        Each page is of its own instant, so that a lane holds them in the order they were written (`others_wait`).
        """
        until = time.monotonic() + EXPAND_SECONDS
        self._wrote = False
        while self._may_write(now=clock(), refused=refused) and self._write_page(now=clock(), refused=refused):
            self._wrote, self._owed, self._wrote_at = True, 1, time.monotonic()
            if self._wrote_at >= until:
                break
        return self._wrote

    def found(self, lanes: int) -> None:
        """So many lanes are open: each of them is served before the next page of what has begun."""
        self._owed = lanes if self._wrote else min(self._owed, lanes)

    def served(self) -> None:
        """A lane had its turn."""
        self._owed -= 1

    def take_up_digests(self, *, now: dt.datetime) -> bool:
        """Write a page of the digests that are due; whether there were any."""
        with self._reads() as session:
            if not digests.something_due(session, now=now):
                return False
        with self._writes.begin() as session:
            page = digests.take_up(session, now=now)
        if page is None:
            return False
        EXPANDED.inc(page.digests)
        log.info("digests.taken_up", message=str(page.message_id), digests=page.digests, deliveries=page.deliveries)
        return True

    def _may_write(self, *, now: dt.datetime, refused: bool) -> bool:
        with self._reads() as session:
            due = expansion.next_due(session, now=now, refused=refused)
            return due is not None and (refused or self._is_its_turn(session, due, now=now))

    def _is_its_turn(self, session: Session, due: Due, *, now: dt.datetime) -> bool:
        """Whether the lanes have been served since the last page, or nobody waits in them but for this very message."""
        if not due.begun or self._owed <= 0 or time.monotonic() - self._wrote_at >= GIVE_WAY_SECONDS:
            return True
        return not others_wait(session, due.message_id, now=now)

    def _write_page(self, *, now: dt.datetime, refused: bool) -> bool:
        with self._writes.begin() as session:
            page = expansion.expand_page(session, now=now, refused=refused)
        if page is None:
            return False
        EXPANDED.inc(page.decisions)
        log.info(
            "message.expanded",
            message=str(page.message_id),
            offer=str(page.offer_id),
            decisions=page.decisions,
            deliveries=page.deliveries,
            complete=page.complete,
        )
        return True
