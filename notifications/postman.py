"""Takes letters out of the ledger and hands them to the mailer, one at a time, in a thread of its own.

A mail server that is slow or away holds back nothing but mail.
"""

import threading
import time
from functools import partial
from pathlib import Path
from typing import Final

import structlog
from prometheus_client import Counter
from sqlalchemy import Engine

from citylife.clock import Clock, utc_now
from citylife.database import reading, writing
from citylife.doorbell import Waiting
from citylife.letters import ClaimedLetter, LetterState, claim_letter, settle_letter, something_to_send
from citylife.printed_mail import forget_printed_mail
from notifications.mail import MailAnswer, Mailer, MailOutcome
from notifications.mail_composer import compose_mail
from notifications.rounds import make_rounds

log = structlog.get_logger(__name__)

LOOK_EVERY: Final = 2.0
"""Seconds between two looks at the letters when nobody rings."""
AWAY_SECONDS: Final = 1.0
TIDY_EVERY: Final = 3600.0
"""Seconds between two looks at what is kept of mail that was only printed."""
LETTERS: Final = Counter("citylife_letters", "What mail servers made of letters", ["answer"])
_BECOMES: Final = {
    MailAnswer.ACCEPTED: LetterState.SENT,
    MailAnswer.REFUSED: LetterState.REFUSED,
    MailAnswer.RETRY: LetterState.WAITING,
}


class Postman:
    """One postman; many may look at the same letters, on many machines."""

    def __init__(
        self,
        engine: Engine,
        mailer: Mailer,
        *,
        base_url: str,
        bell: Waiting,
        clock: Clock = utc_now,
        look_every: float = LOOK_EVERY,
        printed: Path | None = None,
    ) -> None:
        self._reads, self._writes, self._look_every = reading(engine), writing(engine), look_every
        self._mailer, self._base_url, self._bell, self._clock = mailer, base_url, bell, clock
        self._printed, self._tidy_at = printed, 0.0

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set; the letter in hand is settled first."""
        rest = partial(self._bell.wait, self._look_every)
        make_rounds(self._tidy_and_turn, stop, who="postman", log=log, rest=rest, pause=AWAY_SECONDS)

    def turn(self) -> bool:
        """Send one letter; whether there was any."""
        now = self._clock()
        with self._reads() as session:
            if not something_to_send(session, now=now):
                return False
        with self._writes.begin() as session:
            letter = claim_letter(session, now=now)
        if letter is None:
            return False
        outcome = self._send(letter)
        with self._writes.begin() as session:
            settled = settle_letter(session, letter, _BECOMES[outcome.answer], answer=outcome.status, now=self._clock())
        LETTERS.labels(outcome.answer.value).inc()
        if not settled:
            log.warning("letter.late", letter=str(letter.id))
        elif outcome.answer is not MailAnswer.ACCEPTED:
            log.warning(
                "letter.not_sent",
                letter=str(letter.id),
                answer=outcome.answer.value,
                status=outcome.status,
                detail=outcome.detail,
                attempts=letter.attempts,
            )
        return True

    def _tidy_and_turn(self) -> bool:
        self._tidy()
        return self.turn()

    def _tidy(self) -> None:
        """Once an hour, forget mail that was printed in this host's folder long ago."""
        if self._printed is None or time.monotonic() < self._tidy_at:
            return
        self._tidy_at = time.monotonic() + TIDY_EVERY
        if forgotten := forget_printed_mail(self._printed, now=self._clock()):
            log.info("mail.forgotten", messages=forgotten)

    def _send(self, letter: ClaimedLetter) -> MailOutcome:
        return self._mailer.send(compose_mail(letter, base_url=self._base_url), now=self._clock())
