"""« Journal »: who did what, in sentences, by person, shop and kind; of one shop for who does not administer."""

from dataclasses import dataclass
from typing import Final

from flask import Response, make_response, render_template, request

from blueprints import guards
from blueprints.cursors import read_number, written
from blueprints.house import now
from blueprints.pages.language import page_locale
from blueprints.pages.staff.asking import console_page
from blueprints.storage import db
from citylife.accounts.staff import StaffRole
from citylife.audit_words import LABELS, acts, people_named
from citylife.moments import at_words
from citylife.shops.oversight import shop_of_slug
from citylife.wording import Sentence, say

PAGE: Final = 30
LONGEST: Final = 254
UNKNOWN_PERSON: Final = Sentence("Personne n’a cette adresse.")
UNKNOWN_SHOP: Final = Sentence("Aucun commerce n’a cette adresse.")
ONE_SHOP: Final = Sentence("Choisissez un commerce : le journal entier est pour qui administre.")
OK: Final = 200
REFUSED: Final = 422
FORBIDDEN: Final = 403


@dataclass(frozen=True, slots=True)
class Row:
    """An act in words, and when; `at` for machines; the shop's name and id where it is about one."""

    sentence: str
    moment: str
    at: str
    shop: str
    shop_id: str


@console_page(StaffRole.WATCH)
def read_acts() -> Response:
    """A page of the log, the latest first; what follows by a link."""
    session, locale = db.session(), page_locale()
    who, slug, kind = (request.args.get(name, "").strip()[:LONGEST] for name in ("qui", "commerce", "acte"))
    cursor = request.args.get("cursor")
    person = people_named(session, who) if who else None
    shop = shop_of_slug(session, slug) if slug else None
    everything = guards.current_staff().role.may(StaffRole.ADMINISTER)
    problem, status = None, OK
    if (who and person is None) or (slug and shop is None):
        problem, status = (UNKNOWN_SHOP if slug and shop is None else UNKNOWN_PERSON), REFUSED
    elif shop is None and not everything:
        problem = ONE_SHOP
        status = FORBIDDEN if who or kind or cursor else OK
    found = (
        acts(session, actor_id=person, shop=shop, action=kind or None, before=read_number(cursor), limit=PAGE + 1)
        if problem is None
        else []
    )
    shown, more = found[:PAGE], len(found) > PAGE
    page = render_template(
        "staff/journal.html",
        who=who,
        slug=slug,
        kind=kind,
        kinds=sorted(((key, say(words, locale)) for key, words in LABELS.items()), key=lambda kind: kind[1].casefold()),
        rows=[
            Row(
                sentence=say(act.sentence, locale),
                moment=at_words(act.at, now=now(), locale=locale),
                at=act.at.isoformat(timespec="seconds"),
                shop="" if act.shop is None else act.shop.name,
                shop_id="" if act.shop is None else str(act.shop.id),
            )
            for act in shown
        ],
        problem=problem,
        everything=everything,
        further=cursor is not None,
        next_cursor=written(str(shown[-1].number)) if more else None,
    )
    return make_response(page, status)
