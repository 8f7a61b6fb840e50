"""Foresight: whom an offer would reach if it were published now, by the very rules that publishing will use.

The merchant's own followers are his to know, as a total. How they split up, by reason or by distance, tells of persons,
the more so as he may ask again with another radius, another end, or one follower more. So counts are rounded with a
threshold that stays the same for a shop, a day and a reason; a count under eleven is hidden, and so is whether there is
one: whether none or ten are hidden, what is shown is the same.
"""

import datetime as dt
import hashlib
import hmac
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from citylife.audience.asking import question_of_draft
from citylife.audience.judging import Hearers, judging, values_of
from citylife.categories import BY_KEY, Policy
from citylife.clock import local_date
from citylife.follows import Follow
from citylife.ledger.tables import Reason
from citylife.shops.tables import Shop

LEAST_SHOWN: Final = 11
"""Counts of citizens under it are masked (as in the pilot's measures)."""
ROUNDED_TO: Final = 5
LEAST_SPLIT: Final = 2 * LEAST_SHOWN - 1
"""Fewer, and the largest part would tell who is not in it."""
Cell = TypeVar("Cell")


class Fate(Enum):
    """What would become of it for a citizen."""

    NOW = "now"
    LATER = "later"
    DIGEST = "digest"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Foreseen:
    """How many citizens by fate and reason, exactly, and how many follow the shop: never shown as it is."""

    followers: int
    counts: Mapping[tuple[Fate, Reason], int]

    def of(self, fate: Fate) -> int:
        """How many citizens share a fate."""
        return sum(count for (each, _), count in self.counts.items() if each is fate)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a merchant is shown: his followers exactly, the rest rounded; None where he may not know them.

    Of fates None is masked; of reasons what is masked is not there, as what there is none of.
    """

    followers: int | None
    fates: Mapping[Fate, int | None]
    reasons: Mapping[tuple[Fate, Reason], int]


NOT_TOLD: Final = Shown(None, dict.fromkeys(Fate), {})
"""What who only claims a shop is shown (`demand.may_know_followers`): no number at all."""
EXPLAINED: Final[Mapping[Reason, str]] = {
    Reason.ALWAYS: "Vous suivent « toujours »",
    Reason.FOLLOWS: "Vous suivent",
    Reason.NEARBY: "Vous suivent et sont à proximité",
    Reason.DISCOVERY: "Ne vous suivent pas, mais veulent découvrir ce qui est proche d’eux",
    Reason.DRAWN: "Retenus par le tirage de leur semaine",
    Reason.LEVEL_NONE: "Vous suivent sans notification",
    Reason.NO_CONSENT: "N’ont pas accepté les notifications",
    Reason.NO_DEVICE: "N’ont aucun appareil à prévenir",
    Reason.NOT_NEAR: "Veulent n’être prévenus qu’à proximité, et n’y sont pas",
    Reason.QUIET_HOURS: "L’offre finit avant la fin de leurs heures calmes",
    Reason.ONE_A_DAY: "Ont déjà de vous, ce jour-là, autant d’annonces qu’un jour en permet",
    Reason.WEEK_SPENT: "Ont épuisé leur budget de la semaine",
    Reason.DAY_SPENT: "Ont épuisé leur budget du jour",
    Reason.NOT_DRAWN: "Le tirage de leur semaine ne retient pas l’offre",
}
"""Each reason in words for a merchant; the catalogue translates them."""
_SENT: Final = frozenset({Reason.ALWAYS, Reason.FOLLOWS, Reason.NEARBY, Reason.DISCOVERY, Reason.DRAWN})
_ASIDE: Final = frozenset({Reason.ONE_A_DAY, Reason.WEEK_SPENT, Reason.DAY_SPENT, Reason.NOT_DRAWN})
_COUNT: Final = {
    hearers: judging(
        hearers,
        """
        SELECT reason, CASE WHEN release_at > :now THEN 1 ELSE 0 END, CASE WHEN digest THEN 1 ELSE 0 END, count(*)
        FROM judged GROUP BY 1, 2, 3
        """,
    )
    for hearers in Hearers
}


def foresee(session: Session, shop: Shop, *, radius: int, ends_at: dt.datetime, now: dt.datetime) -> Foreseen:
    """Whom an offer of this shop would reach if it were published now; `radius` in metres.

    Those who would discover it are among the counts, but for a trade that is never discovered. A trade that has a page
    and no notification reaches nobody.
    """
    policy = BY_KEY[shop.category].policy
    if policy is Policy.PAGE_ONLY:
        return Foreseen(session.scalar(select(func.count()).where(Follow.shop_id == shop.id)) or 0, {})
    connection = session.connection()
    question = question_of_draft(session, shop, radius=radius, ends_at=ends_at, now=now)
    counts: Counter[tuple[Fate, Reason]] = Counter()
    followers = 0
    asked = Hearers if policy is Policy.ADMITTED else (Hearers.FOLLOWERS,)
    for hearers in asked:
        for word, waits, digest, count in _COUNT[hearers].run(connection, values_of(connection, hearers, question)):
            reason = Reason(word)
            counts[fate_of(reason, waits=bool(waits), digest=bool(digest)), reason] += count
            followers += count if hearers is Hearers.FOLLOWERS else 0
    return Foreseen(followers, counts)


def fate_of(reason: Reason, *, waits: bool, digest: bool) -> Fate:
    """What becomes of it for a reason; `waits` for her quiet hours to end, `digest` when she wants one."""
    if reason in _SENT:
        return Fate.LATER if waits else Fate.NOW
    return Fate.DIGEST if digest and reason in _ASIDE else Fate.HELD


def show(foreseen: Foreseen, shop_id: uuid.UUID, *, secret: str, now: dt.datetime) -> Shown:
    """Mask and round what was foreseen; `secret` is the instance's, so that nobody can tell the thresholds."""
    rounded = rounding(shop_id, secret=secret, now=now)
    fates = told({fate: foreseen.of(fate) for fate in Fate})
    return Shown(
        foreseen.followers,
        {fate: rounded(fates[fate], fate.value) if fate in fates else None for fate in Fate},
        {
            (fate, reason): rounded(count, f"{fate.value}{reason.value}")
            for (fate, reason), count in told(foreseen.counts).items()
        },
    )


def rounding(shop_id: uuid.UUID, *, secret: str, now: dt.datetime) -> Callable[[int, str], int]:
    """How a count of a shop's is rounded, under the name of what it counts: the same way for the day of `now`."""
    day = local_date(now)

    def rounded(count: int, name: str) -> int:
        said = f"{shop_id}{day}{name}".encode()
        threshold = hmac.digest(secret.encode(), said, hashlib.sha256)[0] % ROUNDED_TO
        return (count + threshold) // ROUNDED_TO * ROUNDED_TO

    return rounded


def told(counts: Mapping[Cell, int]) -> dict[Cell, int]:
    """The counts that may be told; those under eleven, and those there are none of, are not.

    Who knows the total would know by the others how many are hidden. While that is ten or fewer, the largest is told as
    if five of them were in it: the same whether they are or not.
    """
    shown = {cell: count for cell, count in counts.items() if count >= LEAST_SHOWN}
    hidden = sum(counts.values()) - sum(shown.values())
    if shown and hidden < LEAST_SHOWN:
        largest = max(shown, key=shown.__getitem__)
        shown[largest] += hidden - ROUNDED_TO
        if shown[largest] + ROUNDED_TO < LEAST_SPLIT:
            del shown[largest]
    return shown
