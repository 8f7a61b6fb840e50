"""Whether a request comes from one of our own pages, and under which names browsers keep our cookies."""

from typing import ClassVar
from urllib.parse import urlsplit

from flask import request

from blueprints.house import house
from citylife.errors import Refusal


class FromElsewhere(Refusal):
    """A page that is not ours tried to act with somebody's cookie."""

    slug: ClassVar[str] = "cross-site"
    status: ClassVar[int] = 403
    title: ClassVar[str] = "Demande venue d’ailleurs"
    sentence: ClassVar[str] = "Cette demande ne vient pas de nos pages. Elle n’a pas été exécutée."


def check_same_origin() -> None:
    """Go on only when the request comes from one of our own pages.

    Raises:
        FromElsewhere: another site sent it, or nothing says where it comes from.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        if site != "same-origin":
            raise FromElsewhere
        return
    origin = request.headers.get("Origin")
    if origin is None or origin not in {house().settings.base_url, f"{request.scheme}://{request.host}"}:
        raise FromElsewhere


def hosted() -> bool:
    """Whether browsers allow `__Host-` cookies here: over https, and on http://localhost."""
    settings = house().settings
    return settings.secure or urlsplit(settings.base_url).hostname == "localhost"


def own_name(name: str) -> str:
    """The name of a cookie of ours, with the prefix that keeps other hosts from setting it where browsers allow it."""
    return f"__Host-{name}" if hosted() else name
