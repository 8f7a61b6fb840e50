"""A real nginx with the server block of docs/running.md, on free ports and in a folder of its own."""

import re
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.needs import needs_nginx
from tests.processes import free_port
from tests.sources import ROOT

GUIDE: Final = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
(SERVER_BLOCK,) = re.findall(r"^```nginx\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
UPSTREAMS: Final = tuple(re.findall(r"^    server ([\d.]+):(\d+) (.*);$", SERVER_BLOCK, re.MULTILINE))
"""The servers that the guide's block passes requests to: address, port, and what is said of them."""
NAME: Final = re.findall(r"server_name (.*);", SERVER_BLOCK)[0]
"""The name that the guide's service goes by."""
FOLDERS: Final = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
ITS_START_TAKES_AT_MOST: Final = 30.0


def without_tls(block: str) -> str:
    """The block as it is, but for certificates, which no test has, and a port that anybody may listen on."""
    return re.sub(r"^\s*(ssl_certificate.*|http2 on;)$", "", block, flags=re.MULTILINE).replace("443 ssl", "8443")


def on_ports(block: str, own: int, ports: Mapping[int, int]) -> str:
    """The block of one host: nginx on the port `own` of loopback, each of the guide's ports moved to the one given."""
    kept = re.sub(r"^    server (?!127\.0\.0\.1:).*\n", "", without_tls(block), flags=re.MULTILINE)
    for theirs, ours in ports.items():
        kept = kept.replace(f"127.0.0.1:{theirs} ", f"127.0.0.1:{ours} ")
    return kept.replace("listen 8443;", f"listen 127.0.0.1:{own};")


class Nginx:
    """One nginx of the test alone, in front of the guide's local ports, each moved to the one that `ports` gives."""

    def __init__(self, folder: Path, ports: Mapping[int, int], block: str = SERVER_BLOCK) -> None:
        self._program, self._folder, self._port = needs_nginx(), folder, free_port()
        self._errors = folder / "error.log"
        folder.mkdir()
        places = "".join(f"{each}_temp_path {folder}/{each}; " for each in FOLDERS)
        (folder / "nginx.conf").write_text(
            f"daemon off; master_process off; pid {folder}/pid; error_log {self._errors} error; events {{}}\n"
            f"http {{ {places}\n{on_ports(block, self._port, ports)} }}\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://localhost:{self._port}"

    @property
    def refused(self) -> int:
        """How often a server refused a connection, and another was asked."""
        return self._errors.read_text().count("connect() failed (111: Connection refused)")

    @property
    def said(self) -> str:
        """The last of what it wrote of errors."""
        return self._errors.read_text()[-3000:] if self._errors.exists() else ""

    def __enter__(self) -> Self:
        asked = [self._program, "-p", self._folder, "-e", self._errors, "-c", self._folder / "nginx.conf"]
        self._process = subprocess.Popen(asked, stdin=subprocess.DEVNULL)
        until = time.monotonic() + ITS_START_TAKES_AT_MOST
        while self._process.poll() is None and time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self._port), timeout=5).close()
            except ConnectionRefusedError:
                time.sleep(0.02)
            else:
                return self
        self.__exit__(None, None, None)
        raise AssertionError(f"nginx does not listen: {self.said}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
