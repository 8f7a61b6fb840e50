"""Outcomes: what a push service answered, as the state of its row and as how long its origin is left alone."""

import datetime as dt
import random
from typing import Final

from citylife.ledger import settlement
from citylife.ledger.claims import Claimed
from citylife.ledger.settlement import Settlement
from citylife.ledger.tables import DeliveryState
from notifications.webpush import Answer, Outcome

DEFAULT_PAUSE: Final = dt.timedelta(seconds=60)
LONGEST_PAUSE: Final = dt.timedelta(hours=6)


def meaning(outcome: Outcome, claimed: Claimed, *, now: dt.datetime, dice: random.Random) -> Settlement:
    """What an answer means for its row; `dice` spread the attempts that a service did not time itself."""
    match outcome.answer:
        case Answer.ACCEPTED:
            return Settlement(claimed, DeliveryState.ACCEPTED, outcome.status)
        case Answer.GONE:
            return Settlement(claimed, DeliveryState.GONE, outcome.status)
        case Answer.REFUSED:
            return Settlement(claimed, DeliveryState.REFUSED, outcome.status)
        case Answer.KEY_WRONG:
            return settlement.try_again(claimed, now=now, after=dt.timedelta(0), status=outcome.status)
        case Answer.SLOW_DOWN:
            return settlement.try_again(claimed, now=now, after=pause(outcome), status=outcome.status)
        case Answer.RETRY:
            after = settlement.back_off(claimed.attempts, dice)
            return settlement.try_again(claimed, now=now, after=after, status=outcome.status)


def pause(outcome: Outcome) -> dt.timedelta:
    """How long the service asked us to wait, at least a second and at most six hours; a minute when it said nothing."""
    if outcome.retry_after is None:
        return DEFAULT_PAUSE
    return min(max(dt.timedelta(seconds=outcome.retry_after), dt.timedelta(seconds=1)), LONGEST_PAUSE)
