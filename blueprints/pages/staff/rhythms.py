"""What is out of the ordinary, counted beside the pages: nobody who opens the console waits for a whole count."""

import datetime as dt
import threading
from typing import Final

import structlog
from flask import current_app
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from blueprints.house import house
from citylife.database import reading
from citylife.today import Rhythms, rhythms

log = structlog.get_logger("citylife.web")
KEPT: Final = "citylife-rhythms"
COUNTED_FOR: Final = dt.timedelta(minutes=10)
"""How long what was counted is told before it is counted again."""
PATIENCE: Final = 0.1
"""Seconds that a page waits for a count: enough in a small town."""


class Counted:
    """What this process counted last, and the thread that counts anew."""

    def __init__(self) -> None:
        self.last: Rhythms | None = None
        self._turn = threading.Lock()
        self._counting: threading.Thread | None = None

    def lately(self, engine: Engine, moment: dt.datetime) -> Rhythms | None:
        """The last count, one of less than ten minutes if it is soon done; None before the first is."""
        if self.last is None or not dt.timedelta(0) <= moment - self.last.counted_at < COUNTED_FOR:
            with self._turn:
                if self._counting is None or not self._counting.is_alive():
                    self._counting = threading.Thread(target=self._count, args=(engine, moment), daemon=True)
                    self._counting.start()
            self._counting.join(PATIENCE)
        return self.last

    def _count(self, engine: Engine, moment: dt.datetime) -> None:
        try:
            with reading(engine)() as session:
                self.last = rhythms(session, now=moment)
        except SQLAlchemyError as error:
            log.warning("rhythms-not-counted", error=type(error).__name__)


def counted_lately(moment: dt.datetime) -> Rhythms | None:
    """What this process counted last of what is out of the ordinary."""
    kept: Counted = current_app.extensions.setdefault(KEPT, Counted())
    return kept.lately(house().engine, moment)
