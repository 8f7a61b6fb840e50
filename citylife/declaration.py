"""How accessible the service is said to be: what a person's audit found, and nothing where nobody has audited it.

Article 47 of the law of 11 February 2005, decree of 24 July 2019: a declaration stands on an audit by the RGAA, holds
for three years, and names one of three states. What machines tested is told beside it, and changes none of them.
"""

import datetime as dt
from dataclasses import dataclass
from enum import Enum
from typing import Final

from citylife.settings import Settings
from citylife.wording import Sentence

HOLDS_YEARS: Final = 3
WHOLE: Final = 100
HALF: Final = 50
WRITTEN_ON: Final = dt.date(2026, 11, 28)
"""When the words of the declaration were last gone through."""


class Conformity(Enum):
    """The three states that the decree knows."""

    NONE = "none"
    PARTIAL = "partial"
    FULL = "full"

    @property
    def words(self) -> Sentence:
        """As it must stand at the foot of every page."""
        return CONFORMITY_WORDS[self]


CONFORMITY_WORDS: Final = {
    Conformity.NONE: Sentence("non conforme"),
    Conformity.PARTIAL: Sentence("partiellement conforme"),
    Conformity.FULL: Sentence("totalement conforme"),
}


@dataclass(frozen=True, slots=True)
class Audit:
    """A person's audit: when it ended, how much of the criteria is met (percent), by whom, and where it is read."""

    day: dt.date
    rate: int
    auditor: str
    report: str

    def holds_on(self, day: dt.date) -> bool:
        """Whether a declaration may still stand on it."""
        return (day.year - self.day.year, day.month, day.day) <= (HOLDS_YEARS, self.day.month, self.day.day)


def audit_of(settings: Settings) -> Audit | None:
    """The audit that the operator has recorded."""
    if settings.accessibility_audit_date is None:
        return None
    return Audit(
        day=settings.accessibility_audit_date,
        rate=settings.accessibility_audit_rate,
        auditor=settings.accessibility_auditor,
        report=settings.accessibility_report,
    )


def conformity(audit: Audit | None, *, today: dt.date) -> Conformity:
    """« Non conforme » without an audit that holds; else by the rate it found."""
    if audit is None or not audit.holds_on(today) or audit.rate < HALF:
        return Conformity.NONE
    return Conformity.FULL if audit.rate == WHOLE else Conformity.PARTIAL
