"""What every mailer owes: asked of the one that speaks SMTP, the one that keeps files, and the one that records."""

import datetime as dt
import socket
import ssl
import threading
from email import message_from_bytes
from email.policy import SMTP

import pytest

from citylife.settings import SettingRefused, Settings
from notifications.mail import (
    FolderMailer,
    Mail,
    MailAnswer,
    RecordingMailer,
    SmtpMailer,
    mailer_for,
    written,
)
from tests.builders import NOW
from tests.doubles.mail_server import USER, MailServer

SENDER = "Citylife <bonjour@citylife.example>"
TO = "camille@boulangerie.example"


def a_mail(**said: str) -> Mail:
    return Mail(
        **{
            "name": "01936f00-0000-7000-8000-000000000001",
            "recipient": TO,
            "locale": "fr",
            "subject": "Votre connexion à Citylife",
            "text": "Bonjour,\n\nouvrez ce lien :\n\nhttps://citylife.example/connexion/lien/" + "a" * 43 + "\n.\n..\n",
            **said,
        }
    )


@pytest.fixture
def server(tmp_path):
    with MailServer(tmp_path) as running:
        yield running


class Box:
    """A mailer, and what it took, whichever it is."""

    def __init__(self, mailer, taken) -> None:
        self.mailer, self.taken = mailer, taken

    def send(self, mail):
        return self.mailer.send(mail, now=NOW)


@pytest.fixture(params=["smtp", "folder", "recording"])
def box(request, server, tmp_path):
    if request.param == "smtp":
        return Box(SmtpMailer(server.url, sender=SENDER), lambda: [taken.message for taken in server.taken])
    if request.param == "folder":
        folder = tmp_path / "mail"
        read = lambda: [message_from_bytes(path.read_bytes(), policy=SMTP) for path in sorted(folder.glob("*"))]  # noqa: E731
        return Box(FolderMailer(folder, sender=SENDER, say=lambda _: None), read)
    recording = RecordingMailer(sender=SENDER)
    return Box(recording, lambda: recording.messages)


def test_a_message_arrives_whole(box):
    assert box.send(a_mail()).answer is MailAnswer.ACCEPTED
    (message,) = box.taken()
    assert message["Subject"] == "Votre connexion à Citylife"
    assert str(message["From"]) == SENDER
    assert str(message["To"]) == TO
    assert message["Date"].datetime == NOW
    assert message["Message-ID"] == "<01936f00-0000-7000-8000-000000000001@citylife.example>"
    assert (message["Auto-Submitted"], message["Content-Language"]) == ("auto-generated", "fr")
    assert message.get_content_type() == "text/plain"
    assert message.get_content().splitlines() == a_mail().text.splitlines()


@pytest.mark.parametrize(
    "injected",
    ["\r\nBcc: everybody@example.org", "\nX-Evil: 1", "\r\n\r\nanother body", "\x0bBcc: x@example.org", "\u2028Bcc: x"],
)
def test_nobody_writes_headers_through_a_subject(box, injected):
    box.send(a_mail(subject="Chez Léon" + injected))
    (message,) = box.taken()
    assert message["Bcc"] is None
    assert message["X-Evil"] is None
    assert message["Subject"].startswith("Chez Léon")
    assert "\n" not in message["Subject"]
    assert message.get_content().splitlines() == a_mail().text.splitlines()


@pytest.mark.parametrize(
    "recipient",
    [
        f"{TO}\r\nBcc: everybody@example.org",
        f"{TO}, everybody@example.org",
        f"{TO}> RCPT TO:<everybody@example.org",
        "",
        "nobody",
    ],
)
def test_what_is_no_address_is_refused_before_anybody_is_asked(box, recipient):
    assert box.send(a_mail(recipient=recipient)).answer is MailAnswer.REFUSED
    assert box.taken() == []


def test_a_locale_is_no_way_into_the_headers_either(box):
    box.send(a_mail(locale="fr\r\nBcc: x@example.org"))
    assert [message["Bcc"] for message in box.taken()] == [None]


@pytest.mark.parametrize("scheme", ["smtp", "smtps", "smtp+starttls"])
@pytest.mark.parametrize("password", [False, True], ids=["open", "password"])
def test_every_way_to_a_mail_server_is_gone_to_the_end(tmp_path, scheme, password):
    with MailServer(tmp_path, scheme=scheme, password=password) as server:
        outcome = SmtpMailer(server.url, sender=SENDER, tls=server.trust).send(a_mail(), now=NOW)
    assert (outcome.answer, server.refused) == (MailAnswer.ACCEPTED, [])
    (taken,) = server.taken
    assert (taken.sender, taken.recipients) == ("bonjour@citylife.example", [TO])
    assert taken.encrypted == (scheme != "smtp")
    assert taken.user == (USER if password else None)


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
def test_a_server_nobody_vouches_for_gets_nothing(tmp_path, scheme):
    with MailServer(tmp_path, scheme=scheme, password=True) as server:
        outcome = SmtpMailer(server.url, sender=SENDER).send(a_mail(), now=NOW)
    assert (outcome.answer, server.taken) == (MailAnswer.RETRY, [])
    assert "SSL" in outcome.detail


def test_a_server_that_offers_no_tls_gets_neither_mail_nor_password(tmp_path):
    with MailServer(tmp_path, scheme="smtp+starttls", password=False, offers_tls=False) as server:
        outcome = SmtpMailer(server.url, sender=SENDER, tls=server.trust).send(a_mail(), now=NOW)
    assert (outcome.answer, outcome.detail, server.taken) == (MailAnswer.RETRY, "SMTPNotSupportedError", [])


def test_a_wrong_password_is_ours_to_mend_and_the_letter_waits(tmp_path):
    with MailServer(tmp_path, scheme="smtp+starttls", password=True) as server:
        url = server.url.replace("p%40ss", "wrong")
        outcome = SmtpMailer(url, sender=SENDER, tls=server.trust).send(a_mail(), now=NOW)
    assert (outcome.answer, outcome.status) == (MailAnswer.RETRY, 535)


@pytest.mark.parametrize(
    ("reply", "answer", "status"),
    [
        ("550 5.1.1 nobody of that name", MailAnswer.REFUSED, 550),
        ("450 4.2.1 come back later", MailAnswer.RETRY, 450),
        ("452 4.2.2 mailbox full", MailAnswer.RETRY, 452),
    ],
)
def test_what_a_server_says_of_a_recipient_or_of_a_message_counts(server, reply, answer, status):
    mailer = SmtpMailer(server.url, sender=SENDER)
    server.answers[TO] = reply
    outcome = mailer.send(a_mail(), now=NOW)
    assert (outcome.answer, outcome.status) == (answer, status)
    server.answers.clear()
    server.data_answer = reply
    outcome = mailer.send(a_mail(), now=NOW)
    assert (outcome.answer, outcome.status) == (answer, status)
    assert server.taken == []


def test_a_message_taken_is_taken_however_rudely_the_server_leaves(tmp_path):
    with MailServer(tmp_path, quits_rudely=True) as server:
        outcome = SmtpMailer(server.url, sender=SENDER).send(a_mail(), now=NOW)
    assert (outcome.answer, len(server.taken)) == (MailAnswer.ACCEPTED, 1)


def test_a_server_that_is_away_or_says_nothing_is_tried_again_later():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        outcome = SmtpMailer(f"smtp://localhost:{port}", sender=SENDER).send(a_mail(), now=NOW)
        assert (outcome.answer, outcome.detail) == (MailAnswer.RETRY, "ConnectionRefusedError")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        held = []
        thread = threading.Thread(target=lambda: held.append(silent.accept()[0]))
        thread.start()
        url = f"smtp://localhost:{silent.getsockname()[1]}"
        outcome = SmtpMailer(url, sender=SENDER, seconds=0.2).send(a_mail(), now=NOW)
        thread.join()
        held[0].close()
    assert (outcome.answer, outcome.detail) == (MailAnswer.RETRY, "SMTPServerDisconnected")


def test_without_a_mail_server_mail_is_printed_and_kept_for_its_owner_alone(tmp_path, capsys):
    mailer = mailer_for(Settings(instance=tmp_path / "instance"))
    assert mailer.send(a_mail(), now=NOW).answer is MailAnswer.ACCEPTED
    folder = tmp_path / "instance" / "mail"
    (kept,) = folder.iterdir()
    assert kept.name == "20261124T090000-01936f00-0000-7000-8000-000000000001.eml"
    assert (folder.stat().st_mode & 0o777, kept.stat().st_mode & 0o777) == (0o700, 0o600)
    assert "https://citylife.example/connexion/lien/" in capsys.readouterr().out


def test_a_folder_that_cannot_be_written_is_tried_again_later(tmp_path):
    (tmp_path / "mail").write_text("a file where the folder should be")
    mailer = FolderMailer(tmp_path / "mail", sender=SENDER, say=lambda _: None)
    assert mailer.send(a_mail(), now=NOW).answer is MailAnswer.RETRY


def test_mail_comes_from_the_host_of_the_base_url_unless_told_otherwise():
    settings = Settings(base_url="https://citylife.example", smtp_url="smtps://mail.example")
    assert isinstance(mailer_for(settings), SmtpMailer)
    assert settings.mail_sender == "Citylife <citylife@citylife.example>"
    assert Settings(mail_from="Le cluster <a@b.example>").mail_sender == "Le cluster <a@b.example>"
    named = written(a_mail(), sender="Le Cluster d’ici <a@b.example>", now=NOW)
    assert named["From"].addresses[0].addr_spec == "a@b.example"


@pytest.mark.parametrize(
    "wrong",
    [
        {"smtp_url": "mail.example"},
        {"smtp_url": "http://mail.example"},
        {"smtp_url": "smtp://"},
        {"smtp_url": "smtp://mail.example:port"},
        {"smtp_url": "smtp://mail.example/path"},
        {"smtp_url": "smtp://user:secret@mail.example"},
        {"mail_from": "nobody"},
        {"mail_from": "A <a@b.example>\r\nBcc: c@d.example"},
    ],
    ids=str,
)
def test_a_mail_setting_that_cannot_be_used_is_refused_without_saying_the_password(wrong):
    with pytest.raises(SettingRefused) as refused:
        Settings(**wrong)
    assert "secret" not in str(refused.value)


def test_the_double_is_strict(tmp_path):
    with MailServer(tmp_path) as server:
        for raw in (b"Subject: no more\r\n\r\nx\r\n", b"From: a@b.example\r\n" * 2 + b"\r\nx\r\n"):
            with socket.create_connection(("127.0.0.1", server.port)) as line:
                stream = line.makefile("rwb")
                stream.readline()
                for said in (b"EHLO x", b"MAIL FROM:<a@b.example>", b"RCPT TO:<c@d.example>", b"DATA"):
                    stream.write(said + b"\r\n")
                    stream.flush()
                    while stream.readline()[3:4] == b"-":
                        pass
                stream.write(raw + b".\r\n")
                stream.flush()
                assert stream.readline().startswith(b"554")
    assert server.taken == []
    assert len(server.refused) == 2
    assert isinstance(server.trust, ssl.SSLContext)
    assert dt.UTC is NOW.tzinfo
