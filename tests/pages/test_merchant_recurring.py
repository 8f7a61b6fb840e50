"""« Chaque jeudi » without scripts: from the form of an announcement to what comes again, and what is done with it."""

import datetime as dt

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.offers import Occurred, Occurrence, Offer, OfferStatus, RecurringOffer, RecurringStatus, recur_due
from citylife.offers.coming_again import fall_silent
from citylife.offers.recurring import skip_next
from citylife.shops import Shop, ShopStatus, suspend_shop
from tests import builders
from tests.builders import NOW
from tests.pages.conftest import Browser, ReadPage, StandingClock
from tests.pages.counter import filled, her_browser, her_shop, offers, path_of

Sessions = sessionmaker[Session]
THURSDAY = dt.date(2026, 11, 26)
EIGHT = dt.datetime(2026, 11, 26, 7, 0, tzinfo=dt.UTC)
WEEKLY = {"title": "Fournée de brioches", "day_3": "1", "at": "08:00"}
SECTION = "section[aria-labelledby=chaque-semaine]"


@pytest.fixture
def shop(sessions: Sessions) -> Shop:
    return her_shop(sessions)


@pytest.fixture
def counter(app: Flask, sessions: Sessions, shop: Shop) -> Browser:
    return her_browser(app, sessions)


def comes_again(sessions: Sessions) -> RecurringOffer:
    with sessions() as session:
        return session.scalars(select(RecurringOffer)).one()


def a_series(sessions: Sessions, shop: Shop, **said: object) -> RecurringOffer:
    with sessions.begin() as session:
        return builders.a_recurring_offer(session, session.get_one(Shop, shop.id), **said)


def the_form(page: ReadPage, **typed: str) -> dict[str, str]:
    sent = {}
    for field in page.all("main form input"):
        attributes = field.attrs
        if attributes.get("type") not in {"radio", "checkbox"} or "checked" in attributes:
            sent[attributes["name"]] = attributes.get("value", "")
    return sent | typed


def test_the_form_of_an_announcement_lets_it_come_every_thursday(counter: Browser, sessions: Sessions, shop: Shop):
    sent = filled(counter.get(path_of(shop)), "repeat", **WEEKLY, price="1,20")

    answer = counter.post(path_of(shop), form=sent)

    assert (answer.status_code, answer.headers["Location"]) == (303, f"/commerce/{shop.id}?said=recurring")
    series = comes_again(sessions)
    assert (series.title, series.price, series.next_on) == ("Fournée de brioches", 120, THURSDAY)
    assert (series.at, series.until, series.hours) == (dt.time(8), dt.time(20), None), "until the evening unless told"
    assert offers(sessions) == []
    said = counter.get(f"/commerce/{shop.id}").text(SECTION)
    assert "Chaque jeudi à 8 h, prochaine : jeudi 26 novembre" in said
    assert "Jusqu’à 20 h" in said
    assert counter.post(path_of(shop), form=sent).headers["Location"].endswith("said=already")
    assert comes_again(sessions).id == series.id


def test_it_is_said_in_english_too(counter: Browser, sessions: Sessions, shop: Shop):
    a_series(sessions, shop)

    counter.languages = "en"
    said = counter.get(f"/commerce/{shop.id}").text(SECTION)

    assert "Every Thursday at 8:00, next: Thursday 26 November" in said
    assert "For 4 hours" in said


def test_the_draft_that_the_form_kept_becomes_what_comes_again(counter: Browser, sessions: Sessions, shop: Shop):
    kept = ReadPage(counter.post(path_of(shop), form=filled(counter.get(path_of(shop)), "save", **WEEKLY)))
    assert [offer.status for offer in offers(sessions)] == [OfferStatus.DRAFT]

    counter.post(path_of(shop), form=filled(kept, "repeat", **WEEKLY))

    assert [offer.status for offer in offers(sessions)] == [OfferStatus.WITHDRAWN]
    page = counter.get(f"/commerce/{shop.id}")
    assert not page.all("section[aria-labelledby=drafts]")
    assert not page.all("section[aria-labelledby=over]"), "a draft that was given up is nothing that ended"


def test_an_offer_done_again_may_come_again(counter: Browser, sessions: Sessions, shop: Shop):
    with sessions.begin() as session:
        offer = builders.an_offer(session, session.get_one(Shop, shop.id), title="Flan", price=250)
    address = f"{path_of(shop)}?de={offer.id}"

    counter.post(address, form=filled(counter.get(address), "repeat", day_5="1", at="10:30", lasts="hours", hours="2"))

    series = comes_again(sessions)
    assert (series.title, series.price, series.hours) == ("Flan", 250, 2)
    assert "Chaque samedi à 10 h 30" in counter.get(f"/commerce/{shop.id}").text(SECTION)


@pytest.mark.parametrize(
    ("typed", "at"),
    [
        ({"day_3": ""}, ("weekdays", "Choisissez au moins un jour")),
        ({"at": "8 h"}, ("at", "Écrivez une heure, comme 08:00.")),
        ({"lasts": "hours"}, ("hours", "Écrivez un nombre d’heures")),
        ({"lasts": "hours", "hours": "200"}, ("hours", "entre 1 et 168")),
        ({"lasts": "until", "until_time": "x"}, ("until_time", "Écrivez une heure, comme 12:30.")),
        ({"last_day": "2026-11-25"}, ("last_day", "ne viendrait jamais")),
        ({"last_day": "demain"}, ("last_day", "Écrivez une date")),
        ({"reduction": "1", "price": "2"}, ("reduction", "que sur une denrée périssable")),
        ({"title": ""}, ("title", "")),
        ({"price": "deux"}, ("price", "Écrivez un prix")),
    ],
)
def test_each_fault_stands_at_its_field(
    counter: Browser, sessions: Sessions, shop: Shop, typed: dict[str, str], at: tuple[str, str]
):
    answer = counter.post(path_of(shop), form=filled(counter.get(path_of(shop)), "repeat", **(WEEKLY | typed)))

    (field, said), page = at, ReadPage(answer)
    assert page.status == 422
    assert said in page.text(f"#{field}-probleme")
    with sessions() as session:
        assert session.scalars(select(RecurringOffer)).all() == []
    assert offers(sessions) == []


def test_the_next_time_is_passed_over_and_taken_back(counter: Browser, sessions: Sessions, shop: Shop):
    series = a_series(sessions, shop)
    page = counter.get(f"/commerce/{shop.id}")
    assert "Passer la prochaine fois" in page.text(SECTION)

    answer = counter.post(f"/commerce/series/{series.id}/passer", form={"day": "2026-11-26"})

    assert answer.headers["Location"] == f"/commerce/{shop.id}?said=skipped"
    said = counter.get(f"/commerce/{shop.id}").text(SECTION)
    assert "prochaine : jeudi 3 décembre" in said
    assert "Vous passez jeudi 26 novembre." in said
    counter.post(f"/commerce/series/{series.id}/passer/annuler", form={"day": "2026-11-26"})
    assert comes_again(sessions).next_on == THURSDAY


@pytest.mark.parametrize("day", ["2026-12-03", "jeudi", ""])
def test_a_tap_on_another_day_changes_nothing_and_says_so(counter: Browser, sessions: Sessions, shop: Shop, day: str):
    series = a_series(sessions, shop)

    page = ReadPage(counter.post(f"/commerce/series/{series.id}/passer", form={"day": day}))

    assert page.status == 409
    assert "n’est plus celui de la prochaine fois" in page.text("main .problem")
    assert comes_again(sessions).skipped_on is None


def test_stopping_asks_first(counter: Browser, sessions: Sessions, shop: Shop):
    series = a_series(sessions, shop)

    asked = counter.get(f"/commerce/series/{series.id}/arreter")
    assert "Elle ne reviendra plus." in asked.text("main")
    assert comes_again(sessions).running
    counter.post(f"/commerce/series/{series.id}/arreter", form={})

    assert comes_again(sessions).status is RecurringStatus.STOPPED
    assert not counter.get(f"/commerce/{shop.id}").all(SECTION)
    for address in ("arreter", "modifier"):
        assert "ne revient plus" in counter.get(f"/commerce/series/{series.id}/{address}").text("main .problem")


def test_a_change_counts_from_the_next_time_on(counter: Browser, sessions: Sessions, shop: Shop):
    series = a_series(sessions, shop, price=120, description="Au beurre.")
    address = f"/commerce/series/{series.id}/modifier"
    page = counter.get(address)
    assert page.one("#title").attrs["value"] == "Fournée de brioches"
    assert page.text("#description") == "Au beurre."
    sent = the_form(page, description="Au beurre.", day_5="1", lasts="until", until_time="12:30")

    answer = counter.post(address, form=sent)

    assert answer.headers["Location"] == f"/commerce/{shop.id}?said=recurring-changed"
    changed = comes_again(sessions)
    assert (changed.price, changed.until, changed.description) == (120, dt.time(12, 30), "Au beurre.")
    assert "Chaque jeudi et samedi à 8 h" in counter.get(f"/commerce/{shop.id}").text(SECTION)


def test_a_colleague_s_change_is_not_overwritten(counter: Browser, sessions: Sessions, shop: Shop):
    series = a_series(sessions, shop)
    address = f"/commerce/series/{series.id}/modifier"
    mine = the_form(counter.get(address), title="Flan", price="1,20", day_5="1")
    counter.post(address, form=the_form(counter.get(address), title="Tarte"))

    page = ReadPage(counter.post(address, form=mine))

    assert page.status == 412
    assert comes_again(sessions).title == "Tarte"
    assert page.one("#title").attrs["value"] == "Flan", "what was written is still there"
    assert "changé cette annonce entre-temps" in page.text("main .problem")
    rows = [row.to_text() for row in page.all("main .problem tbody tr")]
    assert len(rows) == 3
    assert {"Flan", "Tarte"} <= set(rows[0].split())
    assert rows[1].startswith("Prix en euros")
    assert "Chaque jeudi et samedi à 8\N{NO-BREAK SPACE}h" in rows[2]
    assert "Chaque jeudi à 8\N{NO-BREAK SPACE}h" in rows[2]
    counter.post(address, form=the_form(page))
    assert comes_again(sessions).title == "Flan"


def test_what_could_not_be_published_is_said_with_its_reason(
    counter: Browser, sessions: Sessions, shop: Shop, monkeypatch: pytest.MonkeyPatch
):
    series = a_series(sessions, shop)
    with sessions.begin() as session:
        monkeypatch.setattr("citylife.offers.drafts.FARTHEST", 100)
        recur_due(session, series.id, now=EIGHT)
        monkeypatch.undo()
        missed = Occurrence(recurring_id=series.id, day=dt.date(2026, 11, 19), outcome=Occurred.MISSED, noted_at=NOW)
        session.add(missed)

    said = counter.get(f"/commerce/{shop.id}").text(SECTION)

    assert "Pas publiée jeudi 26 novembre : Cette valeur doit être comprise entre 100 et 100." in said
    assert "Pas publiée jeudi 19 novembre : Citylife était arrêté à ce moment-là." in said
    assert "prochaine : jeudi 3 décembre" in said


def test_a_suspended_shop_reads_why_nothing_comes_any_more(counter: Browser, sessions: Sessions, shop: Shop):
    a_series(sessions, shop)
    with sessions.begin() as session:
        suspend_shop(session, session.get_one(Shop, shop.id), reason="Signalée.", now=NOW)
        fall_silent(session, shop.id, now=NOW)

    said = counter.get(f"/commerce/{shop.id}").text(SECTION)

    assert "Arrêtée : votre commerce a été suspendu." in said
    assert not counter.get(path_of(shop)).all("#day_3"), "nothing new comes again meanwhile"


def test_a_shop_that_waits_for_its_proof_is_not_asked_for_days(app: Flask, sessions: Sessions):
    with sessions.begin() as session:
        merchant = builders.a_merchant(session, "camille@boulangerie.example")
        claimed = builders.a_shop(session, merchant=merchant, status=ShopStatus.CLAIMED)

    assert not her_browser(app, sessions).get(path_of(claimed)).all("#day_3")


def test_a_photo_goes_along_with_what_comes_again(counter: Browser, sessions: Sessions, shop: Shop):
    with sessions.begin() as session:
        photo = builders.a_photo(session, session.get_one(Shop, shop.id))
    sent = filled(counter.get(path_of(shop)), "repeat", **WEEKLY, photo_id=str(photo.id))
    counter.post(path_of(shop), form=sent)

    with sessions.begin() as session:
        series = session.scalars(select(RecurringOffer)).one()
        offer = recur_due(session, series.id, now=EIGHT)

    assert offer is not None
    assert offer.photo_id == photo.id


def test_what_staff_withdrew_is_done_again_without_its_photo(counter: Browser, sessions: Sessions, shop: Shop):
    with sessions.begin() as session:
        here = session.get_one(Shop, shop.id)
        photo = builders.a_photo(session, here)
        kept = builders.an_offer(session, here, photo_id=photo.id)
        taken = builders.an_offer(session, here, photo_id=photo.id, status=OfferStatus.WITHDRAWN)
        taken.withdrawn_reason = "Photo trompeuse."

    def photo_again(offer: Offer) -> str:
        form = counter.get(f"{path_of(shop)}?de={offer.id}")
        return str(form.one("#annonce input[name=photo_id]").attrs.get("value", ""))

    assert photo_again(kept) == str(photo.id)
    assert photo_again(taken) == ""


def test_it_says_what_is_skipped_only_until_its_moment(
    counter: Browser, sessions: Sessions, shop: Shop, clock: StandingClock
):
    series = a_series(sessions, shop)
    with sessions.begin() as session:
        skip_next(session, session.get_one(RecurringOffer, series.id), THURSDAY, now=NOW)

    clock.moment = EIGHT + dt.timedelta(hours=1)

    assert "Vous passez" not in counter.get(f"/commerce/{shop.id}").text(SECTION)


def test_enter_publishes_and_lets_nothing_come_again(counter: Browser, shop: Shop):
    first = next(iter(counter.get(path_of(shop)).all("#annonce button[type=submit]")))

    assert first.attrs["value"] == "publish", "a browser presses the first button of a form"
