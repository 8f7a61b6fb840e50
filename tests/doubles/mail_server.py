"""A real SMTP server on loopback, and a strict one: it takes what RFC 5321 and 5322 allow, and says why not otherwise.

It can ask for TLS (from the first byte, or by STARTTLS) and for a password, and refuse whom it is told to.
"""

import asyncio
import re
import ssl
import threading
import warnings
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any, Self

import aiosmtpd.smtp
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

from tests.doubles.certificates import Certificates, make_certificates

USER, PASSWORD = "citylife", "p@ss:w/ord"
ONCE = ("From", "To", "Subject", "Date", "Message-ID")
LONGEST_LINE = 998


@dataclass
class Taken:
    """One message that was taken, as it arrived."""

    sender: str
    recipients: list[str]
    raw: bytes
    encrypted: bool
    user: str | None

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.raw, policy=SMTP)  # type: ignore[arg-type, return-value]


@dataclass
class MailServer:
    """`scheme` as in CITYLIFE_SMTP_URL; `answers` gives a recipient's own reply, `data_answer` everybody's to DATA."""

    folder: Path
    scheme: str = "smtp"
    password: bool = False
    offers_tls: bool = True
    taken: list[Taken] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    data_answer: str = ""
    quits_rudely: bool = False
    refused: list[str] = field(default_factory=list)
    """Why messages were refused by the rules."""

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mail-server")
        self.certificates: Certificates = make_certificates(self.folder / "tls", ("localhost",))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificates.chain_file, self.certificates.key_file)
        options: dict[str, Any] = {"hostname": "mail.example", "ident": "strict", "loop": self._loop}
        if self.password:
            # Over smtps the connection is encrypted before the library sees it: it must not ask for more.
            needs_tls = self.scheme == "smtp+starttls"
            options |= {"authenticator": self._authenticate, "auth_required": True, "auth_require_tls": needs_tls}
        if self.scheme == "smtp+starttls" and self.offers_tls:
            options |= {"tls_context": context, "require_starttls": True}
        kind = RudeProtocol if self.quits_rudely else aiosmtpd.smtp.SMTP

        def answer() -> aiosmtpd.smtp.SMTP:
            with warnings.catch_warnings():  # of a password in clear, which one of the tests is about
                warnings.simplefilter("ignore", UserWarning)
                return kind(self, **options)

        serving = self._loop.create_server(answer, "127.0.0.1", 0, ssl=context if self.scheme == "smtps" else None)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(serving, self._loop).result(60)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_exception: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
        self._loop.close()

    async def _stop(self) -> None:
        self._server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0.05)  # what hangs up says so on the loop

    @property
    def url(self) -> str:
        user = "citylife:p%40ss%3Aw%2Ford@" if self.password else ""
        return f"{self.scheme}://{user}localhost:{self.port}"

    @property
    def trust(self) -> ssl.SSLContext:
        """What trusts this server's authority and no other."""
        return ssl.create_default_context(cafile=self.certificates.ca_file)

    def _authenticate(self, *args: Any) -> AuthResult:
        given = args[-1]
        right = isinstance(given, LoginPassword) and (given.login, given.password) == (
            USER.encode(),
            PASSWORD.encode(),
        )
        return AuthResult(success=right, handled=False, auth_data=USER if right else None)

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, _server: aiosmtpd.smtp.SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: aiosmtpd.smtp.SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.data_answer:
            return self.data_answer
        raw = envelope.original_content or b""
        fault = fault_of(raw, envelope)
        if fault:
            self.refused.append(fault)
            return f"554 5.6.0 {fault}"
        encrypted = session.ssl is not None or self.scheme == "smtps"
        user = session.auth_data if session.authenticated else None
        self.taken.append(Taken(envelope.mail_from or "", list(envelope.rcpt_tos), raw, encrypted, user))
        return "250 OK"


class RudeProtocol(aiosmtpd.smtp.SMTP):
    """Hangs up where a goodbye is due."""

    async def smtp_QUIT(self, arg: str) -> None:  # noqa: ARG002, N802 - the interface
        await self.push("451 no goodbye")


def fault_of(raw: bytes, envelope: Envelope) -> str:
    """What RFC 5322 and this envelope forbid in a message; empty when nothing."""
    message = message_from_bytes(raw, policy=SMTP)
    counts = {name: len(message.get_all(name, [])) for name in ONCE}
    rules = {
        "a bare line end": re.search(rb"(?<!\r)\n|\r(?!\n)", raw) is None,
        "a line too long": all(len(line) <= LONGEST_LINE for line in raw.split(b"\r\n")),
        "eight bits without being asked": raw.isascii(),
        f"not once each: {counts}": set(counts.values()) == {1},
        "a Message-ID that is none": re.fullmatch(r"<[^<>@\s]+@[^<>@\s]+>", str(message["Message-ID"])) is not None,
        "a Date that is none": message["Date"] is not None and message["Date"].datetime is not None,
        "not for those it names": message["To"] is not None
        and [address.addr_spec for address in message["To"].addresses] == list(envelope.rcpt_tos),
        "a copy nobody asked for": message["Bcc"] is None and message["Cc"] is None,
        f"defects: {message.defects}": not message.defects,
    }
    return next((fault for fault, kept in rules.items() if not kept), "")
