"""Who is behind the counter: a merchant who signed in here, or somebody who is shown the way in."""

import functools
from collections.abc import Callable
from typing import ParamSpec

from flask import Response, make_response, redirect, url_for

from blueprints import guards
from citylife.accounts.sessions import AccountKind

P = ParamSpec("P")


def merchant_here(view: Callable[P, Response]) -> Callable[P, Response]:
    """Answer a merchant's own session with the page; everybody else, an API key too, with the way in."""

    @functools.wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> Response:
        if guards.standing_session(AccountKind.MERCHANT) is None:
            return make_response(redirect(url_for("account.read_form"), 303))
        guards.merchant_id()
        return view(*args, **kwargs)

    return guarded


def by_our_form(view: Callable[P, Response]) -> Callable[P, Response]:
    """Answer only what one of our own pages sent, whoever is there."""

    @functools.wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> Response:
        guards.check_same_origin()
        return view(*args, **kwargs)

    return guarded
