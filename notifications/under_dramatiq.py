"""Lets Dramatiq's own command look after workers: `dramatiq wsgi:create_worker` starts one a process, and stops it.

Its processes consume nothing themselves: the worker listens to the broker as it does everywhere else, so that it goes
on by looking where the broker is away.
"""

import multiprocessing.util
import signal
import sys
from types import FrameType

from dramatiq import Broker, Middleware, set_broker
from dramatiq.brokers.stub import StubBroker
from dramatiq.worker import Worker as DramatiqWorker

from citylife.logs import configure_logs
from citylife.settings import Settings
from notifications.worker import Worker


class Supervised(Middleware):
    """Runs a worker for as long as a process of Dramatiq's command lives."""

    def __init__(self, worker: Worker, log_level: str) -> None:
        self._worker, self._log_level = worker, log_level

    def after_process_boot(self, broker: Broker) -> None:  # noqa: ARG002 - the interface
        """Begin, with our logs in place of Dramatiq's.

        Told to stop twice, as when a whole group of processes is, Dramatiq's process would leave at once, in the middle
        of settling: it is told once, and where it ends in another way, its end stops the worker.
        """
        configure_logs(self._log_level, stream=sys.stderr)
        _heed_once(signal.SIGTERM)
        self._worker.start()
        multiprocessing.util.Finalize(None, self._worker.stop, exitpriority=10)

    def before_worker_shutdown(self, broker: Broker, worker: DramatiqWorker) -> None:  # noqa: ARG002 - the interface
        """Settle what is in flight, and end."""
        self._worker.stop()


def _heed_once(number: signal.Signals) -> None:
    """Let the handler of a signal run once; the same signal again is ignored."""
    handler = signal.getsignal(number)

    def heed(received: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)
        if callable(handler):
            handler(received, frame)

    signal.signal(number, heed)


def hand_over(worker: Worker, settings: Settings) -> None:
    """Make `worker` the one that Dramatiq's command finds; without that command, nothing comes of it."""
    set_broker(StubBroker(middleware=[Supervised(worker, settings.log_level)]))
