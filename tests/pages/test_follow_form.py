"""« Suivre » and « Ne plus suivre » without scripts: a form, a cookie, and nobody else's page can press them."""

import hashlib
import re
import uuid

import pytest
from flask import Flask
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session, sessionmaker

from citylife import migrations
from citylife.accounts.citizens import Citizen, CitizenToken
from citylife.answers import KeptAnswer
from citylife.follows import EndedFollow, Follow, Level, follow
from citylife.shops import ShopStatus
from tests.builders import NOW, a_citizen_with_token, a_shop
from tests.pages.conftest import OURS, Browser, StandingClock, an_app

Sessions = sessionmaker[Session]


def all_rows(sessions: Sessions) -> dict[str, int]:
    with sessions() as session:
        return {
            name: session.scalar(select(func.count()).select_from(table)) or 0
            for name, table in migrations.metadata.tables.items()
        }


def a_slug(sessions: Sessions, **facts: object) -> str:
    with sessions.begin() as session:
        return a_shop(session, **facts).slug  # type: ignore[arg-type]


def test_one_press_makes_a_citizen_who_follows_and_another_ends_it(browser: Browser, sessions: Sessions):
    slug = a_slug(sessions)
    page = browser.get(f"/s/{slug}")
    assert page.text("#suivre h2") == "Suivre ce commerce"

    page = browser.press(page, "Suivre")

    assert page.text("#suivre h2") == "Vous suivez ce commerce"
    with sessions() as session:
        [citizen] = session.scalars(select(Citizen)).all()
        [followed] = session.scalars(select(Follow)).all()
    assert (followed.citizen_id, followed.level, citizen.locale) == (citizen.id, Level.NORMAL, "fr")

    page = browser.press(page, "Ne plus suivre")

    assert page.text("#suivre h2") == "Suivre ce commerce"
    with sessions() as session:
        assert session.scalars(select(Follow)).all() == []
        assert session.scalars(select(EndedFollow.citizen_id)).all() == [citizen.id]


def test_her_language_is_the_one_of_the_page(browser: Browser, sessions: Sessions):
    slug = a_slug(sessions)
    browser.languages = "en"

    browser.press(browser.get(f"/s/{slug}"), "Follow")

    with sessions() as session:
        assert session.scalars(select(Citizen.locale)).all() == ["en"]


def test_the_same_citizen_follows_the_next_shop(browser: Browser, sessions: Sessions):
    for slug in (a_slug(sessions), a_slug(sessions)):
        browser.press(browser.get(f"/s/{slug}"), "Suivre")

    with sessions() as session:
        assert len(session.scalars(select(Citizen)).all()) == 1
        assert len(session.scalars(select(Follow)).all()) == 2


def test_following_twice_changes_nothing_not_even_the_level(browser: Browser, sessions: Sessions):
    slug = a_slug(sessions)
    browser.press(browser.get(f"/s/{slug}"), "Suivre")
    with sessions.begin() as session:
        session.scalars(select(Follow)).one().level = Level.ALWAYS
    before = all_rows(sessions)

    assert browser.post(f"/s/{slug}/follow").status_code == 303

    assert all_rows(sessions) == before
    with sessions() as session:
        assert session.scalars(select(Follow.level)).all() == [Level.ALWAYS]


def test_a_newcomer_whose_answer_was_lost_is_found_again_by_the_key_of_her_tap(
    app: Flask, sessions: Sessions, clock: StandingClock
):
    slug, hers = a_slug(sessions), {**OURS, "Idempotency-Key": str(uuid.uuid4())}
    lost = Browser(app).post(f"/s/{slug}/follow", hers)
    clock.forward(hours=23)

    again, another, known = Browser(app), Browser(app), Browser(app)
    answer = again.post(f"/s/{slug}/follow", hers)

    assert answer.status_code == 303
    assert answer.headers["Set-Cookie"] == lost.headers["Set-Cookie"]
    assert again.get(f"/s/{slug}").text("#suivre h2") == "Vous suivez ce commerce"
    with sessions() as session:
        assert len(session.scalars(select(Citizen)).all()) == len(session.scalars(select(Follow)).all()) == 1
    other = another.post(f"/s/{slug}/follow", {**OURS, "Idempotency-Key": str(uuid.uuid4())})
    assert other.headers["Set-Cookie"] != lost.headers["Set-Cookie"]
    known.post(f"/s/{a_slug(sessions)}/follow")
    assert "Set-Cookie" not in known.post(f"/s/{slug}/follow", hers).headers
    assert Browser(app).post(f"/s/{slug}/follow", {**hers, "Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_a_tap_whose_first_request_is_still_at_work_is_told_when_to_try_again(browser: Browser, sessions: Sessions):
    slug, key = a_slug(sessions), str(uuid.uuid4())
    asked = hashlib.sha256(f"POST /s/{slug}/follow\n".encode()).digest()
    with sessions.begin() as session:
        session.add(KeptAnswer(caller="anonymous", key=key, fingerprint=asked, begun_at=NOW))

    answer = browser.post(f"/s/{slug}/follow", {**OURS, "Idempotency-Key": key})

    assert (answer.status_code, answer.headers["Retry-After"]) == (409, "1")


def test_nobody_is_found_again_by_a_key_that_may_be_guessed_nor_after_a_day_nor_once_erased(
    app: Flask, sessions: Sessions, clock: StandingClock
):
    slug, guessed = a_slug(sessions), {**OURS, "Idempotency-Key": "0123456789abcdef"}
    hers = {**OURS, "Idempotency-Key": str(uuid.uuid4())}
    Browser(app).post(f"/s/{slug}/follow", guessed)
    assert "Set-Cookie" not in Browser(app).post(f"/s/{slug}/follow", guessed).headers

    first = Browser(app).post(f"/s/{slug}/follow", hers).headers["Set-Cookie"]
    with sessions.begin() as session:
        session.execute(delete(CitizenToken))
    assert "Set-Cookie" not in Browser(app).post(f"/s/{slug}/follow", hers).headers
    clock.forward(hours=24)
    assert Browser(app).post(f"/s/{slug}/follow", hers).headers["Set-Cookie"] != first


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(browser: Browser, sessions: Sessions):
    answer = browser.post(f"/s/{a_slug(sessions)}/follow")

    [cookie] = answer.headers.getlist("Set-Cookie")
    name, _, rest = cookie.partition("=")
    assert name == "__Host-citylife"
    assert re.match(r"[A-Za-z0-9_-]{64};", rest)
    assert {"HttpOnly", "Secure", "Path=/", "SameSite=Lax"} <= set(rest.split("; "))
    assert "Domain" not in rest
    assert answer.headers["Location"].endswith("#suivre")


def test_over_plain_http_elsewhere_the_cookie_goes_without_what_browsers_would_refuse(
    sqlite_url, tmp_path, clock, street: Sessions
):
    slug = a_slug(street)
    for app in an_app(sqlite_url, tmp_path, clock, base_url="http://citylife.lan:8000"):
        headers = {**OURS, "Origin": "http://citylife.lan:8000"}
        answer = app.test_client().post(f"/s/{slug}/follow", headers=headers, base_url="http://citylife.lan:8000")
        assert answer.status_code == 303
        [cookie] = answer.headers.getlist("Set-Cookie")
        assert cookie.startswith("citylife=")
        assert "Secure" not in cookie
        assert "HttpOnly" in cookie


FROM_ELSEWHERE: tuple[dict[str, str], ...] = (
    {},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "https://ailleurs.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost.ailleurs.example"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
)


@pytest.mark.parametrize("known", [True, False])
def test_a_page_elsewhere_cannot_press_for_her(browser: Browser, sessions: Sessions, *, known: bool):
    slug = a_slug(sessions)
    if known:
        browser.press(browser.get(f"/s/{slug}"), "Suivre")
    before = all_rows(sessions)

    for headers in FROM_ELSEWHERE:
        for action in ("follow", "unfollow"):
            answer = browser.post(f"/s/{slug}/{action}", headers=headers)

            assert answer.status_code == 403, headers
            assert answer.mimetype == "text/html"
            assert "Set-Cookie" not in answer.headers
    assert all_rows(sessions) == before


def test_an_old_browser_is_known_by_its_origin(browser: Browser, sessions: Sessions):
    answer = browser.post(f"/s/{a_slug(sessions)}/follow", headers={"Origin": "http://localhost:8000"})

    assert answer.status_code == 303


def test_a_suspended_shop_cannot_be_followed_and_no_citizen_is_left_behind(browser: Browser, sessions: Sessions):
    slug = a_slug(sessions, status=ShopStatus.SUSPENDED)

    assert browser.post(f"/s/{slug}/follow").status_code == 404

    assert all_rows(sessions)["citizens"] == 0


def test_whoever_is_unknown_has_nothing_to_unfollow(browser: Browser, sessions: Sessions):
    answer = browser.post(f"/s/{a_slug(sessions)}/unfollow")

    assert answer.status_code == 401
    assert "Ce navigateur ne vous connaît pas encore" in answer.get_data(as_text=True)


@pytest.mark.parametrize("token", ["", "x", "é" * 64, "A" * 64, "../../etc/passwd"])
def test_a_token_that_means_nobody_makes_a_new_citizen(app: Flask, sessions: Sessions, token: str):
    slug, browser = a_slug(sessions), Browser(app)
    browser.client.set_cookie("__Host-citylife", token)

    assert "Suivre ce commerce" in browser.get(f"/s/{slug}").words
    assert browser.post(f"/s/{slug}/follow").status_code == 303
    assert "Vous suivez ce commerce" in browser.get(f"/s/{slug}").words


def test_a_citizen_sees_her_own_follows_and_nobody_elses(app: Flask, sessions: Sessions):
    with sessions.begin() as session:
        shop = a_shop(session)
        citizen, token = a_citizen_with_token(session)
        follow(session, citizen.id, shop, Level.NORMAL, now=shop.created_at)
        _, other = a_citizen_with_token(session)

    seen = {}
    for whose in (token, other):
        browser = Browser(app)
        browser.client.set_cookie("__Host-citylife", whose)
        seen[whose] = browser.get(f"/s/{shop.slug}").text("#suivre h2")

    assert seen == {token: "Vous suivez ce commerce", other: "Suivre ce commerce"}


@pytest.mark.parametrize(
    ("facts", "told", "said"),
    [
        ({"category": "bakery"}, True, "Recevoir ses offres sur cet appareil ?"),
        ({"category": "optician"}, True, "Recevoir ses offres sur cet appareil ?"),
        ({"category": "wine"}, False, "Citylife n’envoie jamais de notification"),
        ({"category": "pharmacy"}, False, "Citylife n’envoie jamais de notification"),
        ({"status": ShopStatus.LISTED}, True, "Il n’est pas encore inscrit"),
    ],
)
def test_being_told_is_offered_where_the_law_lets_a_shop_tell(
    browser: Browser, sessions: Sessions, facts: dict[str, object], said: str, *, told: bool
):
    page = browser.press(browser.get(f"/s/{a_slug(sessions, **facts)}"), "Suivre")

    assert bool(page.all("notify-me")) is told
    assert said in page.text("#suivre")


def test_without_scripts_every_state_but_the_true_one_is_hidden(browser: Browser, sessions: Sessions):
    page = browser.press(browser.get(f"/s/{a_slug(sessions)}"), "Suivre")

    shown = [part.attrs["data-state"] for part in page.all("notify-me [data-state]") if "hidden" not in part.attrs]
    assert shown == ["without-scripts", "without-scripts unanswered denied unsupported in-safari home-screen"]
    assert len(page.all("[data-otherwise] a")) == 4  # her shops, by e-mail, Atom, her calendar
    assert "hidden" in page.one("[data-trouble]").attrs
