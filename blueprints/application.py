"""The Flask application, less what this house never uses: asynchronous views, and sessions kept in signed cookies."""

import time
from collections.abc import Callable
from typing import Any, cast

from flask import Flask, Request, request
from flask.sessions import SessionInterface, SessionMixin
from werkzeug.wrappers import Response as AnyResponse


class TimedRequest(Request):
    """A request that knows since when it has been with us (`time.perf_counter` seconds), and how it was counted.

    `by_token`: by a token that we know. `undecided`: not yet, it shows a token that nobody has proved.
    """

    by_token = False
    undecided = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.begun = time.perf_counter()

    @property
    def milliseconds(self) -> float:
        """For how long it has been with us."""
        return (time.perf_counter() - self.begun) * 1000


class NoSessions(SessionInterface):
    """Who is asking is said by a token; nothing is kept in a cookie that we sign."""

    def open_session(self, app: Flask, request: Request) -> SessionMixin | None:  # noqa: ARG002 - the interface
        """None: there is none."""
        return self.make_null_session(app)

    def save_session(self, app: Flask, session: SessionMixin, response: AnyResponse) -> None:
        """There is nothing to save."""


class WebApp(Flask):
    """Flask with synchronous views only, timed requests and no sessions of its own."""

    request_class = TimedRequest
    session_interface = NoSessions()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Every view here is synchronous: nothing to look up, eleven times a request."""
        return func


def current_request() -> TimedRequest:
    """The request itself, not the proxy that looks it up at every touch."""
    return cast("TimedRequest", request._get_current_object())  # type: ignore[attr-defined]  # noqa: SLF001
