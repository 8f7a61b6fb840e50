"""Who acts on a page for the first time becomes a citizen, asked for nothing; her browser keeps the token."""

from flask import Response

from blueprints.guards import citizen_or_none, set_citizen_cookie
from blueprints.house import now
from blueprints.limits import count_from_here
from blueprints.pages.language import page_locale
from blueprints.storage import db
from citylife.accounts.citizens import NEW_FROM_A_NETWORK, Citizen, create_citizen


def known_or_new() -> tuple[Citizen, str | None]:
    """The citizen who asks, or a new one with the token that her answer must carry (see `remembered`).

    Raises:
        TooFast: too many citizens were made from her place of the network.
    """
    citizen = citizen_or_none()
    if citizen is not None:
        return citizen, None
    count_from_here(*NEW_FROM_A_NETWORK)
    return create_citizen(db.session(), locale=page_locale(), now=now())


def remembered(response: Response, token: str | None) -> Response:
    """The answer, with the cookie by which a new citizen is known from now on."""
    if token is not None:
        set_citizen_cookie(response, token)
    return response
