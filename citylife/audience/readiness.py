"""Readiness: what a merchant at work will ask next is asked beside her requests, so that she never waits for it.

A look at all of many followers takes a good part of a second, and an answer holds for one minute. From when her shop is
opened, or an audience is asked for, until some minutes after the last time, a thread of this process asks anew before
an answer is too old, and about the next minute before it comes. Every answer is still the whole question's, and less
than a minute old; only who waits for it is another. Other processes ask for themselves.
"""

import datetime as dt
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from citylife.audience.foresight import Foreseen
from citylife.audience.previews import FRESH, PATIENCE, REACHES, Previews, minute_of, reach_of
from citylife.clock import Clock
from citylife.follows import Follow
from citylife.shops.tables import Shop

log = structlog.get_logger(__name__)
MANY: Final = 2_000
"""Citizens; a look at fewer takes some 20 ms, and is left to who asks."""
AHEAD: Final = 20.0
"""Seconds before an answer is too old, or a minute begins, at which it is asked."""
LATELY: Final = 300.0
"""Seconds after the last question for which answers are kept ready."""
MOST: Final = 16
"""Wishes that are kept ready; of more, those of whoever asked last."""
TURN: Final = 2.0
"""Seconds between two looks at what will be needed."""


@dataclass(frozen=True, slots=True)
class _Wish:
    """What is kept ready: how far, and whether about the present, or else about a start that is still to come."""

    shop_id: uuid.UUID
    reach: int
    present: bool


class Readiness:
    """The previews of one process, and the thread that keeps them ready while somebody is at work."""

    def __init__(
        self,
        sessions: Callable[[], Session],
        clock: Clock,
        *,
        previews: Previews | None = None,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """`sessions` makes those that only read; `steady` gives seconds that only ever grow."""
        self.previews = previews or Previews(steady=steady)
        self._sessions = sessions
        self._clock = clock
        self._steady = steady
        self._lock = threading.Lock()
        self._wishes: OrderedDict[_Wish, tuple[float, dt.datetime]] = OrderedDict()
        self._thread: threading.Thread | None = None
        self._woken = threading.Event()
        self._closing = threading.Event()

    def foresee(self, session: Session, shop: Shop, *, radius: int, ends_at: dt.datetime, now: dt.datetime) -> Foreseen:
        """Whom an offer of this shop would reach if it were published now: as `foresight.foresee` says it."""
        foreseen = self.previews.foresee(session, shop, radius=radius, ends_at=ends_at, now=now)
        reach = reach_of(radius)
        if reach is not None and max(foreseen.followers, sum(foreseen.counts.values())) >= MANY:
            self._wish(shop.id, [reach], minute_of(now))
        return foreseen

    def opened(self, session: Session, shop: Shop) -> None:
        """A merchant has this shop before her: she may ask for its audience next."""
        if (session.scalar(select(func.count()).where(Follow.shop_id == shop.id)) or 0) >= MANY:
            self._wish(shop.id, REACHES, minute_of(self._clock()))

    def get_ready(self) -> None:
        """Ask for whatever will be needed soon."""
        for wish, moment in self._needed():
            if self._closing.is_set():
                return
            began = time.monotonic()
            with self._sessions() as session:
                shop = session.get(Shop, wish.shop_id)
                if shop is not None:
                    self.previews.prepare(session, shop, reach=wish.reach, now=moment, within=FRESH - AHEAD)
            self._closing.wait(time.monotonic() - began)  # it takes half of a core at most

    def close(self) -> None:
        """Let the thread end, and wait for it, but not for a database that does not answer."""
        with self._lock:
            self._closing.set()
            thread = self._thread
        self._woken.set()
        if thread is not None:
            thread.join(PATIENCE)

    def _wish(self, shop_id: uuid.UUID, reaches: Sequence[int], begins: dt.datetime) -> None:
        present = begins == minute_of(self._clock())
        with self._lock:
            for reach in reversed(reaches):
                wish = _Wish(shop_id, reach, present)
                self._wishes[wish] = self._steady(), begins
                self._wishes.move_to_end(wish)
            while len(self._wishes) > MOST:
                self._wishes.popitem(last=False)
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(target=self._run, name="citylife-readiness", daemon=True)
                self._thread.start()
        self._woken.set()

    def _needed(self) -> list[tuple[_Wish, dt.datetime]]:
        """The moments that may be asked about until the next turn, first what may be asked now, by who came last.

        That is now, and the next minute once it is near; or else the start that was asked about.
        """
        now = self._clock()
        soon = minute_of(now + dt.timedelta(seconds=AHEAD))
        standing = self._standing()
        needed = [(wish, now if wish.present else begins) for wish, begins in standing]
        return needed + [(wish, soon) for wish, _ in standing if wish.present and soon > now]

    def _standing(self) -> list[tuple[_Wish, dt.datetime]]:
        """What was wished for lately, but for starts that have passed; the last wish first."""
        this_minute = minute_of(self._clock())
        with self._lock:
            for wish, (since, begins) in list(self._wishes.items()):
                if self._steady() - since >= LATELY or (not wish.present and begins <= this_minute):
                    del self._wishes[wish]
            return [(wish, begins) for wish, (_, begins) in reversed(self._wishes.items())]

    def _run(self) -> None:
        while self._goes_on():
            try:
                self.get_ready()
            except SQLAlchemyError as error:
                log.warning("previews-not-ready", error=type(error).__name__)
            self._woken.wait(TURN)
            self._woken.clear()

    def _goes_on(self) -> bool:
        """Whether anybody is at work; where nobody is, whoever comes next begins another thread."""
        standing = self._standing()
        with self._lock:
            if self._closing.is_set() or not (standing or self._wishes):
                self._thread = None
                return False
            return True
