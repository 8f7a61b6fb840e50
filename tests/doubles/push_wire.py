"""HTTP/1.1 and HTTP/2 on one port, as little as a push service needs, with every bad manner a test may ask for."""

import asyncio
import enum
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

MOST_STREAMS: Final = 128
MOST_BYTES: Final = 64 * 1024
WIDE_WINDOW: Final = 2**24
FRAME: Final = 16 * 1024
"""The most a frame carries unless the client says more (RFC 9113, 6.5.2)."""
GARBAGE: Final = b"\x00\xffSALUT, ceci n'est pas du HTTP\r\n\r\n" * 4


class Manner(enum.StrEnum):
    """How an answer is given, or not."""

    ANSWER = "answer"
    SILENCE = "silence"
    """Takes the request and never answers."""
    DRIP = "drip"
    """Lets the answer out, from its first byte on, a byte at a time."""
    DRIP_BODY = "drip-body"
    """Gives the status at once, and a body a byte at a time, without end."""
    GARBAGE = "garbage"
    """Bytes that are no HTTP, then closes."""
    RESET = "reset"
    """Resets the connection."""
    RESET_STREAM = "reset-stream"
    """Resets the stream (HTTP/2; over HTTP/1.1, the connection)."""


@dataclass(frozen=True, slots=True)
class Request:
    """What came: header names in lower case, `host` without a port."""

    method: str
    host: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back, in which manner, after `delay` seconds."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    manner: Manner = Manner.ANSWER
    delay: float = 0.0
    pace: float = 1.0
    """Seconds between the bytes of a drip."""


Answering = Callable[[Request], Reply]


class WireProtocol(asyncio.Protocol):
    """One connection: reads what ALPN agreed on, asks `answering` for each request, and writes its reply."""

    def __init__(self, answering: Answering, loop: asyncio.AbstractEventLoop) -> None:
        self._answering = answering
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._speech: Http1 | Http2 | None = None
        self._dripping: bytearray | None = None
        self._timers: set[asyncio.TimerHandle] = set()

    @property
    def connected(self) -> bool:
        """Whether its connection has been made and not yet lost."""
        return self._transport is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        tls = transport.get_extra_info("ssl_object")
        agreed = tls.selected_alpn_protocol() if tls else None
        self._speech = Http2(self) if agreed == "h2" else Http1(self)
        self._speech.open()

    def data_received(self, data: bytes) -> None:
        assert self._speech is not None
        self._speech.read(data)

    def connection_lost(self, _exc: Exception | None) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._transport = None

    def ask(self, request: Request, done: Callable[[Reply], None]) -> None:
        """Have a request answered, now or after the reply's delay."""
        reply = self._answering(request)
        if reply.delay:
            self.later(reply.delay, lambda: done(reply))
        else:
            done(reply)

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Call, unless the connection is lost before."""

        def run() -> None:
            self._timers.discard(timer)
            call()

        timer = self._loop.call_later(seconds, run)
        self._timers.add(timer)

    def write(self, data: bytes) -> None:
        """Write now, or behind what drips."""
        if self._dripping is not None:
            self._dripping += data
        elif data and self._transport is not None:
            self._transport.write(data)

    def drip(self, data: bytes, pace: float) -> None:
        """From now on, let everything out a byte at a time."""
        if self._dripping is None:
            self._dripping = bytearray()
            self.later(pace, lambda: self._drop(pace))
        self._dripping += data

    def _drop(self, pace: float) -> None:
        if self._dripping and self._transport is not None:
            self._transport.write(bytes(self._dripping[:1]))
            del self._dripping[:1]
        self.later(pace, lambda: self._drop(pace))

    def rudely(self, manner: Manner) -> None:
        """End the connection as `manner` says."""
        if self._transport is None:
            return
        if manner is Manner.GARBAGE:
            self._transport.write(GARBAGE)
            self._transport.close()
        else:
            self._transport.abort()

    def close(self) -> None:
        """End the connection politely."""
        if self._transport is not None:
            self._transport.close()


class Http1:
    """HTTP/1.1 with Content-Length bodies and kept connections, one request at a time."""

    def __init__(self, wire: WireProtocol) -> None:
        self._wire = wire
        self._buffer = bytearray()
        self._busy = False

    def open(self) -> None:
        """Say nothing first: the client does."""

    def read(self, data: bytes) -> None:
        """Take bytes, and serve the request they complete."""
        self._buffer += data
        self._serve()

    def _serve(self) -> None:
        head, found, rest = bytes(self._buffer).partition(b"\r\n\r\n")
        if self._busy or not found:
            return
        line, *fields = head.decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (each.partition(":") for each in fields)}
        length = int(headers.get("content-length", "0"))
        if length > MOST_BYTES:
            self._wire.close()
            return
        if len(rest) < length:
            return
        del self._buffer[: len(head) + 4 + length]
        method, path, _version = line.split(" ", 2)
        host = headers.get("host", "").partition(":")[0]
        self._busy = True
        self._wire.ask(Request(method, host, path, headers, rest[:length]), self._reply)

    def _reply(self, reply: Reply) -> None:
        if reply.manner is Manner.SILENCE:
            return
        if reply.manner in {Manner.GARBAGE, Manner.RESET, Manner.RESET_STREAM}:
            self._wire.rudely(reply.manner)
            return
        endless = reply.manner is Manner.DRIP_BODY
        length = MOST_BYTES if endless else len(reply.body)
        lines = [f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in reply.headers]
        if reply.status != HTTPStatus.NO_CONTENT:
            lines.append(f"content-length: {length}")
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        if reply.manner is Manner.DRIP:
            self._wire.drip(head + reply.body, reply.pace)
        elif endless:
            self._wire.write(head)
            self._wire.drip(b"." * length, reply.pace)
        else:
            self._wire.write(head + reply.body)
        self._busy = False
        self._serve()


@dataclass(slots=True)
class Stream:
    """A request still coming in."""

    headers: list[tuple[str, str]]
    body: bytearray = field(default_factory=bytearray)


class Http2:
    """HTTP/2: many requests at once, each answered when it may be."""

    def __init__(self, wire: WireProtocol) -> None:
        self._wire = wire
        self._streams: dict[int, Stream] = {}
        self._connection = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding="utf-8", validate_inbound_headers=False),
        )

    def open(self) -> None:
        """Send our settings: room enough that flow control never waits."""
        self._connection.local_settings[h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS] = MOST_STREAMS
        self._connection.initiate_connection()
        self._connection.increment_flow_control_window(WIDE_WINDOW)
        self._flush()

    def read(self, data: bytes) -> None:
        """Take bytes, and serve the requests they complete."""
        try:
            for event in self._connection.receive_data(data):
                self._take(event)
        except h2.exceptions.ProtocolError:
            self._flush()
            self._wire.close()
            return
        self._flush()

    def _take(self, event: Any) -> None:
        if isinstance(event, h2.events.RequestReceived):
            self._streams[event.stream_id] = Stream(event.headers)  # type: ignore[arg-type]
        elif isinstance(event, h2.events.DataReceived):
            stream = self._streams.get(event.stream_id)
            self._connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if stream is not None:
                stream.body += event.data
        elif isinstance(event, h2.events.StreamEnded):
            stream = self._streams.pop(event.stream_id, None)
            if stream is not None:
                self._ask(event.stream_id, stream)
        elif isinstance(event, h2.events.StreamReset):
            self._streams.pop(event.stream_id, None)
        elif isinstance(event, h2.events.ConnectionTerminated):
            self._wire.close()

    def _ask(self, stream_id: int, stream: Stream) -> None:
        headers = dict(stream.headers)
        headers.pop(":scheme", None)
        request = Request(
            headers.pop(":method"),
            headers.pop(":authority", "").partition(":")[0],
            headers.pop(":path"),
            headers,
            bytes(stream.body),
        )
        self._wire.ask(request, lambda reply: self._reply(stream_id, reply))

    def _reply(self, stream_id: int, reply: Reply) -> None:
        if reply.manner is Manner.SILENCE:
            return
        if reply.manner in {Manner.GARBAGE, Manner.RESET}:
            self._wire.rudely(reply.manner)
            return
        try:
            self._send(stream_id, reply)
        except h2.exceptions.StreamClosedError:
            return  # the client gave up in the meantime
        if reply.manner is Manner.DRIP:
            self._wire.drip(self._connection.data_to_send(), reply.pace)
        elif reply.delay:
            self._flush()

    def _send(self, stream_id: int, reply: Reply) -> None:
        if reply.manner is Manner.RESET_STREAM:
            self._connection.reset_stream(stream_id, h2.errors.ErrorCodes.INTERNAL_ERROR)
            return
        endless = reply.manner is Manner.DRIP_BODY
        headers = [(":status", str(reply.status)), *reply.headers]
        self._connection.send_headers(stream_id, headers, end_stream=not reply.body and not endless)
        if endless:
            self._wire.later(reply.pace, lambda: self._drip_body(stream_id, reply.pace))
            return
        for start in range(0, len(reply.body), FRAME):
            last = start + FRAME >= len(reply.body)
            self._connection.send_data(stream_id, reply.body[start : start + FRAME], end_stream=last)

    def _drip_body(self, stream_id: int, pace: float) -> None:
        try:
            self._connection.send_data(stream_id, b".")
        except h2.exceptions.ProtocolError:
            return  # the client has had enough
        self._flush()
        self._wire.later(pace, lambda: self._drip_body(stream_id, pace))

    def _flush(self) -> None:
        self._wire.write(self._connection.data_to_send())


def tls_context(chain_file: str, key_file: str, protocols: tuple[str, ...]) -> ssl.SSLContext:
    """Return the TLS settings of a server that speaks `protocols` (ALPN names, the preferred first)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain_file, key_file)
    context.set_alpn_protocols(list(protocols))
    return context
