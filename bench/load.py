"""A load generator for one core: keep-alive connections that each send the next request when an answer is in.

It reads just enough of an answer to know that it is whole and a success, and so takes about 50,000 answers a second:
three times what the fastest server measured here gives.
"""

import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench.figures import median

BUFFER: Final = 1 << 18
CONNECTIONS: Final = 8


class WrongAnswer(Exception):
    """A server under load answered with something else than success."""


@dataclass(frozen=True, slots=True)
class Rate:
    """What a server did under load: answers a second, the median seconds of one, and those of the 99th of a hundred."""

    per_second: float
    latency: float
    answers: int
    slow: float


class Caller:
    """One keep-alive connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent_at = 0.0
        self._wanted = 0
        self._received = b""

    def send(self, request: bytes) -> None:
        """Send a request."""
        self._received, self._wanted = b"", 0
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def complete(self) -> bytes | None:
        """Read what is there; the whole answer once it is."""
        part = self.socket.recv(BUFFER)
        if not part:
            raise WrongAnswer("the server closed a connection")
        self._received += part
        if not self._wanted:
            head = self._received.find(b"\r\n\r\n")
            if head < 0:
                return None
            self._wanted = head + 4 + _length(self._received[:head])
        return self._received if len(self._received) >= self._wanted else None


def _length(head: bytes) -> int:
    lowered = head.lower()
    place = lowered.find(b"content-length:")
    return int(lowered[place + 15 :].split(b"\r\n", 1)[0]) if place >= 0 else 0


def request(path: str, headers: dict[str, str] | None = None, *, method: str = "GET", body: bytes = b"") -> bytes:
    """The bytes of one HTTP/1.1 request."""
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: localhost",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def ask(port: int, wanted: bytes) -> bytes:
    """One request's whole answer, headers and body."""
    caller = Caller(port)
    with caller.socket:
        caller.send(wanted)
        while (answer := caller.complete()) is None:
            pass
        return answer


def measure(
    port: int, requests: Sequence[bytes], seconds: float, *, connections: int = CONNECTIONS, status: bytes = b"200"
) -> Rate:
    """Send the requests in turn for a while, over a few connections, and count the answers.

    Raises:
        WrongAnswer: an answer with another status.
    """
    selector = selectors.DefaultSelector()
    line = b"HTTP/1.1 " + status
    count = sent = 0
    latencies: list[float] = []
    callers = [Caller(port) for _ in range(connections)]
    try:
        for caller in callers:
            selector.register(caller.socket, selectors.EVENT_READ, caller)
            caller.send(requests[sent % len(requests)])
            sent += 1
        started = time.perf_counter()
        end = started + seconds
        while (now := time.perf_counter()) < end:
            for key, _ in selector.select(1):
                caller = key.data
                answer = caller.complete()
                if answer is None:
                    continue
                if not answer.startswith(line):
                    raise WrongAnswer(answer[:400].decode(errors="replace"))
                latencies.append(time.perf_counter() - caller.sent_at)
                count += 1
                caller.send(requests[sent % len(requests)])
                sent += 1
    finally:
        selector.close()
        for caller in callers:
            caller.socket.close()
    return Rate(count / (now - started), median(latencies), count, sorted(latencies)[count * 99 // 100])
