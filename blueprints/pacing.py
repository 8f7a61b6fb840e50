"""Every call is counted: by its token once we know it, else by the place of the network it comes from.

A token that nobody has proved yet is not counted as one, or whoever invents a new one each time would have no limit;
and a citizen with a token does not wait for others who share her address. Counting is in memory, see
`citylife.turnstiles`, by the clock that never jumps (`begun`). The limit is always said; what is left of it once half
is used, so that answers stay alike.

The feed comes through here: a caller known by her header costs little, and nothing after the view.
"""

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from flask import Flask, Response, after_this_request, current_app

from blueprints import problems
from blueprints.application import TimedRequest, current_request
from blueprints.headers import LATE_HEADERS
from blueprints.house import EXTENSION, House, house
from blueprints.limits import check_names, left, place, policy, set_by
from citylife.limits import TooFast
from citylife.turnstiles import PER_NETWORK, PER_TOKEN, Turnstile, Turnstiles

UNCOUNTED: Final = ("health.", "assets.")
"""What costs us nothing, or must answer however often it is asked."""
BEARER: Final = "Bearer "
BEARER_LENGTH: Final = len(BEARER)
OPTIONS: Final = "OPTIONS"
Headers = tuple[tuple[str, str], ...]


def turnstiles(quotas: Mapping[str, int]) -> Turnstiles:
    """The turnstiles of a process, as the operator has set them.

    Raises:
        SettingRefused: one of the limits that are set does not exist.
    """
    check_names(quotas)
    return Turnstiles(set_by(quotas, PER_TOKEN), set_by(quotas, PER_NETWORK))


def init_app(app: Flask, tokens_shown: Callable[[], Iterable[str]]) -> None:
    """Count every call of the application, and say the limit in its answer."""
    parts: House = app.extensions[EXTENSION]
    by_token, by_place = parts.turnstiles.per_token, parts.turnstiles.per_network
    counted: set[str] = set()

    @app.before_request
    def count() -> None:
        asked = current_request()
        rule = asked.url_rule
        if rule is None or asked.method == OPTIONS:
            count_silently(asked)
            return
        environ = asked.environ
        if LATE_HEADERS in environ:  # counted on a short way that has left it to the view
            asked.by_token = True
            return
        written = environ.get("HTTP_AUTHORIZATION")
        if written is not None and written[:BEARER_LENGTH] == BEARER and rule.endpoint in counted:
            asked.by_token = let_pass(environ, written[BEARER_LENGTH:], by_token, asked.begun)
            if asked.by_token:
                return
        if rule.endpoint.startswith(UNCOUNTED):
            return
        counted.add(rule.endpoint)
        _count_stranger(asked, list(tokens_shown()), by_token, by_place)

    def count_silently(asked: TimedRequest) -> None:
        """What no view answers is answered alike to everybody: nothing is said of who was counted."""
        known = _known(tokens_shown(), by_token)
        _charge(asked, by_place if known is None else by_token, hash(place() if known is None else known))
        asked.environ.pop(LATE_HEADERS, None)


def let_pass(environ: dict[str, Any], token: str, by_token: Turnstile, begun: float) -> bool:
    """Count a call by a token that was here lately, and say the limit in its answer; whether it was.

    Raises:
        TooFast: she called too often; nothing was counted.
    """
    weight = by_token.take_if_known(hash(token), begun)
    if weight is None:
        return False
    environ[LATE_HEADERS] = always_said(by_token) if weight < by_token.half else said_of(by_token, weight)
    return True


def _count_stranger(asked: TimedRequest, tokens: list[str], by_token: Turnstile, by_place: Turnstile) -> None:
    """Count a call by the first of its tokens that we know; where a guard will say whose they are, it counts then."""
    known = _known(tokens, by_token)
    if known is not None:
        asked.by_token = True
        _charge(asked, by_token, hash(known))
    elif tokens and _guarded(current_app, asked):
        asked.undecided = True
        after_this_request(_count_nobody)
    else:
        _charge(asked, by_place, hash(place()))


def _known(tokens: Iterable[str], by_token: Turnstile) -> str | None:
    return next((token for token in tokens if by_token.knows(hash(token))), None)


def recognised(token: str) -> None:
    """A guard knows whose token it is: it counts for itself from now on.

    Raises:
        TooFast: she called too often.
    """
    asked = current_request()
    if asked.by_token:
        return
    stile = house().turnstiles.per_token
    if asked.undecided:
        asked.undecided, asked.by_token = False, True
        _charge(asked, stile, hash(token))
    else:
        stile.admit(hash(token), asked.begun)


@functools.lru_cache(maxsize=8)
def always_said(stile: Turnstile) -> Headers:
    """What every answer says of a limit."""
    return (("RateLimit-Policy", policy(stile.limit)),)


def said_of(stile: Turnstile, weight: float | None = None) -> Headers:
    """What an answer says of a limit; with `weight`, also what is left of it."""
    always = always_said(stile)
    return always if weight is None else (*always, ("RateLimit", left(stile.room(weight))))


def _count_nobody(response: Response) -> Response:
    """A token that turned out to be nobody's counts against the place it comes from."""
    asked = current_request()
    if asked.undecided:
        try:
            _charge(asked, house().turnstiles.per_network, hash(place()))
        except TooFast as refusal:
            return problems.refused(refusal)
    return response


def _charge(asked: TimedRequest, stile: Turnstile, subject: int) -> None:
    weight = stile.take(subject, asked.begun)
    asked.environ[LATE_HEADERS] = said_of(stile, None if weight < stile.half else weight)


def _guarded(app: Flask, asked: TimedRequest) -> bool:
    """Whether the view answers only those it knows."""
    view = app.view_functions.get(asked.endpoint or "")
    return "security" in getattr(view, "_apidoc", {}).get("manual_doc", {})
