"""Citizens, by token or by cookie; each day she comes is noted, so that the pilot can count active citizens."""

import datetime as dt
import functools
import uuid
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

import structlog
from flask import Response, after_this_request, g
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from blueprints.application import current_request
from blueprints.documented import documented
from blueprints.guards.origin import check_same_origin, hosted, own_name
from blueprints.guards.refusals import CitizenNeeded
from blueprints.guards.tokens import bearer_token
from blueprints.house import House, house
from blueprints.limits import place
from blueprints.pacing import recognised
from blueprints.storage import SAFE, db
from citylife.accounts.citizens import Citizen, citizen_of
from citylife.answers import caller_of_citizen
from citylife.hot import speaks_for

P = ParamSpec("P")
R = TypeVar("R")

log = structlog.get_logger("citylife.web")
COOKIE_SECONDS: Final = 400 * 24 * 3600
"""The longest a browser keeps a cookie."""
CHANGED: Final = ("Citylife-Reader", "changed")
"""What tells the service worker that the pages it keeps are of somebody who is here no longer; see `reader`."""
FORGET_ALL: Final = '"cache", "storage"'
"""What a browser is told to drop with an erased citizen's cookie: pages, searches, the worker, its subscription."""


def cookie_name() -> str:
    """`__Host-citylife` wherever browsers allow it."""
    return own_name("citylife")


def set_citizen_cookie(response: Response, token: str) -> None:
    """Hand the token to her browser, out of reach of any script."""
    response.set_cookie(
        cookie_name(),
        token,
        max_age=COOKIE_SECONDS,
        path="/",
        secure=hosted(),
        httponly=True,
        samesite="Lax",
    )
    response.headers.set(*CHANGED)


def clear_citizen_cookie(response: Response) -> None:
    """Take the token back from her browser, with everything that our pages keep there."""
    response.delete_cookie(cookie_name(), path="/", secure=hosted(), httponly=True, samesite="Lax")
    response.headers.set(*CHANGED)
    response.headers["Clear-Site-Data"] = FORGET_ALL


def citizen_token() -> str | None:
    """The citizen's token: the header's, else the cookie's.

    Raises:
        FromElsewhere: her cookie came with a change asked for by another site.
    """
    asked = current_request()
    if "HTTP_AUTHORIZATION" in asked.environ:
        return bearer_token()
    token = asked.cookies.get(cookie_name())
    if token is not None and asked.method not in SAFE:
        check_same_origin()
    return token


def citizen_or_none() -> Citizen | None:
    """The citizen who is asking, when we know one. Her day is noted, so that the pilot can count active citizens."""
    if "citizen" not in g:
        token = citizen_token()
        g.citizen = None if token is None else citizen_of(db.session(), token)
        if token is not None and g.citizen is not None:
            recognised(token)
            g.caller = caller_of_citizen(g.citizen.id)
            note_day(g.citizen.id, house().clock())
    citizen: Citizen | None = g.citizen
    return citizen


def citizen_asking(connection: Connection, moment: dt.datetime) -> uuid.UUID:
    """Her id alone, for the hottest requests, by a kept connection.

    Raises:
        CitizenNeeded: nobody we know.
    """
    token = shown_token()
    return asking(token, speaks_for(connection, token), moment)


def shown_token() -> str:
    """The citizen's token, which nobody has looked up yet.

    Raises:
        CitizenNeeded: there is none.
        FromElsewhere: her cookie came with a change asked for by another site.
    """
    token = citizen_token()
    if token is None:
        raise CitizenNeeded
    return token


def asking(token: str, citizen_id: uuid.UUID | None, moment: dt.datetime) -> uuid.UUID:
    """The citizen that a token was found to speak for: her call and her day are counted.

    Raises:
        CitizenNeeded: it speaks for nobody.
        TooFast: she called too often.
    """
    if citizen_id is None:
        raise CitizenNeeded
    recognised(token)
    note_day(citizen_id, moment)
    return citizen_id


def note_day(citizen_id: uuid.UUID, moment: dt.datetime) -> None:
    """She was seen today; what was gathered is written once a minute, after a request that only reads.

    Any other may still hold the only pen of SQLite when its answer is ready.
    """
    house().active_days.note(citizen_id, moment)
    write_when_due(moment)


def note_visit(subject: uuid.UUID, moment: dt.datetime) -> None:
    """Somebody nobody knows came to a page of the subject; it is written with citizens' days."""
    house().visits.note(subject, hash(place()), moment)
    write_when_due(moment)


def write_when_due(moment: dt.datetime) -> None:
    """Write what was gathered once this request is answered, if it only reads and a minute has passed."""
    if current_request().method in SAFE and house().days_rhythm.due(moment):
        after_this_request(write_days)


def write_days(response: Response) -> Response:
    """Write the days and visits gathered; when the database fails they wait for the next time."""
    write_gathered(house())
    return response


def write_gathered(parts: House) -> None:
    """Write them, or leave them for the next time."""
    try:
        parts.active_days.flush(parts.clock())
        parts.visits.flush()
    except SQLAlchemyError as error:
        log.warning("days-not-written", error=type(error).__name__)


def current_citizen() -> Citizen:
    """The citizen who is asking.

    Raises:
        CitizenNeeded: nobody we know.
    """
    citizen = citizen_or_none()
    if citizen is None:
        raise CitizenNeeded
    return citizen


def citizen_required(view: Callable[P, R]) -> Callable[P, R]:
    """Answer only a citizen we know."""

    @functools.wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        current_citizen()
        return view(*args, **kwargs)

    documented(guarded, security=[{"citizenToken": []}, {"citizenCookie": []}])
    return guarded
