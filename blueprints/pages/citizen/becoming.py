"""Who acts on a page for the first time becomes a citizen, asked for nothing; her browser keeps the token.

An answer may be lost once she is one. Our pages send an Idempotency-Key with what may come again, and who came with one
has her id and her secret drawn from it and from the house's own key: nothing more is kept, and only whoever sends the
same key again, within the day that it is remembered, is given the same token.
"""

import hmac
import re
import uuid
from typing import Final

from flask import Response

from blueprints.guards import caller, check_same_origin, citizen_or_none, set_citizen_cookie
from blueprints.house import house, now
from blueprints.limits import count_from_here
from blueprints.pages.language import page_locale
from blueprints.storage import db
from blueprints.transactions import key_sent
from citylife.accounts.citizens import (
    NEW_FROM_A_NETWORK,
    SECRET_LENGTH,
    Citizen,
    citizen_of,
    create_citizen,
    written_token,
)
from citylife.answers import KeptAnswer
from citylife.database import id_of

UNGUESSABLE: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
"""A UUIDv4, as a browser draws it; nobody is found again by a key that others may come upon."""


def known_or_new() -> tuple[Citizen, str | None]:
    """The citizen who asks, or a new one with the token that her answer must carry (see `remembered`).

    Raises:
        TooFast: too many citizens were made from her place of the network.
    """
    citizen = citizen_or_none()
    if citizen is not None:
        return citizen, None
    count_from_here(*NEW_FROM_A_NETWORK)
    key = key_sent()
    begun = None if key is None else db.session().get(KeptAnswer, (caller(), key))
    return create_citizen(
        db.session(), locale=page_locale(), now=now(), drawn=None if begun is None else _drawn_from(begun)
    )


def remembered(response: Response, token: str | None) -> Response:
    """The answer, with the cookie by which a new citizen is known from now on."""
    if token is not None:
        set_citizen_cookie(response, token)
    return response


def remembered_again(response: Response, kept: KeptAnswer) -> Response:
    """An answer that is given again, with the cookie it had where it made a citizen and nobody is known here yet.

    Raises:
        FromElsewhere: another site asked for it.
    """
    check_same_origin()
    drawn = _drawn_from(kept)
    if drawn is None or citizen_or_none() is not None:
        return response
    token = written_token(*drawn)
    return remembered(response, None if citizen_of(db.session(), token) is None else token)


def _drawn_from(begun: KeptAnswer) -> tuple[uuid.UUID, bytes] | None:
    """The id and the secret of whoever came with a key, always the same; None where the key may be guessed."""
    if not UNGUESSABLE.fullmatch(begun.key):
        return None
    drawn = hmac.digest(house().keys.secret_key.encode(), f"newcomer\n{begun.key}".encode(), "sha512")
    return id_of(begun.begun_at, drawn), drawn[-SECRET_LENGTH:]
