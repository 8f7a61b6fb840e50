"""A month of a shop, by Paris's calendar: what each of its offers has brought in it, who came and who left.

Its offers are found by when they were announced (index `ix_messages_shop`), so that its cost is that of the month and
of the shop's followers, whatever came before or since. Beside the exact totals the whole is the sum of what its offers
tell: it tells nothing that they hide.
"""

import datetime as dt
import re
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Self

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from citylife.activity import Counted, DailyCount
from citylife.clock import PARIS
from citylife.demand import may_know_followers
from citylife.errors import Invalid
from citylife.follows import EndedFollow, Follow
from citylife.ledger.sums import KEPT_FOR
from citylife.ledger.tables import Message, MessageKind, Outcome, Reason
from citylife.offers.tables import LONGEST, Offer
from citylife.results import COUNTED_FOR, Results, Span, days_counted, results_of
from citylife.shops.tables import Shop

FIRST_YEAR: Final = 2026
MONTHS: Final = 12
_WRITTEN: Final = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)
_OF_AN_OFFER: Final = (MessageKind.ANNOUNCEMENT, MessageKind.PAGE_ONLY)


class MonthRefused(Invalid):
    """It is no month, or none of which anything can be told."""

    slug: ClassVar[str] = "month-refused"
    title: ClassVar[str] = "Mois refusé"
    sentence: ClassVar[str] = "Un mois s’écrit comme « {example} », et n’est pas à venir."


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month of the calendar; `number` is 1 to 12."""

    year: int
    number: int

    @classmethod
    def of(cls, moment: dt.datetime) -> Self:
        """The month that it is in Paris."""
        local = moment.astimezone(PARIS)
        return cls(local.year, local.month)

    @property
    def before(self) -> "Month":
        """The month before."""
        return Month(self.year, self.number - 1) if self.number > 1 else Month(self.year - 1, MONTHS)

    @property
    def after(self) -> "Month":
        """The month after."""
        return Month(self.year, self.number + 1) if self.number < MONTHS else Month(self.year + 1, 1)

    @property
    def begins_at(self) -> dt.datetime:
        """Its first midnight in Paris."""
        return dt.datetime(self.year, self.number, 1, tzinfo=PARIS).astimezone(dt.UTC)

    @property
    def ends_at(self) -> dt.datetime:
        """The first midnight that is no longer in it."""
        return self.after.begins_at

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"


@dataclass(frozen=True, slots=True)
class OfferInSpan:
    """An offer, and what it has brought in a span of time."""

    offer: Offer
    results: Results


@dataclass(frozen=True, slots=True)
class OfferCounts:
    """An offer, how many of its codes were used at the till, and how often it was opened from a notification.

    `declared` counts uses that were declared without a code: never summed with those of the till.
    """

    offer: Offer
    used: int
    declared: int
    opened: int


@dataclass(frozen=True, slots=True)
class MonthResults:
    """What a month has brought until now, its offers in the order they went live.

    `follows_won` and `follows_lost` are exact, whoever was erased since left out; None while the shop is only claimed.
    `numbers_alone` says that the ledger holds no row of it any more: whoever was erased before her rows became numbers
    is not in them.
    """

    month: Month
    offers: Sequence[OfferInSpan]
    follows_won: int | None
    follows_lost: int | None
    numbers_alone: bool

    @property
    def sent(self) -> int:
        """How many times people were told, over all of its offers."""
        return sum(each.results.sent for each in self.offers)

    @property
    def opened(self) -> int:
        """How often a page was opened from a notification."""
        return sum(each.results.opened for each in self.offers)

    @property
    def used(self) -> int:
        """How many codes were used at the till."""
        return sum(each.results.used for each in self.offers)

    @property
    def declared(self) -> int:
        """How many uses were declared without a code."""
        return sum(each.results.declared for each in self.offers)

    @property
    def held(self) -> int | None:
        """The sum of what its offers tell of those they were held back from; None where none tells anything."""
        held = [each.results.held for each in self.offers if each.results.held is not None]
        return sum(held) if held else None

    @property
    def reasons(self) -> Mapping[tuple[Outcome, Reason], int]:
        """The sums of the reasons that its offers tell."""
        sums = Counter[tuple[Outcome, Reason]]()
        for each in self.offers:
            sums.update(each.results.reasons)
        return sums


def read_month(written: str | None, *, now: dt.datetime) -> Month:
    """The month that is written as « 2026-11 »; that of `now` where none is.

    Raises:
        MonthRefused: it is no month, or it has not begun.
    """
    if written is None:
        return Month.of(now)
    found = _WRITTEN.fullmatch(written)
    month = Month(int(found[1]), int(found[2])) if found else None
    if month is None or month.year < FIRST_YEAR or month > Month.of(now):
        raise MonthRefused(pointer="/month", example=str(Month.of(now)))
    return month


def month_results(session: Session, shop: Shop, month: Month, *, secret: str, now: dt.datetime) -> MonthResults:
    """What a month has brought a shop; `secret` is the instance's."""
    during, told = (month.begins_at, month.ends_at), may_know_followers(shop)
    return MonthResults(
        month=month,
        offers=offers_during(session, shop, during, secret=secret, now=now),
        follows_won=follows_won(session, shop, during) if told else None,
        follows_lost=_lost(session, shop, during) if told else None,
        numbers_alone=month.ends_at <= now - KEPT_FOR,
    )


def offers_during(
    session: Session, shop: Shop, during: Span, *, secret: str, now: dt.datetime
) -> Sequence[OfferInSpan]:
    """The offers that were live in a span of time, or brought something in it, in the order they went live."""
    found = [
        OfferInSpan(offer, results_of(session, shop, offer, secret=secret, now=now, during=during))
        for offer in _announced(session, shop, during)
    ]
    return [each for each in found if _is_of(each, during, now=now)]


def counts_during(session: Session, shop: Shop, during: Span, *, now: dt.datetime) -> Sequence[OfferCounts]:
    """What was counted by day of the offers of a span of time, one seek a day and offer; no decision is looked at."""
    offers = _announced(session, shop, during)
    days = {offer.id: frozenset(days_counted(offer, during, now=now)) for offer in offers}
    wanted = select(DailyCount.subject, DailyCount.counted, DailyCount.day, DailyCount.count).where(
        DailyCount.day.in_(sorted(frozenset[dt.date]().union(*days.values()))),
        DailyCount.counted.in_((Counted.TILL_USES, Counted.DECLARED_USES, Counted.OFFER_OPENED)),
        DailyCount.subject.in_(days),
    )
    sums = Counter[tuple[uuid.UUID, Counted]]()
    for offer_id, counted, day, number in session.execute(wanted):
        if day in days[offer_id]:
            sums[offer_id, counted] += number
    return [
        OfferCounts(
            offer,
            used=sums[offer.id, Counted.TILL_USES],
            declared=sums[offer.id, Counted.DECLARED_USES],
            opened=sums[offer.id, Counted.OFFER_OPENED],
        )
        for offer in offers
    ]


def follows_won(session: Session, shop: Shop, during: Span) -> int:
    """How many began to follow the shop in a span of time, also those who have left again."""
    begun = [
        select(func.count()).where(table.shop_id == shop.id, table.begun_at >= during[0], table.begun_at < during[1])
        for table in (Follow, EndedFollow)
    ]
    begun[1] = begun[1].where(EndedFollow.ended_at >= during[0])
    return sum(session.scalar(each) or 0 for each in begun)


def _announced(session: Session, shop: Shop, during: Span) -> Sequence[Offer]:
    """The offers announced so late that they may have been live in a span of time, or brought something in it."""
    announced = select(Message.offer_id).where(
        Message.shop_id == shop.id,
        Message.kind.in_(_OF_AN_OFFER),
        Message.created_at >= during[0] - LONGEST - COUNTED_FOR,
        Message.created_at < during[1],
    )
    return session.scalars(select(Offer).where(Offer.id.in_(announced)).order_by(Offer.live_from, Offer.id)).all()


def _is_of(each: OfferInSpan, during: Span, *, now: dt.datetime) -> bool:
    """Whether it was live then, or brought something."""
    offer, results = each.offer, each.results
    until = min(now, offer.closed_at or offer.ends_at, offer.ends_at)
    return until >= during[0] or bool(results.opened or results.used or results.declared)


def _lost(session: Session, shop: Shop, during: Span) -> int:
    """How many ceased to follow the shop then, also those who have come back."""
    ended = EndedFollow.shop_id == shop.id, EndedFollow.ended_at >= during[0], EndedFollow.ended_at < during[1]
    return session.scalar(select(func.count()).where(*ended)) or 0
