"""A balancer on loopback as plain as they come: each connection to the next server, another where it is refused.

Nothing is ever sent twice: once a server has taken the connection, what becomes of it is what the caller gets.
"""

import itertools
import socket
import threading
from collections.abc import Sequence
from typing import Final, Self

CHUNK: Final = 64 * 1024
PATIENCE: Final = 60.0


class Balancer:
    """Balances over `ports` of loopback; `refused` counts how often it had to try another server."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = list(ports)
        self._turn = itertools.count()
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self.refused = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._listening.close()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://localhost:{self._listening.getsockname()[1]}"

    def _accept(self) -> None:
        while True:
            try:
                caller, _peer = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(caller,), daemon=True).start()

    def _carry(self, caller: socket.socket) -> None:
        with caller:
            server = self._connected()
            if server is None:
                return
            with server:
                back = threading.Thread(target=_pump, args=(server, caller), daemon=True)
                back.start()
                _pump(caller, server)
                back.join(PATIENCE)

    def _connected(self) -> socket.socket | None:
        first = next(self._turn)
        for step in range(len(self._ports)):
            port = self._ports[(first + step) % len(self._ports)]
            try:
                return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
            except ConnectionRefusedError:
                self.refused += 1
        return None


def _pump(source: socket.socket, sink: socket.socket) -> None:
    """Carry bytes one way until there are no more; a reset on one side is a reset on the other."""
    try:
        while chunk := source.recv(CHUNK):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
