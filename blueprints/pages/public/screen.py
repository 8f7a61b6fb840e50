"""A town hall's screen: the offers of its commune in big type, on pages that turn by themselves.

Without scripts the page asks for the next one after a while, and « Pause » is a link; with them `screen.js` turns,
tells the time, fetches what is new, and keeps the last when the network is away.
"""

from dataclasses import dataclass
from typing import Final

from flask import Response, render_template, request, url_for
from markupsafe import Markup

from blueprints import conditions
from blueprints.house import now
from blueprints.pages.arrival import SCREEN, marked
from blueprints.pages.language import page_locale
from blueprints.pages.marks import mark
from blueprints.pages.public.answering import for_everybody
from blueprints.pages.public.commune import Shown, address_of, commune_of, live_in, shown
from blueprints.storage import db
from citylife.clock import PARIS
from citylife.moments import clock_words
from citylife.offers.reading import live_count
from citylife.wording import say

A_PAGE: Final = 3
MOST: Final = 30
SECONDS: Final = 15
"""How long a page stands: three titles, prices and places are read twice in it."""


@dataclass(frozen=True, slots=True)
class OnScreen:
    """An offer on the screen: when it ends (seconds since 1970), and the code that leads to its page."""

    told: Shown
    ends: int
    mark: Markup


def read_screen(insee_code: str) -> Response:
    """The screen at one of its pages (`?page=`, from 1 on), standing still with `?pause=1`."""
    commune, session, moment, locale = commune_of(insee_code), db.session(), now(), page_locale()
    offers = live_in(session, insee_code, most=MOST, now=moment)
    found = [
        OnScreen(
            told := shown(each, now=moment, locale=locale),
            int(each.offer.ends_at.timestamp()),
            mark(marked(told.address, SCREEN)),
        )
        for each in offers
    ]
    pages = [found[at : at + A_PAGE] for at in range(0, len(found), A_PAGE)]
    count = len(pages)
    number = (asked_page() - 1) % count + 1 if count else 1
    local = moment.astimezone(PARIS)
    paused, following = "pause" in request.args, number % count + 1 if count else 1
    page = render_template(
        "public/screen.html",
        commune=commune,
        pages=pages,
        number=number,
        following=following,
        former=(number - 2) % count + 1 if count else 1,
        paused=paused,
        going_on=Markup() if paused else going_on(insee_code, following),
        seconds=SECONDS,
        rest=live_count(session, insee_code=insee_code, now=moment) - len(offers),
        moment=int(moment.timestamp()),
        clock=f"{local:%H:%M}",
        time=say(clock_words(local.time()), locale),
        commune_mark=mark(address_of(commune)),
        commune_address=address_of(commune),
    )
    return for_everybody(page.encode(), cache=conditions.PUBLIC)


def going_on(insee_code: str, following: int) -> Markup:
    """What makes a browser that runs no scripts ask for the following page after a while."""
    address = url_for("public.read_screen", insee_code=insee_code, page=following)
    return Markup('<noscript><meta http-equiv="refresh" content="{}; url={}"></noscript>').format(SECONDS, address)


def asked_page() -> int:
    """The page that is asked for; the first where that is no number."""
    return request.args.get("page", 1, type=int)
