"""Every refusal and every failure becomes `application/problem+json` (RFC 9457), in the caller's language.

Nothing of the inside is ever said: no trace, no SQL, no message of a library.
"""

import errno
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

import orjson
import structlog
from flask import Flask, Response, current_app, request
from marshmallow import ValidationError
from sqlalchemy import exc
from werkzeug.datastructures import LanguageAccept
from werkzeug.exceptions import HTTPException, SecurityError
from werkzeug.http import parse_accept_header

from blueprints.house import house
from blueprints.limits import refusal_headers
from citylife.errors import Absent, Invalid, Refusal
from citylife.limits import TooFast
from citylife.wording import Sentence, best_locale, say

MIMETYPE: Final = "application/problem+json"
log = structlog.get_logger("citylife.web")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem that no rule of the house raises: HTTP's own, and failures."""

    slug: str
    title: str
    sentence: str


@dataclass(frozen=True, slots=True)
class PersonTold:
    """What a page says to a person in place of what a program is told, and where it leads her."""

    title: Sentence
    detail: Sentence
    leads_to: str
    way: Sentence


KINDS: Final[Mapping[int, Kind]] = {
    400: Kind("malformed", Sentence("Demande mal formée"), Sentence("La demande ne peut pas être lue.")),
    401: Kind(
        "sign-in-needed",
        Sentence("Identification nécessaire"),
        Sentence("Il faut s’identifier pour accéder à cette ressource."),
    ),
    403: Kind("forbidden", Sentence("Accès refusé"), Sentence("Cette action n’est pas permise.")),
    404: Kind(Absent.slug, Sentence(Absent.title), Sentence(Absent.sentence)),
    405: Kind(
        "method-not-allowed", Sentence("Méthode non permise"), Sentence("Cette ressource n’accepte pas cette méthode.")
    ),
    406: Kind(
        "not-acceptable",
        Sentence("Format non disponible"),
        Sentence("Cette ressource n’existe pas dans le format demandé."),
    ),
    408: Kind("too-slow", Sentence("Demande trop lente"), Sentence("La demande a mis trop de temps à arriver.")),
    413: Kind("too-large", Sentence("Demande trop volumineuse"), Sentence("La demande dépasse la taille acceptée.")),
    415: Kind(
        "unsupported-media-type",
        Sentence("Type de contenu refusé"),
        Sentence("Le contenu doit être du JSON (application/json)."),
    ),
    429: Kind(
        "too-many-requests",
        Sentence("Trop de demandes"),
        Sentence("Trop de demandes en peu de temps. Réessayez plus tard."),
    ),
    500: Kind("failure", Sentence("Panne"), Sentence("Une erreur est survenue de notre côté. Elle a été consignée.")),
    503: Kind(
        "unavailable",
        Sentence("Momentanément indisponible"),
        Sentence("Le service est momentanément indisponible. Réessayez."),
    ),
}
HOST_REFUSED: Final = Kind(
    "host-refused", Sentence("Nom d’hôte refusé"), Sentence("Ce service ne répond pas sous ce nom.")
)
COLLISION: Final = Kind(
    "collision",
    Sentence("Écriture simultanée"),
    Sentence("Une autre écriture est passée au même moment. Relisez, puis recommencez."),
)


class Malformed(Refusal):
    """A body that is no JSON, or none that two readers would read alike."""

    slug = KINDS[400].slug
    status = 400
    title = KINDS[400].title
    sentence = "Le corps de la demande n’est pas du JSON lisible."


class WrongType(Refusal):
    """A body of another type than JSON."""

    slug = KINDS[415].slug
    status = 415
    title = KINDS[415].title
    sentence = KINDS[415].sentence


PATH_CHARACTERS: Final = "/:@!$&'()*+,;=-._~"
"""What stands for itself in the path of a URI (RFC 3986, 3.3)."""
NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
READ_ONLY: Final = frozenset({"25006", "0A000"})
"""PostgreSQL's SQLSTATEs of a change that a standby was asked for, and of a transaction that says it is one."""
ErrorPage = Callable[[int, str, str, PersonTold | None], Response]
"""How a door that speaks HTML shows a problem: status, title, detail, and the words for a person where it has any."""
ERROR_PAGE: Final = "citylife-error-page"


def init_app(app: Flask, error_page: ErrorPage) -> None:
    """Answer every refusal and failure of the application as a problem, or as a page to whoever reads pages."""
    app.extensions[ERROR_PAGE] = error_page
    app.register_error_handler(Refusal, refused)
    app.register_error_handler(ValidationError, invalid)
    app.register_error_handler(HTTPException, failed_in_http)
    app.register_error_handler(exc.OperationalError, database_away)
    app.register_error_handler(exc.InterfaceError, database_away)
    app.register_error_handler(exc.TimeoutError, database_away)
    app.register_error_handler(exc.InternalError, standby)
    app.register_error_handler(exc.NotSupportedError, standby)
    app.register_error_handler(exc.IntegrityError, collided)
    app.register_error_handler(OSError, disk_full)
    app.register_error_handler(Exception, failed)


def locale() -> str:
    """The caller's language among ours, by her Accept-Language."""
    return _locale_of(request.headers.get("Accept-Language", ""))


@lru_cache(maxsize=512)
def _locale_of(accepted: str) -> str:
    wanted = parse_accept_header(accepted[:200], LanguageAccept)
    return best_locale([tag for tag, quality in wanted if quality > 0])


def problem(
    slug: str,
    status: int,
    title: str,
    detail: str,
    *,
    errors: list[dict[str, str]] | None = None,
    headers: Mapping[str, str] | None = None,
    page: PersonTold | None = None,
) -> Response:
    """The answer for one problem: a page for a browser that asked for one, JSON for any other."""
    if page_wanted():
        answer: Response = current_app.extensions[ERROR_PAGE](status, title, detail, page)
    else:
        answer = _written(slug, status, title, detail, errors)
    answer.headers["Cache-Control"] = "no-store"
    answer.vary.update(("Accept", "Accept-Language"))
    for name, value in (headers or {}).items():
        answer.headers[name] = value
    return answer


def page_wanted() -> bool:
    """Whether a person is there to read the problem: never under `/api/`, nor under a host name that is not ours."""
    if request.path.startswith("/api/") or isinstance(request.routing_exception, SecurityError):
        return False
    best = request.accept_mimetypes.best_match([MIMETYPE, "application/json", "text/html"])
    return best == "text/html"


def _written(slug: str, status: int, title: str, detail: str, errors: list[dict[str, str]] | None) -> Response:
    language = locale()
    body: dict[str, Any] = {
        "type": f"{house().settings.base_url}/problems/{slug}",
        "title": say(title, language),
        "status": status,
        "detail": say(detail, language),
        "instance": quote(request.path, safe=PATH_CHARACTERS),
    }
    if errors:
        body["errors"] = errors
    answer = Response(orjson.dumps(body), status=status, content_type=MIMETYPE)
    answer.headers["Content-Language"] = language
    return answer


def refused(refusal: Refusal) -> Response:
    """A rule of the house said no."""
    language = locale()
    pointer = refusal.pointer
    errors = None if pointer is None else [{"pointer": pointer, "detail": say(refusal.detail, language)}]
    headers = refusal_headers(refusal) if isinstance(refusal, TooFast) else getattr(refusal, "headers", None)
    page = getattr(refusal, "page", None)
    return problem(
        refusal.slug, refusal.status, refusal.title, refusal.detail, errors=errors, headers=headers, page=page
    )


def invalid(error: ValidationError) -> Response:
    """A schema said no: each field at fault with its own sentence."""
    language = locale()
    errors = [{"pointer": pointer, "detail": say(detail, language)} for pointer, detail in faults(error.messages)]
    return problem(Invalid.slug, Invalid.status, Invalid.title, Invalid.sentence, errors=errors)


def faults(messages: Any, pointer: str = "") -> Iterator[tuple[str, str]]:
    """The fields at fault in marshmallow's nested messages, each with its JSON pointer (RFC 6901)."""
    if isinstance(messages, str):
        yield pointer, messages
    elif isinstance(messages, Mapping):
        for name, inner in messages.items():
            part = "" if name == "_schema" else "/" + str(name).replace("~", "~0").replace("/", "~1")
            yield from faults(inner, pointer + part)
    else:
        for inner in messages:
            yield from faults(inner, pointer)


def failed_in_http(error: HTTPException) -> Response | HTTPException:
    """HTTP itself said no: no such path, another method, a body too large."""
    if error.response is not None or error.code is None or error.code < HTTPStatus.BAD_REQUEST:
        return error
    kind = HOST_REFUSED if isinstance(error, SecurityError) else KINDS.get(error.code, KINDS[400])
    status = error.code if error.code in KINDS or error.code < HTTPStatus.INTERNAL_SERVER_ERROR else 500
    headers = {name: value for name, value in error.get_headers() if name in {"Allow", "Retry-After"}}
    return problem(kind.slug, status, kind.title, kind.sentence, headers=headers)


def database_away(error: exc.SQLAlchemyError) -> Response:
    """The database does not answer, or made us wait too long."""
    log.error("database-unavailable", error=type(getattr(error, "orig", error)).__name__)
    kind = KINDS[503]
    return problem(kind.slug, 503, kind.title, kind.sentence, headers={"Retry-After": "5"})


def standby(error: exc.DatabaseError) -> Response:
    """The database only reads until the other one takes over; whatever else it finds wrong within is a failure."""
    return database_away(error) if getattr(error.orig, "sqlstate", None) in READ_ONLY else failed(error)


def disk_full(error: OSError) -> Response:
    """There is no room where we write (an erasure's tombstone, say); any other failure of the system is ours."""
    if error.errno not in NO_ROOM:
        return failed(error)
    log.error("disk-full", error=type(error).__name__, frames=frames(error))
    kind = KINDS[503]
    return problem(kind.slug, 503, kind.title, kind.sentence, headers={"Retry-After": "60"})


def collided(error: exc.IntegrityError) -> Response:
    """Two writers met where the database allows one."""
    log.warning("collision", error=type(error.orig).__name__, frames=frames(error))
    return problem(COLLISION.slug, 409, COLLISION.title, COLLISION.sentence)


def failed(error: Exception) -> Response:
    """Something is wrong with us: consigned to the log without its message, which may quote what a person sent."""
    log.error("failure", error=type(error).__name__, frames=frames(error))
    kind = KINDS[500]
    return problem(kind.slug, 500, kind.title, kind.sentence)


def frames(error: BaseException) -> list[str]:
    """Where an error passed, innermost last, without any value."""
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)][
        -12:
    ]
