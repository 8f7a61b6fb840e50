"""Speaks Marionette, Firefox's own remote control, over its socket: one call, one answer, a deadline on each."""

import json
import socket
from types import TracebackType
from typing import Any, Final, Self

PROTOCOL: Final = 3
GREETING: Final = 0
REPLY: Final = 1
ELEMENT_KEY: Final = "element-6066-11e4-a52e-4f735466cecf"


class BrowserRefused(Exception):
    """The browser answers with an error; `kind` is WebDriver's word for it (« no such element », « timeout »)."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(f"{kind}: {message}")


class Marionette:
    """A session over one connection; not for use by several threads."""

    def __init__(self, port: int, *, timeout: float) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self._stream = self._socket.makefile("rb")
        self._last_id = 0
        greeting = self._receive()
        if greeting.get("marionetteProtocol") != PROTOCOL:
            raise BrowserRefused("protocol", f"Marionette greets with {greeting!r}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def call(self, command: str, **parameters: object) -> Any:
        """Send one command and return its result, `value` taken out where the answer is wrapped in it.

        Raises:
            BrowserRefused: the browser answers with an error, or hangs up.
        """
        self._last_id += 1
        message = json.dumps([GREETING, self._last_id, command, parameters]).encode()
        self._socket.sendall(b"%d:%s" % (len(message), message))
        reply, identifier, error, result = self._receive()
        if (reply, identifier) != (REPLY, self._last_id):
            raise BrowserRefused("protocol", f"answer {identifier} to command {self._last_id}")
        if error is not None:
            raise BrowserRefused(error["error"], error["message"])
        return result["value"] if isinstance(result, dict) and set(result) == {"value"} else result

    def close(self) -> None:
        """Hang up; the browser goes on."""
        self._stream.close()
        self._socket.close()

    def _receive(self) -> Any:
        length = b""
        while (digit := self._stream.read(1)) != b":":
            if not digit:
                raise BrowserRefused("hung up", "the browser closed its connection")
            length += digit
        return json.loads(self._stream.read(int(length)))
