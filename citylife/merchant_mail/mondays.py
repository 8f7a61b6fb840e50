"""The Monday letter: what last week brought a shop, and its best offer to do again; none where it brought nothing.

It goes to the owners who want it, on Monday at eight in Paris, by pages of shops: each page is written with the note of
how far it came, so that a week has one letter however many workers there are, and whenever one is killed. Its figures
are the shop's own totals; nothing in it tells how they split up.
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
from citylife.offers.tables import Offer, OfferKind, OfferStatus
from citylife.results import Span
from citylife.shop_month import OfferInSpan, follows_won, offers_during
from citylife.shops.tables import Shop, ShopStatus

AT: Final = dt.time(8)
"""When a Monday's letters are written, in Paris: no change of the clock ever skips or repeats it."""
PAGE: Final = 20
"""Shops a transaction looks at."""
WEEK: Final = dt.timedelta(days=7)
WORTH: Final = dt.timedelta(days=2)
"""How long a letter may wait for a mail server."""
STOP_PATH: Final = "/courriel/lundi/arreter/"
AGAIN_PATH: Final = "/courriel/refaire/"
OVER: Final = frozenset({OfferStatus.ENDED, OfferStatus.SOLD_OUT})


@dataclass(frozen=True, slots=True)
class Week:
    """What a week has brought a shop; `best` is the offer over by now that was used most, and how often it was."""

    used: int
    opened: int
    follows_won: int
    followers: int
    best: tuple[Offer, int] | None


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


def week_of(session: Session, shop: Shop, *, secret: str, now: dt.datetime) -> Week | None:
    """What last week brought a shop; None where that is nothing."""
    during = last_week(now)
    offers = offers_during(session, shop, during, secret=secret, now=now)
    used, opened = (sum(getattr(each.results, name) for each in offers) for name in ("used", "opened"))
    won = follows_won(session, shop, during)
    if not (used or opened or won):
        return None
    followers = session.scalar(select(func.count()).where(Follow.shop_id == shop.id)) or 0
    return Week(used, opened, won, followers, _best(offers))


def write_letters(session: Session, after: uuid.UUID, *, secret: str, now: dt.datetime) -> uuid.UUID | None:
    """Write the letters of the page of shops that follows one; the shop it came to, None where there are no more."""
    wanted = select(Shop).where(Shop.id > after, Shop.status == ShopStatus.VERIFIED).order_by(Shop.id).limit(PAGE)
    shops = session.scalars(wanted).all()
    for shop in shops:
        owners = [each for place, each in team_of(session, shop.id) if place.role is Role.OWNER and each.mondays]
        week = week_of(session, shop, secret=secret, now=now) if owners else None
        if week is None:
            continue
        for merchant in owners:
            write_letter(
                session,
                LetterKind.MONDAY,
                merchant.email,
                locale=merchant.locale,
                content=_content(shop, merchant, week, secret=secret, now=now),
                expires_at=now + WORTH,
                now=now,
            )
    return shops[-1].id if len(shops) == PAGE else None


def want_mondays(session: Session, merchant_id: uuid.UUID, *, wanted: bool) -> None:
    """Note whether a merchant wants the Monday letter."""
    session.execute(update(Merchant).where(Merchant.id == merchant_id).values(mondays=wanted))


def stop_mondays_by_link(session: Session, token: str, *, secret: str) -> None:
    """Write to whoever was sent the link no such letter any more; of an invented link, nothing is done nor said."""
    ids = ids_of(Purpose.STOP_MONDAYS, token, 1, secret=secret)
    if ids is not None:
        want_mondays(session, ids[0], wanted=False)


def _best(offers: Sequence[OfferInSpan]) -> tuple[Offer, int] | None:
    """What was used most, then opened most, of what may be done again: an offer that is over, and was not withdrawn."""
    good = [
        each
        for each in offers
        if each.offer.kind is OfferKind.OFFER
        and each.offer.status in OVER
        and (each.results.used or each.results.opened)
    ]
    if not good:
        return None
    best = max(good, key=lambda each: (each.results.used, each.results.opened, each.offer.id))
    return best.offer, best.results.used


def _content(shop: Shop, merchant: Merchant, week: Week, *, secret: str, now: dt.datetime) -> dict[str, Any]:
    """What a letter holds: the figures, and the tokens of its links."""
    content: dict[str, Any] = {
        "shop": shop.name,
        "shop_id": str(shop.id),
        "used": week.used,
        "opened": week.opened,
        "follows_won": week.follows_won,
        "followers": week.followers,
        "stop": token_of(Purpose.STOP_MONDAYS, merchant.id, secret=secret),
        "best": None,
    }
    if week.best is not None:
        offer, used = week.best
        token = token_of(Purpose.AGAIN, merchant.id, offer.id, week_id(now), secret=secret)
        content["best"] = {"title": offer.title, "used": used, "token": token}
    return content


def week_id(now: dt.datetime) -> uuid.UUID:
    """The week a link is good for, as an id: that of `now`, Monday to Sunday in Paris."""
    return uuid.UUID(int=last_week(now + WEEK)[0].toordinal())
