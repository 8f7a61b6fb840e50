"""What a worker process shows to whoever watches it: /metrics (Prometheus) and /healthz, on a port of its own."""

import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, Self

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

STUCK_SECONDS: Final = 120.0
"""A dispatcher that has not begun a turn for so long is stuck: the database is waited for thirty seconds at most."""


class Scraping:
    """Answers /metrics and /healthz in a thread, until it is closed."""

    def __init__(
        self, host: str, port: int, *, registry: CollectorRegistry, seconds_since_turn: Callable[[], float]
    ) -> None:
        """Listen.

        Raises:
            OSError: the address is not ours, or the port is taken.
        """

        class Answering(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                match self.path.partition("?")[0]:
                    case "/metrics":
                        body = generate_latest(registry) + generate_latest(REGISTRY)
                        self._answer(HTTPStatus.OK, CONTENT_TYPE_LATEST, body)
                    case "/healthz":
                        alive = seconds_since_turn() < STUCK_SECONDS
                        status = HTTPStatus.OK if alive else HTTPStatus.SERVICE_UNAVAILABLE
                        said = b'{"status":"alive"}' if alive else b'{"status":"stuck"}'
                        self._answer(status, "application/json", said)
                    case _:
                        self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"")

            def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_said: object) -> None:
                """Nothing: a scrape every few seconds is worth no line."""

        self._server = ThreadingHTTPServer((host, port), Answering)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="citylife-metrics", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])
