"""« Mes données » without scripts: consents with their history, the file of everything, erasing with a receipt."""

import json

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen, ErasureReceipt
from citylife.consent import TEXTS, Consent, Purpose
from citylife.email_digest.tables import EmailDigest
from tests.builders import a_shop, an_email_digest, consent
from tests.pages.conftest import Browser, ReadPage, StandingClock, plain

Sessions = sessionmaker[Session]


@pytest.fixture
def hers(browser: Browser, sessions: Sessions) -> Browser:
    """The browser of somebody who follows a shop."""
    with sessions.begin() as session:
        slug = a_shop(session, "Le Fournil").slug
    browser.press(browser.get(f"/s/{slug}"), "Suivre")
    return browser


def her(session: Session) -> Citizen:
    return session.scalars(select(Citizen)).one()


def history(page: ReadPage) -> list[str]:
    return [plain(answer.to_text()) for answer in page.all(".answers li")]


def withdraw(browser: Browser, purpose: Purpose) -> ReadPage:
    page = browser.get("/reglages/donnees")
    assert page.all(f"#accords input[value={purpose.value}]"), "the page offers it"
    answer = browser.post("/reglages/donnees/withdraw", form={"purpose": purpose.value, "back": "donnees"})
    assert answer.status_code == 303
    return browser.get(answer.headers["Location"])


def test_who_is_nobody_yet_reads_that_nothing_is_kept(reader: Browser):
    for path in ("/reglages/donnees", "/reglages/donnees/effacer"):
        page = reader.get(path)
        assert "Rien n’est gardé de vous sur ce téléphone." in page.words
        assert page.all("main form") == []


def test_her_consents_are_told_word_for_word_with_their_history(
    hers: Browser, sessions: Sessions, clock: StandingClock
):
    with sessions.begin() as session:
        consent(session, her(session), now=clock())

    page = hers.get("/reglages/donnees")

    assert TEXTS[Purpose.NOTIFICATIONS].sentence in page.one("#accords blockquote").to_text()
    assert [plain(mark.to_text()) for mark in page.all("#accords .mark")] == ["Accepté", "Pas accepté", "Pas accepté"]
    assert len(history(page)) == 1

    clock.forward(days=1)
    page = withdraw(hers, Purpose.NOTIFICATIONS)
    assert "Votre accord est retiré." in page.text("#accords")
    assert page.all("#accords blockquote, #accords form") == []
    newest, oldest = history(page)
    assert newest.startswith("Les notifications retiré le")
    assert oldest.startswith("Les notifications accepté le")
    with sessions() as session:
        assert not her(session).notifications_consented


def test_withdrawing_twice_adds_no_answer_and_no_other_purpose_is_known(hers: Browser, sessions: Sessions):
    with sessions.begin() as session:
        consent(session, her(session))
    withdraw(hers, Purpose.NOTIFICATIONS)

    assert hers.post("/reglages/donnees/withdraw", form={"purpose": "notifications"}).status_code == 303
    assert hers.post("/reglages/donnees/withdraw", form={"purpose": "whatever"}).status_code == 404

    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Consent)) == 2


def test_withdrawing_the_digest_by_mail_forgets_the_address(hers: Browser, sessions: Sessions):
    with sessions.begin() as session:
        an_email_digest(session, her(session))

    withdraw(hers, Purpose.EMAIL_DIGEST)

    with sessions() as session:
        assert session.scalars(select(EmailDigest)).all() == []


def test_a_long_history_is_read_by_pages(hers: Browser, sessions: Sessions):
    with sessions.begin() as session:
        for number in range(25):
            consent(session, her(session), granted=number % 2 == 0)

    page = hers.get("/reglages/donnees")
    following = hers.get(page.one('a[rel="next"]').attrs["href"])

    assert (len(history(page)), len(history(following))) == (20, 5)
    assert following.all('a[rel="next"]') == []


def test_she_takes_everything_with_her_as_a_file_in_the_language_of_the_page(hers: Browser):
    hers.get("/reglages?lang=en")
    page = hers.get("/reglages/donnees")

    answer = hers.get(page.one("a[download]").attrs["href"]).answer

    assert answer.headers["Content-Disposition"].startswith('attachment; filename="citylife-')
    assert answer.headers["Content-Language"] == "en"
    assert "no-store" in answer.headers["Cache-Control"]
    sections = {section["name"]: section for section in json.loads(answer.data)["sections"]}
    assert [row["shop_name"] for row in sections["follows"]["rows"]] == ["Le Fournil"]


def test_erasing_asks_once_more_and_nothing_goes_without_the_tick(hers: Browser, sessions: Sessions):
    page = hers.get("/reglages/donnees/effacer")
    assert "Cela ne peut pas être annulé" in page.words

    refused = ReadPage(hers.post("/reglages/donnees/effacer", form={}))

    assert refused.status == 422
    assert "définitif" in refused.text("#sure-probleme")
    with sessions() as session:
        assert her(session)


def test_erasing_leaves_nothing_but_a_receipt_that_is_shown_to_be_kept(hers: Browser, sessions: Sessions):
    answer = hers.post("/reglages/donnees/effacer", form={"sure": "1"})

    assert answer.status_code == 303
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    with sessions() as session:
        assert session.scalars(select(Citizen)).all() == []
        receipt = session.scalars(select(ErasureReceipt)).one()
    page = hers.get(answer.headers["Location"])
    assert page.text("h1") == "Reçu d’effacement"
    assert str(receipt.id) in page.words
    assert f"http://localhost:8000/reglages/recu/{receipt.id}" in page.words
    assert "Rien à régler pour l’instant" in hers.get("/reglages").words, "her browser forgot her too"


def test_a_receipt_that_was_never_given_is_not_there(reader: Browser):
    assert reader.get("/reglages/recu/00000000-0000-7000-8000-000000000000").status == 404
