"""« Chaque jeudi »: published each time by the ordinary path, once, at Paris's hour, and said where it could not be."""

import datetime as dt
import uuid
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.merchants import Role, join_team, leave_team, team_of
from citylife.audit import Actor, AuditEntry
from citylife.clock import PARIS
from citylife.errors import Refusal, Stale
from citylife.ledger.tables import Message, MessageKind
from citylife.offers import (
    Occurred,
    Occurrence,
    Offer,
    OfferStatus,
    RecurringDraft,
    RecurringOffer,
    RecurringStatus,
    Rhythm,
    recur_due,
)
from citylife.offers.coming_again import occurrences_of, recurring_of_shop
from citylife.offers.drafts import OfferBounds, OfferPrice
from citylife.offers.recurring import (
    MOST,
    NotNext,
    RecurringOver,
    RhythmRefused,
    TooManyRecurring,
    begin_recurring,
    change_recurring,
    draft_of_recurring,
    skip_next,
    stop_recurring,
    undo_skip,
)
from citylife.photos.forgetting import forget_photos
from citylife.reports import Wrong, report_offer, uphold
from citylife.shops import Shop, ShopNotVerified, ShopStatus, reinstate_shop, suspend_shop
from citylife.timetable import Due, Task
from notifications import timekeeper
from tests import builders
from tests.builders import NOW
from tests.overlap import overlapping

HOUR, DAY, WEEK = dt.timedelta(hours=1), dt.timedelta(days=1), dt.timedelta(days=7)
THURSDAY = dt.date(2026, 11, 26)
EIGHT = dt.datetime(2026, 11, 26, 7, 0, tzinfo=dt.UTC)
"""Thursday, 8:00 in Paris, in winter."""


def rhythm(*weekdays: int, **said: Any) -> Rhythm:
    """Thursdays at eight for four hours, unless said otherwise."""
    said = {"at": dt.time(8), **said}
    if "until" not in said:
        said.setdefault("hours", 4)
    return Rhythm(weekdays=frozenset(weekdays or {3}), **said)


def a_series(session: Session, shop: Shop | None = None, *weekdays: int, now: dt.datetime = NOW, **said: Any):
    words = {name: said.pop(name) for name in tuple(said) if name in RecurringDraft.__dataclass_fields__}
    draft = RecurringDraft(**{"title": "Fournée de brioches", "rhythm": rhythm(*weekdays, **said), **words})
    return begin_recurring(session, shop or builders.a_shop(session, now=now), draft, now=now)


def due_at(session: Session, series: RecurringOffer) -> dt.datetime | None:
    wanted = select(Due.due_at).where(Due.task == Task.OFFER_RECURS, Due.subject == series.id)
    return session.scalar(wanted)


def outcomes(session: Session, series: RecurringOffer) -> list[tuple[dt.date, Occurred]]:
    rows = session.scalars(select(Occurrence).where(Occurrence.recurring_id == series.id).order_by(Occurrence.day))
    return [(row.day, row.outcome) for row in rows]


def offers_in(session: Session) -> list[Offer]:
    return list(session.scalars(select(Offer).order_by(Offer.id)))


def test_each_thursday_becomes_an_offer_that_is_announced(session: Session):
    citizen = builders.a_citizen(session)
    shop = builders.a_shop(session)
    builders.a_follow(session, citizen, shop)
    series = a_series(session, shop, price=120, quantity=30, description="Au beurre.")
    assert (series.next_on, due_at(session, series)) == (THURSDAY, EIGHT)

    offer = recur_due(session, series.id, now=EIGHT + 20 * dt.timedelta(seconds=1))

    assert offer is not None
    assert (offer.status, offer.title, offer.price, offer.quantity) == (
        OfferStatus.LIVE,
        "Fournée de brioches",
        120,
        30,
    )
    assert offer.ends_at == EIGHT + 4 * HOUR, "what is late ends when it would have"
    kinds = session.scalars(select(Message.kind).where(Message.offer_id == offer.id)).all()
    assert kinds == [MessageKind.ANNOUNCEMENT]
    assert outcomes(session, series) == [(THURSDAY, Occurred.PUBLISHED)]
    assert (series.next_on, due_at(session, series)) == (THURSDAY + WEEK, EIGHT + WEEK)


def test_it_may_come_today_still_and_never_in_the_past(session: Session):
    tuesday_at_ten = NOW
    later, before = a_series(session, None, 1, at=dt.time(11)), a_series(session, None, 1, at=dt.time(10))

    assert later.next_on == tuesday_at_ten.date()
    assert before.next_on == tuesday_at_ten.date() + WEEK


@pytest.mark.parametrize(
    ("day", "at", "utc"),
    [
        (dt.date(2027, 3, 25), dt.time(8), "2027-03-25T07:00"),
        (dt.date(2027, 4, 1), dt.time(8), "2027-04-01T06:00"),
        (dt.date(2027, 3, 28), dt.time(2, 30), "2027-03-28T01:30"),
        (dt.date(2026, 10, 22), dt.time(8), "2026-10-22T06:00"),
        (dt.date(2026, 10, 29), dt.time(8), "2026-10-29T07:00"),
        (dt.date(2026, 10, 25), dt.time(2, 30), "2026-10-25T00:30"),
    ],
    ids=["winter", "summer", "skipped: an hour later", "late summer", "winter again", "twice: the first"],
)
def test_the_hour_is_paris_s_on_both_sides_of_a_change_of_the_clock(day: dt.date, at: dt.time, utc: str):
    weekly = rhythm(day.weekday(), at=at)

    begins = weekly.begins(day)

    assert begins == dt.datetime.fromisoformat(utc).replace(tzinfo=dt.UTC)
    assert weekly.ends(day) - begins == 4 * HOUR, "hours are hours that pass"
    assert weekly.next_day(begins - HOUR) == day
    assert weekly.next_day(begins) == day + WEEK, "an hour that comes twice is one occurrence"


@pytest.mark.parametrize(
    ("day", "at", "until", "lasts"),
    [
        (THURSDAY, dt.time(8), dt.time(20), 12 * HOUR),
        (THURSDAY, dt.time(20), dt.time(0), 4 * HOUR),
        (THURSDAY, dt.time(22), dt.time(2), 4 * HOUR),
        (dt.date(2027, 3, 27), dt.time(22), dt.time(8), 9 * HOUR),
        (dt.date(2026, 10, 24), dt.time(22), dt.time(8), 11 * HOUR),
        (dt.date(2027, 3, 28), dt.time(2, 30), dt.time(3), HOUR / 2),
    ],
    ids=["the same day", "midnight", "past midnight", "a short night", "a long night", "in the hour that is skipped"],
)
def test_until_an_hour_is_until_that_hour_of_paris(day: dt.date, at: dt.time, until: dt.time, lasts: dt.timedelta):
    weekly = rhythm(day.weekday(), at=at, until=until)

    ends = weekly.ends(day)

    assert ends - weekly.begins(day) == lasts
    if lasts != HOUR / 2:
        assert ends.astimezone(PARIS).time() == until


def test_a_year_of_thursdays_are_all_at_eight_and_no_week_is_left_out():
    weekly, moment, begun = rhythm(), NOW, []
    while moment < NOW + dt.timedelta(days=366):
        day = weekly.next_day(moment)
        assert day is not None
        moment = weekly.begins(day)
        begun.append(moment.astimezone(PARIS))

    assert {(each.hour, each.minute, each.weekday()) for each in begun} == {(8, 0, 3)}
    assert len(begun) == len({each.date() for each in begun}) == 54
    assert {after.date() - before.date() for before, after in pairwise(begun)} == {WEEK}


def test_what_a_night_without_workers_left_is_made_up_for_while_it_lasts(session: Session):
    series = a_series(session)

    offer = recur_due(session, series.id, now=EIGHT + 3 * HOUR)

    assert offer is not None
    assert (offer.starts_at, offer.ends_at) == (EIGHT + 3 * HOUR, EIGHT + 4 * HOUR)


def test_what_is_over_before_anybody_worked_is_missed_and_said_and_the_next_comes(session: Session):
    series = a_series(session, None, 2, 3, 4)
    friday_at_nine = EIGHT + DAY + HOUR

    for _ in range(5):
        recur_due(session, series.id, now=friday_at_nine)

    assert outcomes(session, series) == [
        (THURSDAY - DAY, Occurred.MISSED),
        (THURSDAY, Occurred.MISSED),
        (THURSDAY + DAY, Occurred.PUBLISHED),
    ]
    assert len(offers_in(session)) == 1
    assert series.next_on == THURSDAY + 6 * DAY


def test_a_deed_done_again_publishes_nothing_twice(session: Session):
    series = a_series(session)
    recur_due(session, series.id, now=EIGHT)

    assert recur_due(session, series.id, now=EIGHT) is None
    series.next_on = THURSDAY  # whatever put it back
    assert recur_due(session, series.id, now=EIGHT) is None
    assert len(offers_in(session)) == 1
    assert recur_due(session, uuid.uuid4(), now=EIGHT) is None


def test_many_workers_publish_an_occurrence_once(sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        series_id = a_series(session).id

    first, second = overlapping(
        sessions,
        lambda session: recur_due(session, series_id, now=EIGHT),
        lambda session: recur_due(session, series_id, now=EIGHT),
    )

    assert first is not None
    assert second is None

    with sessions() as session:
        assert len(offers_in(session)) == 1
        assert session.scalar(select(func.count()).select_from(Occurrence)) == 1


def test_a_worker_that_dies_half_way_has_published_nothing_and_the_next_does(
    sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
):
    with sessions.begin() as session:
        a_series(session)
    deed = timekeeper.DEEDS[Task.OFFER_RECURS]

    def dies(session: Session, subject: uuid.UUID, now: dt.datetime) -> None:
        deed(session, subject, now)
        raise SystemError("kill -9")

    monkeypatch.setitem(timekeeper.DEEDS, Task.OFFER_RECURS, dies)
    timekeeper.keep_time(sessions, now=EIGHT)
    with sessions() as session:
        assert offers_in(session) == []

    monkeypatch.setitem(timekeeper.DEEDS, Task.OFFER_RECURS, deed)
    assert timekeeper.keep_time(sessions, now=EIGHT + dt.timedelta(minutes=2)) == 1
    assert timekeeper.keep_time(sessions, now=EIGHT + dt.timedelta(minutes=9)) == 0
    with sessions() as session:
        (offer,) = offers_in(session)
        assert offer.status is OfferStatus.LIVE
        acts = select(AuditEntry.actor).where(AuditEntry.subject_id == offer.id)
        assert session.scalars(acts).all() == [Actor.SYSTEM]


def test_the_last_day_is_the_last(session: Session):
    series = a_series(session, last_day=THURSDAY + WEEK)
    recur_due(session, series.id, now=EIGHT)
    assert series.running

    recur_due(session, series.id, now=EIGHT + WEEK)

    assert len(offers_in(session)) == 2
    assert (series.status, series.next_on, due_at(session, series)) == (RecurringStatus.OVER, None, None)


def test_a_change_counts_from_the_next_time_on_and_brings_no_day_twice(session: Session):
    series = a_series(session, price=120)
    recur_due(session, series.id, now=EIGHT)
    draft = RecurringDraft(title="Fournée du soir", rhythm=rhythm(3, 5, at=dt.time(17)))

    change_recurring(session, series, draft, expected_version=series.version, now=EIGHT + HOUR)

    assert [offer.title for offer in offers_in(session)] == ["Fournée de brioches"]
    assert series.next_on == THURSDAY + 2 * DAY, "today has had its own"
    assert due_at(session, series) == EIGHT + 2 * DAY + 9 * HOUR
    offer = recur_due(session, series.id, now=EIGHT + 2 * DAY + 9 * HOUR)
    assert offer is not None
    assert (offer.title, offer.price) == ("Fournée du soir", None)


def test_a_change_before_a_worker_has_looked_loses_no_day_that_was_due(session: Session):
    series = a_series(session)
    draft = RecurringDraft(title="Brioches du matin", rhythm=rhythm())
    second = dt.timedelta(seconds=1)

    change_recurring(session, series, draft, expected_version=series.version, now=EIGHT + 3 * second)

    assert (series.next_on, due_at(session, series)) == (THURSDAY, EIGHT)
    offer = recur_due(session, series.id, now=EIGHT + 5 * second)
    assert offer is not None
    assert (offer.title, outcomes(session, series)) == ("Brioches du matin", [(THURSDAY, Occurred.PUBLISHED)])
    assert series.next_on == THURSDAY + WEEK


def test_a_day_that_was_due_and_is_none_of_the_new_rhythm_is_missed_and_said(session: Session):
    series = a_series(session)
    draft = RecurringDraft(title="Fournée du samedi", rhythm=rhythm(5))

    change_recurring(session, series, draft, expected_version=series.version, now=EIGHT + HOUR)

    assert outcomes(session, series) == [(THURSDAY, Occurred.MISSED)]
    assert (series.next_on, due_at(session, series)) == (THURSDAY + 2 * DAY, EIGHT + 2 * DAY)


def test_two_colleagues_never_overwrite_each_other(session: Session):
    series = a_series(session)
    version = series.version
    change_recurring(session, series, RecurringDraft(title="Flan", rhythm=rhythm()), expected_version=version, now=NOW)

    with pytest.raises(Stale):
        change_recurring(
            session, series, RecurringDraft(title="Tarte", rhythm=rhythm()), expected_version=version, now=NOW
        )

    assert series.title == "Flan"
    same = draft_of_recurring(series)
    before = series.version
    assert change_recurring(session, series, same, expected_version=before, now=NOW).version == before


def test_the_next_time_is_passed_over_once_and_that_is_taken_back(session: Session):
    series = a_series(session)

    skip_next(session, series, THURSDAY, now=NOW)
    skip_next(session, series, THURSDAY, now=NOW)
    assert (series.next_on, due_at(session, series)) == (THURSDAY + WEEK, EIGHT + WEEK)
    with pytest.raises(NotNext):
        skip_next(session, series, THURSDAY + WEEK, now=NOW)

    undo_skip(session, series, THURSDAY, now=NOW)
    undo_skip(session, series, THURSDAY, now=NOW)
    assert (series.next_on, due_at(session, series)) == (THURSDAY, EIGHT)

    skip_next(session, series, THURSDAY, now=NOW)
    assert recur_due(session, series.id, now=EIGHT) is None
    with pytest.raises(NotNext):
        undo_skip(session, series, THURSDAY, now=EIGHT + HOUR)
    assert recur_due(session, series.id, now=EIGHT + WEEK) is not None
    assert outcomes(session, series) == [(THURSDAY, Occurred.SKIPPED), (THURSDAY + WEEK, Occurred.PUBLISHED)]


def test_a_tap_that_comes_too_late_skips_nothing_else(session: Session):
    series = a_series(session)
    recur_due(session, series.id, now=EIGHT)

    with pytest.raises(NotNext):
        skip_next(session, series, THURSDAY, now=EIGHT + HOUR)

    assert series.next_on == THURSDAY + WEEK


def test_passing_over_the_last_time_can_be_taken_back_until_its_moment(session: Session):
    series = a_series(session, last_day=THURSDAY)
    skip_next(session, series, THURSDAY, now=NOW)
    assert (series.running, due_at(session, series)) == (True, EIGHT)

    undo_skip(session, series, THURSDAY, now=NOW)
    skip_next(session, series, THURSDAY, now=NOW)
    recur_due(session, series.id, now=EIGHT)

    assert (series.status, offers_in(session)) == (RecurringStatus.OVER, [])
    assert outcomes(session, series) == [(THURSDAY, Occurred.SKIPPED)]


def test_two_weeks_in_a_row_may_be_passed_over_one_after_the_other(session: Session):
    series = a_series(session)
    skip_next(session, series, THURSDAY, now=NOW)

    skip_next(session, series, THURSDAY + WEEK, now=EIGHT + DAY)

    assert outcomes(session, series) == [(THURSDAY, Occurred.SKIPPED)]
    assert series.next_on == THURSDAY + 2 * WEEK


def test_stopped_it_comes_no_more_and_what_is_live_stays(session: Session):
    series = a_series(session)
    offer = recur_due(session, series.id, now=EIGHT)

    stop_recurring(session, series, now=EIGHT + HOUR)
    stop_recurring(session, series, now=EIGHT + HOUR)

    assert recur_due(session, series.id, now=EIGHT + WEEK) is None
    assert offer is not None
    assert (series.status, due_at(session, series), offer.status) == (RecurringStatus.STOPPED, None, OfferStatus.LIVE)
    for act in (
        lambda: skip_next(session, series, THURSDAY + WEEK, now=EIGHT + HOUR),
        lambda: undo_skip(session, series, THURSDAY + WEEK, now=EIGHT + HOUR),
        lambda: change_recurring(
            session,
            series,
            RecurringDraft(title="Flan", rhythm=rhythm()),
            expected_version=series.version,
            now=EIGHT + HOUR,
        ),
    ):
        with pytest.raises(RecurringOver):
            act()


def test_a_shop_that_is_suspended_announces_no_more_by_itself_also_once_reinstated(
    sessions: sessionmaker[Session],
):
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        series_id = a_series(session, shop).id
        suspend_shop(session, shop, reason="Signalée.", now=NOW)
    timekeeper.keep_time(sessions, now=NOW)
    with sessions.begin() as session:
        series = session.get_one(RecurringOffer, series_id)
        assert series.status is RecurringStatus.SHOP_SILENT
        reinstate_shop(session, session.get_one(Shop, series.shop_id), reason="C’était une erreur.", now=NOW + HOUR)

    timekeeper.keep_time(sessions, now=EIGHT)

    with sessions() as session:
        assert offers_in(session) == []


def test_a_suspension_nobody_has_worked_on_yet_publishes_nothing_all_the_same(session: Session):
    shop = builders.a_shop(session)
    series = a_series(session, shop)
    suspend_shop(session, shop, reason="Signalée.", now=NOW)

    assert recur_due(session, series.id, now=EIGHT) is None
    assert (series.status, offers_in(session)) == (RecurringStatus.SHOP_SILENT, [])


def test_it_ends_with_the_team(session: Session):
    shop = builders.a_shop(session)
    series = a_series(session, shop)
    for place, merchant in team_of(session, shop.id):
        place.ended_at = NOW
        assert merchant.id == place.merchant_id
    session.flush()

    assert recur_due(session, series.id, now=EIGHT) is None
    assert (series.status, offers_in(session)) == (RecurringStatus.TEAM_GONE, [])


def test_what_staff_withdrew_does_not_come_back_by_itself(session: Session):
    shop = builders.a_shop(session)
    series = a_series(session, shop)
    offer = recur_due(session, series.id, now=EIGHT)
    assert offer is not None
    report = report_offer(session, offer, next(iter(Wrong)), now=EIGHT)

    uphold(session, report, reason="Trompeuse.", now=EIGHT + HOUR, actor_id=builders.a_staff_member(session).id)

    assert series.status is RecurringStatus.WITHDRAWN
    assert recur_due(session, series.id, now=EIGHT + WEEK) is None


def test_what_a_rule_refuses_is_written_down_with_its_reason_and_the_next_comes(
    session: Session, monkeypatch: pytest.MonkeyPatch
):
    series = a_series(session)
    monkeypatch.setattr("citylife.offers.drafts.FARTHEST", 100)
    recur_due(session, series.id, now=EIGHT)
    monkeypatch.undo()

    (refused,) = occurrences_of(session, [series.id], since=NOW)[series.id]
    assert (refused.outcome, refused.offer_id) == (Occurred.REFUSED, None)
    assert refused.reason == "Cette valeur doit être comprise entre 100 et 100."
    assert offers_in(session) == [], "nothing of it stays, not even a draft"
    assert recur_due(session, series.id, now=EIGHT + WEEK) is not None


def test_no_announcement_of_alcohol_leaves_its_page(session: Session):
    shop = builders.a_shop(session, category="wine")
    offer = recur_due(session, a_series(session, shop).id, now=EIGHT)

    assert offer is not None
    kinds = session.scalars(select(Message.kind).where(Message.offer_id == offer.id)).all()
    assert kinds == [MessageKind.PAGE_ONLY]


@pytest.mark.parametrize(
    ("said", "pointer", "refusal"),
    [
        ({"rhythm": Rhythm(weekdays=frozenset(), at=dt.time(8), hours=2)}, "/weekdays", RhythmRefused),
        ({"rhythm": Rhythm(weekdays=frozenset({7}), at=dt.time(8), hours=2)}, "/weekdays", RhythmRefused),
        ({"rhythm": Rhythm(weekdays=frozenset({3}), at=dt.time(8))}, "/hours", RhythmRefused),
        ({"rhythm": rhythm(hours=2, until=dt.time(9))}, "/hours", RhythmRefused),
        ({"rhythm": rhythm(2, 3, hours=25)}, "/hours", OfferBounds),
        ({"rhythm": rhythm(hours=0)}, "/hours", OfferBounds),
        ({"rhythm": rhythm(last_day=THURSDAY - DAY)}, "/last_day", RhythmRefused),
        ({"reduction": True, "price": 100}, "/reduction", OfferPrice),
        ({"reduction": True, "perishable": True}, "/price", OfferPrice),
        ({"title": " "}, "/title", Refusal),
        ({"radius": 1}, "/radius", OfferBounds),
        ({"photo_id": uuid.uuid4()}, "/photo_id", Refusal),
    ],
)
def test_what_cannot_come_each_week_is_refused_at_its_field(
    session: Session, said: dict[str, Any], pointer: str, refusal: type[Refusal]
):
    shop = builders.a_shop(session)
    draft = RecurringDraft(**{"title": "Brioches", "rhythm": rhythm(), **said})

    with pytest.raises(refusal) as refused:
        begin_recurring(session, shop, draft, now=NOW)

    assert refused.value.pointer == pointer
    assert session.scalar(select(func.count()).select_from(RecurringOffer)) == 0


def test_a_reduction_of_what_perishes_may_come_each_week(session: Session):
    series = a_series(session, reduction=True, perishable=True, price=100)

    assert [recur_due(session, series.id, now=EIGHT + times * WEEK) is not None for times in range(3)] == [True] * 3


def test_only_a_verified_shop_begins_one_and_at_most_so_many(session: Session):
    with pytest.raises(ShopNotVerified):
        a_series(session, builders.a_shop(session, status=ShopStatus.CLAIMED))
    shop = builders.a_shop(session)
    first = a_series(session, shop)
    for _ in range(MOST - 1):
        a_series(session, shop)
    with pytest.raises(TooManyRecurring):
        a_series(session, shop)

    stop_recurring(session, first, now=NOW)
    a_series(session, shop)
    assert len(recurring_of_shop(session, shop.id, limit=100)) == MOST + 1


def test_the_photo_of_what_comes_again_waits_for_it(session: Session):
    shop = builders.a_shop(session)
    photo = builders.a_photo(session, shop)
    series = a_series(session, shop, photo_id=photo.id)
    late = NOW + 8 * DAY

    assert forget_photos(session, now=late, most=10) == 0
    offer = recur_due(session, series.id, now=EIGHT)
    assert offer is not None
    assert offer.photo_id == photo.id

    other = builders.a_photo(session, shop, "teal")
    unused = a_series(session, shop, photo_id=other.id)
    stop_recurring(session, unused, now=NOW)
    assert forget_photos(session, now=late, most=10) == 1


def test_whoever_leaves_a_team_takes_nothing_along(session: Session):
    owner = builders.a_merchant(session)
    shop = builders.a_shop(session, merchant=owner)
    series = a_series(session, shop)
    colleague = builders.a_merchant(session)
    join_team(session, colleague, shop, Role.OWNER, now=NOW)
    builders.has_come(session, colleague.id, now=NOW)
    leave_team(session, owner.id, shop.id, now=NOW)

    assert recur_due(session, series.id, now=EIGHT) is not None
