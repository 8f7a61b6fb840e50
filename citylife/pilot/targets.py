"""Targets of measures: fixed before the period they are for begins, proposed by one of staff and approved by another.

Only what was seen at a till or written by the server (classes A and B) may have one. It holds from a period on, until a
later one takes its place; none is ever changed or added for a period that has begun, so that no result is known when
its target is. Standing is computed from the value that is told (rounded, not withheld), and frozen with it.
"""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import ClassVar, Final

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from citylife import audit
from citylife.audit import Actor
from citylife.database import new_id
from citylife.errors import Absent, Invalid, Refusal
from citylife.pilot.cells import AGGLOMERATION
from citylife.pilot.measures import BY_KEY, Evidence, Measure
from citylife.pilot.periods import NoSuchPeriod, Period, read_period
from citylife.pilot.tables import LONGEST_REASON, PilotTarget
from citylife.pilot.telling import Told
from citylife.text import check_line
from citylife.wording import Sentence

MOST: Final = 1_000_000_000
"""The largest target."""


class TargetRefused(Invalid):
    """No target can be fixed so: of such a measure, of such a value, or for a period that has begun."""

    slug: ClassVar[str] = "target-refused"
    title: ClassVar[str] = "Objectif refusé"
    sentence: ClassVar[str] = "Cet objectif ne peut pas être fixé."


class TargetSettled(Refusal):
    """The target was approved already, or its first period began before anybody did."""

    slug: ClassVar[str] = "target-settled"
    title: ClassVar[str] = "Objectif déjà réglé"
    sentence: ClassVar[str] = "Cet objectif est déjà approuvé, ou sa première période a commencé sans qu’il le soit."


class OwnTarget(Refusal):
    """Whoever proposed a target cannot approve it."""

    slug: ClassVar[str] = "own-target"
    title: ClassVar[str] = "Une autre personne doit approuver"
    sentence: ClassVar[str] = "Un objectif est approuvé par quelqu’un d’autre que la personne qui l’a proposé."


class Standing(Enum):
    """How a value stands to its target: the words of the Smart Data Models' `currentStanding`."""

    VERY_GOOD = "veryGood"
    GOOD = "good"
    FAIR = "fair"
    BAD = "bad"
    VERY_BAD = "veryBad"


_FROM: Final = ((120, Standing.VERY_GOOD), (100, Standing.GOOD), (80, Standing.FAIR), (50, Standing.BAD))
"""From how many per cent of the target on; below all of them it is very bad."""


def standing_of(measure: Measure, value: float, target: int) -> Standing:
    """How a told value stands to a target; where less is better the ratio is turned round (target over value)."""
    part, whole = (target, value) if measure.lower_is_better else (value, target)
    if whole <= 0:
        return Standing.VERY_GOOD
    return next((standing for per_cent, standing in _FROM if 100 * part >= per_cent * whole), Standing.VERY_BAD)


def propose_target(
    session: Session, measure: str, *, since: str, value: int, reason: str, staff_id: uuid.UUID, now: dt.datetime
) -> PilotTarget:
    """Propose what a measure is to reach from the week or the month `since` on.

    Raises:
        TargetRefused: no measure of class A or B, no value above nought, or the period has begun.
        TextRefused: the reason is no line of at most `LONGEST_REASON` characters.
    """
    known = BY_KEY.get(measure)
    if known is None or known.evidence is Evidence.DECLARED:
        raise TargetRefused(Sentence("Seule une mesure de classe A ou B peut avoir un objectif."), pointer="/measure")
    if not 0 < value <= MOST:
        raise TargetRefused(Sentence("Un objectif est un nombre entier au-dessus de zéro."), pointer="/value")
    try:
        period = read_period(since)
    except NoSuchPeriod as error:
        raise TargetRefused(error.detail, pointer="/since") from error
    if now >= period.begins:
        raise TargetRefused(Sentence("Un objectif se fixe avant que sa première période commence."), pointer="/since")
    target = PilotTarget(
        id=new_id(),
        measure=measure,
        since=str(period),
        value=value,
        reason=check_line(reason, pointer="/reason", most=LONGEST_REASON),
        proposed_by=staff_id,
        proposed_at=now,
    )
    try:
        _add_numbered(session, target)
    except IntegrityError:
        _add_numbered(session, target)
    _note(session, "pilot.target-proposed", target, staff_id, now)
    session.flush()
    return target


def _add_numbered(session: Session, target: PilotTarget) -> None:
    """Add a target as its measure's next version.

    Raises:
        IntegrityError: another took that version at the same moment; nothing was added.
    """
    last = session.scalar(select(func.max(PilotTarget.version)).where(PilotTarget.measure == target.measure))
    target.version = (last or 0) + 1
    with session.begin_nested():
        session.add(target)
        session.flush()


def approve_target(session: Session, target_id: uuid.UUID, *, staff_id: uuid.UUID, now: dt.datetime) -> PilotTarget:
    """Approve a target that somebody else proposed; it holds from its period on.

    Raises:
        Absent: there is no such target.
        OwnTarget: whoever approves has proposed it.
        TargetSettled: it was approved before, or its first period has begun.
    """
    target = session.get(PilotTarget, target_id, with_for_update=True)
    if target is None:
        raise Absent
    if target.approved_at is not None or now >= read_period(target.since).begins:
        raise TargetSettled
    if target.proposed_by == staff_id:
        raise OwnTarget
    target.approved_by, target.approved_at = staff_id, now
    _note(session, "pilot.target-approved", target, staff_id, now)
    session.flush()
    return target


def targets(
    session: Session, *, measure: str | None = None, before: uuid.UUID | None = None, limit: int = 100
) -> Sequence[PilotTarget]:
    """Targets, the last proposed first, also those that nobody approved; of a measure, and older than one."""
    wanted = select(PilotTarget).order_by(PilotTarget.id.desc()).limit(limit)
    if measure is not None:
        wanted = wanted.where(PilotTarget.measure == measure)
    if before is not None:
        wanted = wanted.where(PilotTarget.id < before)
    return session.scalars(wanted).all()


def waiting_targets(session: Session, *, now: dt.datetime) -> list[PilotTarget]:
    """Every target that may still be approved, the last proposed first, however many were proposed since."""
    proposed = select(PilotTarget).where(PilotTarget.approved_at.is_(None)).order_by(PilotTarget.id.desc())
    return [target for target in session.scalars(proposed) if now < read_period(target.since).begins]


def targets_of(session: Session, period: Period) -> dict[str, PilotTarget]:
    """The target of each measure that has one in a period: the last that was approved for it before it began."""
    approved = (
        select(PilotTarget)
        .where(PilotTarget.approved_at < period.begins)
        .order_by(PilotTarget.approved_at, PilotTarget.version)
    )
    found: dict[str, tuple[Period, PilotTarget]] = {}
    for target in session.scalars(approved):
        since = read_period(target.since)
        if since.frequency is not period.frequency or since > period:
            continue
        if target.measure not in found or since >= found[target.measure][0]:
            found[target.measure] = since, target
    return {measure: target for measure, (_, target) in found.items()}


def former_targets(session: Session, period: Period) -> dict[str, list[PilotTarget]]:
    """The approved targets of earlier periods by measure, the latest first, but for the one of the period itself."""
    now = {target.id for target in targets_of(session, period).values()}
    approved = select(PilotTarget).where(PilotTarget.approved_at < period.begins).order_by(PilotTarget.version.desc())
    found: dict[str, list[PilotTarget]] = {}
    for target in session.scalars(approved):
        since = read_period(target.since)
        if since.frequency is period.frequency and since <= period and target.id not in now:
            found.setdefault(target.measure, []).append(target)
    return found


def with_targets(figures: Sequence[Told], fixed: Mapping[str, PilotTarget]) -> list[Told]:
    """Figures as a report has them, with the target of the agglomeration's and, where they are told, their standing."""
    return [_with_target(figure, fixed.get(figure["key"])) for figure in figures]


def _with_target(figure: Told, target: PilotTarget | None) -> Told:
    if target is None or figure["territory"] != AGGLOMERATION:
        return figure
    aimed: Told = {**figure, "target": target.value}
    if "value" in figure:
        aimed["standing"] = standing_of(BY_KEY[figure["key"]], figure["value"], target.value).value
    return aimed


def _note(session: Session, action: str, target: PilotTarget, staff_id: uuid.UUID, now: dt.datetime) -> None:
    said = {"measure": target.measure, "version": target.version, "since": target.since, "value": target.value}
    audit.note(session, action, target.id, actor=Actor.STAFF, actor_id=staff_id, now=now, **said)
