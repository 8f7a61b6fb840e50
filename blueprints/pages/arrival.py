"""Whoever comes to a page by something printed, shown or sent, and not by a notification: a number a day, nobody named.

An address that was handed out says by what (`?from=qr`). It is counted and leads at once to the page's own address, so
that a reload, a bookmark and what she passes on say nothing; her browser keeps that way for a day and does not ask
again. Counted is what a browser says of itself to be a person's navigation (Fetch Metadata): programs that gather
pages, previews and prefetches are not, nor is the browser of a merchant who is signed in.
"""

import uuid
from typing import Final
from urllib.parse import urlencode

from flask import Response, make_response, redirect, request

from blueprints.guards import note_visit, session_cookie_name
from blueprints.house import now
from citylife.accounts.sessions import AccountKind

ARGUMENT: Final = "from"
QR, MAIL, ATOM, SCREEN, PAPER = "qr", "mail", "atom", "screen", "paper"
WAYS: Final = frozenset({QR, MAIL, ATOM, SCREEN, PAPER})
KEPT_FOR: Final = "private, max-age=86400"
RELOADED: Final = ("no-cache", "max-age=0")


def marked(address: str, way: str) -> str:
    """An address that says by what it was handed out."""
    return f"{address}?{ARGUMENT}={way}"


def arrived(subject: uuid.UUID) -> Response | None:
    """Count who comes to a page of a shop (the nil UUID: of none), and lead on; None where nothing says by what.

    What is counted is written within a minute, with citizens' days: whoever scans a code waits for no database's pen.
    """
    if request.args.get(ARGUMENT) not in WAYS:
        return None
    if _is_a_person():
        note_visit(subject, now())
    kept = [(name, value) for name, value in request.args.items(multi=True) if name != ARGUMENT]
    response = make_response(redirect(f"{request.path}?{urlencode(kept)}" if kept else request.path, 302))
    response.headers["Cache-Control"] = KEPT_FOR
    return response


def _is_a_person() -> bool:
    said = request.headers
    return (
        request.method == "GET"
        and said.get("Sec-Fetch-Mode") == "navigate"
        and said.get("Sec-Fetch-Dest") == "document"
        and "Sec-Purpose" not in said
        and "Purpose" not in said
        and said.get("Cache-Control") not in RELOADED
        and session_cookie_name(AccountKind.MERCHANT) not in request.cookies
    )
