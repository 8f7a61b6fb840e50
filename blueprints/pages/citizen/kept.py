"""What her service worker may keep for the moments without a network, and the page it shows where it kept nothing."""

from http import HTTPStatus
from typing import Final

from flask import Response, render_template, request

from blueprints.guards import say_reader
from blueprints.pages.language import page_locale

HEADER: Final = "Citylife-Keep"
"""Says that the worker may keep an answer, and in which language it speaks."""
KEPT: Final = frozenset(
    f"citizen.{view}" for view in ("read_welcome", "read_mine", "read_around", "read_search", "read_shop", "read_offer")
)
"""Pages of the public, or of hers alone, that hold no secret but her code for a till: the only ones ever kept."""
OF_NOBODY: Final = "citizen.read_without_network"
"""The page that is the same for everybody: it is served without asking who reads, also while the database is away."""
TRANSIENT: Final = ("back", "changed", "from", "lang", "left", "level", "refused")
"""What an address may say of the moment it was asked at: the page is kept under the address without it."""


def read_without_network() -> str:
    """What is shown in the place of a page that was never seen; it is the same for everybody."""
    return render_template("citizen/without-network.html")


def tell_worker(response: Response) -> None:
    """Say who reads a page that was answered, and whether it may be kept."""
    if request.method != "GET" or response.status_code != HTTPStatus.OK or request.endpoint == OF_NOBODY:
        return
    say_reader(response)
    if request.endpoint in KEPT and not response.cache_control.no_store:
        response.headers[HEADER] = page_locale()
