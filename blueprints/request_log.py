"""One line of JSON a request: method, route, status, milliseconds. No path, no query, no address, no token, no body.

The route is the rule (`/s/<slug>`), not the URL: a line says nothing of who or where, so it is written as it is,
without the redaction that other lines go through, which would cost the hot path more than the answer.
"""

import sys
from typing import Final

import orjson
import structlog

from blueprints.application import WebApp
from citylife.clock import utc_now
from citylife.settings import Settings

LEVELS: Final = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}


def init_app(app: WebApp, settings: Settings) -> None:
    """Log each request once it is answered, where the settings log at INFO."""
    if LEVELS.get(settings.log_level.upper(), LEVELS["INFO"]) > LEVELS["INFO"]:
        return
    say = structlog.BytesLogger(sys.stderr.buffer).info

    def say_it(method: str, route: str | None, status: int, milliseconds: float) -> None:
        line = {
            "at": utc_now(),
            "level": "info",
            "logger": "citylife.requests",
            "event": "request",
            "method": method,
            "route": route,
            "status": status,
            "ms": round(milliseconds, 2),
        }
        say(orjson.dumps(line, option=orjson.OPT_UTC_Z))

    app.witnesses.append(say_it)
