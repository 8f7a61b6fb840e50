"""« Aujourd’hui »: how the service stands and what waits for somebody, at a glance."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from flask import Response, make_response, render_template

from blueprints import guards
from blueprints.house import house, now
from blueprints.pages.language import page_locale
from blueprints.pages.public.pilot import period_words
from blueprints.pages.staff.asking import console_page
from blueprints.pages.staff.rhythms import counted_lately
from blueprints.storage import db
from citylife.accounts.staff import StaffRole
from citylife.ledger.reading import OriginHealth
from citylife.ledger.sending import Sending, sending_now
from citylife.moments import at_words
from citylife.pilot.cells import FEWEST_PERSONS, rounded
from citylife.pilot.periods import read_period
from citylife.pilot.sending import SendingState
from citylife.today import Rhythm, Rhythms, Today, today
from citylife.wording import Sentence, said_value, say

SENDING: Final = {
    Sending.OPEN: Sentence("Les notifications partent"),
    Sending.STOPPED: Sentence("Tous les envois sont arrêtés"),
    Sending.REFUSED: Sentence("Rien ne part : l’analyse d’impact (AIPD) n’est pas datée"),
}
REPORT: Final = {
    SendingState.WAITING: Sentence("en route"),
    SendingState.DELIVERED: Sentence("arrivé"),
    SendingState.REFUSED: Sentence("refusé, à renvoyer à la main"),
}
LATE: Final = 60
"""Seconds that the oldest delivery may wait before it is said to be late."""


@dataclass(frozen=True, slots=True)
class ShownRhythm:
    """Whether something is out of the ordinary: never how many, which would tell of the last to come."""

    label: str
    unusual: bool


@dataclass(frozen=True, slots=True)
class ShownOrigin:
    """A push service: its host, what waits for it, and whether it may be sent to."""

    name: str
    waiting: str
    lag: str
    state: str
    held: bool


@dataclass(frozen=True, slots=True)
class ShownStop:
    """What is stopped, since when and why; everything where `name` is empty."""

    name: str
    address: str
    since: str
    reason: str


@console_page(StaffRole.WATCH)
def read_today() -> Response:
    """The state of today."""
    session, moment, locale = db.session(), now(), page_locale()
    aipd_date = house().settings.aipd_date
    found = today(session, aipd_date=aipd_date, now=moment)
    sending, counted = sending_now(session, aipd_date), counted_lately(moment)
    page = render_template(
        "staff/today.html",
        email=guards.current_staff().email,
        sending=say(SENDING[sending], locale),
        sends=sending is Sending.OPEN,
        stops=_stops(found),
        late=found.standing.ledger.lag > LATE,
        lag=lasting(found.standing.ledger.lag, locale),
        waiting=_number(found.standing.ledger.waiting),
        letters=_number(found.standing.letters.count),
        letters_lag=lasting(found.standing.letters.oldest, locale),
        origins=[_origin(each, moment) for each in found.standing.ledger.origins],
        lost=[_roughly(count) for count in found.devices_lost],
        rhythms=_rhythms(counted),
        counted=at_words(counted.counted_at, now=moment, locale=locale) if counted else "",
        shops=found.shops_waiting,
        reports=found.reports_waiting,
        appeals=found.appeals_waiting,
        report=_report(found),
        cluster=bool(house().settings.cluster_url),
    )
    return make_response(page)


def lasting(seconds: float, locale: str) -> str:
    """How long something has lasted, in its largest unit."""
    for unit, words in (
        (86_400, Sentence("{count} j")),
        (3_600, Sentence("{count} h")),
        (60, Sentence("{count} min")),
    ):
        if seconds >= unit:
            return say(words.format(count=int(seconds // unit)), locale)
    return say(Sentence("{count} s", count=int(seconds)), locale)


def _number(count: int) -> str:
    return str(said_value(count, page_locale()))


def _roughly(count: int) -> str:
    """A number of devices as a published figure would be: day by day, it would tell what the week withholds."""
    if count < FEWEST_PERSONS:
        return say(Sentence("moins de {least}", least=FEWEST_PERSONS), page_locale())
    return say(Sentence("environ {count}", count=rounded(count)), page_locale())


def _rhythms(counted: Rhythms | None) -> Sequence[ShownRhythm]:
    if counted is None:
        return ()
    return (
        _rhythm(Sentence("Nouveaux citoyens"), counted.citizens),
        _rhythm(Sentence("Nouveaux abonnements"), counted.follows),
    )


def _rhythm(label: Sentence, rhythm: Rhythm) -> ShownRhythm:
    return ShownRhythm(say(label, page_locale()), rhythm.unusual)


def _stops(found: Today) -> Sequence[ShownStop]:
    locale = page_locale()
    return [
        ShownStop(
            name="" if shop is None else shop.name,
            address="" if shop is None else str(shop.id),
            since=at_words(stop.stopped_at, now=now(), locale=locale),
            reason=stop.reason,
        )
        for stop, shop in found.stops
    ]


def _origin(each: OriginHealth, moment: dt.datetime) -> ShownOrigin:
    locale = page_locale()
    state, held = Sentence("joignable"), False
    if each.stopped_at is not None:
        state, held = Sentence("arrêté {when}", when=at_words(each.stopped_at, now=moment, locale=locale)), True
    elif each.paused_until is not None and each.paused_until > moment:
        until = at_words(each.paused_until, now=moment, locale=locale)
        state, held = Sentence("en pause, reprend {when}", when=until), True
    name = each.origin.removeprefix("https://")
    return ShownOrigin(name, _number(each.waiting + each.claimed), lasting(each.lag, locale), say(state, locale), held)


def _report(found: Today) -> str:
    """The last report, and how far it has come."""
    locale = page_locale()
    if found.report is None:
        return say(Sentence("Aucun rapport n’est encore arrêté."), locale)
    when = at_words(found.report.frozen_at, now=now(), locale=locale)
    period = period_words(read_period(found.report.period), locale)
    if found.report_sending is None:
        words = Sentence("{period}, arrêté {when}.", period=period, when=when)
        return say(words, locale)
    state = REPORT[found.report_sending.state]
    words = Sentence("{period}, arrêté {when} : {state}.", period=period, when=when, state=state)
    return say(words, locale)
