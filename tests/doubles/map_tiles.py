"""Where a map gets its tiles: strict about what it is asked for, and it keeps who asked with what.

A tile is one colour, another for each neighbour, so that a picture shows whether they lie where they belong.
"""

import re
import struct
import threading
import zlib
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self

SIDE: Final = 256
ADDRESS: Final = re.compile(r"/(\d{1,2})/(\d{1,7})/(\d{1,7})\.png")
COLOURS: Final = ((226, 232, 214), (216, 224, 204))


def tile(colour: tuple[int, int, int]) -> bytes:
    """A PNG of one colour."""
    row = b"\x00" + bytes(colour) * SIDE
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(row * SIDE)), (b"IEND", b""))
    written = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(written)


class MapTiles:
    """A tile server on loopback, at another port than the application's, and so of another origin."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.broken = False
        double = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                double.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                found = ADDRESS.fullmatch(self.path)
                zoom, x, y = (int(part) for part in found.groups()) if found else (0, 1, 1)
                known = max(x, y) < 2**zoom and not double.broken
                body = tile(COLOURS[(x + y) % 2]) if known else b""
                self.send_response(HTTPStatus.OK if known else HTTPStatus.NOT_FOUND)
                self.send_header("Content-Type", "image/png")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Tests read what was asked, not a log."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/{{z}}/{{x}}/{{y}}.png"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
