"""Where somebody goes on once she is signed in: at home, or to a page of ours that she came for."""

import re
from typing import Final
from urllib.parse import urlencode

from flask import request

FIELD: Final = "vers"
_PAGES: Final = re.compile(r"/console|/commerce/nouveau(?:\?commerce=[a-z0-9](?:[a-z0-9-]{0,98}[a-z0-9])?)?")
"""The pages that an address may name; nothing else is gone to."""


def onward() -> str:
    """The page that the request's address names; empty for none that is ours."""
    named = request.args.get(FIELD, "")
    return named if _PAGES.fullmatch(named) else ""


def for_staff() -> bool:
    """Whether that page is the console's."""
    return onward().startswith("/console")


def to_claim(slug: str) -> str:
    """The page where a shop is claimed: the one of this name, or any."""
    page = f"/commerce/nouveau?{urlencode({'commerce': slug})}" if slug else "/commerce/nouveau"
    return page if _PAGES.fullmatch(page) else "/commerce/nouveau"
