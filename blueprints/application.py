"""The Flask application, less what this house never uses: asynchronous views, and sessions kept in signed cookies."""

import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, cast

from flask import Flask, Request, Response, request
from flask.sessions import SessionInterface, SessionMixin
from werkzeug.exceptions import BadHost, HTTPException
from werkzeug.routing import MapAdapter
from werkzeug.sansio.utils import get_host
from werkzeug.wrappers import Response as AnyResponse

from citylife.errors import Refusal

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

STATUS_LINES: Final = {status.value: f"{status.value} {status.phrase.upper()}" for status in HTTPStatus}
FAILURE: Final = "citylife.failure"
"""Where a request's environment holds what its short way failed by."""
NAMES_REMEMBERED: Final = 64
"""Names we were called by, each of which was found to be ours."""
NO_NAME: Final = ""
"""What a request goes by whose Host nobody looks at: no address can be built from it."""


Witness = Callable[[str, str | None, int, float], None]
"""What is told of every answer: method, route (None where there is none), status, milliseconds."""
Answer = tuple[int, list[tuple[str, str]], bytes]
"""The status, the headers and the body of a success."""
ShortWay = Callable[["WSGIEnvironment"], Answer | None]
"""What answers an address in front of Flask, or leaves it to the view (see `short_ways`)."""


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
    """Flask with synchronous views only, timed requests and no sessions of its own.

    `witnesses` are told of every answer. `short_ways` lead to a path, or to all that end with one more name behind a
    path that ends with `/`, in front of Flask: each answers the plain case of its view, byte for byte. What it refuses
    or does not answer is left to the view, which begins anew; what failed there is said as if the view had failed, and
    nothing is done again that may have been written. `of_any_name` are the paths that answer whatever Host they are
    asked by.
    """

    request_class = TimedRequest
    session_interface = NoSessions()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.witnesses: list[Witness] = []
        self.short_ways: dict[str, ShortWay] = {}
        self.of_any_name: set[str] = set()
        self.after_request(self._tell_of)

    def wsgi_app(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer by the short way where there is one and it can; else by the view."""
        path: str = environ.get("PATH_INFO", "")
        short_way = self.short_ways.get(path) or self.short_ways.get(path[: path.rfind("/") + 1])
        try:
            answer = None if short_way is None else short_way(environ)
        except (Refusal, HTTPException):  # the view meets it again, and knows how to say it
            answer = None
        except Exception as failure:  # noqa: BLE001 - whatever it is, the handlers know how to say it
            answer, environ[FAILURE] = None, failure
        if answer is None:
            return super().wsgi_app(environ, start_response)
        status, headers, body = answer
        start_response(STATUS_LINES[status], headers)
        return [body]

    def preprocess_request(self) -> Any:
        """Fail at once where a short way has failed."""
        failure = current_request().environ.pop(FAILURE, None)
        if failure is not None:
            raise failure
        return super().preprocess_request()

    def tell(self, method: str, route: str | None, status: int, milliseconds: float) -> None:
        """Tell every witness of an answer."""
        for witness in self.witnesses:
            witness(method, route, status, milliseconds)

    def _tell_of(self, response: Response) -> Response:
        asked = current_request()
        rule = asked.url_rule
        self.tell(asked.method, None if rule is None else rule.rule, response.status_code, asked.milliseconds)
        return response

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Every view here is synchronous: nothing to look up, eleven times a request."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """As Flask's, but a name that was found to be ours is not judged and spelt anew at each request."""
        environ = request.environ if request is not None else {}
        named, trusted = environ.get("HTTP_HOST"), self.config["TRUSTED_HOSTS"]
        if request is not None and environ["PATH_INFO"] in self.of_any_name:
            request.host = NO_NAME
            return self._adapter(environ, NO_NAME)
        if request is None or named is None or "HTTP_UPGRADE" in environ or trusted is None:
            return super().create_url_adapter(request)
        request.trusted_hosts = trusted
        request.host, server_name = own_names(environ["wsgi.url_scheme"], named, tuple(trusted))
        return self._adapter(environ, server_name)

    def _adapter(self, environ: "WSGIEnvironment", server_name: str) -> MapAdapter:
        return MapAdapter(
            self.url_map,
            server_name,
            _text(environ.get("SCRIPT_NAME", "")),
            "",
            environ["wsgi.url_scheme"],
            _text(environ["PATH_INFO"]),
            environ["REQUEST_METHOD"],
            _text(environ.get("QUERY_STRING", "")),
        )


@lru_cache(maxsize=NAMES_REMEMBERED)
def own_names(scheme: str, named: str, trusted: tuple[str, ...]) -> tuple[str, str]:
    """The name and port a request is for, and the same as addresses are matched and built with.

    Raises:
        SecurityError: it is none of ours.
        BadHost: it is no name that can be.
    """
    host = get_host(scheme, named, None, trusted)
    name, colon, port = host.lower().partition(":")
    try:
        return host, f"{name.encode('idna').decode('ascii')}{colon}{port}"
    except UnicodeError:
        raise BadHost from None


def _text(value: str) -> str:
    """What WSGI spells in Latin-1, in the UTF-8 that it is."""
    return value.encode("latin1").decode(errors="replace")


def current_request() -> TimedRequest:
    """The request itself, not the proxy that looks it up at every touch."""
    return cast("TimedRequest", request._get_current_object())  # type: ignore[attr-defined]  # noqa: SLF001
