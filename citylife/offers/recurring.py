"""Offers that come again each week: the model of their words, their rhythm, and what became of each occurrence.

A recurring offer is no offer: each of its occurrences becomes one, by the same path as what a merchant publishes by
hand. There is at most one a day: its row is the day's, and nothing writes it twice.
"""

import datetime as dt
import uuid
from dataclasses import dataclass, fields, replace
from enum import Enum
from typing import Any, Final

from sqlalchemy import JSON, Date, ForeignKey, Index, SmallInteger, String, Time, func, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from citylife import timetable
from citylife.audit import Actor, note
from citylife.database import Base, Choice, Identifier, new_id
from citylife.errors import Invalid, Refusal, Stale, TooMany
from citylife.offers.drafts import OfferBounds, OfferDraft, OfferPrice, checked, keep_shop
from citylife.offers.tables import OfferKind
from citylife.offers.weekly import WEEK, Rhythm, days_as_bits, days_of_bits
from citylife.photos.keeping import take_photo
from citylife.shops.changes import may_speak
from citylife.shops.claims import hold_shop
from citylife.shops.tables import Shop
from citylife.timetable import Task
from citylife.wording import Sentence

MOST: Final = 20
"""Recurring offers of a shop at once."""
RUNNING: Final = "status = 'running'"


class RecurringStatus(Enum):
    """Whether a recurring offer still comes again, and what ended it otherwise."""

    RUNNING = "running"
    STOPPED = "stopped"
    OVER = "over"
    SHOP_SILENT = "shop-silent"
    TEAM_GONE = "team-gone"
    WITHDRAWN = "withdrawn"


class Occurred(Enum):
    """What became of an occurrence."""

    PUBLISHED = "published"
    SKIPPED = "skipped"
    MISSED = "missed"
    REFUSED = "refused"


class RecurringOffer(Base):
    """The words of an offer that comes again, as those of `Offer`, and its rhythm (`Rhythm`; `weekdays` as bits).

    `next_on` is the day of the next occurrence, `skipped_on` one that was to come and is left out.
    """

    __tablename__ = "recurring_offers"
    __table_args__ = (
        Index("ix_recurring_offers_shop", "shop_id", "id"),
        Index("ix_recurring_offers_photo", "photo_id"),
        Index(
            "ix_recurring_offers_ended",
            "ended_at",
            sqlite_where=text("ended_at IS NOT NULL"),
            postgresql_where=text("ended_at IS NOT NULL"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    shop_id: Mapped[uuid.UUID] = mapped_column(Identifier(), ForeignKey("shops.id"))
    status: Mapped[RecurringStatus] = mapped_column(Choice(RecurringStatus), default=RecurringStatus.RUNNING)
    kind: Mapped[OfferKind] = mapped_column(Choice(OfferKind), default=OfferKind.OFFER)
    title: Mapped[str] = mapped_column(String(80))
    description: Mapped[str] = mapped_column(String(1000), default="")
    price: Mapped[int | None]
    reduction: Mapped[bool] = mapped_column(default=False)
    perishable: Mapped[bool] = mapped_column(default=False)
    quantity: Mapped[int | None]
    radius: Mapped[int] = mapped_column(default=5000)
    photo_id: Mapped[uuid.UUID | None] = mapped_column(Identifier(), ForeignKey("photos.id"))
    weekdays: Mapped[int] = mapped_column(SmallInteger)
    at: Mapped[dt.time] = mapped_column(Time)
    hours: Mapped[int | None] = mapped_column(SmallInteger)
    until: Mapped[dt.time | None] = mapped_column(Time)
    last_day: Mapped[dt.date | None] = mapped_column(Date)
    next_on: Mapped[dt.date | None] = mapped_column(Date)
    skipped_on: Mapped[dt.date | None] = mapped_column(Date)
    begun_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]
    ended_at: Mapped[dt.datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    @property
    def rhythm(self) -> Rhythm:
        """When it comes."""
        days = days_of_bits(self.weekdays)
        return Rhythm(weekdays=days, at=self.at, hours=self.hours, until=self.until, last_day=self.last_day)

    @property
    def running(self) -> bool:
        """Whether it still comes again."""
        return self.status is RecurringStatus.RUNNING


class Occurrence(Base):
    """What became of an occurrence of a recurring offer on a day (Paris): its offer, or why there is none.

    `told` is a sentence that can still be translated: its template, and its values.
    """

    __tablename__ = "occurrences"
    __table_args__ = (
        Index("ix_occurrences_noted_at", "noted_at"),
        Index("ix_occurrences_offer", "offer_id"),
    )

    recurring_id: Mapped[uuid.UUID] = mapped_column(
        Identifier(), ForeignKey("recurring_offers.id", ondelete="CASCADE"), primary_key=True
    )
    day: Mapped[dt.date] = mapped_column(Date, primary_key=True)
    outcome: Mapped[Occurred] = mapped_column(Choice(Occurred))
    offer_id: Mapped[uuid.UUID | None] = mapped_column(Identifier(), ForeignKey("offers.id"))
    told: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    noted_at: Mapped[dt.datetime]

    @property
    def reason(self) -> Sentence | None:
        """Why it was refused, still to be translated."""
        return None if self.told is None else Sentence(self.told["sentence"], **self.told["values"])


class RhythmRefused(Invalid):
    """A rhythm has no day, no hour, no length, or never comes."""

    slug = "rhythm-refused"
    title = "Répétition refusée"
    sentence = "Dites quels jours, à quelle heure, et combien de temps."


class RecurringOver(Refusal):
    """The recurring offer comes no more."""

    slug = "recurring-over"
    status = 409
    title = "Annonce arrêtée"
    sentence = "Cette annonce ne revient plus : elle ne peut plus changer."


class NotNext(Refusal):
    """The day is not, or no longer, the one that comes next."""

    slug = "not-next"
    status = 409
    title = "Pas la prochaine fois"
    sentence = "Ce jour n’est plus celui de la prochaine fois : rien n’a changé."


class TooManyRecurring(TooMany):
    """The shop has many recurring offers."""

    slug = "too-many-recurring"
    title = "Trop d’annonces qui reviennent"
    sentence = "Un commerce a au plus {most} annonces qui reviennent : arrêtez-en une d’abord."


@dataclass(frozen=True, slots=True, kw_only=True)
class RecurringDraft:
    """What a merchant writes of an offer that comes again: words as in `OfferDraft`, and when it comes."""

    title: str
    rhythm: Rhythm
    kind: OfferKind = OfferKind.OFFER
    description: str = ""
    price: int | None = None
    reduction: bool = False
    perishable: bool = False
    quantity: int | None = None
    radius: int = 5000
    photo_id: uuid.UUID | None = None

    def offer(self, day: dt.date) -> OfferDraft:
        """What is published on a day; it begins when it is published."""
        words = {name: getattr(self, name) for name in WORDS}
        return OfferDraft(**words, ends_at=self.rhythm.ends(day))


WORDS: Final = tuple(field.name for field in fields(RecurringDraft) if field.name != "rhythm")


def begin_recurring(
    session: Session,
    shop: Shop,
    draft: RecurringDraft,
    *,
    now: dt.datetime,
    actor_id: uuid.UUID | None = None,
    by_key: bool = False,
) -> RecurringOffer:
    """Let an offer come again each week, from the next day of its rhythm on. `by_key`: a program asks, not a person.

    Raises:
        ShopNotVerified, ShopSuspended: the shop may not speak.
        TooManyRecurring: it has many already.
        RhythmRefused, TextRefused, OfferPrice, OfferBounds, PhotoUnknown: with the pointer of the field at fault.
    """
    hold_shop(session, shop)
    may_speak(shop)
    draft = checked_recurring(draft, now=now)
    running = select(func.count()).where(RecurringOffer.shop_id == shop.id, text(RUNNING))
    if (session.scalar(running) or 0) >= MOST:
        raise TooManyRecurring(most=MOST)
    if draft.photo_id is not None:
        take_photo(session, shop.id, draft.photo_id, now=now)
    series = RecurringOffer(id=new_id(), shop_id=shop.id, begun_at=now, updated_at=now, **_columns(draft))
    series.status, series.version, series.next_on = RecurringStatus.RUNNING, 1, draft.rhythm.next_day(now)
    session.add(series)
    session.flush()
    plan_next(session, series, now=now)
    note(session, "recurring.begun", series.id, actor=Actor.MERCHANT, actor_id=actor_id, now=now, by_key=by_key)
    session.flush()
    return series


def change_recurring(
    session: Session,
    series: RecurringOffer,
    draft: RecurringDraft,
    *,
    expected_version: int,
    now: dt.datetime,
    actor_id: uuid.UUID | None = None,
) -> RecurringOffer:
    """Change what comes from now on; what was published stays as it is, and no day comes twice.

    Raises:
        Stale: somebody changed it since version `expected_version`.
        RecurringOver: it comes no more. ShopNotVerified, ShopSuspended: the shop may not speak.
        RhythmRefused, TextRefused, OfferPrice, OfferBounds, PhotoUnknown: as when it was begun; nothing is changed.
    """
    shop = hold_recurring(session, series)
    if series.version != expected_version:
        raise Stale
    if not series.running:
        raise RecurringOver
    may_speak(shop)
    before = draft_of_recurring(series)
    draft = checked_recurring(draft, now=now)
    if draft == before:
        return series
    if draft.photo_id != before.photo_id:
        for photo_id in sorted(each for each in (draft.photo_id, before.photo_id) if each is not None):
            take_photo(session, series.shop_id, photo_id, now=now)
    due = series.next_on if series.next_on is not None and series.rhythm.begins(series.next_on) <= now else None
    for name, value in _columns(draft).items():
        setattr(series, name, value)
    if series.skipped_on is not None and series.skipped_on.weekday() not in draft.rhythm.weekdays:
        series.skipped_on = None
    series.next_on = _still_due(session, series, due, now=now) or _next_free(session, series, now=now)
    _touch(series, now=now)
    plan_next(session, series, now=now)
    note(session, "recurring.changed", series.id, actor=Actor.MERCHANT, actor_id=actor_id, now=now)
    session.flush()
    return series


def skip_next(
    session: Session, series: RecurringOffer, day: dt.date, *, now: dt.datetime, actor_id: uuid.UUID | None = None
) -> RecurringOffer:
    """Leave the next occurrence out, which is that of `day`. A second time changes nothing.

    Raises:
        RecurringOver: it comes no more. NotNext: another day comes next.
    """
    hold_recurring(session, series)
    if not series.running:
        raise RecurringOver
    if series.skipped_on == day:
        return series
    if day != series.next_on or series.rhythm.begins(day) <= now:
        raise NotNext
    if series.skipped_on is not None:
        if series.rhythm.begins(series.skipped_on) > now:
            raise NotNext
        note_skipped(session, series, now=now)
    series.skipped_on = day
    series.next_on = series.rhythm.day_after(day)
    _touch(series, now=now)
    plan_next(session, series, now=now)
    note(session, "recurring.skipped", series.id, actor=Actor.MERCHANT, actor_id=actor_id, now=now)
    session.flush()
    return series


def undo_skip(
    session: Session, series: RecurringOffer, day: dt.date, *, now: dt.datetime, actor_id: uuid.UUID | None = None
) -> RecurringOffer:
    """Let an occurrence that was left out come after all, while its moment is to come.

    Raises:
        RecurringOver: it comes no more. NotNext: that day is not left out, or its moment has passed.
    """
    hold_recurring(session, series)
    if not series.running:
        raise RecurringOver
    if series.skipped_on is None and series.next_on == day:
        return series
    if series.skipped_on != day or series.rhythm.begins(day) <= now:
        raise NotNext
    series.skipped_on, series.next_on = None, day
    _touch(series, now=now)
    plan_next(session, series, now=now)
    note(session, "recurring.skip-undone", series.id, actor=Actor.MERCHANT, actor_id=actor_id, now=now)
    session.flush()
    return series


def stop_recurring(
    session: Session, series: RecurringOffer, *, now: dt.datetime, actor_id: uuid.UUID | None = None
) -> RecurringOffer:
    """Let it come no more; what is live stays. A second time changes nothing."""
    hold_recurring(session, series)
    if series.running:
        end_recurring(session, series, RecurringStatus.STOPPED, now=now, actor=Actor.MERCHANT, actor_id=actor_id)
    return series


def end_recurring(
    session: Session,
    series: RecurringOffer,
    why: RecurringStatus,
    *,
    now: dt.datetime,
    actor: Actor = Actor.SYSTEM,
    actor_id: uuid.UUID | None = None,
) -> None:
    """End one that is held: it leaves the timetable, and its photo to whoever shows it next."""
    if series.photo_id is not None:
        take_photo(session, series.shop_id, series.photo_id, now=now)
        series.photo_id = None
    series.status, series.ended_at = why, now
    series.next_on = series.skipped_on = None
    _touch(series, now=now)
    timetable.cancel(session, Task.OFFER_RECURS, series.id)
    note(session, "recurring.ended", series.id, actor=actor, actor_id=actor_id, now=now, why=why.value)
    session.flush()


def hold_recurring(session: Session, series: RecurringOffer) -> Shop:
    """Read it and its shop as they are now and hold both until the transaction ends, the shop first; the shop."""
    keep_shop(session, series.shop_id)
    session.refresh(series, with_for_update=True)
    return session.get_one(Shop, series.shop_id)


def plan_next(session: Session, series: RecurringOffer, *, now: dt.datetime) -> None:
    """Put its next occurrence on the timetable, or its end where none is to come."""
    day = series.next_on or series.skipped_on
    due_at = now if day is None else series.rhythm.begins(day)
    timetable.plan(session, Task.OFFER_RECURS, series.id, due_at)


def note_skipped(session: Session, series: RecurringOffer, *, now: dt.datetime) -> None:
    """Write down the day that was left out, once its moment has passed."""
    if series.skipped_on is not None and series.rhythm.begins(series.skipped_on) <= now:
        found = session.get(Occurrence, (series.id, series.skipped_on))
        if found is None:
            session.add(
                Occurrence(recurring_id=series.id, day=series.skipped_on, outcome=Occurred.SKIPPED, noted_at=now)
            )
        series.skipped_on = None
        session.flush()


def draft_of_recurring(series: RecurringOffer) -> RecurringDraft:
    """What it says now, and when it comes."""
    return RecurringDraft(**{name: getattr(series, name) for name in WORDS}, rhythm=series.rhythm)


def checked_recurring(draft: RecurringDraft, *, now: dt.datetime) -> RecurringDraft:
    """The draft with every field in its kept form.

    A reduction that comes each week has, from the second time on, its own price as the lowest of the last thirty days
    (Code de la consommation L112-1-1): only perishable goods, which need no prior price, may announce one.

    Raises:
        RhythmRefused, TextRefused, OfferPrice, OfferBounds: with the pointer of the first field at fault.
    """
    rhythm = draft.rhythm
    day = _check_rhythm(rhythm, now=now)
    if draft.reduction and not draft.perishable:
        raise OfferPrice(
            Sentence(
                "Une réduction ne revient chaque semaine que sur une denrée périssable : dès la deuxième fois, le "
                "prix le plus bas des 30 derniers jours serait le prix réduit."
            ),
            pointer="/reduction",
        )
    words = checked(replace(draft.offer(day), starts_at=rhythm.begins(day)), now=now)
    return RecurringDraft(**{name: getattr(words, name) for name in WORDS}, rhythm=rhythm)


def _check_rhythm(rhythm: Rhythm, *, now: dt.datetime) -> dt.date:
    """The first day of the rhythm.

    Raises:
        RhythmRefused, OfferBounds: with the pointer of the first field at fault.
    """
    if not rhythm.weekdays or not rhythm.weekdays <= set(range(WEEK)):
        raise RhythmRefused(Sentence("Choisissez au moins un jour de la semaine."), pointer="/weekdays")
    if (rhythm.hours is None) == (rhythm.until is None):
        raise RhythmRefused(
            Sentence("Dites combien d’heures elle dure, ou jusqu’à quelle heure : l’un des deux."), pointer="/hours"
        )
    if rhythm.hours is not None and not 1 <= rhythm.hours <= rhythm.shortest_gap:
        raise OfferBounds(pointer="/hours", least=1, most=rhythm.shortest_gap)
    day = rhythm.next_day(now)
    if day is None:
        raise RhythmRefused(Sentence("Avec cette date de fin, l’annonce ne viendrait jamais."), pointer="/last_day")
    return day


def _still_due(session: Session, series: RecurringOffer, due: dt.date | None, *, now: dt.datetime) -> dt.date | None:
    """The day that was due and nobody has looked at: it still comes if the new rhythm has it; else it is missed."""
    looked_at = due is None or session.get(Occurrence, (series.id, due)) is not None
    if due is not None and not looked_at and due.weekday() not in series.rhythm.weekdays:
        session.add(Occurrence(recurring_id=series.id, day=due, outcome=Occurred.MISSED, noted_at=now))
        looked_at = True
    return None if looked_at else due


def _next_free(session: Session, series: RecurringOffer, *, now: dt.datetime) -> dt.date | None:
    """The next day that is to come and has not been: an hour that was put off brings no day a second time."""
    rhythm, but = series.rhythm, series.skipped_on
    day = rhythm.next_day(now, but=but)
    last = session.scalar(select(func.max(Occurrence.day)).where(Occurrence.recurring_id == series.id))
    return rhythm.day_after(last, but=but) if day is not None and last is not None and last >= day else day


def _columns(draft: RecurringDraft) -> dict[str, Any]:
    rhythm = draft.rhythm
    when = {"at": rhythm.at, "hours": rhythm.hours, "until": rhythm.until, "last_day": rhythm.last_day}
    return {name: getattr(draft, name) for name in WORDS} | when | {"weekdays": days_as_bits(rhythm.weekdays)}


def _touch(series: RecurringOffer, *, now: dt.datetime) -> None:
    series.version, series.updated_at = series.version + 1, now
