"""Sessions of merchants and staff, by the cookie of their browser or by a token in the Authorization header."""

import functools
from collections.abc import Callable, Sequence
from typing import Final, ParamSpec, TypeVar

import structlog
from flask import Response, after_this_request, g, request
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from blueprints.documented import documented
from blueprints.guards.origin import check_same_origin, hosted, own_name
from blueprints.guards.refusals import SignInNeeded
from blueprints.guards.tokens import bearer_token
from blueprints.house import house, now
from blueprints.pacing import recognised
from blueprints.storage import READS, SAFE, db
from citylife.accounts.sessions import LIFE, AccountKind, AccountSession, see_session, seen_lately, session_of
from citylife.accounts.staff import staff_member

P = ParamSpec("P")
R = TypeVar("R")

log = structlog.get_logger("citylife.web")
SCHEMES: Final = {kind: (f"{kind.value}Session", f"{kind.value}Cookie") for kind in AccountKind}
"""The names of the security schemes in the OpenAPI document: a session's token in the header, or in its cookie."""


def session_cookie_name(kind: AccountKind) -> str:
    """`__Host-citylife-merchant` or `__Host-citylife-staff` wherever browsers allow it."""
    return own_name(f"citylife-{kind.value}")


def set_session_cookie(response: Response, kind: AccountKind, token: str) -> None:
    """Hand a session's token to the browser, out of reach of any script."""
    response.set_cookie(
        session_cookie_name(kind),
        token,
        max_age=int(LIFE[kind].total_seconds()),
        path="/",
        secure=hosted(),
        httponly=True,
        samesite="Lax",
    )


def clear_session_cookie(response: Response, kind: AccountKind) -> None:
    """Take a session's token back from the browser."""
    response.delete_cookie(session_cookie_name(kind), path="/", secure=hosted(), httponly=True, samesite="Lax")


def standing_session(kind: AccountKind) -> AccountSession | None:
    """The session of this kind that speaks for the request: the header's, else the cookie's; None when there is none.

    Raises:
        FromElsewhere: the cookie came with a change asked for by another site.
    """
    known: dict[AccountKind, AccountSession | None] = g.setdefault("account_sessions", {})
    if kind not in known:
        known[kind] = _read_session(kind)
    return known[kind]


def own_sessions() -> Sequence[AccountSession]:
    """Every session that speaks for the request: a person may be a merchant and of the staff at once.

    Raises:
        SignInNeeded: there is none.
    """
    found = [standing for kind in AccountKind if (standing := standing_session(kind)) is not None]
    if not found:
        raise SignInNeeded
    account = found[0].account
    g.caller = f"{account.kind.value}:{account.id}"
    return found


def session_required(view: Callable[P, R]) -> Callable[P, R]:
    """Answer only somebody signed in, merchant or staff; an API key is not."""

    @functools.wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        own_sessions()
        return view(*args, **kwargs)

    documented(guarded, security=[{name: []} for kind in AccountKind for name in SCHEMES[kind]])
    return guarded


def _read_session(kind: AccountKind) -> AccountSession | None:
    by_cookie = "Authorization" not in request.headers
    token = request.cookies.get(session_cookie_name(kind)) if by_cookie else bearer_token()
    if token is None:
        return None
    if by_cookie and request.method not in SAFE:
        check_same_origin()
    session, moment = db.session(), now()
    standing = session_of(session, token, now=moment)
    if standing is None or standing.account.kind is not kind:
        return None
    if kind is AccountKind.STAFF and staff_member(session, standing.account.id) is None:
        return None
    recognised(token)
    if not seen_lately(standing, now=moment):
        _note_seen(standing, session)
    return standing


def _note_seen(standing: AccountSession, session: Session) -> None:
    """Write the hour once."""
    session_id, moment = standing.id, now()

    def see(writer: Session) -> None:
        see_session(writer, session_id, now=moment)

    note_seen(see, session)


def note_seen(see: Callable[[Session], None], session: Session) -> None:
    """Have written that somebody came: with the request's own changes, or after a request that only reads."""
    if request.method not in SAFE and READS not in g:
        see(session)
        return

    @after_this_request
    def write_it(response: Response) -> Response:
        if not response.is_streamed:
            session.rollback()  # gives its connection back: were each to hold one and wait for another, none would come
        try:
            with Session(house().writing_engine) as writer, writer.begin():
                see(writer)
        except SQLAlchemyError as error:
            log.warning("session-not-seen", error=type(error).__name__)
        return response
