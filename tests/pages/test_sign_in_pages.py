"""The way in without a password, as a browser without scripts goes it; and what nobody else can make of it."""

import re
import uuid
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from blueprints.pages.assets import present_edition
from citylife.accounts.merchants import Merchant
from citylife.accounts.sessions import AccountSession
from citylife.accounts.sign_in import SignIn, sign_in_link
from citylife.doorbell import ThreadDoorbell
from citylife.letters import Letter
from notifications.mail import RecordingMailer
from notifications.postman import Postman
from tests import builders
from tests.pages.conftest import OURS, Browser, ReadPage, plain

COOKIE = "__Host-citylife-merchant"
MODULE = f"/assets/{present_edition()}/account/passkey.js"
OFFER = "/connexion/cle"
"""Where a merchant who signs in and has no passkey finds herself."""
WHERE = {"merchant": OFFER, "staff": "/console"}
ELSEWHERE: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://elsewhere.example"},
    {"Origin": "null"},
    {"Host": "localhost"},
]


@pytest.fixture
def camille(sessions: sessionmaker[Session]) -> str:
    """A merchant's address."""
    with sessions.begin() as session:
        return builders.a_merchant(session, "camille@boulangerie.example").email


@pytest.fixture
def ana(sessions: sessionmaker[Session]) -> str:
    """The address of a member of staff."""
    with sessions.begin() as session:
        return builders.a_staff_member(session, email="ana@cluster.example").email


def letter(sessions: sessionmaker[Session]) -> dict[str, Any]:
    with sessions() as session:
        content = session.scalars(select(Letter.content).order_by(Letter.id.desc())).first()
    assert content
    return content


def asked(browser: Browser, email: str, kind: str = "merchant") -> ReadPage:
    """Fill in the form, send it, and go where it leads."""
    form = browser.get("/connexion").one("form")
    answer = browser.post(form.attrs["action"], form={"email": email, "for": kind})
    assert answer.status_code == 303
    return browser.get(answer.headers["Location"])


def signed_in(browser: Browser, sessions: sessionmaker[Session], email: str, kind: str = "merchant") -> ReadPage:
    asked(browser, email, kind)
    page = browser.get(f"/connexion/lien/{letter(sessions)['token']}")
    answer = browser.post(page.one("form").attrs["action"])
    assert (answer.status_code, answer.headers["Location"]) == (303, WHERE[kind])
    return browser.get("/compte")


def a_passkey(sessions: sessionmaker[Session], email: str) -> uuid.UUID:
    """A passkey of the merchant of an address."""
    with sessions.begin() as session:
        merchant = session.scalars(select(Merchant).where(Merchant.email == email)).one()
        return builders.a_passkey(session, merchant).id


def count(sessions: sessionmaker[Session]) -> int:
    with sessions() as session:
        return len(session.scalars(select(AccountSession)).all())


@pytest.mark.parametrize("kind", ["merchant", "staff"])
def test_the_link_of_the_letter_asks_for_a_tap_and_the_tap_signs_in(browser, sessions, camille, ana, kind):
    email = {"merchant": camille, "staff": ana}[kind]
    asked(browser, email, kind)
    link = f"/connexion/lien/{letter(sessions)['token']}"
    for _ in range(3):
        page = browser.get(link)
        assert page.status == 200
        assert count(sessions) == 0, "a GET never acts"
        assert "Set-Cookie" not in page.answer.headers
    assert plain(page.one("form button").to_text()) == "Se connecter"
    assert email in page.words, "as whom, before the tap"
    answer = browser.post(page.one("form").attrs["action"])
    assert (answer.status_code, answer.headers["Location"]) == (303, WHERE[kind])
    if kind == "merchant":
        assert [link.attrs["href"] for link in browser.get(OFFER).all("main a")] == ["/commerce"]
    account = browser.get("/compte")
    assert account.text("h1") == "Vous êtes connecté"
    assert email in account.words
    assert {"merchant": "Commerçant", "staff": "Équipe du cluster"}[kind] in account.words


def test_a_used_or_old_or_invented_link_opens_nothing_and_says_so(browser, sessions, camille, clock):
    signed_in(browser, sessions, camille)
    used = f"/connexion/lien/{letter(sessions)['token']}"
    asked(browser, camille)
    old = f"/connexion/lien/{letter(sessions)['token']}"
    clock.forward(minutes=15)
    for path in (used, old, "/connexion/lien/" + "a" * 43, "/connexion/lien/x"):
        page, posted = browser.get(path), browser.post(path)
        assert (page.status, posted.status_code) == (410, 410)
        assert page.text("h1") == "Ce lien ne sert plus"
        assert page.one("main a.button").attrs["href"] == "/connexion"
        assert "Set-Cookie" not in posted.headers
    assert count(sessions) == 1


def test_the_code_of_the_letter_signs_another_device_in_within_five_tries(browser, sessions, camille):
    page = asked(browser, camille)
    code = letter(sessions)["code"]
    action = page.one("form").attrs["action"]
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    for _ in range(4):
        refused = ReadPage(browser.post(action, form={"code": wrong}))
        assert refused.status == 422
        assert "n’est pas valable" in refused.text("#code-probleme")
        assert refused.one("#code").attrs["aria-describedby"] == "code-probleme"
    answer = browser.post(action, form={"code": f"{code[:3]} {code[3:]}"})
    assert (answer.status_code, answer.headers["Location"]) == (303, OFFER)
    asked(browser, camille)
    again = browser.post(action, form={"code": code})
    assert again.status_code == 422


def test_nothing_tells_who_is_registered(browser, camille):
    def answers(email: str, kind: str) -> list[Any]:
        sent = browser.post("/connexion", form={"email": email, "for": kind})
        where = sent.headers["Location"]
        assert re.fullmatch(r"/connexion/code/[0-9a-f-]{36}", where)
        said = sent.get_data(as_text=True).replace(where, "…")
        shown, wrong = browser.get(where).answer, browser.post(where, form={"code": "no code"})
        bodies = [each.get_data(as_text=True).replace(where, "…") for each in (shown, wrong)]
        names = [sorted(name for name, _ in each.headers) for each in (sent, shown, wrong)]
        return [sent.status_code, said, wrong.status_code, *bodies, *names]

    known = answers(camille, "merchant")
    assert known == answers("nobody@nowhere.example", "merchant")
    assert known == answers(camille, "staff")
    page = browser.get("/connexion/code/01936f00-0000-7000-8000-000000000000")
    assert page.status == 200, "nor which request there was"


@pytest.mark.parametrize("headers", ELSEWHERE, ids=str)
def test_no_form_is_sent_from_a_page_elsewhere(browser, app, sessions, camille, headers):
    signed_in(browser, sessions, camille)
    (mine,) = browser.get("/compte").all("li.session")
    assert mine
    asked(browser, camille)
    content = letter(sessions)
    with sessions() as session:
        session_id = session.scalars(select(AccountSession.id)).one()
        request_id = str(max(session.scalars(select(SignIn.id)).all()))
    passkey_id = a_passkey(sessions, camille)
    before = rows(sessions)
    posts = {
        "/connexion": {"email": camille},
        "/connexion/nouveau": {"email": "nobody@nowhere.example"},
        f"/connexion/code/{request_id}": {"code": content["code"]},
        f"/connexion/lien/{content['token']}": {},
        f"/compte/sessions/{session_id}/fermer": {},
        f"/compte/cles/{passkey_id}/retirer": {},
        "/compte/deconnexion": {},
        "/compte/courriels": {},
    }
    ours = {
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("account.") and "POST" in rule.methods
    }
    assert len(posts) == len(ours), "every form of these pages is in this test"
    for path, form in posts.items():
        answer = browser.post(path, headers=headers, form=form)
        assert answer.status_code == 403, path
        assert "Set-Cookie" not in answer.headers
    assert rows(sessions) == before
    stranger = Browser(app)
    for path in list(posts)[:3]:
        answer = stranger.post(path, headers=headers, form=posts[path])
        assert answer.status_code == 403, f"{path}: nobody is signed in as somebody else unawares"
        assert "Set-Cookie" not in answer.headers
    assert rows(sessions) == before


def rows(sessions: sessionmaker[Session]) -> list[Any]:
    with sessions() as session:
        return [
            session.execute(select(AccountSession.id, AccountSession.ended_at)).all(),
            session.execute(select(SignIn.id, SignIn.used_at, SignIn.tries)).all(),
            session.execute(select(Letter.id)).all(),
        ]


def test_nobody_sits_in_the_session_beforehand(browser, sessions, camille):
    """Fixation: a cookie planted before the sign-in is worth nothing after it."""
    with sessions.begin() as session:
        planted = builders.signed_in(session, builders.a_merchant(session, camille))
    browser.client.set_cookie(COOKIE, planted, domain="localhost", secure=True, httponly=True)
    signed_in(browser, sessions, camille)
    mine = browser.client.get_cookie(COOKIE, domain="localhost")
    assert mine is not None
    assert mine.value != planted
    stranger = Browser(browser.app)
    stranger.client.set_cookie(COOKIE, planted, domain="localhost", secure=True, httponly=True)
    assert stranger.get("/compte").status == 303


@pytest.mark.parametrize("host", ["evil.example", "localhost:8000@evil.example", "localhost.evil.example"])
def test_a_host_that_is_not_ours_gets_into_no_letter(app: Flask, browser, sessions, camille, host):
    poisoned = browser.post("/connexion", headers={**OURS, "Host": host}, form={"email": camille})
    assert poisoned.status_code == 400
    forwarded = {**OURS, "X-Forwarded-Host": host, "X-Forwarded-Proto": "https", "Forwarded": f"host={host}"}
    assert browser.post("/connexion", headers=forwarded, form={"email": camille}).status_code == 303
    loopback = browser.post("/connexion", headers={**OURS, "Host": "127.0.0.1:1234"}, form={"email": camille})
    assert loopback.status_code == 303
    mailer, clock = RecordingMailer(), app.extensions["citylife"].clock
    engine = app.extensions["citylife"].engine
    postman = Postman(engine, mailer, base_url="http://localhost:8000", bell=ThreadDoorbell(), clock=clock)
    while postman.turn():
        pass
    assert len(mailer.messages) == 2
    for message in mailer.messages:
        links = re.findall(r"https?://\S+", message.get_content())
        assert len(links) == 1
        assert links[0].startswith("http://localhost:8000/connexion/lien/")
    assert sign_in_link("https://a.example", "t") == "https://a.example/connexion/lien/t"


def test_these_pages_are_kept_nowhere_and_tell_other_sites_nothing(browser, sessions, camille):
    page = signed_in(browser, sessions, camille)
    asked(browser, camille)
    answers = [
        page.answer,
        browser.get("/connexion").answer,
        browser.get("/connexion/code/01936f00-0000-7000-8000-000000000000").answer,
        browser.get(f"/connexion/lien/{letter(sessions)['token']}").answer,
        browser.get("/connexion/lien/x").answer,
        browser.post("/connexion", form={"email": "no"}),
        browser.post("/connexion", headers={}, form={"email": "no"}),
        browser.post("/compte/deconnexion"),
    ]
    for answer in answers:
        assert answer.headers.getlist("Cache-Control") == ["no-store"], answer.request.path
        assert answer.headers["Referrer-Policy"] in {"same-origin", "no-referrer"}
    for answer in answers[:6]:
        text = answer.get_data(as_text=True)
        assert '<meta name="robots" content="noindex">' in text
        assert not re.findall(r"https?://", text.replace("http://www.w3.org", ""))


def test_sessions_are_closed_one_by_one_and_this_one_by_signing_out(browser, sessions, camille, ana):
    other = Browser(browser.app)
    signed_in(other, sessions, camille)
    page = signed_in(browser, sessions, camille)
    assert len(page.all("li.session")) == 2
    assert len(page.all("li.session .following")) == 1, "one of them is this device"
    stranger = Browser(browser.app)
    signed_in(stranger, sessions, ana, "staff")
    path = page.one("li.session form").attrs["action"]
    assert stranger.post(path).status_code == 404
    assert other.get("/compte").status == 200
    assert browser.post(path).status_code == 303
    assert other.get("/compte").status == 303
    assert browser.get("/compte").status == 200
    out = browser.post("/compte/deconnexion")
    assert (out.status_code, out.headers["Location"]) == (303, "/connexion")
    assert browser.client.get_cookie(COOKIE, domain="localhost") is None
    assert browser.get("/compte").answer.headers["Location"] == "/connexion"
    assert browser.post("/compte/deconnexion").status_code == 303, "a second time does no harm"


def test_closing_this_very_session_takes_its_cookie_too(browser, sessions, camille):
    signed_in(browser, sessions, camille)
    with sessions() as session:
        session_id = session.scalars(select(AccountSession.id)).one()
    assert browser.post(f"/compte/sessions/{session_id}/fermer").status_code == 303
    assert browser.client.get_cookie(COOKIE, domain="localhost") is None
    assert browser.get("/compte").status == 303
    assert browser.post(f"/compte/sessions/{session_id}/fermer").headers["Location"] == "/connexion"


def test_a_wrong_address_is_shown_again_with_what_is_wrong(browser):
    sent = browser.post("/connexion", form={"email": '"><script>alert(1)</script>', "for": "staff"})
    page = ReadPage(sent)
    assert (page.status, page.text("#email-probleme")) == (422, "Cette adresse électronique n’est pas valable.")
    assert page.one("#email").attrs["value"] == '"><script>alert(1)</script>'
    assert page.one("#email").attrs["aria-invalid"] == "true"
    assert "checked" in page.one("input[value=staff]").attrs
    assert [script.attrs["src"] for script in page.all("script")] == [MODULE]
    assert browser.post("/connexion", form={}).status_code == 422
    assert browser.post("/connexion", form={"email": "a" * 5000}).status_code == 422


def test_too_many_letters_are_refused_with_a_page(browser, camille):
    for _ in range(5):
        asked(browser, camille)
    page = ReadPage(browser.post("/connexion", form={"email": camille}))
    assert page.status == 429
    assert int(page.answer.headers["Retry-After"]) > 0
    assert "Trop de demandes" in page.words


def test_the_pages_speak_english_too(browser, sessions, camille):
    english = Browser(browser.app, languages="en")
    page = signed_in(english, sessions, camille)
    assert page.text("h1") == "You are signed in"
    assert english.get("/connexion").text("h1") == "Sign in"
    with sessions() as session:
        assert session.scalars(select(Letter.locale)).one() == "en"


def test_each_page_is_html_without_a_fault(browser, sessions, camille):
    account = signed_in(browser, sessions, camille)
    pages = [
        account,
        browser.get("/connexion"),
        ReadPage(browser.post("/connexion", form={"email": "x"})),
        asked(browser, camille),
        browser.get(f"/connexion/lien/{letter(sessions)['token']}"),
        browser.get("/connexion/lien/x"),
        browser.get(OFFER),
        browser.get(f"/compte/cles/{a_passkey(sessions, camille)}/retirer"),
        ReadPage(browser.post("/connexion/code/01936f00-0000-7000-8000-000000000000", form={"code": "1"})),
    ]
    for page in pages:
        assert page.document.errors == []
        assert len(page.all("h1")) == 1
        ids = [found.attrs["id"] for found in page.all("[id]")]
        assert len(ids) == len(set(ids))
        for field in page.all("input:not([type=radio])"):
            assert page.all(f'label[for="{field.attrs["id"]}"]'), field.attrs
        assert {script.attrs.get("src") for script in page.all("script")} <= {MODULE}


def test_a_passkey_is_offered_once_and_taken_away_once_that_is_confirmed(browser, sessions, camille):
    signed_in(browser, sessions, camille)
    assert "Aucune pour l’instant" in browser.get("/compte").words
    passkey_id = a_passkey(sessions, camille)
    asked(browser, camille)
    answer = browser.post(f"/connexion/lien/{letter(sessions)['token']}")
    assert answer.headers["Location"] == "/commerce", "she has one: nothing to offer"
    account = browser.get("/compte")
    assert "Pas encore utilisée." in account.words
    page = browser.get(account.one(f"[href*='{passkey_id}']").attrs["href"])
    assert page.text("h1") == "Retirer cette clé d’accès ?"
    assert "Pas encore utilisée." in browser.get("/compte").words, "looking takes nothing away"
    answer = browser.post(page.one("main form").attrs["action"])
    assert (answer.status_code, answer.headers["Location"]) == (303, "/compte")
    assert "Aucune pour l’instant" in browser.get("/compte").words


def test_somebody_elses_passkey_is_not_there(browser, sessions, camille):
    with sessions.begin() as session:
        other = builders.a_passkey(session, builders.a_merchant(session)).id
    signed_in(browser, sessions, camille)
    assert browser.get(f"/compte/cles/{other}/retirer").status == 404
    assert browser.post(f"/compte/cles/{other}/retirer").status_code == 404


def test_who_is_nobody_is_sent_to_the_way_in(browser):
    for path in ("/connexion/cle", f"/compte/cles/{uuid.UUID(int=1)}/retirer"):
        answer = browser.get(path).answer
        assert (answer.status_code, answer.headers["Location"]) == (303, "/connexion")
