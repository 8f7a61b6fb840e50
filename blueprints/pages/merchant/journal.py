"""« Journal »: what was done to a shop, by whom and when, for its owners; of one kind where she asks for it."""

import uuid
from dataclasses import dataclass
from typing import Final

from flask import Response, make_response, render_template, request

from blueprints import guards
from blueprints.cursors import read_number, written
from blueprints.house import now
from blueprints.pages.language import page_locale
from blueprints.pages.merchant.asking import merchant_here
from blueprints.pages.merchant.showing import show_shop
from blueprints.storage import db
from citylife.moments import at_words
from citylife.shop_journal import JournalKind, journal_of
from citylife.wording import Sentence, say

PAGE: Final = 30
KINDS: Final = {
    "": (None, Sentence("Tout")),
    "annonces": (JournalKind.OFFERS, Sentence("Annonces")),
    "equipe": (JournalKind.TEAM, Sentence("Équipe")),
    "commerce": (JournalKind.SHOP, Sentence("Commerce")),
}
"""What she may ask for (`?quoi=`), and how it is called."""


@dataclass(frozen=True, slots=True)
class Row:
    """An act in words, and when; `at` for machines."""

    sentence: str
    moment: str
    at: str


@merchant_here
def read_journal(shop_id: uuid.UUID) -> Response:
    """A page of it, the latest first; what follows by a link."""
    shop, locale = guards.my_shop(shop_id, owner=True), page_locale()
    asked = request.args.get("quoi", "")
    wanted = asked if asked in KINDS else ""
    cursor = request.args.get("cursor")
    lines = journal_of(db.session(), shop, kind=KINDS[wanted][0], before=read_number(cursor), limit=PAGE + 1)
    shown, more = lines[:PAGE], len(lines) > PAGE
    page = render_template(
        "merchant/journal.html",
        shop=show_shop(shop, locale),
        kinds=[(name, say(words, locale)) for name, (_, words) in KINDS.items()],
        wanted=wanted,
        rows=[
            Row(
                sentence=say(line.sentence, locale),
                moment=at_words(line.at, now=now(), locale=locale),
                at=line.at.isoformat(timespec="seconds"),
            )
            for line in shown
        ],
        further=cursor is not None,
        next_cursor=written(str(shown[-1].number)) if more else None,
    )
    return make_response(page)
