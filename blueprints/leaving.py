"""How a web process leaves without losing a request: it says so, takes no new connection, and ends those it has.

A listening socket that is closed resets whoever has connected and was not accepted yet, and no proxy may send a POST
again after that. So connections that begin are dropped first, as if the packet were lost (who sends it tries again
after a second, and is then refused, which every proxy does pass on to another server); those that stand are accepted
and their requests read; only then is the socket closed.
"""

import ctypes
import os
import socket
import stat
import struct
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import structlog

log = structlog.get_logger(__name__)

LEAVING: Final = threading.Event()
"""Set once this process was asked to stop: `/readyz` then answers 503."""
SETTLED_SECONDS: Final = 0.4
"""How long the last to be accepted may take to send their requests; all of it within the second of a lost packet."""
ACCEPT_SECONDS: Final = 5.0
LOOK_SECONDS: Final = 0.02
_SO_ATTACH_FILTER: Final = 26
_QUEUED: Final = 24
"""Where `struct tcp_info` says how many connections of a listening socket wait to be accepted (Linux, tcp(7))."""
_FLAGS_BYTE, _SYN_AND_ACK, _SYN = 13, 0x12, 0x02
_DROP_SYN: Final = (
    (0x30, 0, 0, _FLAGS_BYTE),  # load the byte of the TCP flags
    (0x54, 0, 0, _SYN_AND_ACK),  # keep SYN and ACK of it
    (0x15, 0, 1, _SYN),  # where it is SYN alone…
    (0x06, 0, 0, 0),  # …drop the packet
    (0x06, 0, 0, 0xFFFFFFFF),  # else keep it whole
)
"""A classic BPF program (Linux, filter.txt): connections that begin are dropped, those that have begun go on."""


def leave(drain_seconds: float) -> None:
    """Say that we leave, for `drain_seconds`; then take no new connection, and return once those that stood are read.

    The caller stops the server afterwards, which ends the requests under way.
    """
    LEAVING.set()
    if drain_seconds:
        time.sleep(drain_seconds)
    listening = list(_listening())
    try:
        for one in listening:
            _drop_what_begins(one)
        until = time.monotonic() + ACCEPT_SECONDS
        while any(_waiting(one) for one in listening) and time.monotonic() < until:
            time.sleep(LOOK_SECONDS)
        time.sleep(SETTLED_SECONDS)
    except OSError as refused:
        log.warning("server.left_without_drain", error=type(refused).__name__)
    finally:
        for one in listening:
            one.close()


def _listening() -> Iterator[socket.socket]:
    """The TCP sockets of this process that listen, as copies to be closed; none where there is no /proc."""
    folder = Path("/proc/self/fd")
    if sys.platform != "linux" or not folder.is_dir():
        return
    for descriptor in [int(path.name) for path in folder.iterdir()]:
        try:
            if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                continue  # no copy of a pipe: who reads it waits until every copy of its other end is closed
            copied = os.dup(descriptor)
        except OSError:
            continue  # closed since the folder was read
        try:
            copy = socket.socket(fileno=copied)
        except OSError:
            os.close(copied)
            continue
        if (
            copy.family in {socket.AF_INET, socket.AF_INET6}
            and copy.type == socket.SOCK_STREAM
            and copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        ):
            yield copy
        else:
            copy.close()


def _drop_what_begins(listening: socket.socket) -> None:
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in _DROP_SYN))
    described = struct.pack("HP", len(_DROP_SYN), ctypes.addressof(program))
    listening.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, described)


def _waiting(listening: socket.socket) -> int:
    information = listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _QUEUED + 4)
    return int(struct.unpack_from("I", information, _QUEUED)[0])
