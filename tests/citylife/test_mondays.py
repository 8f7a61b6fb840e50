"""The Monday letter: once a week at eight in Paris, to the owners who want it; none where the week brought nothing."""

import datetime as dt
from collections.abc import Mapping
from typing import Any
from unittest import mock

import pytest
from sqlalchemy import Engine, event, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from citylife import timetable
from citylife.accounts.merchants import Merchant, Role, join_team
from citylife.activity import WHOLE, Counted, count
from citylife.letters import Letter, LetterKind
from citylife.merchant_mail import mondays
from citylife.merchant_mail.links import Purpose, ids_of
from citylife.merchant_mail.mondays import last_week, next_monday, want_mondays, week_id
from citylife.merchant_mail.repeating import draft_again
from citylife.offers import Offer, OfferKind, OfferStatus
from citylife.shop_month import counts_during, offers_during
from citylife.shops import Shop, ShopStatus
from citylife.timetable import Task
from notifications import timekeeper
from tests import builders
from tests.builders import NOW

Sessions = sessionmaker[Session]
SECRET = "a secret of the tests, long enough to be one"
MONDAY = dt.datetime(2026, 11, 30, 7, 0, tzinfo=dt.UTC)
FIGURES = ("used", "declared", "opened")
COUNTED = (Counted.TILL_USES, Counted.DECLARED_USES, Counted.OFFER_OPENED)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


def utc(*moment: int) -> dt.datetime:
    return dt.datetime(*moment, tzinfo=dt.UTC)


def a_fournil(session: Session, email: str = "camille@fournil.example", name: str | None = None) -> Shop:
    return builders.a_shop(session, name, merchant=builders.a_merchant(session, email))


def a_used_offer(session: Session, shop: Shop, title: str, uses: int, **said: object) -> Offer:
    """An offer of last week that is over, and was used so often."""
    offer = builders.an_offer(session, shop, status=OfferStatus.ENDED, title=title, **said)
    if uses:
        count(session, Counted.TILL_USES, offer.id, now=NOW, by=uses)
    return offer


def letters(sessions: Sessions) -> list[Letter]:
    with sessions() as session:
        return list(session.scalars(select(Letter).where(Letter.kind == LetterKind.MONDAY).order_by(Letter.recipient)))


def written(sessions: Sessions, now: dt.datetime = MONDAY) -> list[Letter]:
    with sessions.begin() as session:
        shops = mondays.shops_after(session, WHOLE)
        assert len(shops) < mondays.PAGE
        for shop_id in shops:
            mondays.write_letters(session, mondays.letters_of(session, shop_id, secret=SECRET, now=now), now=now)
    return letters(sessions)


@pytest.fixture
def besides(readers: Sessions) -> Mapping[Task, timekeeper.Work]:
    return timekeeper.letter_deeds(SECRET, readers)


Besides = Mapping[Task, timekeeper.Work]


@pytest.mark.parametrize(
    ("now", "then"),
    [
        (NOW, MONDAY),
        (MONDAY - dt.timedelta(seconds=1), MONDAY),
        (MONDAY, MONDAY + 7 * DAY),
        (utc(2026, 10, 24, 12), utc(2026, 10, 26, 7)),  # the clock goes back on the Sunday between
        (utc(2027, 3, 27, 12), utc(2027, 3, 29, 6)),  # and forward
        (utc(2026, 11, 29, 23, 30), MONDAY),  # already Monday in Paris
    ],
)
def test_it_is_due_on_monday_at_eight_in_paris(now: dt.datetime, then: dt.datetime):
    assert next_monday(now) == then


def test_last_week_is_monday_to_sunday_also_where_a_clock_changes():
    assert last_week(MONDAY) == (utc(2026, 11, 22, 23), utc(2026, 11, 29, 23))
    assert last_week(utc(2026, 10, 26, 7)) == (utc(2026, 10, 18, 22), utc(2026, 10, 25, 23))
    assert last_week(MONDAY + 6 * DAY) == last_week(MONDAY)


def test_it_tells_the_owners_what_last_week_brought(sessions: Sessions):
    with sessions.begin() as session:
        shop = a_fournil(session, name="Le Fournil")
        join_team(session, builders.a_merchant(session, "yanis@fournil.example"), shop, Role.SELLER, now=NOW)
        builders.a_follow(session, builders.a_citizen(session), shop, now=NOW - 30 * DAY)
        builders.a_follow(session, builders.a_citizen(session), shop)
        tarte, pain = a_used_offer(session, shop, "Tarte", 4), a_used_offer(session, shop, "Pain", 2)
        count(session, Counted.OFFER_OPENED, pain.id, now=NOW, by=9)
        count(session, Counted.TILL_USES, tarte.id, now=MONDAY, by=50)
        count(session, Counted.TILL_USES, tarte.id, now=NOW - 7 * DAY, by=50)
        camille = session.scalars(select(Merchant).where(Merchant.email == "camille@fournil.example")).one().id

    (letter,) = written(sessions)

    assert (letter.recipient, letter.locale) == ("camille@fournil.example", "fr")
    found = {name: letter.content[name] for name in ("shop", "used", "opened", "follows_won", "followers")}
    assert found == {"shop": "Le Fournil", "used": 6, "opened": 9, "follows_won": 1, "followers": 2}
    best = letter.content["best"]
    assert (best["title"], best["used"]) == ("Tarte", 4)
    assert ids_of(Purpose.AGAIN, best["token"], 3, secret=SECRET) == (camille, tarte.id, week_id(MONDAY))
    assert ids_of(Purpose.STOP_MONDAYS, letter.content["stop"], 1, secret=SECRET) == (camille,)


def test_a_week_without_anything_has_no_letter(sessions: Sessions):
    with sessions.begin() as session:
        a_used_offer(session, a_fournil(session), "Tarte", 0)
        before = a_fournil(session, "yanis@moulin.example")
        builders.a_follow(session, builders.a_citizen(session), before, now=NOW - 7 * DAY)
    assert written(sessions) == []


def test_a_week_of_nothing_but_declared_uses_has_its_letter_and_they_are_counted_apart(sessions: Sessions):
    with sessions.begin() as session:
        shop = a_fournil(session)
        tarte, pain = a_used_offer(session, shop, "Tarte", 0), a_used_offer(session, shop, "Pain", 0)
        count(session, Counted.DECLARED_USES, tarte.id, now=NOW, by=3)
        count(session, Counted.DECLARED_USES, pain.id, now=NOW, by=8)
    (letter,) = written(sessions)
    assert (letter.content["used"], letter.content["declared"]) == (0, 11)
    best = letter.content["best"]
    assert (best["title"], best["used"], best["declared"]) == ("Pain", 0, 8)


def test_the_best_offer_is_by_its_codes_then_by_what_was_declared_then_by_openings(sessions: Sessions):
    with sessions() as session:
        shop = a_fournil(session)
        offers = [a_used_offer(session, shop, "Tarte", 0) for _ in range(4)]
        for offer, figures in zip(offers, [(1, 0, 0), (0, 9, 0), (0, 8, 9), (0, 0, 50)], strict=True):
            for counted, figure in zip(COUNTED, figures, strict=True):
                count(session, counted, offer.id, now=NOW, by=figure)
        found = counts_during(session, shop, last_week(MONDAY), now=MONDAY)
        ranked = [mondays._best([each for each in found if each.offer in offers[at:]]) for at in range(4)]
    assert [each and each.offer for each in ranked] == offers


def test_who_wants_none_and_shops_that_may_not_speak_get_none(sessions: Sessions):
    with sessions.begin() as session:
        suspended, quiet = a_fournil(session, "a@fournil.example"), a_fournil(session, "b@fournil.example")
        for shop in (suspended, quiet):
            a_used_offer(session, shop, "Tarte", 3)
        suspended.status = ShopStatus.SUSPENDED
        want_mondays(session, builders.a_merchant(session, "b@fournil.example").id, wanted=False)
    assert written(sessions) == []


def test_what_is_live_withdrawn_or_no_offer_is_not_proposed_again(sessions: Sessions):
    with sessions.begin() as session:
        shop = a_fournil(session)
        for status, said in (
            (OfferStatus.LIVE, {"ends_at": MONDAY + DAY}),
            (OfferStatus.WITHDRAWN, {}),
            (OfferStatus.ENDED, {"kind": OfferKind.NEWS}),
        ):
            offer = builders.an_offer(session, shop, status=status, **said)
            count(session, Counted.OFFER_OPENED, offer.id, now=NOW, by=5)
    (letter,) = written(sessions)
    assert (letter.content["opened"], letter.content["best"]) == (15, None)


def test_a_week_has_one_letter_however_often_it_is_looked_at_and_by_pages(
    sessions: Sessions, besides: Besides, monkeypatch
):
    monkeypatch.setattr(mondays, "PAGE", 2)
    with sessions.begin() as session:
        for number in range(5):
            a_used_offer(session, a_fournil(session, f"{number}@fournil.example"), "Tarte", 1)
    timekeeper.open_timetable(sessions, now=NOW, besides=besides)
    for now in (MONDAY - HOUR, MONDAY, MONDAY, MONDAY + HOUR, MONDAY + DAY):
        for _ in range(6):
            timekeeper.keep_time(sessions, now=now, besides=besides)
    assert [letter.recipient for letter in letters(sessions)] == [f"{number}@fournil.example" for number in range(5)]
    with sessions() as session:
        due = session.get_one(timetable.Due, (Task.MONDAYS, WHOLE))
        assert due.due_at == MONDAY + 7 * DAY
        assert session.scalars(select(timetable.Due).where(timetable.Due.task == Task.MONDAY_LETTERS)).all() == []


def test_a_worker_that_was_away_all_monday_writes_once_of_the_last_week(sessions: Sessions, besides: Besides):
    with sessions.begin() as session:
        a_used_offer(session, a_fournil(session), "Tarte", 1)
    timekeeper.open_timetable(sessions, now=NOW, besides=besides)
    for _ in range(3):
        timekeeper.keep_time(sessions, now=MONDAY + 2 * DAY, besides=besides)
    assert len(letters(sessions)) == 1


def test_its_figures_are_those_of_the_shop_s_own_page(sessions: Sessions):
    with sessions.begin() as session:
        shop = a_fournil(session)
        for number in range(3):
            offer = a_used_offer(session, shop, f"Tarte {number}", 1, now=NOW - (12 - 6 * number) * DAY)
            for day in range(-12, 12):
                count(session, Counted.OFFER_OPENED, offer.id, now=NOW + day * DAY, by=1 + number)
                count(session, Counted.DECLARED_USES, offer.id, now=NOW + day * DAY, by=2 + number)
        for during in (last_week(MONDAY), last_week(NOW), (NOW - 10 * DAY, NOW - 3 * DAY)):
            light = counts_during(session, shop, during, now=MONDAY)
            whole = offers_during(session, shop, during, secret=SECRET, now=MONDAY)
            told = [(each.offer.id, *(getattr(each.results, name) for name in FIGURES)) for each in whole]
            assert told == [
                (each.offer.id, *(getattr(each, name) for name in FIGURES))
                for each in light
                if each.used or each.declared or each.opened
            ]


def test_what_it_does_not_tell_is_not_looked_for(sessions: Sessions, engine: Engine):
    asked: list[str] = []
    with sessions.begin() as session:
        shop = a_fournil(session)
        for number in range(12):
            a_used_offer(session, shop, f"Tarte {number}", 1)
    event.listen(engine, "before_cursor_execute", lambda *heard: asked.append(heard[2]))
    assert len(written(sessions)) == 1
    assert len([each for each in asked if "daily_counts" in each]) == 1
    assert [each for each in asked if "decisions" in each or "ledger_sums" in each] == []
    assert len([each for each in asked if " follows" in each]) == 2


def test_no_writer_waits_while_a_page_is_read(sessions: Sessions, besides: Besides, monkeypatch):
    with sessions.begin() as session:
        a_used_offer(session, a_fournil(session), "Tarte", 1)
    timekeeper.open_timetable(sessions, now=NOW, besides=besides)
    timekeeper.keep_time(sessions, now=MONDAY, besides=besides)
    whole = mondays.letters_of

    def reads(*asked: Any, **said: Any) -> Any:
        with sessions.begin() as session:
            builders.a_merchant(session, "somebody.else@moulin.example")
        return whole(*asked, **said)

    monkeypatch.setattr(mondays, "letters_of", reads)
    timekeeper.keep_time(sessions, now=MONDAY, besides=besides)
    assert len(letters(sessions)) == 1


def test_who_stops_them_between_the_reading_and_the_writing_gets_none(sessions: Sessions):
    with sessions.begin() as session:
        shop = a_fournil(session)
        a_used_offer(session, shop, "Tarte", 1)
        found = mondays.letters_of(session, shop.id, secret=SECRET, now=MONDAY)
        assert len(found) == 1
        want_mondays(session, found[0].merchant_id, wanted=False)
        mondays.write_letters(session, found, now=MONDAY)
    assert letters(sessions) == []


def test_a_shop_that_cannot_be_read_keeps_none_after_it_waiting(sessions: Sessions, besides: Besides, monkeypatch):
    monkeypatch.setattr(mondays, "PAGE", 2)
    with sessions.begin() as session:
        for number in range(5):
            a_used_offer(session, a_fournil(session, f"{number}@fournil.example", f"Fournil {number}"), "Tarte", 1)
    whole = mondays._content

    def fails(shop: Shop, *asked: Any, **said: Any) -> Any:
        if shop.name == "Fournil 1":
            raise LookupError
        return whole(shop, *asked, **said)

    monkeypatch.setattr(mondays, "_content", fails)
    timekeeper.open_timetable(sessions, now=NOW, besides=besides)
    for _ in range(6):
        timekeeper.keep_time(sessions, now=MONDAY, besides=besides)
    assert [letter.recipient for letter in letters(sessions)] == [
        f"{number}@fournil.example" for number in (0, 2, 3, 4)
    ]


def test_a_page_whose_database_is_away_is_tried_again(sessions: Sessions, besides: Besides, monkeypatch):
    with sessions.begin() as session:
        a_used_offer(session, a_fournil(session), "Tarte", 1)
    timekeeper.open_timetable(sessions, now=NOW, besides=besides)
    timekeeper.keep_time(sessions, now=MONDAY, besides=besides)
    with monkeypatch.context() as away:
        away.setattr(mondays, "_content", mock.Mock(side_effect=OperationalError("", {}, Exception())))
        timekeeper.keep_time(sessions, now=MONDAY, besides=besides)
    assert letters(sessions) == []
    timekeeper.keep_time(sessions, now=MONDAY + 2 * timetable.LEASE, besides=besides)
    assert len(letters(sessions)) == 1


def test_what_is_done_again_lasts_as_long_and_claims_no_reduction(sessions: Sessions):
    with sessions.begin() as session:
        shop = a_fournil(session)
        said = {"price": 350, "prior_price": 700, "reduction": True, "quantity": 20, "radius": 2000}
        photo = builders.a_photo(session, shop)
        evening = builders.an_offer(session, shop, ends_at=utc(2026, 11, 24, 17), photo_id=photo.id, **said)
        days = builders.an_offer(session, shop, ends_at=utc(2026, 11, 27, 17))
        longest = builders.an_offer(session, shop, ends_at=NOW + 14 * DAY)

        draft = draft_again(evening, now=MONDAY)

        assert (draft.price, draft.quantity, draft.radius, draft.title) == (350, 20, 2000, evening.title)
        assert draft.photo_id == photo.id
        assert (draft.prior_price, draft.reduction, draft.starts_at) == (None, False, None)
        assert draft.ends_at == utc(2026, 11, 30, 17)
        assert draft_again(evening, now=utc(2026, 11, 30, 16)).ends_at == utc(2026, 12, 1, 17), "an hour is too short"
        assert draft_again(days, now=MONDAY).ends_at == utc(2026, 12, 3, 17)
        assert draft_again(evening, now=utc(2027, 3, 29, 6)).ends_at == utc(2027, 3, 29, 16), "at six in the evening"
        assert draft_again(longest, now=MONDAY).ends_at == MONDAY + 14 * DAY
