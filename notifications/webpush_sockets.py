"""The sockets of the sender: which may be opened, and which of them libcurl should look at now."""

import logging
import select
import socket
import time
from typing import Any, Final

import pycurl

from citylife.endpoints import is_public_address

HTTPS_PORT: Final = 443

_log = logging.getLogger(__name__)

_EVENTS: Final = {
    pycurl.POLL_IN: select.EPOLLIN,
    pycurl.POLL_OUT: select.EPOLLOUT,
    pycurl.POLL_INOUT: select.EPOLLIN | select.EPOLLOUT,
}


class Sockets:
    """What libcurl asks of its caller: to open a socket, to watch it, to keep its timer."""

    def __init__(self, connect_to: str = "") -> None:
        """Open sockets to public addresses on port 443 alone or, with `connect_to` (`host:port`), to that alone."""
        self._only = _addresses_of(connect_to) if connect_to else None
        self._epoll = select.epoll()
        self._due: float | None = None
        self._opened: list[socket.socket] = []

    def close(self) -> None:
        """Watch nothing any more."""
        self._epoll.close()
        self._close_opened()

    def open(self, _purpose: int, address: Any) -> Any:
        """Open the socket libcurl asks for, where the address really dialled is one that may be."""
        family, kind, protocol, (ip, port, *_rest) = address
        allowed = port == HTTPS_PORT and is_public_address(ip) if self._only is None else (ip, port) in self._only
        if not allowed:
            _log.warning("refused to dial an address that is not public: %s", ip)
            return pycurl.SOCKET_BAD
        opened = socket.socket(family, kind, protocol)
        self._opened.append(opened)  # pycurl keeps a copy of its own
        return opened

    def watch(self, action: int, descriptor: int, _multi: Any, _data: Any) -> None:
        """Look at a socket for reading or writing from now on, or no more."""
        if action == pycurl.POLL_REMOVE:
            self._epoll.unregister(descriptor)
            return
        try:
            self._epoll.register(descriptor, _EVENTS[action])
        except FileExistsError:
            self._epoll.modify(descriptor, _EVENTS[action])

    def set_timer(self, milliseconds: int) -> None:
        """Call libcurl back after so long at the latest; below zero, never."""
        self._due = None if milliseconds < 0 else time.monotonic() + milliseconds / 1000

    def drive(self, multi: Any, wait: float) -> None:
        """Wait for a socket or libcurl's own timer, at most `wait` seconds, and let libcurl go on."""
        if self._due is not None:
            wait = min(wait, max(0.0, self._due - time.monotonic()))
        for descriptor, event in self._epoll.poll(wait):
            mask = 0
            if event & select.EPOLLIN:
                mask |= pycurl.CSELECT_IN
            if event & select.EPOLLOUT:
                mask |= pycurl.CSELECT_OUT
            if event & (select.EPOLLERR | select.EPOLLHUP):
                mask |= pycurl.CSELECT_ERR
            multi.socket_action(descriptor, mask)
        if self._due is not None and self._due <= time.monotonic():
            self._due = None
            multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        self._close_opened()

    def _close_opened(self) -> None:
        while self._opened:
            self._opened.pop().close()


def _addresses_of(host_and_port: str) -> frozenset[tuple[str, int]]:
    """Every address and port that `host:port` leads to."""
    host, _, port = host_and_port.rpartition(":")
    found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
    return frozenset((str(address[0]), int(address[1])) for *_, address in found)
