"""What the pages that letters' links open have in common: a link that is spent, stopping letters by a tap, stopped.

Stopping takes a POST from anywhere (RFC 8058: a mail program sends it, without a cookie or a page of ours); the secret
in the address is all it needs, and all it can do. Its answer is the same for a link that nobody was sent.
"""

from typing import Final

from flask import Response, make_response, render_template

from blueprints import conditions
from citylife.wording import Sentence

GONE: Final = 410


def spent(why: Sentence, *, merchant: bool = False) -> Response:
    """The page of a link that opens nothing any more; a merchant's leads to her shops."""
    return make_response(render_template("mail_link/spent.html", why=why, merchant=merchant), GONE)


def stopping(action: str, what: Sentence) -> str:
    """A button that stops letters; the page is the same for any link, also for one that stops nothing any more."""
    return render_template("mail_link/stop.html", action=action, what=what)


def stopped(what: Sentence) -> Response:
    """What is said once they are stopped, however often it is sent."""
    return make_response(render_template("mail_link/stopped.html", what=what))


def keep_nothing(response: Response) -> Response:
    """Neither a browser's history nor a cache on the way keeps what is shown."""
    response.headers["Cache-Control"] = conditions.NEVER
    return response
