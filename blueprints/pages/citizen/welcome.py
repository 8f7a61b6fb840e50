"""The welcome: what this is, and where to look; who is known is at home in « Mes commerces »."""

from typing import Final

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from blueprints.guards import citizen_or_none
from blueprints.house import house
from blueprints.pages.citizen.mine import read_mine
from blueprints.pages.citizen.search import TRADES, communes_by_name

SOUGHT: Final = frozenset({"q", "commune", "cursor"})
"""What the welcome was once asked for, before the search had a page of its own."""


def read_welcome() -> str | Response:
    """What Citylife is and what one may look for; her own page for a citizen."""
    if SOUGHT & request.args.keys():
        return redirect(f"{url_for('citizen.read_search')}?{request.query_string.decode('latin-1')}", 301)
    if citizen_or_none() is not None:
        return read_mine()
    return render_template(
        "citizen/welcome.html",
        communes=communes_by_name(),
        trades=TRADES,
        canonical=f"{house().settings.base_url}/",
    )
