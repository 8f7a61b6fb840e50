"""What the short ways in front of Flask have in common: whom they let in, and how an answer of theirs leaves.

They answer a caller who shows in her header a token that was here lately, and keep every habit of the views' way (name,
pace, token, day, ETag, headers, log, counters) by the functions that keep them there; tests hold both ways to the same
bytes. Whatever else is asked, and whatever is refused, is left to the view; what fails is said and not tried again.
"""

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from blueprints import conditions, headers
from blueprints.application import Answer, WebApp, own_names
from blueprints.house import EXTENSION, House
from blueprints.pacing import BEARER, BEARER_LENGTH, let_pass

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

NOTHING_FOLLOWS: Final[Mapping[str, str]] = MappingProxyType({})
NOT_PLAIN: Final = frozenset({"HTTP_IF_NONE_MATCH", "HTTP_UPGRADE"})


class ShortWays:
    """The short ways of one application."""

    def __init__(self, app: WebApp) -> None:
        self.parts: House = app.extensions[EXTENSION]
        self._app = app
        self._by_token, self._data = self.parts.turnstiles.per_token, headers.of_data(self.parts.settings)
        self._ours = tuple(app.config["TRUSTED_HOSTS"])

    def let_in(self, environ: "WSGIEnvironment", begun: float) -> str | None:
        """The token that a plain request shows, once its call is counted; None where it is for the view.

        Raises:
            SecurityError, BadHost, TooFast: what the view will say.
        """
        shown: str = environ.get("HTTP_AUTHORIZATION", "")
        if shown[:BEARER_LENGTH] != BEARER or not is_plain(environ):
            return None
        token = shown[BEARER_LENGTH:]
        own_names(environ["wsgi.url_scheme"], environ["HTTP_HOST"], self._ours)
        return token if let_pass(environ, token, self._by_token, begun) else None

    def leave(self, environ: "WSGIEnvironment", answer: Answer, route: str, begun: float) -> Answer:
        """Give an answer the headers that every one has, and tell of it."""
        answer[1].extend((*environ[headers.LATE_HEADERS], *self._data))
        self._app.tell(environ["REQUEST_METHOD"], route, answer[0], (time.perf_counter() - begun) * 1000)
        return answer


def is_plain(environ: "WSGIEnvironment") -> bool:
    """Whether it asks by the name of a host, for a path alone, with no condition and nothing in front."""
    return (
        "HTTP_HOST" in environ
        and not (environ.get("QUERY_STRING") or environ.get("SCRIPT_NAME"))
        and NOT_PLAIN.isdisjoint(environ)
    )


def answer(body: bytes, status: int = 200, following: Mapping[str, str] = NOTHING_FOLLOWS) -> Answer:
    """JSON of one caller's, and its headers but for those that every answer has; `following` leads on from a page."""
    lines = [
        ("Cache-Control", conditions.PRIVATE),
        *following.items(),
        ("Vary", conditions.BY_CALLER),
        ("ETag", conditions.tag_of(body)),
        ("Content-Type", conditions.JSON),
        ("Content-Length", str(len(body))),
    ]
    return status, lines, body
