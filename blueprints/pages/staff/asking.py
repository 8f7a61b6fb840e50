"""Who is at the console: a member of staff in the role a page asks for, who came in by a passkey.

Whoever is not signed in as staff is shown the way in; whoever came in by a letter, how to make or use a passkey. A role
that may not do what is asked is refused (`RoleMissing`), whatever the page she came from showed.
"""

import functools
from collections.abc import Callable
from typing import ParamSpec

from flask import Response, make_response, redirect, url_for

from blueprints import guards
from citylife.accounts.sessions import AccountKind
from citylife.accounts.staff import StaffRole

P = ParamSpec("P")


def console_page(role: StaffRole) -> Callable[[Callable[P, Response]], Callable[P, Response]]:
    """Answer a page of the console to a member of staff in `role`, or in one that may do more."""

    def decorate(view: Callable[P, Response]) -> Callable[P, Response]:
        @functools.wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> Response:
            standing = guards.standing_session(AccountKind.STAFF)
            if standing is None:
                return make_response(redirect(url_for("account.read_form", vers=url_for("console.read_today")), 303))
            if not standing.by_passkey:
                return make_response(redirect(url_for("console.read_key"), 303))
            if not guards.current_staff().role.may(role):
                raise guards.RoleMissing
            return view(*args, **kwargs)

        return guarded

    return decorate


def console_form(role: StaffRole) -> Callable[[Callable[P, Response]], Callable[P, Response]]:
    """The same for what a form sends: only one of our own pages may."""

    def decorate(view: Callable[P, Response]) -> Callable[P, Response]:
        guarded = console_page(role)(view)

        @functools.wraps(view)
        def ours(*args: P.args, **kwargs: P.kwargs) -> Response:
            guards.check_same_origin()
            return guarded(*args, **kwargs)

        return ours

    return decorate
