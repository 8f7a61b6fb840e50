"""A worker process shows its figures and that it lives, where a port is set, on loopback unless told otherwise."""

import threading
import time
import urllib.error
import urllib.request

import pytest
from prometheus_client import CollectorRegistry, Gauge

from citylife.doorbell import ThreadDoorbell
from citylife.keys import keys_of
from citylife.settings import Settings
from notifications.scraping import STUCK_SECONDS, Scraping
from notifications.worker import Worker
from tests.processes import free_port


def fetched(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


@pytest.mark.parametrize(("since", "status"), [(0.0, 200), (STUCK_SECONDS + 1, 503)], ids=["turning", "stuck"])
def test_a_worker_that_turns_lives_and_one_that_does_not_is_stuck(since: float, status: int):
    registry = CollectorRegistry()
    Gauge("citylife_seen", "A figure", registry=registry).set(7)
    with Scraping("127.0.0.1", 0, registry=registry, seconds_since_turn=lambda: since) as shown:
        assert fetched(shown.port, "/healthz")[0] == status
        assert fetched(shown.port, "/elsewhere")[0] == 404
        code, text = fetched(shown.port, "/metrics")
    assert code == 200
    assert "citylife_seen 7.0" in text
    assert "citylife_push_answers" in text
    assert "process_resident_memory_bytes" in text


def waited_for(port: int) -> str:
    """The metrics, once the worker listens."""
    until = time.monotonic() + 60
    while True:
        try:
            return fetched(port, "/metrics")[1]
        except urllib.error.URLError:
            assert time.monotonic() < until
            time.sleep(0.05)


def test_a_worker_of_its_own_process_shows_what_waits(engine):
    port = free_port()
    settings = Settings(
        secret_key="s" * 43,
        vapid_private_key="AQ" + "A" * 41,
        smtp_url="smtp://127.0.0.1:9",
        metrics_port=port,
        contact="mailto:us@ville.example",
    )
    worker = Worker(settings, keys_of(settings), engine, bell=ThreadDoorbell())
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        text = waited_for(port)
    finally:
        worker.ask_to_stop()
        thread.join(60)
    assert "citylife_database_up 1.0" in text
    assert "citylife_deliveries_lag_seconds 0.0" in text
    with pytest.raises(OSError, match="refused"):
        fetched(port, "/metrics")
