"""Sends pushes over HTTP/2, many at once on a few connections an origin, so that one slow service delays no other.

libcurl does the talking (pycurl's multi interface, told by epoll which socket is ready); every envelope has a time
limit of its own, redirects and proxies are never followed, and no socket is opened to an address that is not public.
"""

import math
import time
from collections import OrderedDict, deque
from collections.abc import Hashable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Self

import certifi
import pycurl

from citylife.endpoints import Endpoint, EndpointRefused, KeysRefused, check_endpoint
from notifications.encryption import MessageTooLong, encrypt
from notifications.vapid import KeyNotHeld, Signers, VapidSigner
from notifications.webpush import Answer, Envelope, HeadersRefused, Outcome, check_headers, meaning_of
from notifications.webpush_sockets import Sockets

MAX_ANSWER: Final = 16 * 1024
"""Bytes of an answer's body that are read: nothing in it is used."""
SEND_BUFFER: Final = 16 * 1024
"""Bytes that libcurl keeps for each handle to send from, the least it takes: four of our longest messages."""
SUSPECT_SECONDS: Final = 300.0
"""For how long after a timeout an origin's older connections are not used again; libcurl itself forgets them sooner."""
KEPT_HEADERS: Final = 1024
HTTP2_STREAM_ERROR: Final = 92
"""CURLE_HTTP2_STREAM, which pycurl does not name."""

_DETAILS: Final = {
    pycurl.E_OPERATION_TIMEDOUT: "timeout",
    pycurl.E_COULDNT_RESOLVE_HOST: "name not resolved",
    pycurl.E_COULDNT_CONNECT: "not connected",
    pycurl.E_SSL_CONNECT_ERROR: "no TLS",
    pycurl.E_PEER_FAILED_VERIFICATION: "certificate refused",
    pycurl.E_GOT_NOTHING: "closed without an answer",
    pycurl.E_RECV_ERROR: "connection reset",
    pycurl.E_SEND_ERROR: "connection reset",
    pycurl.E_HTTP2: "broken HTTP/2",
    HTTP2_STREAM_ERROR: "stream reset",
    pycurl.E_UNSUPPORTED_PROTOCOL: "not HTTP",
    pycurl.E_FTP_WEIRD_SERVER_REPLY: "not HTTP",  # the old name of CURLE_WEIRD_SERVER_REPLY
    pycurl.E_WRITE_ERROR: "answer too long",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderLimits:
    """How much a sender takes on at once, and how long it waits."""

    most_in_flight: int = 1024
    """Messages on the wire, to all origins."""
    most_to_one_origin: int = 256
    """Messages on the wire to one origin: what a silent one can hold back."""
    connections_to_one_origin: int = 4
    seconds_a_message: float = 10.0
    """From leaving to answered, connecting included."""


class _Flight:
    """One easy handle, used again for message after message."""

    __slots__ = ("curl", "envelope", "headers", "lifetime", "origin", "received")

    def __init__(self, curl: Any) -> None:
        self.curl = curl
        self.envelope: Envelope | None = None
        self.origin = ""
        self.headers: list[str] | None = None
        self.lifetime = 0
        self.received = 0

    def receive(self, chunk: bytes) -> int | None:
        """Count and drop a piece of the answer's body; anything but None tells libcurl to stop."""
        self.received += len(chunk)
        return None if self.received <= MAX_ANSWER else 0


class CurlSender:
    """The `PushSender` that dials the push services."""

    def __init__(
        self,
        signer: VapidSigner | Signers,
        *,
        extra_hosts: tuple[str, ...] = (),
        connect_to: str = "",
        ca_file: str = "",
        limits: SenderLimits | None = None,
    ) -> None:
        """Sign with `signer` (one for the first push key, or several); allow `extra_hosts` beside the known services.

        `connect_to` (`host:port`) is where every connection goes instead, whatever the endpoint; then that address and
        no other may be dialled. `ca_file` (PEM) replaces the public certificate authorities.
        """
        self._signer = signer if isinstance(signer, Signers) else Signers({1: signer})
        self._extra_hosts = extra_hosts
        self._connect_to = connect_to
        self._ca_file = ca_file or certifi.where()
        self._limits = limits or SenderLimits()
        self._waiting: OrderedDict[str, deque[Envelope]] = OrderedDict()
        self._flights: dict[Any, _Flight] = {}
        self._idle: list[_Flight] = []
        self._done: list[Outcome] = []
        self._in_flight = 0
        self._to_origin: dict[str, int] = {}
        self._on_wire: dict[str, int] = {}
        self._headers: dict[tuple[str, int, str, str], list[str]] = {}
        self._timed_out: dict[str, float] = {}
        self._sockets = Sockets(connect_to)
        self._multi = self._new_multi()

    def _new_multi(self) -> Any:
        multi = pycurl.CurlMulti()
        multi.setopt(pycurl.M_PIPELINING, pycurl.PIPE_MULTIPLEX)
        multi.setopt(pycurl.M_MAX_HOST_CONNECTIONS, self._limits.connections_to_one_origin)
        multi.setopt(pycurl.M_MAXCONNECTS, self._limits.most_in_flight)
        multi.setopt(pycurl.M_SOCKETFUNCTION, self._sockets.watch)
        multi.setopt(pycurl.M_TIMERFUNCTION, self._sockets.set_timer)
        return multi

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    @property
    def in_flight(self) -> int:
        """How many envelopes were submitted and have not come back."""
        return self._in_flight

    def in_flight_to(self, origin: str) -> int:
        """How many of them go to `origin`."""
        return self._to_origin.get(origin, 0)

    def submit(self, envelope: Envelope) -> None:
        """Take an envelope; it leaves at once where its origin has room, else when an earlier one comes back."""
        self._in_flight += 1
        try:
            endpoint = check_endpoint(envelope.endpoint, self._extra_hosts)
        except EndpointRefused:
            self._refuse(envelope.key, "", "endpoint not allowed")
            return
        origin = endpoint.origin
        self._to_origin[origin] = self._to_origin.get(origin, 0) + 1
        if origin not in self._waiting and self._has_room(origin):
            self._launch(envelope, endpoint)
        else:
            self._waiting.setdefault(origin, deque()).append(envelope)

    def turn(self, timeout: float) -> list[Outcome]:
        """Drive the exchanges and give back what completed: at once when something has, after `timeout` seconds else.

        Returns at once, with nothing, when nothing is in flight.
        """
        until = time.monotonic() + timeout
        while self._flights:
            left = 0.0 if self._done else max(0.0, until - time.monotonic())
            self._sockets.drive(self._multi, left)
            self._collect()
            self._launch_waiting()
            if self._done or left == 0.0:
                break
        done, self._done = self._done, []
        self._in_flight -= len(done)
        for outcome in done:
            if outcome.origin:
                self._forget_one(self._to_origin, outcome.origin)
        return done

    def close(self) -> None:
        """Drop what is in flight without an outcome, and let the connections go."""
        for flight in self._flights.values():
            self._multi.remove_handle(flight.curl)
            flight.curl.close()
        for flight in self._idle:
            flight.curl.close()
        self._multi.close()
        self._sockets.close()
        self._flights.clear()
        self._idle.clear()
        self._waiting.clear()
        self._done.clear()
        self._to_origin.clear()
        self._in_flight = 0

    # What leaves

    def _has_room(self, origin: str) -> bool:
        return (
            len(self._flights) < self._limits.most_in_flight
            and self._on_wire.get(origin, 0) < self._limits.most_to_one_origin
        )

    def _launch_waiting(self) -> None:
        """Let what waits leave, one of each origin in turn, as far as there is room."""
        moved = True
        while moved and self._waiting and len(self._flights) < self._limits.most_in_flight:
            moved = False
            for origin in list(self._waiting):
                if not self._has_room(origin):
                    continue
                queue = self._waiting[origin]
                envelope = queue.popleft()
                if not queue:
                    del self._waiting[origin]
                self._launch(envelope, check_endpoint(envelope.endpoint, self._extra_hosts))
                moved = True

    def _launch(self, envelope: Envelope, endpoint: Endpoint) -> None:
        origin = endpoint.origin
        try:
            body = encrypt(envelope.plaintext, envelope.p256dh, envelope.auth)
            headers = self._headers_of(envelope, origin)
        except (MessageTooLong, HeadersRefused, KeyNotHeld) as wrong:
            self._refuse(envelope.key, origin, str(wrong))
            return
        except KeysRefused:
            self._refuse(envelope.key, origin, "keys not usable")
            return
        flight = self._idle.pop() if self._idle else self._new_flight()
        flight.envelope = envelope
        flight.origin = origin
        flight.received = 0
        curl = flight.curl
        curl.setopt(pycurl.URL, endpoint.url)
        curl.setopt(pycurl.POSTFIELDS, body)
        if flight.headers is not headers:
            curl.setopt(pycurl.HTTPHEADER, headers)
            flight.headers = headers
        lifetime = self._lifetime(origin)
        if flight.lifetime != lifetime:
            curl.setopt(pycurl.MAXLIFETIME_CONN, lifetime)
            flight.lifetime = lifetime
        self._flights[curl] = flight
        self._on_wire[origin] = self._on_wire.get(origin, 0) + 1
        self._multi.add_handle(curl)

    def _lifetime(self, origin: str) -> int:
        """How old, in seconds, a connection to the origin may be to be used again; 0: as old as it likes.

        Where a message timed out the connection may be what failed, and over HTTP/2 every answer behind it waits: only
        connections younger than that are used. The old one is at least a message's time older.
        """
        since = self._timed_out.get(origin)
        if since is None:
            return 0
        seconds = time.monotonic() - since
        if seconds > SUSPECT_SECONDS:
            del self._timed_out[origin]
            return 0
        return max(1, math.ceil(seconds))

    def _headers_of(self, envelope: Envelope, origin: str) -> list[str]:
        authorization = self._signer.header(origin, envelope.push_key)
        key = (authorization, envelope.ttl, envelope.topic, envelope.urgency)
        headers = self._headers.get(key)
        if headers is None:
            check_headers(envelope)
            headers = [
                f"Authorization: {authorization}",
                f"TTL: {envelope.ttl}",
                f"Urgency: {envelope.urgency}",
                "Content-Encoding: aes128gcm",
                "Content-Type: application/octet-stream",
            ]
            if envelope.topic:
                headers.append(f"Topic: {envelope.topic}")
            if origin.endswith(".notify.windows.com"):
                # Without it WNS assumes « cache », and refuses with 400 a TTL of 0 that says otherwise.
                headers.append(f"X-WNS-Cache-Policy: {'cache' if envelope.ttl else 'no-cache'}")
            if len(self._headers) >= KEPT_HEADERS:
                self._headers.clear()
            self._headers[key] = headers
        return headers

    def _new_flight(self) -> _Flight:
        curl = pycurl.Curl()
        flight = _Flight(curl)
        for option, value in (
            (pycurl.NOSIGNAL, 1),
            (pycurl.PROTOCOLS, pycurl.PROTO_HTTPS),
            (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS),
            (pycurl.PIPEWAIT, 1),
            (pycurl.FOLLOWLOCATION, 0),
            (pycurl.PROXY, ""),
            (pycurl.NOPROXY, "*"),
            (pycurl.PATH_AS_IS, 1),
            (pycurl.CAINFO, self._ca_file),
            (pycurl.SSL_VERIFYPEER, 1),
            (pycurl.SSL_VERIFYHOST, 2),
            (pycurl.TIMEOUT_MS, round(self._limits.seconds_a_message * 1000)),
            (pycurl.USERAGENT, "Citylife"),
            (pycurl.UPLOAD_BUFFERSIZE, SEND_BUFFER),
            (pycurl.WRITEFUNCTION, flight.receive),
            (pycurl.OPENSOCKETFUNCTION, self._sockets.open),
        ):
            curl.setopt(option, value)
        if self._connect_to:
            curl.setopt(pycurl.CONNECT_TO, [f"::{self._connect_to}"])
        return flight

    # What comes back

    def _collect(self) -> None:
        """Turn every finished exchange into its outcome, and its handle into an idle one."""
        while True:
            queued, finished, failed = self._multi.info_read()
            for curl in finished:
                self._settle(curl, 0)
            for curl, error, _message in failed:
                self._settle(curl, error)
            if not queued:
                return

    def _settle(self, curl: Any, error: int) -> None:
        flight = self._flights.pop(curl)
        envelope = flight.envelope
        flight.envelope = None
        origin = flight.origin
        self._forget_one(self._on_wire, origin)
        # A status that has come counts even where the rest of the answer failed: asking again could repeat a push.
        status = curl.getinfo(pycurl.RESPONSE_CODE)
        self._multi.remove_handle(curl)
        self._idle.append(flight)
        if envelope is None:
            raise RuntimeError("a handle without an envelope was on the wire")
        if status < HTTPStatus.OK:
            detail = _DETAILS.get(error, f"libcurl error {error}")
            if error == pycurl.E_OPERATION_TIMEDOUT:
                self._timed_out[origin] = time.monotonic()
            self._done.append(Outcome(envelope.key, Answer.RETRY, origin, detail=detail))
            return
        answer = meaning_of(status)
        wait = None
        if answer in {Answer.SLOW_DOWN, Answer.RETRY}:
            wait = float(curl.getinfo(pycurl.RETRY_AFTER)) or None
        elif answer is Answer.KEY_WRONG:
            self._signer.forget(origin)
        self._done.append(
            Outcome(envelope.key, answer, origin, status, wait, "" if not error else _DETAILS.get(error, ""))
        )

    def _refuse(self, key: Hashable, origin: str, detail: str) -> None:
        self._done.append(Outcome(key, Answer.REFUSED, origin, detail=detail))

    @staticmethod
    def _forget_one(counts: dict[str, int], origin: str) -> None:
        if counts[origin] == 1:
            del counts[origin]
        else:
            counts[origin] -= 1
