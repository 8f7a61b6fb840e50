"""« Envois »: what is stopped and why, all sending held or let go, and how many announcements a day shops may make."""

import uuid
from dataclasses import dataclass
from typing import Final

from flask import Response, make_response, render_template, request, url_for

from blueprints import guards
from blueprints.house import house, now
from blueprints.pages.language import page_locale
from blueprints.pages.staff.acting import EVERYTHING, NOTHING_FAILED, Failed, carried_out, typed, word_typed
from blueprints.pages.staff.asking import console_form, console_page
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.accounts.staff import StaffRole
from citylife.courtesy.rules import (
    ANNOUNCEMENTS_A_DAY,
    MOST_ANNOUNCEMENTS,
    RuleRefused,
    sending_rules,
    set_announcements_a_day,
)
from citylife.ledger.gate import sending_refused
from citylife.ledger.stops import current_stops, resume_sending, stop_sending
from citylife.moments import at_words
from citylife.shops.oversight import shop_of_slug
from citylife.wording import Sentence, say

STOP: Final = ("stop", stop_sending, "stopped")
DONE: Final = {
    "stopped": Sentence("C’est fait : plus rien ne part."),
    "resumed": Sentence("C’est fait : les envois reprennent."),
    "rule": Sentence("C’est fait : la règle tient dès maintenant."),
}


@dataclass(frozen=True, slots=True)
class ShownStop:
    """What a shop's stop says: which shop, since when and why."""

    shop_id: uuid.UUID
    name: str
    since: str
    reason: str


@dataclass(frozen=True, slots=True)
class ShownRule:
    """How many announcements of a shop a citizen may get on a day; of every shop where `name` is empty."""

    name: str
    slug: str
    most: int
    since: str
    reason: str


@console_page(StaffRole.WATCH)
def read_sending() -> Response:
    """What is stopped now, and the rules."""
    return sending_page()


def sending_page(failed: Failed = NOTHING_FAILED) -> Response:
    """The page, with what was refused where something was."""
    session, locale = db.session(), page_locale()
    stops = current_stops(session)
    everything = next((stop for stop, shop in stops if shop is None), None)
    rules = [
        ShownRule(
            name="" if shop is None else shop.name,
            slug="" if shop is None else shop.slug,
            most=rule.announcements_a_day,
            since=at_words(rule.set_at, now=now(), locale=locale),
            reason=rule.reason,
        )
        for rule, shop in sending_rules(session)
    ]
    page = render_template(
        "staff/sending.html",
        everything=everything,
        held=sending_refused(session, house().settings.aipd_date),
        since="" if everything is None else at_words(everything.stopped_at, now=now(), locale=locale),
        stops=[
            ShownStop(shop.id, shop.name, at_words(stop.stopped_at, now=now(), locale=locale), stop.reason)
            for stop, shop in stops
            if shop is not None
        ],
        usual=next((rule.most for rule in rules if not rule.name), ANNOUNCEMENTS_A_DAY),
        rules=rules,
        most=MOST_ANNOUNCEMENTS,
        word=say(EVERYTHING, locale),
        said=DONE.get(request.args.get("said", "")),
        failed=failed,
    )
    return make_response(page, failed.status)


@console_form(StaffRole.ADMINISTER)
@transaction(rings=True)
def hold_or_resume() -> Response:
    """Stop all sending, or resume it (`act`), once the word for everything was typed."""
    name, decide, said = ("resume", resume_sending, "resumed") if typed("act") == "resume" else STOP

    def act() -> None:
        word_typed()
        decide(db.session(), None, reason=typed("reason"), now=now(), actor_id=guards.current_staff().id)

    return carried_out(name, act, to=url_for("console.read_sending", said=said), again=sending_page)


@console_form(StaffRole.ADMINISTER)
@transaction()
def set_rule() -> Response:
    """Set how many announcements a day are told of a shop, or of every one without its own; empty takes it back."""
    return carried_out("rule", _set_rule, to=url_for("console.read_sending", said="rule"), again=sending_page)


def _set_rule() -> None:
    session, slug, most = db.session(), typed("slug").strip(), typed("most").strip()
    shop = shop_of_slug(session, slug) if slug else None
    if slug and shop is None:
        raise RuleRefused(Sentence("Aucun commerce n’a cette adresse."))
    if most and not (most.isascii() and most.isdigit() and len(most) <= len(str(MOST_ANNOUNCEMENTS))):
        raise RuleRefused(
            Sentence("Le nombre d’annonces par jour doit être compris entre 0 et {most}.", most=MOST_ANNOUNCEMENTS)
        )
    number = int(most) if most else None
    who = guards.current_staff().id
    shop_id = None if shop is None else shop.id
    set_announcements_a_day(session, shop_id, number, reason=typed("reason"), now=now(), actor_id=who)
