"""Enquiries: one question to a public register, whose answer is prompt, small and JSON, or none at all.

libcurl asks, because it can be given one limit of time for the whole answer, name and handshake included. No
redirection is followed: the register is at the address that the operator has set, and nowhere else.
"""

import threading
import time
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any, Final
from urllib.parse import urlencode

import certifi
import orjson
import pycurl

SECONDS: Final = 3.0
"""How long one answer may take."""
PROMPT: Final = 1.0
"""Seconds beyond which an answer is taken and yet counts as a failure: whoever asks next should not wait as long."""
MOST_BYTES: Final = 256 * 1024
"""The largest answer that is read, unpacked."""
FAILURES: Final = 2
"""Failures in a row after which a register is left alone."""
REST: Final = 60.0
"""For how many seconds."""
AT_ONCE: Final = 2
"""How many threads of a process one register may keep waiting; whoever comes then goes on without an answer."""
_OK: Final = 200


class Unanswered(Exception):
    """The register is not set, rests, keeps others waiting, or did not answer as it should."""


class Register:
    """A register at an address (`https://host/path`, empty for none), as one process asks it.

    Each enquiry holds a thread of the process: two at most wait at once, and after two failures in a row nothing is
    asked for a minute.
    """

    def __init__(
        self,
        url: str,
        *,
        contact: str,
        seconds: float = SECONDS,
        prompt: float = PROMPT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.url = url.rstrip("/")
        self._agent = f"Citylife ({contact})"
        self._seconds, self._prompt, self._clock = seconds, prompt, clock
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(AT_ONCE)
        self._failures = 0
        self._rests_until = 0.0

    def ask(self, path: str, **query: str | float) -> Any:
        """The JSON that the register answers.

        Raises:
            Unanswered: there is none.
        """
        if not self.url or self._clock() < self._rests_until or not self._places.acquire(blocking=False):
            raise Unanswered
        try:
            return self._asked(path, query)
        finally:
            self._places.release()

    def _asked(self, path: str, query: Mapping[str, str | float]) -> Any:
        begun = self._clock()
        try:
            answer = orjson.loads(self._got(f"{self.url}{path}?{urlencode(query)}"))
        except (pycurl.error, orjson.JSONDecodeError, Unanswered):
            self._note(failed=True)
            raise Unanswered from None
        self._note(failed=self._clock() - begun > self._prompt)
        return answer

    def _got(self, address: str) -> bytes:
        """The body of an answer 200."""
        body = BytesIO()

        def take(piece: bytes) -> int:
            return -1 if body.tell() + len(piece) > MOST_BYTES else body.write(piece)

        curl = pycurl.Curl()
        try:
            for option, value in (
                (pycurl.URL, address),
                (pycurl.NOSIGNAL, 1),
                (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
                (pycurl.FOLLOWLOCATION, 0),
                (pycurl.TIMEOUT_MS, int(self._seconds * 1000)),
                (pycurl.CONNECTTIMEOUT_MS, int(self._seconds * 1000)),
                (pycurl.ACCEPT_ENCODING, ""),
                (pycurl.CAINFO, certifi.where()),
                (pycurl.USERAGENT, self._agent),
                (pycurl.HTTPHEADER, ["Accept: application/json"]),
                (pycurl.WRITEFUNCTION, take),
            ):
                curl.setopt(option, value)
            curl.perform()
            status = curl.getinfo(pycurl.RESPONSE_CODE)
        finally:
            curl.close()
        if status != _OK:
            raise Unanswered
        return body.getvalue()

    def _note(self, *, failed: bool) -> None:
        with self._lock:
            self._failures = self._failures + 1 if failed else 0
            if self._failures >= FAILURES:
                self._rests_until = self._clock() + REST
                self._failures = FAILURES - 1  # one more after the rest, and it rests again
