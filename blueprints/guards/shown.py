"""Every token that a request shows, proved or not, for whoever counts calls before a guard has looked."""

from collections.abc import Iterator

from blueprints.application import current_request
from blueprints.guards.citizens import cookie_name
from blueprints.guards.sessions import session_cookie_name
from blueprints.guards.tokens import bearer_token
from citylife.accounts.sessions import AccountKind


def tokens_shown() -> Iterator[str]:
    """The token of the Authorization header, or else those of our cookies."""
    environ = current_request().environ
    if "HTTP_AUTHORIZATION" in environ:
        token = bearer_token()
        if token is not None:
            yield token
    elif "HTTP_COOKIE" in environ:
        cookies = current_request().cookies
        for name in (cookie_name(), *(session_cookie_name(kind) for kind in AccountKind)):
            if name in cookies:
                yield cookies[name]
