"""What an offer has brought: who was told, what came of it, and why others were not; never who they are.

Whoever was decided for is found where she was looked for then: among those who follow the shop, or did until after it
was announced, and, of those who would discover it, among those who have a place near it now. So its cost is that of the
shop's own followers, whatever the ledger holds. What has left the ledger is counted by its numbers.
"""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from citylife.activity import Counted, DailyCount
from citylife.audience.asking import question_of
from citylife.audience.foresight import EXPLAINED, rounding, told
from citylife.audience.judging import LAST, discoverers_between, near_the_shop
from citylife.clock import local_date
from citylife.follows import EndedFollow, Follow
from citylife.ledger.statements import NIL, Statement, stored
from citylife.ledger.sums import forgotten_of
from citylife.ledger.tables import Message, MessageKind, MessageState, Outcome, Reason
from citylife.offers.tables import Offer
from citylife.shops.tables import Shop

COUNTED_FOR: Final = dt.timedelta(days=7)
"""How long after an offer's end its page may still be opened from a notification."""
Span = tuple[dt.datetime, dt.datetime]
"""From a moment on, until another that is not in it; for what is counted by day, both are midnights of Paris."""
ALWAYS: Final[Span] = (dt.datetime(2000, 1, 1, tzinfo=dt.UTC), dt.datetime(9000, 1, 1, tzinfo=dt.UTC))
_A_MOMENT: Final = dt.timedelta(microseconds=1)
_OF_SENDING: Final = frozenset({Reason.ALWAYS, Reason.FOLLOWS, Reason.NEARBY, Reason.DISCOVERY, Reason.DRAWN})
_DECIDED: Final = Statement(
    *(
        f"""
        {near},
        people (citizen_id) AS (
            SELECT f.citizen_id FROM follows f WHERE f.shop_id = :shop
            UNION SELECT e.citizen_id FROM ended_follows e WHERE e.shop_id = :shop AND e.ended_at > :announced
            UNION SELECT d.citizen_id FROM {discoverers_between()} AS d
        )
        SELECT d.outcome, d.reason, count(*)
        FROM people CROSS JOIN decisions d
        WHERE d.citizen_id = people.citizen_id AND d.message_id = :message
        GROUP BY d.outcome, d.reason
        """
        for near in near_the_shop()
    )
)
EXPLAINED_LATER: Final[Mapping[Reason, str]] = {
    Reason.UNFOLLOWED: "Ne vous suivaient plus au moment de l’envoi",
    Reason.OFFER_CLOSED: "L’offre n’était plus valable au moment de l’envoi",
    Reason.DEVICE_GONE: "Leur appareil n’était plus joignable",
    Reason.BUDGET_SPENT: "Avaient épuisé leur budget",
    Reason.SHOP_STOPPED: "Les envois de votre commerce étaient arrêtés",
    Reason.SENDING_STOPPED: "Tous les envois étaient arrêtés",
    Reason.SENDING_REFUSED: "Citylife n’envoyait pas encore de notifications",
    Reason.PAGE_ONLY: "Aucune notification ne part pour cette catégorie de commerces",
}
"""What only becomes a reason between publishing and sending, beside those of the preview; translated alike."""
IN_WORDS: Final[Mapping[Reason, str]] = {**EXPLAINED, **EXPLAINED_LATER}


@dataclass(frozen=True, slots=True)
class Results:
    """What an offer has brought until now.

    `sent` (people it was to be sent to), `opened`, `used` (codes at the till), `declared` (by the shop, without a code:
    another kind of evidence, never summed with it) and `new_follows` while it was live are exact. `held` is rounded,
    None under eleven; so is each of `reasons`, where what is under eleven is not there.
    """

    sent: int
    opened: int
    used: int
    declared: int
    new_follows: int
    held: int | None
    reasons: Mapping[tuple[Outcome, Reason], int]


def results_of(
    session: Session, shop: Shop, offer: Offer, *, secret: str, now: dt.datetime, during: Span = ALWAYS
) -> Results:
    """What an offer of this shop has brought; nothing before it was live. `secret` is the instance's.

    `during` leaves out what was announced, counted or begun at another time.
    """
    decided = _decided(session, shop, offer, now=now, during=during)
    of = {
        outcome: {reason: count for (each, reason), count in decided.items() if each is outcome} for outcome in Outcome
    }
    rounded = rounding(shop.id, secret=secret, now=now)
    sent, held = (sum(of[outcome].values()) for outcome in (Outcome.SEND, Outcome.HELD))
    whole = told({Outcome.SEND: sent, Outcome.HELD: held})
    reasons = {
        (outcome, reason): rounded(count, f"{offer.id}{outcome.value}{reason.value}")
        for outcome in Outcome
        for reason, count in told(of[outcome]).items()
    }
    return Results(
        sent=sent,
        opened=_counted(session, Counted.OFFER_OPENED, offer, now=now, during=during),
        used=_counted(session, Counted.TILL_USES, offer, now=now, during=during),
        declared=_counted(session, Counted.DECLARED_USES, offer, now=now, during=during),
        new_follows=_new_follows(session, offer, now=now, during=during),
        held=rounded(held, f"{offer.id}held") if Outcome.HELD in whole else None,
        reasons=reasons,
    )


def being_told(session: Session, offer: Offer) -> bool:
    """Whether decisions of its announcement are still being written, so that what is counted of it grows by itself."""
    wanted = Message.offer_id == offer.id, Message.kind == MessageKind.ANNOUNCEMENT
    return (
        session.scalar(select(Message.id).where(*wanted, Message.state == MessageState.EXPANDING).limit(1)) is not None
    )


def days_counted(offer: Offer, during: Span, *, now: dt.datetime) -> Sequence[dt.date]:
    """The days of a span of time on which something may have been counted of an offer; none before it was live."""
    if offer.live_from is None:
        return []
    first = local_date(max(offer.live_from, during[0]))
    last = local_date(min(now, offer.ends_at + COUNTED_FOR, during[1] - _A_MOMENT))
    return [first + dt.timedelta(days=number) for number in range((last - first).days + 1)]


def _decided(
    session: Session, shop: Shop, offer: Offer, *, now: dt.datetime, during: Span
) -> Counter[tuple[Outcome, Reason]]:
    """How many citizens were decided for, by outcome and reason, over every time the offer was announced."""
    connection, counts = session.connection(), Counter[tuple[Outcome, Reason]]()
    announced = select(Message).where(
        Message.offer_id == offer.id,
        Message.kind == MessageKind.ANNOUNCEMENT,
        Message.created_at >= during[0],
        Message.created_at < during[1],
    )
    for message in session.scalars(announced):
        values = {
            "shop": stored(connection, shop.id),
            "message": stored(connection, message.id),
            "announced": stored(connection, message.created_at),
            "cursor": stored(connection, NIL),
            "upper": stored(connection, LAST),
            **question_of(session, message, shop, offer, now=now).around(connection),
        }
        for outcome, reason, count in _DECIDED.run(connection, values):
            counts[Outcome(outcome), Reason(reason)] += count
        for fate, count in forgotten_of(session, message.id).items():
            if fate in _REASONS:
                reason = Reason(fate)
                counts[Outcome.SEND if reason in _OF_SENDING else Outcome.HELD, reason] += count
    return counts


_REASONS: Final = frozenset(reason.value for reason in Reason)


def _counted(session: Session, counted: Counted, offer: Offer, *, now: dt.datetime, during: Span) -> int:
    """What was counted of the offer by day, from the day it was live on: each day is one seek."""
    wanted = (
        DailyCount.day.in_(days_counted(offer, during, now=now)),
        DailyCount.counted == counted,
        DailyCount.subject == offer.id,
    )
    return int(session.scalar(select(func.coalesce(func.sum(DailyCount.count), 0)).where(*wanted)) or 0)


def _new_follows(session: Session, offer: Offer, *, now: dt.datetime, during: Span) -> int:
    """How many began to follow the shop while the offer was live, also those who have left again."""
    if offer.live_from is None:
        return 0
    until = min(now, offer.closed_at or offer.ends_at, offer.ends_at)
    return sum(
        session.scalar(
            select(func.count()).where(
                table.shop_id == offer.shop_id,
                table.begun_at > offer.live_from,
                table.begun_at <= until,
                table.begun_at >= during[0],
                table.begun_at < during[1],
            )
        )
        or 0
        for table in (Follow, EndedFollow)
    )
