"""The Monday letter: what last week brought a shop, and its best offer to do again; none where it brought nothing.

It goes to the owners who want it, on Monday at eight in Paris, by pages of shops: a page is read first, keeping no
writer waiting, then its letters are written with the note of how far it came, so that a week has one letter however
many workers there are, and whenever one is killed. Its figures are the shop's own totals; nothing in it tells how they
split up.
"""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from citylife.accounts.merchants import Merchant, Role, team_of
from citylife.clock import PARIS, local_date
from citylife.follows import Follow
from citylife.letters import LetterKind, write_letter
from citylife.merchant_mail.links import Purpose, ids_of, token_of
from citylife.offers.tables import OfferKind, OfferStatus
from citylife.results import Span
from citylife.shop_month import OfferCounts, counts_during, follows_won
from citylife.shops.tables import Shop, ShopStatus

AT: Final = dt.time(8)
"""When a Monday's letters are written, in Paris: no change of the clock ever skips or repeats it."""
PAGE: Final = 10
"""Shops that are read before their letters are written: what waits to be sent meanwhile waits no longer than that."""
WEEK: Final = dt.timedelta(days=7)
WORTH: Final = dt.timedelta(days=2)
"""How long a letter may wait for a mail server."""
STOP_PATH: Final = "/courriel/lundi/arreter/"
AGAIN_PATH: Final = "/courriel/refaire/"
OVER: Final = frozenset({OfferStatus.ENDED, OfferStatus.SOLD_OUT})


@dataclass(frozen=True, slots=True)
class Week:
    """What a week has brought a shop, `declared` uses apart; `best` is the offer over by now that was used most."""

    used: int
    declared: int
    opened: int
    follows_won: int
    followers: int
    best: OfferCounts | None


@dataclass(frozen=True, slots=True)
class MondayLetter:
    """A letter to be written to an owner."""

    merchant_id: uuid.UUID
    recipient: str
    locale: str
    content: dict[str, Any]


def next_monday(now: dt.datetime) -> dt.datetime:
    """The first Monday morning, strictly after `now`; in UTC."""
    day = local_date(now)
    day += dt.timedelta(days=-day.weekday() % 7)
    moment = dt.datetime.combine(day, AT, PARIS).astimezone(dt.UTC)
    return moment if moment > now else dt.datetime.combine(day + WEEK, AT, PARIS).astimezone(dt.UTC)


def last_week(now: dt.datetime) -> Span:
    """The last whole week, Monday to Sunday, by Paris's calendar."""
    monday = local_date(now) - dt.timedelta(days=local_date(now).weekday())
    begins, ends = (dt.datetime.combine(day, dt.time(0), PARIS) for day in (monday - WEEK, monday))
    return begins.astimezone(dt.UTC), ends.astimezone(dt.UTC)


def week_of(session: Session, shop: Shop, *, now: dt.datetime) -> Week | None:
    """What last week brought a shop; None where that is nothing."""
    during = last_week(now)
    offers = counts_during(session, shop, during, now=now)
    used, opened = sum(each.used for each in offers), sum(each.opened for each in offers)
    declared, won = sum(each.declared for each in offers), follows_won(session, shop, during)
    if not (used or declared or opened or won):
        return None
    followers = session.scalar(select(func.count()).where(Follow.shop_id == shop.id)) or 0
    return Week(used, declared, opened, won, followers, _best(offers))


def shops_after(session: Session, after: uuid.UUID) -> Sequence[uuid.UUID]:
    """The page of verified shops that follows one; shorter than `PAGE` where there are no more."""
    wanted = select(Shop.id).where(Shop.id > after, Shop.status == ShopStatus.VERIFIED).order_by(Shop.id).limit(PAGE)
    return session.scalars(wanted).all()


def letters_of(session: Session, shop_id: uuid.UUID, *, secret: str, now: dt.datetime) -> Sequence[MondayLetter]:
    """The letters that a shop's owners are to get; none where nobody wants one, or the week brought nothing."""
    owners = [each for place, each in team_of(session, shop_id) if place.role is Role.OWNER and each.mondays]
    if not owners:
        return []
    shop = session.get_one(Shop, shop_id)
    week = week_of(session, shop, now=now)
    if week is None:
        return []
    return [
        MondayLetter(each.id, each.email, each.locale, _content(shop, each, week, secret=secret, now=now))
        for each in owners
    ]


def write_letters(session: Session, letters: Sequence[MondayLetter], *, now: dt.datetime) -> None:
    """Write letters that were read a moment ago, to those who want them still."""
    asked = select(Merchant.id).where(Merchant.id.in_({each.merchant_id for each in letters}), Merchant.mondays)
    wanting = frozenset(session.scalars(asked) if letters else ())
    for each in letters:
        if each.merchant_id in wanting:
            write_letter(
                session,
                LetterKind.MONDAY,
                each.recipient,
                locale=each.locale,
                content=each.content,
                expires_at=now + WORTH,
                now=now,
            )


def want_mondays(session: Session, merchant_id: uuid.UUID, *, wanted: bool) -> None:
    """Note whether a merchant wants the Monday letter."""
    session.execute(update(Merchant).where(Merchant.id == merchant_id).values(mondays=wanted))


def stop_mondays_by_link(session: Session, token: str, *, secret: str) -> None:
    """Write to whoever was sent the link no such letter any more; of an invented link, nothing is done nor said."""
    ids = ids_of(Purpose.STOP_MONDAYS, token, 1, secret=secret)
    if ids is not None:
        want_mondays(session, ids[0], wanted=False)


def _best(offers: Sequence[OfferCounts]) -> OfferCounts | None:
    """What was used most at the till, then by declaration, then opened most, of what may be done again.

    That is an offer that is over, and was not withdrawn.
    """
    again = [each for each in offers if each.offer.kind is OfferKind.OFFER and each.offer.status in OVER]
    good = [each for each in again if each.used or each.declared or each.opened]
    if not good:
        return None
    return max(good, key=lambda each: (each.used, each.declared, each.opened, each.offer.id))


def _content(shop: Shop, merchant: Merchant, week: Week, *, secret: str, now: dt.datetime) -> dict[str, Any]:
    """What a letter holds: the figures, and the tokens of its links."""
    content: dict[str, Any] = {
        "shop": shop.name,
        "shop_id": str(shop.id),
        "used": week.used,
        "declared": week.declared,
        "opened": week.opened,
        "follows_won": week.follows_won,
        "followers": week.followers,
        "stop": token_of(Purpose.STOP_MONDAYS, merchant.id, secret=secret),
        "best": None,
    }
    if week.best is not None:
        best = week.best
        token = token_of(Purpose.AGAIN, merchant.id, best.offer.id, week_id(now), secret=secret)
        content["best"] = {"title": best.offer.title, "used": best.used, "declared": best.declared, "token": token}
    return content


def week_id(now: dt.datetime) -> uuid.UUID:
    """The week a link is good for, as an id: that of `now`, Monday to Sunday in Paris."""
    return uuid.UUID(int=last_week(now + WEEK)[0].toordinal())
