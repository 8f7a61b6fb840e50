"""The weekly letter as it leaves: its words in two languages, its headers on the wire, and one click that stops it."""

import datetime as dt
import re
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen
from citylife.doorbell import ThreadDoorbell
from citylife.email_digest import writing
from citylife.email_digest.tables import EmailDigest
from citylife.letters import Letter, LetterKind
from citylife.settings import Settings
from notifications.mail import Mail, RecordingMailer, SmtpMailer, written
from notifications.postman import Postman
from tests import builders
from tests.builders import NOW
from tests.doubles.mail_server import MailServer
from wsgi import create_app

MARIE = "marie@courrier.example"
BASE = "https://citylife.example"
SENDER = "Citylife <bonjour@citylife.example>"
FRIDAY = dt.datetime(2026, 11, 27, 17, 0, tzinfo=dt.UTC)


def settle(session: Session, *, locale: str = "fr", offers: int = 2) -> Citizen:
    """A reader without push, whose letter is written."""
    citizen = builders.a_citizen(session, consented=False, locale=locale)
    builders.an_email_digest(session, citizen, MARIE)
    for number in range(offers):
        shop = builders.a_shop(session, f"Le Fournil {number}")
        builders.a_follow(session, citizen, shop)
        builders.an_offer(
            session,
            shop,
            title=f"Pains {number}",
            ends_at=FRIDAY + dt.timedelta(days=4, hours=number),
            price=225 if number else None,
            prior_price=450 if number else None,
            reduction=bool(number),
        )
    writing.write_letters(session, now=FRIDAY)
    return citizen


def settings_of(database_url: str, instance: Path) -> Settings:
    hosts = ("citylife.example",)
    return Settings(
        instance=instance, database_url=database_url, base_url=BASE, trusted_hosts=hosts, aipd_date=dt.date(2026, 1, 2)
    )


def sent(engine, mailer, *, now: dt.datetime = FRIDAY) -> None:
    postman = Postman(engine, mailer, base_url=BASE, bell=ThreadDoorbell(), clock=lambda: now)
    while postman.turn():
        pass


@pytest.fixture
def letter(engine, sessions: sessionmaker[Session]) -> EmailMessage:
    """The weekly letter, as it would travel."""
    with sessions.begin() as session:
        settle(session)
    mailer = RecordingMailer(sender=SENDER)
    sent(engine, mailer)
    return mailer.messages[-1]


def test_it_says_what_until_when_for_how_much_where_why_and_how_to_stop(letter: EmailMessage, sessions):
    text = " ".join(letter.get_content().split())
    with sessions() as session:
        kept = session.scalars(select(EmailDigest)).one()
    assert letter["Subject"] == "2 offres chez vos commerces"
    assert letter["To"] == MARIE
    assert "Le Fournil 0 : Pains 0 Jusqu’au mardi 1er décembre, 18 h https://citylife.example/o/" in text
    assert "Le Fournil 1 : Pains 1 Jusqu’au mardi 1er décembre, 19 h 2,25 €, Prix le plus bas des 30 derniers" in text
    assert "jours : 4,50 € https://citylife.example/o/" in text
    assert "parce que vous avez demandé, puis confirmé, un récapitulatif par semaine" in text
    assert f"touchez « Arrêter ces courriels » : {BASE}/courriel/arreter/{kept.stop_token}" in text


def test_it_is_plain_text_whose_links_are_everybodys(letter: EmailMessage):
    """No picture, no address of a reader's own but the one that stops the letters."""
    assert letter.get_content_type() == "text/plain"
    links = re.findall(r"https?://\S+", letter.get_content())
    assert len(links) == 3
    assert all(re.fullmatch(rf"{BASE}/o/[0-9a-f-]{{36}}\?from=mail", link) for link in links[:-1])
    assert re.fullmatch(rf"{BASE}/courriel/arreter/[A-Za-z0-9_-]{{43}}", links[-1])


def test_an_english_reader_gets_it_in_english(engine, sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        settle(session, locale="en", offers=1)
    mailer = RecordingMailer(sender=SENDER)
    sent(engine, mailer, now=NOW)
    sent(engine, mailer)
    asked, letter = mailer.messages
    assert asked["Subject"] == "Confirm your address for Citylife"
    assert asked["List-Unsubscribe"] is None, "it comes once"
    assert (letter["Subject"], letter["Content-Language"]) == ("One offer from your shops", "en")
    assert "You get this e-mail because you asked for" in letter.get_content()


def test_one_click_of_a_mail_program_stops_it_from_the_header_on_the_wire(
    engine, database_url: str, sessions: sessionmaker[Session], tmp_path
):
    """RFC 8058: what the mail server took is posted to as it stands, and the address is gone."""
    with sessions.begin() as session:
        settle(session)
    with MailServer(tmp_path) as server:
        sent(engine, SmtpMailer(server.url, sender=SENDER))
        message = server.taken[-1].message
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    found = re.fullmatch(rf"<({BASE}/courriel/arreter/[A-Za-z0-9_-]{{43}})>", message["List-Unsubscribe"])
    assert found is not None
    app = create_app(settings_of(database_url, tmp_path), clock=lambda: FRIDAY)
    name, _, value = message["List-Unsubscribe-Post"].partition("=")
    answer = app.test_client().post(found[1], data={name: value})
    assert answer.status_code == 200
    app.extensions["citylife"].engine.dispose()
    with sessions() as session:
        assert session.scalars(select(EmailDigest)).all() == []
        assert writing.write_letters(session, now=FRIDAY + dt.timedelta(weeks=1)) == writing.Page(0, 0)


def test_the_address_to_post_to_is_one_line_however_long_the_host_is():
    """Python would cut it into encoded words past 78 characters, and no mail program would find it."""
    stop = f"https://{'citylife.' * 8}example/courriel/arreter/{'a' * 43}"
    mail = Mail("n", MARIE, "fr", "Offres à côté, près d’ici", "Bonjour\n", stop)
    wire = bytes(written(mail, sender=SENDER, now=NOW))
    assert f"\r\nList-Unsubscribe: <{stop}>\r\n".encode() in wire
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in wire
    assert max(len(line) for line in wire.split(b"\r\n") if not line.startswith(b"List-Unsubscribe")) <= 78


def test_her_address_stands_in_no_line_of_the_log(engine, database_url: str, sessions, tmp_path, capfd):
    """From giving it to both of its letters, also where the mail server refuses one."""
    app = create_app(settings_of(database_url, tmp_path), clock=lambda: NOW)
    with sessions.begin() as session:
        citizen, token = builders.a_citizen_with_token(session)
        shop = builders.a_shop(session)
        builders.a_follow(session, citizen, shop)
        builders.an_offer(session, shop, ends_at=FRIDAY + dt.timedelta(days=4))
    client = app.test_client(use_cookies=False)
    hers = {"Authorization": f"Bearer {token}"}
    url = f"{BASE}/api/v1/me"
    consent = {"purpose": "email-digest", "granted": True, "text_version": "2026-11", "locale": "fr"}
    assert client.post(f"{url}/consents", json=consent, headers=hers).status_code == 201
    assert client.put(f"{url}/email-digest", json={"email": MARIE}, headers=hers).status_code == 200
    assert client.put(f"{url}/email-digest", json={"email": f"{MARIE} x"}, headers=hers).status_code == 422
    with sessions() as session:
        asked = session.scalars(select(Letter).where(Letter.kind == LetterKind.DIGEST_ASKED)).one()
        link = f"{BASE}/courriel/confirmer/{asked.content['token']}"
    assert client.post(link, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200
    with MailServer(tmp_path / "server") as server:
        mailer = SmtpMailer(server.url, sender=SENDER)
        sent(engine, mailer, now=NOW)
        with sessions.begin() as session:
            assert writing.write_letters(session, now=FRIDAY).letters == 1
        server.answers[MARIE] = "450 try again later"
        sent(engine, mailer)
        assert len(server.taken) == 1
    app.extensions["citylife"].engine.dispose()
    said = "".join(capfd.readouterr())
    assert "letter.not_sent" in said, "it was listened to"
    assert "marie" not in said.lower()
