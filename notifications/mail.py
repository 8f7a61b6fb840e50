"""Mail that leaves the house: one message at a time, to a mail server, or into a folder where none is set.

A mailer never raises for what the other side says: its answer is a value. Connections are TLS unless the setting says
plain `smtp://`; a server that does not offer STARTTLS where it was asked for gets nothing.
"""

import datetime as dt
import os
import re
import smtplib
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime, parseaddr
from enum import Enum
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

import structlog

from citylife.accounts.emails import check_email
from citylife.errors import Invalid
from citylife.printed_mail import FOLDER, name_of
from citylife.settings import LOOPBACK, Settings

log = structlog.get_logger(__name__)

SMTP_SECONDS: Final = 20.0
"""How long a mail server may take for each of its replies."""
PORTS: Final = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}
FIRST_PERMANENT: Final = 500
"""Reply codes from here on say « never » (RFC 5321, 4.2.1)."""
STOP: Final = "List-Unsubscribe"
_TAGS: Final = re.compile(r"[A-Za-z0-9-]+")


class _OnOneLine(EmailPolicy):
    """RFC 5322 lines that end with CR LF, and an address to POST to that is never cut nor encoded, however long."""

    def fold_binary(self, name: str, value: str) -> bytes:
        """A header as it travels."""
        if name == STOP:
            return f"{name}: {value}{self.linesep}".encode("ascii")
        return super().fold_binary(name, value)


POLICY: Final = _OnOneLine(linesep="\r\n")


class MailAnswer(Enum):
    """What became of a message: taken, refused for ever, or to be tried again (also when the fault is ours)."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    RETRY = "retry"


@dataclass(frozen=True, slots=True)
class MailOutcome:
    """The answer, with the server's reply code where there was one; `detail` names a fault of ours, for the log."""

    answer: MailAnswer
    status: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Mail:
    """One message to one person, in words; `name` is unique and becomes the Message-ID.

    `stop_url`, of a letter that comes again and again, is what stops it at one click (RFC 8058).
    """

    name: str
    recipient: str
    locale: str
    subject: str
    text: str
    stop_url: str = ""


class Mailer(Protocol):
    """Whoever takes mail."""

    def send(self, mail: Mail, *, now: dt.datetime) -> MailOutcome:
        """Hand over one message; never raises for what the other side does."""
        ...


def mailer_for(settings: Settings) -> Mailer:
    """The mail server of the settings, or the instance folder where there is none."""
    if settings.smtp_url:
        return SmtpMailer(settings.smtp_url, sender=settings.mail_sender)
    if urlsplit(settings.base_url).hostname not in LOOPBACK:
        log.warning("mail.printed", because="CITYLIFE_SMTP_URL is empty: nobody gets any mail")
    return FolderMailer(settings.instance / FOLDER, sender=settings.mail_sender)


def written(mail: Mail, *, sender: str, now: dt.datetime) -> EmailMessage:
    """The message as it travels: UTF-8 text, headers on one line each, marked as nobody's own writing (RFC 3834).

    Raises:
        Invalid: the recipient is no address.
    """
    recipient = check_email(mail.recipient)
    name, address = parseaddr(sender)
    host = address.rpartition("@")[2]
    message = EmailMessage(policy=POLICY)
    message["From"] = Address(display_name=name, addr_spec=address)
    message["To"] = Address(addr_spec=recipient)
    message["Subject"] = " ".join(mail.subject.split())
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{mail.name}@{host}>"
    message["Auto-Submitted"] = "auto-generated"
    if mail.stop_url:
        message[STOP] = f"<{mail.stop_url}>"
        message[f"{STOP}-Post"] = f"{STOP}=One-Click"
    message.set_content(mail.text, charset="utf-8", cte="quoted-printable")
    message["Content-Language"] = mail.locale if _TAGS.fullmatch(mail.locale) else "fr"
    return message


class SmtpMailer:
    """Speaks SMTP to one server: `smtps://` (TLS from the first byte), `smtp+starttls://`, or `smtp://` in clear."""

    def __init__(
        self, url: str, *, sender: str, tls: ssl.SSLContext | None = None, seconds: float = SMTP_SECONDS
    ) -> None:
        parts = urlsplit(url)
        self._scheme, self._host = parts.scheme, parts.hostname or ""
        self._port = parts.port or PORTS[parts.scheme]
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._sender, self._seconds = sender, seconds
        self._tls = tls or ssl.create_default_context()

    def send(self, mail: Mail, *, now: dt.datetime) -> MailOutcome:
        """Connect, hand the message over, and say what the server answered."""
        try:
            message = written(mail, sender=self._sender, now=now)
        except (Invalid, ValueError) as fault:
            return MailOutcome(MailAnswer.REFUSED, detail=type(fault).__name__)
        try:
            with self._connected() as server:
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as refused:
            return _answered(next(iter(refused.recipients.values()))[0])
        except smtplib.SMTPDataError as refused:
            return _answered(refused.smtp_code)
        except smtplib.SMTPResponseException as refused:  # greeting, HELO, AUTH, MAIL FROM: ours to mend
            return MailOutcome(MailAnswer.RETRY, refused.smtp_code, type(refused).__name__)
        except (smtplib.SMTPException, OSError) as fault:
            return MailOutcome(MailAnswer.RETRY, detail=type(fault).__name__)
        return MailOutcome(MailAnswer.ACCEPTED, 250)

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        """A session with the server; how it takes our leave says nothing of the message it has taken."""
        name = parseaddr(self._sender)[1].rpartition("@")[2]
        if self._scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self._host, self._port, local_hostname=name, timeout=self._seconds, context=self._tls
            )
        else:
            server = smtplib.SMTP(self._host, self._port, local_hostname=name, timeout=self._seconds)
        try:
            if self._scheme == "smtp+starttls":
                server.starttls(context=self._tls)
            if self._user:
                server.login(self._user, self._password)
            yield server
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
        finally:
            server.close()


class FolderMailer:
    """Prints each message and keeps it as an `.eml` that only its owner may read: for a desk without mail server."""

    def __init__(self, folder: Path, *, sender: str, say: Callable[[str], object] | None = None) -> None:
        self._folder, self._sender, self._say = folder, sender, say or sys.stdout.write

    def send(self, mail: Mail, *, now: dt.datetime) -> MailOutcome:
        """Keep the message, and print its words."""
        try:
            message = written(mail, sender=self._sender, now=now)
        except (Invalid, ValueError) as fault:
            return MailOutcome(MailAnswer.REFUSED, detail=type(fault).__name__)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._folder / name_of(mail.name, now=now)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
                stream.write(bytes(message))
            self._say(f"\n{message['To']}  {message['Subject']}\n\n{mail.text}\n")
        except OSError as fault:
            return MailOutcome(MailAnswer.RETRY, detail=type(fault).__name__)
        return MailOutcome(MailAnswer.ACCEPTED)


class RecordingMailer:
    """A mailer in memory: it keeps what it is given, and answers what it was told to for a recipient."""

    def __init__(self, *, sender: str = "Citylife <citylife@localhost>") -> None:
        self.messages: list[EmailMessage] = []
        """What was taken, as it would have travelled."""
        self.mails: list[Mail] = []
        self.answers: dict[str, MailOutcome] = {}
        self._sender = sender

    def send(self, mail: Mail, *, now: dt.datetime) -> MailOutcome:
        """Keep the message unless another answer was asked for."""
        try:
            message = written(mail, sender=self._sender, now=now)
        except (Invalid, ValueError) as fault:
            return MailOutcome(MailAnswer.REFUSED, detail=type(fault).__name__)
        outcome = self.answers.get(mail.recipient, MailOutcome(MailAnswer.ACCEPTED, 250))
        if outcome.answer is MailAnswer.ACCEPTED:
            self.messages.append(message)
            self.mails.append(mail)
        return outcome


def _answered(status: int) -> MailOutcome:
    answer = MailAnswer.REFUSED if status >= FIRST_PERMANENT else MailAnswer.RETRY
    return MailOutcome(answer, status)
