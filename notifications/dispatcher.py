"""The dispatcher: looks at the ledger, expands, claims, composes, sends and settles, in one thread.

The doorbell only makes it look sooner. A row is claimed under a lease before it is sent and settled right after, so a
killed dispatcher repeats at most what was in flight and one settling turn, and loses nothing.
"""

import collections
import datetime as dt
import math
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Container, Hashable, Mapping, Sequence
from functools import partial
from typing import Final

import structlog
from prometheus_client import Counter
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from citylife.clock import Clock, utc_now
from citylife.database import reading, settling, writing
from citylife.doorbell import Doorbell, SilentDoorbell, Waiting
from citylife.ledger import claims, settlement
from citylife.ledger.claims import Claimed
from citylife.ledger.digests import Line
from citylife.ledger.lanes import Lane, open_lanes
from citylife.ledger.settlement import Settlement
from citylife.ledger.statements import DriverId
from citylife.memory import give_back
from citylife.timetable import Task
from notifications import timekeeper
from notifications.expander import Expander
from notifications.outcomes import meaning, pause
from notifications.progress import Progress
from notifications.rounds import make_rounds
from notifications.webpush import Answer, Envelope, Outcome, PushSender
from notifications.words import Said, Words

log = structlog.get_logger(__name__)

SETTLE_ROWS: Final = 64
SETTLE_SECONDS: Final = 0.020
SETTLE_SOON: Final = 0.005
"""The same while no more is in hand than one settling turn writes down: there is time then, and a kill repeats less."""
LOOK_EVERY: Final = 2.0
"""Seconds between two looks at an idle ledger when nobody rings."""
LOOK_WHILE_BUSY: Final = 0.25
LOOK_AFTER_DEEDS: Final = 0.1
"""The same where the timetable had something to do and nothing is to be sent: a night's work goes on from page to page,
and leaves whoever writes on SQLite two thirds of the time."""
SWEEP_EVERY: Final = 5.0
DRAIN_SECONDS: Final = 15.0
"""How long a stopping dispatcher waits for what is in flight; longer than the sender's timeout of a message."""
PER_ORIGIN: Final = 300
"""Deliveries in hand for one origin: a slow one fills its own share and nobody else's."""
IN_HAND: Final = 3_000
GIVE_BACK_EVERY: Final = 60.0
GIVE_BACK_AT_REST: Final = 5.0
"""Seconds between two times that freed memory is given back to the machine: at work, and where work has just ended."""
DATABASE_AWAY_SECONDS: Final = 1.0
UNSURE_SECONDS: Final = 1.0
"""For how long the database may lose what it was told without waiting for its disk; PostgreSQL: three times
`wal_writer_delay`, 0.6 s as it comes."""

ANSWERS: Final = Counter("citylife_push_answers", "Answers of push services", ["origin", "answer"])


class Dispatcher:
    """One dispatcher; many may look at one ledger, on many machines. All of it but `stop` belongs to one thread."""

    def __init__(
        self,
        engine: Engine,
        sender: PushSender,
        *,
        base_url: str,
        bell: Waiting,
        clock: Clock = utc_now,
        lease: dt.timedelta = claims.LEASE,
        push_keys: Container[int] | None = None,
        refuses: Callable[[Session], bool] | None = None,
        dice: random.Random | None = None,
        look_every: float = LOOK_EVERY,
        rings_on: Doorbell | None = None,
        steady: Callable[[], float] = lambda: math.inf,
        besides: Mapping[Task, timekeeper.Work] = timekeeper.NOTHING_ELSE,
    ) -> None:
        self._reads, self._writes, self._settles = reading(engine), writing(engine), settling(engine)
        self._expander = Expander(self._reads, self._writes)
        self._sender, self._bell, self._clock = sender, bell, clock
        self._words, self._lease, self._look_every = Words(base_url), lease, look_every
        self._rings_on = rings_on or SilentDoorbell()
        self._push_keys, self._besides = push_keys, besides
        self._refuses, self._refused = refuses, False
        self._dice = dice or random.Random()  # noqa: S311 - jitter, not a secret
        self._lanes: deque[Lane] = deque()
        self._in_hand: dict[Hashable, Claimed] = {}
        self._completed: list[Outcome] = []
        self._completed_since = 0.0
        self._next_key = self._settled = 0
        self._look_at = self._sweep_at = self._ring_on_at = 0.0
        self._gave_back_at, self._settled_then = time.monotonic(), 0
        self._steady = steady
        self._told: deque[tuple[float, list[Settlement]]] = deque()
        self._unsure: list[list[Settlement]] = []
        self._opened = False
        self._did = False
        self._doubts = False
        self._progress = Progress()
        self._turned_at = time.monotonic()

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set, then send nothing new, settle what is in flight, and return."""
        make_rounds(
            self.turn,
            stop,
            who="dispatcher",
            log=log,
            rest=self._rest,
            pause=DATABASE_AWAY_SECONDS,
            while_away=partial(self._outlast, stop),
        )
        self.drain()

    @property
    def seconds_since_turn(self) -> float:
        """How long ago the last turn began; any thread may ask."""
        return time.monotonic() - self._turned_at

    def turn(self) -> bool:
        """One round of everything; whether there was anything to do."""
        self._turned_at = time.monotonic()
        if self._doubts:
            self._settle_again()
        busy = False
        if time.monotonic() >= self._look_at or self._bell.wait(0):
            busy = self._look()
            self._look_at = time.monotonic() + LOOK_WHILE_BUSY
        busy = self._claim() or busy
        busy = self._drive() or busy
        self._progress.say(at_once=not busy)
        self._tidy(GIVE_BACK_EVERY)
        return busy

    def drain(self) -> None:
        """Settle what is in flight, as long as that takes up to `DRAIN_SECONDS`; the rest is left to its lease."""
        until = time.monotonic() + DRAIN_SECONDS
        while (self._in_hand or self._completed) and time.monotonic() < until:
            try:
                self._drive()
            except DBAPIError:
                time.sleep(DATABASE_AWAY_SECONDS)
        self._progress.say(at_once=True)
        log.info("dispatcher.stopped", settled=self._settled, left_to_lease=len(self._in_hand))

    def _tidy(self, every: float) -> None:
        """Give back the memory that short-lived rows and envelopes have left behind, if there were any since."""
        if time.monotonic() - self._gave_back_at >= every and self._settled != self._settled_then:
            give_back()
            self._gave_back_at, self._settled_then = time.monotonic(), self._settled

    def _rest(self) -> None:
        self._tidy(GIVE_BACK_AT_REST)
        self._bell.wait(min(LOOK_AFTER_DEEDS, self._look_every) if self._did else self._look_every)
        self._look_at = 0.0

    def _look(self) -> bool:
        """The timetable, a page of expansion, the sweep, and which lanes have work."""
        now = self._clock()
        if not self._opened:
            timekeeper.open_timetable(self._writes, now=now, besides=self._besides)
            self._opened = True
        idle = not (self._in_hand or self._lanes)
        seconds, refused = timekeeper.IDLE_SECONDS if idle else 0.0, self._sending_is_refused()
        done = timekeeper.keep_time(self._writes, now=now, seconds=seconds, refused=refused, besides=self._besides)
        busy = self._did = done > 0
        if time.monotonic() >= self._sweep_at and self._steady() >= self._lease.total_seconds():
            self._sweep_at = time.monotonic() + SWEEP_EVERY
            with self._writes.begin() as session:
                if given_back := settlement.sweep(session, now=now, lease=self._lease):
                    log.warning("ledger.swept", deliveries=given_back)
        if self._sending_is_refused():
            self._lanes.clear()
            return self._expander.expand(self._clock, refused=True) or busy
        busy = self._expander.expand(self._clock, refused=False) or busy
        busy = self._expander.take_up_digests(now=now) or busy
        with self._reads() as session:
            self._line_up(open_lanes(session, now=self._clock()))
        if len(self._lanes) > 1:
            self._ring_on()
        return busy or bool(self._lanes)

    def _line_up(self, lanes: list[Lane]) -> None:
        """The lanes that were waiting for their turn keep it; the others come behind them, in any order."""
        waiting = [lane for lane in self._lanes if lane in lanes]
        behind = [lane for lane in lanes if lane not in waiting]
        self._dice.shuffle(behind)
        self._lanes = deque(waiting + behind)
        self._expander.found(len(lanes))

    def _sending_is_refused(self) -> bool:
        """Whether nothing may be sent yet (`citylife.ledger.gate`); said aloud whenever that begins."""
        if self._refuses is None:
            return False
        with self._reads() as session:
            refused = self._refuses(session)
        if refused and not self._refused:
            log.warning("sending.refused", until="CITYLIFE_AIPD_DATE is set")
        self._refused = refused
        return refused

    def _ring_on(self) -> None:
        """There is more than one lane: let an idle worker take some, told as often as we look while busy."""
        if time.monotonic() >= self._ring_on_at:
            self._ring_on_at = time.monotonic() + LOOK_WHILE_BUSY
            self._rings_on.ring()

    def _claim(self) -> bool:
        """Claim once from the first lane whose origin has room, and hand it to the sender.

        Nothing while more is heard than one settling turn writes down: what a kill repeats stays bounded.
        """
        if len(self._completed) >= SETTLE_ROWS:
            return False
        for _ in range(len(self._lanes)):
            lane = self._lanes.popleft()
            room = min(PER_ORIGIN - self._sender.in_flight_to(lane.origin), IN_HAND - self._sender.in_flight)
            if room < claims.BATCH:
                self._lanes.append(lane)
                continue
            now = self._clock()
            self._expander.served()
            with self._settles.begin() as session:
                taken = claims.claim(session, lane, now=now, lease=self._lease, push_keys=self._push_keys)
            if taken.not_ours:
                log.warning("deliveries.of_another_push_key", deliveries=taken.not_ours)
            if taken.rows == claims.BATCH:
                self._lanes.append(lane)
            elif not self._lanes:
                self._look_at = 0.0
            said: dict[tuple[DriverId, str, Sequence[Line]], Said] = {}
            for claimed in taken.to_send:
                key = (claimed.message_id, claimed.locale, claimed.announced.lines)
                words = said.get(key)
                if words is None:
                    words = said[key] = self._words.said(claimed.announced, claimed.locale, now=now)
                self._submit(claimed, words)
            if taken.rows:
                return True
        return False

    def _submit(self, claimed: Claimed, said: Said) -> None:
        self._next_key += 1
        self._progress.count(claimed.announced, "claimed")
        self._in_hand[self._next_key] = claimed
        self._sender.submit(
            Envelope(
                key=self._next_key,
                endpoint=claimed.endpoint,
                p256dh=claimed.p256dh,
                auth=claimed.auth,
                plaintext=said.plaintext,
                ttl=said.ttl,
                topic=said.topic,
                urgency=said.urgency,
                push_key=claimed.push_key,
            )
        )

    def _drive(self) -> bool:
        """Let the sender work, and settle what has completed. Whether anything is in hand."""
        if not self._in_hand and not self._completed:
            return False
        patience = SETTLE_SECONDS if len(self._in_hand) > SETTLE_ROWS else SETTLE_SOON
        outcomes = self._sender.turn(patience)
        if outcomes and not self._completed:
            self._completed_since = time.monotonic()
        self._completed.extend(outcomes)
        while self._completed and self._must_settle(patience):
            self._settle(self._completed[:SETTLE_ROWS])
            del self._completed[:SETTLE_ROWS]
        return True

    def _must_settle(self, patience: float) -> bool:
        return (
            len(self._completed) >= SETTLE_ROWS
            or self._sender.in_flight == 0
            or time.monotonic() - self._completed_since >= patience
        )

    def _settle(self, outcomes: Sequence[Outcome]) -> None:
        now = self._clock()
        read = [meaning(outcome, self._in_hand[outcome.key], now=now, dice=self._dice) for outcome in outcomes]
        with self._settles.begin() as session:
            settled = settlement.settle(session, read, now=now)
            self._heed(session, outcomes, now=now)
        self._remember(read)
        for (origin, answer), times in collections.Counter(
            (each.origin, each.answer.value) for each in outcomes
        ).items():
            ANSWERS.labels(origin, answer).inc(times)
        self._settled += settled
        for outcome in outcomes:
            self._progress.count(self._in_hand.pop(outcome.key).announced, outcome.answer.value.replace(" ", "_"))
            if outcome.answer is Answer.REFUSED:
                log.error("push.refused", origin=outcome.origin, status=outcome.status, detail=outcome.detail)
        if settled < len(outcomes):
            log.warning("ledger.late", deliveries=len(outcomes) - settled)

    def _remember(self, settled: list[Settlement]) -> None:
        """Keep what was settled for as long as a crash of the database may undo it."""
        moment = time.monotonic()
        while self._told and self._told[0][0] < moment - UNSURE_SECONDS:
            self._told.popleft()
        self._told.append((moment, settled))

    def _doubt(self) -> None:
        """The database was away: what it was told last may be lost. Others, too, settle before anything is swept."""
        self._doubts = True
        self._lanes.clear()
        self._sweep_at = time.monotonic() + SWEEP_EVERY
        self._unsure += [settled for _, settled in self._told]
        self._told.clear()

    def _outlast(self, stop: threading.Event) -> None:
        self._doubt()
        self._bide(stop)

    def _bide(self, stop: threading.Event) -> None:
        """Wait a moment for the database, and hear meanwhile what becomes of what is in flight."""
        until = time.monotonic() + DATABASE_AWAY_SECONDS
        while not stop.is_set() and (left := until - time.monotonic()) > 0:
            if self._sender.in_flight:
                self._completed.extend(self._sender.turn(SETTLE_SECONDS))
            else:
                stop.wait(left)

    def _settle_again(self) -> None:
        """Say once more what the database may have lost, and all that was answered meanwhile, before anything else.

        What it kept is not this claim's any more, and stays.
        """
        while self._unsure:
            with self._settles.begin() as session:
                again = settlement.settle(session, self._unsure[0], now=self._clock())
            self._told.append((time.monotonic(), self._unsure.pop(0)))
            if again:
                log.warning("ledger.settled_again", deliveries=again)
        while self._completed:
            self._settle(self._completed[:SETTLE_ROWS])
            del self._completed[:SETTLE_ROWS]
        self._doubts = False

    def _heed(self, session: Session, outcomes: Sequence[Outcome], *, now: dt.datetime) -> None:
        """Pause or stop the origins that asked for it, and claim nothing more of them meanwhile."""
        heeded: dict[int, Outcome] = {
            self._in_hand[outcome.key].origin_id: outcome
            for outcome in outcomes
            if outcome.answer is Answer.SLOW_DOWN or outcome.answer is Answer.KEY_WRONG
        }
        for origin_id, outcome in heeded.items():
            if outcome.answer is Answer.SLOW_DOWN:
                settlement.pause_origin(session, origin_id, until=now + pause(outcome))
                log.warning("origin.paused", origin=outcome.origin, seconds=pause(outcome).total_seconds())
            elif settlement.stop_origin(session, origin_id, status=outcome.status, now=now):
                log.error("origin.stopped", origin=outcome.origin, status=outcome.status)
        if heeded:
            self._lanes = deque(lane for lane in self._lanes if lane.origin_id not in heeded)
