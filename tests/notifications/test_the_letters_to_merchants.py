"""The letters to merchants as they leave: their words in two languages, their links, one click that stops them."""

import datetime as dt
import re
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.merchants import Merchant
from citylife.activity import Counted, count
from citylife.doorbell import ThreadDoorbell
from citylife.merchant_mail import mondays
from citylife.merchant_mail.confirming import confirm_published
from citylife.merchant_mail.links import Purpose, ids_of
from citylife.merchant_mail.mondays import week_id
from citylife.offers import OfferStatus
from citylife.settings import Settings
from citylife.wording import Sentence, say
from notifications.mail import RecordingMailer, SmtpMailer
from notifications.merchant_words import monday
from notifications.postman import Postman
from tests import builders
from tests.builders import NOW
from tests.doubles.mail_server import MailServer
from wsgi import create_app

BASE = "https://citylife.example"
SENDER = "Citylife <bonjour@citylife.example>"
SECRET = "a secret of the tests, long enough to be one"
Sessions = sessionmaker[Session]


def publish(sessions: Sessions, *, locale: str = "fr") -> tuple[Merchant, object]:
    """Camille publishes an offer of Le Fournil; she and the offer's id."""
    with sessions.begin() as session:
        camille = builders.a_merchant(session, "camille@fournil.example")
        camille.locale = locale
        shop = builders.a_shop(session, "Le Fournil", merchant=camille)
        offer = builders.an_offer(session, shop, title="Tarte\N{NO-BREAK SPACE}: 2 pour 1")
        confirm_published(session, shop, offer, camille.id, secret=SECRET, now=NOW)
        return camille, offer.id


def sent(engine: Engine, mailer: RecordingMailer | SmtpMailer, *, now: dt.datetime = NOW) -> None:
    postman = Postman(engine, mailer, base_url=BASE, bell=ThreadDoorbell(), clock=lambda: now)
    while postman.turn():
        pass


def test_it_says_what_is_live_and_how_to_say_that_all_is_gone(engine: Engine, sessions: Sessions):
    camille, offer_id = publish(sessions)
    mailer = RecordingMailer(sender=SENDER)
    sent(engine, mailer)
    (message,) = mailer.messages
    text = " ".join(message.get_content().split())
    assert message["To"] == "camille@fournil.example"
    assert message["Subject"] == "En ligne : Tarte : 2 pour 1"
    assert "Votre offre « Tarte : 2 pour 1 » est en ligne chez « Le Fournil ». Jusqu’au mardi 24 novembre, 18 h" in text
    found = re.search(rf"touchez « Tout est parti » : {BASE}/courriel/parti/([A-Za-z0-9_-]+) ", text)
    assert found is not None
    assert ids_of(Purpose.SELL_OUT, found[1], 2, secret=SECRET) == (camille.id, offer_id)
    assert "ne transmettez ce message à personne" in text


def test_it_speaks_english_to_who_reads_it(engine: Engine, sessions: Sessions):
    publish(sessions, locale="en")
    mailer = RecordingMailer(sender=SENDER)
    sent(engine, mailer)
    (mail,) = mailer.mails
    assert mail.subject.startswith("Live: Tarte")
    assert "When there is none left, open this link, then tap “All gone”:" in mail.text
    assert "en ligne" not in mail.text


@pytest.mark.parametrize("times", [1, 2])
def test_one_click_of_a_mail_program_stops_them(engine, sessions: Sessions, database_url, tmp_path, times: int):
    """RFC 8058: what the mail server took is posted to as it stands."""
    hosts = ("citylife.example",)
    settings = Settings(
        instance=tmp_path, database_url=database_url, base_url=BASE, trusted_hosts=hosts, secret_key=SECRET
    )
    app = create_app(settings, clock=lambda: NOW)
    camille, _ = publish(sessions)
    with MailServer(tmp_path) as server:
        sent(engine, SmtpMailer(server.url, sender=SENDER))
        message = server.taken[-1].message
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    found = re.fullmatch(rf"<({BASE}/courriel/annonces/arreter/[A-Za-z0-9_-]{{64}})>", message["List-Unsubscribe"])
    assert found is not None
    for _ in range(times):
        assert app.test_client().post(found[1], data={"List-Unsubscribe": "One-Click"}).status_code == 200
    app.extensions["citylife"].engine.dispose()
    with sessions() as session:
        assert not session.get_one(Merchant, camille.id).confirmations


MONDAY = dt.datetime(2026, 11, 30, 7, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize("locale", ["fr", "en"])
def test_monday_s_letter_says_what_last_week_brought_and_leads_to_doing_it_again(
    engine: Engine, sessions: Sessions, tmp_path: Path, locale: str
):
    with sessions.begin() as session:
        camille = builders.a_merchant(session, "camille@fournil.example")
        camille.locale = locale
        shop = builders.a_shop(session, "Le Fournil", merchant=camille)
        offer = builders.an_offer(session, shop, status=OfferStatus.ENDED, title="Tarte")
        count(session, Counted.TILL_USES, offer.id, now=NOW, by=12)
        mondays.write_letters(session, mondays.letters_of(session, shop.id, secret=SECRET, now=MONDAY), now=MONDAY)
    with MailServer(tmp_path) as server:
        sent(engine, SmtpMailer(server.url, sender=SENDER), now=MONDAY)
        (taken,) = server.taken
    message = taken.message
    text = " ".join(message.get_content().split())
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert re.fullmatch(rf"<{BASE}/courriel/lundi/arreter/[A-Za-z0-9_-]{{64}}>", message["List-Unsubscribe"])
    said = {
        "fr": (
            "La semaine de « Le Fournil » sur Citylife",
            "Codes utilisés en caisse : 12",
            "touchez « Publier » :",
            "(codes utilisés en caisse : 12)",
        ),
        "en": (
            "The week of “Le Fournil” on Citylife",
            "Codes used at the till: 12",
            "tap “Publish”:",
            "(codes used at the till: 12)",
        ),
    }[locale]
    assert " ".join(message["Subject"].split()) == said[0]
    assert said[1] in text
    assert said[3] in text
    found = re.search(rf"{said[2]} {BASE}/courriel/refaire/([A-Za-z0-9_-]+) ", text)
    assert found is not None
    assert ids_of(Purpose.AGAIN, found[1], 3, secret=SECRET) == (camille.id, offer.id, week_id(MONDAY))
    assert f"{BASE}/commerce/{shop.id}/resultats" in text


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("fr", ["Utilisations sans code, déclarées : 7", "(utilisations sans code, déclarées : 7)"]),
        ("en", ["Uses without a code, as declared: 7", "(uses without a code, as declared: 7)"]),
    ],
)
def test_monday_s_letter_counts_what_was_declared_without_a_code_apart(locale: str, said: list[str]):
    content = {"shop": "Le Fournil", "shop_id": "1", "used": 0, "declared": 7, "opened": 0, "follows_won": 0}
    content |= {"followers": 3, "stop": "x", "best": {"title": "Tarte", "used": 0, "declared": 7, "token": "y"}}
    text = told(content, locale)
    assert all(each in text for each in said)
    before = {name: value for name, value in content.items() if name != "declared"} | {"best": None}
    assert said[0].partition(",")[0] not in told(before, locale), "a letter that waited since before they were counted"


def told(content: dict[str, object], locale: str) -> str:
    _, parts = monday(content, BASE, locale)
    return " ".join(" ".join(say(each, locale) if isinstance(each, Sentence) else each for each in parts).split())
