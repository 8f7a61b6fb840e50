"""The postman: letters of the ledger become mail in the words of their reader, each sent once, none left behind."""

import datetime as dt
import threading
import time

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.invitations import invite_into_staff, invite_into_team
from citylife.accounts.merchants import Role
from citylife.accounts.sessions import AccountKind
from citylife.accounts.sign_in import ask_to_sign_in
from citylife.accounts.staff import StaffRole
from citylife.doorbell import ThreadDoorbell
from citylife.keys import keys_of
from citylife.letters import Letter, LetterKind, LetterState, write_letter
from citylife.settings import Settings
from notifications import postman as postmen
from notifications.mail import MailAnswer, MailOutcome, RecordingMailer, SmtpMailer
from notifications.postman import Postman
from notifications.worker import Worker
from tests import builders
from tests.builders import NOW
from tests.doubles.mail_server import MailServer

BASE = "https://citylife.example"


class Clock:
    """Time that moves when told to."""

    def __init__(self) -> None:
        self.moment = NOW

    def __call__(self) -> dt.datetime:
        return self.moment


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def mailer() -> RecordingMailer:
    return RecordingMailer(sender="Citylife <bonjour@citylife.example>")


@pytest.fixture
def postman(engine: Engine, mailer: RecordingMailer, clock: Clock) -> Postman:
    return Postman(engine, mailer, base_url=BASE, bell=ThreadDoorbell(), clock=clock)


def asked(sessions: sessionmaker[Session], email: str, *, locale: str = "fr") -> dict[str, str]:
    """A merchant's letter, and what it says."""
    with sessions.begin() as session:
        builders.a_merchant(session, email)
        ask_to_sign_in(session, AccountKind.MERCHANT, email, secret_key="k" * 43, locale=locale, now=NOW)
        content = session.scalars(select(Letter.content).order_by(Letter.id.desc())).first()
    assert content is not None
    return content


def states(sessions: sessionmaker[Session]) -> list[LetterState]:
    with sessions() as session:
        return list(session.scalars(select(Letter.state).order_by(Letter.id)))


def plain(text: str) -> str:
    return " ".join(text.split())


def test_a_letter_is_sent_once_and_emptied(postman, mailer, sessions):
    content = asked(sessions, "camille@boulangerie.example")

    assert postman.turn()
    assert not postman.turn()

    (message,) = mailer.messages
    assert str(message["To"]) == "camille@boulangerie.example"
    text = message.get_content()
    assert f"\n{BASE}/connexion/lien/{content['token']}\n" in text
    assert f"{content['code'][:3]} {content['code'][3:]}" in plain(text)
    with sessions() as session:
        letter = session.scalars(select(Letter)).one()
    assert (letter.state, letter.recipient, letter.content) == (LetterState.SENT, "", {})


def test_a_letter_speaks_its_reader_s_language(postman, mailer, sessions):
    asked(sessions, "camille@boulangerie.example")
    asked(sessions, "lou@bakery.example", locale="en")
    while postman.turn():
        pass
    french, english = mailer.messages
    assert french["Subject"] == "Votre connexion à Citylife"
    assert "ouvrez ce lien" in french.get_content()
    assert (english["Subject"], english["Content-Language"]) == ("Your sign-in to Citylife", "en")
    assert "open this link" in english.get_content()
    assert "Bonjour" not in english.get_content()


def test_invitations_say_where_and_as_what(postman, mailer, sessions):
    with sessions.begin() as session:
        shop = builders.a_shop(session, "Chez Léon")
        _, _, token = invite_into_team(session, "lou@chez-leon.example", shop, Role.SELLER, now=NOW)
        _, staff_token = invite_into_staff(session, "ana@cluster.example", StaffRole.WATCH, locale="en", now=NOW)
    while postman.turn():
        pass
    merchant, staff = mailer.messages
    assert plain(merchant["Subject"]) == "Vous faites partie de l’équipe de « Chez Léon » sur Citylife"
    assert f"{BASE}/connexion/lien/{token}" in merchant.get_content()
    assert "vendeur" in merchant.get_content()
    assert f"{BASE}/connexion/lien/{staff_token}" in staff.get_content()
    assert "watching" in staff.get_content()


def test_a_shop_s_name_writes_no_headers(postman, mailer, sessions):
    with sessions.begin() as session:
        write_letter(
            session,
            LetterKind.MERCHANT_INVITED,
            "lou@chez-leon.example",
            locale="fr",
            content={"token": "t" * 43, "shop": "Léon\r\nBcc: all@example.org\r\n\r\nx", "role": "owner"},
            expires_at=NOW + dt.timedelta(days=1),
            now=NOW,
        )
    postman.turn()
    (message,) = mailer.messages
    assert message["Bcc"] is None
    assert "Bcc" in message["Subject"]


def test_what_a_server_puts_off_is_tried_again_and_what_it_refuses_is_not(postman, mailer, sessions, clock):
    asked(sessions, "later@boulangerie.example")
    asked(sessions, "never@boulangerie.example")
    mailer.answers["later@boulangerie.example"] = MailOutcome(MailAnswer.RETRY, 450)
    mailer.answers["never@boulangerie.example"] = MailOutcome(MailAnswer.REFUSED, 550)
    while postman.turn():
        pass
    assert states(sessions) == [LetterState.WAITING, LetterState.REFUSED]
    mailer.answers.clear()
    clock.moment += dt.timedelta(seconds=5)
    assert postman.turn()
    assert states(sessions) == [LetterState.SENT, LetterState.REFUSED]
    assert [str(message["To"]) for message in mailer.messages] == ["later@boulangerie.example"]


def test_a_repeat_after_a_crash_has_the_same_message_id(postman, mailer, sessions, clock, monkeypatch):
    asked(sessions, "camille@boulangerie.example")
    with monkeypatch.context() as patch:
        patch.setattr("notifications.postman.settle_letter", lambda *_a, **_k: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            postman.turn()
    assert not postman.turn(), "its lease is not over"
    clock.moment += dt.timedelta(minutes=6)
    assert postman.turn()
    first, second = mailer.messages
    assert first["Message-ID"] == second["Message-ID"]


def test_a_letter_that_cannot_be_composed_does_not_hold_up_the_next(engine, mailer, sessions, clock):
    with sessions.begin() as session:
        write_letter(
            session,
            LetterKind.STAFF_INVITED,
            "lou@chez-leon.example",
            locale="fr",
            content={},
            expires_at=NOW + dt.timedelta(days=1),
            now=NOW,
        )
    asked(sessions, "camille@boulangerie.example")
    stop, bell = threading.Event(), ThreadDoorbell()
    postman = Postman(engine, mailer, base_url=BASE, bell=bell, clock=clock)
    thread = threading.Thread(target=postman.run, args=(stop,))
    thread.start()
    wait_until(lambda: mailer.messages)
    stop.set()
    bell.ring()
    thread.join(60)
    assert not thread.is_alive()


def test_a_worker_sends_letters_through_a_real_mail_server_soon_after_the_bell(
    database_url, engine, sessions, tmp_path, monkeypatch
):
    monkeypatch.setattr(postmen, "LOOK_EVERY", 3600.0)
    with MailServer(tmp_path, scheme="smtp", password=True) as server:
        settings = Settings(instance=tmp_path / "instance", database_url=database_url, smtp_url=server.url)
        bell = ThreadDoorbell()
        worker = Worker(settings, keys_of(settings), engine, bell=bell)
        worker.start()
        try:
            time.sleep(0.5)
            with sessions.begin() as session:
                builders.a_merchant(session, "camille@boulangerie.example")
                moment = worker._clock()
                ask_to_sign_in(
                    session,
                    AccountKind.MERCHANT,
                    "camille@boulangerie.example",
                    secret_key="k" * 43,
                    locale="fr",
                    now=moment,
                )
            bell.ring()
            wait_until(lambda: server.taken)
        finally:
            worker.stop()
    assert states(sessions) == [LetterState.SENT]
    assert "http://localhost:8000/connexion/lien/" in server.taken[0].message.get_content()


def test_a_server_that_is_away_for_a_while_loses_nothing(engine, sessions, clock, tmp_path):
    asked(sessions, "camille@boulangerie.example")
    with MailServer(tmp_path) as gone:
        url = gone.url
    away = SmtpMailer(url, sender="Citylife <a@citylife.example>", seconds=1)
    assert Postman(engine, away, base_url=BASE, bell=ThreadDoorbell(), clock=clock).turn()
    assert states(sessions) == [LetterState.WAITING]
    clock.moment += dt.timedelta(seconds=5)
    with MailServer(tmp_path) as back:
        mailer = SmtpMailer(back.url, sender="Citylife <a@citylife.example>")
        assert Postman(engine, mailer, base_url=BASE, bell=ThreadDoorbell(), clock=clock).turn()
    assert len(back.taken) == 1
    assert states(sessions) == [LetterState.SENT]


def wait_until(true, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.02)
