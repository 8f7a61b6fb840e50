"""« Horaires » as an owner fills them in without scripts: kept whole or not at all, a colleague's never overwritten."""

import datetime as dt
import io
import uuid

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.merchants import Role, join_team, team_of
from citylife.shops import Proof, Shop, ShopStatus, verify_shop
from tests import builders
from tests.builders import NOW
from tests.pages.conftest import OURS, Browser, ReadPage, plain
from tests.pages.counter import COOKIE, her_browser, her_shop
from tests.pictures import a_drawing, saved

Sessions = sessionmaker[Session]
MORNING = {"d0_0_from": "09:00", "d0_0_to": "12:30"}
TODAY = NOW.date()


@pytest.fixture
def shop(sessions: Sessions) -> Shop:
    return her_shop(sessions)


@pytest.fixture
def counter(app: Flask, sessions: Sessions, shop: Shop) -> Browser:
    return her_browser(app, sessions)


def path_of(shop: Shop) -> str:
    return f"/commerce/{shop.id}/horaires"


def filled(page: ReadPage, **typed: str) -> dict[str, str]:
    """What a browser sends of the form once `typed` was typed."""
    fields = [field.attrs for field in page.all("main form input")]
    sent = {
        field["name"]: field.get("value", "")
        for field in fields
        if field.get("type") != "checkbox" or "checked" in field
    }
    return sent | typed


def hours_of(sessions: Sessions, shop: Shop) -> str | None:
    with sessions() as session:
        return session.scalars(select(Shop.opening_hours).where(Shop.id == shop.id)).one()


def written(sessions: Sessions, shop: Shop, text: str | None) -> None:
    with sessions.begin() as session:
        kept = session.get_one(Shop, shop.id)
        kept.opening_hours, kept.version = text, kept.version + 1


def test_a_week_is_kept_and_shown_again_as_it_was_filled_in(counter, sessions, shop):
    first, last = TODAY + dt.timedelta(30), TODAY + dt.timedelta(33)
    closure = {"c0_first": first.isoformat(), "c0_last": last.isoformat(), "c0_why": "Congés"}
    page = counter.get(path_of(shop))
    sent = filled(page, **MORNING, d6_0_from="08:00", d6_0_to="13:00", holidays="off", **closure)
    answer = counter.post(path_of(shop), form=sent)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/commerce/{shop.id}?said=hours")
    assert "Les horaires sont enregistrés." in counter.get(answer.headers["Location"]).words
    assert hours_of(sessions, shop) == (
        f'Mo 09:00-12:30; Su 08:00-13:00; PH off; {first:%Y %b %d}-{last:%Y %b %d} off "Congés"'
    )
    again = filled(counter.get(path_of(shop)))
    changed = {name for name in sent if again.get(name) != sent[name]}
    assert changed == {"version", "before"}
    with sessions() as session:
        slug = session.get_one(Shop, shop.id).slug
    assert "Lundi de 9 h à 12 h 30" in counter.get(f"/s/{slug}").words
    assert "Horaires modifiés par camille@boulangerie.example." in counter.get(f"/commerce/{shop.id}/journal").words


def test_mondays_hours_are_given_to_other_days_and_nothing_is_kept_yet(counter, sessions, shop):
    before = hours_of(sessions, shop)
    page = counter.get(path_of(shop))
    for wish, days in (("week", 5), ("all", 7)):
        shown = filled(ReadPage(counter.post(path_of(shop), form=filled(page, **MORNING, copy=wish))))
        assert [shown[f"d{day}_0_from"] for day in range(days)] == ["09:00"] * days
    assert hours_of(sessions, shop) == before


@pytest.mark.parametrize(
    ("typed", "at", "said"),
    [
        ({"d2_0_from": "09:00"}, "d2", "Écrivez les deux heures"),
        ({"d2_0_from": "25:00", "d2_0_to": "x"}, "d2", "Écrivez les deux heures"),
        ({"d3_0_from": "09:00", "d3_0_to": "12:00", "d3_1_from": "11:00", "d3_1_to": "18:00"}, "d3", "se recouvrent"),
        ({"c0_last": "2026-12-24"}, "c0", "Choisissez le premier jour"),
        ({"c1_first": "2026-12-24", "c1_last": "2026-12-20"}, "c1", "finit avant de commencer"),
    ],
)
def test_what_is_wrong_is_said_where_it_is_and_stays_written(  # noqa: PLR0917 - what is typed, and what is said of it
    counter, sessions, shop, typed, at, said
):
    before = hours_of(sessions, shop)
    page = ReadPage(counter.post(path_of(shop), form=filled(counter.get(path_of(shop)), **typed)))
    assert page.status == 422
    assert said in page.text(f"#{at}-probleme")
    assert {name: filled(page)[name] for name in typed} == typed
    assert page.all(f"[aria-describedby={at}-probleme]")
    assert hours_of(sessions, shop) == before


def test_a_colleagues_hours_are_not_overwritten(counter, sessions, shop):
    page = counter.get(path_of(shop))
    written(sessions, shop, "Tu 10:00-18:00")
    answer = ReadPage(counter.post(path_of(shop), form=filled(page, **MORNING)))
    assert answer.status == 412
    assert answer.text("[role=alert] h2") == "Changés entre-temps"
    assert hours_of(sessions, shop) == "Tu 10:00-18:00"


def test_what_was_typed_stays_with_a_colleagues_hours_beside_it_and_may_replace_them(counter, sessions, shop):
    written(sessions, shop, "We 09:00-12:00")
    page = counter.get(path_of(shop))
    written(sessions, shop, "Tu 10:00-18:00; We 09:00-12:00; 2026 Dec 24 off")
    answer = ReadPage(counter.post(path_of(shop), form=filled(page, **MORNING)))
    rows = answer.all(".versions tbody tr")
    assert [" | ".join(plain(cell.to_text()) for cell in row.query("th, td")) for row in rows] == [
        "Lundi | 9 h – 12 h 30 | Fermé",
        "Mardi | Fermé | 10 h – 18 h",
        "Fermé le | rien | 24 déc. 2026",
    ]
    assert {name: filled(answer)[name] for name in (*MORNING, "d2_0_from")} == {**MORNING, "d2_0_from": "09:00"}
    assert counter.post(path_of(shop), form=filled(answer)).status_code == 303
    assert hours_of(sessions, shop) == "Mo 09:00-12:30; We 09:00-12:00"


def test_a_third_change_is_shown_once_more(counter, sessions, shop):
    page = counter.get(path_of(shop))
    written(sessions, shop, "Tu 10:00-18:00")
    answer = ReadPage(counter.post(path_of(shop), form=filled(page, **MORNING)))
    written(sessions, shop, "Apr-Oct Mo-Su 09:00-20:00")
    again = ReadPage(counter.post(path_of(shop), form=filled(answer)))
    assert again.status == 412
    assert "Apr-Oct Mo-Su 09:00-20:00" in again.text(".versions")


def test_a_change_that_left_the_hours_alone_is_in_nobodys_way(counter, sessions, shop):
    page = counter.get(path_of(shop))
    written(sessions, shop, hours_of(sessions, shop))
    assert counter.post(path_of(shop), form=filled(page, **MORNING)).status_code == 303
    assert "Mo 09:00-12:30" in (hours_of(sessions, shop) or "")


def test_hours_that_no_week_can_show_are_said_in_full_before_they_are_replaced(counter, sessions, shop):
    written(sessions, shop, "Apr-Oct Mo-Su 09:00-20:00")
    page = counter.get(path_of(shop))
    assert "Apr-Oct Mo-Su 09:00-20:00" in page.text(".notice")
    assert filled(page)["d0_0_from"] == ""
    copied = ReadPage(counter.post(path_of(shop), form=filled(page, **MORNING, copy="week")))
    assert "Apr-Oct Mo-Su 09:00-20:00" in copied.text(".notice"), "nothing is replaced yet"
    assert hours_of(sessions, shop) == "Apr-Oct Mo-Su 09:00-20:00", "looking replaces nothing"


def test_a_closure_that_is_over_leaves_with_the_next_change(counter, sessions, shop):
    written(sessions, shop, "Mo 09:00-12:30; 2025 Dec 24 off")
    page = counter.get(path_of(shop))
    assert "2025-12-24" not in filled(page).values()
    counter.post(path_of(shop), form=filled(page, d1_0_from="09:00", d1_0_to="12:30"))
    assert hours_of(sessions, shop) == "Mo-Tu 09:00-12:30"


def test_more_closures_than_there_is_room_for_are_not_lost_by_a_change_of_the_week(counter, sessions, shop):
    days = [TODAY + dt.timedelta(2 * number) for number in range(1, 22)]
    written(sessions, shop, "; ".join(["Mo 09:00-12:30", *(f"{day:%Y %b %d} off" for day in days)]))
    page = counter.get(path_of(shop))
    assert f"{days[-1]:%Y %b %d}" in page.text(".notice")


def test_emptied_hours_are_hours_nobody_knows(counter, sessions, shop):
    written(sessions, shop, "Mo 09:00-12:30")
    counter.post(path_of(shop), form=filled(counter.get(path_of(shop)), d0_0_from="", d0_0_to=""))
    assert hours_of(sessions, shop) is None


def test_a_seller_changes_no_hours_and_sees_no_way_to(app, sessions, shop):
    with sessions.begin() as session:
        seller = builders.a_merchant(session)
        join_team(session, seller, session.get_one(Shop, shop.id), Role.SELLER, now=NOW)
        browser = Browser(app)
        browser.client.set_cookie(COOKIE, builders.signed_in(session, seller), secure=True)
    assert browser.get(f"/commerce/{shop.id}").all("[href$=horaires]") == []
    assert browser.get(path_of(shop)).status == 403
    assert browser.post(path_of(shop), form=MORNING).status_code == 403


def test_who_waits_to_be_verified_prepares_her_hours_and_a_photo_that_nobody_else_sees(app, sessions):
    with sessions.begin() as session:
        shop = builders.a_shop(session, "Le Fournil", status=ShopStatus.CLAIMED, opening_hours="Mo-Su 10:00-18:00")
        owner, version = team_of(session, shop.id)[0][1], str(shop.version)
        counter = Browser(app)
        counter.client.set_cookie(COOKIE, builders.signed_in(session, owner), secure=True)
    page = counter.get(path_of(shop))
    assert "En cours de vérification" in page.words
    public = Browser(app).get(f"/s/{shop.slug}").words

    answer = counter.post(path_of(shop), form={**MORNING, "version": version})
    assert "votre page les dira une fois votre commerce vérifié" in counter.get(answer.headers["Location"]).words
    assert counter.get(path_of(shop)).one("#d0_0_from").attrs["value"] == MORNING["d0_0_from"]

    picture = {"photo": (io.BytesIO(saved(a_drawing())), "devanture.jpg")}
    sent = counter.client.post(
        f"/commerce/{shop.id}/photo", data=picture, content_type="multipart/form-data", headers=OURS
    )
    page = counter.get(sent.headers["Location"])
    assert "Votre page montrera cette photo une fois votre commerce vérifié." in page.words
    image = page.one("#photo img").attrs["src"]
    assert counter.client.get(image).headers["Cache-Control"] == "no-store"
    assert Browser(app).client.get(image).status_code == 404
    citizens = Browser(app).get(f"/s/{shop.slug}")
    assert (citizens.words, citizens.all(".photo img")) == (public, [])

    with sessions.begin() as session:
        verify_shop(session, session.get_one(Shop, shop.id), proof=Proof.VISIT, now=NOW)
    citizens = Browser(app).get(f"/s/{shop.slug}")
    assert citizens.words != public
    assert citizens.one(".photo img").attrs["src"] == image
    assert Browser(app).client.get(image).status_code == 200


def test_another_shops_hours_are_not_there(counter, sessions):
    with sessions.begin() as session:
        other = builders.a_shop(session, "Le Moulin")
    assert counter.get(path_of(other)).status == 404
    assert counter.get(f"/commerce/{uuid.uuid4()}/horaires").status == 404
