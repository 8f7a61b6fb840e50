"""The security headers of every answer, made once: pages may use what this host serves, everything else nothing."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from flask import Response
from werkzeug.datastructures import Headers

from blueprints.application import current_request
from citylife.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
DATA_POLICY: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
PERMISSIONS: Final = (
    "accelerometer=(), camera=(), display-capture=(), geolocation=(self), gyroscope=(), magnetometer=(), "
    "microphone=(), midi=(), payment=(), serial=(), usb=()"
)
EVERYWHERE: Final = (
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
PAGE_REFERRER: Final = ("Referrer-Policy", "same-origin")
"""Our own pages keep their Origin when they post a form (no-referrer makes it `null`); other sites learn nothing."""
DATA_REFERRER: Final = ("Referrer-Policy", "no-referrer")
HSTS: Final = ("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
LATE_HEADERS: Final = "citylife.late-headers"
"""Where a request's environment holds the headers that its answer is given as it leaves."""
PAGE_TYPES: Final = ("text/html", "text/javascript", "application/javascript")
"""What may fetch: pages, and the service worker, whose own policy governs its requests."""


SHOWS_MAP: Final = "citylife.shows-map"
"""Where a request's environment says that its page shows a map, whose tiles come from another host."""


def allow_map() -> None:
    """Let the page that is being answered show the tiles of the map, and nothing else of another host."""
    current_request().environ[SHOWS_MAP] = True


SHOWS_CAMERA: Final = "citylife.shows-camera"
"""Where a request's environment says that its page may ask for the camera."""


def allow_camera() -> None:
    """Let the page that is being answered ask for the camera, to scan a code; what it sees leaves the page nowhere."""
    current_request().environ[SHOWS_CAMERA] = True


def _tiles(settings: Settings) -> str:
    """The policy of a page with a map."""
    parts = urlsplit(settings.map_tiles)
    return PAGE_POLICY.replace("img-src 'self'", f"img-src 'self' {parts.scheme}://{parts.netloc}")


def of_data(settings: Settings) -> tuple[tuple[str, str], ...]:
    """The security headers of an answer that is no page."""
    shared = (*EVERYWHERE, HSTS) if settings.secure else EVERYWHERE
    return (*shared, DATA_REFERRER, ("Content-Security-Policy", DATA_POLICY))


def protected(settings: Settings) -> type[Response]:
    """The class of every answer of the application: it adds the headers as it leaves, already made."""
    shared = (*EVERYWHERE, HSTS) if settings.secure else EVERYWHERE
    data = of_data(settings)
    page, page_with_map, page_with_camera = (
        (*shared, PAGE_REFERRER, ("Content-Security-Policy", policy), ("Permissions-Policy", permissions))
        for policy, permissions in (
            (PAGE_POLICY, PERMISSIONS),
            (_tiles(settings), PERMISSIONS),
            (PAGE_POLICY, PERMISSIONS.replace("camera=()", "camera=(self)")),
        )
    )

    class ProtectedResponse(Response):
        """An answer with the security headers."""

        def get_wsgi_response(self, environ: "WSGIEnvironment") -> tuple[Iterable[bytes], str, list[tuple[str, str]]]:
            body, status, headers = super().get_wsgi_response(environ)
            if self.status_code == HTTPStatus.NO_CONTENT:  # which is of no type, and no page
                headers = [line for line in headers if line[0] != "Content-Type"]
            headers.extend(environ.get(LATE_HEADERS, ()))
            if self.status_code == HTTPStatus.NO_CONTENT or not (self.content_type or "").startswith(PAGE_TYPES):
                headers.extend(data)
            elif SHOWS_CAMERA in environ:
                headers.extend(page_with_camera)
            else:
                headers.extend(page_with_map if SHOWS_MAP in environ else page)
            return body, status, headers

        def get_wsgi_headers(self, environ: "WSGIEnvironment") -> Headers:
            """A success whose length is known goes out as it is, without the copy that others need to be mended."""
            if self.status_code == HTTPStatus.OK and "Content-Length" in self.headers:
                return self.headers
            return super().get_wsgi_headers(environ)

    return ProtectedResponse
