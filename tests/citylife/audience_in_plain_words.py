"""The rules of the audience in plain Python, one citizen at a time and as slowly as they read: what the SQL must equal.

Nothing here is shared with the house but the names of its enums: quiet hours are found by walking through minutes.
"""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from citylife.follows import Level
from citylife.ledger.tables import Arm, Outcome, Reason

PRIME = 2**31 - 1
MILLION = 1_000_000
MINUTE = dt.timedelta(minutes=1)


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
    placed: bool = False
    near: bool = False
    discovers: bool = False
    located: bool = True
    """Whether she agrees that a place of hers is kept."""
    taken: list[dt.date] = field(default_factory=list)
    """The days on which notifications already count against her budgets."""
    heard: list[dt.date] = field(default_factory=list)
    """The days on which she gets another announcement of the same shop."""


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


def share(person: Person, at: dt.datetime, *, of_week: bool) -> int:
    """What is left of her week's undisturbed minutes after `at`, in that day or in that week, per million."""
    local = wall(person, at)
    monday = local.date() - dt.timedelta(days=local.weekday())
    clock = dt.datetime.combine(monday, dt.time(0))
    minutes = [clock + number * MINUTE for number in range(7 * 24 * 60)]
    awake = [each for each in minutes if not disturbs(person, each)]
    here = local.replace(tzinfo=None, second=0, microsecond=0)
    left = [each for each in awake if each >= here and (of_week or each.date() == here.date())]
    return len(left) * MILLION // len(awake)


def left_of(person: Person, at: dt.datetime) -> tuple[int, int]:
    """What is left of her budgets, of that week and of that day."""
    day = wall(person, at).date()
    monday = day - dt.timedelta(days=day.weekday())
    week_left = person.weekly_budget - sum(monday <= each < monday + dt.timedelta(days=7) for each in person.taken)
    return week_left, person.daily_budget - sum(each == day for each in person.taken)


def chance_of(person: Person, at: dt.datetime) -> int:
    week_left, day_left = left_of(person, at)
    chances = [MILLION]
    for left, of_week in ((week_left, True), (day_left, False)):
        expected = 1000 + person.pace * share(person, at, of_week=of_week) // MILLION
        chances.append(left * 1000 * MILLION // expected)
    return min(chances)


def judge(
    person: Person, *, now: dt.datetime, ends_at: dt.datetime, a: int, b: int, a_day: int = 1, sensitive: bool = False
) -> Verdict | None:
    """What is decided for her about an announcement of `now`; None when nothing is."""
    follows = person.level is not None
    could = person.discovers and person.located and person.near and person.consented and person.phones > 0
    if not follows and (sensitive or not could):
        return None
    at = first_welcome(person, now)
    day = wall(person, at).date()

    def held(reason: Reason, **more: Any) -> Verdict:
        return Verdict(Outcome.HELD, reason, at, day, **more)

    def sent(reason: Reason, **more: Any) -> Verdict:
        return Verdict(Outcome.SEND, reason, at, day, deliveries=person.phones, **more)

    aside = {"put_aside": person.digest}
    far = person.placed and not person.near
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

    chance = chance_of(person, at)
    welcome = Reason.NEARBY if person.level is Level.NEARBY and person.near else Reason.FOLLOWS
    drawn = ((a * person.seed + b) % PRIME) * MILLION < chance * PRIME
    if chance == MILLION:
        return sent(welcome if follows else Reason.DISCOVERY, takes_a_slot=True)
    if drawn:
        reason = Reason.DRAWN if follows else Reason.DISCOVERY
        return sent(reason, arm=Arm.DRAWN, chance=chance, takes_a_slot=True)
    return held(Reason.NOT_DRAWN, arm=Arm.NOT_DRAWN, chance=chance, **aside)
