"""The rules of the audience in plain Python, one citizen at a time and as slowly as they read: what the SQL must equal.

Nothing here is shared with the house but the names of its enums: quiet hours, and what is still to come, are found by
walking through minutes.
"""

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from citylife.follows import Level
from citylife.ledger.tables import Arm, Outcome, Reason

PRIME = 2**31 - 1
MILLION = 1_000_000
MINUTE = dt.timedelta(minutes=1)
PARIS = ZoneInfo("Europe/Paris")


@dataclass(frozen=True)
class Spot:
    """A place of hers: `metres` from the shop to its nearest edge. One that has lapsed counts for nothing."""

    area: int | str
    """A cell, or a commune by its INSEE code."""
    metres: float
    live: bool = True
    lasts: bool = True
    """Or it is « now »."""


@dataclass
class Person:
    """A citizen as the rules see her. `level` is None when she does not follow the shop."""

    level: Level | None
    time_zone: str = "Europe/Paris"
    quiet_from: dt.time = dt.time(20)
    quiet_until: dt.time = dt.time(9)
    quiet_sundays: bool = True
    weekly_budget: int = 5
    daily_budget: int = 2
    pace: int = 0
    seed: int = 1
    digest: bool = True
    consented: bool = True
    phones: int = 1
    places: list[Spot] = field(default_factory=list)
    """Two that last and one « now », at most."""
    discovers: bool = False
    located: bool = True
    """Whether she agrees that a place of hers is kept."""
    taken: list[dt.date] = field(default_factory=list)
    """The days on which notifications already count against her budgets."""
    heard: list[dt.date] = field(default_factory=list)
    """The days on which she gets another announcement of the same shop."""

    @property
    def placed(self) -> bool:
        return any(spot.live for spot in self.places)

    def near(self, radius: int) -> bool:
        return any(spot.live and spot.metres <= radius for spot in self.places)


@dataclass(frozen=True)
class Usual:
    """When shops usually announce: what was counted on a day of the four weeks before it, if it ever was."""

    counted_on: dt.date | None = None
    counts: Counter[int] = field(default_factory=Counter)
    """How often all shops together have announced, by minutes of a week of Paris."""
    own: list[dt.datetime] = field(default_factory=list)
    """When the shop has announced something, also before those weeks and after them."""
    weekly: int = 0
    """How often it announces, in thousandths of an announcement a week."""

    def own_counts(self) -> Counter[int]:
        """How often it has announced itself in those weeks, by minutes of a week."""
        clocks = [moment.astimezone(PARIS) for moment in self.own]
        day = self.counted_on
        return Counter(minute_of(clock) for clock in clocks if day and 0 < (day - clock.date()).days <= 28)


def minute_of(clock: dt.datetime) -> int:
    return clock.weekday() * 24 * 60 + clock.hour * 60 + clock.minute


@dataclass(frozen=True)
class Verdict:
    """What is decided for her."""

    outcome: Outcome
    reason: Reason
    at: dt.datetime
    """When it is shown, if it is sent."""
    day: dt.date
    arm: Arm = Arm.NONE
    chance: int | None = None
    takes_a_slot: bool = False
    put_aside: bool = False
    deliveries: int = 0


def wall(person: Person, moment: dt.datetime) -> dt.datetime:
    return moment.astimezone(ZoneInfo(person.time_zone))


def disturbs(person: Person, local: dt.datetime) -> bool:
    """Whether a notification at that time of her clock would fall in her quiet hours."""
    if person.quiet_sundays and local.weekday() == 6:
        return True
    time = local.time().replace(second=0, microsecond=0)
    if person.quiet_from == person.quiet_until:
        return False
    if person.quiet_from < person.quiet_until:
        return person.quiet_from <= time < person.quiet_until
    return time >= person.quiet_from or time < person.quiet_until


def first_welcome(person: Person, now: dt.datetime) -> dt.datetime:
    """The first whole minute at which it may be shown, or now."""
    if not disturbs(person, wall(person, now)):
        return now
    moment = now.replace(second=0, microsecond=0)
    while disturbs(person, wall(person, moment)):
        moment += MINUTE
    return moment


@dataclass(frozen=True)
class Both:
    """Something of her day, and the same of her week."""

    of_day: int
    of_week: int


def shares(person: Person, at: dt.datetime) -> Both:
    """What is left of her week's undisturbed minutes after `at`, in that day and in that week, per million."""
    local = wall(person, at)
    monday = local.date() - dt.timedelta(days=local.weekday())
    clock = dt.datetime.combine(monday, dt.time(0))
    minutes = [clock + number * MINUTE for number in range(7 * 24 * 60)]
    awake = [each for each in minutes if not disturbs(person, each)]
    here = local.replace(tzinfo=None, second=0, microsecond=0)
    left = [each for each in awake if each >= here]
    today = sum(each.date() == here.date() for each in left)
    return Both(today * MILLION // len(awake), len(left) * MILLION // len(awake))


def left_of(person: Person, at: dt.datetime) -> tuple[int, int]:
    """What is left of her budgets, of that week and of that day."""
    day = wall(person, at).date()
    monday = day - dt.timedelta(days=day.weekday())
    week_left = person.weekly_budget - sum(monday <= each < monday + dt.timedelta(days=7) for each in person.taken)
    return week_left, person.daily_budget - sum(each == day for each in person.taken)


def over(person: Person, at: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    """From when on nothing that becomes due is shown any more on the day on which `at` is, and in that week."""
    moment = of_day = of_week = at.replace(second=0, microsecond=0)
    local = today = wall(person, moment)
    while local.isocalendar()[:2] == today.isocalendar()[:2]:
        if not disturbs(person, local):
            of_week = moment
            if local.date() == today.date():
                of_day = moment
        moment += MINUTE
        local = wall(person, moment)
    return of_day + MINUTE, of_week + MINUTE


def announced(counts: Counter[int], begin: dt.datetime, end: dt.datetime) -> int:
    """How many announcements stand in the minutes that the clock of Paris shows from one moment to another."""
    clock, last = (moment.astimezone(PARIS).replace(tzinfo=None) for moment in (begin, end))
    minutes = int((last - clock) / MINUTE)
    return sum(counts[(minute_of(clock) + number) % (7 * 24 * 60)] for number in range(min(minutes, 7 * 24 * 60)))


def still_to_come(person: Person, usual: Usual, now: dt.datetime) -> Both:
    """How many more announcements may come to her after the one of `now`, in thousandths, in that day and that week.

    Of the other shops she follows, what part of a week's announcements usually comes after `now`, a quarter of one
    spread evenly over her undisturbed hours mixed in. Of this shop, which announces once a day, what it usually
    announces on later days: no more than its week without this one.
    """
    at = first_welcome(person, now)
    end_of_day, end_of_week = over(person, at)
    even, own = shares(person, at), usual.own_counts()
    others = max(usual.counts.total() - own.total(), 0)
    pace = person.pace if person.level is None else max(person.pace - usual.weekly, 0)

    def of_others(end: dt.datetime, even: int) -> int:
        to_come = max(announced(usual.counts, now, end) - announced(own, now, end), 0)
        return pace * ((4 * to_come * MILLION + even) // (4 * others + 1)) // MILLION

    later = 0
    if person.level is not None and own:
        later = usual.weekly * announced(own, end_of_day, end_of_week) // own.total()
    return Both(
        of_others(end_of_day, even.of_day),
        of_others(end_of_week, even.of_week) + min(later, max(usual.weekly - 1000, 0)),
    )


def chance_of(person: Person, usual: Usual, now: dt.datetime) -> int:
    week_left, day_left = left_of(person, first_welcome(person, now))
    expected = still_to_come(person, usual, now)
    return min(
        MILLION,
        week_left * 1000 * MILLION // (1000 + expected.of_week),
        day_left * 1000 * MILLION // (1000 + expected.of_day),
    )


def judge(
    person: Person,
    usual: Usual,
    *,
    now: dt.datetime,
    ends_at: dt.datetime,
    radius: int,
    a: int,
    b: int,
    a_day: int = 1,
    sensitive: bool = False,
) -> Verdict | None:
    """What is decided for her about an announcement of `now`; None when nothing is. `radius` in metres."""
    follows, near = person.level is not None, person.near(radius)
    could = person.discovers and person.located and near and person.consented and person.phones > 0
    if not follows and (sensitive or not could):
        return None
    at = first_welcome(person, now)
    day = wall(person, at).date()

    def held(reason: Reason, **more: Any) -> Verdict:
        return Verdict(Outcome.HELD, reason, at, day, **more)

    def sent(reason: Reason, **more: Any) -> Verdict:
        return Verdict(Outcome.SEND, reason, at, day, deliveries=person.phones, **more)

    aside = {"put_aside": person.digest}
    far = person.placed and not near
    told = sum(each == day for each in person.heard)
    week_left, day_left = left_of(person, at)
    for applies, verdict in (
        (person.level is Level.NONE, held(Reason.LEVEL_NONE)),
        (not person.consented, held(Reason.NO_CONSENT)),
        (not person.phones, held(Reason.NO_DEVICE)),
        (person.level is Level.NEARBY and far, held(Reason.NOT_NEAR)),
        (at >= ends_at, held(Reason.QUIET_HOURS)),
        (told >= a_day, held(Reason.ONE_A_DAY, **aside)),
        (person.level is Level.ALWAYS, sent(Reason.ALWAYS)),
        (week_left <= 0, held(Reason.WEEK_SPENT, **aside)),
        (day_left <= 0, held(Reason.DAY_SPENT, **aside)),
    ):
        if applies:
            return verdict

    chance = chance_of(person, usual, now)
    welcome = Reason.NEARBY if person.level is Level.NEARBY and near else Reason.FOLLOWS
    drawn = ((a * person.seed + b) % PRIME) * MILLION < chance * PRIME
    if chance == MILLION:
        return sent(welcome if follows else Reason.DISCOVERY, takes_a_slot=True)
    if drawn:
        reason = Reason.DRAWN if follows else Reason.DISCOVERY
        return sent(reason, arm=Arm.DRAWN, chance=chance, takes_a_slot=True)
    return held(Reason.NOT_DRAWN, arm=Arm.NOT_DRAWN, chance=chance, **aside)
