"""What goes away says so in each of its answers: `Deprecation` (RFC 9745), `Sunset` (RFC 8594), and where to read on.

docs/api.md says for how long what is deprecated goes on.
"""

import datetime as dt
import functools
from collections.abc import Callable
from typing import Final, ParamSpec

from flask import Response, after_this_request
from werkzeug.http import http_date

from blueprints.documented import documented

P = ParamSpec("P")

NOTICE: Final = dt.timedelta(days=365)
"""The least time between saying that something goes away and its going away."""


def deprecated(
    since: dt.datetime, sunset: dt.datetime, *, more: str
) -> Callable[[Callable[P, Response]], Callable[P, Response]]:
    """Say of a view that it is deprecated `since`, gone after `sunset`, and at which address one reads what to do.

    To stand above every other decorator but the route's: a refusal says it too.

    Raises:
        ValueError: the notice is shorter than the year we promise.
    """
    if sunset - since < NOTICE:
        raise ValueError(f"what is deprecated goes on for {NOTICE.days} days at least")
    said = (
        ("Deprecation", f"@{int(since.timestamp())}"),
        ("Sunset", http_date(sunset)),
        ("Link", f'<{more}>; rel="deprecation"; type="text/html", <{more}>; rel="sunset"; type="text/html"'),
    )

    def say(response: Response) -> Response:
        for name, value in said:
            response.headers.add(name, value)
        return response

    def decorate(view: Callable[P, Response]) -> Callable[P, Response]:
        @functools.wraps(view)
        def going_away(*args: P.args, **kwargs: P.kwargs) -> Response:
            after_this_request(say)
            return view(*args, **kwargs)

        documented(going_away, deprecated=True)
        return going_away

    return decorate
