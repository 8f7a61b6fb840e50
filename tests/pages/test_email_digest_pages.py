"""The links of the digest's letters, as a browser without scripts opens them, and as a mail program posts to them."""

import re

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.email_digest.tables import EmailDigest
from tests import builders
from tests.pages.conftest import Browser, ReadPage, plain

MARIE = "marie@courrier.example"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
FROM_ANYWHERE: list[dict[str, str]] = [
    {},
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"},
    {"User-Agent": "a mail program"},
]


@pytest.fixture
def link(sessions: sessionmaker[Session]) -> str:
    """Where the letter to an address leads."""
    with sessions.begin() as session:
        return "/courriel/confirmer/" + builders.an_address_to_confirm(session, builders.a_citizen(session), MARIE)


@pytest.fixture
def stop(sessions: sessionmaker[Session]) -> str:
    """The address that stops somebody's letters."""
    with sessions.begin() as session:
        return "/courriel/arreter/" + builders.an_email_digest(session, builders.a_citizen(session), MARIE).stop_token


def kept(sessions: sessionmaker[Session]) -> list[bool]:
    """Of every address that is kept, whether it is confirmed."""
    with sessions() as session:
        return [moment is not None for moment in session.scalars(select(EmailDigest.confirmed_at))]


def test_the_link_asks_for_a_tap_and_the_tap_confirms(browser, sessions, link):
    for _ in range(3):
        page = browser.get(link)
        assert page.status == 200
        assert MARIE in page.words
        assert kept(sessions) == [False], "a GET never acts"
    assert browser.client.head(link).status_code == 200
    assert plain(page.one("form button").to_text()) == "Confirmer mon adresse"

    answer = ReadPage(browser.post(page.one("form").attrs["action"]))

    assert (answer.status, answer.text("h1")) == (200, "Votre adresse est confirmée")
    assert kept(sessions) == [True]


def test_a_used_or_old_or_invented_link_confirms_nothing_and_says_so(browser, sessions, clock, link):
    invented = "/courriel/confirmer/" + "a" * 43
    assert browser.post(link).status_code == 200
    with sessions.begin() as session:
        old = "/courriel/confirmer/" + builders.an_address_to_confirm(session, builders.a_citizen(session))
    clock.forward(days=3)
    for path in (link, old, invented, "/courriel/confirmer/x"):
        page, posted = browser.get(path), browser.post(path)
        assert (page.status, posted.status_code) == (410, 410)
        assert page.text("h1") == "Ce lien ne sert plus"
    assert sorted(kept(sessions)) == [False, True]


@pytest.mark.parametrize("headers", FROM_ANYWHERE[:2], ids=["nothing", "cross-site"])
def test_only_our_own_page_confirms(browser, sessions, link, headers):
    assert browser.post(link, headers=headers).status_code == 403
    assert kept(sessions) == [False]


@pytest.mark.parametrize("headers", FROM_ANYWHERE, ids=["nothing", "cross-site", "mail-program"])
def test_one_click_stops_without_a_cookie_or_a_page_of_ours_and_again(browser, sessions, stop, headers):
    """RFC 8058, 3.2: the POST carries no cookie, and its body names the one thing it asks for."""
    answers = [browser.post(stop, headers=headers, form=ONE_CLICK) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert kept(sessions) == []
    assert "Set-Cookie" not in answers[0].headers


def test_one_click_may_come_as_multipart_too(browser, sessions, stop):
    answer = browser.client.post(stop, data=ONE_CLICK, content_type="multipart/form-data")
    assert (answer.status_code, kept(sessions)) == (200, [])


def test_looking_at_the_link_stops_nothing_and_its_button_does(browser, sessions, stop):
    for _ in range(3):
        page = browser.get(stop)
        assert (page.status, kept(sessions)) == (200, [True])
    assert plain(page.one("form button").to_text()) == "Arrêter ces courriels"
    answer = ReadPage(browser.post(page.one("form").attrs["action"]))
    assert (answer.status, answer.text("h1")) == (200, "C’est arrêté")
    assert kept(sessions) == []


def test_a_link_nobody_was_sent_is_answered_as_one_that_works(browser, sessions, stop):
    unknown = "/courriel/arreter/" + "a" * 43
    looked, looked_in_vain = (browser.get(path).answer.get_data(as_text=True) for path in (stop, unknown))
    assert looked.replace(stop, "…") == looked_in_vain.replace(unknown, "…")
    in_vain, done = browser.post(unknown, headers={}), browser.post(stop, headers={})
    assert (in_vain.status_code, in_vain.get_data()) == (done.status_code, done.get_data())
    same = [{name: value for name, value in one.headers if not name.startswith("RateLimit")} for one in (in_vain, done)]
    assert same[0] == same[1]


def test_the_address_of_the_link_names_nobody(sessions, stop, link):
    with sessions() as session:
        for row in session.scalars(select(EmailDigest)):
            for path in (stop, link):
                assert row.citizen_id.hex not in path
                assert "marie" not in path


def pages_of(browser: Browser, link: str, stop: str) -> list[ReadPage]:
    return [
        browser.get(link),
        browser.get("/courriel/confirmer/x"),
        ReadPage(browser.post(link)),
        browser.get(stop),
        ReadPage(browser.post(stop)),
    ]


def test_each_page_is_html_without_a_fault_kept_nowhere_and_without_anything_from_elsewhere(browser, link, stop):
    for page in pages_of(browser, link, stop):
        assert page.document.errors == []
        assert len(page.all("h1")) == len(page.all("main")) == 1
        assert page.all("script") == []
        assert page.all("img[src^=http]") == []
        assert page.one('meta[name="robots"]').attrs["content"] == "noindex"
        assert page.answer.headers.getlist("Cache-Control") == ["no-store"]
        assert page.answer.headers["Referrer-Policy"] in {"same-origin", "no-referrer"}
        text = page.answer.get_data(as_text=True)
        assert not re.findall(r"https?://", text.replace("http://www.w3.org", ""))


def test_they_speak_english_too(browser, link, stop):
    english = Browser(browser.app, languages="en")
    assert [page.text("h1") for page in pages_of(english, link, stop)] == [
        "Get one e-mail a week",
        "This link no longer works",
        "Your address is confirmed",
        "Stop getting this e-mail",
        "It is stopped",
    ]
