"""One transaction a request: the view works, its answer is kept with it, it commits, and only then the doorbell rings.

An Idempotency-Key makes a POST safe to repeat: the answer is stored in the very transaction of what it answers.
"""

import functools
import hashlib
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final, ParamSpec

import structlog
from flask import Response, request
from sqlalchemy import event
from sqlalchemy.orm import Session

from blueprints.documented import takes_header
from blueprints.guards import caller
from blueprints.house import house, now
from blueprints.storage import db
from citylife.answers import KeptAnswer, begin_answer, keep_answer
from citylife.errors import Invalid

P = ParamSpec("P")
log = structlog.get_logger(__name__)

HEADER: Final = "Idempotency-Key"
LONGEST_KEY: Final = 200
SHORTEST_ANONYMOUS_KEY: Final = 16
"""Callers whom nothing tells apart share their keys: short ones would meet by chance."""
KEPT_HEADERS: Final = ("Content-Type", "Location", "ETag", "Cache-Control", "Vary")
PARAMETER: Final[Mapping[str, Any]] = {
    "in": "header",
    "name": HEADER,
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY},
    "description": "A key of your making (a UUID is right). The same key and body get the same answer for a day.",
}


class KeyRefused(Invalid):
    """An Idempotency-Key that cannot be kept."""

    sentence = "L’en-tête Idempotency-Key doit faire de {least} à {most} caractères ASCII imprimables."


def key_sent() -> str | None:
    """The Idempotency-Key of the request.

    Raises:
        KeyRefused: it cannot be kept.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return None
    least = SHORTEST_ANONYMOUS_KEY if caller() == "anonymous" else 1
    if not least <= len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise KeyRefused(least=least, most=LONGEST_KEY)
    return key


def fingerprint() -> bytes:
    """What makes a request the same one: its method, its path, its body."""
    digest = hashlib.sha256(f"{request.method} {request.path}\n".encode())
    digest.update(request.get_data(cache=True))
    return digest.digest()


def replayed(kept: KeptAnswer) -> Response:
    """The answer once given, given again."""
    response = Response(kept.body or b"", status=kept.status)
    response.headers.update(kept.headers or {})
    response.headers["Idempotency-Replayed"] = "true"
    return response


def tell_after(session: Session, said: str, **figures: uuid.UUID | int | None) -> None:
    """Write a line of the log, with ids and numbers alone, once the session has committed; none where it does not."""
    words = {name: value if isinstance(value, int) else str(value) for name, value in figures.items()}
    event.listen(session, "after_commit", lambda _session: log.info(said, **words), once=True)


def transaction(
    *,
    idempotent: bool = False,
    secret: bool = False,
    rings: bool = False,
    renewed: Callable[[Response, KeptAnswer], Response] | None = None,
) -> Callable[[Callable[P, Response]], Callable[P, Response]]:
    """Commit what the view did; `idempotent` heeds an Idempotency-Key, `secret` keeps no answer, `rings` tells workers.

    `renewed` puts back into an answer that is given again what is not kept of it. A view that raises has done nothing.
    """

    def decorate(view: Callable[P, Response]) -> Callable[P, Response]:
        @functools.wraps(view)
        def wrapped(*args: P.args, **kwargs: P.kwargs) -> Response:
            key = key_sent() if idempotent else None
            session = db.session()
            if key is not None:
                kept = begin_answer(session, caller(), key, fingerprint(), now=now())
                if kept is not None:
                    return replayed(kept) if renewed is None else renewed(replayed(kept), kept)
            asked_by = caller()
            response = view(*args, **kwargs)
            if key is not None:
                headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
                body = response.get_data()
                keep_answer(
                    session, asked_by, key, status=response.status_code, headers=headers, body=body, secret=secret
                )
            session.commit()
            if rings:
                house().doorbell.ring()
            return response

        if idempotent:
            takes_header(wrapped, PARAMETER)
        return wrapped

    return decorate
