"""How everyone here looks for work: turn after turn until told to stop, whatever fails meanwhile."""

import threading
from collections.abc import Callable

from sqlalchemy.exc import DBAPIError
from structlog.typing import FilteringBoundLogger


def make_rounds(
    turn: Callable[[], bool],
    stop: threading.Event,
    *,
    who: str,
    log: FilteringBoundLogger,
    rest: Callable[[], object],
    pause: float,
    while_away: Callable[[], object] | None = None,
) -> None:
    """Take turns until `stop` is set; the one in hand is ended first. In the log it is `who` that something befell.

    A turn says whether there was anything to do: where there was not, `rest`. What fails is logged and tried again
    after a `pause`, in seconds, that `stop` ends at once; where the database is away, after `while_away` if given.
    """
    database_away, failed = f"{who}.database_away", f"{who}.failed"
    while not stop.is_set():
        try:
            if not turn() and not stop.is_set():
                rest()
        except DBAPIError as away:
            log.warning(database_away, error=type(away.orig).__name__)
            if while_away is None:
                stop.wait(pause)
            else:
                while_away()
        except Exception:
            log.exception(failed)
            stop.wait(pause)
