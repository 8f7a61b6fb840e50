"""The Monday letter: once a week at eight in Paris, to the owners who want it; none where the week brought nothing."""

import datetime as dt

import pytest
from sqlalchemy import select
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
from citylife.shops import Shop, ShopStatus
from citylife.timetable import Task
from notifications import timekeeper
from tests import builders
from tests.builders import NOW

Sessions = sessionmaker[Session]
SECRET = "a secret of the tests, long enough to be one"
MONDAY = dt.datetime(2026, 11, 30, 7, 0, tzinfo=dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
BESIDES = timekeeper.monday_deeds(SECRET)


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
        assert mondays.write_letters(session, WHOLE, secret=SECRET, now=now) is None
    return letters(sessions)


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


def test_a_week_has_one_letter_however_often_it_is_looked_at_and_by_pages(sessions: Sessions, monkeypatch):
    monkeypatch.setattr(mondays, "PAGE", 2)
    with sessions.begin() as session:
        for number in range(5):
            a_used_offer(session, a_fournil(session, f"{number}@fournil.example"), "Tarte", 1)
    timekeeper.open_timetable(sessions, now=NOW, besides=BESIDES)
    for now in (MONDAY - HOUR, MONDAY, MONDAY, MONDAY + HOUR, MONDAY + DAY):
        for _ in range(6):
            timekeeper.keep_time(sessions, now=now, besides=BESIDES)
    assert [letter.recipient for letter in letters(sessions)] == [f"{number}@fournil.example" for number in range(5)]
    with sessions() as session:
        due = session.get_one(timetable.Due, (Task.MONDAYS, WHOLE))
        assert due.due_at == MONDAY + 7 * DAY
        assert session.scalars(select(timetable.Due).where(timetable.Due.task == Task.MONDAY_LETTERS)).all() == []


def test_a_worker_that_was_away_all_monday_writes_once_of_the_last_week(sessions: Sessions):
    with sessions.begin() as session:
        a_used_offer(session, a_fournil(session), "Tarte", 1)
    timekeeper.open_timetable(sessions, now=NOW, besides=BESIDES)
    for _ in range(3):
        timekeeper.keep_time(sessions, now=MONDAY + 2 * DAY, besides=BESIDES)
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
