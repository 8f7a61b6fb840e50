"""When a shop is open, in words: now and the next change, the coming days, and what closes it out of the ordinary."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from babel.dates import format_date

from citylife.clock import local_date
from citylife.closures import Closure, Why, closure_of_day, closures_ahead, says_nothing_of
from citylife.hours import A_DAY, Hours, is_holiday, must_ask
from citylife.moments import at_words, clock_words, day_words
from citylife.shops import Shop, ShopStand
from citylife.shops.whereabouts import hours_of_day, times_of, whereabouts
from citylife.wording import Sentence, say

DAYS: Final = 7
CLOSED: Final = {
    Why.HOLIDAY: Sentence("Fermé, jour férié"),
    Why.ANNOUNCED: Sentence("Fermé exceptionnellement"),
}


@dataclass(frozen=True, slots=True)
class Opening:
    """Whether a shop is open now (None: its hours do not say), what comes next, and what to know of today."""

    is_open: bool | None
    label: str
    detail: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class ShownDay:
    """The hours of one of the coming days, and whether it is a public holiday."""

    day: str
    hours: str
    today: bool
    holiday: bool


def show_opening(shop: Shop, stands: Sequence[ShopStand] = (), *, now: dt.datetime, locale: str) -> Opening:
    """Open or closed now, why where that is out of the ordinary, and the next change."""
    hours = hours_of_day(shop, stands, now)
    if hours is None:
        return Opening(None, say(Sentence("Horaires non communiqués"), locale), "")
    if hours.is_open is None:
        return Opening(None, say(Sentence("Horaires à demander au commerce"), locale), hours.comment)
    today = local_date(now)
    closure = None if hours.is_open else closure_of_day(shop, stands, today)
    detail = _next_change(hours, now=now, locale=locale)
    if closure is not None:
        note = "" if closure.comment == detail else closure.comment
        return Opening(hours.is_open, say(CLOSED[closure.why], locale), detail, note)
    label = say(Sentence("Ouvert") if hours.is_open else Sentence("Fermé"), locale)
    unsure = says_nothing_of(today, shop, stands)
    note = say(Sentence("Jour férié : ces horaires sont à vérifier auprès du commerce."), locale) if unsure else ""
    return Opening(hours.is_open, label, detail, note)


def show_days(shop: Shop, *, now: dt.datetime, locale: str) -> tuple[ShownDay, ...]:
    """The hours of today and of the six days after; none where they are not known."""
    if shop.opening_hours is None:
        return ()
    today = local_date(now)
    return tuple(_day(shop, today + ahead * A_DAY, today=not ahead, locale=locale) for ahead in range(DAYS))


def show_closures(shop: Shop, stands: Sequence[ShopStand] = (), *, now: dt.datetime, locale: str) -> tuple[str, ...]:
    """What will close the shop out of the ordinary in the next two weeks, each in one sentence; not today's."""
    today = local_date(now)
    ahead = closures_ahead(shop, stands, now)
    return tuple(_closure(each, locale) for each in ahead if each.last != each.first or each.first > today)


def span_words(span: tuple[dt.datetime, dt.datetime], locale: str) -> str:
    """From when to when on a day: « de 8 h à 12 h 30 »."""
    opens, closes = (say(clock_words(moment.time()), locale) for moment in span)
    return say(Sentence("de {opens} à {closes}", opens=opens, closes=closes), locale)


def _day(shop: Shop, day: dt.date, *, today: bool, locale: str) -> ShownDay:
    spans = times_of(shop, (), [day])
    text = whereabouts(shop, (), day).hours or ""
    if spans:
        said = ", ".join(span_words(span, locale) for span in spans)
    else:
        closure = closure_of_day(shop, (), day)
        asks = must_ask(text, day)
        closed = CLOSED[closure.why] if closure else Sentence("Fermé")
        said = say(Sentence("Horaires à demander au commerce") if asks else closed, locale)
    name = format_date(day, "EEEE", locale=locale)
    return ShownDay(name[:1].upper() + name[1:], said, today, is_holiday(day) and bool(spans))


def _closure(closure: Closure, locale: str) -> str:
    first = day_words(closure.first, locale)
    if closure.last == closure.first:
        shape = Sentence("Fermé le {first}", first=first)
    elif closure.last is None:
        shape = Sentence("Fermé à partir du {first}", first=first)
    else:
        shape = Sentence("Fermé du {first} au {last}", first=first, last=day_words(closure.last, locale))
    said = say(shape, locale)
    if closure.comment:
        return say(Sentence("{closed} : {why}", closed=said, why=closure.comment), locale)
    return say(Sentence("{closed}, jour férié", closed=said), locale) if closure.why is Why.HOLIDAY else said


def _next_change(hours: Hours, *, now: dt.datetime, locale: str) -> str:
    if hours.next_change is None:
        return say(Sentence("sans interruption"), locale) if hours.is_open else hours.comment
    moment = at_words(hours.next_change, now=now, locale=locale)
    return say(Sentence("ferme {moment}" if hours.is_open else "ouvre {moment}", moment=moment), locale)
