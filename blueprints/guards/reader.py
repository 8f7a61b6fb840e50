"""Whose pages a browser may keep: an opaque tag of the citizen, told to its service worker and to nobody else.

The worker keeps the pages of one reader at a time: another tag, or word that her cookie changed, and they are dropped.
What she asked for without a network says whose it was, so that it is never done in another's name.
"""

import hmac
from typing import ClassVar, Final

from flask import Response, request

from blueprints.guards.citizens import citizen_or_none, citizen_token
from blueprints.house import house
from citylife.errors import Refusal

HEADER: Final = "Citylife-Reader"
NOBODY: Final = "nobody"
"""The tag of who is not known yet: what she asked for may be done for whom she becomes."""
LETTERS: Final = 16


class AnotherReader(Refusal):
    """What was asked for without a network was asked by another citizen of this browser."""

    slug: ClassVar[str] = "another-reader"
    status: ClassVar[int] = 409
    title: ClassVar[str] = "Demande d’une autre personne"
    sentence: ClassVar[str] = "Ce navigateur est à quelqu’un d’autre depuis cette demande. Elle n’a pas été exécutée."


def reader_tag() -> str:
    """The tag of the citizen who is asking; it tells nothing of her, and another cookie has another one."""
    token = citizen_token()
    if token is None or citizen_or_none() is None:
        return NOBODY
    return hmac.digest(house().keys.secret_key.encode(), f"reader\n{token}".encode(), "sha256").hex()[:LETTERS]


def check_reader() -> None:
    """Go on only where the request says nothing of its reader, or what is true.

    Raises:
        AnotherReader: the cookie of this browser has changed since.
    """
    said = request.headers.get(HEADER)
    if said not in {None, NOBODY, reader_tag()}:
        raise AnotherReader


def say_reader(response: Response) -> None:
    """Tell the browser's service worker who reads, unless it was told that the cookie has changed."""
    if HEADER not in response.headers:
        response.headers[HEADER] = reader_tag()
