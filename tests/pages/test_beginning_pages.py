"""A merchant who is nobody yet begins alone: her address, a letter, an account by its link, and her shop's claim."""

import re
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.merchants import Merchant
from citylife.accounts.sessions import AccountSession
from citylife.doorbell import ThreadDoorbell
from citylife.letters import Letter, LetterState
from citylife.shops import ShopStatus
from notifications.mail import RecordingMailer
from notifications.postman import Postman
from tests import builders
from tests.pages.conftest import Browser, ReadPage, plain

Sessions = sessionmaker[Session]
CLAIM = "/commerce/nouveau"
LEA = "lea@fleurs.example"
SIRET = "73282932000074"


@pytest.fixture
def slug(sessions: Sessions) -> str:
    with sessions.begin() as session:
        return builders.a_shop(session, "Fleurs du Beffroi", status=ShopStatus.LISTED).slug


def letter(sessions: Sessions) -> dict[str, Any]:
    with sessions() as session:
        content = session.scalars(select(Letter.content).order_by(Letter.id.desc())).first()
    assert content
    return content


def merchants(sessions: Sessions) -> int:
    with sessions() as session:
        return session.scalar(select(func.count()).select_from(Merchant)) or 0


def begun(browser: Browser, email: str = LEA, *, commerce: str = "") -> ReadPage:
    """Fill in the form, send it, and go where it leads."""
    page = browser.get(f"{CLAIM}?commerce={commerce}" if commerce else CLAIM)
    form = page.one("main form")
    sent = {field.attrs["name"]: field.attrs.get("value", "") for field in form.query("input")}
    answer = browser.post(form.attrs["action"], form={**sent, "email": email})
    assert answer.status_code == 303
    return browser.get(answer.headers["Location"])


def mail(browser: Browser) -> list[str]:
    """What the postman carries out."""
    mailer, house = RecordingMailer(), browser.app.extensions["citylife"]
    postman = Postman(house.engine, mailer, base_url="http://localhost", bell=ThreadDoorbell(), clock=house.clock)
    while postman.turn():
        pass
    return [message.get_content() for message in mailer.messages]


def test_from_the_code_on_the_letter_to_the_claim_of_that_shop(browser, sessions, slug):
    page = begun(browser, commerce=slug)
    assert page.text("h1") == "Regardez votre courrier"
    assert "Un courriel est en route." in page.words
    assert merchants(sessions) == 0
    (text,) = mail(browser)
    assert "Aucun compte n’existe encore à cette adresse" in plain(text)
    (link,) = re.findall(r"http://localhost(/connexion/lien/\S+)", text)
    page = browser.get(link)
    assert (LEA in page.words, "Votre compte est créé" in page.words) == (True, True)
    assert merchants(sessions) == 0, "a GET makes nothing"
    answer = browser.post(page.one("form").attrs["action"])
    assert answer.status_code == 303
    assert merchants(sessions) == 1
    offer = browser.get(answer.headers["Location"])
    later = [anchor.attrs["href"] for anchor in offer.all("main a")]
    assert later == [f"{CLAIM}?commerce={slug}"]
    page = browser.get(later[0])
    assert page.text("h1") == "Fleurs du Beffroi"
    answer = browser.post(CLAIM, form={"commerce": slug, "number": SIRET, "wish": "claim"})
    assert answer.status_code == 303
    page = browser.get(answer.headers["Location"])
    assert "En cours de vérification" in page.words


def test_by_the_code_of_the_letter_on_another_device(browser, sessions):
    page = begun(browser)
    code = letter(sessions)["code"]
    action = page.one("form").attrs["action"]
    assert browser.post(action, form={"code": f"{(int(code) + 1) % 1_000_000:06}"}).status_code == 422
    assert merchants(sessions) == 0
    answer = browser.post(action, form={"code": code})
    assert answer.status_code == 303
    assert [anchor.attrs["href"] for anchor in browser.get(answer.headers["Location"]).all("main a")] == [CLAIM]
    assert browser.get(CLAIM).one("#number")


def test_nothing_tells_who_is_registered(browser, sessions):
    with sessions.begin() as session:
        known = builders.a_merchant(session).email

    def answers(email: str) -> list[Any]:
        sent = browser.post("/connexion/nouveau", form={"email": email})
        where = sent.headers["Location"]
        assert re.fullmatch(r"/connexion/code/[0-9a-f-]{36}\?vers=\S+", where)
        said = sent.get_data(as_text=True).replace(where, "…").replace(where.replace("&", "&amp;"), "…")
        asked = where.partition("?")[0]
        shown = browser.get(where).answer.get_data(as_text=True).replace(asked, "…")
        wrong = browser.post(where, form={"code": "no"})
        return [sent.status_code, said, shown, wrong.status_code, wrong.get_data(as_text=True).replace(asked, "…")]

    assert answers(known) == answers(LEA)
    with sessions() as session:
        assert session.scalars(select(Letter.state)).all() == [LetterState.WAITING] * 2


def test_the_way_in_still_makes_no_account(browser, sessions):
    assert browser.post("/connexion", form={"email": LEA}).status_code == 303
    with sessions() as session:
        assert session.scalars(select(Letter.state)).one() is LetterState.WITHHELD
    assert mail(browser) == []


def test_one_who_is_known_signs_in_and_goes_on_all_the_same(browser, sessions, slug):
    with sessions.begin() as session:
        builders.a_merchant(session, LEA)
    begun(browser, commerce=slug)
    (text,) = mail(browser)
    assert "Aucun compte" not in text
    page = browser.get(re.findall(r"http://localhost(/connexion/lien/\S+)", text)[0])
    assert "Votre compte est créé" not in page.words
    browser.post(page.one("form").attrs["action"])
    assert merchants(sessions) == 1
    assert browser.get(f"{CLAIM}?commerce={slug}").text("h1") == "Fleurs du Beffroi"


@pytest.mark.parametrize(
    "vers",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/commerce/nouveau@evil.example",
        "/commerce/nouveau?commerce=//evil.example",
        "/commerce/nouveau?commerce=x\r\nSet-Cookie: a=b",
        "/compte/deconnexion",
        "javascript:alert(1)",
    ],
)
def test_nobody_is_sent_on_to_a_page_that_is_not_ours(browser, sessions, vers):
    with sessions.begin() as session:
        merchant = builders.a_merchant(session, LEA)
        builders.a_passkey(session, merchant)
    browser.post("/connexion", form={"email": LEA})
    path = f"/connexion/lien/{letter(sessions)['token']}"
    page = ReadPage(browser.client.get(path, query_string={"vers": vers}, headers={"Accept": "text/html"}))
    assert page.one("form").attrs["action"] == path
    answer = browser.client.post(path, query_string={"vers": vers}, headers={"Sec-Fetch-Site": "same-origin"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/commerce")
    browser.post("/connexion/nouveau", form={"email": "x@y.example", "commerce": vers})
    assert letter(sessions)["onward"] == CLAIM


def test_letters_to_an_address_and_from_a_place_have_an_end(browser, sessions):
    for _ in range(3):
        assert browser.post("/connexion/nouveau", form={"email": LEA}).status_code == 303
    refused = browser.post("/connexion/nouveau", form={"email": LEA})
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    for number in range(6):
        assert browser.post("/connexion/nouveau", form={"email": f"a{number}@b.example"}).status_code == 303
    assert browser.post("/connexion/nouveau", form={"email": "last@b.example"}).status_code == 429
    assert browser.post("/connexion", form={"email": LEA}).status_code == 303, "the way in is another door"


def test_a_wrong_address_is_said_where_it_is_and_the_shop_stays_chosen(browser, slug):
    page = ReadPage(browser.post("/connexion/nouveau", form={"email": '"><b>', "commerce": slug}))
    assert (page.status, page.text("#email-probleme")) == (422, "Cette adresse électronique n’est pas valable.")
    assert page.one("#email").attrs["value"] == '"><b>'
    assert page.one("[name=commerce]").attrs["value"] == slug
    assert page.document.errors == []
    assert page.answer.headers["Cache-Control"] == "no-store"


def test_nobody_elses_page_begins_for_anybody(browser, sessions):
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Host": "localhost"}):
        assert browser.post("/connexion/nouveau", headers=headers, form={"email": LEA}).status_code == 403
    begun(browser)
    path = f"/connexion/lien/{letter(sessions)['token']}"
    assert browser.post(path, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert merchants(sessions) == 0
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(AccountSession)) == 0
