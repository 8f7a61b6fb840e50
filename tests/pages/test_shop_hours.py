"""The hours on a shop's page: today's, the coming week's, and what closes it out of the ordinary."""

import datetime as dt

from sqlalchemy.orm import Session, sessionmaker

from tests.builders import a_shop
from tests.pages.conftest import Browser, ReadPage, StandingClock, plain

Sessions = sessionmaker[Session]
WEEK = "Mo-Fr 09:00-12:30,14:00-19:00; Sa 09:00-19:00; PH off"
CHRISTMAS = dt.datetime(2026, 12, 25, 9, 0, tzinfo=dt.UTC)


def page_of(reader: Browser, street: Sessions, hours: str | None, *, lang: str = "fr") -> ReadPage:
    with street.begin() as session:
        shop = a_shop(session, opening_hours=hours)
    return reader.get(f"/s/{shop.slug}?lang={lang}")


def test_today_s_hours_are_read_at_once_and_the_week_s_under_them(reader: Browser, street: Sessions):
    page = page_of(reader, street, WEEK)

    assert page.text(".coming summary") == "Aujourd’hui : de 9 h à 12 h 30, de 14 h à 19 h"
    days = [plain(line.to_text()) for line in page.all(".coming li")]
    assert days[0] == "Mardi aujourd’hui de 9 h à 12 h 30, de 14 h à 19 h"
    assert days[4:] == ["Samedi de 9 h à 19 h", "Dimanche Fermé", "Lundi de 9 h à 12 h 30, de 14 h à 19 h"]


def test_a_holiday_of_the_week_is_the_reason_of_its_closure(reader: Browser, street: Sessions, clock: StandingClock):
    clock.moment = CHRISTMAS - dt.timedelta(days=3)

    page = page_of(reader, street, WEEK)

    assert plain(page.all(".coming li")[3].to_text()) == "Vendredi Fermé, jour férié"
    assert [plain(one.to_text()) for one in page.all(".notice")] == [
        "Fermé le vendredi 25 décembre, jour férié",
        "Fermé le vendredi 1er janvier, jour férié",
    ]
    english = page_of(reader, street, WEEK, lang="en")
    assert "Closed on Friday 25 December, public holiday" in english.words


def test_hours_that_forget_a_holiday_are_said_to_be_unsure(reader: Browser, street: Sessions, clock: StandingClock):
    clock.moment = CHRISTMAS

    page = page_of(reader, street, "Mo-Sa 09:00-19:00")

    assert "Ouvert ferme à 19 h Jour férié : ces horaires sont à vérifier auprès du commerce." in page.words
    assert plain(page.all(".coming li")[0].to_text()) == "Vendredi aujourd’hui jour férié de 9 h à 19 h"


def test_a_closure_is_told_with_its_reason_before_and_while_it_lasts(
    reader: Browser, street: Sessions, clock: StandingClock
):
    hours = f'{WEEK}; 2026 Nov 26-Dec 02 off "Inventaire <b>"'

    assert "Fermé du jeudi 26 novembre au mercredi 2 décembre : Inventaire <b>" in page_of(reader, street, hours).words
    clock.moment = dt.datetime(2026, 12, 1, 9, 0, tzinfo=dt.UTC)
    assert "Fermé exceptionnellement ouvre jeudi à 9 h Inventaire <b>" in page_of(reader, street, hours).words


def test_hours_nobody_gave_show_no_week(reader: Browser, street: Sessions):
    assert page_of(reader, street, None).all(".coming") == []
