"""Two versions of an announcement side by side: what was written here, what is kept, and only what differs."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from blueprints.house import now
from blueprints.pages.citizen.showing import KINDS
from blueprints.pages.merchant.weekly import length_words, rhythm_words
from blueprints.pages.merchant.writing import LABELS
from citylife.moments import at_words, until_words
from citylife.offers import Offer, OfferDraft
from citylife.offers.drafts import draft_of
from citylife.offers.recurring import WORDS, RecurringDraft, RecurringOffer, draft_of_recurring
from citylife.offers.weekly import Rhythm
from citylife.prices import euros
from citylife.wording import Sentence, say

YES, NO, NOTHING = Sentence("oui"), Sentence("non"), Sentence("rien")
A_PHOTO = Sentence("une photo")
COMES = Sentence("Quand elle revient")


@dataclass(frozen=True, slots=True)
class ShownDifference:
    """A field that differs, in words: its label, what was written here, what is kept."""

    label: str
    mine: str
    theirs: str


@dataclass(frozen=True, slots=True)
class ShownDivergence:
    """What to choose between: what differs, when the other was kept, its version, whether mine may replace it."""

    differences: list[ShownDifference]
    kept: str
    version: int
    open: bool


def show_divergence(offer: Offer, mine: OfferDraft, locale: str, *, replaces: bool) -> ShownDivergence:
    """The offer as it is now beside what was written; `replaces` where that may still take its place."""
    theirs = draft_of(offer)
    shown = [
        ShownDifference(
            say(LABELS["until" if field.name == "ends_at" else field.name], locale),
            _words(field.name, getattr(mine, field.name), locale),
            _words(field.name, getattr(theirs, field.name), locale),
        )
        for field in fields(OfferDraft)
        if getattr(mine, field.name) != getattr(theirs, field.name)
    ]
    return ShownDivergence(shown, at_words(offer.updated_at, now=now(), locale=locale), offer.version, replaces)


def recurring_differences(series: RecurringOffer, mine: RecurringDraft, locale: str) -> list[ShownDifference]:
    """What comes again as a colleague has kept it, beside what was written; its days, hour and length in one line."""
    theirs = draft_of_recurring(series)
    shown = [
        ShownDifference(
            say(LABELS[name], locale),
            _words(name, getattr(mine, name), locale),
            _words(name, getattr(theirs, name), locale),
        )
        for name in WORDS
        if getattr(mine, name) != getattr(theirs, name)
    ]
    if mine.rhythm != theirs.rhythm:
        rhythms = (_rhythm(draft.rhythm, locale) for draft in (mine, theirs))
        shown.append(ShownDifference(say(COMES, locale), *rhythms))
    return shown


def _rhythm(rhythm: Rhythm, locale: str) -> str:
    days = rhythm_words(rhythm, locale) if rhythm.weekdays else say(NOTHING, locale)
    return f"{days} · {length_words(rhythm, locale)}"


def _words(name: str, value: Any, locale: str) -> str:
    if value is None or value == "":
        return say(NOTHING, locale)
    if isinstance(value, bool):
        return say(YES if value else NO, locale)
    words = SAID.get(name)
    return str(value) if words is None else words(value, locale)


def _end(value: dt.datetime, locale: str) -> str:
    return until_words(value, now=now(), locale=locale)


def _start(value: dt.datetime, locale: str) -> str:
    return at_words(value, now=now(), locale=locale)


SAID: Final[Mapping[str, Callable[[Any, str], str]]] = {
    "kind": lambda value, locale: say(KINDS[value], locale),
    "ends_at": _end,
    "starts_at": _start,
    "price": euros,
    "prior_price": euros,
    "photo_id": lambda _value, locale: say(A_PHOTO, locale),
}
"""The fields that are not said as they are kept."""
